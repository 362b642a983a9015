"""One event a request: as fast as it goes beside a bare aiohttp loop, and what the advised rate costs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks import contenders
from benchmarks.contenders import MAPPING
from benchmarks.files import orders
from benchmarks.processes import measure
from benchmarks.results import EVENTS, Comparison, Ratio
from benchmarks.rounds import in_turns

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.results import Sample
    from benchmarks.settings import Settings

ROWS = 100_000
CONCURRENCY = 64
RATE = 500
RATE_SECONDS = 20
SHARE = "of a core"


def run(settings: Settings) -> list[Comparison]:
    """Without a rate, and at the advised one."""
    return [_unlimited(settings), _at_rate(settings)]


def _unlimited(settings: Settings) -> Comparison:
    rows = settings.rows_or(ROWS)
    file = orders(settings, rows)
    size = _event_bytes(file)
    bare = ["benchmarks.bare", str(rows), str(size), str(CONCURRENCY)]
    options = ["--endpoint", "single", "--concurrency", str(CONCURRENCY)]
    rounds = in_turns(
        settings.rounds_or(5),
        EVENTS,
        {
            "importer": lambda: contenders.importer(settings, file, rows, *options),
            "bare aiohttp loop": lambda: contenders.script(settings, rows, *bare),
        },
    )
    title = f"one event of about {size} bytes a request, {CONCURRENCY} under way, no rate"
    return Comparison("single", title, EVENTS, rounds, [Ratio("importer", "bare aiohttp loop", 0.85)])


def _at_rate(settings: Settings) -> Comparison:
    rows = RATE * RATE_SECONDS if settings.rows is None else min(settings.rows, RATE * RATE_SECONDS)
    file, one = orders(settings, rows), orders(settings, 1)
    options = ["--endpoint", "single", "--rate", str(RATE)]

    def whole() -> Sample:
        sample = contenders.importer(settings, file, rows, *options)
        if sample.seconds < (rows - 1) / RATE:
            raise SystemExit(f"{rows:,} requests were sent in {sample.seconds:.1f} s: that is not {RATE} a second")
        return replace(sample, figure=sample.cpu_seconds / sample.seconds)

    rounds = in_turns(
        settings.rounds_or(3),
        SHARE,
        {"whole process": whole, "of which to begin and end": lambda: contenders.importer(settings, one, 1, *options)},
    )
    for samples in rounds:
        everything, begin = samples["whole process"], samples.pop("of which to begin and end")
        cpu_seconds, seconds = everything.cpu_seconds - begin.cpu_seconds, everything.seconds - begin.seconds
        if cpu_seconds <= 0 or seconds <= 0:
            raise SystemExit(f"{rows:,} events at {RATE} a second take no more than one: measure more of them")
        samples["without beginning and end"] = replace(
            everything, figure=cpu_seconds / seconds, seconds=seconds, cpu_seconds=cpu_seconds
        )
    title = f"{RATE} requests a second, {rows:,} events: CPU time divided by time"
    note = "without beginning and end: the cost of a run of one event, measured in the same round, is taken off"
    return Comparison("single", title, SHARE, rounds, at_most={"whole process": 1 / 3}, notes=[note])


def _event_bytes(file: Path) -> int:
    made = json.loads(measure(["-m", "benchmarks.encode_only", str(MAPPING), str(file)]).output)
    return int(made["bytes"] / made["events"] + 0.5) - len(",")
