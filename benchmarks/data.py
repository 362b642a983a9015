"""The input of the benchmarks: orders of a web shop as Parquet or CSV, the same for the same number of rows.

Run as ``python -m benchmarks.data FILE ROWS [KIND]``: in a process of its own, so that its memory counts for nobody
else. KIND is ``full`` (no null at all) or ``nullable`` (8 of the 18 columns, each null in about a quarter of the rows).
FILE ends with ``.parquet`` or ``.csv``.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

ROW_GROUP_ROWS = 100_000
PART_ROWS = 1_000_000
CSV_TIME = "%Y-%m-%dT%H:%M:%S%.3fZ"
FIRST_ORDER = datetime(2021, 1, 1, tzinfo=UTC)
APART_MS = 97_003
IN_FIVE_YEARS = 1_600_000  # orders; then they begin anew, so that all are in the past

STATUSES = ["shipped", "delivered", "in_progress", "returned"]
CURRENCIES = ["EUR", "EUR", "EUR", "GBP", "CHF"]
PAYMENTS = ["card", "direct_debit", "by_invoice", "online_payment_system"]
LABELS = [
    "Chaussures de randonnée imperméables, pointure 42",
    "Veste softshell femme, bleu nuit, taille M",
    'Sac à dos "Étape" 35 litres, gris anthracite',
    "Lampe frontale rechargeable 400 lumens",
    "Gourde isotherme acier 75 cl, vert sapin",
]
BRANDS = ["Altitude", "Nordkamm", "Été Indien"]
COUPONS = ["WELCOME10", "SOLDES-ÉTÉ", "FREESHIP"]
# Without the last two the event reference is not satisfied: a warning each, and the event is sent.
NULLABLE = ["coupon", "brand", "page_url", "ip", "tax", "customer_id", "payment_method", "revenue"]


def write_orders(file: Path, rows: int, *, nullable: bool = False) -> None:
    """Write ``rows`` orders to ``file``, complete or not at all, in memory that does not grow with ``rows``."""
    parts = (
        orders(min(PART_ROWS, rows - first), first=first, nullable=nullable) for first in range(0, rows, PART_ROWS)
    )
    write(file, parts)


def write(file: Path, parts: Iterable[pl.DataFrame]) -> None:
    """Write ``parts`` one behind the other, as Parquet or as CSV by the name of ``file``."""
    unfinished = file.with_suffix(".unfinished")
    with _csv(unfinished) if file.suffix == ".csv" else _parquet(unfinished) as add:
        for part in parts:
            add(part)
    unfinished.replace(file)


@contextmanager
def _parquet(file: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    writers: list[pq.ParquetWriter] = []

    def add(part: pl.DataFrame) -> None:
        table = part.to_arrow(compat_level=pl.CompatLevel.oldest())
        if not writers:
            writers.append(pq.ParquetWriter(file, table.schema, compression="zstd"))
        writers[0].write_table(table, row_group_size=ROW_GROUP_ROWS)

    yield add
    for writer in writers:
        writer.close()


@contextmanager
def _csv(file: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    with file.open("wb") as target:

        def add(part: pl.DataFrame) -> None:
            part.write_csv(target, include_header=target.tell() == 0, datetime_format=CSV_TIME)

        yield add


def orders(rows: int, *, first: int = 0, nullable: bool = False) -> pl.DataFrame:
    """``rows`` orders from number ``first`` on, 18 columns, typed as a shop's database would type them."""
    full = _orders(rows, first)
    if not nullable:
        return full
    gaps = {name: _draw([True, False, False, False], rows, seed=first + 21 + i) for i, name in enumerate(NULLABLE)}
    return full.with_columns(pl.when(~gap).then(name).alias(name) for name, gap in gaps.items())


def _orders(rows: int, first: int) -> pl.DataFrame:
    number = pl.int_range(first, first + rows, dtype=pl.Int64)
    digits = number.cast(pl.String).str.zfill(9)
    customer = (number * 7919 % 900_001).cast(pl.String).str.zfill(8)
    quantity = _draw(range(1, 6), rows, seed=first + 1)
    price = (_draw(range(490, 25_000, 5), rows, seed=first + 2) / 100).round(2)
    net = (quantity * price).round(2)
    tax = (net * 0.2).round(2)
    sku = _draw(range(100_000, 130_000), rows, seed=first + 4).cast(pl.String)
    return pl.select(
        order_id="FR-" + digits,
        ordered_at=times(number),
        status=_draw(STATUSES, rows, seed=first + 5),
        total=(net + tax).round(2),
        revenue=net,
        tax=tax,
        currency=_draw(CURRENCIES, rows, seed=first + 6),
        payment_method=_draw(PAYMENTS, rows, seed=first + 7),
        coupon=_draw(COUPONS, rows, seed=first + 8),
        sku=sku,
        quantity=quantity,
        label=_draw(LABELS, rows, seed=first + 9),
        price=price,
        brand=_draw(BRANDS, rows, seed=first + 10),
        customer_id=customer,
        email="client." + customer + "@example.com",
        page_url="https://www.boutique.example/produits/" + sku + "?utm_source=newsletter",
        ip="82.64." + (number % 256).cast(pl.String) + "." + (number // 256 % 256).cast(pl.String),
    )


def times(number: pl.Expr) -> pl.Expr:
    """The time of each order, by its number."""
    return pl.lit(FIRST_ORDER).cast(pl.Datetime("us", "UTC")) + pl.duration(
        milliseconds=number % IN_FIVE_YEARS * APART_MS
    )


def _draw(values: Sequence[object], rows: int, *, seed: int) -> pl.Series:
    return pl.Series(list(values)).sample(rows, with_replacement=True, seed=seed)


if __name__ == "__main__":
    write_orders(Path(sys.argv[1]), int(sys.argv[2]), nullable=sys.argv[3:] == ["nullable"])
