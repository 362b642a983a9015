"""How long small commands take, beside Python alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contenders import MAPPING
from benchmarks.files import orders
from benchmarks.processes import measure
from benchmarks.results import Comparison, Sample
from benchmarks.rounds import in_turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.settings import Settings

MILLISECONDS = "ms"


def run(settings: Settings) -> list[Comparison]:
    """One comparison of all of them."""
    commands = {
        "importer --help": ["-m", "importer", "--help"],
        "importer --version": ["-m", "importer", "--version"],
        "importer validate, one row": ["-m", "importer", "validate", str(MAPPING), str(orders(settings, 1)), "--json"],
        "python -c pass": ["-c", "pass"],
        'python -c "import polars"': ["-c", "import polars"],
    }
    rounds = in_turns(settings.rounds_or(15), MILLISECONDS, {name: _timed(commands[name]) for name in commands})
    return [Comparison("startup", "small commands", MILLISECONDS, rounds, at_most={"importer --help": 150})]


def _timed(command: list[str]) -> Callable[[], Sample]:
    def run() -> Sample:
        cost = measure(command)
        if "pass" not in command and "import polars" not in command and not cost.output:
            raise SystemExit(f"{' '.join(command)} said nothing")
        return Sample(cost.seconds * 1000, cost.seconds, cost.cpu_seconds, cost.peak_bytes)

    return run
