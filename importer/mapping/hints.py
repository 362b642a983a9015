"""What would have read a value that was rejected: another decimal sign, a format, a unit.

Asked for each row that is rejected, of which there may be millions: so texts that must have the same answer are asked
for once, and only formats are tried that the shape of a text allows. Nothing is offered that does not read the very
value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from importer.mapping.numbers import NumberFormat

if TYPE_CHECKING:
    from collections.abc import Iterable

Hint = Callable[[str], str]
"""From a value to the end of a sentence, which begins with ``; ``; empty when there is nothing to offer."""

_BETWEEN = (",", ".", " ", "'")
_NO_BREAK = ((), ("\u00a0", "\u202f"))
_AROUND_NUMBER = re.compile(r"(?P<before>[^\d.,+-]*)(?P<number>[\d.,+\-'  ]*\d)(?P<behind>[^\d.,+-]*)")
_LONGEST = 40  # no number and no time that anybody writes is longer

_DATES = (
    "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y", "%Y.%m.%d", "%d-%m-%Y", "%m-%d-%Y", "%Y-%m-%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y",
    "%B %d, %Y", "%Y%m%d",
)  # fmt: skip
_TIMES = (
    "", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", "T%H:%M:%S", "T%H:%M", ", %H:%M", ", %H:%M:%S", " %I:%M %p",
    " %I:%M:%S %p", " %H:%M:%S %z", " %H:%M:%S UTC", " %Hh%M", " %H.%M",
)  # fmt: skip
_FORMATS = (*map("".join, product(_DATES, _TIMES)), "%Y%m%d%H%M", "%Y%m%d%H%M%S", "%Y%m%dT%H%M%S")
_SHAPES = {
    "%d": "99?", "%m": "99?", "%Y": "9999", "%y": "99", "%H": "99?", "%I": "99?", "%M": "99", "%S": "99",
    "%.f": r"\.9+", "%b": "aaa", "%B": "a{3,9}", "%p": "aa", "%z": "[+-]99:?99",
}  # fmt: skip
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?", re.IGNORECASE)
_UNITS = {"s": range(9, 11), "ms": range(12, 14), "us": range(15, 17), "ns": range(18, 20)}
"""How many digits a time of 1973 to 2286 has."""
_NINES = str.maketrans("12345678", "99999999")  # for which signs a number is written with, only zeros are special
_NUMBER = re.compile(r"\d+")
_LATE_DAY = re.compile(r"(?<!\d)(?:29|30|31)(?!\d)")
_ALIKE = {
    **{str(number): "1" for number in range(1, 10)},
    **{f"{number:02}": "11" for number in range(1, 13)},  # a day, a month, an hour of either clock, a minute
    **{f"{number:02}": "13" for number in range(13, 24)},
    **{f"{number:02}": "24" for number in range(24, 29)},
    **{f"{number:02}": "32" for number in range(32, 60)},
    **{str(number): "2000" for number in range(1900, 2101)},
}
"""Numbers that mean the same to a format, wherever they stand in a time."""
_YEARS = range(1900, 2101)
_PARTS = re.compile(r"%\.f|%[A-Za-z]")


def number_hint(numbers: NumberFormat, *, whole: bool) -> Hint | None:
    """How a text that ``numbers`` does not read would be a number; ``whole``: one without a fraction."""
    return (lambda text: _number_hint(numbers, whole, text.translate(_NINES))) if numbers.is_of_csv else None


def time_hint(formats: tuple[str, ...], unit: str | None = None, *, is_date: bool = False) -> Hint:
    """How a text that neither ``formats`` nor ``unit`` reads would be a time, or a date."""
    return lambda text: _time_hint(formats, unit, is_date, _like_it(text))


@lru_cache(maxsize=4096)
def _number_hint(numbers: NumberFormat, whole: bool, text: str) -> str:  # noqa: FBT001  the cache takes no keywords
    found = _other_signs(numbers, whole, text)
    if found:
        return "; " + ", or ".join(found)
    around = _AROUND_NUMBER.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    extra = [part.strip() for part in (around["before"], around["behind"]) if part.strip()] if around else []
    if (
        around
        and extra
        and (numbers.reads(around["number"], whole=whole) or _other_signs(numbers, whole, around["number"]))
    ):
        signs = " and ".join(f"`{sign}`" for sign in extra)
        return f"; {signs} is no part of a number: take it off in the export, or with REPLACE in `sql`"
    return ""


def _other_signs(numbers: NumberFormat, whole: bool, text: str) -> list[str]:  # noqa: FBT001  as above
    """What to write for each choice of signs that reads ``text``, without signs that do not stand in it."""
    found = []
    for decimal, thousands in product(",.", (None, *_BETWEEN)):
        other = NumberFormat(decimal, thousands)
        is_needed = decimal in text or numbers.decimal in {decimal, thousands}
        is_there = thousands is None or any(sign in text for sign in (thousands, *_NO_BREAK[thousands == " "]))
        if thousands != decimal and is_needed and is_there and other.reads(text, whole=whole):
            found.append(_signs_words(numbers, other, text))
    return [words for words in found if words]


def _signs_words(numbers: NumberFormat, other: NumberFormat, text: str) -> str:
    entries, names = [], []
    if other.decimal != numbers.decimal:
        entries.append(f'decimal: "{other.decimal}"')
        if other.decimal in text:
            names.append("a decimal comma" if other.decimal == "," else "a decimal point")
    if other.thousands is not None and other.thousands != numbers.thousands:
        entries.append(f'thousands: "{other.thousands}"')
        names.append(f"`{other.thousands}` between thousands")
    return f"with {' and '.join(names)}, write `source: {{{', '.join(entries)}}}`" if names else ""


@lru_cache(maxsize=4096)
def _time_hint(formats: tuple[str, ...], unit: str | None, is_date: bool, text: str) -> str:  # noqa: FBT001  as above
    text = text.strip()
    if len(text) > _LONGEST:
        return ""
    if (formats or unit) and _is_iso(text, is_date=is_date):
        return f"; it is ISO 8601, which needs no `{'format' if formats else 'unit'}`"
    found = [item for item in _candidates(_shape(text)) if item not in formats and _reads(item, text)]
    if found:
        other = f', or "{found[1]}": other rows tell which' if len(found) > 1 else ""
        instead = " instead of `unit`" if unit else ""
        return f'; write `format: "{found[0]}"`{instead}{other}'
    counted = next((name for name, digits in _UNITS.items() if text.isdecimal() and len(text) in digits), unit)
    return f"; write `unit: {counted}`" if counted != unit and not is_date else ""


def _like_it(text: str) -> str:
    """Another text that is read by the same formats: 12/03/2024 10:45 as 11/11/2000 11:32. Late days stay exact."""
    alike = _NUMBER.sub(lambda found: _ALIKE.get(found[0], found[0]), text)
    return text if _LATE_DAY.search(alike) else alike


def _is_iso(text: str, *, is_date: bool) -> bool:
    if not _ISO.fullmatch(text) or (is_date and len(text) > len("2024-01-31")):
        return False
    return _reads("%Y-%m-%d", text[: len("2024-01-31")])


def _shape(text: str) -> str:
    """``31/12/2024`` as ``99/99/9999``, with ``a`` for letters that may be part of a name."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", text))


@lru_cache(maxsize=1024)
def _candidates(shape: str) -> tuple[str, ...]:
    """The formats that may read a text of this shape; what is ISO 8601 needs none."""
    if _ISO.fullmatch(shape.replace("a", "T").replace("9", "0")):
        return ()
    return tuple(item for item, pattern in _patterns() if pattern.fullmatch(shape))


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((item, re.compile(_pattern(item))) for item in _FORMATS)


def _pattern(item: str) -> str:
    """The shapes of the texts that a format reads."""
    literals: Iterable[str] = (re.escape(re.sub("[A-Za-z]", "a", part)) for part in _PARTS.split(item))
    parts = [_SHAPES[part] for part in _PARTS.findall(item)]
    first, *others = literals
    return first + "".join(part + literal for part, literal in zip(parts, others, strict=True))


def _reads(item: str, text: str) -> bool:
    """Whether Python reads ``text`` by a format of ours, as a time that somebody may have meant."""
    try:
        return datetime.strptime(text, item.replace("%.f", ".%f")).year in _YEARS  # noqa: DTZ007  only asked whether
    except ValueError:
        return False
