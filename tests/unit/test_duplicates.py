"""Ids that come again: found exactly, in memory and on disk, against a plain dictionary."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import importer
from importer.duplicates import Identities, Repeat, Repeats
from importer.encoder import ChunkInput, Encoder, buffers
from importer.errors import StateUnusable
from importer.mapping.compile import compile_mapping
from importer.mapping.document import parse_document
from importer.records import EncodedRows, Place, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

Event = tuple[str, str]


def encoded(events: Sequence[Event], start: int = 1) -> EncodedRows:
    """Events of an id and a text each, as the encoder hands them over."""
    ids = pl.Series([hashlib.sha256(name.encode()).hexdigest()[:32] for name, _ in events], dtype=pl.String)
    texts = pa.array([text for _, text in events], pa.large_string())
    offsets, body = buffers.text(texts)
    rows = buffers.numbers(pl.Series(range(start, start + len(events)), dtype=pl.Int64), "q")
    span = Span(0, start, start + len(events))
    digests = buffers.digests(texts, 0)
    return EncodedRows(span, "f", body, offsets, rows, digests, 0, ids=buffers.ids(ids, is_hex=True))


def found(sources: Sequence[Sequence[Event]], chunk: int, memory: int, folder: Path | None = None) -> Repeats:
    with Identities(folder, memory) as identities:
        for order, events in enumerate(sources):
            for start in range(0, len(events), chunk):
                identities.add(order, encoded(events[start : start + chunk], start + 1))
        return identities.repeats(keeps_rows=True)


def expected(sources: Sequence[Sequence[Event]]) -> list[Repeat]:
    first: dict[str, tuple[int, int, str]] = {}
    repeats = []
    for order, events in enumerate(sources):
        for row, (name, text) in enumerate(events, 1):
            known = first.setdefault(name, (order, row, text))
            if known != (order, row, text):
                repeats.append(Repeat(order, row, known[0], known[1], text == known[2]))
    return repeats


events = st.lists(st.tuples(st.sampled_from("abcdefghij"), st.sampled_from("xy")), max_size=30)


@settings(max_examples=25, deadline=None)
@given(st.lists(events, min_size=1, max_size=3), st.integers(1, 9), st.sampled_from([1, 9, 1_000]))
def test_they_are_those_of_a_dictionary(sources: list[list[Event]], chunk: int, memory: int) -> None:
    repeats = found(sources, chunk, memory)
    known = expected(sources)
    assert (repeats.same, repeats.other) == (sum(one.same for one in known), sum(not one.same for one in known))
    assert repeats.examples_same == [one for one in known if one.same][:3]
    assert repeats.examples_other == [one for one in known if not one.same][:3]
    for order in range(len(sources)):
        assert repeats.rows(order)["row"].to_list() == [one.row for one in known if one.order == order]


def test_half_an_id_is_no_id() -> None:
    half = "0123456789abcdef"
    names = pl.Series([half + "0" * 16, half + "1" * 16, half + "0" * 16])
    events = replace(encoded([("a", "x"), ("b", "x"), ("c", "x")]), ids=buffers.ids(names, is_hex=True))
    with Identities(None) as identities:
        identities.add(0, events)
        assert identities.repeats().examples_same == [Repeat(0, 3, 0, 1, same=True)]


def test_what_is_on_disk_is_gone_afterwards(tmp_path: Path) -> None:
    sources = [[(f"id{number % 400}", "x") for number in range(1_000)]]
    with Identities(tmp_path, 99) as identities:
        for start in range(0, 1_000, 50):
            identities.add(0, encoded(sources[0][start : start + 50], start + 1))
        (folder,) = tmp_path.iterdir()
        assert len(list(folder.iterdir())) == 10
        assert identities.repeats().same == 600
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_left_is_removed_and_what_others_use_is_not(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    left, used, other = (
        tmp_path / f"importer-ids-{owner}-x" for owner in (dead.stdout.strip(), os.getppid(), "nobody")
    )
    for folder in (left, used, other):
        folder.mkdir()
    with Identities(tmp_path, 0) as identities:
        identities.add(0, encoded([("a", "x")]))
    assert sorted(tmp_path.iterdir()) == sorted([used, other])


def test_a_place_without_room_is_named(tmp_path: Path) -> None:
    with Identities(tmp_path / "missing", 0) as identities, pytest.raises(StateUnusable, match="missing") as caught:
        identities.add(0, encoded([("a", "x")]))
    assert "--state-dir" in caught.value.hint


MAPPING = (
    "version: 1\nevent: e\nkey: id\nfields:\n  user.id: id\n  n: n\n  context.event_timestamp: {value: 1700000000000}\n"
)


def test_ids_are_those_of_the_events_whoever_gives_them() -> None:
    frame = pl.DataFrame({"id": ["a", "b", "a"], "n": ["1", "2", "3"]})
    for text in (MAPPING, MAPPING.replace("key: id\n", "") + "  context.event_id: id\n"):
        mapping = compile_mapping(parse_document(text, "m"), frame.schema, is_text=False)
        rows = pl.int_range(1, 4, dtype=pl.Int64, eager=True)
        chunk = ChunkInput(Span(0, 1, 4), "f", "/f", frame, rows, (), lambda row: Place("f", row, 0))
        done = Encoder(mapping, b",", 32_000, tells_ids=True).encode(chunk)
        assert done.ids is not None
        pairs = list(zip(*done.ids, strict=True))
        assert pairs[0] == pairs[2] != pairs[1]
        assert Encoder(mapping, b",", 32_000).encode(chunk).ids is None


def test_events_are_left_out_with_all_their_lines() -> None:
    text = MAPPING.replace("key: id", "group_by: id")
    frame = pl.DataFrame({"id": ["a", "a", "b", "c", "c"], "n": ["1"] * 5})
    mapping = compile_mapping(parse_document(text, "m"), frame.schema, is_text=False)
    groups, rows = pl.Series([0, 0, 1, 2, 2]), pl.int_range(1, 6, dtype=pl.Int64, eager=True)
    place = lambda row: Place("f", row, 0)  # noqa: E731
    chunk = ChunkInput(Span(0, 1, 6), "f", "/f", frame, rows, (), place, groups, repeats=pl.Series([1, 4]))
    done = Encoder(mapping, b",", 32_000).encode(chunk)
    assert (list(done.rows), list(done.duplicates)) == ([3], [1, 2, 4, 5])


HEAD = "id,n,at\n"
FILES = {
    "a.csv": ["1,x,2024-01-01T00:00:00Z", "2,x,yesterday", "3,x,2024-01-01T00:00:00Z", "1,x,2024-01-01T00:00:00Z"],
    "b.csv": [
        "2,y,2024-01-01T00:00:00Z",
        "3,y,2024-01-01T00:00:00Z",
        "4,y,2024-01-01T00:00:00Z",
        "2,z,2024-01-01T00:00:00Z",
    ],
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, lines in FILES.items():
        Path(name).write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    Path("m.yaml").write_text(MAPPING.replace("{value: 1700000000000}", "at") + "dedupe: true\n", encoding="utf-8")
    return Path("m.yaml")


def warnings_of(report: importer.Report) -> dict[str, tuple[int, list[str]]]:
    return {
        rule: (finding.count, [f"{example.file}:{example.order[1]} {example.message}" for example in finding.examples])
        for rule, finding in report.warnings.items()
        if rule.startswith("duplicate")
    }


def test_a_dry_run_shows_both_rows(files: Path) -> None:
    files.write_text(files.read_text(encoding="utf-8").replace("dedupe: true", "dedupe: false"), encoding="utf-8")
    report = importer.validate(files, ["a.csv", "b.csv"])
    assert (report.rows.sent, report.rows.rejected, report.rows.duplicate) == (7, 1, 0)
    found = warnings_of(report)
    assert found["duplicate_event"][0] == 1
    assert found["duplicate_event"][1][0].startswith("a.csv:4 the event has the id and the content of a.csv:1")
    assert found["duplicate_id"][0] == 2
    assert [text.split(",")[0] for text in found["duplicate_id"][1]] == [
        "b.csv:2 the event has the id of a.csv:3", "b.csv:4 the event has the id of b.csv:1",
    ]  # fmt: skip


def test_dedupe_keeps_the_first_that_is_sent(files: Path) -> None:
    report = importer.validate(files, ["a.csv", "b.csv"])
    assert (report.rows.sent, report.rows.rejected, report.rows.duplicate, report.rows.read) == (4, 1, 3, 8)
    assert warnings_of(report)["duplicate_event"][1] == [
        "a.csv:4 the event has the id and the content of a.csv:1: it is left out"
    ]
    assert warnings_of(report)["duplicate_id"][0] == 2


def test_the_order_of_files_decides(files: Path) -> None:
    one, other = (importer.validate(files, list(names)) for names in itertools.permutations(FILES))
    assert one.digest != other.digest
    assert one.rows == other.rows


def test_ids_that_cannot_repeat_are_not_looked_for(files: Path) -> None:
    files.write_text(files.read_text(encoding="utf-8").replace("key: id", "key: position"), encoding="utf-8")
    report = importer.validate(files, ["a.csv", "b.csv"])
    assert (report.rows.sent, report.rows.duplicate) == (7, 0)
    assert warnings_of(report) == {}
