"""Whole imports on virtual time, with kills, stops, outages, refusals and clocks that jump: see ``histories.py``.

Each is drawn from a seed; ``IMPORTER_TEST_SEED=123`` in the environment plays that one alone.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from histories import CLEAR, History, check_economy, draw_seeds, playing
from mortal import Kill
from weather import Wall

if TYPE_CHECKING:
    from weather import Weather

    from importer.plan import Plan

ONE = int(os.environ.get("IMPORTER_TEST_SEED", "0"))
HISTORIES = 120
SEED = random.SystemRandom().randrange(1, 10**9)


def test_whatever_happens_every_event_arrives_and_every_row_has_one_fate() -> None:
    seeds = [ONE] if ONE else draw_seeds(SEED, HISTORIES, exports=5)
    counted: Counter[str] = Counter()
    with playing() as player:
        for seed in seeds:
            counted += player.play(seed).counted
    check_economy(counted)
    if not ONE:  # everything that can happen did
        assert counted["Died"] + counted["Interrupted"] > HISTORIES / 4
        assert counted["DestinationUnavailable"] > 0
        assert counted["DestinationRefused"] > 0
        assert counted["repeats"] > 0


def test_a_history_can_be_played_again() -> None:
    with playing() as player:
        first, second = player.play(12_003), player.play(12_003)
    assert trace(first) == trace(second)
    assert first.counted["runs"] > 2


def trace(history: History) -> tuple[object, ...]:
    destination = history.destination
    return history.clock.seconds, history.counted, destination.stored, destination.seen, destination.times


class Unpunctual(History):
    """A history with failures of all kinds, but for dates: of those alone the wall clock may decide."""

    def _weather(self, orders: list[str]) -> Weather:
        weather = super()._weather(orders)
        failures = ["500", "429", "503 after seconds", "503 after nonsense", "reset"]
        return replace(weather, failing_share=0.3, failures=failures)


class Punctual(Unpunctual):
    """The same with a wall clock that is always right."""

    def _wall(self) -> Wall:
        super()._wall()  # what is drawn stays the same
        return Wall(self.clock, datetime(2026, 3, 1, tzinfo=UTC), [])


class FromTheSeventies(Unpunctual):
    """The same with a wall clock that begins in 1970, and jumps to and fro every few seconds."""

    def _wall(self) -> Wall:
        super()._wall()
        jumps = [(1_000 + 7.0 * number, timedelta(days=400 * (number % 3))) for number in range(10_000)]
        return Wall(self.clock, datetime(1970, 1, 1, tzinfo=UTC), jumps)


def test_the_wall_clock_changes_neither_pace_nor_backoff() -> None:
    failures = 0
    with playing() as player:
        for seed in (1_003, 2_003, 3_003, 4_003):
            right, wrong = player.play(seed, Punctual), player.play(seed, FromTheSeventies)
            assert trace(right) == trace(wrong)
            failures += right.destination.seen["503"] + right.destination.seen["429"]
    assert failures > 0


class OneIsLeft(History):
    """The destination never takes the last event. The first run is killed just before that is on record."""

    def _weather(self, orders: list[str]) -> Weather:
        return replace(CLEAR, poison=frozenset({orders[-1]}))

    def _drawn(self, plan: Plan) -> Plan:
        one_by_one = replace(plan.profile, max_items=1)
        return replace(plan, settings=replace(plan.settings, concurrency=1), profile=one_by_one)

    def _kill(self) -> Kill:
        return KillOnceRefused(self) if not self.counted["Died"] else Kill(self.state_dir, 0)

    def _draw_stop(self) -> None:
        return None


class KillOnceRefused(Kill):
    def __init__(self, history: History) -> None:
        super().__init__(history.state_dir, 0)
        self._destination = history.destination

    def step(self, place: str) -> None:
        if self._destination.refused and not self.is_dead:
            self._at = self._steps + 1
        super().step(place)


def test_when_nothing_is_left_but_what_is_refused_a_resume_rejects_it_and_ends() -> None:
    with playing() as player:
        history = player.play(1, OneIsLeft)
    assert (history.counted["Died"], history.counted["done"]) == (1, 2)  # the second of these is that of the new file
