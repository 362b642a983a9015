"""What is known of one column of a sample: its name in words, and what its values look like."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from importer.draft.numbers import is_like_number, share_of_numbers, sign_of
from importer.draft.times import Times, epoch_of_numbers, is_time_of_day, times_of, typed_times
from importer.draft.words import one_of, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from importer.mapping.numbers import NumberFormat

LOW_CARDINALITY = 40
_TIME_WORDS = frozenset({"date", "time", "created", "updated", "birth"})
_ENOUGH = 0.9
_NEARLY = 0.98
_EXAMPLES = 3
_SHAPES = {
    "email": r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$",
    "md5": r"^[0-9a-fA-F]{32}$",
    "sha256": r"^[0-9a-fA-F]{64}$",
    "ip": r"^\d{1,3}(?:\.\d{1,3}){3}$|^[0-9a-fA-F]{0,4}:[0-9a-fA-F:]*:[0-9a-fA-F:.]*$",
    "url": r"^https?://\S+$",
}
_ALWAYS_NULL = ("NULL", "null", "Null", "\\N", "N/A", "n/a", "#N/A", "(null)", "<null>", "[NULL]", "#N/D")
_SOMETIMES_NULL = ("-", "--", "NA", "None", "NaN", "nan", "nil", "?", "ND", "N/C")


@dataclass(frozen=True, slots=True)
class Column:
    """A column, or a member of a struct or of the entries of a list.

    ``sql`` is how SQL names a member of a struct, ``None`` for a column. ``cells`` are its values in the order of the
    rows, ``values`` those as texts, each once, the most frequent first, and ``counts`` how often each comes. ``shape``
    is one of email, md5, sha256, ip, url or empty. ``number`` says that they are numbers in the format of the source,
    ``sign`` is that of a currency beside them.
    """

    name: str
    sql: str | None
    dtype: pl.DataType
    words: frozenset[str]
    cells: pl.Series = field(repr=False)
    values: pl.Series = field(repr=False)
    counts: pl.Series = field(repr=False)
    shape: str = ""
    number: bool = False
    sign: str | None = None
    times: Times | None = None
    is_time_of_day: bool = False

    @property
    def label(self) -> str:
        """What comments call it: the path of a member of a struct."""
        return self.name if self.sql is None else self.sql.replace('"', "")

    @property
    def filled(self) -> int:
        """Cells with a value."""
        return len(self.cells) - self.cells.null_count()

    @property
    def empty_share(self) -> float:
        """The share of cells without a value."""
        return self.cells.null_count() / len(self.cells) if len(self.cells) else 1.0

    @property
    def is_unique(self) -> bool:
        """Whether each cell has a value, and no two have the same."""
        return self.filled == len(self.cells) == len(self.values)

    @property
    def is_nearly_unique(self) -> bool:
        """Whether that is so but for a few cells, which look like mistakes."""
        return len(self.values) >= _NEARLY * len(self.cells)

    @property
    def is_low(self) -> bool:
        """Whether it has few different values, so that they may be a list of codes."""
        return 0 < len(self.values) <= LOW_CARDINALITY

    @property
    def examples(self) -> tuple[str, ...]:
        """Some of its values."""
        return tuple(self.values.head(_EXAMPLES))


def null_words(frame: pl.DataFrame) -> tuple[str, ...]:
    """The words that stand for no value in a frame of texts.

    ``NULL`` and the like always do; ``-``, ``NA`` or ``None`` only where they stand among numbers or times: elsewhere
    they could mean themselves (Namibia).
    """
    found: dict[str, None] = {}
    for column in frame.iter_columns():
        if column.dtype != pl.String:
            continue
        present = set(column.filter(column.is_in([*_ALWAYS_NULL, *_SOMETIMES_NULL])).unique())
        found |= dict.fromkeys(word for word in _ALWAYS_NULL if word in present)
        sometimes = [word for word in _SOMETIMES_NULL if word in present]
        if sometimes:
            others = column.filter(~column.is_in([*_ALWAYS_NULL, *_SOMETIMES_NULL])).drop_nulls().unique()
            if is_like_number(others) or times_of(others, named=True) is not None:
                found |= dict.fromkeys(sometimes)
    return tuple(found)


def without_nulls(frame: pl.DataFrame, words: Iterable[str]) -> pl.DataFrame:
    """``frame`` with null in place of ``words`` and of empty texts."""
    nothing = ["", *words]
    return frame.with_columns(
        pl.when(~pl.col(name).is_in(nothing)).then(pl.col(name)).alias(name)
        for name, dtype in frame.schema.items()
        if dtype == pl.String
    )


def columns_of(frame: pl.DataFrame, *, sql: str = "", words: frozenset[str] = frozenset()) -> list[Column]:
    """The columns of ``frame``; those of structs as their members. Numbers in texts are not looked at yet.

    ``sql`` is what SQL writes before the names of members, ``words`` are those of the struct around them.
    """
    found: list[Column] = []
    for cells in frame.iter_columns():
        own = words | words_of(cells.name)
        if isinstance(cells.dtype, pl.Struct):
            inner = cells.struct.unnest()
            found += columns_of(inner, sql=f"{sql}{quoted(cells.name)}.", words=own)
        else:
            found.append(_column(cells, f"{sql}{quoted(cells.name)}" if sql else None, own))
    return found


def _column(cells: pl.Series, sql: str | None, words: frozenset[str]) -> Column:
    is_named = bool(words & _TIME_WORDS)
    if cells.dtype != pl.String:
        times = typed_times(cells) or (epoch_of_numbers(cells) if is_named else None)
        has_texts = not cells.dtype.is_nested() and cells.dtype != pl.Binary
        texts = cells.cast(pl.String, strict=False) if has_texts else pl.Series(dtype=pl.String)
        is_number = cells.dtype.is_numeric()
        return Column(cells.name, sql, cells.dtype, words, cells, *_frequent(texts), number=is_number, times=times)
    values, counts = _frequent(cells.str.strip_chars())
    return Column(
        cells.name, sql, cells.dtype, words, cells, values, counts,
        shape=next((shape for shape, pattern in _SHAPES.items() if _fits(values, pattern)), ""),
        times=times_of(values, named=is_named),
        is_time_of_day=is_time_of_day(values),
    )  # fmt: skip


def with_number(column: Column, item: NumberFormat) -> Column:
    """``column`` with a look at whether its texts are numbers in the format of the source."""
    if column.dtype != pl.String or column.times is not None:
        return column
    is_number = share_of_numbers(column.values, column.counts, item) >= _ENOUGH
    sign = None if is_number else sign_of(column.values)
    return replace(column, number=is_number or sign is not None, sign=sign)


def _frequent(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The values of ``texts``, each once, and their counts: the most frequent first, and of equals the first."""
    present = texts.drop_nulls().alias("text")
    present = present.filter(present != "")
    counts = (
        present.to_frame().group_by("text", maintain_order=True).len().sort("len", descending=True, maintain_order=True)
    )
    return counts["text"], counts["len"]


def _fits(values: pl.Series, pattern: str) -> bool:
    if not any(re.search(pattern, text) for text in values.head(_EXAMPLES)):
        return False
    return int(values.str.contains(pattern).sum()) >= _ENOUGH * len(values)


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = one_of(
    "all and any array as asc between by case cast cross count date day desc distinct else end exists false "
    "filter first "
    "float from full group having hour if in index inner int integer interval is join key last left like "
    "limit max min "
    "minute month not null number of offset on or order outer over range rank right row rows second select "
    "set some sum "
    "table text then time timestamp to total true type union unique user using value values when where with year"
)


def quoted(name: str) -> str:
    """The name of a column as SQL writes it."""
    if _PLAIN.fullmatch(name) and name.lower() not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'
