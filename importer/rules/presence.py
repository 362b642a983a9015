"""What must be there: properties that the reference requires, always or beside others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from importer import reference
from importer.rules.rule import EVENT_NAME, EventNames, Given, Rule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from importer.reference import Property

ENTRY = "items[]."
# What the API itself requires is an error of the mapping and of the row, long before these rules are asked.
_ESSENTIAL = frozenset({EVENT_NAME, "context.event_id", "context.event_timestamp"})
_ALWAYS, _NEVER = pl.lit(value=True), pl.lit(value=False)


class Demand(NamedTuple):
    """That ``path`` is required: always, beside one of ``beside``, unless there is one of ``unless``, or a waiver."""

    path: str
    beside: tuple[str, ...]
    unless: tuple[str, ...]
    waived_by: str


def presence_rules(names: EventNames, given: Mapping[str, Given], *, of_entries: bool) -> Iterator[Rule]:
    """A rule for each property that may not be missing; ``of_entries``: of those inside the entries of ``items``."""
    for demand, events in _demanded(names, of_entries=of_entries).items():
        if (failed := _unmet(demand, given)) is not None:
            yield Rule("required", demand.path, _message(demand, events, given), failed, applies=names.among(events))


def never_met(names: EventNames, targets: Collection[str]) -> Iterator[str]:
    """What a mapping that gives just ``targets`` lacks in every event, in sentences."""
    given = dict.fromkeys(targets, Given(pl.lit(None)))
    for of_entries in (False, True) if "items" in given else (False,):
        for demand, events in _demanded(names, of_entries=of_entries).items():
            is_asked_for = not demand.beside or not given.keys().isdisjoint(demand.beside)
            if is_asked_for and given.keys().isdisjoint((demand.path, *demand.unless)):
                yield _message(demand, events, given)


def _demanded(names: EventNames, *, of_entries: bool) -> dict[Demand, list[str]]:
    """What is demanded, and of which events."""
    demanded: dict[Demand, list[str]] = {}
    for event in names.possible():
        for demand in _demands(event, of_entries=of_entries):
            demanded.setdefault(demand, []).append(event)
    return demanded


def _demands(event: str, *, of_entries: bool) -> Iterator[Demand]:
    found = reference.properties(event)
    is_standard = event in reference.EVENTS
    has_user = is_standard and found["user"].required == "yes"
    for path, prop in found.items():
        if path.startswith(ENTRY) != of_entries or path in _ESSENTIAL or prop.type == "object":
            continue
        if not is_standard and path.startswith(ENTRY):
            continue  # the entries of an event of one's own are one's own
        if (prop.required == "yes" or prop.beside or _is_first_of_either(prop)) and (has_user or not prop.unless):
            yield Demand(path, prop.beside, prop.unless, prop.waived_by)


def _is_first_of_either(prop: Property) -> bool:
    """Of properties that make up for each other one is asked for both."""
    return bool(prop.unless) and prop.path < min(prop.unless)


def _unmet(demand: Demand, given: Mapping[str, Given]) -> pl.Expr | None:
    """Where the demand is not met; ``None`` if that cannot be."""
    conditions = [missing(given, path) for path in (demand.path, *demand.unless)]
    if demand.beside:
        conditions.append(pl.any_horizontal(~missing(given, path) for path in demand.beside))
    if demand.waived_by in given:
        conditions.append(~_is_true(given[demand.waived_by]))
    can_fail = not any(_is_constant(given, path) for path in (demand.path, *demand.unless))
    can_apply = not demand.beside or any(path in given for path in demand.beside)
    return pl.all_horizontal(conditions) if can_fail and can_apply else None


def _is_true(given: Given) -> pl.Expr:
    """Where a waiver holds: what is no Boolean waives nothing."""
    if given.expr is None:
        return pl.lit(value=given.constant is True)
    return given.expr.fill_null(value=False) if given.dtype == pl.Boolean else _NEVER


def missing(given: Mapping[str, Given], path: str) -> pl.Expr:
    """Where an event has nothing at ``path``."""
    found = given.get(path)
    if found is None:
        return _ALWAYS
    return _NEVER if found.expr is None else found.expr.is_null()


def _is_constant(given: Mapping[str, Given], path: str) -> bool:
    return path in given and given[path].expr is None


def _message(demand: Demand, events: list[str], given: Mapping[str, Given]) -> str:
    what = " or ".join(f"`{path}`" for path in (demand.path, *demand.unless))
    beside = f" beside {' or '.join(f'`{path}`' for path in demand.beside)}" if demand.beside else ""
    is_mapped = any(path in given for path in (demand.path, *demand.unless))
    why = "is empty here" if is_mapped else "no field of the mapping gives it"
    return f"{what} is required{beside} for {named(events)} by the event reference, and {why}"


def named(events: list[str]) -> str:
    """The names of events in a sentence, not too many."""
    shown, more = events[:3], len(events) - 3
    return ", ".join(shown) + (f" and {more} other events" if more > 0 else "")
