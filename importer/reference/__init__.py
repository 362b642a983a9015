"""The vendor's event reference as data: the standard events, their properties, and where the pages disagree.

Standard library only and quick to import, because ``importer --help`` and the checks of a mapping need it. Facts are
those of the vendor's public documentation at :data:`DOCS_COMMIT`, in our own words; ``docs`` of an event or a property
are keys of :data:`DOCS`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from importer.reference.contradictions import CONTRADICTIONS
from importer.reference.model import Contradiction, Event, Property
from importer.reference.provenance import DOCS, DOCS_COMMIT, DOCS_DATE, DOCS_REPOSITORY
from importer.reference.retail import CAMPAIGN_EVENTS, COMMON_EVENTS, ECOMMERCE_EVENTS
from importer.reference.shared import EVERY_EVENT, ITEM_LIST, ITEMS
from importer.reference.video import VIDEO_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "CONTRADICTIONS",
    "DOCS",
    "DOCS_COMMIT",
    "DOCS_DATE",
    "DOCS_REPOSITORY",
    "EVENTS",
    "EVENT_NAMES",
    "Contradiction",
    "Event",
    "Property",
    "find",
    "known_paths",
    "properties",
]

EVENTS: Final[Mapping[str, Event]] = MappingProxyType(
    {event.name: event for event in (*COMMON_EVENTS, *ECOMMERCE_EVENTS, *CAMPAIGN_EVENTS, *VIDEO_EVENTS)}
)
"""The standard events by name, in the order of the vendor's pages."""

EVENT_NAMES: Final[tuple[str, ...]] = tuple(EVENTS)

_HASHED = re.compile(r"user\.[^.\[\]]+_(?P<algorithm>md5|sha256)")


def find(event: str | None, path: str) -> Property | None:
    """What the reference says about ``path`` on ``event``; ``None`` when it says nothing.

    ``event`` is a standard name, a custom one, or ``None`` when it varies from row to row; then a property of which the
    events disagree on the type is ``None`` too. Any ``user.<property>_md5`` and ``_sha256`` is known.
    """
    if (known := properties(event).get(path)) is not None:
        return known
    hashed = _HASHED.fullmatch(path)
    if hashed is None:
        return None
    return Property(
        path, "string", format="hex32" if hashed["algorithm"] == "md5" else "hex64", docs=("CE", "EC", "ER")
    )


def known_paths(event: str | None) -> tuple[str, ...]:
    """The paths that the reference knows on ``event`` (see :func:`find`), for the nearest valid name."""
    return tuple(properties(event))


@cache
def properties(event: str | None) -> Mapping[str, Property]:
    """All properties of ``event`` by path, with those inside ``user``, ``context`` and ``items``.

    A custom event has those that any event may carry, and ``items``. For ``None`` these are the properties of all
    events together, reduced to type and format where each event has a row of its own.
    """
    if event is None:
        return MappingProxyType(_of_all_events())
    standard = EVENTS.get(event)
    if standard is None:
        return MappingProxyType(_by_path((*EVERY_EVENT, ITEM_LIST, *ITEMS)))
    own = [prop if prop.docs else replace(prop, docs=standard.docs) for prop in standard.properties]
    items = ITEMS if any(prop.path == "items" for prop in own) else ()
    return MappingProxyType(_by_path((*EVERY_EVENT, *own, *items)))


def _by_path(found: Iterable[Property]) -> dict[str, Property]:
    return {prop.path: prop for prop in found}


def _of_all_events() -> dict[str, Property]:
    variants: dict[str, list[Property]] = {}
    for event in EVENTS.values():
        for prop in event.properties:
            variants.setdefault(prop.path, []).append(prop)
    agreed = [common for found in variants.values() if (common := _common(found))]
    return _by_path((*agreed, *EVERY_EVENT, ITEM_LIST, *ITEMS))


def _common(variants: list[Property]) -> Property | None:
    """What all ``variants`` of a path say, or ``None`` if they disagree on the type."""
    first = variants[0]
    if any((other.type, other.item_type) != (first.type, first.item_type) for other in variants):
        return None
    same_format = all(other.format == first.format for other in variants)
    return Property(first.path, first.type, item_type=first.item_type, format=first.format if same_format else None)
