"""Rows 2 and 3 of the scoreboard: kills at exact system calls, also of the run that recovers. No moment is left out.

The whole of it takes an hour and is a campaign: tests/torture/syscalls.py. Here are the calls that matter most.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from nursery import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs import Scene

    Scenes = Callable[..., Callable[[], Scene]]

pytestmark = pytest.mark.usefixtures("strace")
KILL = "signal=KILL"
POINTS = {
    "csv": [
        ("main", "pwrite64", "5"),  # the draft of the checkpoint
        ("main", "/^rename", "1"),  # that gives it its name
        ("importer-ack", "pwrite64", "3"),  # in the middle of a commit
        ("importer-ack", "fsync", "1"),  # rejects are written, and not yet on disk
        ("importer-ack", "sendto", "2"),  # a commit is on disk, and nobody knows
        ("importer-wire", "recvfrom", "2"),  # the answer is there, and was not read
    ],
    "parquet": [("importer-ack", "pwrite64", "12")],
    "grouped": [("main", "write", "4"), ("main", "/^rename", "2"), ("main", "/^rmdir", "1")],  # of the stage
    "dedupe": [("main", "/^rename", "2"), ("importer-ack", "fdatasync", "3")],
}


def killed(scene: Scene, thread: str, calls: str, when: str) -> None:
    outcome = scene.run(Fault(thread, calls, KILL, when))
    assert (outcome.fired, outcome.code) == (True, -signal.SIGKILL), f"{calls} {when} of {thread}: {outcome.stderr}"


@pytest.mark.parametrize("kind", POINTS)
def test_after_a_kill_at_a_call_the_same_command_brings_everything_to_its_end(kind: str, make_scene: Scenes) -> None:
    new_scene = make_scene(kind)
    for point in POINTS[kind]:
        scene = new_scene()
        killed(scene, *point)
        scene.finish()
    scene.check_nothing_new()


def test_kills_at_each_sync_of_the_writer_end_with_a_run_that_has_no_more_of_them(make_scene: Scenes) -> None:
    new_scene = make_scene("csv")
    for number in range(1, 100):
        scene = new_scene()
        outcome = scene.run(Fault("importer-ack", "fdatasync", KILL, str(number)))
        if not outcome.fired:
            break
        assert outcome.code == -signal.SIGKILL
        scene.finish()
    assert number > 3
    scene.check_base(outcome)
    assert scene.arrivals


def test_kills_during_the_recovery_and_during_the_recovery_of_that(make_scene: Scenes) -> None:
    scene = make_scene("grouped", rows=60)()
    killed(scene, "importer-ack", "pwrite64", "9")
    killed(scene, "main", "pwrite64", "4")
    killed(scene, "importer-ack", "fdatasync", "2")
    killed(scene, "importer-wire", "sendto", "1")
    scene.finish()
