"""Row 5 of the scoreboard: a disk that is full, broken or read-only, once and for ever. Exit 7, and a resume.

The errors come from strace, at exact calls, and from a disk that really is too small. All calls: see torture/errors.py.
"""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from jobs import Scene, make_job
from nursery import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from actors import RunningOracle
    from nursery import Nursery, Outcome

POINTS = {
    "csv": [
        ("main", "pwrite64", "ENOSPC", "5", "its disk is full"),  # the draft of the checkpoint
        ("main", "/^rename", "EROFS", "1", "Read-only file system"),
        ("main", "ftruncate", "EROFS", "3+", "rejects.ndjson cannot be written: Read-only file system"),
        ("importer-ack", "pwrite64", "ENOSPC", "3", "its disk is full"),
        ("importer-ack", "fsync", "EIO", "1", "rejects.ndjson cannot be written: Input/output error"),
        ("importer-ack", "fdatasync", "EIO", "2", "its disk reports an error"),
    ],
    "grouped": [
        ("main", "write", "ENOSPC", "4", "cannot be written: No space left on device"),
    ],
    "dedupe": [("main", "write", "ENOSPC", "3", "arrow cannot be written")],
}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the faults are those of Linux")


def check_stopped_by_the_disk(outcome: Outcome, words: str) -> None:
    assert outcome.code == 7, outcome.stderr
    assert words in outcome.stderr
    assert "run the same command to resume" in outcome.stderr or "Make room there" in outcome.stderr
    assert outcome.report["error"]["message"]


@pytest.mark.usefixtures("strace")
@pytest.mark.parametrize("kind", POINTS)
def test_an_error_of_the_disk_is_told_and_the_same_command_goes_on_when_it_is_over(
    kind: str, make_scene: Callable[..., Callable[[], Scene]]
) -> None:
    new_scene = make_scene(kind)
    for thread, calls, error, when, words in POINTS[kind]:
        scene = new_scene()
        outcome = scene.run(Fault(thread, calls, f"error={error}", when))
        assert outcome.fired, f"{error} at {calls} {when} of {thread}"
        check_stopped_by_the_disk(outcome, words)
        scene.finish()


@pytest.mark.usefixtures("strace")
def test_a_log_that_cannot_be_cleared_away_at_the_end_harms_nothing(
    make_scene: Callable[..., Callable[[], Scene]],
) -> None:
    scene = make_scene("csv")()
    outcome = scene.run(Fault("main", "/^unlink", "error=EIO", "10+"))
    assert (outcome.fired, outcome.code) == (True, 3), outcome.stderr
    scene.run()
    scene.check_base(outcome)


@contextlib.contextmanager
def small_disk(point: Path) -> Iterator[Callable[[str], None]]:
    """A disk of its own at ``point``, and a way to mount it with other options."""

    def mount(options: str, *, how: str = "remount") -> str:
        command = ["mount", "-t", "tmpfs", "-o", f"{how},{options}" if how else options, "tmpfs", str(point)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr

    point.mkdir()
    if refused := mount("size=16k", how=""):
        pytest.skip(f"nothing may be mounted here: {refused}")
    try:
        yield mount  # type: ignore[misc]
    finally:
        subprocess.run(["umount", str(point)], check=True)


def test_a_disk_that_is_full_again_and_again_keeps_what_is_true(
    tmp_path: Path, nursery: Nursery, start_oracle: Callable[[], RunningOracle]
) -> None:
    job = make_job("csv", tmp_path, random.Random(1), rows=200)  # noqa: S311 - for variety
    with small_disk(tmp_path / "disk") as mount:
        scene = Scene(job, nursery, start_oracle(), tmp_path / "disk" / "state")
        sent = []
        for kilobytes in (16, 60, 200):
            mount(f"size={kilobytes}k")
            outcome = scene.run()
            check_stopped_by_the_disk(outcome, "full" if "checkpoint" in outcome.stderr else "No space left on device")
            scene.faults += 1
            sent.append(len(scene.arrivals))
        assert sent[0] == 0 < sent[-1]
        mount("size=10m,ro")
        outcome = scene.run()
        assert (outcome.code, "not writable" in outcome.stderr, "--state-dir" in outcome.stderr) == (2, True, True)
        assert len(scene.arrivals) == sent[-1]
        mount("size=10m,rw")
        scene.finish()
        scene.check_nothing_new()
