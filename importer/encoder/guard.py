"""A guard on what leaves: personal data in a target that is not declared to carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from importer import reference
from importer.mapping.compiled import ROW
from importer.report import Example
from importer.rules.personal import declared, find_personal, mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from importer.encoder.chunk import ChunkInput
    from importer.report import Findings
    from importer.rules import Given

_EXAMPLES = 3
_NAMES = {
    "email": "an address of e-mail",
    "phone": "a phone number",
    "card": "the number of a payment card",
    "iban": "an IBAN",
}
_WATCHED = frozenset({pl.String, pl.Int64, pl.UInt64, pl.Int128, pl.Decimal})  # a card may be a number
_LOWEST_CARD = 10**13  # the shortest have fourteen digits
_WATCHED_LISTS = frozenset({pl.List(pl.String)})
_ONLY_TEXTS_ARE = frozenset({"email", "phone", "iban"})  # a number as such may be any
# Made by the importer itself, of hex digits.
_OWN = frozenset({"context.event_id"})


class _Target(NamedTuple):
    """A column of texts, or lists of them, and the kinds of personal data that it may carry."""

    path: str
    expr: pl.Expr
    is_list: bool
    allowed: frozenset[str]


class Guard:
    """Watches the texts of ``given``, and numbers for those of cards."""

    def __init__(self, given: Mapping[str, Given]) -> None:
        self._targets = [
            _target(path, value.expr, value.dtype, is_number=value.raw)
            for path, value in given.items()
            if value.expr is not None and value.dtype is not None and path not in _OWN
            if value.dtype.base_type() in _WATCHED or value.dtype in _WATCHED_LISTS
        ]
        self._texts = [pl.col(ROW), *(target.expr.alias(target.path) for target in self._targets)]
        self._sizes = [pl.col(target.path).str.len_bytes() for target in self._targets if not target.is_list]

    def look(self, chunk: ChunkInput, frame: pl.DataFrame, findings: Findings) -> set[str]:
        """Note what stands in the rows of ``frame`` and should not; the names under which that was noted."""
        texts = frame.select(self._texts)
        sizes = texts.select(self._sizes)
        return {name for target in self._targets for name in _note_target(chunk, texts, sizes, target, findings)}


def _target(path: str, expr: pl.Expr, dtype: pl.DataType, *, is_number: bool) -> _Target:
    is_number = is_number or dtype.is_numeric()
    texts = _long_numbers(expr) if dtype.is_numeric() else expr
    return _Target(path, texts, isinstance(dtype, pl.List), _allowed(path) | (_ONLY_TEXTS_ARE if is_number else set()))


def _long_numbers(numbers: pl.Expr) -> pl.Expr:
    """The digits of numbers that are as long as that of a card."""
    return pl.when(numbers.abs() >= _LOWEST_CARD).then(numbers).cast(pl.String)


def _note_target(
    chunk: ChunkInput, texts: pl.DataFrame, sizes: pl.DataFrame, target: _Target, findings: Findings
) -> Iterator[str]:
    if target.is_list:
        texts = texts.select(ROW, target.path).explode(target.path)
        sizes = texts.select(pl.col(target.path).str.len_bytes())
    for kind, found in find_personal(texts[target.path], target.allowed, sizes[target.path]).items():
        hits = texts.select(ROW, target.path).filter(found)
        examples = [
            Example(*_place(chunk, row), _message(target.path, kind, text))
            for row, text in hits.head(_EXAMPLES).iter_rows()
        ]
        name = f"personal_{kind}:{target.path}"
        findings.note(name, examples, hits[ROW].n_unique())
        yield name


def _allowed(path: str) -> frozenset[str]:
    known = reference.find(None, path)
    return declared(path, known.format if known else None)


def _message(path: str, kind: str, text: str) -> str:
    way = "hash it, or leave it out" if kind in {"card", "iban"} else f"hash it, or send it as user.{kind}"
    return f"`{path}` carries {_NAMES[kind]} ({mask(text)}): {way}"


def _place(chunk: ChunkInput, row: int) -> tuple[tuple[int, int], str]:
    place = chunk.place_of(row)
    return (chunk.span.source, place.row), place.file
