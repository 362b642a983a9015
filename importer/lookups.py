"""The files that a mapping looks values up in, read once, before it is compiled."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from importer.errors import MappingInvalid, Problem, SourceUnreadable
from importer.mapping.cells import Value
from importer.mapping.document import EachSpec, FieldSpec, SourceSpec
from importer.mapping.failures import quoted
from importer.mapping.keys import KeyInvalid, key_part
from importer.mapping.lookups import KEY, LookupProblem, Lookups, LookupTable, LookupUnreadable, key_columns
from importer.mapping.nearest import did_you_mean
from importer.records import Span
from importer.source import open_source, sniff
from importer.source.opening import Stability, reading
from importer.source.recognise import recognise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from importer.mapping.document import Document
    from importer.mapping.document import Mapping as MappingModel
    from importer.mapping.models import LookupSpec
    from importer.source import Dialect, SourceFile

MAX_ROWS = 5_000_000
MAX_BYTES = 1_000_000_000
_ROW = "\x01row"
_SHOWN_KEYS = 3


class _Use(NamedTuple):
    """A lookup of the mapping and its place in the document."""

    path: tuple[str, ...]
    spec: LookupSpec


class _TooLarge(Exception):  # noqa: N818  named for what it says, as every exception of the importer
    """A file has more than is kept in memory."""


def read_lookups(document: Document) -> Lookups:
    """All files that ``document`` looks values up in, each read once; of those with a problem, the problem.

    A path is seen from the folder of the mapping, or from the current one where the mapping is no file. How a CSV is
    written is recognised in it; what counts as no value in it, beside the empty cell, is what ``source`` says.
    """
    folder = document.path.parent if document.path is not None else Path()
    tables: dict[tuple[str, str], LookupTable] = {}
    hashes: dict[str, str] = {}
    problems: list[LookupProblem] = []
    notes: list[str] = []
    options = SourceSpec(null_values=document.mapping.source.null_values)
    for name, uses in _uses(document.mapping).items():
        reader = _LookupFile(folder / name, name, options, uses, problems)
        tables |= {(name, column): table for column, table in reader.tables().items()}
        hashes |= {name: reader.sha256} if reader.sha256 else {}
        notes += reader.notes
    return Lookups(tables, hashes, tuple(problems), tuple(notes))


def check_lookups(document: Document) -> None:
    """Read the files of ``document`` for their problems alone.

    Raises:
        MappingInvalid: a file does not exist, is too large, or lacks what the mapping wants of it.
        SourceUnreadable: that is not so, and a file is damaged or cannot be read.
    """
    problems = read_lookups(document).problems
    located = [Problem(*document.place(*item.path), ".".join(map(str, item.path)), item.message) for item in problems]
    if not all(item.is_damage for item in problems):
        raise MappingInvalid(document.name, located)
    if located:
        raise LookupUnreadable(document.name, located)


def _uses(mapping: MappingModel) -> dict[str, list[_Use]]:
    """The lookups of ``mapping`` by file."""
    found: dict[str, list[_Use]] = {}
    for path, spec in _fields(mapping):
        if spec.lookup is not None:
            found.setdefault(spec.lookup.file, []).append(_Use((*path, "lookup"), spec.lookup))
    return found


def _fields(mapping: MappingModel) -> Iterator[tuple[tuple[str, ...], FieldSpec]]:
    for target, spec in mapping.fields.items():
        if isinstance(spec, EachSpec):
            yield from ((("fields", target, "each", name), item) for name, item in spec.each.items())
        else:
            yield ("fields", target), spec


class _LookupFile:
    """One file on its way to tables. What is wrong goes to ``problems``.

    ``sha256`` is that of all its bytes in hex, empty if it was not read to its end.
    """

    def __init__(
        self, path: Path, name: str, options: SourceSpec, uses: Sequence[_Use], problems: list[LookupProblem]
    ) -> None:
        self.sha256 = ""
        self.notes: list[str] = []
        self._path = path
        self._name = name
        self._options = options
        self._uses = uses
        self._problems = problems

    def tables(self) -> dict[str, LookupTable]:
        """A table for each column of keys, without what has a problem."""
        if message := _missing_file(self._path):
            self._at_all("file", message)
            return {}
        try:
            file = replace(recognise(self._path, self._options), partitions=())
            return self._tables(file, sniff(file, self._options) if file.format == "csv" else None)
        except _TooLarge as error:
            self._at_all("file", str(error))
        except SourceUnreadable as error:
            self._at_all("file", error.message.rstrip("."), is_damage=True)
        return {}

    def _tables(self, file: SourceFile, dialect: Dialect | None) -> dict[str, LookupTable]:
        stability = Stability(file)
        uses = self._with_columns(open_source(file, 0, dialect).schema)
        if not uses:
            return {}
        columns = {name for use in uses for name in (key_columns(use.spec)[1], use.spec.take)}
        rows = _rows(file, dialect, sorted(columns))
        self.sha256 = _sha256(file)
        stability.check()
        described = f", {dialect.describe()}" if dialect is not None else ""
        self.notes.append(f"{self._name} is looked up in: {rows.height:,} rows{described}")
        by_key: dict[str, list[_Use]] = {}
        for use in uses:
            by_key.setdefault(key_columns(use.spec)[1], []).append(use)
        tables = {column: self._table(rows, column, those) for column, those in by_key.items()}
        return {column: table for column, table in tables.items() if table is not None}

    def _with_columns(self, schema: Mapping[str, pl.DataType]) -> list[_Use]:
        """The lookups whose columns are in the file."""
        good = []
        for use in self._uses:
            wanted = {"on": key_columns(use.spec)[1], "take": use.spec.take}
            absent = {part: name for part, name in wanted.items() if name not in schema}
            for part, name in absent.items():
                hint = did_you_mean(name, schema) or f"; its columns are: {', '.join(schema)}"
                self._problem(use, part, f"no column {name!r} in {self._name}{hint}")
            good += [] if absent else [use]
        return good

    def _table(self, rows: pl.DataFrame, column: str, uses: Sequence[_Use]) -> LookupTable | None:
        """The table of the keys in ``column``, with the columns that can be taken: those with one value a key."""
        try:
            key = key_part(Value(pl.col(column), rows.schema[column]), column)
        except KeyInvalid as error:
            for use in uses:
                self._problem(use, "on", f"{self._name}: {error}")
            return None
        table = LookupTable.of(rows.with_columns(key.alias(KEY)).drop_nulls(KEY))
        takes = {take: _several_values(table, take) for take in dict.fromkeys(use.spec.take for use in uses)}
        for use in uses:
            if message := takes[use.spec.take]:
                several = f"{self._name} has several values of {use.spec.take!r} for one key"
                self._problem(use, "on", f"{several}: {message}. Keep one row for each key")
        return table.only([take for take, message in takes.items() if not message])

    def _problem(self, use: _Use, part: str, message: str, *, is_damage: bool = False) -> None:
        self._problems.append(LookupProblem((*use.path, part), message, is_damage))

    def _at_all(self, part: str, message: str, *, is_damage: bool = False) -> None:
        for use in self._uses:
            self._problem(use, part, message, is_damage=is_damage)


def _missing_file(path: Path) -> str:
    """Why there is no file at ``path``; empty if there is one."""
    if os.path.isdir(path):  # noqa: PTH112  (Path.is_dir raises where it may not look)
        return f"{path} is a folder: name one file in it"
    if os.path.exists(path):  # noqa: PTH110  (as above, and for a NUL in the name)
        return ""
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    except (OSError, ValueError):
        return f"there is no file {path}, nor a folder {path.parent}: relative paths are seen from the mapping file"
    hint = did_you_mean(path.name, names) or ": relative paths are seen from the mapping file"
    return f"there is no file {path}{hint}"


def _rows(file: SourceFile, dialect: Dialect | None, columns: Sequence[str]) -> pl.DataFrame:
    """These columns of all rows, and the number of each row. An empty text is no value."""
    reader = open_source(file, 0, dialect, columns)
    parts = [pl.DataFrame(schema={name: reader.schema[name] for name in columns} | {_ROW: pl.Int64})]
    height = size_bytes = 0
    for chunk in reader.chunks([Span(0, 1, MAX_ROWS + 2)]):
        for reject in chunk.rejects:
            raise SourceUnreadable(f"{file.name}: row {reject.row} cannot be read: {reject.message}")
        part = chunk.frame.select(columns).with_columns(chunk.rows.alias(_ROW))
        parts.append(part)
        height, size_bytes = height + part.height, size_bytes + int(part.estimated_size())
        if height > MAX_ROWS or size_bytes > MAX_BYTES:
            raise _TooLarge(
                f"{file.name} is too large to look values up in: of a lookup file at most {MAX_ROWS:,} rows, and "
                f"{MAX_BYTES:,} bytes of the columns used, are kept in memory; leave out rows that no source needs"
            )
    texts = pl.col(pl.String)
    return pl.concat(parts).with_columns(pl.when(texts != "").then(texts).name.keep())


def _sha256(file: SourceFile) -> str:
    with reading(file) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _several_values(table: LookupTable, take: str) -> str:
    """The first keys that have several values of ``take``, each with two of them; empty if there are none."""
    rows = table.contradictions(take).sort(_ROW)
    keys = rows[KEY].unique(maintain_order=True)
    is_first, differs = pl.int_range(pl.len()) == 0, pl.col(take).ne_missing(pl.col(take).shift(1))
    shown = []
    for key in keys.head(_SHOWN_KEYS):
        two = rows.filter(pl.col(KEY) == key).filter(is_first | differs).select(take, _ROW).head(2)
        values = (f"{quoted(None if cell is None else str(cell))} in row {row:,}" for cell, row in two.iter_rows())
        shown.append(f"{quoted(key)} has {' and '.join(values)}")
    more = f"; so have {len(keys) - _SHOWN_KEYS:,} more" if len(keys) > _SHOWN_KEYS else ""
    return "; ".join(shown) + more
