"""Timestamps to integer milliseconds since 1970 in UTC, the unit of ``context.event_timestamp`` (vendor: Tracking API).

A text is read by the formats of the mapping, or as ISO 8601 when there are none. A time without a zone is a wall
clock in the zone of the mapping: twice a year such a clock shows an hour twice (``ambiguous``) or skips one
(``nonexistent``). Leap seconds (:60), 24:00 and days that do not exist have no value and are rejected by the caller.
Finer units are cut down to whole milliseconds, before 1970 as well as after.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

_TIME_OF_DAY = re.compile(r"%[-_0]?[HIklTRXrcMS+]")
_ZONE = re.compile(r"%(?::{0,3}|#)z|%\+")
_GAP = timedelta(hours=3)  # no zone has ever skipped more than that at a change of its clock, apart from whole days

_HALF_TIMES = {
    "hour and minute": "says the time by half: it wants hour and minute, or neither",
    "12-hour": "says the time by half: %I wants %p (AM or PM) beside it; hours from 0 to 23 are %H",
}
_NO_LETTER = "cannot be used: a % has no letter behind it, or one that means nothing"

_ISO_SECONDS = "%Y-%m-%dT%H:%M:%S"
_ISO = (f"{_ISO_SECONDS}%.f", "%Y-%m-%d", "%Y-%m-%dT%H:%M", f"{_ISO_SECONDS}%.f%#z", "%Y-%m-%dT%H:%M%#z")
_SECONDS_CHARACTERS = 19
_MIDNIGHT = "2000-01-01T00:00:00"
_MOST_ENDINGS = 2_000  # the thousand milliseconds, in a few zones
_FIELDS = ("milliseconds", "ambiguous", "nonexistent")
_INSTANT = pl.Struct(dict(zip(_FIELDS, (pl.Int64, pl.Boolean, pl.Boolean), strict=True)))

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


@lru_cache(maxsize=256)
def format_problem(item: str) -> str:
    """What is wrong with a format, as the end of a sentence; empty when it reads what it writes."""
    if "%Z" in item:
        return "has %Z: the name of a zone does not say its offset; use %z, or leave it out and set `timezone`"
    if "%s" in item:
        return "has %s: for seconds since 1970 write `unit: s` instead of a format"
    if "%f" in item:
        return "has %f, which counts nanoseconds: for decimals of a second write %.f, with no dot before it"
    sample = datetime(2001, 10, 23, 14, 35, 56, tzinfo=UTC)
    try:
        text = pl.Series([sample]).dt.strftime(item)
        parsed = _parsed(text, item)
    except pl.exceptions.PolarsError as error:
        return next((words for part, words in _HALF_TIMES.items() if part in str(error)), _NO_LETTER)
    return "" if parsed.dt.date()[0] == sample.date() else "does not say a whole date: it wants year, month and day"


def needs_zone(dtype: pl.DataType, formats: tuple[str, ...]) -> bool:
    """Whether values of this column certainly carry no zone of their own."""
    if dtype == pl.String:
        return bool(formats) and not all(_has_zone(text) for text in formats)
    return dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None)


def from_text(text: pl.Expr, formats: tuple[str, ...], clock: Clock) -> pl.Expr:
    """Read a text column by ``formats``, the first that fits, or as ISO 8601, to a struct: see :func:`fields_of`.

    Works on whole columns and not as one expression, so that a format is tried only where those before it have left
    something, and the rare hours are looked for only where there are any. A row's result depends on that row alone.
    """
    return text.map_batches(
        lambda column: _read(column, formats, clock).packed(), return_dtype=_INSTANT, is_elementwise=True
    )


def from_wall_clock(naive: pl.Expr, clock: Clock) -> pl.Expr:
    """Read naive datetimes or dates as the wall clock of ``clock.timezone``, to a struct: see :func:`fields_of`."""
    return naive.cast(pl.Datetime("us")).map_batches(
        lambda column: _read_wall_clock(column, clock).packed(), return_dtype=_INSTANT, is_elementwise=True
    )


def fields_of(instants: pl.Expr) -> Instant:
    """The parts of what :func:`from_text` and :func:`from_wall_clock` give."""
    return Instant(*(instants.struct.field(name) for name in _FIELDS))


def from_instant(column: pl.Expr) -> Instant:
    """Read a datetime column that has a zone."""
    return Instant(column.dt.epoch("ms"))


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
    wanted = formats or ("%Y-%m-%d",)
    return text.map_batches(
        lambda column: _first_parsed(column.str.strip_chars(), wanted).dt.date(),
        return_dtype=pl.Date,
        is_elementwise=True,
    )


def iso_text(column: pl.Expr, dtype: pl.Datetime) -> pl.Expr:
    """A typed time as ISO 8601, with the offset where it has a zone and as many decimals as it needs.

    The mean times of before about 1900 have seconds in their offset, which ISO 8601 cannot say: they are given in UTC.
    """
    item = "%Y-%m-%dT%H:%M:%S%.f"
    if not dtype.time_zone:
        return column.dt.strftime(item)
    local = column.dt.strftime(f"{item}%:z")
    if dtype.time_zone == "UTC":
        return local
    offset = column.dt.base_utc_offset() + column.dt.dst_offset()
    in_utc = column.dt.convert_time_zone("UTC").dt.strftime(f"{item}%:z")
    return pl.when(offset.dt.total_seconds() % 60 == 0).then(local).otherwise(in_utc)


@dataclass(frozen=True, slots=True)
class _Read:
    """The same as :class:`Instant`, computed."""

    milliseconds: pl.Series
    ambiguous: pl.Series
    nonexistent: pl.Series

    def packed(self) -> pl.Series:
        return pl.DataFrame({name: getattr(self, name) for name in _FIELDS}).to_struct()


def _read(column: pl.Series, formats: tuple[str, ...], clock: Clock) -> _Read:
    text = column.str.strip_chars()
    naive, aware = _by_formats(text, formats) if formats else iso_times(text)
    read = _read_wall_clock(naive, clock)
    if aware.null_count() == len(aware):
        return read
    return replace(read, milliseconds=read.milliseconds.zip_with(aware.is_null(), aware.dt.epoch("ms")))


def _read_wall_clock(naive: pl.Series, clock: Clock) -> _Read:
    never = pl.repeat(value=False, n=len(naive), dtype=pl.Boolean, eager=True)
    if clock.timezone is None or naive.null_count() == len(naive):
        return _Read(pl.repeat(None, len(naive), dtype=pl.Int64, eager=True), never, never)
    earliest = naive.dt.replace_time_zone(clock.timezone, ambiguous="earliest", non_existent="null")
    latest = naive.dt.replace_time_zone(clock.timezone, ambiguous="latest", non_existent="null")
    twice = (earliest != latest).fill_null(value=False)
    absent = naive.is_not_null() & earliest.is_null()
    value = latest if clock.ambiguous == "latest" else earliest
    if clock.ambiguous == "reject":
        value = value.set(twice, None)
    milliseconds = value.dt.epoch("ms")
    if clock.nonexistent == "shift" and absent.any():
        milliseconds = milliseconds.zip_with(~absent, _shifted(naive, clock.timezone))
    return _Read(milliseconds, twice, absent)


def _shifted(naive: pl.Series, timezone: str) -> pl.Series:
    """The instant with the offset before the gap: the clock reads on, as if it had not been put forward yet."""
    before = (naive - _GAP).dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    return (before + _GAP).dt.epoch("ms")


def iso_times(text: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Times by ISO 8601, as of a wall clock, and in UTC where the text has a zone: null in one of them, or in both.

    A fraction and a zone are dear to read, and few of them are different in a column. So each is read once, behind one
    midnight, and added to the date and time before it.
    """
    text = text.str.to_uppercase().str.replace(" ", "T", literal=True)
    ending = text.str.slice(_SECONDS_CHARACTERS)
    endings = ending.unique().drop_nulls()
    if not 0 < len(endings) <= _MOST_ENDINGS:
        return _by_formats(text, _ISO)
    midnight = datetime.fromisoformat(_MIDNIGHT)
    naive, aware = _by_formats(_MIDNIGHT + endings, _ISO)
    known = pl.DataFrame({"ending": endings, "naive": naive - midnight, "aware": aware - midnight.replace(tzinfo=UTC)})
    added = ending.alias("ending").to_frame().join(known, on="ending", how="left", maintain_order="left")
    begun = _parsed(text.str.slice(0, _SECONDS_CHARACTERS), _ISO_SECONDS)
    naive, aware = begun + added["naive"], (begun + added["aware"]).dt.replace_time_zone("UTC")
    others = text.set(naive.is_not_null() | aware.is_not_null(), None)
    if others.null_count() == len(others):
        return naive, aware
    other_naive, other_aware = _by_formats(others, _ISO)
    return naive.zip_with(naive.is_not_null(), other_naive), aware.zip_with(aware.is_not_null(), other_aware)


def _by_formats(text: pl.Series, formats: tuple[str, ...]) -> tuple[pl.Series, pl.Series]:
    """Times by the first format that fits, as of a wall clock, and in UTC for formats with a zone, which come last."""
    naive = _first_parsed(text, [item for item in formats if not _has_zone(item)])
    zoned = [item for item in formats if _has_zone(item)]
    if naive.null_count() == text.null_count():
        zoned = []
    aware = _first_parsed(text.set(naive.is_not_null(), None), zoned)
    return naive, aware if zoned else aware.dt.replace_time_zone("UTC")


def _first_parsed(text: pl.Series, formats: Iterable[str]) -> pl.Series:
    """Datetimes by the first format that fits each text, in UTC where the formats have a zone."""
    found = pl.Series([None], dtype=pl.Datetime("us")).new_from_index(0, len(text))
    for number, item in enumerate(formats):
        if number and found.null_count() == text.null_count():
            break
        parsed = _parsed(text.set(found.is_not_null(), None) if number else text, item)
        found = found.zip_with(found.is_not_null(), parsed) if number else parsed
    return found


def _parsed(text: pl.Series, item: str) -> pl.Series:
    """Datetimes by one format, in UTC when it has a zone, null where it does not fit."""
    if not _TIME_OF_DAY.search(item):
        return text.str.to_date(item, strict=False).cast(pl.Datetime("us"))
    zone = "UTC" if _has_zone(item) else None
    text = text.str.replace("Z$", "+00:00") if zone else text  # Python's %z takes a Z, that of Polars does not
    leap = _leap_seconds(text, item)
    text = text.set(leap, None) if leap.any() else text
    return text.str.to_datetime(item, strict=False, time_unit="us", time_zone=zone)


def _leap_seconds(text: pl.Series, item: str) -> pl.Series:
    """Where the seconds are 60, which Polars would read as the minute after. Only the format knows where they stand."""
    suspicious = text.str.contains("60", literal=True).fill_null(value=False)
    seconds = re.search(r"%[-_0]?S|%[TXrc+]", item)
    if seconds is None or not suspicious.any():
        return pl.repeat(value=False, n=len(text), dtype=pl.Boolean, eager=True)
    if seconds[0] != "%S":
        return text.str.contains(":60", literal=True).fill_null(value=False)
    literal = f"{item[: seconds.start()]}60{item[seconds.end() :]}"
    return text.str.to_datetime(literal, strict=False, time_unit="us").is_not_null()


def _has_zone(item: str) -> bool:
    return _ZONE.search(item) is not None
