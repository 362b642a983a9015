"""How the cost grows with rows, with columns and with the size of events."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks import contenders
from benchmarks.files import made, orders
from benchmarks.results import EVENTS, Comparison
from benchmarks.rounds import in_turns
from benchmarks.shapes_mapping import mapping_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.results import Sample
    from benchmarks.settings import Settings

MILLIONS = (1, 10, 50)
COLUMNS = (10, 50, 200)
SIZES = (200, 650, 2_000, 8_000, 20_000)
CELLS = 20_000_000
BYTES = 400_000_000


def run(settings: Settings) -> list[Comparison]:
    """Three comparisons. ``--rows`` is that of the smallest file, and the most for columns and sizes."""
    return [_rows(settings), _shape(settings, "columns", COLUMNS, CELLS), _shape(settings, "bytes", SIZES, BYTES)]


def _rows(settings: Settings) -> Comparison:
    sizes = [settings.rows_or(1_000_000) * millions for millions in MILLIONS]
    runs = {f"{rows:,} rows": partial(contenders.importer, settings, orders(settings, rows), rows) for rows in sizes}
    return Comparison("growth", "rows, from Parquet", EVENTS, in_turns(settings.rounds_or(1), EVENTS, runs))


def _shape(settings: Settings, kind: str, numbers: tuple[int, ...], amount: int) -> Comparison:
    """As many rows as keep columns times rows, or bytes times rows, the same, but no more than a million."""
    runs: dict[str, Callable[[], Sample]] = {}
    for number in numbers:
        rows = settings.rows_or(min(amount // number, 1_000_000))
        file = made(settings, "shapes", f"{kind}-{number}", "parquet", rows, kind, str(number))
        mapping = file.with_suffix(".yaml")
        mapping.write_text(mapping_of(kind, number))
        runs[f"{number:,} {kind}"] = partial(contenders.importer, settings, file, rows, mapping=mapping)
        limit = ("benchmarks.shapes_limit", str(file), "/dev/null")
        runs[f"{number:,} {kind}, sink_ndjson"] = partial(contenders.silent, rows, *limit)
    title = "columns" if kind == "columns" else "bytes an event, about"
    return Comparison("growth", title, EVENTS, in_turns(settings.rounds_or(3), EVENTS, runs))
