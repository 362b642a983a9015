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
_HASH_BYTES = frozenset({32, 64})
_NAMES = {
    "email": "an address of e-mail",
    "phone": "a phone number",
    "card": "the number of a payment card",
    "iban": "an IBAN",
}
# Made by the importer itself, of hex digits.
_OWN = frozenset({"context.event_id"})


class _Target(NamedTuple):
    """A column of texts, or lists of them, and the kinds of personal data that it may carry."""

    path: str
    expr: pl.Expr
    is_list: bool
    allowed: frozenset[str]


class Guard:
    """Watches the texts of ``given``."""

    def __init__(self, given: Mapping[str, Given]) -> None:
        self._targets = [
            _Target(path, value.expr, isinstance(value.dtype, pl.List), _allowed(path))
            for path, value in given.items()
            if value.expr is not None and not value.raw and path not in _OWN
            if value.dtype in (pl.String, pl.List(pl.String))
        ]

    def look(self, chunk: ChunkInput, frame: pl.DataFrame, findings: Findings) -> set[str]:
        """Note what stands in the rows of ``frame`` and should not; the names under which that was noted."""
        return {
            name
            for target in self._targets
            for name in _note_target(chunk, frame.select(ROW, target.expr.alias("text")), target, findings)
        }


def _note_target(chunk: ChunkInput, texts: pl.DataFrame, target: _Target, findings: Findings) -> Iterator[str]:
    if target.is_list:
        texts = texts.explode("text")
    texts = _without_hashes(texts)
    for kind, found in find_personal(texts["text"]).items():
        if kind in target.allowed:
            continue
        hits = texts.filter(found)
        examples = [
            Example(*_place(chunk, row), _message(target.path, kind, text))
            for row, text in hits.head(_EXAMPLES).iter_rows()
        ]
        name = f"personal_{kind}:{target.path}"
        findings.note(name, examples, hits[ROW].n_unique())
        yield name


def _without_hashes(texts: pl.DataFrame) -> pl.DataFrame:
    """Hashes and derived ids carry nothing, and are dear to look through: a column of them is told by its sizes."""
    sizes = texts["text"].str.len_bytes()
    if sizes.min() not in _HASH_BYTES or sizes.min() != sizes.max():
        return texts
    return texts.filter(~pl.col("text").str.contains("^[0-9a-f]+$"))


def _allowed(path: str) -> frozenset[str]:
    known = reference.find(None, path)
    return declared(path, known.format if known else None)


def _message(path: str, kind: str, text: str) -> str:
    way = "hash it, or leave it out" if kind in {"card", "iban"} else f"hash it, or send it as user.{kind}"
    return f"`{path}` carries {_NAMES[kind]} ({mask(text)}): {way}"


def _place(chunk: ChunkInput, row: int) -> tuple[tuple[int, int], str]:
    place = chunk.place_of(row)
    return (chunk.span.source, place.row), place.file
