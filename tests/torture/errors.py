"""Row 5 of the scoreboard: a call of an import fails as on a full, broken or read-only disk, once or from then on.

A round draws a kind of import and plays some faults, each on a new state. A run ends with exit code 7 and says so, or
as if nothing had been. What was recorded is true, and the same command brings everything to its end.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

from actors import running_oracle
from jobs import KINDS, Scene, make_job
from nursery import Fault, Nursery, why_not

if TYPE_CHECKING:
    from pathlib import Path

FAULTS = 12
DEEPEST_CALL = {"pwrite64": 45, "write": 8, "fdatasync": 14}
CALLS = [
    *(("main", calls) for calls in ("pwrite64", "write", "fdatasync", "fsync", "ftruncate", "/^rename", "/^unlink")),
    *(("importer-ack", calls) for calls in ("pwrite64", "fdatasync", "fsync")),
]
ERRORS = ("ENOSPC", "EIO", "EROFS", "EDQUOT")
WORDS = (
    *("its disk is full", "its disk reports an error", "it cannot be opened"),
    *("No space left on device", "Input/output error", "Read-only file system", "quota exceeded"),
)


def play(seed: int, folder: Path) -> Counter[str]:
    """Some faults on one import."""
    if reason := why_not():
        return Counter({f"skipped: {reason}": 1})
    chance, counted = random.Random(seed), Counter[str]()
    with running_oracle(folder / "oracle.ndjson", "0") as oracle, closing(Nursery(folder)) as nursery:
        job = make_job(chance.choice(KINDS), folder, chance)
        for _ in range(FAULTS):
            fault = _fault(chance)
            try:
                counted += _strike(Scene(job, nursery, oracle, folder / "state"), fault)
            except AssertionError as error:
                raise AssertionError(f"{job.kind}: {fault}") from error
            shutil.rmtree(folder / "state")
    return counted


def _fault(chance: random.Random) -> Fault:
    thread, calls = chance.choice(CALLS)
    # writes to stdout count, too: where those fail for ever, nobody can be told
    for_ever = "+" if calls != "write" and chance.random() < 0.5 else ""
    when = f"{chance.randint(1, DEEPEST_CALL.get(calls, 5))}{for_ever}"
    return Fault(thread, calls, f"error={chance.choice(ERRORS)}", when)


def _strike(scene: Scene, fault: Fault) -> Counter[str]:
    outcome = scene.run(fault)
    counted = Counter({"faults": outcome.fired, "not reached": not outcome.fired, "exit 7": outcome.code == 7})
    if outcome.code == 7 or "report cannot be written to stdout" in outcome.stderr:
        assert any(words in outcome.stderr for words in WORDS), outcome.stderr
        scene.finish()
    else:
        assert outcome.code == scene.last_code, outcome.stderr
        if outcome.fired:  # what could not be cleared away is cleared away by the next run
            scene.check_nothing_new()
        scene.check_base(outcome)
    return counted
