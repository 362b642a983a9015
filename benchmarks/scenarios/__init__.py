"""What can be measured, by name. Each scenario is a function from settings to comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.scenarios import csv, growth, lines, memory, parquet, peers, resume, single, startup, validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.results import Comparison
    from benchmarks.settings import Settings


class Scenario(NamedTuple):
    """``is_default``: it runs when none is named. ``says`` is for ``--list``."""

    run: Callable[[Settings], list[Comparison]]
    says: str
    is_default: bool = True


SCENARIOS = {
    "parquet": Scenario(parquet.run, "batches from Parquet, without nulls and with 8 of 18 columns nullable"),
    "csv": Scenario(csv.run, "batches from CSV"),
    "single": Scenario(single.run, "one event a request: without a rate, and at 500 requests a second"),
    "validate": Scenario(validate.run, "the dry run beside encoding alone"),
    "lines": Scenario(lines.run, "order lines grouped into orders"),
    "startup": Scenario(startup.run, "small commands"),
    "resume": Scenario(resume.run, "an import of 20 million rows, 90% done: when the next run sends", is_default=False),
    "memory": Scenario(memory.run, "peaks of 1, 10 and 50 million rows, Parquet and CSV", is_default=False),
    "growth": Scenario(growth.run, "cost by rows, columns and bytes an event", is_default=False),
    "peers": Scenario(peers.run, "other programs for the job; needs a package index", is_default=False),
}
