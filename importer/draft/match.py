"""Which column goes to which target: names first, and only where the values agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from importer import reference
from importer.draft import rules
from importer.draft.countries import CURRENCIES, codes, country_of
from importer.draft.synonyms import ENUMERATED, NO, YES, meaning_of, plain
from importer.draft.words import raw_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from importer.draft.column import Column

ITEMS = "items[]."
_HALF = 0.5
_MOST_COUNTRIES = 250
_MOST_LINES = 1000
_NAMES_OF_EVENTS = (
    {"event"},
    {"event", "name"},
    {"event", "kind"},
    {"kind"},
    {"order", "kind"},
    {"name", "event", "kind"},
)
_IDS = {"id", "uid", "uuid", "guid", "identifiant", "identifier", "numero", "number", "no", "reference", "ref"}
_CODE_BONUS = 2
_BESIDE_FIRST_NAME = 20
_OTHER_TIMES = {"birth", "updated", "product", "shipping"}


@dataclass(slots=True)
class Match:
    """The event, and the column of each target. ``event_column`` has the name of the event where it varies.

    ``why`` says what the event was guessed from; ``is_given`` that it was not guessed. ``is_guess`` has targets that
    were found by their values and not by a name.
    """

    event: str | None
    why: str = ""
    is_given: bool = False
    event_column: Column | None = None
    columns: dict[str, Column] = field(default_factory=dict)
    is_guess: set[str] = field(default_factory=set)

    def get(self, target: str) -> Column | None:
        """The column for ``target``, if there is one."""
        return self.columns.get(target)


def match(columns: list[Column], event: str | None, file_name: str) -> Match:
    """The targets of ``columns`` for ``event``, which is guessed where it is ``None``."""
    found = Match(event, is_given=event is not None)
    if event is None:
        found.event_column = next((column for column in columns if _names_events(column)), None)
        found.event, found.why = _guessed(columns, file_name, found.event_column)
    taken = {id(found.event_column)}
    free = [column for column in columns if id(column) not in taken]
    _by_names(found, free)
    _by_values(found, free)
    return found


def is_allowed(event: str | None, target: str) -> bool:
    """Whether ``target`` makes sense on ``event``. A custom event may have any."""
    return event is None or event not in reference.EVENTS or reference.find(event, target) is not None


def _names_events(column: Column) -> bool:
    """Whether the values are names of events."""
    if set(column.words) not in _NAMES_OF_EVENTS or not column.is_low:
        return False
    return sum(meaning_of("event", text)[0] or text in reference.EVENTS for text in column.values) > _HALF * len(
        column.values
    )


def _guessed(columns: list[Column], file_name: str, event_column: Column | None) -> tuple[str | None, str]:
    if event_column is not None:
        first = event_column.values[0]
        name = meaning_of("event", first)[1] or first
        return str(name), f"column {event_column.name} has its name"
    scores: dict[str, int] = {}
    reasons: dict[str, list[str]] = {}
    for column in columns:
        for name, points in _evidence(column):
            scores[name] = scores.get(name, 0) + points
            reasons.setdefault(name, []).append(column.name)
    for word in plain(file_name).split("_"):
        is_known, name = meaning_of("event", word)
        if is_known and name in reference.EVENTS:
            scores[name] = scores.get(name, 0) + 3
            reasons.setdefault(name, []).append(f"the name {file_name}")
    best = max(scores, key=lambda name: scores[name], default=None)
    if best is None or scores[best] < 3:  # noqa: PLR2004  (one strong sign)
        return None, "nothing says which event it is"
    return best, f"guessed from {', '.join(reasons[best][:4])}"


def _evidence(column: Column) -> Iterable[tuple[str, int]]:
    """Events that the name of a column speaks for, each with how much."""
    words = column.words
    if rules.score("id", words) and "order" in words:
        yield "purchase", 3
    if rules.score("items[].product.price", words) or rules.score("items[].product.id", words):
        yield "purchase", 2
    if any(rules.score(target, words) for target in ("items[].quantity", "payment_method", "shipping_amount", "value")):
        yield "purchase", 1
    if "page" in words or (rules.score("url", words) and column.shape == "url"):
        yield "page_view", 3
    if rules.score("referrer", words) or rules.score("context.device.user_agent", words):
        yield "page_view", 1
    if "lead" in words:
        yield "generate_lead", 4
    if "search" in words:
        yield "search", 3


def _by_names(found: Match, columns: list[Column]) -> None:
    """The best pairs of name and target first; each column and each target once."""
    targets = list(enumerate(rules.targets()))
    has_first_name = any(rules.score("user.firstname", column.words) for column in columns)
    pairs = []
    for number, column in enumerate(columns):
        for order, target in targets:
            points = rules.score(target, column.words)
            if has_first_name and target == "user.lastname" and column.words == {"name"}:
                points = _BESIDE_FIRST_NAME
            if target == "id" and column.words == {"id"} and not raw_words(column.name) & _IDS:
                points = 0  # a code of anything
            if points and is_allowed(found.event, target) and fits(target, column):
                pairs.append((-points - _bonus(target, column), number, order, target))
    used: set[int] = set()
    for _, number, _, target in sorted(pairs):
        if number not in used and target not in found.columns:
            found.columns[target] = columns[number]
            used.add(number)


def _bonus(target: str, column: Column) -> int:
    """For columns that fit without being translated."""
    if target == "user.country" and set(column.values) <= codes():
        return _CODE_BONUS + (len(column.values[0]) == 2)  # noqa: PLR2004  (two letters before three)
    return int(target == "user.email" and column.shape == "email")


def _by_values(found: Match, columns: list[Column]) -> None:
    """What is recognised without its name: e-mails, currencies, the only times."""
    free = [column for column in columns if all(column is not other for other in found.columns.values())]
    for target in ("user.email", "currency", "context.event_timestamp"):
        if target in found.columns or not is_allowed(found.event, target):
            continue
        column = next((column for column in free if _is_by_its_values(target, column)), None)
        if column is not None:
            found.columns[target] = column
            found.is_guess.add(target)


def _is_by_its_values(target: str, column: Column) -> bool:
    if target == "user.email":
        return column.shape == "email"
    if target == "currency":
        return column.is_low and set(column.values) <= CURRENCIES
    is_other = bool(_OTHER_TIMES & column.words)
    return column.times is not None and not is_other and column.empty_share < _HALF


def fits(target: str, column: Column) -> bool:
    """Whether the values of ``column`` are such as ``target`` wants."""
    prop = reference.find("purchase", target) or reference.find("page_view", target) or reference.find(None, target)
    if not column.filled or prop is None:
        return column.filled > 0
    if column.dtype.is_nested():
        is_plain = isinstance(column.dtype, pl.List) and not isinstance(column.dtype.inner, pl.Struct)
        return prop.type == "array" and is_plain
    if target in ENUMERATED:
        is_open = target == "page_type" or set(target.split("_")) <= column.words  # it is called so: ask
        return column.is_low and (is_open or _known(target, column) >= _HALF)
    if target == "items[].id" and _counts_lines(column):
        return False
    return _has_type(prop.type, column) and _has_format(prop.format, column)


def _counts_lines(column: Column) -> bool:
    """Whether it has the number of a line within its order, not of an article."""
    is_of_line = "line" in column.words and not {"product", "variant"} & column.words
    return is_of_line and column.number and len(column.values) <= _MOST_LINES


def _has_type(kind: str, column: Column) -> bool:
    if kind == "timestamp":
        return column.times is not None
    if kind == "date":
        return column.times is not None and column.times.unit is None
    if kind in {"number", "integer"}:
        return column.number and column.times is None
    if kind == "boolean":
        return {plain(text) for text in column.values} <= YES | NO
    return column.times is None or column.number


def _has_format(form: str | None, column: Column) -> bool:
    if form == "iso3166":
        return len(column.values) <= _MOST_COUNTRIES and any(country_of(text)[0] for text in column.values)
    if form == "iso4217":
        return {text.upper() for text in column.values} <= CURRENCIES
    if form == "url":
        return column.shape == "url" or bool(column.values.str.starts_with("/").any())
    if form == "email":
        return column.shape in {"email", "md5", "sha256"}
    return form != "ip" or column.shape == "ip"


def _known(target: str, column: Column) -> float:
    return sum(meaning_of(target, text)[0] for text in column.values) / len(column.values)
