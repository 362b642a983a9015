"""Inputs that nobody chose: CSV files of all dialects after any damage, any columns, any values, any mappings.

What is read is compared with other readers, what is encoded is read back, what is validated and imported must be the
same and arrive at a server that knows nothing of the importer. What was ever found is a test of its own beside the
code that it was found in.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import arriving
import coming_back
import commands
import reading
from actors import Importer, running_oracle
from seeds import sum_of

if TYPE_CHECKING:
    from pathlib import Path

READ = {
    reading.letter_by_letter: 250,
    reading.soup: 400,
    reading.beside_the_csv_module: 100,
    reading.beside_duckdb: 25,
    reading.damaged_header: 150,
    commands.every_command: 12,
}
ENCODED = {coming_back.encoded_and_back: 150, coming_back.values_come_back: 100, coming_back.mangled_document: 60}
IMPORTED = {arriving.damaged_file: 12, arriving.any_mapping: 12}


def play(seed: int, folder: Path) -> Counter[str]:
    """Some of each kind, each from a seed of its own, which an error names."""
    chance, figures = random.Random(seed), Counter[str]()

    def seeds(count: int) -> list[int]:
        return [chance.randrange(10**9) for _ in range(count)]

    for read, count in READ.items():
        figures += sum_of(read, seeds(count), folder)
    for encoded, count in ENCODED.items():
        figures += sum_of(encoded, seeds(count))
    with running_oracle(folder / "oracle.ndjson", "0") as oracle:
        importer = Importer(folder)
        for imported, count in IMPORTED.items():
            figures += sum_of(imported, seeds(count), folder, importer, oracle)
    assert figures["sent"], "nothing arrived"
    assert figures["rejected"], "no damage was found"
    return _summed(figures)


def _summed(figures: Counter[str]) -> Counter[str]:
    """Kinds of damage, of rejects and of types in one figure each."""
    summed: Counter[str] = Counter()
    for name, count in figures.items():
        summed[name.partition(":")[0]] += count
    return summed
