"""Signals in every phase of an import, terminals that are closed, readers and parents that are gone.

The first signal lets what is under way finish: exit code 130 or 143, no traceback, and the same command goes on without
a repeat. The second ends the process at once. A process is waited for in the phase that is meant, never by the clock.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import pty
import signal
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from actors import PATIENCE_SECONDS, ROOT, Importer, Running, wait_until
from oracle import content_hash
from rude import Asked, http, rude_server
from secret_watch import SOURCE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors import RunningOracle

ROWS, CONCURRENCY = 600, 3
OPTIONS = ("--concurrency", str(CONCURRENCY), "--max-item-bytes", "2000", "--max-body-bytes", "4000")
MAPPING = """\
version: 1
event: purchase
{more}
fields: {{id: order_id, user.id: customer, context.event_timestamp: {{value: 1704164645000}}}}
"""
KINDS = {"plain": "key: order_id", "grouped": "group_by: [order_id]", "dedupe": "{key: order_id, dedupe: true}"}
HAS_MAPS = Path("/proc/self/maps").exists()


@dataclass
class Scene:
    """Orders, the server that they go to, and the importer."""

    importer: Importer
    oracle: RunningOracle
    source: Path

    def mapping(self, kind: str) -> Path:
        """A mapping that makes an event of each row, in one way or another."""
        path = self.source.with_name(f"{kind}.yaml")
        path.write_text(MAPPING.format(more=KINDS[kind].strip("{}").replace(", ", "\n")))
        return path

    def start(self, mapping: Path, *options: str) -> Running:
        """Start an import that gets no answer to any further request."""
        self.oracle.answer(len(self.oracle.record.refresh().arrivals))
        return self.importer.start(mapping, self.source, self.oracle.url, *OPTIONS, *options)

    def in_flight(self) -> bool:
        """Whether as many requests wait for an answer as may."""
        return len(self.oracle.record.refresh().arrivals) >= CONCURRENCY

    def assert_it_goes_on(self, mapping: Path, most_repeats: int = 0) -> None:
        """The same command imports the rest, each event as it must be; after that there is nothing new."""
        self.oracle.answer(math.inf)
        rest = self.importer.run_here(mapping, self.source, self.oracle.url, *OPTIONS, "--if-locked", "wait")
        rows, record = rest.report["rows"], self.oracle.record.refresh()
        assert (rest.code, rows["sent"] + rows["skipped"], rows["read"]) == (0, ROWS, ROWS), rest.stderr
        assert {event.order_id: event.content_hash for event in record.events} == _expected()
        assert len(record.times_by_id()) == ROWS
        assert record.repeats() <= most_repeats
        assert int(rest.report["digest"], 16) == record.digest()


def _expected() -> dict[str, str]:
    def event(number: int) -> dict[str, Any]:
        context = {"event_timestamp": 1704164645000}
        return {"event_name": "purchase", "id": f"{number:05}", "user": {"id": f"c{number % 7}"}, "context": context}

    return {f"{number:05}": content_hash(event(number)) for number in range(ROWS)}


@pytest.fixture
def scene(tmp_path: Path, importer: Importer, start_oracle: Callable[[float], RunningOracle]) -> Scene:
    source = tmp_path / "orders.csv"
    source.write_text("order_id,customer\n" + "".join(f"{number:05},c{number % 7}\n" for number in range(ROWS)))
    return Scene(importer, start_oracle(0.0), source)


def _loads_libraries(scene: Scene, running: Running) -> bool:  # noqa: ARG001
    return "polars" in Path(f"/proc/{running.process.pid}/maps").read_text()


def _opens_the_checkpoint(scene: Scene, running: Running) -> bool:  # noqa: ARG001
    return any(scene.importer.state_dir.glob("*.lock"))


def _stages(scene: Scene, running: Running) -> bool:  # noqa: ARG001
    return any(scene.importer.state_dir.glob("*.stage-*"))


def _looks_for_duplicates(scene: Scene, running: Running) -> bool:  # noqa: ARG001
    return any(scene.importer.state_dir.glob("*.sqlite"))


def _waits_for_answers(scene: Scene, running: Running) -> bool:  # noqa: ARG001
    return scene.in_flight()


PHASES = {
    "loading": ("plain", _loads_libraries),
    "planning": ("plain", _opens_the_checkpoint),
    "staging": ("grouped", _stages),
    "first pass": ("dedupe", _looks_for_duplicates),
    "sending": ("plain", _waits_for_answers),
}


@pytest.mark.parametrize(
    ("phase", "number"),
    [
        pytest.param(
            "loading", signal.SIGINT, marks=pytest.mark.skipif(not HAS_MAPS, reason="what is loaded cannot be seen")
        ),
        ("planning", signal.SIGTERM),
        ("staging", signal.SIGINT),
        ("first pass", signal.SIGTERM),
        ("sending", signal.SIGHUP),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else value.replace(" ", "-"),
)
def test_the_first_signal_lets_what_is_under_way_finish(scene: Scene, phase: str, number: signal.Signals) -> None:
    kind, is_there = PHASES[phase]
    mapping = scene.mapping(kind)
    running = scene.start(mapping, "--log-format", "json")
    wait_until(lambda: is_there(scene, running))
    assert running.send(number)
    scene.oracle.answer(math.inf)
    ended = running.wait()
    assert ended.code == ended.report["exit_code"] == (130 if number == signal.SIGINT else 143), ended.stderr
    assert ended.report["status"] == "interrupted"
    assert [json.loads(line)["event"] for line in ended.stderr.splitlines()].count("stop") == 1
    assert "Traceback" not in ended.stderr
    scene.assert_it_goes_on(mapping)


def test_the_second_signal_ends_it_although_no_answer_comes(scene: Scene) -> None:
    mapping = scene.mapping("plain")
    running = scene.start(mapping)
    wait_until(scene.in_flight)
    assert running.send(signal.SIGINT)
    wait_until(lambda: b"Once more to stop at once" in running.words.read_bytes())
    assert running.send(signal.SIGHUP)  # a terminal that is closed is no second signal
    assert running.send(signal.SIGTERM)
    ended = running.wait()
    assert (ended.code, ended.report) == (143, {})
    assert "Traceback" not in ended.stderr
    scene.assert_it_goes_on(mapping, CONCURRENCY * max(len(one.events) for one in scene.oracle.record.arrivals))


@pytest.mark.parametrize("asks", ["Retry-After: 100000", "X-Nothing: 1"], ids=["pause", "probing"])
def test_a_signal_ends_the_wait_for_a_server_that_is_down(tmp_path: Path, importer: Importer, asks: str) -> None:
    stored: Counter[str] = Counter()
    is_down = threading.Event()
    is_down.set()

    def answer(asked: Asked) -> bytes:
        if is_down.is_set() and asked.number > 1:
            return http(503, "come back later", asks)
        stored.update(event["id"] for event in json.loads(asked.body)["batch"])
        return http(200)

    mapping, source = tmp_path / "m.yaml", tmp_path / "orders.csv"
    mapping.write_text(MAPPING.format(more="key: order_id"))
    source.write_text("order_id,customer\n" + "".join(f"{number:05},c\n" for number in range(ROWS)))
    with rude_server(answer) as url:
        running = importer.start(mapping, source, url, "--log-format", "json", *OPTIONS, "--concurrency", "16")
        told = b"asks for a pause" if asks.startswith("Retry") else b"The destination is down"
        wait_until(lambda: told in running.words.read_bytes())
        assert running.send(signal.SIGINT)
        ended = running.wait()
        assert (ended.code, ended.report["status"]) == (130, "interrupted"), ended.stderr
        assert 0 < len(stored) == ended.report["events"]["accepted"] < ROWS
        is_down.clear()
        rest = importer.run_here(mapping, source, url, *OPTIONS)
    assert (rest.code, rest.report["rows"]["skipped"]) == (0, ended.report["events"]["accepted"])
    assert stored == dict.fromkeys((f"{number:05}" for number in range(ROWS)), 1)


def test_a_signal_while_the_report_is_written_does_not_cut_it(scene: Scene, tmp_path: Path) -> None:
    mapping, words = scene.mapping("plain"), tmp_path / "words"
    scene.oracle.answer(math.inf)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    filler = 0
    try:
        while True:
            filler += os.write(writer, b"." * 512)
    except BlockingIOError:
        os.set_blocking(writer, True)
    with words.open("wb") as stderr:
        process = _started(scene, mapping, "--json", "--log-format", "json", stdout=writer, stderr=stderr)
    os.close(writer)
    with process, os.fdopen(reader, "rb") as output:
        wait_until(lambda: b'"event": "report"' in words.read_bytes())
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: b'"event": "stop"' in words.read_bytes())
        report = json.loads(output.read()[filler:])
        assert process.wait(PATIENCE_SECONDS) == report["exit_code"] == 0  # all was done before the signal came
    assert report["rows"]["sent"] == ROWS


LEAVING = """\
import atexit, sys
from importer.__main__ import main
atexit.register(lambda: (print("leaving", flush=True), sys.stdin.readline()))
sys.argv = ["importer", "status", "--json"]
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_python_leaves_changes_nothing(tmp_path: Path, number: signal.Signals) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        [sys.executable, "-c", LEAVING], env=_environment(), cwd=tmp_path, text=True, **pipes
    ) as left:
        assert left.stdout
        assert json.loads(left.stdout.readline())["imports"] == []
        assert left.stdout.readline() == "leaving\n"
        left.send_signal(number)
        assert left.communicate("\n") == ("", "")
    assert left.returncode == 0


# Terminals, readers and parents


AT_TERMINAL = """\
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
if sys.argv[1] == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.execv(sys.argv[2], sys.argv[2:])
"""


def _command(scene: Scene, mapping: Path, *options: str) -> list[str]:
    place = ["--url", scene.oracle.url, "--site", "1234", "--state-dir", str(scene.importer.state_dir), "--yes"]
    return [sys.executable, "-m", "importer", "run", str(mapping), str(scene.source), *place, *OPTIONS, *options]


def _environment() -> dict[str, str]:
    return {**os.environ, "IMPORTER_SOURCE_KEY": SOURCE_KEY, "PYTHONPATH": str(ROOT)}


def _started(scene: Scene, mapping: Path, *options: str, **pipes: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
    return subprocess.Popen(_command(scene, mapping, *options), env=_environment(), stdin=subprocess.DEVNULL, **pipes)


@pytest.fixture
def terminal() -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], Callable[[], None]]]]:
    """Starts a command at a terminal of its own. Gives the process, and what closes the terminal."""
    started: list[subprocess.Popen[bytes]] = []

    def start(mode: str, command: list[str], stdout: Any = None) -> Any:  # noqa: ANN401
        ours, theirs = pty.openpty()
        fcntl.fcntl(ours, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        process = subprocess.Popen(
            [sys.executable, "-c", AT_TERMINAL, mode, *command],
            env=_environment(),
            stdin=theirs,
            stdout=stdout or theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        started.append(process)
        return process, lambda: os.close(ours)

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_terminal_that_is_closed_stops_the_run_gracefully(scene: Scene, terminal: Callable[..., Any]) -> None:
    mapping = scene.mapping("plain")
    scene.oracle.answer(0)
    process, close = terminal("usual", _command(scene, mapping, "--json"))
    wait_until(scene.in_flight)
    close()
    scene.oracle.answer(math.inf)
    assert process.wait(PATIENCE_SECONDS) == 143
    assert len(scene.oracle.record.refresh().events) < ROWS
    scene.assert_it_goes_on(mapping)


def test_with_nohup_a_terminal_that_is_closed_stops_nothing(
    scene: Scene, terminal: Callable[..., Any], tmp_path: Path
) -> None:
    mapping = scene.mapping("plain")
    scene.oracle.answer(0)
    with (tmp_path / "report").open("wb") as report:
        process, close = terminal("nohup", _command(scene, mapping, "--json"), report)
    wait_until(scene.in_flight)
    close()
    scene.oracle.answer(math.inf)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert json.loads((tmp_path / "report").read_bytes())["rows"]["sent"] == ROWS
    scene.assert_it_goes_on(mapping)


PARENT = "import subprocess, sys; subprocess.Popen(sys.argv[1:], stdout=-1, stderr=-1).wait()"


def test_a_parent_that_dies_takes_its_pipes_with_it_and_stops_nothing(scene: Scene) -> None:
    mapping = scene.mapping("plain")
    scene.oracle.answer(0)
    command = [sys.executable, "-c", PARENT, *_command(scene, mapping, "--verbose")]
    with subprocess.Popen(command, env=_environment(), stdin=subprocess.DEVNULL) as parent:
        wait_until(scene.in_flight)
        parent.kill()
    scene.oracle.answer(math.inf)
    wait_until(lambda: len(scene.oracle.record.refresh().events) == ROWS)
    scene.assert_it_goes_on(mapping)


def _pipe_without_reader() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("arguments", [["--help"], ["schema"], ["status"]])
def test_a_reader_that_is_gone_is_no_failure(arguments: list[str], tmp_path: Path) -> None:
    command, gone = [sys.executable, "-m", "importer", *arguments], _pipe_without_reader()
    ended = subprocess.run(
        command, env=_environment(), cwd=tmp_path, stdout=gone, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(gone)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_run_whose_report_and_words_nobody_reads_imports_all_the_same(scene: Scene) -> None:
    mapping, gone = scene.mapping("plain"), _pipe_without_reader()
    scene.oracle.answer(math.inf)
    process = _started(scene, mapping, "--json", "--verbose", stdout=gone, stderr=gone)
    os.close(gone)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert len(scene.oracle.record.refresh().events) == ROWS
