"""How the times of a column are written: by elimination over all its values, with the parsers of the mapping."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.timestamps import Clock, fields_of, format_problem, from_text, guess_unit

if TYPE_CHECKING:
    from collections.abc import Iterable

_DAYS = (
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%m.%d.%Y", "%Y/%m/%d", "%Y.%m.%d",
    "%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%d.%m.%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y",
    "%d-%b-%y", "%a, %d %b %Y", "%Y%m%d",
)  # fmt: skip
_JOINTS = (" ", "T", ", ", " - ")
_CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S%.f", "%I:%M %p", "%I:%M:%S %p", "%Hh%M", "%H%M%S")
_ZONES = ("", "%z", " %z")
_LIKE_TIME = re.compile(r"^(?=.*\d)[\d\w:/.,+ \-]{6,40}$")
_TIME_OF_DAY = re.compile(r"^(?:[01]?\d|2[0-3])[:h][0-5]\d(?::[0-5]\d)?$")
_COMPACT = re.compile(r"^\d{8}$")
_EPOCH = re.compile(r"^\d{10}(?:\d{3}(?:\d{3}(?:\d{3})?)?)?(?:\.\d+)?$")
_ZONED = r"(?i)(?:z|[+-]\d{2}:?\d{2})$"
_MIN_MS, _MAX_MS = -2_208_988_800_000, 4_102_444_800_000  # 1900 to 2100: what is an export's date, and no number
_MIN_RECENT_MS = 631_152_000_000  # 1990
_ENOUGH = 0.9
_PROBES = 20
_MOST_FORMATS = 3


@dataclass(frozen=True, slots=True)
class Times:
    """How a column writes times.

    ``formats`` are none where ISO 8601 is read without one. ``swapped`` are the formats with day and month the other
    way round, which fit as well: nothing says which are meant, and those come first that put the values closer
    together. ``unit`` counts since 1970. ``has_zone`` says that every value has its own, ``is_date`` that there is no
    time of day. ``unread`` are values that fit nothing, ``first`` and ``last`` the days between which the others lie,
    ``other_first`` and ``other_last`` those in the swapped reading.
    """

    formats: tuple[str, ...] = ()
    swapped: tuple[str, ...] = ()
    unit: str | None = None
    has_zone: bool = False
    is_date: bool = False
    unread: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    other_first: str = ""
    other_last: str = ""


def times_of(values: pl.Series, *, named: bool) -> Times | None:
    """How ``values`` (texts without nulls, each once) write times, ``None`` where they do not.

    ``named`` says that the name of the column speaks of a time: only then numbers are taken for one.
    """
    probes = [text for text in values.head(_PROBES) if _LIKE_TIME.match(text)]
    if len(probes) < _ENOUGH * min(len(values), _PROBES) or not probes:
        return None
    if _EPOCH.match(probes[0]):
        return _epoch(values) if named else None
    if _COMPACT.match(probes[0]) and not named:
        return None
    if (read := _milliseconds(values, ())).null_count() <= (1 - _ENOUGH) * len(values):
        return _described(values, (), (), read)
    return _by_formats(values, probes)


def is_time_of_day(values: pl.Series) -> bool:
    """Whether ``values`` are times of day without a date."""
    return len(values) > 0 and all(_TIME_OF_DAY.match(text) for text in values)


def typed_times(column: pl.Series) -> Times | None:
    """What there is to say about a column of dates or datetimes of Parquet."""
    if not isinstance(column.dtype, pl.Date | pl.Datetime):
        return None
    has_zone = isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None
    days = column.drop_nulls().dt.strftime("%Y-%m-%d")
    first, last = str(days.min() or ""), str(days.max() or "")
    return Times(has_zone=has_zone, is_date=column.dtype == pl.Date, first=first, last=last)


def epoch_of_numbers(column: pl.Series) -> Times | None:
    """The unit of whole numbers that count since 1970, ``None`` where they do not."""
    return _epoch(column.drop_nulls().unique().cast(pl.String)) if column.dtype.is_integer() else None


def _epoch(values: pl.Series) -> Times | None:
    numbers = values.cast(pl.Float64, strict=False)
    unit = guess_unit(numbers)
    factor = {"s": 1000.0, "ms": 1.0, "us": 0.001, "ns": 0.000001}[unit]
    moments = (numbers * factor).cast(pl.Int64, strict=False)
    good = moments.is_between(_MIN_RECENT_MS, _MAX_MS)
    if good.sum() < _ENOUGH * len(values):
        return None
    first, last = _span(moments.filter(good))
    return Times(
        unit=unit, has_zone=True, unread=tuple(values.filter(~good.fill_null(value=False))), first=first, last=last
    )


def _by_formats(values: pl.Series, probes: list[str]) -> Times | None:
    """The formats that read most values, one after the other, up to those that read nearly all."""
    left, chosen = values, list[str]()
    read = pl.repeat(None, len(values), dtype=pl.Int64, eager=True)
    while len(chosen) < _MOST_FORMATS and len(left):
        found = _best(left, probes, chosen)
        if found is None:
            break
        chosen.append(found)
        read = _milliseconds(values, tuple(chosen))
        left = values.filter(read.is_null())
        probes = list(left.head(_PROBES))
    if not chosen or read.null_count() > (1 - _ENOUGH) * len(values):
        return None
    return _with_other_reading(values, tuple(chosen), read)


def _with_other_reading(values: pl.Series, formats: tuple[str, ...], read: pl.Series) -> Times:
    """What is known of the values, with the reading that has day and month swapped where it fits as well."""
    swapped = tuple(map(_swapped, formats))
    other = _milliseconds(values, swapped) if swapped != formats else None
    if other is None or other.null_count() > read.null_count():
        return _described(values, formats, (), read)
    if _width(other) < _width(read):
        formats, swapped, read, other = swapped, formats, other, read
    first, last = _span(other)
    return replace(_described(values, formats, swapped, read), other_first=first, other_last=last)


def _width(moments: pl.Series) -> int:
    return int(moments.max() or 0) - int(moments.min() or 0)  # type: ignore[arg-type]


def _best(values: pl.Series, probes: list[str], before: list[str]) -> str | None:
    few = pl.Series(probes, dtype=pl.String)
    fitting = {item: len(few) - _milliseconds(few, (item,)).null_count() for item in _candidates(probes)}
    fitting = {item: count for item, count in fitting.items() if count and _swapped(item) not in before}
    if not fitting:
        return None
    scores = {item: len(values) - _milliseconds(values, (item,)).null_count() for item in fitting}
    return max(scores, key=lambda item: scores[item])


def _candidates(probes: list[str]) -> Iterable[str]:
    """Formats that the signs in ``probes`` allow: each is tried on the values, which costs more."""
    text = "\n".join(probes)
    days = [day for day in _DAYS if all(sign in text for sign in "/-." if sign in day)]
    if not re.search(r"\d[:h]\d\d|[T ]\d{6}", text):
        return days
    joints = [joint for joint in _JOINTS if joint in text]
    clocks = [clock for clock in _CLOCKS if _is_possible(clock, text)]
    zones = [zone for zone in _ZONES if not zone or re.search(r"(?i)\d *(?:z|[+-]\d\d:?\d\d)$", text, re.MULTILINE)]
    return ["".join(parts) for parts in product(days, joints, clocks, zones)]


def _is_possible(clock: str, text: str) -> bool:
    """Whether ``text`` has what ``clock`` needs."""
    needed = {"%p": r"(?i)[ap]m\b", "h": r"\dh\d", "%.f": r":\d\d[.,]\d", ":%S": r":\d\d:\d\d"}
    return all(re.search(pattern, text) for sign, pattern in needed.items() if sign in clock)


def _swapped(item: str) -> str:
    """The format with day and month the other way round; the same where they cannot be mixed up."""
    if not re.match(r"%[dm][/.\-]%[dm]", item):
        return item
    return item.replace("%d", "%\0").replace("%m", "%d").replace("%\0", "%m")


def _milliseconds(values: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    if any(format_problem(item) for item in formats):
        return pl.repeat(None, len(values), dtype=pl.Int64, eager=True)
    instant = fields_of(from_text(pl.col("text"), formats, Clock("UTC"))).milliseconds
    read = pl.DataFrame({"text": values}).select(moment=instant).to_series()
    return read.set(~read.is_between(_MIN_MS, _MAX_MS), None)


def _described(values: pl.Series, formats: tuple[str, ...], swapped: tuple[str, ...], read: pl.Series) -> Times:
    good = values.filter(read.is_not_null())
    has_zone = bool(good.str.contains(_ZONED).all()) and (all("%z" in item for item in formats) if formats else True)
    is_date = not good.str.contains(r"\d[:h]\d\d").any()
    first, last = _span(read)
    unread = tuple(values.filter(read.is_null()).head(3))
    return Times(formats, swapped, None, has_zone and not is_date, is_date, unread, first, last)


def _span(moments: pl.Series) -> tuple[str, str]:
    """First and last day, as people write them."""
    days = pl.from_epoch(moments.drop_nulls(), "ms").dt.strftime("%Y-%m-%d")
    return str(days.min() or ""), str(days.max() or "")
