"""The event reference as text and as JSON: what an event must carry, what it may, and where that is said."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from importer.reference import (
    CONTRADICTIONS,
    DOCS,
    DOCS_COMMIT,
    DOCS_DATE,
    DOCS_REPOSITORY,
    EVENT_NAMES,
    EVENTS,
    Event,
    Property,
    properties,
)
from importer.reference.words import details, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ESSENTIAL = ("event_name", "context.event_id", "context.event_timestamp")
"""What the API itself requires, besides a member of ``user``."""

_WRAPPERS = frozenset({"context", "items[].product"})  # whose members are listed
_INDENT = "  "
_SHORT_COMMIT = 10
_SHORT_TYPES = {"timestamp": "time", "object": "object", "date": "date", "boolean": "boolean", "string": "text"}
_OWN_EVENT = (
    "This is no standard event: it may carry what any event may, and properties of your own. The rules about a user\n"
    "and about formats hold for it; nothing else is required."
)


class _Section(NamedTuple):
    """A part of the page of an event: its heading, and which properties belong to it."""

    heading: str
    holds: Callable[[Property], bool]


def _is_inner(prop: Property) -> bool:
    return prop.path.startswith(("user.", "context.", "items[]."))


_SECTIONS = (
    _Section("The API requires", lambda prop: prop.path in ESSENTIAL or prop.path == "user"),
    _Section("Required by the reference", lambda prop: not _is_inner(prop) and prop.required == "yes"),
    _Section("Required in some cases", lambda prop: not _is_inner(prop) and prop.required == "conditional"),
    _Section("Optional", lambda prop: not _is_inner(prop)),
    _Section(
        "In each entry of items: required", lambda prop: prop.path.startswith("items[].") and prop.required == "yes"
    ),
    _Section("In each entry of items: optional", lambda prop: prop.path.startswith("items[].")),
    _Section("Of the user: required", lambda prop: prop.path.startswith("user.") and prop.required != "no"),
    _Section("Of the user: optional", lambda prop: prop.path.startswith("user.")),
    _Section("Of the context", lambda _: True),
)


def overview(width: int) -> Iterator[str]:
    """All standard events with what each must carry, then the contradictions of the vendor's pages."""
    category = ""
    for event in EVENTS.values():
        if event.category != category:
            category = event.category
            yield from ("", category.replace("_", " "))
        required = [prop.path for prop in event.properties if prop.required == "yes" and prop.path != "event_name"]
        yield from _entry(event.name, ", ".join(required) or "nothing", f"({', '.join(event.docs)})", width)
    yield from (
        "",
        "Behind a name stands what the reference requires of the event; `importer reference NAME` says more.",
    )
    yield from ("", "Where the vendor's pages disagree, and what the importer does")
    for item in CONTRADICTIONS:
        option = f" The mapping may say otherwise: {item.option}." if item.option else ""
        text = f"{item.facts} Here: {item.default}, because {item.why}.{option}"
        yield from _entry(item.name, text, f"({', '.join(item.docs)})", width)
    yield from (
        "",
        *_provenance({key for event in EVENTS.values() for key in event.docs} | _docs(CONTRADICTIONS), width),
    )


def page(name: str, width: int, *, everything: bool) -> Iterator[str]:
    """All about one event. Without ``everything``, the parts of the context that are seldom used are only counted."""
    event = EVENTS.get(name)
    yield f"{name} ({event.category.replace('_', ' ')} event)" if event else name
    if event is None:
        yield from ("", _OWN_EVENT)
    elif event.note:
        yield from textwrap.wrap(event.note, width)
    left = [prop for prop in properties(name).values() if prop.path not in _WRAPPERS]
    used: set[str] = set(event.docs if event else ())
    for section in _SECTIONS:
        here = [prop for prop in left if section.holds(prop)]
        left = [prop for prop in left if prop not in here]
        if section is _SECTIONS[-1] and not everything:
            yield from ("", f"Of the context: {len(here)} more properties of page, device and app; --all lists them")
        elif here:
            yield from ("", section.heading)
            used.update(key for prop in here for key in prop.docs)
            for prop in here:
                yield from _property(prop, width)
    yield from ("", *_provenance(used, width))


def as_data(name: str | None) -> dict[str, Any]:
    """The same as values of JSON: one event, or all names and the contradictions."""
    source = {"repository": DOCS_REPOSITORY, "commit": DOCS_COMMIT, "date": DOCS_DATE, "pages": dict(DOCS)}
    if name is None:
        return {
            "events": [_event_data(event) for event in EVENTS.values()],
            "contradictions": [asdict(item) for item in CONTRADICTIONS],
            "source": source,
        }
    event = EVENTS.get(name, Event(name, "custom", (), ()))
    listed = [asdict(prop) for prop in properties(name).values()]
    return {**_event_data(event), "is_standard": name in EVENT_NAMES, "properties": listed, "source": source}


def _event_data(event: Event) -> dict[str, Any]:
    return {"name": event.name, "category": event.category, "note": event.note, "docs": list(event.docs)}


def _property(prop: Property, width: int) -> Iterator[str]:
    kind = _SHORT_TYPES.get(prop.type, type_of(prop))
    text = "; ".join(details(prop))
    yield from _entry(
        prop.path, f"{kind}; {text}" if text else kind, f"({', '.join(prop.docs)})" if prop.docs else "", width
    )


def _entry(name: str, text: str, docs: str, width: int) -> Iterator[str]:
    """A name, and beside it a text that goes on below itself."""
    column = min(34, width // 3)
    lines = textwrap.wrap(f"{text} {docs}".strip(), max(width - column - len(_INDENT), 20)) or [""]
    first = f"{_INDENT}{name:{column}}"
    if len(name) >= column:
        yield f"{_INDENT}{name}"
        first = " " * (len(_INDENT) + column)
    yield f"{first}{lines[0]}".rstrip()
    yield from (" " * (len(_INDENT) + column) + line for line in lines[1:])


def _provenance(keys: Iterable[str], width: int) -> Iterator[str]:
    yield f"From {DOCS_REPOSITORY}, commit {DOCS_COMMIT[:_SHORT_COMMIT]} of {DOCS_DATE}, in our own words"
    for key in DOCS:
        if key in set(keys):
            yield from _entry(key, DOCS[key], "", width)


def _docs(items: Iterable[Any]) -> set[str]:
    return {key for item in items for key in item.docs}
