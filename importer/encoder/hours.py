"""When events were, hour by hour: a table that grows with the time that they span, not with their number."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from importer.report import RETENTION_MONTHS, Times

HOUR_SECONDS = 3_600
HOUR_MS = HOUR_SECONDS * 1_000
_KEPT_TABLES = 64
_FIRST_HOUR, _LAST_HOUR = -70 * 8766, 130 * 8766  # about 1900 to 2099: a table of all hours has some 20 MB


def hours_of(moments: pl.Series) -> pl.DataFrame:
    """How many of ``moments`` (milliseconds since 1970) are in each hour since 1970."""
    hours = (moments.drop_nulls() // HOUR_MS).clip(_FIRST_HOUR, _LAST_HOUR).alias("hour")
    return hours.value_counts(name="events").cast({"events": pl.UInt64})


class Hours:
    """Counts events by the hour."""

    def __init__(self) -> None:
        self._tables: list[pl.DataFrame] = []

    def add(self, table: pl.DataFrame) -> None:
        """Add what :func:`hours_of` gave."""
        self._tables.append(table)
        if len(self._tables) > _KEPT_TABLES:
            self._tables = [self._sum()]

    def _sum(self) -> pl.DataFrame:
        return pl.concat(self._tables).group_by("hour").agg(pl.col("events").sum())

    def merge(self, other: Hours) -> None:
        """Add all of ``other``."""
        for table in other._tables:
            self.add(table)

    def times(self, timezone: str, now_ms: int) -> Times:
        """The events by hour of the day and by month, as clocks and calendars show them in ``timezone``."""
        if not self._tables:
            return Times(timezone)
        utc = pl.from_epoch(pl.col("hour") * HOUR_SECONDS, "s").dt.replace_time_zone("UTC")
        local = utc.dt.convert_time_zone(timezone)
        counted = self._sum().select("events", utc=utc, hour=local.dt.hour(), month=local.dt.strftime("%Y-%m"))
        limit = pl.lit(now_ms).cast(pl.Datetime("ms", "UTC")).dt.offset_by(f"-{RETENTION_MONTHS}mo")
        older = int(counted.filter(pl.col("utc") < limit)["events"].sum())
        return Times(timezone, Counter(_sums(counted, "hour")), Counter(_sums(counted, "month")), older)


def _sums(counted: pl.DataFrame, key: str) -> dict[Any, int]:
    return dict(counted.group_by(key).agg(pl.col("events").sum()).iter_rows())
