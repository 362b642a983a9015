"""The proof that all contenders do the same work: they send the same events."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import MAPPING, kept, run_arguments
from benchmarks.processes import measure

if TYPE_CHECKING:
    from collections.abc import Callable

CHECK_ROWS = 5_000


def check_same_events(file: Path) -> str:
    """Let every contender keep what it makes of ``file``, and compare event by event; a sentence that says so.

    Everything must be equal but ``context.event_id``, which each makes in its own way and which must be distinct and of
    the same length, and the nulls that ``sink_ndjson`` cannot leave out.

    Raises:
        SystemExit: Two contenders disagree; the first difference is shown.

    """
    contenders: dict[str, Callable[[Path], object]] = {
        "importer": lambda keep: kept(keep, lambda url, state: run_arguments(MAPPING, file, url, state)),
        "careful script": lambda keep: kept(keep, lambda url, _: ["-m", "benchmarks.careful", str(file), url]),
        "sink_ndjson": lambda keep: measure(["-m", "benchmarks.limit", str(file), str(keep)]),
    }
    found = {}
    for name, run in contenders.items():
        with tempfile.TemporaryDirectory() as folder:
            run(Path(folder, "kept"))
            found[name] = events(Path(folder, "kept"))
    return same(found)


def same(found: dict[str, dict[str, Any]]) -> str:
    """Compare the events of contenders with those of the first. Raises SystemExit where they differ."""
    names = list(found)
    expected = found[names[0]]
    if not expected:
        raise SystemExit(f"{names[0]} made no event")
    for name in names[1:]:
        for order in expected.keys() | found[name].keys():
            one, other = found[name].get(order), expected.get(order)
            if one != other:
                raise SystemExit(f"{name}, order {order}:\n{one}\ninstead of\n{other}")
    return f"{len(expected):,} events of {' and '.join(names)} are equal but for their ids and nulls"


def events(kept: Path) -> dict[str, Any]:
    """The events of a file of bodies or of events, by order, each with the length of its id instead of the id."""
    found, ids = {}, set()
    for line in kept.read_bytes().splitlines():
        document = json.loads(line)
        for event in document.get("batch", [document]):
            ids.add(event["context"]["event_id"])
            event["context"]["event_id"] = len(event["context"]["event_id"])
            if event["id"] in found:
                raise SystemExit(f"{kept}: order {event['id']} arrived twice")
            found[event["id"]] = without_nulls(event)
    if len(ids) != len(found):
        raise SystemExit(f"{len(found)} events have {len(ids)} ids")
    return found


def without_nulls(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """``value`` without null members, and without the empty objects that this leaves."""
    if isinstance(value, dict):
        members = {key: without_nulls(member) for key, member in value.items()}
        return {key: member for key, member in members.items() if member not in (None, {})}
    return [without_nulls(member) for member in value] if isinstance(value, list) else value
