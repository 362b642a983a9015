"""Whole imports on virtual time, with kills, stops, outages, refusals and clocks that jump: see ``histories.py``.

Each is drawn from a seed; ``IMPORTER_TEST_SEED=123`` in the environment plays that one alone.
"""

from __future__ import annotations

import os
import random
from collections import Counter

from histories import History, check_economy, draw_seeds, playing

ONE = int(os.environ.get("IMPORTER_TEST_SEED", "0"))
HISTORIES = 180
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
    assert _trace(first) == _trace(second)
    assert first.counted["runs"] > 2


def _trace(history: History) -> tuple[float, Counter[str], Counter[str], Counter[str]]:
    destination = history.destination
    return history.clock.seconds, history.counted, destination.stored, destination.seen
