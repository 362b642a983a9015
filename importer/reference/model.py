"""What one property and one event of the reference are. Values only; standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["string", "number", "integer", "boolean", "array", "object", "timestamp", "date"]
Required = Literal["yes", "no", "conditional"]
Format = Literal[
    "cookie", "date", "e164", "email", "epoch_ms", "epoch_s", "hex32", "hex64", "ip", "iso3166", "iso4217", "timezone",
    "url", "uuid",
]  # fmt: skip
Schema = Literal["user", "item", "product", "context", "page", "viewport", "device", "app"]


@dataclass(frozen=True, slots=True)
class Property:
    """One member of an event, at its dotted ``path`` (``items[].product.price``).

    ``type`` is the JSON type that the platform expects; a ``timestamp`` becomes an integer of epoch milliseconds and a
    ``date`` the text ``YYYY-MM-DD``. ``item_type`` is the type of the entries of an array, ``schema`` the shared schema
    of an object or of those entries. ``condition`` says in words when the property is required, or when it has a
    meaning. Where a program can check that, ``beside`` are the paths of which one makes it required, ``unless`` those
    of which one makes up for it, and ``waived_by`` is the path of a Boolean that makes it needless where it is true.
    ``enum`` lists the only values there are; ``recommended`` lists values of an open set. ``unit`` is the unit of a
    number, ``bounds`` its least and largest value. ``null_when`` says when the vendor wants an explicit null.
    ``in_table`` is false for what stands in the vendor's examples, or on other pages, but not in the table itself.
    ``docs`` are keys of :data:`importer.reference.provenance.DOCS`.
    """

    path: str
    type: Type
    required: Required = "no"
    condition: str = ""
    beside: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    waived_by: str = ""
    item_type: Type | None = None
    schema: Schema | None = None
    enum: tuple[str, ...] = ()
    recommended: tuple[str, ...] = ()
    format: Format | None = None
    unit: str = ""
    bounds: tuple[int, int] | None = None
    null_when: str = ""
    added_by: str = ""
    deprecated: bool = False
    in_table: bool = True
    docs: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """A standard event: its own properties, in the order of the vendor's table.

    What every event carries (``event_name``, ``context`` ...) and what is inside ``user`` and ``items`` stands in
    :mod:`importer.reference.shared`. ``note`` is a rule of the whole event.
    """

    name: str
    category: str
    docs: tuple[str, ...]
    properties: tuple[Property, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A point on which the vendor's pages disagree, what the importer does about it, and why.

    ``option`` is the entry of a mapping that chooses another way, such as ``payload.timestamp_type``; empty where there
    is none.
    """

    name: str
    facts: str
    docs: tuple[str, ...]
    default: str
    why: str
    option: str = ""
