"""All rules for the events of a mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.rules.presence import ENTRY, presence_rules
from importer.rules.values import value_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.rules.rule import EventNames, Given, Rule


def event_rules(names: EventNames, given: Mapping[str, Given]) -> tuple[Rule, ...]:
    """Rules over frames with a row an event. ``given`` has what its targets are, lists as wholes."""
    own = {path: value for path, value in given.items() if not path.startswith(ENTRY)}
    return (*presence_rules(names, own, of_entries=False), *value_rules(names, own))


def entry_rules(names: EventNames, given: Mapping[str, Given]) -> tuple[Rule, ...]:
    """Rules over frames with a row an entry of ``items``. ``given`` has the targets inside, as ``items[].id``."""
    inner = {path: value for path, value in given.items() if path.startswith(ENTRY)}
    return (*presence_rules(names, inner, of_entries=True), *value_rules(names, inner))
