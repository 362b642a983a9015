"""Sets of rows of one source as few ranges: what is acknowledged, what is on its way, what is missing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Range(NamedTuple):
    """Rows ``start`` to ``stop - 1``."""

    start: int
    stop: int


class Change(NamedTuple):
    """What a change of a set means for the ranges that are kept on disk."""

    removed: list[Range]
    added: list[Range]


class Ranges:
    """A set of row numbers, kept as sorted ranges that neither overlap nor touch.

    Batches are answered nearly in order, so the set stays a few ranges however many rows it holds.
    """

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        self.rows = 0

    def __iter__(self) -> Iterator[Range]:
        return map(Range, self._starts, self._stops)

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, start: int, stop: int) -> Change:
        """Add the rows; neighbours that touch merge into one range."""
        if start >= stop:
            return Change([], [])
        first, last = bisect_left(self._stops, start), bisect_right(self._starts, stop)
        old = self._slice(first, last)
        if old:
            start, stop = min(start, old[0].start), max(stop, old[-1].stop)
        return self._replace(first, last, [Range(start, stop)])

    def discard(self, start: int, stop: int) -> Change:
        """Take the rows out, as far as they are in."""
        if start >= stop:
            return Change([], [])
        first, last = bisect_right(self._stops, start), bisect_left(self._starts, stop)
        old = self._slice(first, last)
        if not old:
            return Change([], [])
        ends = Range(old[0].start, start), Range(stop, old[-1].stop)
        return self._replace(first, last, [end for end in ends if end.start < end.stop])

    def within(self, start: int, stop: int) -> list[Range]:
        """The parts of the set between ``start`` and ``stop``."""
        first, last = bisect_right(self._stops, start), bisect_left(self._starts, stop)
        return [Range(max(start, old.start), min(stop, old.stop)) for old in self._slice(first, last)]

    def gaps(self, start: int, stop: int) -> list[Range]:
        """The parts between ``start`` and ``stop`` that are not in the set."""
        inside = self.within(start, stop)
        starts = [start, *(part.stop for part in inside)]
        stops = [*(part.start for part in inside), stop]
        return [Range(low, high) for low, high in zip(starts, stops, strict=True) if low < high]

    def _slice(self, first: int, last: int) -> list[Range]:
        return list(map(Range, self._starts[first:last], self._stops[first:last]))

    def _replace(self, first: int, last: int, new: list[Range]) -> Change:
        old = self._slice(first, last)
        self._starts[first:last] = [part.start for part in new]
        self._stops[first:last] = [part.stop for part in new]
        self.rows += sum(part.stop - part.start for part in new) - sum(part.stop - part.start for part in old)
        return Change(old, new)
