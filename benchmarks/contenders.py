"""What is measured, and the proof that all of it does the same work."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, Cost, counting_server, measure

MAPPING = ROOT / "benchmarks" / "orders.yaml"
BODY_LIMIT_BYTES = 500_000
# More than anything here can reach: the pace is not what is measured.
RATE = "100000"


@dataclass(frozen=True, slots=True)
class Result:
    """One run: its cost, and what the server counted (``None`` where nothing is sent)."""

    cost: Cost
    received: dict[str, Any] | None = None


def importer(file: Path, keep: Path | None = None) -> Result:
    """The importer as a user starts it, with a new state directory."""
    with tempfile.TemporaryDirectory() as state, counting_server(keep) as server:
        arguments = ["-m", "importer", "run", str(MAPPING), str(file), "--url", server.url, "--site", "1234"]
        arguments += ["--state-dir", state, "--rate", RATE, "--yes", "--json"]
        cost = measure(arguments, {"IMPORTER_SOURCE_KEY": "benchmark"})
    return Result(cost, server.summary)


def careful(file: Path, keep: Path | None = None) -> Result:
    """The careful script."""
    with counting_server(keep) as server:
        cost = measure(["-m", "benchmarks.careful", str(file), server.url])
    return Result(cost, server.summary)


def limit(file: Path, keep: Path | None = None) -> Result:
    """Polars alone, into nothing."""
    return Result(measure(["-m", "benchmarks.limit", str(file), str(keep or "/dev/null")]))


Contender = Callable[[Path, Path | None], Result]
CONTENDERS: dict[str, Contender] = {"importer": importer, "careful script": careful, "sink_ndjson": limit}


def check_same_events(file: Path) -> int:
    """Let every contender keep what it makes of ``file``, and compare event by event; the number of events.

    Everything must be equal but ``context.event_id``, which each makes in its own way and which must be distinct and of
    the same length, and the nulls that ``sink_ndjson`` cannot leave out.

    Raises:
        SystemExit: Two contenders disagree; the first difference is shown.

    """
    expected: dict[str, Any] = {}
    for name, run in CONTENDERS.items():
        with tempfile.TemporaryDirectory() as folder:
            kept = Path(folder, "kept")
            run(file, kept)
            events = _events(kept)
        expected = expected or events
        for order in expected.keys() | events.keys():
            if expected.get(order) != events.get(order):
                raise SystemExit(f"{name}, order {order}:\n{events.get(order)}\ninstead of\n{expected.get(order)}")
    return len(expected)


def _events(kept: Path) -> dict[str, Any]:
    """The events of a file of bodies or of events, by order, each with the length of its id instead of the id."""
    events, ids = {}, set()
    for line in kept.read_bytes().splitlines():
        document = json.loads(line)
        for event in document.get("batch", [document]):
            ids.add(event["context"]["event_id"])
            event["context"]["event_id"] = len(event["context"]["event_id"])
            if event["id"] in events:
                raise SystemExit(f"{kept}: order {event['id']} arrived twice")
            events[event["id"]] = _without_nulls(event)
    if len(ids) != len(events):
        raise SystemExit(f"{len(events)} events have {len(ids)} ids")
    return events


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: _without_nulls(member) for key, member in value.items() if member is not None}
    return [_without_nulls(member) for member in value] if isinstance(value, list) else value
