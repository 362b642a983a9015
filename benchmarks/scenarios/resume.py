"""An import that was stopped when nine tenths were done: how long until the first request of the next run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders import KEY, MAPPING, expect, run_arguments, sending
from benchmarks.files import orders
from benchmarks.processes import measure
from benchmarks.results import Comparison
from benchmarks.rounds import in_turns
from benchmarks.servers import free_port, serving

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from benchmarks.results import Sample
    from benchmarks.settings import Settings

ROWS = 20_000_000
DONE = 0.9
TARGET_SECONDS = 2
LOOK_SECONDS = 0.5
INTERRUPTED = 143
SECONDS = "s to the first request"


def run(settings: Settings) -> list[Comparison]:
    """Parquet and CSV in turns; each round begins with the same state."""
    rows = settings.rows_or(ROWS)
    with tempfile.TemporaryDirectory(dir=settings.cache) as name:
        stopped = {
            "Parquet": _Stopped(settings, orders(settings, rows), rows, Path(name, "parquet")),
            "CSV": _Stopped(settings, orders(settings, rows, suffix="csv"), rows, Path(name, "csv")),
        }
        rounds = in_turns(settings.rounds_or(3), SECONDS, {kind: one.resumed for kind, one in stopped.items()})
        notes = [
            f"{kind}: stopped by SIGTERM when {one.sent:,} of {rows:,} rows were done" for kind, one in stopped.items()
        ]
    title = f"{rows:,} rows, {DONE:.0%} done"
    return [Comparison("resume", title, SECONDS, rounds, at_most=dict.fromkeys(stopped, TARGET_SECONDS), notes=notes)]


class _Stopped:
    """An import with nine tenths done. ``sent`` rows were acknowledged. The destination is part of its name: a port."""

    def __init__(self, settings: Settings, file: Path, rows: int, state: Path) -> None:
        self._settings, self._file, self._rows, self._state = settings, file, rows, state
        self._port = free_port()
        with serving(settings.server, self._port) as server:
            watch = _stop_when(state, round(rows * DONE))
            cost = measure(self._arguments(server.url, state), KEY, watch=watch, exit_code=INTERRUPTED)
        self.sent = int(json.loads(cost.output)["events"]["accepted"])
        if not rows * DONE <= self.sent < rows:
            raise SystemExit(f"{file.name}: {self.sent:,} of {rows:,} rows were done when it was stopped")

    def resumed(self) -> Sample:
        """Run the rest from a copy of the state, to its end."""
        with tempfile.TemporaryDirectory(dir=self._settings.cache) as name:
            state = Path(name, "state")
            shutil.copytree(self._state, state)
            with serving(self._settings.server, self._port) as server:
                cost = measure(self._arguments(server.url, state), KEY)
        accepted = json.loads(cost.output)["events"]["accepted"]
        expect("rows of both runs", self.sent + accepted, self._rows)
        if not server.arrivals.first > cost.began:
            raise SystemExit("the server got nothing")
        return replace(sending(cost, server, accepted), figure=server.arrivals.first - cost.began)

    def _arguments(self, url: str, state: Path) -> list[str]:
        return run_arguments(MAPPING, self._file, url, str(state))


def _stop_when(state: Path, rows: int) -> Callable[[subprocess.Popen[bytes]], None]:
    """Ends the importer as soon as ``importer status`` knows of so many rows."""

    def watch(process: subprocess.Popen[bytes]) -> None:
        while not _has_ended(process):
            said = json.loads(measure(["-m", "importer", "status", "--state-dir", str(state), "--json"]).output)
            if said["imports"] and said["imports"][0]["rows"]["sent"] >= rows:
                process.send_signal(signal.SIGTERM)
                return
            time.sleep(LOOK_SECONDS)

    return watch


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Without taking its exit status, which the measurement needs."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
