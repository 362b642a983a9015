"""What the importer reads in a random damaged CSV file, beside what others read. For tests and campaigns alike."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import csv_files
import csv_readers

from importer.errors import SourceUnreadable
from importer.mapping.models import SourceSpec
from importer.records import Reject, Span
from importer.source import SourceFile, sniff
from importer.source.csv_reader import SHOWN_CHARACTERS, CsvReader

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from csv_files import Drawn, Writing

Row = tuple[str | None, ...]


class Seen(NamedTuple):
    """What the importer says of a file, by row."""

    names: tuple[str, ...]
    rows: dict[int, Row]
    rejects: dict[int, Reject]
    blank: int

    @property
    def records(self) -> int:
        return len(self.rows) + len(self.rejects)


def seen(folder: Path, data: bytes, writing: Writing, block_bytes: int = 1 << 20) -> Seen:
    """Read ``data`` with a mapping that declares how it is written."""
    path = folder / "x.csv"
    path.write_bytes(data)
    declared = {"separator": writing.separator, "quote": writing.quote, "encoding": writing.encoding}
    file = SourceFile(path, path.name, "csv")
    reader = CsvReader(
        file, 0, sniff(file, SourceSpec(**declared, skip_rows=writing.skip_rows)), block_bytes=block_bytes
    )
    found = Seen(tuple(reader.schema), {}, {}, 0)
    for chunk in reader.chunks([Span(0, 1, 1 << 60)]):
        found.rows.update(zip(chunk.rows, chunk.frame.rows(), strict=True))
        found.rejects.update({reject.row: reject for reject in chunk.rejects})
        found = found._replace(blank=found.blank + chunk.blank)
    return found


def letter_by_letter(chance: Random, folder: Path) -> Counter[str]:
    """Any damage, beside a reader that goes letter by letter: the same rows, rejects, lines and texts."""
    file = csv_files.draw(chance)
    data, done = csv_files.damage(chance, file) if chance.random() < 0.85 else (file.data, [])
    found = seen(folder, data, file.writing, chance.choice([1, 7, 40, 1 << 20]))
    text = csv_readers.text_of(data, file.writing.encoding)
    first_line = file.header.count("\n") + 1
    records = dict(enumerate(csv_readers.by_letters(file.writing, text, len(file.header), first_line), 1))
    assert found.names == file.writing.names
    assert found.rows == {row: record.cells for row, record in records.items() if record.cells is not None}
    broken = {row: record for row, record in records.items() if record.cells is None and not record.blank}
    assert {row: (reject.line, reject.source_row) for row, reject in found.rejects.items()} == {
        row: (record.line, _cut(csv_readers.shown(record.text).rstrip("\r\n"))) for row, record in broken.items()
    }
    assert found.blank == sum(record.blank for record in records.values())
    if len(done) <= 1:
        assert_no_column_is_shifted(found.rows)
    if not done:
        assert list(found.rows.values()) == [tuple(cell or None for cell in row) for row in file.cells]
    return _damage(done) + Counter(f"rejected: {reject.code}" for reject in found.rejects.values()) + _figures(found)


SOUP = [
    b"A",
    b"BC",
    b",",
    b",",
    b'"',
    b'"',
    b'""',
    b"\n",
    b"\n",
    b"\r\n",
    b"\r",
    b" ",
    b"\0",
    b"\xc3\xa9",
    b"\xff",
    b"\xe2\x80",
]


def soup(chance: Random, folder: Path) -> Counter[str]:
    """Any bytes behind a header, above all those that mean something, beside the reader that goes letter by letter."""
    names = tuple(f"n{number}" for number in range(chance.randint(1, 3)))
    writing = csv_files.Writing(",", '"', "\n", "utf-8", names)
    header = writing.record(list(names))
    data = header.encode() + b"".join(chance.choices(SOUP, k=chance.randint(0, 40)))
    found = seen(folder, data, writing, chance.choice([1, 3, 1 << 20]))
    text = csv_readers.text_of(data, "utf-8")
    records = dict(enumerate(csv_readers.by_letters(writing, text, len(header), 2), 1))
    assert found.rows == {row: record.cells for row, record in records.items() if record.cells is not None}
    assert {row: reject.line for row, reject in found.rejects.items()} == {
        row: record.line for row, record in records.items() if record.cells is None and not record.blank
    }
    return Counter({"soups": 1, "rows": len(found.rows), "rejected from soup": len(found.rejects)})


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}… (cut)"


def _damage(done: list[str]) -> Counter[str]:
    return Counter(f"damage: {kind}" for kind in done)


def _figures(found: Seen) -> Counter[str]:
    return Counter({"files": 1, "rows": len(found.rows), "blank": found.blank})


def assert_no_column_is_shifted(rows: dict[int, Row]) -> None:
    """Each cell that says whose it is stands in that column."""
    for row, cells in rows.items():
        for column, cell in enumerate(cells):
            assert csv_files.column_of(cell or "") in {None, column}, (row, cells)


def beside_the_csv_module(chance: Random, folder: Path) -> Counter[str]:
    """Whole records damaged, beside Python's csv module: the same rows, and a reject for each other record."""
    file = csv_files.draw(chance)
    kinds = ["short", "long", "blank", "wrong separator", "nul"] + ["text after quote"] * bool(file.writing.quote)
    data, done = csv_files.damage_of_cells(chance, file, kinds)
    found = seen(folder, data, file.writing, chance.choice([7, 1 << 20]))
    text = csv_readers.text_of(data, file.writing.encoding)
    theirs = csv_readers.by_csv_module(file.writing, text.removeprefix(file.writing.lead))
    assert found.records == len(theirs)
    assert list(found.rows.values()) == [row for row in theirs if row is not None and len(row) == file.writing.width]
    assert_no_column_is_shifted(found.rows)
    return _damage(done) + Counter(f"rejected: {reject.code}" for reject in found.rejects.values()) + _figures(found)


def beside_duckdb(chance: Random, folder: Path) -> Counter[str]:
    """Whole records damaged, beside DuckDB, which rejects rows, too: the same rows, the same rejects."""
    file = _for_duckdb(csv_files.draw(chance))
    kinds = ["short", "long", "wrong separator", "nul", "alien"] + ["text after quote"] * bool(file.writing.quote)
    data, done = csv_files.damage_of_cells(chance, file, kinds)
    found = seen(folder, data, file.writing)
    rows, rejects = csv_readers.by_duckdb(file.writing, folder / "x.csv", file.header.count("\n"))
    assert list(found.rows.values()) == rows
    assert list(found.rejects) == list(rejects)
    assert_no_column_is_shifted(found.rows)
    return _damage(done) + Counter(f"rejected: {reject.code}" for reject in found.rejects.values()) + _figures(found)


def _for_duckdb(file: Drawn) -> Drawn:
    """As ``file``, in UTF-8 and with a header on one line, whatever the names: DuckDB skips lines, not records."""
    names = tuple(f"n{number}" for number in range(file.writing.width))
    writing = replace(file.writing, encoding="utf-8", mark=b"", names=names)
    return file._replace(writing=writing, header=writing.lead + writing.record(list(names)))


def damaged_header(chance: Random, folder: Path) -> Counter[str]:
    """A header after some damage: refused, or read as the csv module reads it, each name once and none empty."""
    file = csv_files.draw(chance)
    header = file.header.removeprefix(file.writing.lead)
    kind = chance.choice([*csv_files.DAMAGE])
    changed = csv_files.DAMAGE[kind](file.writing, header, chance.randint(0, len(header)))
    data = file.writing.encode(file.writing.lead + changed + "".join(file.records))
    try:
        found = seen(folder, data, file.writing)
    except SourceUnreadable:
        return Counter({"files": 1, f"header: {kind}": 1, "headers refused": 1})
    quoting = csv.QUOTE_MINIMAL if file.writing.quote else csv.QUOTE_NONE
    theirs = csv.reader(
        io.StringIO((changed + "".join(file.records)).lstrip("\r\n"), newline=""),
        delimiter=file.writing.separator,
        quotechar=file.writing.quote or None,
        quoting=quoting,
        strict=True,
    )
    assert found.names == tuple(next(theirs))
    assert all(found.names)
    assert len(set(found.names)) == len(found.names)
    return Counter({"files": 1, f"header: {kind}": 1, "headers read": 1})
