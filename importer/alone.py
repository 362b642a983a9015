"""What can be known about a mapping without any data: what looks odd in it, and what all of its events would lack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from importer.lookups import check_lookups
from importer.mapping.advice import document_warnings
from importer.mapping.models import EachSpec
from importer.rules import EventNames, never_met

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.mapping.document import Document, Mapping


def check_alone(document: Document) -> tuple[str, ...]:
    """Warnings about ``document`` by itself, as sentences.

    Raises:
        MappingInvalid: a file that it looks values up in does not fit.
        SourceUnreadable: such a file cannot be read.
    """
    check_lookups(document)
    event = document.mapping.event
    names = (event.value,) if event.value is not None else tuple((event.map or {}).values()) or None
    lacking = never_met(EventNames(names, is_constant=event.value is not None), list(_targets(document.mapping)))
    return (*document_warnings(document), *lacking)


def _targets(mapping: Mapping) -> Iterator[str]:
    """All targets that something is mapped to, those inside lists and constants too."""
    for target, spec in mapping.fields.items():
        yield target
        if isinstance(spec, EachSpec):
            yield from (f"{target}[].{name}" for name in spec.each)
        elif isinstance(spec.value, dict):
            yield from _members(target, spec.value)


def _members(target: str, value: dict[str, Any]) -> Iterator[str]:
    for name, member in value.items():
        yield f"{target}.{name}"
        if isinstance(member, dict):
            yield from _members(f"{target}.{name}", member)
