"""Columns as the plain buffers that travel on the belt, without a copy."""

from __future__ import annotations

from typing import Literal

import polars as pl
import polars_hash as plh

_TEXT = "text"
_DIGEST_WORDS = 2
_WORD_HEX_DIGITS = 16
_LIMB = 1 << 32


def digests(texts: pl.Series) -> tuple[memoryview, memoryview, memoryview, memoryview]:
    """Running totals of the first 128 bits of each text's SHA-256, in four limbs of 32 bits that cannot overflow."""
    limbs = [part for word in _words(_sha256(texts)) for part in (word // _LIMB, word % _LIMB)]
    first, second, third, fourth = (numbers(_running_totals(limb), "Q") for limb in limbs)
    return first, second, third, fourth


def ids(texts: pl.Series, *, is_hex: bool) -> tuple[memoryview, memoryview]:
    """128 bits of each id in two sequences of 64: its 32 hex digits, or the beginning of its SHA-256."""
    high, low = (numbers(word, "Q") for word in _words(texts if is_hex else _sha256(texts)))
    return high, low


def _sha256(texts: pl.Series) -> pl.Series:
    return texts.to_frame(_TEXT).select(plh.col(_TEXT).chash.sha2_256()).to_series()


def _words(digits: pl.Series) -> list[pl.Series]:
    """The first 128 bits of texts in hex, as two unsigned numbers of 64."""
    starts = range(0, _DIGEST_WORDS * _WORD_HEX_DIGITS, _WORD_HEX_DIGITS)
    parts = (pl.col(_TEXT).str.slice(start, _WORD_HEX_DIGITS) for start in starts)
    words = (part.str.to_integer(base=16, dtype=pl.UInt64).alias(str(index)) for index, part in enumerate(parts))
    return digits.to_frame(_TEXT).select(words).get_columns()


def _running_totals(limb: pl.Series) -> pl.Series:
    return pl.concat([pl.Series([0], dtype=pl.UInt64), limb.cum_sum().rename("")])


def text(texts: pl.Series) -> tuple[memoryview, memoryview]:
    """Offsets, one more than there are texts, and the bytes of the Arrow array (LargeString) of ``texts``."""
    if texts.is_empty():
        return memoryview(bytes(8)).cast("q"), memoryview(b"")
    arrow = texts.to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, body = (memoryview(buffer or b"") for buffer in arrow.buffers())
    return offsets.cast("q")[arrow.offset : arrow.offset + len(arrow) + 1], body


def numbers(series: pl.Series, letter: Literal["q", "Q"]) -> memoryview:
    """The numbers of a column of 64-bit integers without nulls; ``q`` signed, ``Q`` unsigned."""
    if series.is_empty():
        return memoryview(b"").cast(letter)
    arrow = series.rechunk().to_arrow()
    _, found = (memoryview(buffer or b"") for buffer in arrow.buffers())
    return found.cast(letter)[arrow.offset : arrow.offset + len(arrow)]
