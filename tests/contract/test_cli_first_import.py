"""The first real import at a terminal: a real pseudo-terminal, and the sandbox as the destination that is meant."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from secret_watch import SOURCE_KEY

from importer.sandbox.process import received, spawn

if TYPE_CHECKING:
    from collections.abc import Iterator

MAPPING = """\
version: 1
event: purchase
key: order_id
fields:
  id: order_id
  value: total
  user.id: customer
  context.event_timestamp: at
"""
ROWS = 40
PATIENCE_SECONDS = 60
CTRL_C, CTRL_D = "\x03", "\x04"
# Makes the terminal that is its stdin the controlling one, as a shell does, so that Ctrl-C is a signal.
AT_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


@dataclass
class Terminal:
    """The other side of the terminal: what was written to it so far, and the keys."""

    process: subprocess.Popen[bytes]
    descriptor: int
    text: str = ""

    def expect(self, text: str) -> None:
        """Read until ``text`` stands there."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            assert self._read(), f"it ended without {text!r}:\n{self.text}"

    def type(self, keys: str) -> None:
        """Press ``keys``."""
        os.write(self.descriptor, keys.encode())

    def end(self) -> tuple[int, str]:
        """Read to the end: exit code, and what was printed to stdout."""
        while self._read():
            pass
        assert self.process.stdout
        out = self.process.stdout.read().decode()
        return self.process.wait(PATIENCE_SECONDS), out

    def _read(self) -> bool:
        """Read something; false at the end."""
        ready, _, _ = select.select([self.descriptor], [], [], PATIENCE_SECONDS)
        try:
            piece = os.read(self.descriptor, 4096) if ready else b""
        except OSError:  # Linux: nobody has the other side open any more
            piece = b""
        self.text += piece.decode(errors="replace").replace("\r\n", "\n")
        return bool(piece)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("IMPORTER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("IMPORTER_SOURCE_KEY", SOURCE_KEY)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    Path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    _write_orders(ROWS)


@pytest.fixture(scope="module")
def shared() -> Iterator[str]:
    with spawn() as url:
        yield url


@pytest.fixture
def server(shared: str) -> Server:
    return Server(shared, received(shared)["events"])


@dataclass(frozen=True)
class Server:
    """The destination. ``before`` are the events of earlier tests."""

    url: str
    before: int

    @property
    def events(self) -> int:
        """The events of this test."""
        events: int = received(self.url)["events"]
        return events - self.before


def _write_orders(count: int, bad: int = 0) -> None:
    rows = [f"{number:07},{number}.50,c{number % 7},2024-01-02T03:04:05Z\n" for number in range(count)]
    rows += [f"x{number},abc,c,2024-01-02T03:04:05Z\n" for number in range(bad)]
    Path("a.csv").write_text("order_id,total,customer,at\n" + "".join(rows), encoding="utf-8")


@contextmanager
def _at_terminal(server: Server, *options: str) -> Iterator[Terminal]:
    """The import, started at a terminal; stdout goes elsewhere, as with ``> report.txt``."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    command = [sys.executable, "-m", "importer", "run", "mapping.yaml", "a.csv", "--url", server.url, "--site", "7"]
    with subprocess.Popen(
        [sys.executable, "-c", AT_TERMINAL, *command, *options],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            os.close(ours)


def test_it_shows_what_it_would_do_and_asks(server: Server) -> None:
    _write_orders(ROWS, bad=2)
    with _at_terminal(server) as terminal:
        terminal.expect("[y/N]")
        assert server.events == 0
        for text in (
            "checking",
            "first import of mapping.yaml into 127.0.0.1, site 7",
            f"events    {ROWS}",
            f"{ROWS + 2} read, 0 filtered, 2 rejected",
            "500 requests a second",
            "a.csv:41: ",
            '"abc"',
        ):
            assert text in terminal.text
        terminal.type("what?\n")
        terminal.type("yes\n")
        code, out = terminal.end()
    assert (code, server.events) == (3, ROWS)
    assert out.startswith("Import complete")
    assert "event inspector" in out

    with _at_terminal(server, "--json") as terminal:  # the second time it knows the import, and asks nothing
        code, out = terminal.end()
    assert (code, json.loads(out)["status"]) == (0, "nothing_new")
    assert "[y/N]" not in terminal.text


@pytest.mark.parametrize("answer", ["n\n", "\n", CTRL_D])
def test_no_sends_nothing_and_leaves_nothing(server: Server, answer: str) -> None:
    for _ in range(2):  # so that it asks again
        with _at_terminal(server) as terminal:
            terminal.expect("[y/N]")
            terminal.type(answer)
            code, out = terminal.end()
        assert (code, out, server.events) == (2, "", 0)
        assert "Nothing was sent." in terminal.text
    assert not Path(".importer").exists()


def test_ctrl_c_at_the_question_sends_nothing(server: Server) -> None:
    with _at_terminal(server, "--json") as terminal:
        terminal.expect("[y/N]")
        terminal.type(CTRL_C)
        code, out = terminal.end()
    assert (code, server.events) == (130, 0)
    assert json.loads(out)["status"] == "interrupted"
    assert "before anything was sent" in terminal.text
    assert "Traceback" not in terminal.text


def test_ctrl_c_while_it_checks_sends_nothing(server: Server) -> None:
    _write_orders(400_000)
    with _at_terminal(server) as terminal:
        terminal.expect("checking")
        terminal.type(CTRL_C)
        code, out = terminal.end()
    assert (code, out, server.events) == (130, "", 0)
    assert "before anything was sent" in terminal.text


@pytest.mark.parametrize("option", ["--yes", "--sandbox"])
def test_it_does_not_ask_who_does_not_want_to_be_asked(server: Server, option: str) -> None:
    with _at_terminal(server, option) as terminal:
        code, out = terminal.end()
    assert code == 0
    assert "[y/N]" not in terminal.text
    assert ("event inspector" in out) == (option == "--yes")


def test_quiet_and_json_lines_ask_as_well(server: Server) -> None:
    with _at_terminal(server, "--quiet", "--log-format", "json", "--test-code", "mine") as terminal:
        terminal.expect('"question"')
        terminal.type("y\n")
        code, out = terminal.end()
    lines: list[dict[str, Any]] = [json.loads(line) for line in terminal.text.splitlines() if line.startswith("{")]
    assert (code, out) == (0, "")
    assert [line["event"] for line in lines] == ["check", "question"]
    assert (lines[0]["events"], lines[0]["requests"], server.events) == (ROWS, 1, ROWS)


def test_nothing_is_asked_when_nothing_would_be_sent(server: Server) -> None:
    _write_orders(0, bad=3)
    with _at_terminal(server, "--json") as terminal:
        code, out = terminal.end()
    assert (code, json.loads(out)["rows"]["rejected"], server.events) == (3, 3, 0)
    assert "[y/N]" not in terminal.text
    assert "3 rejected" in terminal.text
