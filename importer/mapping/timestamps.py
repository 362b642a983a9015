"""Timestamps to integer milliseconds since 1970 in UTC, the unit of ``context.event_timestamp`` (vendor: HTTP Tracking API).

A text is read by the formats of the mapping, or as ISO 8601 when there are none. A time without a zone is a wall
clock in the zone of the mapping: twice a year such a clock shows an hour twice (``ambiguous``) or skips one
(``nonexistent``). Leap seconds (:60), 24:00 and days that do not exist have no value and are rejected by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

_DAY_FORMAT_LETTERS = ("%H", "%I", "%T", "%R", "%X", "%s", "%c")
_ZONE_LETTERS = ("%z", "%:z", "%#z", "%+")
_GAP_HOURS = 3  # no zone has ever skipped more than that at a change of its clock, apart from whole days

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


def needs_zone(dtype: pl.DataType, formats: tuple[str, ...]) -> bool:
    """Whether values of this column certainly carry no zone of their own."""
    if dtype == pl.String:
        return bool(formats) and not all(_has_zone(text) for text in formats)
    return dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None)


def from_text(text: pl.Expr, formats: tuple[str, ...], clock: Clock) -> Instant:
    """Read a text column by ``formats``, the first that fits, or as ISO 8601."""
    clean = text.str.strip_chars()
    clean = pl.when(~clean.str.contains(":60", literal=True)).then(clean)
    if not formats:
        return _from_iso(clean, clock)
    aware = [_parse_aware(clean, item) for item in formats if _has_zone(item)]
    naive = [_parse_naive(clean, item) for item in formats if not _has_zone(item)]
    if not naive:
        return Instant(pl.coalesce(aware))
    local = from_wall_clock(pl.coalesce(naive), clock)
    return Instant(pl.coalesce([*aware, local.milliseconds]), local.ambiguous, local.nonexistent)


def from_wall_clock(naive: pl.Expr, clock: Clock) -> Instant:
    """Read naive datetimes as the wall clock of ``clock.timezone``."""
    if clock.timezone is None:
        return Instant(pl.lit(None, dtype=pl.Int64))
    naive = naive.cast(pl.Datetime("us"))
    either = naive.dt.replace_time_zone(clock.timezone, ambiguous="earliest", non_existent="null")
    strict = naive.dt.replace_time_zone(clock.timezone, ambiguous="null", non_existent="null")
    absent = naive.is_not_null() & either.is_null()
    twice = either.is_not_null() & strict.is_null()
    policy = {"earliest": "earliest", "latest": "latest", "reject": "null"}[clock.ambiguous]
    value = naive.dt.replace_time_zone(clock.timezone, ambiguous=policy, non_existent="null")
    milliseconds = _milliseconds(value)
    if clock.nonexistent == "shift":
        # The instant with the offset before the gap: the clock reads on, as if it had not been put forward yet.
        before = naive.dt.offset_by(f"-{_GAP_HOURS}h")
        shifted = before.dt.replace_time_zone(clock.timezone, ambiguous="earliest", non_existent="null")
        milliseconds = (
            pl.when(absent).then(_milliseconds(shifted) + _GAP_HOURS * 3_600_000).otherwise(milliseconds)
        )
    return Instant(milliseconds, twice, absent)


def from_datetime(column: pl.Expr, dtype: pl.Datetime | pl.Date, clock: Clock) -> Instant:
    """Read a typed column: an instant where it has a zone, a wall clock where it has none, a date as its midnight."""
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return Instant(_milliseconds(column))
    return from_wall_clock(column, clock)


def from_epoch(number: pl.Expr, unit: str) -> Instant:
    """Read numbers that count ``s``, ``ms``, ``us`` or ``ns`` since 1970. Finer units are cut to whole milliseconds."""
    if unit == "s":
        return Instant((number.cast(pl.Float64, strict=False) * 1000).round(0).cast(pl.Int64, strict=False))
    whole = number.cast(pl.Int64, strict=False)
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
    clean = text.str.strip_chars()
    dates = [clean.str.to_datetime(item, strict=False, time_unit="us").dt.date() if _has_time(item)
             else clean.str.to_date(item, strict=False) for item in formats or ("%Y-%m-%d",)]  # fmt: skip
    return pl.coalesce(dates)


def _from_iso(text: pl.Expr, clock: Clock) -> Instant:
    upper = text.str.to_uppercase().str.replace(" ", "T", literal=True)
    aware = upper.str.replace(r"Z$", "+00:00").str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f%#z", strict=False, time_unit="us", time_zone="UTC"
    )
    short = upper.str.replace(r"Z$", "+00:00").str.to_datetime(
        "%Y-%m-%dT%H:%M%#z", strict=False, time_unit="us", time_zone="UTC"
    )
    naive = pl.coalesce(
        upper.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us"),
        upper.str.to_datetime("%Y-%m-%dT%H:%M", strict=False, time_unit="us"),
        upper.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")),
    )
    local = from_wall_clock(naive, clock)
    return Instant(
        pl.coalesce([_milliseconds(aware), _milliseconds(short), local.milliseconds]),
        local.ambiguous,
        local.nonexistent,
    )


def _parse_aware(text: pl.Expr, item: str) -> pl.Expr:
    return _milliseconds(text.str.to_datetime(item, strict=False, time_unit="us", time_zone="UTC"))


def _parse_naive(text: pl.Expr, item: str) -> pl.Expr:
    if _has_time(item):
        return text.str.to_datetime(item, strict=False, time_unit="us")
    return text.str.to_date(item, strict=False).cast(pl.Datetime("us"))


def _milliseconds(instant: pl.Expr) -> pl.Expr:
    return instant.dt.epoch("ms").cast(pl.Int64)


def _has_zone(item: str) -> bool:
    return any(letters in item for letters in _ZONE_LETTERS)


def _has_time(item: str) -> bool:
    return any(letters in item for letters in _DAY_FORMAT_LETTERS)
