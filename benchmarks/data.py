"""The input of the benchmarks: orders of a web shop as Parquet, the same for the same number of rows.

Run as ``python -m benchmarks.data FILE ROWS``: in a process of its own, so that its memory counts for nobody else.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

ROW_GROUP_ROWS = 100_000
FIRST_ORDER = datetime(2021, 1, 1, tzinfo=UTC)

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
BRANDS = ["Altitude", "Nordkamm", "Été Indien", None]
COUPONS = ["WELCOME10", "SOLDES-ÉTÉ", "FREESHIP", None]


def write_orders(file: Path, rows: int) -> None:
    """Write ``rows`` orders to ``file``, complete or not at all."""
    unfinished = file.with_suffix(".unfinished")
    orders(rows).write_parquet(unfinished, row_group_size=ROW_GROUP_ROWS)
    unfinished.replace(file)


def orders(rows: int) -> pl.DataFrame:
    """``rows`` orders, 18 columns, typed as a shop's database would type them."""
    number = pl.int_range(rows, dtype=pl.Int64)
    digits = number.cast(pl.String).str.zfill(9)
    customer = (number * 7919 % 900_001).cast(pl.String).str.zfill(8)
    quantity = _draw(range(1, 6), rows, seed=1)
    price = (_draw(range(490, 25_000, 5), rows, seed=2) / 100).round(2)
    net = (quantity * price).round(2)
    tax = (net * 0.2).round(2)
    sku = _draw(range(100_000, 130_000), rows, seed=4).cast(pl.String)
    return pl.select(
        order_id="FR-" + digits,
        ordered_at=pl.lit(FIRST_ORDER).cast(pl.Datetime("us", "UTC")) + pl.duration(milliseconds=number * 97_003),
        status=_draw(STATUSES, rows, seed=5),
        total=(net + tax).round(2),
        revenue=net,
        tax=tax,
        currency=_draw(CURRENCIES, rows, seed=6),
        payment_method=_draw(PAYMENTS, rows, seed=7),
        coupon=_draw(COUPONS, rows, seed=8),
        sku=sku,
        quantity=quantity,
        label=_draw(LABELS, rows, seed=9),
        price=price,
        brand=_draw(BRANDS, rows, seed=10),
        customer_id=customer,
        email="client." + customer + "@example.com",
        page_url="https://www.boutique.example/produits/" + sku + "?utm_source=newsletter",
        ip="82.64." + (number % 256).cast(pl.String) + "." + (number // 256 % 256).cast(pl.String),
    )


def _draw(values: Sequence[object], rows: int, *, seed: int) -> pl.Series:
    return pl.Series(list(values)).sample(rows, with_replacement=True, seed=seed)


if __name__ == "__main__":
    write_orders(Path(sys.argv[1]), int(sys.argv[2]))
