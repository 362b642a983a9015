"""How numbers are written in texts: decimal sign, thousands, signs of currencies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.numbers import NumberFormat

if TYPE_CHECKING:
    from collections.abc import Iterable

# the first of equals wins
_FORMATS = tuple(
    NumberFormat(decimal, thousands)
    for decimal, thousands in ((".", None), (",", None), (".", ","), (",", " "), (",", "."), (".", " "), (".", "'"))
)
_LIKE_NUMBER = re.compile(r"^\s*[+-]?\d[\d.,'\s\u00a0\u202f]*(?:[eE][+-]?\d+)?\s*$|^\s*[+-]?[.,]\d+\s*$")
CURRENCY_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "EUR": "EUR", "USD": "USD", "GBP": "GBP", "CHF": "CHF"}
_ENOUGH = 0.9
_PROBES = 50
_FEW = 3
_BLANKS = " \u00a0\u202f"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The format of the numbers of a source.

    ``example`` is one that shows it. All of them could as well be read in the format ``other``, if there is one.
    """

    format: NumberFormat = field(default_factory=NumberFormat)
    example: str = ""
    other: NumberFormat | None = None


def is_like_number(values: pl.Series) -> bool:
    """Whether most of ``values`` (texts, each once) may be numbers, however they are written."""
    probes = values.head(_PROBES)
    return len(probes) > 0 and sum(bool(_LIKE_NUMBER.match(text)) for text in probes) >= _ENOUGH * len(probes)


def numbers_of(columns: Iterable[pl.Series]) -> Numbers:
    """The format in which most cells of ``columns``, which look like numbers, are numbers."""
    texts = pl.concat([pl.Series(dtype=pl.String), *columns])
    telling = texts.filter(texts.str.contains(r"[^\d+-]"))
    counts = {item: _read(telling, item) for item in _FORMATS}
    best = max(_FORMATS, key=lambda item: counts[item])
    if not counts[best]:
        return Numbers()
    telling = telling.filter(_tokens(telling, best).is_not_null())
    other = next(
        (item for item in _FORMATS if item != best and counts[item] == counts[best] and _differs(telling, best, item)),
        None,
    )
    return Numbers(best, str(_telling_most(telling)), other)


def _read(texts: pl.Series, item: NumberFormat) -> int:
    return int(_tokens(texts, item).is_not_null().sum())


def _tokens(texts: pl.Series, item: NumberFormat) -> pl.Series:
    return pl.DataFrame({"text": texts}).select(item.tokens(pl.col("text"))).to_series()


def _differs(texts: pl.Series, best: NumberFormat, item: NumberFormat) -> bool:
    """Whether ``item`` reads other numbers in ``texts`` than ``best``."""
    mine, theirs = (_tokens(texts, each).cast(pl.Float64, strict=False) for each in (best, item))
    return bool((mine != theirs).any())


def _telling_most(texts: pl.Series) -> str:
    """The example with the most signs in it, the first of them."""
    signs = texts.str.count_matches(r"[.,' ]")
    return str(texts[int(signs.arg_max() or 0)])


def share_of_numbers(values: pl.Series, counts: pl.Series, item: NumberFormat) -> float:
    """The share of cells that are numbers in this format; ``values`` are those of the cells, with their ``counts``."""
    if not any(map(_LIKE_NUMBER.match, values.head(_FEW))):
        return 0.0
    return int(counts.filter(_tokens(values, item).is_not_null()).sum()) / int(counts.sum())


def sign_of(values: pl.Series) -> str | None:
    """The sign of a currency that stands in most of ``values`` beside a number, such as ``12,50 €``."""
    for sign in CURRENCY_SIGNS:
        if not len(values) or sign not in values[0]:
            continue
        bare = values.str.replace(sign, "", literal=True)
        if bool((bare != values).all()) and is_like_number(bare):
            return sign
    return None


def cast_sql(column: str, sign: str, item: NumberFormat) -> str:
    """SQL for the number in a column whose cells carry ``sign`` as well."""
    thousands = "" if item.thousands in {None, " "} else item.thousands or ""
    for removed in (sign, *_BLANKS, *thousands):
        column = f"REPLACE({column}, {_literal(removed)}, '')"
    if item.decimal != ".":
        column = f"REPLACE({column}, '{item.decimal}', '.')"
    return f"CAST({column} AS DOUBLE)"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
