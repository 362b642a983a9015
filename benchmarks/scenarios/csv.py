"""Batches from CSV, field check included: beside Polars, which reads the file as text, casts and encodes."""

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


def run(settings: Settings) -> list[Comparison]:
    """One comparison, of the data without nulls."""
    rows = settings.rows_or(ROWS)
    file = orders(settings, rows, suffix="csv")
    note = check_same_events(orders(settings, CHECK_ROWS, suffix="csv"))
    rounds = in_turns(
        settings.rounds_or(5),
        EVENTS,
        {
            "importer": lambda: contenders.importer(settings, file, rows),
            "careful script": lambda: contenders.script(settings, rows, "benchmarks.careful", str(file)),
            "scan_csv, sink_ndjson": lambda: contenders.silent(rows, "benchmarks.limit", str(file), "/dev/null"),
        },
    )
    check_payloads(rounds)
    ratios = [Ratio("importer", "scan_csv, sink_ndjson", 0.5), Ratio("importer", "careful script")]
    return [Comparison("csv", "no column with a null", EVENTS, rounds, ratios, notes=[note])]
