"""How fast the importer is, beside what it can be compared with. ``python -m benchmarks --help``.

Everything runs on this machine, in turns, several rounds: numbers of different rounds never stand beside each other in
a ratio. Times are of whole processes, from start to end, start-up included.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.machine import machine, sentence
from benchmarks.results import Comparison
from benchmarks.scenarios import SCENARIOS
from benchmarks.servers import NAMES, chosen
from benchmarks.settings import Settings
from benchmarks.tables import as_markdown, as_text

if TYPE_CHECKING:
    from collections.abc import Sequence


def main() -> None:
    """Do what the command line asks for."""
    options = parsed()
    if options.list:
        for name, scenario in SCENARIOS.items():
            print(f"{name:10} {scenario.says}{'' if scenario.is_default else ' (only when named)'}")
    elif options.render:
        print(rendered(json.loads(options.render.read_text())))
    else:
        measure_all(options)


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options, checked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="what to measure (default: see --list)")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    parser.add_argument("--rows", type=_positive, help="rows of a file (default: what suits the scenario)")
    parser.add_argument("--rounds", type=_positive, help="how often each one runs (default: mostly 5)")
    cache = Path(tempfile.gettempdir(), "importer-benchmarks")
    parser.add_argument("--cache", type=Path, default=cache, help="folder for the data (default: %(default)s)")
    parser.add_argument("--server", choices=NAMES, default="auto", help="what receives (default: nginx if installed)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples to FILE")
    parser.add_argument("--render", type=Path, metavar="FILE", help="print what --json wrote as Markdown, and end")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.scenarios if name not in SCENARIOS]:
        parser.error(f"no such scenario: {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    return options


def measure_all(options: argparse.Namespace) -> None:
    """Run the scenarios and print; what was measured is in the file even if a later scenario fails."""
    cache = options.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    settings = Settings(cache, chosen(options.server), options.rows, options.rounds)
    document: dict[str, Any] = {"machine": machine(), "server": settings.server, "comparisons": []}
    print(f"{sentence(document['machine'])}; server: {settings.server}\n", flush=True)
    for name in options.scenarios or [name for name, scenario in SCENARIOS.items() if scenario.is_default]:
        print(f"{name}: {SCENARIOS[name].says}", flush=True)
        comparisons = SCENARIOS[name].run(settings)
        if not comparisons:
            raise SystemExit(f"{name} measured nothing")
        print("\n" + "\n\n".join(map(as_text, comparisons)) + "\n", flush=True)
        document["comparisons"] += [comparison.to_json() for comparison in comparisons]
        if options.json:
            options.json.write_text(json.dumps(document, indent=1))


def rendered(document: dict[str, Any]) -> str:
    """The tables of a document of ``--json`` as Markdown."""
    heading = f"Measured {sentence(document['machine'])}; server: {document['server']}.\n"
    return "\n".join([heading, *(as_markdown(Comparison.from_json(item)) for item in document["comparisons"])])


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    main()
