"""Chunks cut by bytes: every row, reject and blank once, groups whole, and no piece that is too large."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from importer.records import Reject, Span
from importer.source import Chunk, Cutter

CELL = "x" * 1000


def rejected(row: int) -> Reject:
    return Reject(3, "a.csv", row, row + 1, "source", "short", "is short")


def chunk_of(rows: list[int], span: Span, rejects: tuple[Reject, ...] = (), groups: list[int] | None = None) -> Chunk:
    frame = pl.DataFrame({"id": rows, "text": [CELL] * len(rows)})
    numbers = pl.Series("row", rows, dtype=pl.Int64)
    return Chunk(
        span=span,
        frame=frame,
        rows=numbers,
        rejects=rejects,
        blank=span.rows - len(rows) - len(rejects),
        groups=None if groups is None else pl.Series(groups, dtype=pl.UInt32),
        file_rows=numbers + 100,
        file_lines=numbers + 200,
    )


def test_pieces_are_the_chunk_in_its_order_with_each_row_in_one_of_them() -> None:
    rows = [row for row in range(12, 60) if row not in {20, 21, 35, 59}]
    chunk = chunk_of(rows, Span(3, 10, 61), rejects=(rejected(20), rejected(35)))
    pieces = list(Cutter(max_bytes=20_000).pieces(chunk))
    assert len(pieces) > 3
    assert [piece.span.start for piece in pieces] == [10, *(piece.span.stop for piece in pieces[:-1])]
    assert pieces[-1].span == Span(3, pieces[-1].span.start, 61)
    for piece in pieces:
        assert piece.frame.height + len(piece.rejects) + piece.blank == piece.span.rows
        assert all(piece.span.start <= row < piece.span.stop for row in [*piece.rows, *(r.row for r in piece.rejects)])
        assert piece.file_rows is not None
        assert piece.file_lines is not None
        assert (piece.file_rows - 100).to_list() == (piece.file_lines - 200).to_list() == piece.rows.to_list()
    assert_frame_equal(pl.concat(piece.frame for piece in pieces), chunk.frame)
    assert [row for piece in pieces for row in piece.rows] == rows
    assert [reject.row for piece in pieces for reject in piece.rejects] == [20, 35]
    assert sum(piece.blank for piece in pieces) == chunk.blank


def test_a_chunk_that_is_small_enough_stays_as_it_is() -> None:
    chunk = chunk_of([1, 2, 3], Span(3, 1, 4))
    assert list(Cutter().pieces(chunk)) == [chunk]
    empty = replace(chunk_of([], Span(3, 1, 1)), span=Span(3, 1, 9), blank=8)
    assert list(Cutter(max_bytes=1).pieces(empty)) == [empty]


def test_pieces_become_small_where_events_are_large_and_large_again_behind_them() -> None:
    cutter, chunk = Cutter(max_bytes=100_000), chunk_of(list(range(1, 41)), Span(3, 1, 41))
    assert len(list(cutter.pieces(chunk))) == 1
    cutter.note(100, 100 * 9_000)
    assert [piece.frame.height for piece in cutter.pieces(chunk)] == [8, 8, 8, 8, 8]
    cutter.note(100, 0)  # all were filtered
    assert len(list(cutter.pieces(chunk))) == 1


@pytest.mark.parametrize("max_bytes", [1, 5_000, 12_000, 30_000])
def test_groups_are_never_cut(max_bytes: int) -> None:
    groups = [0, 0, 0, 0, 0, 0, 0, 4, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6]
    chunk = chunk_of(list(range(1, 21)), Span(3, 1, 21), groups=groups)
    pieces = list(Cutter(max_bytes).pieces(chunk))
    assert len(pieces) > 1
    found = [piece.groups.to_list() for piece in pieces if piece.groups is not None]
    assert [group for part in found for group in part] == groups
    assert all(before[-1] != after[0] for before, after in pairwise(found))


def test_a_row_that_is_larger_than_allowed_is_a_piece_of_its_own() -> None:
    chunk = chunk_of([1, 2, 3], Span(3, 1, 4))
    assert [piece.rows.to_list() for piece in Cutter(max_bytes=10).pieces(chunk)] == [[1], [2], [3]]
