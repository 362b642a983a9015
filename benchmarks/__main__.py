"""How fast the importer is, beside what it can be compared with. ``python -m benchmarks --help``.

Everything runs on this machine, in turns, several rounds: numbers of different rounds never stand beside each other in
a ratio. Times are of whole processes, from start to end, start-up included.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import zlib
from pathlib import Path

from benchmarks.contenders import BODY_LIMIT_BYTES, CONTENDERS, Result, check_same_events
from benchmarks.processes import measure

CHECK_ROWS = 5_000


def main() -> None:
    """Make the data, check that all do the same work, run in turns, print."""
    options = _options()
    options.cache.mkdir(parents=True, exist_ok=True)
    orders = _orders(options.cache, options.rows)
    same = check_same_events(_orders(options.cache, CHECK_ROWS))
    print(f"{same:,} events are equal for all, but for ids and nulls; {options.rounds} rounds of {options.rows:,} rows")
    rounds = [_round(orders, number + 1, options.rows) for number in range(options.rounds)]
    _print_table(rounds, options.rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="orders in the file (default: 1,000,000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each one runs (default: 5)")
    cache = Path(tempfile.gettempdir(), "importer-benchmarks")
    parser.add_argument("--cache", type=Path, default=cache, help="folder for the data (default: %(default)s)")
    options = parser.parse_args()
    if options.rows < 1 or options.rounds < 1:
        parser.error("--rows and --rounds must be at least 1")
    return options


def _orders(cache: Path, rows: int) -> Path:
    # What makes the data is part of the name: after a change of it, an old file is not used.
    version = zlib.crc32(Path(__file__).with_name("data.py").read_bytes())
    file = cache / f"orders-{rows}-{version:08x}.parquet"
    if not file.exists():
        measure(["-m", "benchmarks.data", str(file), str(rows)])
    return file


def _round(orders: Path, number: int, rows: int) -> dict[str, Result]:
    results = {}
    for name, run in CONTENDERS.items():
        results[name] = run(orders, None)
        print(f"  round {number}: {name:15} {rows / results[name].cost.seconds:10,.0f} events/s", flush=True)
    return results


def _print_table(rounds: list[dict[str, Result]], rows: int) -> None:
    headings = ("events/s", "lowest", "highest", "CPU s", "peak MB", "requests", "fill")
    print(f"\n{'median of rounds':18}" + "".join(f"{heading:>10}" for heading in headings))
    for name in CONTENDERS:
        results = [results[name] for results in rounds]
        rates = [rows / result.cost.seconds for result in results]
        cells = [f"{number:,.0f}" for number in (statistics.median(rates), min(rates), max(rates))]
        cells.append(f"{statistics.median(result.cost.cpu_seconds for result in results):.1f}")
        cells.append(f"{statistics.median(result.cost.peak_bytes for result in results) / 1e6:,.0f}")
        print(f"{name:18}" + "".join(f"{cell:>10}" for cell in (*cells, *_wire(results[0]))))
    for other in list(CONTENDERS)[1:]:
        ratios = [results[other].cost.seconds / results["importer"].cost.seconds for results in rounds]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"importer / {other}: {statistics.median(ratios):.2f} (in single rounds {spread})")


def _wire(result: Result) -> tuple[str, ...]:
    if result.received is None:
        return ()
    requests, sent = result.received["requests"], result.received["bytes"]
    return f"{requests:,}", f"{sent / requests / BODY_LIMIT_BYTES:.1%}"


if __name__ == "__main__":
    main()
