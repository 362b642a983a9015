"""The dry run beside what it is made of: reading and encoding alone, by the importer and by Polars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import contenders
from benchmarks.contenders import MAPPING
from benchmarks.files import orders
from benchmarks.results import EVENTS, Comparison, Ratio
from benchmarks.rounds import in_turns

if TYPE_CHECKING:
    from benchmarks.settings import Settings

ROWS = 1_000_000
FILES = {
    "Parquet, no column with a null": ("full", "parquet"),
    "Parquet, 8 of 18 columns a quarter null": ("nullable", "parquet"),
    "CSV, no column with a null": ("full", "csv"),
}


def run(settings: Settings) -> list[Comparison]:
    """One comparison a file."""
    return [_compare(settings, title, *FILES[title]) for title in FILES]


def _compare(settings: Settings, title: str, kind: str, suffix: str) -> Comparison:
    rows = settings.rows_or(ROWS)
    file = orders(settings, rows, kind, suffix)
    rounds = in_turns(
        settings.rounds_or(5),
        EVENTS,
        {
            "importer validate": lambda: contenders.validate(file, rows),
            "encode only": lambda: contenders.counting(rows, "benchmarks.encode_only", str(MAPPING), str(file)),
            "sink_ndjson": lambda: contenders.silent(rows, "benchmarks.limit", str(file), "/dev/null"),
        },
    )
    ratios = [Ratio("importer validate", "encode only", 0.8), Ratio("importer validate", "sink_ndjson")]
    return Comparison("validate", title, EVENTS, rounds, ratios)
