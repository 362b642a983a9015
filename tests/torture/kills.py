"""SIGKILL after SIGKILL at random moments of one import, in all its phases, until an undisturbed run ends it."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import polars as pl
from actors import running_oracle, wait_until
from base import HastyImporter, Trial, counted, make_job

if TYPE_CHECKING:
    from pathlib import Path

    from base import Job

KILLS = 12
LATENCY_SECONDS = 0.03
LONGEST_START_SECONDS = 1.5
SHAPES = {"batch": (3_000, 4_000), "single": (400, 4_000)}  # rows of the source, bytes of a body


def play(seed: int, folder: Path) -> Counter[str]:
    """One import of a kind that ``seed`` chooses, killed a dozen times."""
    dice = Random(seed)
    job, in_flight = _job(folder, dice)
    with running_oracle(folder / "oracle.ndjson", str(LATENCY_SECONDS)) as oracle:
        trial = Trial(job, HastyImporter(folder), oracle)
        try:
            codes = []
            for _ in range(KILLS):
                codes += [_kill(trial, dice), _recorded_code(trial.importer.state_dir)]
            trial.run()
        finally:
            trial.importer.kill()
        most = max(len(arrival.events) for arrival in trial.record.arrivals)
        # One that ended before its kill has said already that rows were rejected; one that was killed behind the record
        # of its end, while it left, could not say it, and nothing on disk can tell the two apart.
        code = 3 if job.rejected and 3 not in codes else 0
        trial.assert_base(repeats=trial.kills * in_flight * most, code=code)
        again = trial.run()
        assert again.report["status"] == "nothing_new", again.report
        return counted(trial.record) + Counter(kills=trial.kills)


def _recorded_code(state_dir: Path) -> int | None:
    """How the last run ended, as the checkpoint says; ``None`` for one that was killed before it said so."""
    command = [sys.executable, "-m", "importer", "status", "--state-dir", str(state_dir), "--json"]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout or "{}")
    imports = said.get("imports", [])
    last = imports[0]["last_run"] if imports else None
    return last["exit_code"] if last else None


def _job(folder: Path, dice: Random) -> tuple[Job, int]:
    """An import, and how many of its requests can be under way."""
    endpoint = dice.choice(["batch", "batch", "single"])
    rows, body_bytes = SHAPES[endpoint]
    concurrency = dice.choice([1, 3, 8])
    options = ("--endpoint", endpoint, "--concurrency", str(concurrency), "--max-body-bytes", str(body_bytes))
    rejected = dice.choice([0, 0, 40])
    job = make_job(folder, rows, *options, "--max-item-bytes", "2000", seed=dice.randrange(10**6), rejected=rejected)
    return replace(job, source=_as(job.source, dice.choice([".csv", ".csv.gz", ".parquet"]))), concurrency


def _as(source: Path, suffix: str) -> Path:
    file = source.with_name(f"orders{suffix}")
    if suffix == ".csv.gz":
        file.write_bytes(gzip.compress(source.read_bytes()))
    if suffix == ".parquet":
        pl.read_csv(source, infer_schema=False).write_parquet(file, row_group_size=500)
    return file


def _kill(trial: Trial, dice: Random) -> int:
    """Start a run, and kill it while it starts, or when some more requests have arrived. Its exit code.

    It may have ended by then.
    """
    job, before = trial.job, len(trial.record.arrivals)
    running = trial.importer.start(job.mapping, job.source, trial.oracle.url, *job.options)
    if dice.random() < 1 / 3:
        time.sleep(dice.uniform(0, LONGEST_START_SECONDS))
    else:
        goal = before + dice.randint(1, 30)
        wait_until(lambda: len(trial.record.arrivals) >= goal or running.process.poll() is not None)
        time.sleep(dice.uniform(0, LATENCY_SECONDS))
    trial.kills += running.send(signal.SIGKILL)
    return running.process.wait()
