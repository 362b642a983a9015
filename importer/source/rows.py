"""Rows of a chunk as Python objects, for the few that somebody looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from importer.source.chunk import Chunk


class SourceRow(NamedTuple):
    """Where a row stands (as in :class:`importer.records.Place`), and its cells by column."""

    file: str
    row: int
    line: int
    cells: dict[str, Any]


def source_rows(chunk: Chunk, file: str, numbers: Iterable[int], columns: Collection[str]) -> list[SourceRow]:
    """The rows of ``chunk`` with these ``numbers``, all of them good ones. ``file`` is the name of its source."""
    wanted = list(numbers)
    frame = chunk.frame.select(columns)[chunk.rows.search_sorted(pl.Series(wanted, dtype=pl.Int64))]
    cells = frame.iter_rows(named=True) if frame.columns else iter([{}] * len(wanted))
    places = [chunk.places(row) if chunk.places else (file, row, chunk.line_of(row)) for row in wanted]
    return [SourceRow(*place, cells=row) for place, row in zip(places, cells, strict=True)]
