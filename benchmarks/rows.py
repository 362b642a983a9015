"""The rows of a file of orders as dicts, for the scripts that the importer is compared with. Memory is bounded."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

SLICE_ROWS = 25_000


def rows(file: str) -> Iterator[dict[str, Any]]:
    """The rows of a file as dicts; the time of the order in epoch milliseconds."""
    return rows_of_csv(file) if file.endswith(".csv") else rows_of_parquet(file)


def rows_of_parquet(file: str) -> Iterator[dict[str, Any]]:
    """As :func:`rows`."""
    scan = pl.scan_parquet(file).with_columns(pl.col("ordered_at").dt.epoch("ms"))
    start = 0
    while not (part := scan.slice(start, SLICE_ROWS).collect()).is_empty():
        yield from part.iter_rows(named=True)
        start += SLICE_ROWS


def rows_of_csv(file: str) -> Iterator[dict[str, Any]]:
    """As :func:`rows`; an empty cell is ``None``."""
    with Path(file).open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            typed: dict[str, Any] = {name: cell or None for name, cell in row.items()}
            for name in ("total", "revenue", "tax", "price"):
                if typed[name] is not None:
                    typed[name] = float(typed[name])
            typed["quantity"] = int(typed["quantity"])
            typed["ordered_at"] = round(datetime.fromisoformat(typed["ordered_at"]).timestamp() * 1000)
            yield typed
