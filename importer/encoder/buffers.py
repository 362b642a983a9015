"""Columns as the plain buffers that travel on the belt, without a copy."""

from __future__ import annotations

from typing import Literal

import polars as pl
import polars_hash as plh
import pyarrow as pa

_TEXT = "text"
_ID_WORDS = 2
_WORD_HEX_DIGITS = 16
_WORD = 1 << 64


def digests(texts: pa.LargeStringArray, separator_characters: int) -> tuple[memoryview, memoryview]:
    """Running totals, modulo 2^128, of the XXH3 of each text without the separator at its end: high and low words."""
    column = pl.Series(_TEXT, texts)
    events = column.str.head(-separator_characters) if separator_characters else column
    hashes = events.to_frame().select(plh.col(_TEXT).nchash.xxh3_128()).to_series()
    totals = pl.concat([pl.Series([0], dtype=pl.UInt128), hashes.rename("")]).cum_sum().alias(_TEXT).to_frame()
    words = totals.select(
        (pl.col(_TEXT) // _WORD).cast(pl.UInt64).alias("high"), (pl.col(_TEXT) % _WORD).cast(pl.UInt64).alias("low")
    )
    high, low = (numbers(word, "Q") for word in words.get_columns())
    return high, low


def ids(texts: pl.Series, *, is_hex: bool) -> tuple[memoryview, memoryview]:
    """128 bits of each id in two sequences of 64: its 32 hex digits, or the beginning of its SHA-256."""
    high, low = (numbers(word, "Q") for word in _words(texts if is_hex else _sha256(texts)))
    return high, low


def _sha256(texts: pl.Series) -> pl.Series:
    return texts.to_frame(_TEXT).select(plh.col(_TEXT).chash.sha2_256()).to_series()


def _words(digits: pl.Series) -> list[pl.Series]:
    """The first 128 bits of texts in hex, as two unsigned numbers of 64."""
    starts = range(0, _ID_WORDS * _WORD_HEX_DIGITS, _WORD_HEX_DIGITS)
    parts = (pl.col(_TEXT).str.slice(start, _WORD_HEX_DIGITS) for start in starts)
    words = (part.str.to_integer(base=16, dtype=pl.UInt64).alias(str(index)) for index, part in enumerate(parts))
    return digits.to_frame(_TEXT).select(words).get_columns()


def sizes(texts: pa.LargeStringArray) -> pl.Series:
    """The bytes of each text."""
    return _offsets(texts).diff().slice(1)


def chosen(texts: pa.LargeStringArray, mask: pl.Series) -> pa.LargeStringArray:
    """The texts for which ``mask`` is true."""
    return texts.filter(mask.to_arrow())


def text(texts: pa.LargeStringArray) -> tuple[memoryview, memoryview]:
    """Offsets, one more than there are texts, and the bytes that they point into."""
    _, _, body = texts.buffers()
    offsets = numbers(_offsets(texts), "q")
    return offsets, memoryview(body or b"")[: offsets[-1]]


def _offsets(texts: pa.LargeStringArray) -> pl.Series:
    _, offsets, _ = texts.buffers()
    count = texts.offset + len(texts) + 1
    return pl.Series(pa.Array.from_buffers(pa.int64(), count, [None, offsets])).slice(texts.offset)


def numbers(series: pl.Series, letter: Literal["q", "Q"]) -> memoryview:
    """The numbers of a column of 64-bit integers without nulls; ``q`` signed, ``Q`` unsigned."""
    if series.is_empty():
        return memoryview(b"").cast(letter)
    arrow = series.rechunk().to_arrow()
    _, found = (memoryview(buffer or b"") for buffer in arrow.buffers())
    return found.cast(letter)[arrow.offset : arrow.offset + len(arrow)]
