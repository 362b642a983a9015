"""What the reference says about a property, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.reference.model import Property

_TYPES: Final = {
    "string": "text",
    "boolean": "true or false",
    "timestamp": "a time, sent as milliseconds since 1970",
    "date": "a date, sent as YYYY-MM-DD",
    "object": "an object, usually written member by member",
}
_TABLES: Final = frozenset({"CE", "EC", "ER", "VE", "CA"})  # the pages with tables of properties
_FORMATS: Final = {
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


def statements(prop: Property) -> Iterator[str]:
    """All of it, the type and whether it is required first; each statement without a full stop."""
    yield type_of(prop)
    if prop.required == "yes":
        yield "required"
    yield from details(prop)


def type_of(prop: Property) -> str:
    """Its type as a user calls it."""
    return _TYPES.get(prop.type, prop.type) if prop.type != "array" else f"list of {_items_of(prop)}"


def details(prop: Property) -> Iterator[str]:
    """What there is to say beyond its type and whether it is always required."""
    if prop.deprecated:
        yield "deprecated"
    if prop.condition:
        yield prop.condition
    yield from _values(prop)
    yield from _circumstances(prop)
    if prop.note:
        yield prop.note


def _values(prop: Property) -> Iterator[str]:
    """Which values it may have."""
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


def _circumstances(prop: Property) -> Iterator[str]:
    """When the vendor wants a null, who writes it else, and whether it stands in a table at all."""
    if prop.null_when:
        yield f"the vendor asks for null when {prop.null_when}, the importer leaves it out"
    if prop.added_by:
        yield f"the {prop.added_by} adds it, an import has to map it"
    if not prop.in_table and _TABLES.intersection(prop.docs):
        yield "in examples only, not in the table"


def _items_of(prop: Property) -> str:
    return {"string": "texts", "number": "numbers", "object": "objects"}.get(prop.item_type or "", "values")
