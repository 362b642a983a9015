"""Personal data in texts that are not declared to carry it: addresses of e-mail, phone numbers, cards and IBANs.

What is looked at is a column; how a kind is recognised stands in :mod:`importer.rules.personal_patterns` and
:mod:`importer.rules.personal_numbers`. Most texts have nothing, and :mod:`importer.rules.personal_bytes` proves that for
whole columns, so that the guard costs little. It is a guard against mistakes of a mapping, not against people who hide:
what is spelled out, or encoded in other ways than in a URL, is not found, nor are national phone numbers of countries
other than France, the United States and Canada.
"""

from __future__ import annotations

import re

import polars as pl

from importer.rules.personal_bytes import Cells, suspects
from importer.rules.personal_numbers import cards, ibans
from importer.rules.personal_patterns import ODD_SPACES, emails, first_email, first_phone, phones, plain_spaces

KINDS = ("email", "phone", "card", "iban")
"""The kinds of personal data, in the order of a report."""

_SHORTEST_BYTES = 6  # a@b.co
_FORMATS = {"email": "email", "e164": "phone"}


def find_personal(texts: pl.Series) -> dict[str, pl.Series]:
    """For each kind that ``texts`` have anywhere a Boolean column, without nulls: which of them have it."""
    sizes = texts.str.len_bytes()
    if (sizes.max() or 0) < _SHORTEST_BYTES:  # type: ignore[operator]
        return {}
    cells = Cells.of(texts, sizes)
    if not cells.raw.isascii() and cells.has(*(space.encode() for space in ODD_SPACES)):
        texts = plain_spaces(texts)
        cells = Cells.of(texts, texts.str.len_bytes())
    rows = suspects(cells)
    found = {kind: _found(kind, texts, rows[kind]) for kind in KINDS if kind in rows}
    return {kind: mask for kind, mask in found.items() if mask.any()}


def _found(kind: str, texts: pl.Series, rows: pl.Series) -> pl.Series:
    some = texts.gather(rows)
    match kind:
        case "email":
            hits = rows.filter(emails(some).fill_null(value=False))
        case "phone":
            hits = rows.filter(phones(some).fill_null(value=False))
        case "card":
            hits = rows.gather(cards(some)["row"])
        case _:
            hits = rows.gather(ibans(some)["row"])
    return pl.repeat(value=False, n=len(texts), dtype=pl.Boolean, eager=True).scatter(hits, values=True)
