"""The peak of memory of whole imports of 1, 10 and 50 million rows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks import contenders
from benchmarks.files import orders
from benchmarks.results import EVENTS, Comparison
from benchmarks.rounds import in_turns
from benchmarks.tables import verdict

if TYPE_CHECKING:
    from benchmarks.settings import Settings

MILLIONS = (1, 10, 50)
PEAK_MB = 400
SPREAD = 1.1


def run(settings: Settings) -> list[Comparison]:
    """Rates and peaks for Parquet and CSV. ``--rows`` is that of the smallest file; the others are 10 and 50 times."""
    unit = settings.rows_or(1_000_000)
    return [one for suffix in ("parquet", "csv") for one in _compare(settings, suffix, [unit * m for m in MILLIONS])]


def _compare(settings: Settings, suffix: str, sizes: list[int]) -> list[Comparison]:
    runs = {
        f"{rows:,} rows": partial(contenders.importer, settings, orders(settings, rows, suffix=suffix), rows)
        for rows in sizes
    }
    rates = Comparison("memory", suffix, EVENTS, in_turns(settings.rounds_or(1), EVENTS, runs))
    peaks = rates.of_peaks(dict.fromkeys(runs, PEAK_MB))
    medians = [peaks.spread(name).median for name in runs]
    spread = max(medians) / min(medians)
    peaks.notes.append(f"largest / smallest: {spread:.2f}; target at most {SPREAD}: {verdict(spread <= SPREAD)}")
    return [rates, peaks]
