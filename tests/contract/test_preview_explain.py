"""`importer preview` and `importer explain` as a user calls them: streams, exit codes, and that nothing is written."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xxhash
from secret_watch import SOURCE_KEY

from importer.cli import main
from importer.sandbox.process import received, spawn

ROOT = Path(__file__).parents[2]
MAPPING = """\
version: 1
event: purchase
key: id
where: total <> 'draft'
fields:
  id: id
  value: total
  note: note
  user.id: id
  context.event_timestamp: {value: 1700000000000}
"""
GROUPED = """\
version: 1
event: purchase
group_by: [id]
source: {columns: {total: number}}
fields:
  value: {sql: SUM(total)}
  items: {each: {id: note}}
  user.id: id
  context.event_timestamp: {value: 1700000000000}
"""
ROWS = 'id,total,note\n1,draft,\n2,abc,\n3,1.50,"a\nb"\n4,2,\x1b[31m\u202ered\n5,3,\n'


@dataclass(frozen=True)
class Ended:
    """What one command left behind."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The lines of stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Ended]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs the command line in this process, in a folder with mappings and an export."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("IMPORTER_")]:
        monkeypatch.delenv(name)
    Path("m.yaml").write_text(MAPPING, encoding="utf-8")
    Path("g.yaml").write_text(GROUPED, encoding="utf-8")
    Path("a.csv").write_text(ROWS, encoding="utf-8")

    def call(*arguments: str) -> Ended:
        monkeypatch.setattr("sys.argv", ["importer", *arguments])
        before = set(Path().iterdir())
        with pytest.raises(SystemExit) as ended:
            main()
        assert set(Path().iterdir()) == before, "nothing is written"
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return call


def test_preview_shows_rows_and_events_with_their_digits(command: Command) -> None:
    ended = command("preview", "m.yaml", "a.csv", "--limit", "1")
    assert ended.code == 0
    assert ended.out == (
        'a.csv:3 (line 4)\n  id     "3"\n  total  "1.50"\n  note   "a\\nb"\n'
        '{\n  "event_name": "purchase",\n  "id": "3",\n  "value": 1.50,\n  "note": "a\\nb",\n'
        '  "user": {\n    "id": "3"\n  },\n  "context": {\n    "event_timestamp": 1700000000000,\n'
        f'    "event_id": "{_event_id("3")}"\n  }}\n}}\n'
    )
    assert "of 3 rows, 1 filtered, 1 rejected\n  a.csv:2: value: column 'total' is \"abc\", which is not" in ended.err


def _event_id(key: str) -> str:
    return hashlib.sha256(f"1:18:purchase{len(key)}:{key}".encode()).hexdigest()[:32]


def test_preview_for_machines_has_the_bytes_that_a_run_sends(command: Command) -> None:
    ended = command("preview", "m.yaml", "a.csv", "--json", "--limit", "10", "--test-code", "T1")
    assert [line["source_rows"][0]["row"] for line in ended.objects] == [3, 4, 5]
    assert ended.objects[0]["source_rows"] == [
        {"file": "a.csv", "row": 3, "line": 4, "cells": {"id": "3", "total": "1.50", "note": "a\nb"}}
    ]
    events = [line.partition('"event": ')[2][:-1] for line in ended.out.splitlines()]
    assert events[0].startswith('{"event_name":"purchase","test_code":"T1","id":"3","value":1.50,"note":"a\\nb",')
    assert "3 events instead of 10" in ended.err


def test_what_preview_shows_arrives(command: Command, tmp_path_factory: pytest.TempPathFactory) -> None:
    shown = command("preview", "m.yaml", "a.csv", "--json", "--limit", "10").out.splitlines()
    events = [line.partition('"event": ')[2][:-1].encode() for line in shown]
    state = tmp_path_factory.mktemp("state")
    with spawn() as url:
        os.environ["IMPORTER_SOURCE_KEY"] = SOURCE_KEY
        try:
            command("run", "m.yaml", "a.csv", "--url", url, "--site", "7", "--yes", "--state-dir", str(state))
        finally:
            del os.environ["IMPORTER_SOURCE_KEY"]
        seen = received(url)
    digest = sum(map(xxhash.xxh3_128_intdigest, events)) % 2**128
    assert (seen["unique_ids"], seen["digest"]) == (3, f"{digest:032x}")


@pytest.mark.parametrize("arguments", [("preview", "m.yaml", "a.csv"), ("explain", "m.yaml", "a.csv:4")])
def test_nothing_in_the_data_steers_a_terminal(command: Command, arguments: tuple[str, ...]) -> None:
    ended = command(*arguments)
    assert "\x1b" not in ended.out + ended.err
    assert "\u202e" not in ended.out + ended.err
    assert "\\u001b[31m\\u202ered" in ended.out


def test_preview_of_groups_says_what_it_read(command: Command) -> None:
    Path("b.csv").write_text("id,total,note\n1,1,x\n2,2,y\n1,3,z\nbroken\n", encoding="utf-8")
    ended = command("preview", "g.yaml", "b.csv", "--limit", "1", "--json")
    (line,) = ended.objects
    assert [row["row"] for row in line["source_rows"]] == [1, 3]
    assert line["event"]["value"] == 4.0
    assert "read 4 rows of 1 file to gather the 2 lines of 1 group\n" in ended.err
    assert "1 record cannot be read, and may be further lines" in ended.err
    assert "--accept-incomplete-groups" in ended.err


def test_preview_without_an_event_says_so(command: Command) -> None:
    Path("b.csv").write_text("id,total,note\n1,draft,x\n", encoding="utf-8")
    ended = command("preview", "m.yaml", "b.csv")
    assert (ended.code, ended.out) == (0, "")
    assert "nothing that was read gives an event: 1 row" in ended.err


def test_long_cells_are_cut_for_people_only(command: Command) -> None:
    Path("b.csv").write_text(f"id,total,note\n1,1,{'x' * 5000}\n", encoding="utf-8")
    shown = command("preview", "m.yaml", "b.csv").out
    assert f'  note   "{"x" * 99}… (5,002 characters)\n' in shown
    (line,) = command("preview", "m.yaml", "b.csv", "--json").objects
    assert line["source_rows"][0]["cells"]["note"] == line["event"]["note"] == "x" * 5000


def test_explain_goes_step_by_step(command: Command) -> None:
    ended = command("explain", "m.yaml", "a.csv:3")
    assert ended.code == 0
    steps = re.sub(" +", " ", ended.out)
    assert "where total <> 'draft' -> true\n" in steps
    assert 'value\n column total -> "1.50"\n type number -> 1.50\n = 1.50\n' in steps
    assert f"context.event_id {_event_id('3')}\n the first 32 digits of the SHA-256 of 1:18:purchase1:3\n" in steps
    size = len(command("preview", "m.yaml", "a.csv", "--json", "--limit", "1").out.partition('"event": ')[2]) - 2
    assert f"event of {size} bytes\n" in ended.out


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (1, "filtered: `where` is not true for this row"),
        (2, "REJECTED: column 'total' is \"abc\", which is not a number"),
        (2, "rejected: a.csv:2: value: column 'total' is \"abc\", which is not a number (type)"),
        (6, "rejected: a.csv:6: The record has 1 field, the header 3. (short)"),
        (7, "filtered: the record is blank"),
    ],
)
def test_explain_says_why_there_is_no_event(command: Command, row: int, said: str) -> None:
    Path("a.csv").write_text(f"{ROWS}broken\n\n", encoding="utf-8")
    ended = command("explain", "m.yaml", f"a.csv:{row}")
    assert (ended.code, said in ended.out) == (0, True)
    (body,) = command("explain", "m.yaml", f"a.csv:{row}", "--json").objects
    assert (body["fate"], body["event"]) == (said.partition(":")[0].lower(), None)


def test_explain_of_a_group_marks_the_row_and_cuts_long_groups_around_it(command: Command) -> None:
    Path("b.csv").write_text("id,total,note\n" + "".join(f"1,1,n{row}\n" for row in range(1, 101)), encoding="utf-8")
    ended = command("explain", "g.yaml", "b.csv:90")
    assert ended.out.count("<- this row") == 1
    assert 'b.csv:90 (line 91)  <- this row\n  id     "1"\n' in ended.out
    assert ended.out.count("b.csv:90 (line 91)\n") == 1, "its entry is shown, too"
    assert 'note   "n20"' in ended.out
    assert 'note   "n21"' not in ended.out
    assert "read 100 rows of 1 file to gather the 100 lines of this group" in ended.err
    (body,) = command("explain", "g.yaml", "b.csv:90", "--json").objects
    assert len(body["source_rows"]) == len(body["targets"][2]["entries"]) == 100


def test_explain_for_machines_is_one_object(command: Command) -> None:
    (body,) = command("explain", "m.yaml", "a.csv:3", "--json").objects
    assert list(body) == [
        "file", "row", "line", "fate", "reason", "record", "source_rows", "where", "group", "consent", "targets",
        "rejects", "key", "warnings", "places", "bytes", "event",
    ]  # fmt: skip
    assert body["targets"][2] == {
        "target": "value",
        "steps": [
            {"name": "column", "detail": "total", "value": "1.50", "rejected": None},
            {"name": "type", "detail": "number", "value": "1.50", "rejected": None},
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("preview", "m.yaml"), 2, "Missing argument"),
        (("preview", "m.yaml", "a.csv", "--limit", "0"), 2, "--limit"),
        (("preview", "m.yml", "a.csv"), 2, "Did you mean m.yaml"),
        (("preview", "m.yaml", "b.csv"), 4, "Did you mean a.csv"),
        (("preview", "m.yaml", "other.csv"), 4, "no column 'total'"),
        (("explain", "m.yaml"), 2, "Missing argument"),
        (("explain", "m.yaml", "a.csv"), 2, "Write a.csv:1 for the first record"),
        (("explain", "m.yaml", "a.csv:zero"), 2, "'zero' is no number of a row"),
        (("explain", "m.yaml", "a.csv:0"), 2, "rows count from 1"),
        (("explain", "m.yaml", "a.csv:6"), 2, "a.csv has 5 rows: there is no row 6"),
        (("explain", "m.yaml", "b.csv:1"), 4, "Did you mean a.csv"),
        (("explain", "other.csv", "a.csv:1"), 2, "problem"),
    ],
)
def test_mistakes_are_answered_in_words(command: Command, arguments: tuple[str, ...], code: int, said: str) -> None:
    Path("other.csv").write_text("id,tota\n1,2\n", encoding="utf-8")
    ended = command(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err


@pytest.mark.parametrize("arguments", [("preview", "--limit", "100000", "--json"), ("explain",)])
def test_a_reader_that_goes_away_is_no_failure(command: Command, arguments: tuple[str, ...]) -> None:
    assert command  # the folder
    rows = "".join(f"1,1,{'x' * 100}\n" for _ in range(20_000))
    Path("b.csv").write_text(f"id,total,note\n{rows}", encoding="utf-8")
    name, *options = arguments
    source = ["m.yaml", "b.csv"] if name == "preview" else ["g.yaml", "b.csv:1", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "importer", name, *source, *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.read(100)
    process.stdout.close()
    errors = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(60) == 0, errors
    assert "error" not in errors


@pytest.mark.parametrize("name", ["orders_csv.yaml", "orders_parquet.yaml", "order_lines.yaml"])
def test_the_samples_can_be_looked_at(command: Command, name: str) -> None:
    sources = {"orders_csv": "orders.csv", "orders_parquet": "orders.parquet", "order_lines": "order_lines"}
    source = ROOT / "sample_data" / sources[name.removesuffix(".yaml")]
    (first, *_) = command("preview", str(ROOT / "configs" / name), str(source), "--json").objects
    row = first["source_rows"][0]
    (body,) = command(
        "explain", str(ROOT / "configs" / name), f"{row['file']}:{row['row']}", str(source), "--json"
    ).objects
    assert body["event"] == first["event"]
    assert body["source_rows"] == first["source_rows"]


def test_a_row_that_cannot_be_computed_is_explained_by_its_reject(tmp_path: Path) -> None:
    pl.DataFrame({"id": [1, 2], "note": [b"ok", b"\xff\xfe"]}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "m.yaml").write_text(
        "version: 1\nevent: purchase\nkey: id\nfields:\n"
        "  coupon: {sql: 'CAST(note AS VARCHAR)'}\n  user.id: {value: x}\n  context.event_timestamp: {value: 1}\n"
    )
    command = [sys.executable, "-m", "importer", "explain", tmp_path / "m.yaml", f"{tmp_path}/a.parquet:2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, "cannot_compute" in done.stdout, "Traceback" in done.stderr) == (0, True, False)
