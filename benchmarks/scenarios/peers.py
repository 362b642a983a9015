"""Other programs that import events, beside the importer. They are much slower, so they get fewer rows."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import contenders
from benchmarks.contenders import expect
from benchmarks.files import orders
from benchmarks.processes import ROOT, measure
from benchmarks.results import EVENTS, Comparison, Ratio
from benchmarks.rounds import in_turns
from benchmarks.servers import python_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.results import Sample
    from benchmarks.settings import Settings

ROWS = 1_000_000
REQUIREMENTS = ROOT / "benchmarks" / "peers" / "requirements.txt"
SHOWN = ("segment-analytics-python", "posthog", "rudder-sdk-python", "dlt")
MARKER = '"payment_method"'  # once in each event


class Peer(NamedTuple):
    """``part`` of the rows are given to it, and ``answer`` is what it wants to hear."""

    module: str
    part: float
    answer: str


PEERS = {
    "segment-analytics-python": Peer("segment", 0.05, '{"success": true}'),
    "posthog": Peer("posthog_sdk", 0.05, '{"status": 1}'),
    "rudder-sdk-python": Peer("rudder", 0.05, '"OK"'),
    "dlt, custom destination": Peer("dlt_destination", 0.2, "{}"),
}


def run(settings: Settings) -> list[Comparison]:
    """One comparison, by rates: the rows differ."""
    rows = settings.rows_or(ROWS)
    python = environment(settings.cache)
    file = orders(settings, rows)
    runs: dict[str, Callable[[], Sample]] = {
        "importer": lambda: contenders.importer(settings, file, rows),
        "careful script": lambda: contenders.script(settings, rows, "benchmarks.careful", str(file)),
    }
    for name, peer in PEERS.items():
        runs[name] = _runner(settings, max(round(rows * peer.part), 1), peer, python)
    rounds = in_turns(settings.rounds_or(3), EVENTS, runs)
    targets = {"careful script": 4.0, "segment-analytics-python": 50.0}
    ratios = [Ratio("importer", name, targets.get(name)) for name in runs if name != "importer"]
    title = "the same orders from Parquet, without nulls; the peers post to our own server, which counts events"
    return [Comparison("peers", title, EVENTS, rounds, ratios, notes=[f"versions: {_versions(python)}"])]


def environment(cache: Path) -> str:
    """The Python of a virtual environment that has the peers; made once."""
    folder = cache / f"peers-{zlib.crc32(REQUIREMENTS.read_bytes()):08x}"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if not ready.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(REQUIREMENTS)]
        subprocess.run([str(python), *install], check=True)
        ready.touch()
    return str(python)


def _runner(settings: Settings, rows: int, peer: Peer, python: str) -> Callable[[], Sample]:
    def run() -> Sample:
        with python_server(marker=MARKER, answer=peer.answer) as server:
            cost = measure(["-m", f"benchmarks.peers.{peer.module}", str(file), str(rows), server.url], python=python)
        expect(f"events of {peer.module} at the server", server.arrivals.marked, rows)
        return contenders.sending(cost, server, rows)

    file = orders(settings, rows)
    return run


def _versions(python: str) -> str:
    listed = subprocess.run([python, "-m", "pip", "list", "--format=json"], capture_output=True, check=True)
    found = {item["name"]: item["version"] for item in json.loads(listed.stdout)}
    return ", ".join(f"{name} {found[name]}" for name in SHOWN)
