"""The reading half of a stage: part by part, whole groups, each with its rows in the order of the sources.

The rows of a stage are numbered anew, part after part and group after group, so that an event is a range of rows and
spans count source rows as everywhere else. Behind the last group come the rows that staging rejected, then those that
``where`` filtered.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from importer.records import Place, Reject, Span
from importer.source.chunk import MAX_CHUNK_ROWS, Chunk, chunk_parts
from importer.staging.partition import FILE_LINE, FILE_ROW, MEMBER, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from importer.mapping.compiled import CompiledMapping
    from importer.source import Anchor
    from importer.staging.spool import RunFile

_INDEX, GROUP = "\x01index", "\x01group"


class StageReader:
    """A complete stage as one source, number ``number`` of the import. ``names`` are those of its files, for messages.

    ``schema`` has the types of the columns that the mapping reads.
    """

    def __init__(
        self,
        number: int,
        runs: Sequence[RunFile],
        names: Sequence[str],
        mapping: CompiledMapping,
        schema: Mapping[str, pl.DataType],
    ) -> None:
        self.schema = schema
        self.total_rows: int | None = sum(runs[-1].state["rows"])
        self._number = number
        self._runs = runs
        self._names = names
        self._mapping = mapping
        parts = len(runs[0].slots) - 1  # the last slot holds rejects
        counts = [sum(run.slots[part].rows for run in runs) for part in range(parts)]
        self._starts = list(accumulate(counts, initial=1))

    def chunks(self, missing: Sequence[Span], anchors: Sequence[Anchor] = ()) -> Iterator[Chunk]:  # noqa: ARG002
        """The groups in ``missing``, and at the end the rows without one. Spans begin and end between groups.

        Raises:
            StateUnusable: a file of the stage is gone or damaged.
        """
        missing = sorted(missing)
        for part, (start, stop) in enumerate(pairwise(self._starts)):
            wanted = [span for span in missing if span.start < stop and start < span.stop]
            if wanted and start < stop:  # a part may have got no row at all
                yield from self._groups(part, start, wanted)
        assert self.total_rows is not None  # noqa: S101  (only a source that was not read has none)
        yield from self._others(missing, self._starts[-1], self.total_rows + 1)

    def _groups(self, part: int, first: int, missing: Sequence[Span]) -> Iterator[Chunk]:
        rows, starts = group_rows(self._frame(part), self._mapping, first)
        for span in missing:
            start, stop = max(span.start, first), min(span.stop, first + rows.height)
            while start < stop:
                end = _chunk_end(starts, start, stop)
                yield self._chunk(rows, first, start, end)
                start = end

    def _frame(self, part: int) -> pl.DataFrame:
        tables = [table for run in self._runs if (table := run.table(part)) is not None]
        frame = pl.from_arrow(pa.concat_tables(tables))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101  (from_arrow is typed for arrays, too)
        return frame

    def _chunk(self, rows: pl.DataFrame, first: int, start: int, stop: int) -> Chunk:
        part = rows[start - first : stop - first]
        return Chunk(
            span=Span(self._number, start, stop),
            frame=part.select(self._mapping.columns),
            rows=pl.int_range(start, stop, eager=True, dtype=pl.Int64).alias("row"),
            places=self._places(part, start),
            groups=part[GROUP],
        )

    def _places(self, rows: pl.DataFrame, first: int) -> Callable[[int], Place]:
        members, at, lines = rows[MEMBER], rows[FILE_ROW], rows[FILE_LINE]

        def place_of(row: int) -> Place:
            index = row - first
            return Place(self._names[members[index]], at[index], lines[index])

        return place_of

    def _others(self, missing: Sequence[Span], first: int, stop: int) -> Iterator[Chunk]:
        """The rows that staging rejected or filtered: chunks without columns."""
        number = first
        for run in self._runs:
            table = run.table(-1)
            count = table.num_rows if table is not None else 0
            for low, high in chunk_parts(missing, number, number + count):
                rejects = pl.DataFrame(table)[low - number : high - number]
                yield self._rejected(low, high, rejects)
            number += count
        for low, high in chunk_parts(missing, number, stop):
            yield self._empty(low, high, (), high - low)

    def _rejected(self, start: int, stop: int, rejects: pl.DataFrame) -> Chunk:
        found = []
        for number, (member, row, line, text) in enumerate(rejects.iter_rows(), start):
            found.append(Reject(self._number, self._names[member], row, line, *unpacked(text), staged_row=number))
        return self._empty(start, stop, tuple(found), 0)

    def _empty(self, start: int, stop: int, rejects: tuple[Reject, ...], blank: int) -> Chunk:
        return Chunk(
            span=Span(self._number, start, stop),
            frame=pl.DataFrame(schema=self.schema),
            rows=pl.Series("row", [], dtype=pl.Int64),
            rejects=rejects,
            blank=blank,
            groups=pl.Series(GROUP, [], dtype=pl.UInt32),
        )


def group_rows(rows: pl.DataFrame, mapping: CompiledMapping, first: int) -> tuple[pl.DataFrame, pl.Series]:
    """``rows`` group by group, with the number of the group of each, and at which row each group starts.

    Groups come in the order of their first rows, and rows within a group stay in their order: whoever reads the part
    again gives every row the same number.
    """
    keys = mapping.keys_of(rows)
    groups = keys.with_row_index(_INDEX).group_by(keys.columns, maintain_order=True).agg(_INDEX)
    lengths = groups[_INDEX].list.len()
    order = groups.select(_INDEX).with_row_index(GROUP).explode(_INDEX)
    starts = lengths.cast(pl.Int64).cum_sum().shift(1, fill_value=0) + first
    return rows[order[_INDEX]].with_columns(order[GROUP]), starts


def _chunk_end(starts: pl.Series, start: int, stop: int) -> int:
    """Where a chunk from row ``start`` on ends: between groups, after ``MAX_CHUNK_ROWS`` rows or one longer group."""
    if stop - start <= MAX_CHUNK_ROWS:
        return stop
    index = starts.search_sorted(start + MAX_CHUNK_ROWS, side="right") - 1
    if starts[index] <= start:
        index += 1
    return int(starts[index]) if index < len(starts) else stop
