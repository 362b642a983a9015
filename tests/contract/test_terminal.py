"""Nothing that comes from elsewhere steers a terminal or forges a line of a log.

Names of files and columns, values, what was typed and what a server answers hold escape sequences, also the one-byte
ones of C1, line separators and marks of direction. The importer runs at a real pseudo-terminal, where Click does not
take escape sequences out.
"""

from __future__ import annotations

import json
import os
import pty
import re
import sys
import termios
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest
from rude import Asked, http, rude_server
from secret_watch import SOURCE_KEY

from importer.cli import main
from importer.cli.console import set_up_logging

EVIL = "\x1b[2J\x1b]0;title\x07\x9b31m\x90q\u202eright\u2066\u2028\u2029\x85\x7f\u200f\ufeff"
RETURN = "\rFORGED"
MAPPING = """\
version: 1
event: purchase
key: order_id
fields:
  id: order_id
  coupon: {column}
  value: total
  user.id: customer
  context.event_timestamp: at
"""
Command = Callable[..., tuple[int, str]]


def _steering(text: str) -> set[str]:
    """The characters of ``text`` that steer a terminal. A progress bar returns to the start of its line."""
    return {f"U+{ord(one):04X}" for one in text.replace("\r", "") if _steers(one)} | set(re.findall(RETURN, text))


def _steers(one: str) -> bool:
    is_mark = unicodedata.bidirectional(one) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    is_control = unicodedata.category(one) in {"Cc", "Zl", "Zp", "Cs"} and one not in "\n\t"
    return is_control or is_mark or one in "\u200e\u200f\u061c\ufeff\ufffd"


@contextmanager
def _terminal() -> Iterator[tuple[TextIO, list[bytes]]]:
    """A terminal to write to, and what was written to it, complete when the block is left."""
    ours, theirs = pty.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST  # what is written comes out as it is
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    written: list[bytes] = []

    def read() -> None:
        try:
            while piece := os.read(ours, 65_536):
                written.append(piece)
        except OSError:  # Linux: nobody has the other side open any more
            pass

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with os.fdopen(theirs, "w", encoding="utf-8", errors="surrogateescape") as stream:
            yield stream, written
    finally:
        reader.join()
        os.close(ours)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command line in this process at a terminal; gives its exit code and all that it wrote there."""
    folder = tmp_path / f"exports{EVIL}"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("IMPORTER_SOURCE_KEY", SOURCE_KEY)

    def call(*arguments: str) -> tuple[int, str]:
        set_up_logging()
        monkeypatch.setattr("sys.argv", ["importer", *arguments])
        with _terminal() as (stream, written), monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", stream)
            patch.setattr(sys, "stderr", stream)
            with pytest.raises(SystemExit) as ended:
                main()
        return int(ended.value.code or 0), b"".join(written).decode(errors="replace")

    return call


MAPPING_FILE, EXPORT = f"m{EVIL}.yaml", f"a{EVIL}{RETURN}.csv"


@pytest.fixture
def evil(command: Command) -> Command:
    """An export whose names and values are all meant to do harm, with a mapping; its first and last row are good."""
    column = f"coupon{EVIL}{RETURN}"
    Path(MAPPING_FILE).write_text(MAPPING.format(column=json.dumps(column)), encoding="utf-8")
    rows = [
        f'1,2,c{EVIL},2024-01-02T03:04:05Z,"v{EVIL}{RETURN}"',
        f'2,"{EVIL}{RETURN}",c,2024-01-02T03:04:05Z,v',
        f'3,2,c,"{EVIL}{RETURN}",v',
        f'"4{EVIL}{RETURN}",2,,2024-01-02T03:04:05Z,v',
        f"5{EVIL},2",
        "6,2,c,2024-01-02T03:04:05Z,v",
    ]
    text = f'order_id,total,customer,at,"{column}"\n' + "\n".join(rows) + "\n"
    Path(EXPORT).write_text(text, encoding="utf-8", newline="")
    return command


REPORTS = [[], ["--json"], ["--log-format", "json"], ["--strict"]]


@pytest.mark.parametrize("options", REPORTS, ids=" ".join)
def test_a_dry_run_and_an_import_write_no_control_characters(evil: Command, options: list[str]) -> None:
    code, shown = evil("validate", MAPPING_FILE, EXPORT, *options)
    assert (code, _steering(shown)) == (3, set()), shown
    assert r"\x9b" in shown or r"\u009b" in shown  # it was told, and made harmless
    with rude_server(lambda _: http(200)) as url:
        place = ["--url", url, "--site", "7", "--state-dir", f"state{EVIL}"]
        code, shown = evil("run", MAPPING_FILE, EXPORT, *place, "--yes", "--verbose", *options)
        assert (code, _steering(shown)) == (3, set()), shown
        for more in ([], ["--json"]):
            code, shown = evil("status", "--state-dir", f"state{EVIL}", *more)
            assert (code, _steering(shown)) == (0, set()), shown
        (rejects,) = Path(f"state{EVIL}").glob("*.rejects.ndjson")
        code, shown = evil("retry", MAPPING_FILE, str(rejects), *place, *options)
        assert (code, _steering(shown)) == (3, set()), shown
    text = rejects.read_text(encoding="utf-8")
    assert not {one for one in text if one != "\n" and _steers(one)}
    assert len(text.split("\n")) == (7 if "--strict" in options else 5)


def test_looking_at_events_and_rows_writes_no_control_characters(evil: Command) -> None:
    for more in ([], ["--json"]):
        rows = [["explain", MAPPING_FILE, f"{EXPORT}:{row}"] for row in range(1, 7)]
        for call in [["preview", MAPPING_FILE, EXPORT], *rows]:
            code, shown = evil(*call, *more)
            assert (code, _steering(shown)) == (0, set()), call
    line = next(
        line for line in evil("preview", MAPPING_FILE, EXPORT, "--json")[1].splitlines() if line.startswith("{")
    )
    assert json.loads(line)["event"]["coupon"] == f"v{EVIL}{RETURN}"  # what was escaped reads the same


def test_a_draft_for_an_evil_export_is_harmless_on_the_terminal_and_as_a_file(evil: Command) -> None:
    soft = "".join(one for one in EVIL if one >= " ")  # what has control characters of ASCII in it is taken for no text
    Path(f"b{EVIL}.csv").write_text(f"order_id,c{soft}\n1,{soft}\n2,x\n", encoding="utf-8")
    code, shown = evil("init", f"b{EVIL}.csv")
    assert (code, _steering(shown)) == (0, set()), shown
    code, shown = evil("init", f"b{EVIL}.csv", "--output", f"draft{EVIL}.yaml")
    assert (code, _steering(shown)) == (0, set()), shown
    assert not {one for one in Path(f"draft{EVIL}.yaml").read_text(encoding="utf-8") if one != "\n" and _steers(one)}


MISTAKES = [
    [f"run{EVIL}"],
    ["validate", f"--option{EVIL}"],
    ["validate", MAPPING_FILE, EXPORT, "--rate", EVIL],
    ["validate", MAPPING_FILE, EXPORT, "--log-format", EVIL],
    ["validate", MAPPING_FILE + "x", EXPORT],
    ["validate", MAPPING_FILE, EXPORT + "x"],
    ["validate", MAPPING_FILE, f"s3://{EVIL}"],
    ["validate", EXPORT, EXPORT],
    ["run", MAPPING_FILE, EXPORT, "--site", f"7{EVIL}", "--url", "http://127.0.0.1:9"],
    ["run", MAPPING_FILE, EXPORT, "--site", "7", "--url", f"http://127.0.0.1:9/{EVIL}"],
    ["run", MAPPING_FILE, EXPORT, "--site", "7", "--source-key-file", EVIL],
    ["run", MAPPING_FILE, EXPORT, "--site", "7", "--url", "https://127.0.0.1:9", "--ca-file", EVIL],
    ["retry", MAPPING_FILE, EXPORT, "--sandbox"],
    ["explain", MAPPING_FILE, EVIL],
    ["schema", EVIL],
    ["status", f"{EVIL}.yaml"],
    ["reference", EVIL, EVIL],
    ["sandbox", "--fault", EVIL],
    ["sandbox", "--host", EVIL],
    ["init", f"{EVIL}.csv"],
]


def test_mistakes_are_told_without_control_characters(evil: Command) -> None:
    for mistake in MISTAKES:
        code, shown = evil(*mistake)
        assert (code in {2, 4}, _steering(shown)) == (True, set()), (mistake, code)
        assert shown


def test_the_problems_of_an_evil_mapping_are_told_without_control_characters(evil: Command) -> None:
    name = json.dumps(EVIL + RETURN)
    Path("m.yaml").write_text(
        f"version: 1\nevent: {name}\nkey: {name}\n{name}: 1\ntimezone: {name}\n"
        f"fields: {{{name}: {{colum: 1}}, id: {name}, value: {{sql: {name}}}, status: {{column: id, map: {name}}}}}\n"
    )
    for options in REPORTS:
        code, shown = evil("validate", "m.yaml", EXPORT, *options)
        assert (code, _steering(shown)) == (2, set())
    assert evil("reference", EVIL + RETURN)[0] == 0
    assert not _steering(evil("reference", EVIL + RETURN)[1])


@pytest.mark.parametrize("options", [["--json"], ["--log-format", "json"]], ids=" ".join)
def test_what_a_server_answers_is_shown_without_control_characters(evil: Command, options: list[str]) -> None:
    said = EVIL + RETURN

    def answer(asked: Asked) -> bytes:
        if asked.number == 1:
            return http(503, said, "Retry-After: \x1b[2J")
        return http(400 if asked.number == 2 else 401, said, "X-Evil: \x1b[2J\x9b31m")

    with rude_server(answer) as url:
        place = ["--url", url, "--site", "7", "--yes", "--endpoint", "single", "--concurrency", "1"]
        code, shown = evil("run", MAPPING_FILE, EXPORT, *place, "--verbose", *options)
    assert (code, _steering(shown)) == (6, set())
    assert "right" in shown  # the words between the characters
