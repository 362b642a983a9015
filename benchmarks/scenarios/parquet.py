"""Batches from Parquet, the whole path: the importer, the careful script, and Polars alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import contenders
from benchmarks.files import orders
from benchmarks.results import EVENTS, Comparison, Ratio
from benchmarks.rounds import check_payloads, in_turns
from benchmarks.same import CHECK_ROWS, check_same_events

if TYPE_CHECKING:
    from benchmarks.settings import Settings

ROWS = 1_000_000
KINDS = {"full": ("no column with a null", 0.55), "nullable": ("8 of 18 columns a quarter null", 0.45)}


def run(settings: Settings) -> list[Comparison]:
    """One comparison for each kind of data."""
    return [_compare(settings, kind) for kind in KINDS]


def _compare(settings: Settings, kind: str) -> Comparison:
    title, target = KINDS[kind]
    rows = settings.rows_or(ROWS)
    file = orders(settings, rows, kind)
    note = check_same_events(orders(settings, CHECK_ROWS, kind))
    rounds = in_turns(
        settings.rounds_or(5),
        EVENTS,
        {
            "importer": lambda: contenders.importer(settings, file, rows),
            "careful script": lambda: contenders.script(settings, rows, "benchmarks.careful", str(file)),
            "sink_ndjson": lambda: contenders.silent(rows, "benchmarks.limit", str(file), "/dev/null"),
        },
    )
    check_payloads(rounds)
    ratios = [Ratio("importer", "sink_ndjson", target), Ratio("importer", "careful script", 4)]
    return Comparison("parquet", title, EVENTS, rounds, ratios, notes=[note])
