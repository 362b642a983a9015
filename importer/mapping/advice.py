"""What looks odd in a mapping, before any column is known: sentences with their places, which stop nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.errors import Problem
from importer.mapping.identity_warnings import identity_warnings
from importer.mapping.odd_targets import odd_targets
from importer.mapping.yaml_loader import dotted, place_of

if TYPE_CHECKING:
    from importer.mapping.document import Document

_ADVISERS = (odd_targets, identity_warnings)
"""Each takes a Mapping and gives a Finding for all that it wonders about."""


def advice(document: Document) -> list[Problem]:
    """All that looks odd and is not said to be wrong, in the order of the document."""
    found = [
        finding
        for adviser in _ADVISERS
        for finding in adviser(document.mapping)
        if finding.path not in document.gaps.said
    ]
    placed = [(place_of(document.root, finding.path, of_key=finding.of_key), finding) for finding in found]
    return [
        Problem(*place, dotted(finding.path), finding.message)
        for place, finding in sorted(placed, key=lambda pair: pair[0])
    ]


def document_warnings(document: Document) -> tuple[str, ...]:
    """The same as sentences that begin with line and column."""
    return tuple(map(str, advice(document)))
