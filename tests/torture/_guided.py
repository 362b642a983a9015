"""Fuzzing that is guided by coverage, for whoever has atheris (``pip install atheris``), which no test needs.

``PYTHONPATH=tests:. python -m torture._guided csv -max_total_time=600`` looks for bytes in which a reader that goes
letter by letter sees other records than ours, ``yaml`` for a mapping that is neither a document nor has problems. What
stands behind the name is for libFuzzer; a folder among it collects what reached new code. What is found is written to a
file beside it, and becomes a test.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["importer.source", "importer.mapping"]):
    from importer.mapping.document import parse_document
    from importer.source.grammar import Grammar
    from importer.source.structure import scan

import csv_files
import csv_readers

from importer.errors import MappingInvalid, Problem


def csv_bytes(data: bytes) -> None:
    """The first byte says how many fields there are."""
    if len(data) < 2:
        return
    width, block = data[0] % 4 + 1, data[1:] if data.endswith(b"\n") else data[1:] + b"\n"
    found = scan(Grammar(",", '"', width), block, final=True)
    ours: dict[int, tuple[int, int]] = {
        run.row + number: (-1, -1) for run in found.runs for number in range(run.records)
    }
    ours |= {broken.row: (broken.start, broken.stop) for broken in found.broken}
    writing = csv_files.Writing(",", '"', "\n", "utf-8", tuple("abcd"[:width]))
    text = block.decode("utf-8", "importer.tests.mark")
    theirs = list(csv_readers.by_letters(writing, text, 0, 0))
    good = {row for row, record in enumerate(theirs) if record.cells is not None}
    bad = {row for row, record in enumerate(theirs) if record.cells is None and not record.blank}
    assert {row for row, place in ours.items() if place == (-1, -1)} == good
    assert {row for row, place in ours.items() if place != (-1, -1)} == bad
    assert (found.rows, found.consumed) == (len(theirs), len(block))


def yaml_bytes(data: bytes) -> None:
    """A mapping in UTF-8."""
    for problem in _problems(data.decode("utf-8", "replace")):
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message.isprintable()


def _problems(text: str) -> list[Problem]:
    try:
        parse_document(text, "m.yaml")
    except MappingInvalid as invalid:
        return invalid.problems or [Problem(0, 0, "", "refused without a problem")]
    return []


if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], {"csv": csv_bytes, "yaml": yaml_bytes}[sys.argv[1]])
    atheris.Fuzz()
