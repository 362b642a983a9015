"""Order lines of a shop, three an order, as Parquet; the same for the same number of lines.

Run as ``python -m benchmarks.lines FILE LINES ORDER``: ``sorted`` by order, or ``scattered``, which puts the lines of
an order far from each other, all over the file: the worst case for grouping.
"""

from __future__ import annotations

import sys
from math import gcd
from pathlib import Path

import polars as pl

from benchmarks.data import CURRENCIES, LABELS, PART_ROWS, times, write

LINES_OF_ORDER = 3


def main() -> None:
    """Write the file."""
    file, lines, is_sorted = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "sorted"
    step = 1 if is_sorted else scattering(lines)
    parts = (order_lines(first, min(PART_ROWS, lines - first), lines, step) for first in range(0, lines, PART_ROWS))
    write(file, parts)


def scattering(lines: int) -> int:
    """A step through ``lines`` that meets each of them once, and no neighbours soon: near the golden section."""
    step = max(int(lines * 0.618), 1)
    while gcd(step, lines) != 1:
        step += 1
    return step


def order_lines(first: int, rows: int, lines: int, step: int) -> pl.DataFrame:
    """``rows`` of ``lines`` lines from ``first`` on, in the order that ``step`` makes."""
    line = pl.int_range(first, first + rows, dtype=pl.Int64) * step % lines
    order = line // LINES_OF_ORDER
    customer = (order * 7919 % 900_001).cast(pl.String).str.zfill(8)
    return pl.select(
        order_id="FR-" + order.cast(pl.String).str.zfill(9),
        ordered_at=times(order),
        currency=_pick(CURRENCIES, order),
        sku=(line * 6151 % 30_000 + 100_000).cast(pl.String),
        label=_pick(LABELS, line),
        quantity=line * 31 % 5 + 1,
        price=((line * 7129 % 24_500 + 490) / 100).round(2),
        customer_id=customer,
        email="client." + customer + "@example.com",
    )


def _pick(values: list[str], number: pl.Expr) -> pl.Expr:
    return pl.lit(pl.Series(values)).gather(number % len(values))


if __name__ == "__main__":
    main()
