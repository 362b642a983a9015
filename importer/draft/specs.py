"""From a column and its target to the spec of a field: map, format, clean, split, and the comments that say why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import polars as pl

from importer import reference
from importer.draft.column import quoted
from importer.draft.countries import codes, country_of
from importer.draft.match import ITEMS
from importer.draft.model import Field, Todo
from importer.draft.seen import PERSONAL, seen
from importer.draft.synonyms import ENUMERATED, NO, YES, meaning_of, plain

if TYPE_CHECKING:
    from importer.draft.column import Column
    from importer.draft.facts import Facts
    from importer.draft.times import Times

_BOOLEAN_WORDS = {"true", "t", "yes", "y", "1", "false", "f", "no", "n", "0"}
_ENOUGH = 0.9
_SPLITS = "|;,/"
_ISO_TIMES = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]
_OPEN = frozenset({"page_type"})
_EXAMPLES_OF_UNKNOWN = 3


def field_of(facts: Facts, target: str, column: Column) -> Field:
    """The field that takes ``column`` to ``target``."""
    facts.used.add(id(column))
    prop = reference.find(facts.match.event, target) or reference.find(None, target)
    kind, form = (prop.type, prop.format) if prop else ("number" if column.number else "string", None)
    is_number = kind in {"number", "integer"}
    note = seen(column, facts.numbers.format, personal=target in PERSONAL, as_number=is_number)
    notes = [f"{note}  (recognised by its values)" if target in facts.match.is_guess else note]
    special = {
        "user.email": _email,
        "user.phone": _phone,
        "user.country": _country,
        "user.consent_categories": _consent,
        "context.event_timestamp": _moment,
    }
    if target in special:
        return special[target](facts, column, notes)
    if target in ENUMERATED:
        return _enumerated(facts, target, column, notes)
    if kind == "date":
        spec = _dated(column, notes)
    elif kind == "boolean":
        spec = _boolean(column)
    elif kind == "array":
        spec = of(column) if isinstance(column.dtype, pl.List) else {**of(column), "split": _split_sign(column)}
    elif is_number:
        spec = _number(facts, column, typed=prop is not None)
    elif form == "iso4217" and not _is_upper(column):
        spec = {**of(column), "clean": ["trim", "upper"]}
    else:
        spec = _text(column, notes)
    return Field(target, short(spec), notes)


def of(column: Column) -> dict[str, Any]:
    """The source of a field."""
    return {"sql": column.sql} if column.sql is not None else {"column": column.name}


def short(spec: dict[str, Any]) -> str | dict[str, Any]:
    """The short form, where there is nothing but a column."""
    return str(spec["column"]) if list(spec) == ["column"] else spec


def _is_upper(column: Column) -> bool:
    return all(text == text.upper() for text in column.values)


def _text(column: Column, notes: list[str]) -> dict[str, Any]:
    if column.values.str.contains(r"^0\d+$").any():
        notes.append("Stays text, so its leading zeros live.")
    if column.dtype.is_float():
        notes.append("Floating point in the file: cast, so that 12431 does not become 12431.0.")
        return {"sql": f"CAST({column.sql or quoted(column.name)} AS BIGINT)"}
    return of(column)


def _number(facts: Facts, column: Column, *, typed: bool) -> dict[str, Any]:
    if column.sign is not None:
        return {"sql": facts.amount(column), "round": 2}
    return of(column) | ({} if typed else {"type": "number"})


def _boolean(column: Column) -> dict[str, Any]:
    if {text.lower() for text in column.values} <= _BOOLEAN_WORDS:
        return of(column)
    return {**of(column), "map": {text: plain(text) in YES for text in column.values}}


def _enumerated(facts: Facts, target: str, column: Column, notes: list[str]) -> Field:
    """A map from the values to those of the reference. Values of an open set may stay as they are."""
    prop = reference.find(facts.match.event, target) or reference.find("purchase", target)
    known = (prop.enum or prop.recommended) if prop else ()
    if set(column.values) <= set(known):
        notes.append("Its values are those of the reference.")
        return Field(target, short(of(column)), notes)
    meanings = {text: meaning_of(target, text) for text in column.values}
    unknown = [text for text, (is_known, _) in meanings.items() if not is_known]
    if target in _OPEN and len(unknown) == len(meanings):
        notes.append(f"Sent as it is; the reference recommends {', '.join(known)}.")
        return Field(target, short(of(column)), notes)
    ask = Todo(f"what {_listed(unknown)} of {column.label} means: {_either(known)}, or null to leave it out")
    if unknown:
        notes.append(f"TODO: {ask.what}.")
    notes.append("A value that is not in the map rejects its row.")
    mapped = {text: value if is_known else ask for text, (is_known, value) in meanings.items()}
    return Field(target, {**of(column), "map": mapped}, notes)


def _listed(texts: list[str]) -> str:
    more = ", …" if len(texts) > _EXAMPLES_OF_UNKNOWN else ""
    return ", ".join(map(repr, texts[:_EXAMPLES_OF_UNKNOWN])) + more


def _either(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words)


def _email(_: Facts, column: Column, notes: list[str]) -> Field:
    if column.shape in {"md5", "sha256"}:
        notes.append(f"Hashed in the export already: {column.shape} in hex.")
        return Field(f"user.email_{column.shape}", {**of(column), "clean": ["trim", "lower"]}, notes)
    notes.append("Only the hash leaves this machine. To send it in plain text:  user.email: " + column.label)
    return Field("user.email_sha256", {**of(column), "clean": ["trim", "lower"], "hash": "sha256"}, notes)


def _phone(facts: Facts, column: Column, notes: list[str]) -> Field:
    spec = {**of(column), "clean": ["trim", "e164"]}
    digits = column.values.str.replace_all(r"[^\d+]", "")
    if not digits.str.contains(r"^(?:\+|00)").all():
        is_national = int(digits.str.contains(r"^0[1-9]\d{8}$").sum()) > _ENOUGH * len(digits)
        spec["country"] = _phone_country(facts, notes, is_national=is_national)
    return Field("user.phone", spec, notes)


def _phone_country(facts: Facts, notes: list[str], *, is_national: bool) -> Any:  # noqa: ANN401  (a text or a Todo)
    if is_national and facts.is_french:
        notes.append("FR is guessed: the numbers have the form of French ones, and the columns French names.")
        return "FR"
    notes.append("TODO: the country (two letters) of numbers that are written without +.")
    return Todo("the country, such as FR, of phone numbers that are written without +", "FR")


def _country(_: Facts, column: Column, notes: list[str]) -> Field:
    values = set(column.values)
    if values <= codes():
        return Field("user.country", short(of(column)), notes)
    if {text.upper() for text in values} <= codes():
        return Field("user.country", {**of(column), "clean": ["trim", "upper"]}, notes)
    meanings = {text: country_of(text) for text in column.values}
    unknown = [text for text, (is_known, _code) in meanings.items() if not is_known]
    ask = Todo(f"the code of {_listed(unknown)} in {column.label} (ISO 3166, two letters), or null to leave it out")
    if unknown:
        notes.append(f"TODO: {ask.what}.")
    notes.append("A country that is not in the map rejects its row: add those that the sample does not have.")
    return Field("user.country", {**of(column), "map": {t: c if k else ask for t, (k, c) in meanings.items()}}, notes)


def _consent(facts: Facts, column: Column, notes: list[str]) -> Field:
    target = "user.consent_categories"
    notes.append(
        "The ids of the categories that the user accepted. Destinations may filter on them; `consent` does it here."
    )
    if isinstance(column.dtype, pl.List):
        return Field(target, short(of(column)), notes)
    if column.cells.dtype == pl.Boolean or {plain(text) for text in column.values} <= YES | NO:
        notes.append("TODO: the id of the category that a yes stands for, as in your consent banner.")
        ask = Todo("the id of the consent category that a yes stands for", "1")
        words = {text: ask if plain(text) in YES else None for text in column.values}
        return Field(target, {**of(column), "split": "|", "map": words}, notes)
    sign = _split_sign(column)
    if facts.varies(column):
        notes.append("One category a row: collected from the rows of the order.")
        return Field(target, {"sql": f"ARRAY_AGG(DISTINCT {quoted(column.name)})"}, notes)
    return Field(target, {**of(column), "split": sign}, notes)


def _split_sign(column: Column) -> str:
    """The sign between values in one cell, as most cells have it."""
    counts = {sign: int(column.values.str.contains(sign, literal=True).sum()) for sign in _SPLITS}
    return max(_SPLITS, key=lambda sign: (counts[sign], -_SPLITS.index(sign)))


def _moment(facts: Facts, column: Column, notes: list[str]) -> Field:
    target = "context.event_timestamp"
    times = column.times
    assert times is not None  # noqa: S101  (that is what made it a match)
    if times.unit is not None:
        notes.append(f"Counts {times.unit} since 1970, so it needs no zone.")
        return Field(target, {**of(column), "unit": times.unit}, notes)
    if not times.has_zone:
        facts.clocks.append(column.label)
    if times.is_date and (clock := _clock_beside(facts)) is not None:
        return Field(target, _joined(facts, column, times, clock, notes), notes)
    if times.is_date:
        notes.append("Dates without a time of day: midnight is sent.")
    return Field(target, short({**of(column), **_format(times, column, notes)}), notes)


def _clock_beside(facts: Facts) -> Column | None:
    """A column with the time of day, for one with dates only."""
    return next((column for column in facts.columns if column.is_time_of_day and "time" in column.words), None)


def _joined(facts: Facts, column: Column, times: Times, clock: Column, notes: list[str]) -> dict[str, Any]:
    facts.used.add(id(clock))
    notes.append(f"The day is in {column.label}, the time of day in {clock.label}.")
    day, hour = column.sql or quoted(column.name), clock.sql or quoted(clock.name)
    if column.dtype != pl.String:
        day = f"CAST({day} AS VARCHAR)"
    has_seconds = clock.values.str.count_matches(":").max() == 2  # noqa: PLR2004  (h:m:s)
    hours = "%Hh%M" if "h" in clock.values[0] else "%H:%M:%S" if has_seconds else "%H:%M"
    formats = _format(times, column, notes).get("format", "%Y-%m-%d")
    joined = formats if isinstance(formats, Todo) else f"{formats if isinstance(formats, str) else formats[0]} {hours}"
    if isinstance(joined, Todo):
        joined = Todo(f"{joined.what}, with {hours} behind it", f"{joined.stand_in} {hours}")
    return {"sql": f"{day} || ' ' || {hour}", "format": joined}


def _dated(column: Column, notes: list[str]) -> dict[str, Any]:
    times = column.times
    if times is None or column.dtype != pl.String:
        return of(column)
    if not times.formats and not times.is_date:
        return {**of(column), "format": _ISO_TIMES}
    return {**of(column), **_format(times, column, notes)}


def _format(times: Times, column: Column, notes: list[str]) -> dict[str, Any]:
    if times.unread:
        notes.append(f"Not such a time, and rejected: {', '.join(map(repr, times.unread))}.")
    if times.swapped:
        first, other = times.formats[0], times.swapped[0]
        what = f"which of the two numbers in {column.values[0]} is the day: {first} or {other}"
        notes.append(
            f"TODO: {what}. No value has a day above 12 to tell. {first} gives {times.first} to {times.last}, "
            f"{other} gives {times.other_first} to {times.other_last}."
        )
        return {"format": Todo(what, first)}
    if not times.formats:
        return {}
    notes.append(_why(times, column))
    return {"format": times.formats[0] if len(times.formats) == 1 else list(times.formats)}


def _why(times: Times, column: Column) -> str:
    """Which value proves the order of day and month."""
    item = times.formats[0]
    if not re.match(r"%[dm][/.\-]%[dm]", item):
        return "Read by this format, by elimination over all values of the sample."
    day_first = item.startswith("%d")
    pattern = r"^(?:1[3-9]|2\d|3[01])\D" if day_first else r"^\d+\D(?:1[3-9]|2\d|3[01])\D"
    proof = column.values.filter(column.values.str.contains(pattern))
    told = f", as {proof[0]} shows" if len(proof) else ""
    return f"{'Day' if day_first else 'Month'} first{told}."


def entry_name(target: str) -> str:
    """The target inside of an entry."""
    return target.removeprefix(ITEMS)
