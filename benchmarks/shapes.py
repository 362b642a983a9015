"""Rows of other shapes: so many columns, or events of so many bytes. The same for the same options.

Run as ``python -m benchmarks.shapes FILE ROWS columns N`` or ``... bytes N``. Three columns are id, customer and time;
the others are members of the event, or one text that fills it up.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from benchmarks.data import LABELS, times, write
from benchmarks.shapes_mapping import names

PART_ROWS = 20_000
# What an event has beside its filling: names, times, and two ids of 8 characters. Longer digits might be cards.
BARE_EVENT_BYTES = 149


def main() -> None:
    """Write the file."""
    file, rows, kind, number = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    write(file, (part(first, min(PART_ROWS, rows - first), kind, number) for first in range(0, rows, PART_ROWS)))


def part(first: int, rows: int, kind: str, number: int) -> pl.DataFrame:
    """``rows`` rows from ``first`` on."""
    index = pl.int_range(first, first + rows, dtype=pl.Int64)
    fixed = pl.select(
        row_id="R" + index.cast(pl.String).str.zfill(7),
        customer_id="C" + (index * 7919 % 900_001).cast(pl.String).str.zfill(7),
        seen_at=times(index),
    )
    return fixed.with_columns(columns(number) if kind == "columns" else [filling(number)])


def columns(number: int) -> list[pl.Expr]:
    """What is to be added for ``number`` columns: whole numbers, amounts and texts in turn."""
    index = pl.int_range(pl.len(), dtype=pl.Int64)
    kinds = (
        lambda i: (index * (7919 + i)) % 10_007,
        lambda i: ((index * (6151 + i)) % 100_003 / 100).round(2),
        lambda i: pl.lit(pl.Series(LABELS)).gather((index + i) % len(LABELS)).str.slice(0, 24),
    )
    return [kinds[i % len(kinds)](i).alias(name) for i, name in enumerate(names("columns", number))]


def filling(size: int) -> pl.Expr:
    """A text that makes the event about ``size`` bytes large, and another one in each row."""
    words = " ".join(LABELS)
    missing = max(size - BARE_EVENT_BYTES, 1)
    text = (words * (missing // len(words) + 2))[: missing + len(words)]
    start = pl.int_range(pl.len(), dtype=pl.Int64) % len(words)
    return pl.concat_str("row_id", pl.lit(text).str.slice(start, missing)).str.slice(0, missing).alias("text")


if __name__ == "__main__":
    main()
