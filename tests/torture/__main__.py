"""The campaign: round after round of kills, faults and damaged input, until its time is over.

``make torture`` plays all kinds of rounds in turn for half an hour; ``make torture MINUTES=5 SEED=7 ONLY=kills`` one
kind for less. Each round draws everything from a seed of its own. A round that fails prints how to play it again, as in
``make torture ONLY=kills ROUND=123456``, and the campaign goes on; its exit code is 1 then.

A kind of rounds is a module beside this one with ``play(seed, folder) -> Counter[str]``: it does what it does in
``folder``, which is empty and removed after it, counts what was done, and raises ``AssertionError`` where a promise of
the importer is broken.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "crash")]

KINDS = tuple(sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py")))
LARGEST_SEED = 10**9


def main() -> int:
    """Play rounds, print a line for each, and the sums at the end. The exit code."""
    options = _options()
    kinds = options.only.split(",") if options.only else list(KINDS)
    campaign, sums, failed = random.Random(options.seed), {kind: Counter() for kind in kinds}, []
    deadline = time.monotonic() + options.minutes * 60
    print(f"campaign of {options.minutes:g} minutes, seed {options.seed}: {', '.join(kinds)}", flush=True)
    while not options.round and time.monotonic() < deadline:
        for kind in kinds:
            seed = campaign.randrange(1, LARGEST_SEED)
            if time.monotonic() < deadline and not _play(kind, seed, sums[kind]):
                failed.append((kind, seed))
    if options.round:
        failed = [(kind, options.round) for kind in kinds if not _play(kind, options.round, sums[kind])]
    print(json.dumps({"seed": options.seed, "minutes": options.minutes, "figures": sums, "failed": failed}))
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30, help="how long (default: 30)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, LARGEST_SEED), help="of it all")
    parser.add_argument("--only", help=f"kinds of rounds, with commas between them: {', '.join(KINDS)}")
    parser.add_argument("--round", type=int, help="the seed of the one round to be played")
    return parser.parse_args()


def _play(kind: str, seed: int, sums: Counter[str]) -> bool:
    """One round; whether it went well."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="importer-torture-") as folder:
        try:
            counted = importlib.import_module(f"torture.{kind}").play(seed, Path(folder))
        except Exception:  # noqa: BLE001 - whatever it was, the round failed
            traceback.print_exc()
            print(f"FAILED: make torture ONLY={kind} ROUND={seed}", flush=True)
            sums.update(rounds=1, failed=1)
            return False
    seconds = time.monotonic() - begin
    sums.update(counted, rounds=1, seconds=round(seconds))
    print(f"{kind} {seed} in {seconds:.1f} s: {', '.join(f'{n} {v:,}' for n, v in counted.items())}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
