"""The programs that are measured, each as one run: a new process, a new server, and a check of what arrived."""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING, Any

from benchmarks.processes import ROOT, Cost, measure
from benchmarks.results import Sample
from benchmarks.servers import Server, python_server, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.settings import Settings

MAPPING = ROOT / "benchmarks" / "orders.yaml"
KEY = {"IMPORTER_SOURCE_KEY": "benchmark"}
# More than anything here can reach: the pace is not what is measured.
RATE = "1000000"


def importer(settings: Settings, file: Path, events: int, *options: str, mapping: Path = MAPPING) -> Sample:
    """The importer as a user starts it, with a new state directory. ``options`` are further ones of ``run``."""
    with tempfile.TemporaryDirectory(dir=settings.cache) as state, serving(settings.server) as server:
        cost = measure(run_arguments(mapping, file, server.url, state, *options), KEY)
    report = json.loads(cost.output)
    return _sample(cost, server, report["events"]["accepted"], report["requests"], report["bytes_sent"], events)


def run_arguments(mapping: Path, file: Path, url: str, state: str, *options: str) -> list[str]:
    """What ``importer run`` is given; an option that comes again counts."""
    arguments = ["-m", "importer", "run", str(mapping), str(file), "--url", url, "--site", "1234"]
    return [*arguments, "--state-dir", state, "--rate", RATE, "--yes", "--json", *options]


def script(settings: Settings, events: int, *arguments: str) -> Sample:
    """``python -m ARGUMENTS URL``, which prints how many events, requests and bytes it sent."""
    with serving(settings.server) as server:
        cost = measure(["-m", *arguments, server.url])
    said = json.loads(cost.output)
    return _sample(cost, server, said["events"], said["requests"], said["bytes"], events)


def silent(events: int, *arguments: str) -> Sample:
    """``python -m ARGUMENTS``, which sends nothing."""
    return _rate(measure(["-m", *arguments]), events)


def counting(events: int, *arguments: str) -> Sample:
    """``python -m ARGUMENTS``, which sends nothing and prints how many events it made."""
    cost = measure(["-m", *arguments])
    expect(f"events of {arguments[0]}", json.loads(cost.output)["events"], events)
    return _rate(cost, events)


def validate(file: Path, events: int, mapping: Path = MAPPING) -> Sample:
    """The dry run of the importer."""
    cost = measure(["-m", "importer", "validate", str(mapping), str(file), "--json"])
    accepted = json.loads(cost.output)["events"]["accepted"]
    expect(f"validate of {file.name}: events", accepted, events)
    return _rate(cost, events)


def kept(keep: Path, arguments: Callable[[str, str], Sequence[str]]) -> None:
    """Run ``python ARGUMENTS(URL, STATE)`` with a server that keeps the bodies in ``keep``."""
    with tempfile.TemporaryDirectory() as state, python_server(keep=keep) as server:
        measure(arguments(server.url, state), KEY)


def _rate(cost: Cost, events: int, **counted: Any) -> Sample:  # noqa: ANN401 -- fields of the sample
    return Sample(
        figure=events / cost.seconds,
        seconds=cost.seconds,
        cpu_seconds=cost.cpu_seconds,
        peak_bytes=cost.peak_bytes,
        events=events,
        **counted,
    )


def _sample(cost: Cost, server: Server, accepted: int, requests: int, sent_bytes: int, events: int) -> Sample:
    expect("events that the client says were accepted", accepted, events)
    expect("requests at the server", server.arrivals.requests, requests)
    expect("bytes at the server", server.arrivals.bytes, sent_bytes)
    return sending(cost, server, events)


def sending(cost: Cost, server: Server, events: int) -> Sample:
    """A run that sent ``events``, as the caller has checked, and what the server counted."""
    arrivals = server.arrivals
    return _rate(
        cost,
        events,
        requests=arrivals.requests,
        sent_bytes=arrivals.bytes,
        server_cpu_seconds=server.cpu_seconds,
    )


def expect(what: str, found: int, expected: int) -> None:
    """Raise SystemExit if something was measured that is not what was to be done."""
    if found != expected or not found:
        raise SystemExit(f"{what}: {found:,} instead of {expected:,}")
