"""What a comment says about a column: examples, ranges, empty cells. What is personal is shown by its shape only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from importer.draft.words import raw_words

if TYPE_CHECKING:
    from importer.draft.column import Column
    from importer.mapping.numbers import NumberFormat

PERSONAL = frozenset(
    {
        "user.id", "user.email", "user.phone", "user.firstname", "user.lastname", "user.birthdate", "user.street",
        "user.zipcode", "user.card", "user.consistent_anonymous_id", "context.device.ip",
    }
)  # fmt: skip
_PERSONAL_WORDS = frozenset(
    {"email", "phone", "first", "last", "birth", "street", "address", "ip", "card", "customer", "comment"}
)
_PERSONAL_RAW = frozenset({"recipient", "destinataire", "nom", "name", "password", "iban", "company", "societe"})
_LIKE_PHONE = re.compile(r"^(?:\+|0)[\d .()/-]{8,19}$")
_LONGEST = 40


def seen(column: Column, numbers: NumberFormat, *, personal: bool = False, as_number: bool = False) -> str:
    """The name of ``column`` and what its values look like. ``as_number`` shows the range of numbers."""
    text = _values(column, numbers, personal=personal, as_number=as_number)
    return f"{column.label}: {text}{_empty(column)}"


def _values(column: Column, numbers: NumberFormat, *, personal: bool, as_number: bool) -> str:
    if column.times is not None and column.times.first and not personal:
        when = f"{column.times.first} to {column.times.last}"
        return f"{_listed(column, 1, personal=personal)} … ({when})" if column.dtype == pl.String else when
    if column.number and as_number and len(column.values) > 2:  # noqa: PLR2004  (two are listed)
        low, high = _range(column, numbers)
        return f"{low} to {high}"
    return _listed(column, 3, personal=personal)


def _range(column: Column, numbers: NumberFormat) -> tuple[str, str]:
    values = column.values
    if column.dtype == pl.String:
        bare = values.str.replace(column.sign or "", "", literal=True) if column.sign else values
        parsed = pl.DataFrame({"text": bare}).select(numbers.tokens(pl.col("text"))).to_series()
    else:
        parsed = values
    floats = parsed.cast(pl.Float64, strict=False)
    return _short(values[int(floats.arg_min() or 0)]), _short(values[int(floats.arg_max() or 0)])


def _listed(column: Column, count: int, *, personal: bool) -> str:
    shown = [_shape(text) if personal else _short(text) for text in column.values.head(count)]
    more = f" … ({len(column.values):,} different)" if len(column.values) > len(shown) and count > 1 else ""
    return " | ".join(dict.fromkeys(shown)) + more


def _empty(column: Column) -> str:
    share = column.empty_share
    if not share:
        return ""
    return f"; {max(1, round(share * 100))} % empty" if share < 1 else "; empty"


def example(column: Column) -> str:
    """One value of a column that is not used."""
    if column.dtype.is_nested():
        return f"a {str(column.dtype).partition('(')[0].lower()}"
    if not len(column.values):
        return "empty in all rows" if column.cells.null_count() == len(column.cells) else "no text"
    text = column.values[0]
    is_named = bool(column.words & _PERSONAL_WORDS or raw_words(column.name) & _PERSONAL_RAW)
    personal = is_named or column.shape in {"email", "ip"} or bool(_LIKE_PHONE.match(text))
    return f"{_shape(text) if personal else _short(text)}{_empty(column)}"


def _shape(text: str) -> str:
    """Letters as a or A, digits as 9: how it is written, not what."""
    shape = re.sub(r"[^\W\d_]", lambda found: "A" if found[0].isupper() else "a", re.sub(r"\d", "9", text))
    return _short(shape)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
