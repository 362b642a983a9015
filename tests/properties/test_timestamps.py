"""Wall clocks against zoneinfo, above all in the nights on which they change."""

# ruff: noqa: DTZ001  wall clocks have no zone

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.mapping import timestamps
from importer.mapping.timestamps import Clock

ZONES = st.sampled_from(["Europe/Paris", "America/New_York"])
# the last Sundays of March and October, the second of March, the first of November: all within these days
NIGHTS = st.builds(
    lambda year, days, minutes: datetime(year, *days) + timedelta(minutes=minutes),
    st.integers(1990, 2030),
    st.sampled_from([(3, 7), (3, 24), (4, 1), (10, 24), (11, 1)]),
    st.integers(0, 8 * 24 * 60),
)
ANY_TIME = st.datetimes(datetime(1920, 1, 1), datetime(2037, 12, 31)).map(lambda moment: moment.replace(microsecond=0))


def read(moments: list[datetime], clock: Clock) -> list[tuple[int | None, bool, bool]]:
    instant = timestamps.fields_of(timestamps.from_text(pl.col("t"), (), clock))
    frame = pl.DataFrame({"t": [moment.isoformat(" ") for moment in moments]}, schema={"t": pl.String})
    return frame.select(ms=instant.milliseconds, twice=instant.ambiguous, never=instant.nonexistent).rows()


def by_zoneinfo(moment: datetime, zone: str, fold: int) -> tuple[int, bool]:
    """Milliseconds, and whether the clock ever showed that time. In a gap, fold 0 has the offset before it."""
    local = moment.replace(tzinfo=ZoneInfo(zone), fold=fold)
    back = local.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return round(local.timestamp() * 1000), back == moment


@settings(max_examples=60, deadline=None)
@given(moments=st.lists(NIGHTS | ANY_TIME, min_size=1, max_size=20), zone=ZONES)
@pytest.mark.parametrize("ambiguous", ["earliest", "latest"])
def test_wall_clocks_agree_with_zoneinfo(moments: list[datetime], zone: str, ambiguous: str) -> None:
    for moment, (ms, twice, never) in zip(moments, read(moments, Clock(zone, ambiguous)), strict=True):
        first, exists = by_zoneinfo(moment, zone, 0)
        second, _ = by_zoneinfo(moment, zone, 1)
        assert never is not exists
        assert twice is (exists and first != second)
        assert ms == (second if twice and ambiguous == "latest" else first)


@settings(max_examples=40, deadline=None)
@given(st.lists(NIGHTS, min_size=1, max_size=20), ZONES)
def test_rejecting_takes_these_hours_and_no_other(moments: list[datetime], zone: str) -> None:
    rejecting = read(moments, Clock(zone, "reject", "reject"))
    for (ms, *_), (reading, twice, never) in zip(rejecting, read(moments, Clock(zone)), strict=True):
        assert ms == (None if twice or never else reading)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)), min_size=1), st.integers(-14 * 60, 14 * 60))
def test_an_offset_says_it_all(moments: list[datetime], minutes: int) -> None:
    sign, rest = "-" if minutes < 0 else "+", abs(minutes)
    texts = [f"{moment.isoformat()}{sign}{rest // 60:02}:{rest % 60:02}" for moment in moments]
    instant = timestamps.fields_of(timestamps.from_text(pl.col("t"), (), Clock("Europe/Paris")))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    expected = [
        ((m.replace(tzinfo=UTC) - timedelta(minutes=minutes)) - epoch) // timedelta(milliseconds=1)
        if _fits(m, minutes)
        else None
        for m in moments
    ]
    found = pl.DataFrame({"t": texts}).select(instant.milliseconds).to_series().to_list()
    assert [f for f, e in zip(found, expected, strict=True) if e is not None] == [e for e in expected if e is not None]


def _fits(moment: datetime, minutes: int) -> bool:
    try:
        moment - timedelta(minutes=minutes)
    except OverflowError:
        return False
    return True


_TIMES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["2024-03-31", "1969-12-31", "0024-01-01", "2024-02-30", "2024-1-31", "+2024-01-01"]),
        st.sampled_from(["", "T", " ", "t"]),
        st.sampled_from(["", "10:00", "02:30:00", "23:59:59", "23:59:60", "24:00:00", "1:00:00", "10:0:050"]),
        st.sampled_from(["", ".", ".5", ".123", ".1234567", ",5", ".999999999"]),
        st.sampled_from(["", "Z", "z", "+01:00", "-0530", "+01", "\u22125:00", " +01:00", "Z ", "+24:00", "x"]),
    ),
)  # fmt: skip


@given(st.lists(st.none() | _TIMES, max_size=6))
def test_iso_times_are_those_that_the_formats_read(texts: list[str | None]) -> None:
    column = pl.Series(texts, dtype=pl.String)
    quickly = timestamps.iso_times(column)
    plainly = timestamps._by_formats(column.str.to_uppercase().str.replace(" ", "T", literal=True), timestamps._ISO)
    assert [found.to_list() for found in quickly] == [found.to_list() for found in plainly]
