"""What a reader hands over: columns with the source row of each, and what could not become a row."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from importer.records import Place, Reject, Span


MAX_CHUNK_ROWS = 18_000  # an event may be a hundred times its row: this bounds what stands behind the reader


@dataclass(frozen=True)
class Anchor:
    """Where a block of CSV starts, so that a resume is a seek.

    ``row`` is the first row of the block, ``offset`` its byte in the file (in its text, where that is compressed), and
    ``line`` its physical line.
    """

    row: int
    offset: int
    line: int


@dataclass(frozen=True)
class Lines:
    """Physical lines of rows: from ``rows[i]`` on, row ``r`` is on line ``numbers[i] + r - rows[i]``."""

    rows: Sequence[int] = ()
    numbers: Sequence[int] = ()

    def of(self, row: int) -> int:
        """The physical line on which ``row`` starts, 0 when the format has no lines."""
        index = bisect_right(self.rows, row) - 1
        return self.numbers[index] + row - self.rows[index] if index >= 0 else 0


@dataclass(frozen=True)
class Chunk:
    """Some rows of a source.

    ``frame`` holds the good rows of ``span`` and ``rows`` (Int64, increasing) the source row of each. ``rejects`` are
    the broken records of ``span`` in row order, ``blank`` is the number of its blank records. Together they are all
    rows of the span: ``frame.height + len(rejects) + blank == span.rows``. ``anchor`` is where the block starts in
    which the span lies (CSV only).

    Rows that were staged have other numbers than in their files: then ``places`` says where each one stands, and
    ``file_rows`` and ``file_lines`` are row and physical line there, for every row. ``groups`` are numbers that do not
    decrease, equal for the rows of one event; ``None`` where every row is its own event.
    """

    span: Span
    frame: pl.DataFrame
    rows: pl.Series
    rejects: tuple[Reject, ...] = ()
    blank: int = 0
    anchor: Anchor | None = None
    lines: Lines = field(default=Lines(), repr=False)
    places: Callable[[int], Place] | None = field(default=None, repr=False)
    groups: pl.Series | None = None
    file_rows: pl.Series | None = None
    file_lines: pl.Series | None = None

    def line_of(self, row: int) -> int:
        """The physical line on which ``row`` starts, 0 for Parquet."""
        return self.lines.of(row)

    def line_numbers(self) -> pl.Series:
        """The physical line of every row of the frame in its file, as Int64; 0 for Parquet."""
        if self.file_lines is not None:
            return self.file_lines
        if not self.lines.rows:
            return pl.zeros(self.frame.height, dtype=pl.Int64, eager=True)
        firsts = pl.Series(self.lines.rows, dtype=pl.Int64)
        index = firsts.search_sorted(self.rows, side="right").cast(pl.Int64) - 1
        return pl.Series(self.lines.numbers, dtype=pl.Int64).gather(index) + self.rows - firsts.gather(index)


class Reader(Protocol):
    """One source file, whatever its format. ``schema`` has every column of the file, in its order."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """Polars type of each column; all text for CSV."""
        ...

    @property
    def total_rows(self) -> int | None:
        """Number of rows, ``None`` as long as the end of a CSV was not reached."""
        ...

    def chunks(self, missing: Sequence[Span], anchors: Sequence[Anchor] = ()) -> Iterator[Chunk]:
        """The rows of ``missing`` that exist, in order; their spans cover them exactly. Known anchors save reading."""
        ...


def overlaps(missing: Sequence[Span], start: int, stop: int) -> list[tuple[int, int]]:
    """The parts of rows ``start`` to ``stop - 1`` that are in ``missing`` (sorted, disjoint), as (first, stop)."""
    parts = []
    for index in range(bisect_right(missing, start, key=lambda span: span.stop), len(missing)):
        span = missing[index]
        if span.start >= stop:
            break
        parts.append((max(start, span.start), min(stop, span.stop)))
    return parts


def chunk_parts(missing: Sequence[Span], start: int, stop: int) -> list[tuple[int, int]]:
    """As :func:`overlaps`, and none is longer than ``MAX_CHUNK_ROWS``: a longer one is cut evenly."""
    parts = []
    for begin, last in overlaps(missing, start, stop):
        rows = evenly(last - begin, MAX_CHUNK_ROWS)
        parts += [(first, min(first + rows, last)) for first in range(begin, last, rows)]
    return parts


def evenly(rows: int, most: int) -> int:
    """The rows of a part when ``rows`` are cut into parts of one size, of at most ``most``: a small rest is dear."""
    return ceil(rows / ceil(rows / most)) if rows else most
