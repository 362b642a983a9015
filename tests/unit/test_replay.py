"""Rejected rows read again: which rows, in which order, by which numbers, and what the checkpoint knows them by."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer import replay
from importer.errors import SourceUnreadable, UsageInvalid
from importer.plan import PlannedSource, plan
from importer.records import Span
from importer.replay import ReplayedSource, digest_of
from importer.settings import RunSettings

if TYPE_CHECKING:
    from pathlib import Path

    from importer.source import Chunk

ROWS = 60
BROKEN = {7, 8, 31}
MAPPING = "version: 1\nevent: refund\nkey: id\nfields: {user.id: id, context.event_timestamp: at}\n"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[PlannedSource]:
    """The same rows as CSV, where some are broken, and as Parquet in small row groups."""
    folder = tmp_path_factory.mktemp("replay")
    (folder / "m.yaml").write_text(MAPPING, encoding="utf-8")
    records = ["torn" if row in BROKEN else f"r{row},2024-01-02T03:04:05Z" for row in range(1, ROWS + 1)]
    (folder / "a.csv").write_text("\n".join(["id,at", *records, ""]), encoding="utf-8")
    times = ["2024-01-02T03:04:05Z"] * ROWS
    frame = pl.DataFrame({"id": [f"r{row}" for row in range(1, ROWS + 1)], "at": times})
    frame.write_parquet(folder / "a.parquet", row_group_size=9)
    return list(plan(folder / "m.yaml", [str(folder / "a.csv"), str(folder / "a.parquet")], RunSettings()).sources)


def replayed(source: PlannedSource, rows: tuple[int, ...], rejects: str = "/r.ndjson") -> ReplayedSource:
    of_file = {item.name: getattr(source, item.name) for item in fields(source)}
    return ReplayedSource(**{**of_file, "total_rows": len(rows)}, rows=rows, rejects=rejects)


def found(chunks: list[Chunk]) -> list[tuple[int, int, int, str]]:
    """Number in the replay, row and line in the file, and what stood there."""
    rows: list[tuple[int, int, int, str]] = []
    for chunk in chunks:
        assert chunk.places is not None
        assert chunk.file_rows is not None
        numbers = list(chunk.rows)
        for number, row, line, cell in zip(
            numbers, chunk.file_rows, chunk.line_numbers(), chunk.frame["id"], strict=True
        ):
            assert tuple(chunk.places(number))[1:] == (row, line)
            rows.append((number, row, line, cell))
        rows += [(reject.number, reject.row, reject.line, "torn") for reject in chunk.rejects]
        assert numbers == sorted(numbers)
    return sorted(rows)


@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_any_rows_in_any_order_and_any_part_of_them(sources: list[PlannedSource], data: Any) -> None:  # noqa: ANN401
    rows = data.draw(st.lists(st.integers(1, ROWS), unique=True, min_size=1), label="rows")
    cuts = data.draw(st.sets(st.integers(1, len(rows) + 1)), label="cuts")
    source = data.draw(st.sampled_from(sources), label="source")
    edges = sorted({1, len(rows) + 1, *cuts})
    missing = [Span(5, low, high) for low, high in pairwise(edges)][::2]

    chunks = list(replayed(source, tuple(rows)).open(5).chunks(missing))

    is_text = source.dialect is not None
    wanted = [(number, rows[number - 1]) for span in missing for number in range(span.start, span.stop)]
    assert found(chunks) == [
        (number, row, row + 1 if is_text else 0, "torn" if is_text and row in BROKEN else f"r{row}")
        for number, row in wanted
    ]
    assert [(chunk.span.source, chunk.span.start, chunk.span.stop) for chunk in chunks] == [
        (5, span.start, span.stop) for span in missing
    ]


def test_a_row_that_is_not_there(sources: list[PlannedSource]) -> None:
    for source in sources:
        with pytest.raises(SourceUnreadable, match="1 are not in the file"):
            list(replayed(source, (3, ROWS + 1)).open(0).chunks([Span(0, 1, 3)]))


def test_the_checkpoint_knows_a_replay_by_file_rows_and_rejects_file(sources: list[PlannedSource]) -> None:
    first, more = (replayed(sources[0], rows) for rows in ((1, 2), (1, 2, 3)))
    elsewhere = replayed(sources[0], (1, 2), "/r.retry-1.ndjson")  # rows that were rejected once more
    assert len({one.identifier for one in (first, more, elsewhere)}) == 3
    assert len({one.identity().hash for one in (first, more, elsewhere, replayed(sources[1], (1, 2)))}) == 4
    assert replayed(sources[0], (2, 1)).identifier == first.identifier
    digest = digest_of("/r.ndjson", (1, 2))
    assert first.dialect_json()["replay"] == {"file": sources[0].identifier, "rows": 2, "digest": digest}
    assert first.path == sources[0].path  # what the key `position` names a row by


def test_rows_near_to_each_other_are_read_together() -> None:
    assert replay._ranges(4, [5_000, 3, 1, 1_001]) == [Span(4, 1, 1_002), Span(4, 5_000, 5_001)]
    assert replay._ranges(4, [2_002, 1]) == [Span(4, 1, 2), Span(4, 2_002, 2_003)]


def test_reading_goes_on_from_the_last_block(sources: list[PlannedSource], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "importer.source.csv_reader.CsvReader.__init__.__kwdefaults__",
        {"block_bytes": 100, "max_record_bytes": 1 << 20},
    )
    reader = replayed(sources[0], (50, 55, 58)).open(0)
    given_anchors = []
    inner = reader._reader.chunks  # type: ignore[attr-defined]
    monkeypatch.setattr(
        reader._reader, "chunks", lambda spans, anchors: given_anchors.append(anchors) or inner(spans, anchors)
    )  # type: ignore[attr-defined]
    list(reader.chunks([Span(0, 1, 2), Span(0, 2, 3)]))
    assert given_anchors[0] == []
    assert given_anchors[1][-1].row > 1


@pytest.mark.parametrize(
    ("name", "following"),
    [
        ("x.ndjson", "x.retry-1.ndjson"),
        ("x.retry-1.ndjson", "x.retry-2.ndjson"),
        ("x.retry-9.ndjson", "x.retry-10.ndjson"),
        ("a.rejects.ndjson", "a.rejects.retry-1.ndjson"),
        ("x", "x.retry-1"),
        ("retry-1.ndjson", "retry-1.retry-1.ndjson"),
    ],
)
def test_names_of_new_rejects_files(tmp_path: Path, name: str, following: str) -> None:
    assert replay._new_rejects(tmp_path / name, RunSettings()) == tmp_path / following
    mine = RunSettings(rejects=tmp_path / "mine")
    assert replay._new_rejects(tmp_path / name, mine) == tmp_path / "mine"
    with pytest.raises(UsageInvalid, match="--rejects"):
        replay._new_rejects(tmp_path / "mine", mine)
