"""Rows 2 and 3 of the scoreboard: an import is killed at the first, second, third ... call of a kind, to its end.

A round draws a kind of import, a thread and a call, and plays the whole loop: for n = 1, 2, 3 ... an import with a new
state is killed before the n-th of those calls, and some of its recoveries are killed too, at a call that is drawn. Then
the same command must bring everything to its end. The loop is over when a run comes to its end without its kill.

``PYTHONPATH=.:tests:tests/crash python -m torture.syscalls`` plays all loops of all kinds once and prints figures, with
``csv`` or another kind behind it those of that kind.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from actors import running_oracle
from jobs import KINDS, Scene, make_job
from nursery import Fault, Nursery, Outcome, why_not

if TYPE_CHECKING:
    from collections.abc import Callable

KILL = "signal=KILL"
CALLS = (
    *(
        ("main", calls)
        for calls in (
            *("pwrite64", "write", "fdatasync", "fsync", "ftruncate", "flock"),
            *("/^rename", "/^unlink", "/^mkdir", "/^rmdir"),
        )
    ),
    *(("importer-ack", calls) for calls in ("pwrite64", "fdatasync", "fsync", "sendto")),
    *(("importer-wire", calls) for calls in ("connect", "sendto", "recvfrom")),
)
MOST_CALLS = 1_000
RECOVERIES_KILLED = 0.3


def play(seed: int, folder: Path) -> Counter[str]:
    """One loop."""
    if reason := why_not():
        return Counter({f"skipped: {reason}": 1})
    chance = random.Random(seed)
    return _loop_in(folder, chance.choice(KINDS), *chance.choice(CALLS), chance)


def _loop_in(folder: Path, kind: str, thread: str, calls: str, chance: random.Random) -> Counter[str]:
    with running_oracle(folder / "oracle.ndjson", "0") as oracle, closing(Nursery(folder)) as nursery:
        job = make_job(kind, folder, chance)
        return loop(thread, calls, lambda: Scene(job, nursery, oracle, folder / "state"), chance)


def loop(thread: str, calls: str, new_scene: Callable[[], Scene], chance: random.Random) -> Counter[str]:
    """Kills at each of the ``calls`` of ``thread``, until there are no more of them."""
    counted: Counter[str] = Counter()
    for number in range(1, MOST_CALLS):
        scene = new_scene()
        fault = Fault(thread, calls, KILL, str(number))
        try:
            outcome = _killed(scene, fault)
            if not outcome.fired:
                scene.check_base(outcome)
                return counted + Counter(clean_ends=1)
            counted["recoveries killed"] += _kill_recovery(scene, chance)
            scene.finish()
            scene.check_nothing_new()
        except AssertionError as error:
            raise AssertionError(f"{scene.job.kind}: {fault}") from error
        counted["kills"] += scene.faults
        counted["repeats"] += scene.repeats
        shutil.rmtree(scene.state_dir)
    raise AssertionError(f"more than {MOST_CALLS} calls of {calls}")


def _killed(scene: Scene, fault: Fault) -> Outcome:
    outcome = scene.run(fault)
    assert (outcome.code == -signal.SIGKILL) == outcome.fired, outcome.stderr
    return outcome


def _kill_recovery(scene: Scene, chance: random.Random) -> int:
    """Kill what comes after a kill, sometimes, and what comes after that. How often it hit."""
    hit = 0
    while chance.random() < RECOVERIES_KILLED:
        thread, calls = chance.choice([one for one in CALLS if one[0] == "main"])
        hit += _killed(scene, Fault(thread, calls, KILL, str(chance.randint(1, 12)))).fired
    return hit


def main() -> int:
    """All loops of all kinds."""
    sums: Counter[str] = Counter()
    begin, seed = time.monotonic(), 1
    for kind in sys.argv[1:] or KINDS:
        for thread, calls in CALLS:
            with tempfile.TemporaryDirectory(prefix="importer-syscalls-") as folder:
                counted = _loop_in(Path(folder), kind, thread, calls, random.Random(seed))
            print(f"{kind}, {thread}, {calls}: {json.dumps(counted)}", flush=True)
            sums += counted
    print(json.dumps({"seed": seed, "seconds": round(time.monotonic() - begin), **sums}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
