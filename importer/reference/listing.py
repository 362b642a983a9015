"""The event reference as text and as JSON: what an event must carry, what it may, and where that is said."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import asdict
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from importer.reference import (
    CONTRADICTIONS,
    DOCS,
    DOCS_COMMIT,
    DOCS_DATE,
    DOCS_REPOSITORY,
    EVENT_NAMES,
    EVENTS,
    Contradiction,
    Event,
    Property,
    properties,
)
from importer.reference.shared import ENVELOPE
from importer.reference.words import details, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_BY_THE_API = {
    "event_name": "written by `event` of the mapping, not by a field",
    "user": "there as soon as one of its members is mapped, such as user.id",
    "context.event_id": "made from `key` of the mapping, unless a field writes it",
    "context.event_timestamp": "no time is ever invented, so a field has to write it",
}
"""What the API itself requires, and where a mapping has it from."""

_WRAPPERS = frozenset({"context", "items[].product"})  # whose members are listed
_ENVELOPE = frozenset(prop.path for prop in ENVELOPE)
_SINGLE_PAGES = frozenset({"AM", "FB", "CAL"})  # of the mobile SDK and of single destinations
_INDENT = "  "
_SHORT_COMMIT = 10
_NEAREST = 3
_WIDEST_NAME = 34
_WIDEST_KEY = 6
_SHORT_TYPES = {"timestamp": "time", "object": "object", "date": "date", "boolean": "boolean", "string": "text"}
_OWN_EVENT = (
    "It may carry what any event may, and properties of your own. The rules about the user and about formats hold for "
    "it; of items, required means required of standard events."
)
_WHAT_IT_MEANS = (
    "A row without what the API requires is rejected. Where something is missing that the reference requires beyond "
    "that, or a value is not one of those listed, it is a warning; with --strict the row is rejected."
)
_OWN_PROPERTIES = (
    "Any other name is a property of your own. Any member of user may be sent hashed: user.NAME_sha256 (64 hex digits) "
    "or user.NAME_md5 (32 hex digits)."
)
_HOW_TO_READ = (
    "What the event reference requires of each standard event, besides its name, context.event_id and "
    "context.event_timestamp, and the keys of the pages that say so. `importer reference NAME` says more."
)


class _Section(NamedTuple):
    """A part of the page of an event: its heading, and which properties belong to it."""

    heading: str
    holds: Callable[[Property], bool]


def _inside(parent: str, *required: str) -> Callable[[Property], bool]:
    """Whether a property is a member of ``parent``, and required as said; ``required`` empty: however."""
    return lambda prop: prop.path.startswith(parent) and (not required or prop.required in required)


def _own(*required: str) -> Callable[[Property], bool]:
    return lambda prop: prop.path not in _ENVELOPE and not _is_inner(prop) and prop.required in required


def _is_inner(prop: Property) -> bool:
    return prop.path.startswith(("user.", "context.", "items[]."))


# A property stands in the first one that holds it.
_SECTIONS = (
    _Section("The API requires", lambda prop: prop.path in _BY_THE_API),
    _Section("Required by the reference", _own("yes")),
    _Section("Required in some cases", _own("conditional")),
    _Section("Optional", _own("no")),
    _Section("In each entry of items: required", _inside("items[].", "yes")),
    _Section("In each entry of items: optional", _inside("items[].")),
    _Section("Of the user: required", _inside("user.", "yes", "conditional")),
    _Section("Of the user: optional", _inside("user.")),
    _Section("Of the context: optional", _inside("context.")),
    _Section("Any event may carry", lambda _: True),
)


def overview(width: int) -> Iterator[str]:
    """All standard events with what each must carry, then the contradictions of the vendor's pages."""
    yield from textwrap.wrap(_HOW_TO_READ, width)
    category = ""
    for event in EVENTS.values():
        if event.category != category:
            category = event.category
            yield from ("", category.replace("_", " "))
        yield from _entry(event.name, ", ".join(_required(event)) or "nothing", _keys(event.docs), width)
    yield from ("", "Where the vendor's pages disagree, and what the importer does")
    for item in CONTRADICTIONS:
        option = f" The mapping may say otherwise: {item.option}." if item.option else ""
        text = f"{item.facts} Here: {item.default}, because {item.why}.{option}"
        yield from _entry(item.name, text, _keys(item.docs), width)
    yield ""
    yield from _provenance({*_all_docs(EVENTS.values()), *_all_docs(CONTRADICTIONS)}, width)


def page(name: str, width: int, *, everything: bool) -> Iterator[str]:
    """All about one event. Without ``everything``, what is seldom used of user, items and context is only counted."""
    event = EVENTS.get(name)
    yield from _heading(name, event, width)
    yield from ("", *textwrap.wrap(_WHAT_IT_MEANS, width))
    sections = _sorted(prop for prop in properties(name).values() if prop.path not in _WRAPPERS)
    used = set(event.docs if event else ())
    for section, found in sections.items():
        shown = [prop for prop in found if everything or not _is_seldom(prop)]
        used.update(key for prop in shown for key in prop.docs)
        if shown:
            yield from ("", *textwrap.wrap(section.heading, width))
        for prop in shown:
            yield from _property(prop, width)
    yield ""
    yield from textwrap.wrap(_OWN_PROPERTIES, width)
    if not everything:
        yield from textwrap.wrap(_left_out(sections), width)
    yield ""
    yield from _provenance(used, width)


def _heading(name: str, event: Event | None, width: int) -> Iterator[str]:
    if event is not None:
        yield f"{name} ({event.category.replace('_', ' ')} event)"
        yield from textwrap.wrap(f"Note: {event.note}." if event.note else "", width)
        return
    yield name
    near = ", ".join(nearest_names(name))
    none = f"None of the {len(EVENT_NAMES)} standard events{f'; the nearest: {near}' if near else ''}."
    yield from textwrap.wrap(f"{none} {_OWN_EVENT}", width)


def _sorted(found: Iterable[Property]) -> dict[_Section, list[Property]]:
    sections: dict[_Section, list[Property]] = {section: [] for section in _SECTIONS}
    for prop in found:
        sections[next(section for section in _SECTIONS if section.holds(prop))].append(prop)
    return sections


def _is_seldom(prop: Property) -> bool:
    """Whether an import hardly writes it: an SDK does, one destination reads it, or its own members are listed."""
    if not _is_inner(prop) or prop.required != "no":
        return False
    return bool(set(prop.docs) <= _SINGLE_PAGES or not prop.in_table or prop.added_by or prop.schema)


def _left_out(sections: dict[_Section, list[Property]]) -> str:
    """How many are not shown of what."""
    counts = Counter(
        prop.path.partition(".")[0].removesuffix("[]")
        for found in sections.values()
        for prop in found
        if _is_seldom(prop)
    )
    parts = [f"{count} of {parent}" for parent, count in sorted(counts.items(), reverse=True)]
    return f"Not shown, because an import seldom has them: {', '.join(parts)}; --all shows them, too."


def nearest_names(name: str) -> list[str]:
    """The standard events whose names resemble ``name``, the nearest first; none when none does."""
    return get_close_matches(name.lower(), EVENT_NAMES, n=_NEAREST)


def _required(event: Event) -> list[str]:
    return [prop.path for prop in event.properties if prop.required == "yes" and prop.path != "event_name"]


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
    is_standard = name in EVENTS
    return {
        **_event_data(event),
        "is_standard": is_standard,
        "nearest": [] if is_standard else nearest_names(name),
        "properties": [asdict(prop) for prop in properties(name).values()],
        "source": source,
    }


def _event_data(event: Event) -> dict[str, Any]:
    return {
        "name": event.name,
        "category": event.category,
        "note": event.note,
        "required": _required(event),
        "docs": list(event.docs),
    }


def _property(prop: Property, width: int) -> Iterator[str]:
    said = [_SHORT_TYPES.get(prop.type, type_of(prop))]
    if prop.path in _BY_THE_API:
        said.append(_BY_THE_API[prop.path])
    if prop.path != "event_name":  # whose name stands above
        said += details(prop)
    if prop.required == "conditional" and prop.path not in _BY_THE_API and not (prop.beside or prop.unless):
        said.append("not checked")
    yield from _entry(prop.path, "; ".join(said), _keys(prop.docs), width)


def _entry(name: str, text: str, docs: str, width: int, widest: int = _WIDEST_NAME) -> Iterator[str]:
    """A name, and beside it a text that goes on below itself. Names may be as wide as ``widest``."""
    column = min(widest, width // 3)
    room = max(width - column - len(_INDENT), 20)
    lines = textwrap.wrap(f"{text} {docs}".strip(), room, break_on_hyphens=False)
    first = f"{_INDENT}{name:{column}}"
    if len(name) >= column:
        yield f"{_INDENT}{name}"
        first = " " * (len(_INDENT) + column)
    yield f"{first}{lines[0]}".rstrip()
    yield from (" " * (len(_INDENT) + column) + line for line in lines[1:])


def _all_docs(items: Iterable[Event | Contradiction]) -> Iterator[str]:
    return (key for item in items for key in item.docs)


def _keys(docs: Iterable[str]) -> str:
    return f"({', '.join(docs)})"


def _provenance(keys: set[str], width: int) -> Iterator[str]:
    source = f"{DOCS_REPOSITORY}, commit {DOCS_COMMIT[:_SHORT_COMMIT]} of {DOCS_DATE}"
    yield from textwrap.wrap(f"From {source}, in our own words. What the keys in brackets stand for:", width)
    for key in DOCS:
        if key in keys:
            yield from _entry(key, DOCS[key], "", width, _WIDEST_KEY)
