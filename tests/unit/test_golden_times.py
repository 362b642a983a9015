"""Scoreboard row 19, the golden table: what one cell becomes as ``context.event_timestamp``, in milliseconds.

``REJECT`` is a row that is not sent. No cell ever becomes the time of now.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from encoding import HEAD, run

REJECT = "rejected"
TWICE, NEVER = "time_ambiguous", "time_nonexistent"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(text: str) -> int:
    """Milliseconds of a time in UTC, by Python's own reading."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)


def times(cells: list[str], options: str = "", zone: str = "Europe/Paris") -> tuple[list[object], dict[str, int]]:
    """What each cell becomes, and what is counted."""
    field = f"  context.event_timestamp: {{column: c{options}}}\n"
    result = run(field, {"c": cells}, head=f"{HEAD}timezone: {zone}\n", is_text=True)
    found: dict[int, object] = dict.fromkeys(result.rejects, REJECT)
    found |= zip(map(int, result.encoded.rows), result.values("context.event_timestamp"), strict=True)
    return [found[row] for row in sorted(found)], result.warnings


# Wall clocks of Paris.
TIMES: list[tuple[str, object]] = [
    ("2024-10-27T01:59:59.999", utc("2024-10-26T23:59:59.999")),  # before the hour that exists twice
    ("2024-10-27T03:00:00", utc("2024-10-27T02:00:00")),  # and behind it
    ("2024-10-27T02:30:00+02:00", utc("2024-10-27T00:30:00")),  # an offset says which one
    ("2024-10-27T02:30:00+01:00", utc("2024-10-27T01:30:00")),
    ("2024-10-27T00:30:00Z", utc("2024-10-27T00:30:00")),
    ("2024-03-31T01:59:59", utc("2024-03-31T00:59:59")),  # before the hour that is not there
    ("2024-03-31T03:00:00", utc("2024-03-31T01:00:00")),
    ("2016-12-31T23:59:60Z", REJECT),  # a leap second, which no count of milliseconds has
    ("2016-12-31T23:59:60", REJECT),
    ("2024-01-01T24:00:00Z", REJECT),
    ("2024-01-01T24:00", REJECT),
    ("2024-01-01T23:60:00Z", REJECT),
    ("2024-02-30", REJECT),
    ("2023-02-29", REJECT),
    ("1900-02-29", REJECT),
    ("2000-02-29", utc("2000-02-28T23:00:00")),
    ("2024-13-01", REJECT),
    ("2024-00-10", REJECT),
    ("2024-01-00", REJECT),
    ("0000-00-00", REJECT),  # what MySQL writes for nothing
    ("0000-00-00 00:00:00", REJECT),
    ("0001-01-01T00:00:00Z", REJECT),  # what .NET writes for nothing
    ("0024-02-01T00:00:00Z", REJECT),  # two digits of a year
    ("0999-12-31T23:59:59.999Z", REJECT),
    ("1000-01-01T00:00:00Z", utc("1000-01-01T00:00:00")),
    ("9999-12-31T23:59:59.999Z", utc("9999-12-31T23:59:59.999")),
    ("9999-12-31T23:00:00-02:00", REJECT),
    ("10000-01-01T00:00:00Z", REJECT),
    ("-0001-01-01T00:00:00Z", REJECT),
    ("1969-12-31T23:59:59.999Z", -1),
    ("1970-01-01T00:00:00Z", 0),
    ("1891-03-15T00:05:00", utc("1891-03-14T23:55:39")),  # Paris kept its own mean time
    ("2024-01-02T03:04:05.123999Z", utc("2024-01-02T03:04:05.123")),  # finer digits are cut off
    ("1969-12-31T23:59:59.9999Z", -1),
    ("2024-01-02T03:04:05,123Z", REJECT),
    ("2024-01-02T03:04:05+14:00", utc("2024-01-01T13:04:05")),
    ("2024-01-02T03:04:05+24:00", REJECT),
    ("2024-01-02", utc("2024-01-01T23:00:00")),
    ("", REJECT),
    ("  ", REJECT),
    ("now", REJECT),
    ("1700000000", REJECT),  # nothing says what it counts
    ("2024-W01-1", REJECT),
    ("2024-01-02T03:04:05[Europe/Paris]", REJECT),
    ("\u0662\u0660\u0662\u0664-01-02", REJECT),
]


def test_a_cell_of_a_csv_as_a_time() -> None:
    assert times([cell for cell, _ in TIMES]) == ([expected for _, expected in TIMES], {})


@pytest.mark.parametrize("row", range(len(TIMES)))
def test_a_cell_of_a_csv_as_a_time_whatever_stands_beside_it(row: int) -> None:
    cell, expected = TIMES[row]
    assert times([cell])[0] == [expected]


TWO_HOURS = ["2024-10-27T02:00:00", "2024-10-27T02:59:59.999", "2024-03-31T02:00:00", "2024-03-31T02:59:59.999"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ["2024-10-27T00:00", "2024-10-27T00:59:59.999", "2024-03-31T01:00", "2024-03-31T01:59:59.999"]),
        (
            ", ambiguous: latest",
            ["2024-10-27T01:00", "2024-10-27T01:59:59.999", "2024-03-31T01:00", "2024-03-31T01:59:59.999"],
        ),
        (", ambiguous: reject", [REJECT, REJECT, "2024-03-31T01:00", "2024-03-31T01:59:59.999"]),
        (", nonexistent: reject", ["2024-10-27T00:00", "2024-10-27T00:59:59.999", REJECT, REJECT]),
    ],
)
def test_the_nights_on_which_the_clocks_of_paris_change(options: str, expected: list[str]) -> None:
    found, warnings = times(TWO_HOURS, options)
    assert found == [text if text == REJECT else utc(text) for text in expected]
    assert sum(warnings.values()) == 4 - expected.count(REJECT)


@pytest.mark.parametrize(
    ("zone", "cell", "expected", "counted"),
    [
        ("Australia/Lord_Howe", "2024-04-07T01:45", "2024-04-06T14:45", TWICE),  # half an hour
        ("Australia/Lord_Howe", "2024-10-06T02:15", "2024-10-05T15:45", NEVER),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00", NEVER),  # a day without its midnight
        ("America/St_Johns", "2006-10-29T00:00:30", "2006-10-29T02:30:30", TWICE),  # at one minute past midnight
        ("Africa/Casablanca", "2024-03-10T02:30", "2024-03-10T01:30", TWICE),  # Ramadan
        ("Antarctica/Troll", "2024-03-31T02:30", "2024-03-31T02:30", NEVER),  # two hours
        ("Pacific/Apia", "2011-12-30T12:00", REJECT, ""),  # a day that never was: nobody knows what is meant
        ("Europe/Dublin", "2024-10-27T01:30", "2024-10-27T00:30", TWICE),  # summer time is its standard time
        ("Asia/Kathmandu", "2024-07-01T05:45", "2024-07-01T00:00", ""),
    ],
)
def test_the_nights_of_other_zones(zone: str, cell: str, expected: str, counted: str) -> None:
    assert times([cell], zone=zone) == (
        [expected if expected == REJECT else utc(expected)],
        {counted: 1} if counted else {},
    )


# What counts since 1970, by its unit.
EPOCHS: list[tuple[str, dict[str, object]]] = [
    ("0", {"s": 0, "ms": 0, "us": 0, "ns": 0}),
    ("-1", {"s": -1000, "ms": -1, "us": -1, "ns": -1}),
    ("1700000000", {"s": 1_700_000_000_000, "ms": 1_700_000_000, "us": 1_700_000, "ns": 1_700}),
    ("1700000000000", {"s": REJECT, "ms": 1_700_000_000_000, "us": 1_700_000_000, "ns": 1_700_000}),
    ("1700000000000000", {"s": REJECT, "ms": REJECT, "us": 1_700_000_000_000, "ns": 1_700_000_000}),
    ("1700000000123999999", {"s": REJECT, "ms": REJECT, "us": REJECT, "ns": 1_700_000_000_123}),
    ("253402300799", {"s": 253_402_300_799_000, "ms": 253_402_300_799, "us": 253_402_300, "ns": 253_402}),
    ("253402300800", {"s": REJECT, "ms": 253_402_300_800, "us": 253_402_300, "ns": 253_402}),  # the year 10000
    ("253402300799999", {"s": REJECT, "ms": 253_402_300_799_999, "us": 253_402_300_799, "ns": 253_402_300}),
    ("253402300800000", {"s": REJECT, "ms": REJECT, "us": 253_402_300_800, "ns": 253_402_300}),
    ("-30610224001", {"s": REJECT, "ms": -30_610_224_001, "us": -30_610_225, "ns": -30_611}),  # the year 999
    ("9223372036854775807", {"s": REJECT, "ms": REJECT, "us": REJECT, "ns": 9_223_372_036_854}),
    ("9223372036854775808", {"s": REJECT, "ms": REJECT, "us": REJECT, "ns": REJECT}),
    ("1700000000.5", {"s": 1_700_000_000_500, "ms": 1_700_000_000, "us": 1_700_000, "ns": 1_700}),
    ("1.7e9", {"s": 1_700_000_000_000, "ms": 1_700_000_000, "us": 1_700_000, "ns": 1_700}),
    ("2024-01-02", {"s": REJECT, "ms": REJECT, "us": REJECT, "ns": REJECT}),
    ("1e400", {"s": REJECT, "ms": REJECT, "us": REJECT, "ns": REJECT}),
    ("NaN", {"s": REJECT, "ms": REJECT, "us": REJECT, "ns": REJECT}),
    ("", {"s": REJECT, "ms": REJECT, "us": REJECT, "ns": REJECT}),
]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_count_since_1970(unit: str) -> None:
    found, warnings = times([cell for cell, _ in EPOCHS], f", unit: {unit}")
    assert found == [expected[unit] for _, expected in EPOCHS]
    assert warnings == {}


@pytest.mark.parametrize(
    "column", [pl.Series([None], dtype=pl.Datetime("us", "UTC")), pl.Series([None], dtype=pl.Date)]
)
def test_a_blank_time_of_parquet_is_a_reject(column: pl.Series) -> None:
    result = run("  context.event_timestamp: c\n", {"c": column}, head=f"{HEAD}timezone: UTC\n")
    assert [code for code, _ in result.rejects.values()] == ["timestamp_missing"]
