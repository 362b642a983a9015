"""Every change of the clock in two zones over seventeen years, under every policy, against the standard library."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from importer.encoder import ChunkInput, Encoder
from importer.mapping.compile import compile_mapping
from importer.mapping.document import parse_document
from importer.records import Place, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.records import EncodedRows

ZONES = ("Europe/Paris", "America/New_York")
FIRST, LAST = datetime(2010, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
FORMS = {
    "format": ('{column: t, format: "%d/%m/%Y %H:%M:%S"}', "%d/%m/%Y %H:%M:%S"),
    "iso": ("t", "%Y-%m-%dT%H:%M:%S"),
    "typed": ("t", None),
}


class Wall(NamedTuple):
    """A time on the wall, and the instants that it may mean, in milliseconds: in a gap both, in an overlap too."""

    time: datetime
    earlier: int
    later: int
    is_gap: bool

    @property
    def is_twice(self) -> bool:
        return self.earlier != self.later and not self.is_gap


def changes(zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """What the wall shows just before each change of its clock, and at it."""
    day = FIRST
    while day < LAST:
        if day.astimezone(zone).utcoffset() != (day + DAY).astimezone(zone).utcoffset():
            yield from _changes_on(day, zone)
        day += DAY


def _changes_on(day: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    for instant in (day + hours * HOUR for hours in range(24)):  # both zones change at full hours
        before, after = instant.astimezone(zone), (instant + HOUR).astimezone(zone)
        if before.utcoffset() != after.utcoffset():
            assert before.utcoffset() == (instant + HOUR - SECOND).astimezone(zone).utcoffset()
            yield before.replace(tzinfo=None) + HOUR, after.replace(tzinfo=None)


@cache
def walls(name: str) -> tuple[Wall, ...]:
    """Times on the wall around all changes: each quarter of an hour, and the seconds at the edges."""
    zone, times = ZoneInfo(name), set()
    for before, after in changes(zone):
        start, stop = min(before, after) - 2 * HOUR, max(before, after) + 2 * HOUR
        times |= {
            start + timedelta(minutes=15 * step) for step in range(int((stop - start) / timedelta(minutes=15)) + 1)
        }
        times |= {edge + second for edge in (before, after) for second in (-SECOND, SECOND)}
    return tuple(_wall(time, zone) for time in sorted(times))


def _wall(time: datetime, zone: ZoneInfo) -> Wall:
    first, second = (time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    is_gap = first.astimezone(zone).replace(tzinfo=None) != time
    return Wall(time, *(int(instant.timestamp() * 1000) for instant in (first, second)), is_gap)


def encoded(zone: str, form: str, ambiguous: str, nonexistent: str) -> tuple[Encoder, EncodedRows]:
    field, pattern = FORMS[form]
    policy = f"ambiguous: {ambiguous}, nonexistent: {nonexistent}"
    field = field.replace("}", f", {policy}}}") if "{" in field else f"{{column: t, {policy}}}"
    text = (
        f"version: 1\nevent: e\nkey: id\ntimezone: {zone}\nfields:\n  user.id: id\n  context.event_timestamp: {field}\n"
    )
    times = [wall.time for wall in walls(zone)]
    column = pl.Series(times, dtype=pl.Datetime("us")) if pattern is None else [f"{time:{pattern}}" for time in times]
    frame = pl.DataFrame({"id": [str(number) for number in range(len(times))], "t": column})
    mapping = compile_mapping(parse_document(text, "m"), frame.schema, is_text=False)
    encoder = Encoder(mapping, b"\n", 32_000)
    rows = pl.int_range(1, len(times) + 1, dtype=pl.Int64, eager=True)
    place_of = lambda row: Place("f", row, 0)  # noqa: E731
    return encoder, encoder.encode(ChunkInput(Span(0, 1, len(times) + 1), "f", "/f", frame, rows, (), place_of))


def milliseconds(found: EncodedRows) -> dict[int, int]:
    """By row, what was sent as the time of the event."""
    events = pl.Series(bytes(found.body).decode().splitlines()).str.json_path_match("$.context.event_timestamp")
    return dict(zip(found.rows, events.cast(pl.Int64), strict=True))


@pytest.mark.parametrize("zone", ZONES)
def test_there_are_two_changes_a_year(zone: str) -> None:
    assert len(list(changes(ZoneInfo(zone)))) == 2 * 17
    assert sum(wall.is_gap for wall in walls(zone)) >= 17 * 4
    assert sum(wall.is_twice for wall in walls(zone)) >= 17 * 4


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("nonexistent", ["shift", "reject"])
@pytest.mark.parametrize("ambiguous", ["earliest", "latest", "reject"])
@pytest.mark.parametrize("zone", ZONES)
def test_every_time_around_every_change_means_what_the_standard_library_says(
    zone: str, ambiguous: str, nonexistent: str, form: str
) -> None:
    expected, twice, absent = {}, 0, 0
    for row, wall in enumerate(walls(zone), 1):
        if (wall.is_gap and nonexistent == "reject") or (wall.is_twice and ambiguous == "reject"):
            continue
        # in a gap the clock reads on, with the offset from before it, which is fold=0 of the standard library
        expected[row] = wall.later if wall.is_twice and ambiguous == "latest" else wall.earlier
        twice, absent = twice + wall.is_twice, absent + wall.is_gap
    encoder, found = encoded(zone, form, ambiguous, nonexistent)
    assert milliseconds(found) == expected
    assert [reject.row for reject in found.rejects] == sorted(set(range(1, len(walls(zone)) + 1)) - expected.keys())
    counts = {rule: finding.count for rule, finding in encoder.findings.items()}
    assert counts == {rule: count for rule, count in (("time_ambiguous", twice), ("time_nonexistent", absent)) if count}
