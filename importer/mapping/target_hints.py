"""What the event reference says about targets, as annotations of a JSON Schema: they help, and refuse nothing."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from importer.reference import DOCS, EVENT_NAMES, properties

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.reference import Property

    Variants = dict[str, Property]  # one path, by event

LIST = "items"
_ENTRY = f"{LIST}[]."
_SHOWN_EVENTS = 6
_TYPES = {
    "string": "text",
    "boolean": "true or false",
    "timestamp": "a time, sent as milliseconds since 1970",
    "date": "a date, sent as YYYY-MM-DD",
    "object": "an object, usually written member by member",
}
_FORMATS = {
    "e164": "a phone number such as +33612345678",
    "email": "an address of e-mail",
    "epoch_ms": "milliseconds since 1970",
    "epoch_s": "seconds since 1970",
    "hex32": "32 hex digits",
    "hex64": "64 hex digits",
    "ip": "an IP address",
    "iso3166": "a country of ISO 3166",
    "iso4217": "a currency of ISO 4217, such as EUR",
    "timezone": "an IANA name such as Europe/Paris",
    "url": "a URL",
    "uuid": "a UUID",
}
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
        for statement in _statements(prop):
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


def _statements(prop: Property) -> Iterator[str]:
    if prop.deprecated:
        yield "deprecated"
    yield _TYPES.get(prop.type, prop.type) if prop.type != "array" else f"list of {_items_of(prop)}"
    if prop.required == "yes":
        yield "required"
    if prop.condition:
        yield prop.condition
    if prop.enum:
        yield f"one of {', '.join(prop.enum)}"
    if prop.recommended:
        yield f"for example {', '.join(prop.recommended)}"
    if prop.format in _FORMATS and prop.type != "timestamp":
        yield _FORMATS[prop.format]
    if prop.unit:
        yield f"in {prop.unit}"
    if prop.bounds:
        yield f"from {prop.bounds[0]} to {prop.bounds[1]}"
    if prop.note:
        yield prop.note


def _items_of(prop: Property) -> str:
    return {"string": "texts", "number": "numbers", "object": "objects"}.get(prop.item_type or "", "values")
