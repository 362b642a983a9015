# ruff: noqa: DTZ001  wall clocks have no zone

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from importer.mapping import timestamps
from importer.mapping.timestamps import Clock

PARIS = Clock("Europe/Paris")


def read(text: str, formats: Sequence[str] = (), clock: Clock = PARIS) -> int | None:
    instant = timestamps.fields_of(timestamps.from_text(pl.col("t"), tuple(formats), clock))
    return pl.DataFrame({"t": [text]}, schema={"t": pl.String}).select(instant.milliseconds).item()


def utc(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-02T03:04:05+01:00", utc(2024, 1, 2, 2, 4, 5)),
        ("2024-01-02T03:04:05Z", utc(2024, 1, 2, 3, 4, 5)),
        ("2024-01-02t03:04:05.123z", utc(2024, 1, 2, 3, 4, 5) + 123),
        ("2024-01-02T03:04:05.123999+01", utc(2024, 1, 2, 2, 4, 5) + 123),
        ("2024-01-02T03:04+0100", utc(2024, 1, 2, 2, 4)),
        ("2024-01-02 03:04:05", utc(2024, 1, 2, 2, 4, 5)),
        ("2024-07-02 03:04", utc(2024, 7, 2, 1, 4)),
        ("2024-01-02", utc(2024, 1, 1, 23)),
        (" 2024-01-02 ", utc(2024, 1, 1, 23)),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("9999-12-31T23:59:59Z", utc(9999, 12, 31, 23, 59, 59)),
    ],
)
def test_iso_8601_needs_no_format(text: str, expected: int | None) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2024-06-30T23:59:60Z",
        "2024-02-30",
        "2024-01-01T24:00:00",
        "2024-01-01 12:60",
        "garbage",
        "",
        "20240101",
        "01/02/2024",
    ],
)
def test_what_is_no_time_has_no_value(text: str) -> None:
    assert read(text) is None


def test_mixed_forms_in_one_column_are_each_read() -> None:
    texts = ["2024-01-02T03:04:05+01:00", "2024-01-02", None, "x", "2024-01-02 03:04"]
    instant = timestamps.fields_of(timestamps.from_text(pl.col("t"), (), PARIS))
    found = pl.DataFrame({"t": texts}).select(instant.milliseconds).to_series().to_list()
    assert found == [read(text) for text in texts]


def test_without_a_zone_in_text_or_mapping_there_is_no_time() -> None:
    assert read("2024-01-02 03:04:05", clock=Clock(None)) is None
    assert read("2024-01-02T03:04:05Z", clock=Clock(None)) is not None


@pytest.mark.parametrize(
    ("text", "formats", "expected"),
    [
        ("01/07/2024 10:00", ["%d/%m/%Y %H:%M"], utc(2024, 7, 1, 8)),
        ("1/7/2024 9:05", ["%d/%m/%Y %H:%M"], utc(2024, 7, 1, 7, 5)),
        ("01/07/2024", ["%d/%m/%Y %H:%M", "%d/%m/%Y"], utc(2024, 6, 30, 22)),
        ("2024-07-01 10:00 +0300", ["%Y-%m-%d", "%Y-%m-%d %H:%M %z"], utc(2024, 7, 1, 7)),
        ("2024-07-01T10:00:00Z", ["%Y-%m-%dT%H:%M:%S%z"], utc(2024, 7, 1, 10)),
        ("02/01/2024 03:04 PM", ["%d/%m/%Y %I:%M %p"], utc(2024, 1, 2, 14, 4)),
        ("20240630235959", ["%Y%m%d%H%M%S"], utc(2024, 6, 30, 21, 59, 59)),
        ("20240630235960", ["%Y%m%d%H%M%S"], None),
        ("2024-06-30 23.59.60", ["%Y-%m-%d %H.%M.%S"], None),
        ("32/01/2024 00:00", ["%d/%m/%Y %H:%M"], None),
        ("01/07/2024 10:00 x", ["%d/%m/%Y %H:%M"], None),
    ],
)
def test_formats(text: str, formats: Sequence[str], expected: int | None) -> None:
    assert read(text, formats) == expected


@pytest.mark.parametrize(
    ("clock", "autumn", "spring"),
    [
        (Clock("Europe/Paris"), utc(2024, 10, 27, 0, 30), utc(2024, 3, 31, 1, 30)),
        (Clock("Europe/Paris", ambiguous="latest"), utc(2024, 10, 27, 1, 30), utc(2024, 3, 31, 1, 30)),
        (Clock("Europe/Paris", ambiguous="reject"), None, utc(2024, 3, 31, 1, 30)),
        (Clock("Europe/Paris", nonexistent="reject"), utc(2024, 10, 27, 0, 30), None),
        (Clock("Europe/Paris", ambiguous="reject", nonexistent="reject"), None, None),
    ],
)
def test_the_nights_on_which_clocks_change(clock: Clock, autumn: int | None, spring: int | None) -> None:
    assert read("2024-10-27 02:30", clock=clock) == autumn
    assert read("2024-03-31 02:30", clock=clock) == spring


def test_such_nights_are_told_apart() -> None:
    instant = timestamps.fields_of(timestamps.from_text(pl.col("t"), (), PARIS))
    frame = pl.DataFrame({"t": ["2024-10-27 02:30", "2024-03-31 02:30", "2024-10-27T02:30Z", None]})
    assert frame.select(instant.ambiguous).to_series().to_list() == [True, False, False, False]
    assert frame.select(instant.nonexistent).to_series().to_list() == [False, True, False, False]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_typed_columns_in_every_unit(unit: str) -> None:
    naive = pl.DataFrame({"t": [datetime(2024, 7, 1, 10, 0, 0, 123_000), None]}, schema={"t": pl.Datetime(unit)})
    local = timestamps.fields_of(timestamps.from_wall_clock(pl.col("t"), PARIS))
    aware = timestamps.from_instant(pl.col("t").dt.replace_time_zone("America/New_York"))
    assert naive.select(local.milliseconds).to_series().to_list() == [utc(2024, 7, 1, 8) + 123, None]
    assert naive.select(aware.milliseconds).to_series().to_list() == [utc(2024, 7, 1, 14) + 123, None]


def test_a_date_is_its_midnight() -> None:
    local = timestamps.fields_of(timestamps.from_wall_clock(pl.col("t"), PARIS))
    assert pl.DataFrame({"t": [date(2024, 7, 1)]}).select(local.milliseconds).item() == utc(2024, 6, 30, 22)


def test_before_1970_finer_units_are_cut_down_not_up() -> None:
    frame = pl.DataFrame({"t": [datetime(1970, 1, 1) - timedelta(microseconds=1)]})
    local = timestamps.fields_of(timestamps.from_wall_clock(pl.col("t"), Clock("UTC")))
    assert frame.select(local.milliseconds).item() == -1
    assert pl.DataFrame({"t": [-1]}).select(timestamps.from_epoch(pl.col("t"), "us").milliseconds).item() == -1


@pytest.mark.parametrize(
    ("unit", "number", "expected"),
    [
        ("s", 1_700_000_000, 1_700_000_000_000),
        ("s", 1_700_000_000.1234, 1_700_000_000_123),
        ("s", "1700000000.5", 1_700_000_000_500),
        ("ms", 1_700_000_000_123, 1_700_000_000_123),
        ("ms", "1700000000123.0", 1_700_000_000_123),
        ("ms", 1.7e12, 1_700_000_000_000),
        ("us", 1_700_000_000_123_999, 1_700_000_000_123),
        ("ns", 1_700_000_000_123_999_999, 1_700_000_000_123),
        ("s", float("nan"), None),
        ("s", float("inf"), None),
        ("ms", 1e30, None),
    ],
)
def test_epochs(unit: str, number: float | str, expected: int | None) -> None:
    assert (
        pl.DataFrame({"t": [number]}).select(timestamps.from_epoch(pl.col("t"), unit).milliseconds).item() == expected
    )


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([1_700_000_000], "s"),
        ([1_700_000_000_000], "ms"),
        ([1_700_000_000_000_000], "us"),
        ([1_700_000_000_000_000_000], "ns"),
        (["1700000000000", None, "1700000000001", "0"], "ms"),
        ([], "s"),
        ([None], "s"),
    ],
)
def test_the_unit_of_a_column_is_guessed_from_its_median(values: list[object], unit: str) -> None:
    assert timestamps.guess_unit(pl.Series(values, dtype=pl.String if "0" in values else None)) == unit


@pytest.mark.parametrize("item", ["%d/%m/%Y %H:%M", "%d/%m/%y", "%Y-%m-%dT%H:%M:%S%.f%:z", "%j %Y", "%Y-%m-%d %-H:%M"])
def test_a_format_that_reads_what_it_writes_is_fine(item: str) -> None:
    assert timestamps.format_problem(item) == ""


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("%Y-%m-%d %H:%M %Z", "%z"),
        ("%s", "unit: s"),
        ("%Y-%m-%d %H:%M:%S.%f", "write %.f"),
        ("%d/%m", "whole date"),
        ("%H:%M", "whole date"),
        ("%d/%m/%Y %H", "hour and minute"),
        ("%Q", "cannot"),
    ],
)
def test_a_format_that_cannot_read_a_time_is_a_problem(item: str, said: str) -> None:
    assert said in timestamps.format_problem(item)


def test_the_bounds_are_what_they_say() -> None:
    assert utc(1000, 1, 1) == timestamps.MIN_MILLISECONDS
    assert utc(9999, 12, 31, 23, 59, 59) + 999 == timestamps.MAX_MILLISECONDS
