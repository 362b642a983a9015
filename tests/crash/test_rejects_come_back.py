"""Scoreboard row 29: what a rejects file says of a row is exactly what was in the source, whatever it begins with."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from arriving import AT_MS, check_arrived, content_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors import Importer, RunningOracle

# What a spreadsheet would compute, or hide, or what a careful program would put a quote before.
CELLS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://x","y")',
    "+33612345678x",
    "-1 ",
    "--",
    "@SUM(A1:A9)",
    "\t=1",
    "\r=1",
    "\n=1",
    "'=1",
    "''=1",
    '"=1"',
    "\uff1d1",
    "\\=1",
    "\x1b[2J=1",
    "\u202e=1",
    "\0=1",
    "=",
    "+",
    "-",
    "@",
]
HEAD = f"""\
version: 1
event: purchase
key: position
fields:
  user.id: {{value: u}}
  context.event_timestamp: {{value: {AT_MS}}}
"""
TAKING = HEAD + "  id: n0\n  cell0: n0\n  cell1: n1\n"
REFUSING = TAKING + "  day: {column: n1, type: date}\n"


def _source(folder: Path, kind: str) -> Path:
    rows = [(f"={number}", cell) for number, cell in enumerate(CELLS)]
    if kind == "parquet":
        pl.DataFrame(rows, schema=["n0", "n1"], orient="row").write_parquet(folder / "x.parquet")
        return folder / "x.parquet"
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("n0", "n1"), *rows])
    (folder / "x.csv").write_bytes(text.getvalue().encode())
    return folder / "x.csv"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_rejected_row_comes_back_exactly_and_is_sent_exactly(
    importer: Importer, start_oracle: Callable[..., RunningOracle], tmp_path: Path, kind: str
) -> None:
    oracle, mapping, source = start_oracle(), tmp_path / "m.yaml", _source(tmp_path, kind)
    mapping.write_text(REFUSING)
    refused = importer.run_here(mapping, source, oracle.url)
    rejects = Path(refused.report["rejects"])
    written = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [line["source_row"] for line in written] == [
        {"n0": f"={number}", "n1": cell} for number, cell in enumerate(CELLS)
    ]
    assert all(text.isprintable() for text in rejects.read_text().splitlines())
    assert not oracle.record.refresh().events

    mapping.write_text(TAKING)
    where = ("--site", "1234", "--url", oracle.url, "--state-dir", str(importer.state_dir))
    taken = importer.command_here("retry", str(mapping), str(rejects), *where, "--json")
    contents = Counter(content_of((f"={number}", cell)) for number, cell in enumerate(CELLS))
    assert taken.code == 0, taken.stderr
    assert Counter(event.content_hash for event in oracle.record.refresh().events) == contents


def test_a_broken_record_comes_back_as_its_text(
    importer: Importer, start_oracle: Callable[..., RunningOracle], tmp_path: Path
) -> None:
    oracle, mapping, source = start_oracle(), tmp_path / "m.yaml", tmp_path / "x.csv"
    records = ["=1+1", "+1,2,3", '@x"y,1', "-1,2,3,4", "\t=1"]
    mapping.write_text(TAKING)
    source.write_bytes(("n0,n1\na,b\n" + "\n".join(records) + "\n").encode())
    ended = importer.run_here(mapping, source, oracle.url)
    written = [json.loads(line) for line in Path(ended.report["rejects"]).read_text().splitlines()]
    assert [line["source_row"] for line in written] == records
    check_arrived(ended, oracle.record.refresh().arrivals, Counter([content_of(("a", "b"))]))
