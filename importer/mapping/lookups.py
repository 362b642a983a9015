"""Values from another file: its rows by key, and the expressions that find the one of each source row.

Keys are compared as the parts of event keys are, as text: 7 and "7" agree, "007" is another one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import polars as pl

from importer.errors import SourceUnreadable
from importer.mapping.cells import Value
from importer.mapping.keys import key_part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from importer.errors import Problem
    from importer.mapping.cells import Context
    from importer.mapping.models import LookupSpec

KEY = "\x01key"
"""Name of the column of keys in the rows of a table; no file can have it."""
_HASH = "\x01hash"
_Texts = TypeVar("_Texts", pl.Expr, pl.Series)


class LookupUnreadable(SourceUnreadable):
    """A file that a mapping looks values up in is damaged or cannot be read."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        lines = "".join(f"\n  {problem}" for problem in problems)
        hint = "A lookup file is CSV in UTF-8 with a header, or Parquet: correct it, or export it again."
        super().__init__(f"{name} looks values up in files that cannot be read:{lines}", hint)
        self.problems = problems


class LookupProblem(NamedTuple):
    """What is wrong with a lookup, at the place ``path`` of the document.

    ``is_damage``: the mapping is right, and the file cannot be read.
    """

    path: tuple[str | int, ...]
    message: str
    is_damage: bool = False


@dataclass(frozen=True, slots=True)
class LookupTable:
    """The rows of a file by one of its columns, sorted by a hash of the key; rows of one key keep their order.

    A key is found by a binary search for its hash, and then compared itself. The table is sorted once; a join would
    hash all of it again for every chunk (for a million rows 80 ms a chunk of 25,000, against 6 ms).
    """

    rows: pl.DataFrame
    seed: int

    @classmethod
    def of(cls, rows: pl.DataFrame) -> LookupTable:
        """The table of ``rows`` with the column ``KEY``, which is text without a null."""
        for seed in count():  # in a million keys two share a hash once in 40 million files
            table = cls(rows.with_columns(_hashed(rows[KEY], seed).alias(_HASH)).sort(_HASH, maintain_order=True), seed)
            if table.rows.filter(_repeats(_HASH) & ~_repeats(KEY)).is_empty():
                return table
        raise AssertionError

    def row_of(self, key: pl.Expr, context: Context) -> pl.Expr:
        """The number of the first row with ``key``, null where there is none."""
        at = context.staged(pl.lit(self.rows[_HASH]).search_sorted(_hashed(key, self.seed)))
        is_it = pl.lit(self.rows[KEY]).gather(at, null_on_oob=True) == key
        return context.staged(pl.when(is_it).then(at))

    def values(self, take: str, row: pl.Expr) -> pl.Expr:
        """The cell of column ``take`` in ``row``."""
        return pl.lit(self.rows[take]).gather(row, null_on_oob=True)

    def contradictions(self, take: str) -> pl.DataFrame:
        """The rows of all keys that have several values of ``take``."""
        differs = pl.col(take).ne_missing(pl.col(take).shift(1))
        keys = self.rows.filter(_repeats(KEY) & differs)[KEY]
        return self.rows.filter(pl.col(KEY).is_in(keys.unique().implode())) if len(keys) else self.rows.clear()

    def only(self, takes: Sequence[str]) -> LookupTable:
        """The table without other columns to take."""
        return replace(self, rows=self.rows.select(_HASH, KEY, *takes))


def _repeats(column: str) -> pl.Expr:
    """Whether a row has the value of the row before."""
    return (pl.col(column) == pl.col(column).shift(1)).fill_null(value=False)


def _hashed(texts: _Texts, seed: int) -> _Texts:
    return texts.hash(seed)


@dataclass(frozen=True, slots=True)
class Lookups:
    """All that a mapping looks up.

    ``tables`` are by file (as the mapping writes it) and by the column of its keys, ``hashes`` have the SHA-256 of each
    file in hex, ``problems`` what is wrong with the others, ``notes`` what was guessed.
    """

    tables: Mapping[tuple[str, str], LookupTable] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[LookupProblem, ...] = ()
    notes: tuple[str, ...] = ()

    def table(self, spec: LookupSpec) -> LookupTable | None:
        """The table for ``spec``, ``None`` if there is a problem with it."""
        found = self.tables.get((spec.file, key_columns(spec)[1]))
        return found if found is not None and spec.take in found.rows.columns else None


def key_columns(spec: LookupSpec) -> tuple[str, str]:
    """The column of the source, and that of the file which it is compared with."""
    (pair,) = spec.on.items()
    return pair


def label_of(spec: LookupSpec) -> str:
    """How messages call the value that was found."""
    return f"{spec.take!r} of {spec.file}"


class Finder:
    """Looks values up for the fields of one scope; those with the same key search for it once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], tuple[pl.Expr, pl.Expr]] = {}

    def value(self, spec: LookupSpec, cell: Value, table: LookupTable, context: Context) -> Value:
        """What ``table`` has for ``cell``, with a check, or a count, of keys that it has not.

        Raises:
            KeyInvalid: ``cell`` cannot be a key.
        """
        column, of_file = key_columns(spec)
        place = (column, spec.file, of_file)
        if place not in self._found:
            key = context.staged(key_part(cell, column))
            self._found[place] = key, table.row_of(key, context)
        key, row = self._found[place]
        value = Value(table.values(spec.take, row), table.rows.schema[spec.take])
        unknown = key.is_not_null() & row.is_null()
        where = spec.file if of_file == column else f"column {of_file!r} of {spec.file}"
        if spec.missing == "reject":
            return value.checked("lookup_missing", f"column {column!r} is {{}}, which is not in {where}", unknown, key)
        effect = "the default is sent" if spec.missing == "default" else "it is left out"
        rule = (
            f"lookup_missing: values of column {column!r} are not in {where}, so {spec.take!r} is not known; {effect}"
        )
        return Value(value.expr, value.dtype, counts=((rule, unknown),))
