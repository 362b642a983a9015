"""Order lines grouped into orders: rate of lines and peak of memory, from a sorted file and from a scattered one."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import contenders
from benchmarks.contenders import MAPPING, kept, run_arguments
from benchmarks.files import made
from benchmarks.results import ROWS as ROWS_UNIT
from benchmarks.results import Comparison, Ratio
from benchmarks.rounds import check_payloads, in_turns
from benchmarks.same import CHECK_ROWS, events, same

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.results import Sample
    from benchmarks.settings import Settings

ROWS = 2_000_000
LINES_MAPPING = MAPPING.with_name("order_lines.yaml")
PEAK_MB = 1000


def run(settings: Settings) -> list[Comparison]:
    """Rate and peak of each order of lines."""
    return [comparison for order in ("sorted", "scattered") for comparison in _compare(settings, order)]


def _compare(settings: Settings, order: str) -> list[Comparison]:
    rows = settings.rows_or(ROWS)
    orders = ceil(rows / 3)
    file = made(settings, "lines", f"lines-{order}", "parquet", rows, order)
    note = _check(made(settings, "lines", f"lines-{order}", "parquet", CHECK_ROWS, order), order)

    def a_line(run: Callable[[], Sample]) -> Callable[[], Sample]:
        def measured() -> Sample:
            sample = run()
            return replace(sample, figure=rows / sample.seconds)

        return measured

    rounds = in_turns(
        settings.rounds_or(5),
        ROWS_UNIT,
        {
            "importer": a_line(lambda: contenders.importer(settings, file, orders, mapping=LINES_MAPPING)),
            "careful script": a_line(
                lambda: contenders.script(settings, orders, "benchmarks.careful_lines", str(file), order)
            ),
        },
    )
    check_payloads(rounds)
    title = f"{rows:,} lines, {order}, three an order"
    whole = Comparison("lines", title, ROWS_UNIT, rounds, [Ratio("importer", "careful script")], notes=[note])
    return [whole, whole.of_peaks({"importer": PEAK_MB})]


def _check(file: Path, order: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder, "one"), Path(folder, "other")
        kept(one, lambda url, state: run_arguments(LINES_MAPPING, file, url, state))
        kept(other, lambda url, _: ["-m", "benchmarks.careful_lines", str(file), order, url])
        return same({"importer": events(one), "careful script": events(other)})
