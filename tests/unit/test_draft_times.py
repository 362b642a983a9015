"""How columns write times: what is told from all their values, and what nobody can tell."""

from __future__ import annotations

import polars as pl
import pytest

from importer.draft.times import Times, epoch_of_numbers, is_time_of_day, times_of, typed_times


def found(*values: str, named: bool = True) -> Times | None:
    return times_of(pl.Series(values, dtype=pl.String), named=named)


@pytest.mark.parametrize(
    ("values", "formats"),
    [
        (("2024-01-02 03:04:05", "2024-12-31T23:59"), ()),
        (("2024-01-02",), ()),
        (("03/04/2024", "13/04/2024"), ("%d/%m/%Y",)),
        (("03/04/2024", "04/13/2024"), ("%m/%d/%Y",)),
        (("1/2/2010 8:26", "12/31/2010 17:06"), ("%m/%d/%Y %H:%M",)),
        (("31.12.24", "01.02.24"), ("%d.%m.%y",)),
        (("31-12-2024 10:00:01", "01-02-2024 11:00:00"), ("%d-%m-%Y %H:%M:%S",)),
        (("12-Jan-2024", "3-Feb-2024"), ("%d-%b-%Y",)),
        (("January 5, 2024", "May 6, 2024"), ("%B %d, %Y",)),
        (("05/31/2024 01:02 PM", "06/01/2024 11:59 AM"), ("%m/%d/%Y %I:%M %p",)),
        (("31/12/2024 14h05", "01/01/2024 09h30"), ("%d/%m/%Y %Hh%M",)),
        (("20240131", "20241231"), ("%Y%m%d",)),
        (("2024/01/02 10:00:00.123", "2024/11/02 10:00:00.5"), ("%Y/%m/%d %H:%M:%S%.f",)),
    ],
)
def test_formats_are_found_by_elimination(values: tuple[str, ...], formats: tuple[str, ...]) -> None:
    times = found(*values)
    assert times is not None
    assert (times.formats, times.swapped, times.unread) == (formats, (), ())


def test_day_and_month_stay_open_where_no_value_is_above_12() -> None:
    times = found("01/02/2024", "02/02/2024", "03/02/2024")
    assert times is not None
    assert (times.formats, times.swapped) == (("%d/%m/%Y",), ("%m/%d/%Y",))
    assert (times.first, times.last) == ("2024-02-01", "2024-02-03")
    assert (times.other_first, times.other_last) == ("2024-01-02", "2024-03-02")


def test_the_reading_that_lies_closer_together_comes_first() -> None:
    times = found("12/1/2010 8:26", "12/2/2010 17:06")
    assert times is not None
    assert times.formats == ("%m/%d/%Y %H:%M",)


def test_two_formats_in_one_column() -> None:
    times = found(*(f"{day}/03/2024 10:00" for day in range(10, 30)), "2024-05-06T07:08")
    assert times is not None
    assert times.formats[0] == "%d/%m/%Y %H:%M"
    assert not times.unread


def test_what_is_no_time_is_told_and_does_not_hide_the_format() -> None:
    times = found(*(f"{day}/03/2024" for day in range(10, 30)), "31/02/2024")
    assert times is not None
    assert (times.formats, times.unread) == (("%d/%m/%Y",), ("31/02/2024",))


@pytest.mark.parametrize(
    ("values", "has_zone"),
    [
        (("2024-01-02T03:04:05Z", "2024-01-02T03:04:05+01:00"), True),
        (("2024-01-02T03:04:05Z", "2024-01-02T03:04:05"), False),
        (("02/13/2024 10:00:00 +0100",), True),
        (("2024-01-02",), False),
    ],
)
def test_whether_times_have_a_zone(values: tuple[str, ...], has_zone: bool) -> None:  # noqa: FBT001  (a parameter)
    times = found(*values)
    assert times is not None
    assert times.has_zone == has_zone


@pytest.mark.parametrize(
    ("value", "unit"),
    [("1700000000", "s"), ("1700000000123", "ms"), ("1700000000123456", "us"), ("1700000000123456789", "ns")],
)
def test_units_since_1970(value: str, unit: str) -> None:
    times = found(value)
    assert times is not None
    assert (times.unit, times.first) == (unit, "2023-11-14")


@pytest.mark.parametrize("values", [("1700000000",), ("20240131",)])
def test_numbers_are_times_only_where_the_name_says_so(values: tuple[str, ...]) -> None:
    assert found(*values, named=False) is None


@pytest.mark.parametrize(
    "values", [("0612345678",), ("12.50", "13.75"), ("A-1", "A-2"), ("10.0.0.1",), ("x" * 30,), ()]
)
def test_other_values_are_no_times(values: tuple[str, ...]) -> None:
    assert found(*values) is None


def test_times_of_day() -> None:
    assert is_time_of_day(pl.Series(["09:15", "23:59:59", "8h30"]))
    assert not is_time_of_day(pl.Series(["24:15"]))
    assert not is_time_of_day(pl.Series([], dtype=pl.String))


def test_typed_columns() -> None:
    days = pl.Series(["2024-01-02"]).str.to_date()
    assert typed_times(days) == Times(is_date=True, first="2024-01-02", last="2024-01-02")
    moments = typed_times(days.cast(pl.Datetime("us", "UTC")))
    assert moments is not None
    assert moments.has_zone
    assert typed_times(pl.Series([1])) is None
    epoch = epoch_of_numbers(pl.Series([1_700_000_000_000]))
    assert epoch is not None
    assert epoch.unit == "ms"
    assert epoch_of_numbers(pl.Series([17])) is None
