"""Timestamps to integer milliseconds since 1970 in UTC, the unit of ``context.event_timestamp`` (vendor: Tracking API).

A text is read by the formats of the mapping, or as ISO 8601 when there are none. A time without a zone is a wall
clock in the zone of the mapping: twice a year such a clock shows an hour twice (``ambiguous``) or skips one
(``nonexistent``). Leap seconds (:60), 24:00 and days that do not exist have no value and are rejected by the caller.
Finer units are cut down to whole milliseconds, before 1970 as well as after.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

_TIME_OF_DAY = re.compile(r"%[-_0]?[HIklTRXrcMS+]")
_ZONE = re.compile(r"%(?::{0,3}|#)z|%\+")
_GAP = pl.duration(hours=3)  # no zone has ever skipped more than that at a change of its clock, apart from whole days

MIN_YEAR = 1000
"""A year below has come from two digits that were read as four: ``%Y`` takes 24 for the year 24."""
MAX_YEAR = 9999
MIN_MILLISECONDS = -30_610_224_000_000
"""Of 1000-01-01 in UTC."""
MAX_MILLISECONDS = 253_402_300_799_999
"""Of the last one of 9999 in UTC. Milliseconds that are taken for seconds come to lie far behind."""

EPOCH_SECONDS_BELOW = 100_000_000_000
EPOCH_MILLISECONDS_BELOW = 100_000_000_000_000
EPOCH_MICROSECONDS_BELOW = 100_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class Clock:
    """How a time without a zone is read: the zone, and what happens in the hours that exist twice or not at all."""

    timezone: str | None
    ambiguous: str = "earliest"
    nonexistent: str = "shift"


@dataclass(frozen=True, slots=True)
class Instant:
    """Milliseconds as an expression, and two Boolean ones: the wall clock showed that hour twice, or not at all."""

    milliseconds: pl.Expr
    ambiguous: pl.Expr | None = None
    nonexistent: pl.Expr | None = None


def format_problem(item: str) -> str:
    """What is wrong with a format, as the end of a sentence; empty when it reads what it writes."""
    if "%Z" in item:
        return "has %Z: the name of a zone does not say its offset; use %z, or leave it out and set `timezone`"
    if "%s" in item:
        return "has %s: for seconds since 1970 write `unit: s` instead of a format"
    sample = datetime(2001, 10, 23, 14, 35, 56, tzinfo=UTC)
    try:
        text = pl.Series([sample]).dt.strftime(item)
        parsed = text.to_frame("text").select(_parsed(pl.col("text"), item)).to_series()
    except pl.exceptions.PolarsError as error:
        return f"cannot be used: {str(error).partition('.')[0].splitlines()[0]}"
    return "" if parsed.null_count() == 0 else "does not say a whole date: it wants year, month and day"


def needs_zone(dtype: pl.DataType, formats: tuple[str, ...]) -> bool:
    """Whether values of this column certainly carry no zone of their own."""
    if dtype == pl.String:
        return bool(formats) and not all(_has_zone(text) for text in formats)
    return dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None)


def from_text(text: pl.Expr, formats: tuple[str, ...], clock: Clock) -> Instant:
    """Read a text column by ``formats``, the first that fits, or as ISO 8601."""
    clean = text.str.strip_chars()
    if not formats:
        return _from_iso(clean, clock)
    aware = [_milliseconds(_parsed(clean, item)) for item in formats if _has_zone(item)]
    naive = [item for item in formats if not _has_zone(item)]
    if not naive:
        return Instant(pl.coalesce(aware))
    local = from_wall_clock(_first_parsed(clean, naive), clock)
    return Instant(pl.coalesce([*aware, local.milliseconds]), local.ambiguous, local.nonexistent)


def from_wall_clock(naive: pl.Expr, clock: Clock) -> Instant:
    """Read naive datetimes as the wall clock of ``clock.timezone``."""
    if clock.timezone is None:
        return Instant(pl.lit(None, dtype=pl.Int64))
    naive = naive.cast(pl.Datetime("us"))
    earliest = naive.dt.replace_time_zone(clock.timezone, ambiguous="earliest", non_existent="null")
    latest = naive.dt.replace_time_zone(clock.timezone, ambiguous="latest", non_existent="null")
    absent = naive.is_not_null() & earliest.is_null()
    twice = (earliest != latest).fill_null(value=False)
    value = {"earliest": earliest, "latest": latest, "reject": pl.when(~twice).then(earliest)}[clock.ambiguous]
    if clock.nonexistent == "shift":
        # The instant with the offset before the gap: the clock reads on, as if it had not been put forward yet.
        before = pl.when(absent).then(naive - _GAP)
        shifted = before.dt.replace_time_zone(clock.timezone, ambiguous="earliest", non_existent="null") + _GAP
        value = pl.coalesce(value, shifted) if clock.ambiguous != "reject" else pl.when(absent).then(shifted).otherwise(value)
    return Instant(_milliseconds(value), twice, absent)


def from_datetime(column: pl.Expr, dtype: pl.Datetime | pl.Date, clock: Clock) -> Instant:
    """Read a typed column: an instant where it has a zone, a wall clock where it has none, a date as its midnight."""
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return Instant(_milliseconds(column))
    return from_wall_clock(column, clock)


def from_epoch(number: pl.Expr, unit: str) -> Instant:
    """Read numbers, or their tokens, that count ``s``, ``ms``, ``us`` or ``ns`` since 1970."""
    if unit == "s":
        return Instant((number.cast(pl.Float64, strict=False) * 1000).round(0).cast(pl.Int64, strict=False))
    # the second for floats and for tokens such as 1700000000000.0
    whole = pl.coalesce(
        number.cast(pl.Int64, strict=False), number.cast(pl.Float64, strict=False).floor().cast(pl.Int64, strict=False)
    )
    return Instant(whole if unit == "ms" else whole.floordiv({"us": 1_000, "ns": 1_000_000}[unit]))


def guess_unit(values: pl.Series) -> str:
    """The epoch unit that makes the median of ``values`` a time between 1973 and 5138. Seconds when there are none."""
    median = values.cast(pl.Float64, strict=False).abs().median()
    if not isinstance(median, float) or median < EPOCH_SECONDS_BELOW:
        return "s"
    if median < EPOCH_MILLISECONDS_BELOW:
        return "ms"
    return "us" if median < EPOCH_MICROSECONDS_BELOW else "ns"


def parse_date(text: pl.Expr, formats: tuple[str, ...]) -> pl.Expr:
    """A text column as dates, by the first of ``formats`` that fits, or ``YYYY-MM-DD``."""
    return _first_parsed(text.str.strip_chars(), formats or ("%Y-%m-%d",)).dt.date()


def iso_text(column: pl.Expr, dtype: pl.Datetime) -> pl.Expr:
    """A typed time as ISO 8601, with the offset where it has a zone and as many decimals as it needs."""
    return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if dtype.time_zone else ""))


def _from_iso(text: pl.Expr, clock: Clock) -> Instant:
    shaped = text.str.to_uppercase().str.replace(" ", "T", literal=True)
    aware = _first_parsed(shaped, ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"])
    rest = pl.when(aware.is_null()).then(shaped)
    naive = _first_parsed(rest, ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d", "%Y-%m-%dT%H:%M"])
    local = from_wall_clock(naive, clock)
    return Instant(pl.coalesce(_milliseconds(aware), local.milliseconds), local.ambiguous, local.nonexistent)


def _first_parsed(text: pl.Expr, formats: Iterable[str]) -> pl.Expr:
    """The first format that fits, each tried only on what those before it have left."""
    first, *others = formats
    found = _parsed(text, first)
    for item in others:
        found = pl.coalesce(found, _parsed(pl.when(found.is_null()).then(text), item))
    return found


def _parsed(text: pl.Expr, item: str) -> pl.Expr:
    """Datetimes by one format, in UTC when it has a zone, null where it does not fit."""
    if not _TIME_OF_DAY.search(item):
        return text.str.to_date(item, strict=False).cast(pl.Datetime("us"))
    zone = "UTC" if _has_zone(item) else None
    # as Python does, %z takes Z for +00:00, which %#z does too; that one would take an offset without minutes besides
    text = text.str.replace(r"[Zz]$", "+00:00") if zone else text
    return _without_leap_second(text, item).str.to_datetime(item, strict=False, time_unit="us", time_zone=zone)


def _without_leap_second(text: pl.Expr, item: str) -> pl.Expr:
    """Null where the seconds are 60, which Polars would read as the minute after."""
    if not re.search(r"%[-_0]?[STXrc+]", item):
        return text
    if match := re.search(r"(?<!:)%[-_0]?S", item):  # 235960: where the digits stand, only the format knows
        literal = item[: match.start()] + "60" + item[match.end() :]
        sixty = text.str.to_datetime(literal, strict=False, time_unit="us").is_not_null()
    else:
        sixty = text.str.contains(":60", literal=True)
    return pl.when(~sixty).then(text)


def _milliseconds(instant: pl.Expr) -> pl.Expr:
    return instant.dt.epoch("ms")


def _has_zone(item: str) -> bool:
    return _ZONE.search(item) is not None
