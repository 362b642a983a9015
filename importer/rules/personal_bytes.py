"""Which texts may have personal data: a proof of absence for all others, from the bytes of a whole column at once.

A regular expression costs 50 to 200 ns a text, also when it finds nothing. So the bytes of all texts are looked at as
one column of small numbers, many bytes at a time. ASCII is kind: with the bits of :data:`_DIGIT` flipped the digits are
below 16, and they and the marks of punctuation below 32; with those of :data:`_MARK` flipped the marks are below 16. So
whether some neighbours all are of their class is whether the bitwise or of them is below a limit, and that is the or of
a column with itself, some bytes further on.

Nothing here decides. What is necessary for a kind is looked for, so that a text without it surely has none; the others
are for :mod:`importer.rules.personal_patterns` and :mod:`importer.rules.personal_numbers`. Here ``:;<=>?`` pass for
digits, too, and any of ``!"#$%&'()*+,-./`` and the space for a mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGIT = 0x30  # flipped: digits 0 to 15, marks 16 to 31, letters and control characters more
_MARK = 0x10  # flipped as well: marks 0 to 15, digits 16 to 31
_CLASS = 16  # what is below is of the class
_NUMBER = 32  # what is below is a digit or a mark
_LETTER = 0x40  # letters have this bit, and so have some marks
_NOT_ASCII = 0x80
_ZERO, _TWO, _SEVEN, _TEN = 0, 2, 7, 10
_SPACE, _PLUS, _PERCENT = (ord(mark) ^ _DIGIT for mark in " +%")

_VIEW_BYTES = 16  # of a string view: the length in four bytes, then the text itself, if it has at most twelve
_VIEW_PREFIX = 4
_INLINE_BYTES = 12
_BETWEEN = "\n"  # no digit, mark or letter, and neither is the length of a short text
_MOST_UNUSED = 1.5  # bytes that are looked at where they lie, for each byte of the texts
_SHORTEST_NUMBER = 9  # +12345678
_BLOCK_BYTES = 1 << 19  # what stays in the cache of a core, with all that is made of it
_NO_BYTE = 256
_OVERLAP_BYTES = 32  # more than any sequence that is looked for


class Layout(Enum):
    """How the bytes of texts lie."""

    VIEWS = "each text in sixteen bytes, after its length"
    JOINED = "one behind the other, with a byte before each"
    TOUCHING = "one behind the other, in any order, and none begins with a digit"


@dataclass(frozen=True, slots=True)
class Cells:
    """The bytes of ``texts``, all in one. What stands before a number stands there in its text, too."""

    texts: pl.Series
    sizes: pl.Series
    raw: bytes
    layout: Layout

    @classmethod
    def of(cls, texts: pl.Series, sizes: pl.Series) -> Cells:
        """Of ``texts`` of so many bytes each, in the layout that costs least."""
        arrow = texts.to_arrow(compat_level=pl.CompatLevel.newest())
        _, views, *buffers = arrow.buffers()
        views = views.slice(arrow.offset * _VIEW_BYTES, len(arrow) * _VIEW_BYTES)
        if _int(sizes.max()) <= _INLINE_BYTES:
            return cls(texts, sizes, views.to_pybytes(), Layout.VIEWS)
        firsts = _bytes(views).gather_every(_VIEW_BYTES, _VIEW_PREFIX)
        if _lowest(firsts ^ _DIGIT) < _CLASS:
            return cls.joined(texts, sizes)
        has_others = sum(buffer.size for buffer in buffers) > _MOST_UNUSED * _int(sizes.sum())
        if has_others or _int(sizes.min()) <= _INLINE_BYTES:
            buffers = [texts.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()[2]]
        return cls(texts, sizes, _BETWEEN.encode().join((b"", *buffers)), Layout.TOUCHING)

    @classmethod
    def joined(cls, texts: pl.Series, sizes: pl.Series) -> Cells:
        """Of ``texts`` of so many bytes each, copied, so that it is known which one is where."""
        arrow = texts.str.join(_BETWEEN).to_arrow(compat_level=pl.CompatLevel.oldest())
        return cls(texts, sizes, b"".join((_BETWEEN.encode(), arrow.buffers()[2])), Layout.JOINED)

    @property
    def is_ascii(self) -> bool:
        """Whether all bytes are ASCII."""
        return _int(self.data().max()) < _NOT_ASCII

    def data(self) -> pl.Series:
        """All bytes as a column of numbers."""
        return _bytes(pa.py_buffer(self.raw))

    def has(self, *needles: bytes) -> bool:
        """Whether any of ``needles`` is in the bytes."""
        return any(needle[0] in self.raw and (len(needle) == 1 or self._has(needle)) for needle in needles)

    def _has(self, needle: bytes) -> bool:
        data = self.data()
        found = data ^ needle[0]
        for place, byte in enumerate(needle[1:], 1):
            found = _then(found, data ^ byte, place)
        return _lowest(found) == 0

    def rows(self, places: pl.Series) -> pl.Series:
        """The numbers of the texts at ``places``, each once and in order."""
        if self.layout is Layout.VIEWS:
            return (places // _VIEW_BYTES).unique().sort()
        ends = (self.sizes + len(_BETWEEN)).fill_null(0).cum_sum()
        return ends.search_sorted(places, side="right").unique().sort()


class Numbers:
    """Bytes as digits and marks, and where some of them follow each other."""

    def __init__(self, data: pl.Series) -> None:
        self.digits = data ^ _DIGIT
        self._runs = {1: self.digits}

    @cached_property
    def marks(self) -> pl.Series:
        """Marks below 16, as digits are in ``digits``."""
        return self.digits ^ _MARK

    def run(self, length: int) -> pl.Series:
        """The or of ``length`` bytes from each place on: below 16 if all are digits, below 32 if digits and marks."""
        if length not in self._runs:
            half = 1 << (length - 1).bit_length() - 1
            self._runs[length] = _then(self.run(half), self.run(length - half), half)
        return self._runs[length]

    def after_no_digit(self, found: pl.Series) -> pl.Series:
        """Where no digit stands, and ``found`` is true one place further on."""
        return _both(self.digits >= _TEN, found, 1)


def suspects(cells: Cells) -> dict[str, pl.Series]:
    """For each kind that any text may have the numbers of these texts, in order."""
    found = {}
    if cells.has(b"@", b"%40"):
        found["email"] = cells.texts.str.contains_any(["@", "%40"]).arg_true()
    places = _places(cells)
    if places and cells.layout is Layout.TOUCHING:
        cells = Cells.joined(cells.texts, cells.sizes)
        places = _places(cells)
    return found | {kind: cells.rows(pl.concat(parts)) for kind, parts in places.items()}


def _places(cells: Cells) -> dict[str, list[pl.Series]]:
    """For each kind that may be anywhere the places in the bytes where it may start, or one before."""
    found: dict[str, list[pl.Series]] = {}
    if _int(cells.sizes.max()) < _SHORTEST_NUMBER:
        return found
    data, has_plus, has_coded_plus = cells.data(), cells.has(b"+"), cells.has(b"%2B", b"%2b")
    for begin in range(0, len(data), _BLOCK_BYTES):
        numbers = Numbers(data.slice(begin, _BLOCK_BYTES + _OVERLAP_BYTES))
        for kind, starts in _starts(numbers, has_plus=has_plus, has_coded_plus=has_coded_plus):
            if starts.any():
                found.setdefault(kind, []).append(starts.arg_true() + begin)
    return found


def _starts(numbers: Numbers, *, has_plus: bool, has_coded_plus: bool) -> Iterator[tuple[str, pl.Series]]:
    """Kinds, and where one of them may start, or one place before."""
    eight = numbers.run(8)
    lowest = _lowest(eight)
    if lowest >= _NUMBER:
        return
    if has_plus:
        yield "phone", _both(numbers.digits == _PLUS, eight < _NUMBER, 1)
    if has_coded_plus:
        yield "phone", _both(numbers.digits == _PERCENT, eight < _NUMBER, 3)
    if _lowest(numbers.run(12)) < _NUMBER:
        yield from _grouped(numbers)
    if lowest < _CLASS and _lowest(numbers.run(10)) < _CLASS:
        yield from _bare(numbers)


def _grouped(numbers: Numbers) -> Iterator[tuple[str, pl.Series]]:
    """Numbers in groups, of at least twelve digits and marks."""
    pair = _then(_then(numbers.digits, numbers.digits, 2), numbers.marks, 1)  # 6 1
    if _lowest(pair) >= _CLASS:
        return
    pairs = _then(pair, pair, 3)
    pairs = _then(pairs, pairs, 6)
    if _lowest(pairs) < _CLASS:
        yield "phone", pairs < _CLASS  # 6 12 34 56 7 of 06 12 34 56 78
    four = _then(numbers.digits, _then(numbers.marks, numbers.run(4), 1), 1)  # 3-4567
    if _lowest(four) < _CLASS:
        yield from _grouped_by_fours(numbers, four)
    if _lowest(numbers.run(2)) == _ZERO:
        yield "phone", _double_zero(numbers, numbers.run(12) < _NUMBER)


def _grouped_by_fours(numbers: Numbers, four: pl.Series) -> Iterator[tuple[str, pl.Series]]:
    """Numbers with ``four``: a digit, a mark and four digits."""
    local = _then(_then(numbers.marks, numbers.run(2), 1), four, 3)
    yield "phone", local < _CLASS  # -123-4567 of 555-123-4567
    account = _then(four, _then(numbers.marks, numbers.digits, 1), 6) < _CLASS  # 1 2345 6
    yield "iban", _both(account, numbers.digits == _SPACE, 1)
    card = _then(numbers.run(3), four, 3) < _CLASS  # 4111 1111 of 4111 1111 1111 1111, or of 4111 111111 11111
    yield "card", _both(card, numbers.run(16) < _NUMBER, 0)


def _bare(numbers: Numbers) -> Iterator[tuple[str, pl.Series]]:
    """Numbers of at least ten digits, without separators."""
    ten = numbers.run(10)
    zero = _then(ten, numbers.digits * _CLASS, 0)  # the first digit is 0
    if _lowest(zero) < _CLASS:
        zeros = numbers.after_no_digit(zero < _CLASS)
        if zeros.any():
            yield "phone", _both(zeros, (numbers.digits | 1) == _SEVEN, 2)  # 06 or 07
            yield "phone", _both(zeros, _double_zero(numbers, numbers.run(13) < _CLASS), 0)
    account = _then((numbers.digits & _LETTER) ^ _LETTER, ten, 1)
    if _lowest(account) < _CLASS:
        yield "iban", _both(account < _CLASS, numbers.digits < _TEN, 1)
    fourteen = numbers.run(14)
    if _lowest(fourteen) < _CLASS:
        long = numbers.after_no_digit(fourteen < _CLASS)
        yield "card", _both(long, numbers.digits.is_between(3, 6), 1)
        yield "card", _both(_both(long, numbers.run(16) < _CLASS, 1), numbers.digits == _TWO, 1)


def _double_zero(numbers: Numbers, is_number: pl.Series) -> pl.Series:
    """Where no digit stands before a number that begins with `00`, but not with `000`."""
    zeros = numbers.after_no_digit(numbers.run(2) == _ZERO)
    if not zeros.any():
        return zeros
    return _both(_both(zeros, is_number, 1), numbers.digits != _ZERO, 3)


def _bytes(buffer: pa.Buffer) -> pl.Series:
    return pl.Series(pa.Array.from_buffers(pa.uint8(), buffer.size, [None, buffer]))


def _then(first: pl.Series, second: pl.Series, places: int) -> pl.Series:
    """The or of ``first`` and of what ``second`` is so many ``places`` further on."""
    length = max(min(len(first), len(second) - places), 0)
    return first.head(length) | second.slice(places, length)


def _both(first: pl.Series, second: pl.Series, places: int) -> pl.Series:
    """Where ``first`` is true, and so is ``second`` so many ``places`` further on."""
    length = max(min(len(first), len(second) - places), 0)
    return first.head(length) & second.slice(places, length)


def _int(number: object) -> int:
    """A number that Polars types as anything. Null is 0."""
    return number if isinstance(number, int) else 0


def _lowest(series: pl.Series) -> int:
    """The lowest of bytes, and of none more than any byte is."""
    return _NO_BYTE if series.is_empty() else _int(series.min())
