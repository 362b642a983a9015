"""Row 4 of the scoreboard, from the command line: what a broken disk does to the files of a half-done import.

The next run comes to its end with everything, or ends with exit code 7 and a hint that leads there.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from torture import damage

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs import Scene

    Scenes = Callable[..., Callable[[], Scene]]

pytestmark = pytest.mark.usefixtures("strace")
CASES = {
    "csv": [
        ("log", damage.cut, "harmless"),  # an earlier state, and that was true
        ("rejects", damage.cut, "noticed"),
        ("rejects", damage.append, "harmless"),  # what a crash leaves behind
    ],
    "grouped": [("stage", damage.flip, "noticed")],
    "dedupe": [("left out", damage.flip, "noticed")],
}


@pytest.mark.parametrize("kind", CASES)
def test_damage_is_harmless_or_is_noticed_and_its_hint_leads_to_the_end(kind: str, make_scene: Scenes) -> None:
    first = damage.half_done(make_scene(kind, rows=60)(), commits=4 if kind == "csv" else 2)
    chance = random.Random(1)  # noqa: S311 - to be repeated
    for what, way, expected in CASES[kind]:
        file = next(file for file in damage.files_of(first) if damage.kind_of(file) == what)
        assert damage.strike(first, file, lambda data, way=way: way(data, chance)) == f"{expected}: {what}"


def test_a_damaged_checkpoint_is_never_gone_on_with(make_scene: Scenes) -> None:
    first = damage.stopped(make_scene("csv")())
    chance = random.Random(1)  # noqa: S311 - to be repeated
    file = next(file for file in damage.files_of(first) if damage.kind_of(file) == "checkpoint")
    assert damage.strike(first, file, lambda data: damage.zero_the_tail(data, chance)) == "noticed: checkpoint"
    assert damage.strike(first, file, lambda _: None) == "harmless: checkpoint"  # a new import, and it says so


def test_a_checkpoint_and_its_log_that_are_cut_anywhere_never_say_what_was_not(make_scene: Scenes) -> None:
    assert damage.every_cut(damage.half_done(make_scene("csv", rows=60)()), 1021).total() > 30
