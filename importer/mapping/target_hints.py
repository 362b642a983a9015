"""What the event reference says about targets, as annotations of a JSON Schema: they help, and refuse nothing."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from importer.reference import DOCS, EVENT_NAMES, properties
from importer.reference.words import statements

if TYPE_CHECKING:
    from importer.reference import Property

    Variants = dict[str, Property]  # one path, by event

LIST = "items"
_ENTRY = f"{LIST}[]."
_SHOWN_EVENTS = 6
# How the notes of the reference name the vendor's pages about events.
_PAGE = re.compile(rf"\b({'|'.join(key for key, path in DOCS.items() if path.startswith('developers/'))})\b")


def event_targets() -> dict[str, dict[str, Any]]:
    """The targets that the reference knows on any standard event, each with its annotations.

    ``event_name`` is none of them, because ``event`` writes it.
    """
    found = _variants()
    everywhere = len(EVENT_NAMES)
    return {
        path: _annotations(variants, everywhere)
        for path, variants in found.items()
        if not path.startswith(_ENTRY) and path != "event_name"
    }


def entry_targets() -> dict[str, dict[str, Any]]:
    """The targets inside ``each`` of the list ``items``, each with its annotations."""
    found = _variants()
    everywhere = len(found[LIST])
    return {
        path.removeprefix(_ENTRY): _annotations(variants, everywhere)
        for path, variants in found.items()
        if path.startswith(_ENTRY)
    }


def _variants() -> dict[str, Variants]:
    found: dict[str, Variants] = {}
    for event in EVENT_NAMES:
        for path, prop in properties(event).items():
            found.setdefault(path, {})[event] = prop
    return found


def _annotations(variants: Variants, everywhere: int) -> dict[str, Any]:
    annotations: dict[str, Any] = {"description": _description(variants, everywhere)}
    words = list(dict.fromkeys(word for prop in variants.values() for word in (*prop.enum, *prop.recommended)))
    if words:
        offer = {"examples": words}
        annotations["properties"] = {"value": offer, "default": offer, "map": {"additionalProperties": offer}}
    return annotations


def _description(variants: Variants, everywhere: int) -> str:
    """All that the reference says, each statement with its events where not all of ``variants`` share it."""
    said: dict[str, list[str]] = {}
    for event, prop in variants.items():
        for statement in statements(prop):
            said.setdefault(statement, []).append(event)
    sentences = [
        _sentence(statement if len(events) == len(variants) else f"{statement} ({_named(events)})")
        for statement, events in said.items()
    ]
    if len(variants) < everywhere:
        sentences.insert(0, f"Of {_named(list(variants))}.")
    return _PAGE.sub(lambda found: _title(DOCS[found[0]]), " ".join(sentences))


def _sentence(words: str) -> str:
    return f"{words}." if words[1:2].isupper() else f"{words[0].upper()}{words[1:]}."  # iOS stays iOS


def _title(page: str) -> str:
    """What the vendor's page is called in the address of the documentation."""
    path = PurePosixPath(page)
    return f"the page {path.parent.name if path.stem == 'README' else path.stem}"


def _named(events: list[str]) -> str:
    more = len(events) - _SHOWN_EVENTS
    return ", ".join(events[:_SHOWN_EVENTS]) + (f" and {more} more" if more > 0 else "")
