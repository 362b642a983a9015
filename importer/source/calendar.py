"""Times that no calendar has.

Parquet counts times from 1970 on in 32 or 64 bits, and most of what fits there lies outside of the years 1 to 9999: a
wrong unit, garbage, or infinity as some databases write it. Polars panics at some of these values and Python has no
dates for them, so they are found here, by their numbers, before anything looks at them as times.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from importer.source.parquet_types import instance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MARGIN = timedelta(hours=14)  # no clock is further from UTC
_STEPS = {"ms": timedelta(milliseconds=1), "us": timedelta(microseconds=1)}  # ns reach from 1677 to 2262
_NAMES = {"ms": "milliseconds", "us": "microseconds"}


class Calendar:
    """Finds the rows with such times in frames with the columns of ``schema``, inside of lists and structs, too."""

    def __init__(self, schema: Mapping[str, pl.DataType]) -> None:
        found = {name: _strays(pl.col(name), dtype) for name, dtype in schema.items()}
        self._strays = {name: expr for name, expr in found.items() if expr is not None}

    def strays(self, frame: pl.DataFrame) -> pl.Series:
        """Whether each row of ``frame`` has a time outside of the years 1 to 9999."""
        if not self._strays:
            return pl.repeat(value=False, n=frame.height, eager=True)
        return frame.select(pl.any_horizontal(self._strays.values()).fill_null(value=False)).to_series()

    def explain(self, frame: pl.DataFrame) -> Iterator[tuple[str, dict[str, Any]]]:
        """For each row of ``frame``, which all are strays: what is wrong, and its values with the times as numbers."""
        which = frame.select(expr.alias(name) for name, expr in self._strays.items())
        numbers = frame.with_columns(_number(name, frame.schema[name]) for name in self._strays)
        for flags, values in zip(which.iter_rows(named=True), numbers.iter_rows(named=True), strict=True):
            name = next(name for name, is_stray in flags.items() if is_stray)
            dtype = frame.schema[name]
            what = "holds a time" if dtype.is_nested() else f"is {values[name]} {_unit(dtype)} since 1970, which is"
            yield f"Column `{name}` {what} outside of the years 1 to 9999.", values


def _strays(column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    """Whether a value holds such a time, ``None`` when its type cannot. Null where there is no value."""
    if isinstance(dtype, pl.Struct):
        members = [_strays(column.struct.field(field.name), instance(field.dtype)) for field in dtype.fields]
        found = [member for member in members if member is not None]
        return pl.any_horizontal(found) if found else None
    if isinstance(dtype, pl.List):
        entry = _strays(pl.element(), instance(dtype.inner))
        return column.list.eval(entry).list.any() if entry is not None else None
    bounds = _bounds(dtype)
    return column.to_physical().is_between(*bounds).not_() if bounds else None


def _bounds(dtype: pl.DataType) -> tuple[int, int] | None:
    """The smallest and largest number that is a time, on every clock of the zone of the column."""
    if dtype == pl.Date:
        return (date.min - _EPOCH.date()).days, (date.max - _EPOCH.date()).days
    if not isinstance(dtype, pl.Datetime) or dtype.time_unit not in _STEPS:
        return None
    margin = timedelta() if dtype.time_zone in {None, "UTC"} else _MARGIN
    first, last = datetime.min.replace(tzinfo=UTC) + margin, datetime.max.replace(tzinfo=UTC) - margin
    step = _STEPS[dtype.time_unit]
    return (first - _EPOCH) // step, (last - _EPOCH) // step


def _number(name: str, dtype: pl.DataType) -> pl.Expr:
    """The column for people, without a look at its times."""
    return pl.lit("…").alias(name) if dtype.is_nested() else pl.col(name).to_physical()


def _unit(dtype: pl.DataType) -> str:
    return _NAMES[dtype.time_unit] if isinstance(dtype, pl.Datetime) else "days"
