"""What a value must look like: enumerations, ISO codes, phone numbers, dates, hashes, types, bounds and signs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import available_timezones

import polars as pl

from importer import reference
from importer.reference.codes import CURRENCIES, FORMER_CURRENCIES
from importer.reference.countries import countries
from importer.rules.rule import EventNames, Given, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from importer.reference import Property

_SHOWN_VALUES = 12
_NUMBERS = frozenset({"number", "integer"})
# Amounts of these are positive in all examples of the vendor, also those of a refund.
_POSITIVE_EVENTS = frozenset({"purchase", "refund"})
_POSITIVE = frozenset({"value", "revenue", "items[].quantity"})


class Look(NamedTuple):
    """How a text of some format looks: code of the rule, what a value is not, and where it is fine."""

    code: str
    words: str
    is_fine: Callable[[pl.Expr], pl.Expr]


def _one_of(codes: frozenset[str]) -> Callable[[pl.Expr], pl.Expr]:
    return lambda text: text.is_in(sorted(codes))


def _like(pattern: str) -> Callable[[pl.Expr], pl.Expr]:
    return lambda text: text.str.contains(pattern)


def _day(text: pl.Expr) -> pl.Expr:
    return text.str.to_date("%Y-%m-%d", strict=False)


# Values that are few, and of nobody in particular.
_LISTED = frozenset({"currency", "country", "timezone"})

_PERSONAL = frozenset({"phone", "email", "hash"})
_COUNTRIES = frozenset(code for two, country in countries().items() for code in (two, country.alpha3))
_DIGITS = _like("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
_HEX = "no hash in lower-case hex digits ({} of them)"
_LOOKS: dict[str | None, Look] = {
    "iso4217": Look("currency", "no currency of ISO 4217, such as EUR", _one_of(CURRENCIES | FORMER_CURRENCIES)),
    "iso3166": Look("country", "no country of ISO 3166, such as FR", _one_of(_COUNTRIES)),
    "e164": Look("phone", "no phone number as E.164 writes it, such as +33612345678", _like(r"^\+[1-9][0-9]{6,14}$")),
    "hex32": Look("hash", _HEX.format(32), _like("^[0-9a-f]{32}$")),
    "hex64": Look("hash", _HEX.format(64), _like("^[0-9a-f]{64}$")),
    "date": Look("date", "no date as YYYY-MM-DD", lambda text: _DIGITS(text) & _day(text).is_not_null()),
    "email": Look("email", "no address of e-mail", _like(r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")),
    "url": Look("url", "no URL with http:// or https://", _like(r"(?i)^https?://[^\s/]")),
    "timezone": Look("timezone", "no IANA time zone", lambda text: text.is_in(sorted(available_timezones()))),
}


def value_rules(names: EventNames, given: Mapping[str, Given]) -> Iterator[Rule]:
    """A rule for each thing that can be wrong with a value that is there."""
    for path, value in given.items():
        said: dict[tuple[str, str], tuple[Rule, list[str]]] = {}
        for event in names.possible():
            prop = reference.find(event, path)
            for rule in _rules(event, prop, value) if prop is not None else ():
                said.setdefault((rule.code, rule.message), (rule, []))[1].append(event)
        for rule, events in said.values():
            yield rule.where(names.among(events))


def _rules(event: str, prop: Property, value: Given) -> Iterator[Rule]:
    if value.expr is None:
        yield from _of_constant(event, prop, value)
        return
    text = value.expr
    if value.is_text and prop.enum:
        words = f"none of {_listed(prop.enum)}"
        yield Rule(
            "not_allowed", prop.path, _is(prop, words), ~text.is_in(prop.enum), text, lists_values=True, valid=prop.enum
        )
    if value.is_text and (look := _LOOKS.get(prop.format)):
        listed = look.code in _LISTED
        yield Rule(
            look.code,
            prop.path,
            _is(prop, look.words),
            ~look.is_fine(text),
            text,
            lists_values=listed,
            is_personal=look.code in _PERSONAL,
        )
    if wrong := _wrong_type(prop, value):
        yield Rule("type", prop.path, f"`{prop.path}` is {wrong} by the event reference", text.is_not_null())
    if prop.bounds and not value.is_text:
        low, high = prop.bounds
        number = text.cast(pl.Float64, strict=False)
        yield Rule("bounds", prop.path, _is(prop, f"not from {low} to {high}"), ~number.is_between(low, high), text)
    if prop.path in _POSITIVE and event in _POSITIVE_EVENTS and not value.is_text:
        message = f"`{prop.path}` is {{}}, and amounts and quantities are positive in all examples of the vendor"
        yield Rule("negative", prop.path, message, text.cast(pl.Float64, strict=False) < 0, text)


def _of_constant(event: str, prop: Property, value: Given) -> Iterator[Rule]:
    """The rules that a constant breaks: in every event, or never."""
    constant = value.constant
    if not isinstance(constant, str | int | float):
        return
    dtype = pl.Boolean() if isinstance(constant, bool) else pl.String() if isinstance(constant, str) else pl.Float64()
    column = Given(pl.col("constant"), dtype)
    frame = pl.DataFrame({"constant": [constant]})
    for rule in _rules(event, prop, column):
        if frame.select(rule.failed).item():
            shown = json.dumps(constant, ensure_ascii=False)
            yield Rule(rule.code, rule.target, rule.message.replace("{}", shown), pl.lit(value=True))


def _is(prop: Property, words: str) -> str:
    return f"`{prop.path}` is {{}}, which is {words}"


def _listed(values: tuple[str, ...]) -> str:
    more = len(values) - _SHOWN_VALUES
    return ", ".join(values[:_SHOWN_VALUES]) + (f" and {more} more" if more > 0 else "")


def _wrong_type(prop: Property, value: Given) -> str:
    """What the reference wants in words, where the value has another type; else nothing."""
    dtype = value.dtype
    if dtype is None or isinstance(dtype, pl.List):
        return ""
    if prop.type in _NUMBERS:
        return "" if value.raw or dtype.is_numeric() else "a number"
    if prop.type == "boolean":
        return "" if dtype == pl.Boolean else "true or false"
    if prop.type in {"string", "date"}:
        return "" if value.is_text else "a text"
    return ""
