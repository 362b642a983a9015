"""The clean step ``e164``: telephone numbers as +33612345678, however people wrote them.

A spelling is read in the first of these ways that gives a number of its country's plan: as a number of ``country``,
with or without calling code and trunk prefix; as an international number. What has none is rejected, and so is what has
two that nobody can tell apart. What the expressions cost is mostly two regular expressions a row: the others see only
rows that the first ones left.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from importer.reference.phones import OPEN_CODES, REWRITES, international, national, numberings, trunks

if TYPE_CHECKING:
    from importer.mapping.cells import Context, Value

# Blanks, marks without width (as address books put them), brackets, dots, slashes, dashes of all kinds.
_BETWEEN = r"[\s\p{Cf}()\[\]./\-\u{2010}-\u{2015}\u{2212}]+"
_OTHER_SIGNS = {chr(zero + digit): str(digit) for zero in (0x660, 0x6F0, 0xFF10) for digit in range(10)} | {
    "\uff0b": "+"
}
_ABROAD = "00"  # recommended by ITU-T E.123 and the prefix of most countries
_ANY = f"^\\+(?:{international()})$"
_LIKE_A_NATIONAL_NUMBER = "^[0-9]{5,15}$"


def e164(value: Value, country: str | None, context: Context, label: str) -> Value:
    """The numbers of a text column in E.164, null where there are none, with checks that none was lost.

    ``country`` (ISO 3166 alpha-2) is that of numbers without a plus; ``label`` names the column in messages.
    """
    compact = context.staged(value.expr.str.replace_all(_BETWEEN, "").str.replace_many(_OTHER_SIGNS))
    compact = pl.when(compact != "").then(compact)
    ours = context.staged(_of_country(compact, country)) if country else pl.lit(None, pl.String)
    others = context.staged(_foreign(pl.when(ours.is_null()).then(compact), country))
    found = pl.coalesce(ours, others)
    ambiguous = _has_two_readings(compact, country)
    if ambiguous is not None:
        ambiguous = context.staged(ambiguous)
        found = pl.when(~ambiguous).then(found)
    lost = found.is_null() & pl.when(found.is_null()).then(value.expr).str.contains(r"\S")
    checked = value
    if ambiguous is not None and country:
        checked = checked.checked("phone_ambiguous", _two_readings(label, country), ambiguous, value.expr)
    if country is None:
        is_national = lost & compact.str.contains(_LIKE_A_NATIONAL_NUMBER)
        checked = checked.checked("phone_country", _without_country(label), is_national, value.expr)
    return replace(checked.checked("phone", _no_number(label, country), lost, value.expr), expr=found)


def _of_country(compact: pl.Expr, country: str) -> pl.Expr:
    plan = numberings()[country]
    numbers, code = national(plan.code), plan.code
    trunk = f"(?:{plan.trunk})?" if plan.trunk else ""
    own = rf"^(?:(?:(?:\+|{_abroad(country)}){code})?{trunk}|{code}{trunk})({numbers})$"
    found = f"+{code}" + compact.str.extract(own)
    if country not in REWRITES:
        return found
    spelling, written = REWRITES[country]
    rest = pl.when(found.is_null()).then(compact)
    rewritten = pl.when(rest.str.contains(f"^(?:{spelling})$")).then(rest)
    return pl.coalesce(found, rewritten.str.replace(f"^(?:{spelling})$", f"+{code}{written}"))


def _foreign(compact: pl.Expr, country: str | None) -> pl.Expr:
    """Numbers with a plus or what is dialled for it, also where a trunk prefix was left behind the calling code."""
    dialled = compact.str.replace(f"^(?:{_abroad(country)})", "+")
    without_trunk = dialled.str.replace(_with_trunk(), _kept())
    is_number = without_trunk.str.contains(_ANY)
    as_it_is = pl.when(~is_number).then(dialled)
    return pl.when(is_number).then(without_trunk).when(as_it_is.str.contains(_ANY)).then(as_it_is)


def _has_two_readings(compact: pl.Expr, country: str | None) -> pl.Expr | None:
    """True for digits that are a national number, and the calling code with another one; ``None`` if none can be."""
    plan = numberings()[country] if country else None
    if plan is None or plan.code not in OPEN_CODES:
        return None
    numbers = national(plan.code)
    trunk = f"(?:{plan.trunk})?" if plan.trunk else ""
    with_code = compact.str.contains(f"^{plan.code}{trunk}(?:{numbers})$")
    return with_code & pl.when(with_code).then(compact).str.contains(f"^(?:{numbers})$").fill_null(value=False)


def _abroad(country: str | None) -> str:
    own = numberings()[country].abroad if country else _ABROAD
    return own if own == _ABROAD else f"(?:{own})|{_ABROAD}"


@cache
def _trunks() -> list[tuple[str, str]]:
    """Each trunk prefix, with the calling codes that have it as alternatives."""
    codes: dict[str, list[str]] = {}
    for code, trunk in trunks().items():
        codes.setdefault(trunk, []).append(code)
    return [(trunk, "|".join(sorted(having))) for trunk, having in codes.items()]


@cache
def _with_trunk() -> str:
    return "^\\+(?:" + "|".join(f"({codes})(?:{trunk})" for trunk, codes in _trunks()) + ")"


def _kept() -> str:
    """The calling code that :func:`_with_trunk` has found; groups that took no part are empty."""
    return "+" + "".join(f"${{{number}}}" for number in range(1, len(_trunks()) + 1))


def _no_number(label: str, country: str | None) -> str:
    where = f" of {country}, nor an international one" if country else ""
    way_out = "leave it out by a `when`, or list it under `source.null_values`"
    return f"{label} is {{}}, which is no phone number{where}: correct it, {way_out}"


def _without_country(label: str) -> str:
    hint = "add the country that such numbers are from to the field, or to the mapping, e.g. `country: FR`"
    return f"{label} is {{}}, which is no international phone number: {hint}"


def _two_readings(label: str, country: str) -> str:
    code = numberings()[country].code
    message = f"which may be the calling code {code} and a number, or all of a number of {country}"
    return f"{label} is {{}}, {message}: write a + or the trunk prefix before such numbers, in the export or by `sql`"
