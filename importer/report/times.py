"""When events were, and what in that looks like a wrong zone or a wrong unit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

YEAR_2000_MS = 946_684_800_000
RETENTION_MONTHS = 12
"""How long the vendor keeps conversions by default (its page on data retention)."""

_HOURS = 24
_ENOUGH_EVENTS = 1_000
_QUIET_HOURS = 6
_QUIET_SHARE = 0.08  # a quarter of the day with so few events is a night, even of a busy shop
_NIGHT = range(5)  # the middle of the quiet hours of people lies here: 0:00 to 4:59
_SHIFT = 3  # hours beyond that; nearer ones have honest reasons
_FIRST_MONTH_OF_1970 = "1970-01"
_ALL = 0.99


class Oddity(NamedTuple):
    """A stable word, the events that it is about, and a sentence."""

    rule: str
    events: int
    message: str


@dataclass(slots=True)
class Times:
    """Events by hour of the day and by month (``2024-01``), on the clock of ``timezone``.

    ``older`` are from more than twelve months ago. Years before 1900 and from 2100 on count as the nearest hour that
    is told apart.
    """

    timezone: str = "UTC"
    by_hour: Counter[int] = field(default_factory=Counter)
    by_month: Counter[str] = field(default_factory=Counter)
    older: int = 0

    @property
    def events(self) -> int:
        """How many events have a time."""
        return self.by_hour.total()

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "timezone": self.timezone,
            "by_hour": [self.by_hour[hour] for hour in range(_HOURS)],
            "by_month": dict(sorted(self.by_month.items())),
            "older_than_12_months": self.older,
        }

    def oddities(self) -> Iterator[Oddity]:
        """What the shape betrays."""
        if not self.events:
            return
        if self.by_month[_FIRST_MONTH_OF_1970] >= _ALL * self.events:
            message = "all events are from January 1970: seconds that were taken for milliseconds? Then say `unit: s`"
            yield Oddity("time_unit", self.by_month[_FIRST_MONTH_OF_1970], message)
        elif (middle := self._middle_of_quiet_hours()) is not None and _distance(middle) > _SHIFT:
            message = (
                f"the quietest hours of the day are those around {middle:02}:00 in {self.timezone}, when people are "
                "awake: is the zone of the times right (`timezone`, or their own)?"
            )
            yield Oddity("time_zone", self.events, message)

    def _middle_of_quiet_hours(self) -> int | None:
        """The middle of the six neighbouring hours with the fewest events, ``None`` if these are not quiet."""
        if self.events < _ENOUGH_EVENTS or len(self.by_hour) <= _QUIET_HOURS:
            return None  # too few to have a shape, or dates without a time
        windows = {
            start: sum(self.by_hour[(start + hour) % _HOURS] for hour in range(_QUIET_HOURS)) for start in range(_HOURS)
        }
        fewest = min(windows.values())
        if fewest > _QUIET_SHARE * self.events:
            return None
        starts = [start for start, count in windows.items() if count == fewest]
        return (starts[len(starts) // 2] + _QUIET_HOURS // 2) % _HOURS


def _distance(hour: int) -> int:
    """How many hours lie between ``hour`` and the night."""
    return min(min((hour - night) % _HOURS, (night - hour) % _HOURS) for night in _NIGHT)
