"""When events were, and what the shape of that betrays."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from importer.encoder.hours import Hours, hours_of
from importer.report import Report, Times, render_text

NOW_MS = int(datetime(2026, 11, 27, tzinfo=UTC).timestamp() * 1000)


def times(moments: list[datetime], timezone: str = "UTC") -> Times:
    hours = Hours()
    for moment in moments:  # a table each, more than are kept
        hours.add(hours_of(pl.Series([int(moment.timestamp() * 1000)])))
    return hours.times(timezone, NOW_MS)


def test_hours_and_months_are_those_of_clocks_and_calendars_there() -> None:
    night = datetime(2024, 1, 1, 0, 30, tzinfo=ZoneInfo("Europe/Paris"))
    summer = datetime(2024, 7, 1, 12, 59, 59, tzinfo=ZoneInfo("Europe/Paris"))
    found = times([night] * 100 + [summer] * 2, "Europe/Paris")
    assert found.by_hour == {0: 100, 12: 2}
    assert found.by_month == {"2024-01": 100, "2024-07": 2}
    assert times([night]).by_month == {"2023-12": 1}


def test_what_is_older_than_twelve_months() -> None:
    found = times([datetime(2025, 11, 26, 23, tzinfo=UTC), datetime(2025, 11, 27, 1, tzinfo=UTC)])
    assert found.older == 1


def test_times_without_end_take_no_room_without_end() -> None:
    hours = Hours()
    hours.add(hours_of(pl.Series([-(10**15), 10**15, None])))
    found = hours.times("UTC", NOW_MS)
    assert sorted(found.by_month) == ["1899-12", "2100-01"]
    assert found.events == 2


def shop(quiet_from: int, events: int = 5_000) -> Times:
    """A shop that is quiet for six hours of the day."""
    weights = {hour: 0 if (hour - quiet_from) % 24 < 6 else 10 for hour in range(24)}
    unit = events // sum(weights.values())
    return Times(
        "Europe/Paris", Counter({hour: weight * unit for hour, weight in weights.items()}), Counter({"2024-01": 1})
    )


@pytest.mark.parametrize("quiet_from", [22, 23, 0, 1, 2, 3, 4])
def test_a_quiet_night_is_no_news(quiet_from: int) -> None:
    assert list(shop(quiet_from).oddities()) == []


@pytest.mark.parametrize("quiet_from", [7, 9, 12, 15, 17])
def test_a_shop_that_sleeps_by_day_has_another_zone(quiet_from: int) -> None:
    (oddity,) = shop(quiet_from).oddities()
    assert oddity.rule == "time_zone"
    assert f"{(quiet_from + 3) % 24:02}:00 in Europe/Paris" in oddity.message


def test_few_events_dates_and_even_days_have_no_shape() -> None:
    assert list(shop(12, events=500).oddities()) == []
    assert list(Times("UTC", Counter({0: 5_000}), Counter({"2024-01": 1})).oddities()) == []
    assert list(Times("UTC", Counter(dict.fromkeys(range(24), 100)), Counter({"2024-01": 1})).oddities()) == []


def test_times_before_1970_are_no_seconds_taken_for_milliseconds() -> None:
    assert list(times([datetime(1955, 5, 5, tzinfo=UTC)] * 5).oddities()) == []


def test_more_events_than_32_bits_count() -> None:
    hours, table = Hours(), hours_of(pl.Series([0]))
    for _ in range(3):
        hours.add(table.with_columns(events=pl.lit(2**31, dtype=pl.UInt64)))
    assert hours.times("UTC", NOW_MS).events == 3 * 2**31


def test_seconds_that_were_taken_for_milliseconds() -> None:
    moments = [datetime.fromtimestamp(1_700_000_000 / 1000 + day, tz=UTC) for day in range(5)]
    (oddity,) = times(moments).oddities()
    assert oddity.rule == "time_unit"
    assert "unit: s" in oddity.message


def test_a_dry_run_draws_the_hours_and_names_the_months_without_an_event() -> None:
    report = Report()
    report.coverage.add(3, {"id": 3, "items[].id": 1}, {"items": 2})
    report.times = times([datetime(2024, month, 1, hour, tzinfo=UTC) for month, hour in ((1, 0), (1, 0), (4, 23))])
    lines = render_text(report, dry_run=True).splitlines()
    words = [" ".join(line.split()) for line in lines]
    assert {"3 id 100.0%", "1 items[].id 50.0% of the entries", "by year 2024 3"} <= set(words)
    assert f"  by hour       0 █{' ' * 22}▄ 23" in lines
    assert "  no event in     2024-02, 2024-03" in lines
    assert any("events (100.0%) are from more than 12 months ago" in line for line in lines)
    assert "Targets" not in render_text(report)
