"""Rows whose users did not agree to what the mapping requires: they are taken out before anything else is computed.

So nothing that is wrong with such a row matters, and none of its values comes into a reject or a message, but for the
accepted categories themselves.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from importer.report import Example

if TYPE_CHECKING:
    from importer.encoder.chunk import ChunkInput
    from importer.mapping.compiled import CompiledMapping
    from importer.mapping.consent import Consent
    from importer.report import Findings

_BETWEEN = "\x1f"
_COUNTED_VALUES = 20  # of a chunk
_KEPT_VALUES = 1_000
_SHOWN_VALUES = 5
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Parted:
    """A chunk with the rows that may be sent, and the numbers of those that lack the consent, increasing.

    Of a group all rows are the one or the other. ``refusing`` are the rows whose own cells are the reason.
    """

    chunk: ChunkInput
    without: pl.Series
    refusing: pl.DataFrame


def parted_by(consent: Consent, chunk: ChunkInput, mapping: CompiledMapping) -> Parted:
    """``chunk`` by the consent of its rows. What ``where`` filters lacks none: it is filtered already."""
    own = consent.agreed(chunk.frame)
    if own.all():
        return Parted(chunk, chunk.rows.clear(), chunk.frame.clear())
    agrees = own if chunk.groups is None else _of_groups(own, chunk.groups)
    others = chunk.frame.filter(~agrees)
    passing = mapping.passing(others) if chunk.groups is None else _all(others.height)  # in groups where was before
    without, own = chunk.rows.filter(~agrees).filter(passing), own.filter(~agrees).filter(passing)
    return Parted(replace(chunk.only(agrees), rejects=chunk.rejects), without, others.filter(passing).filter(~own))


def _of_groups(own: pl.Series, groups: pl.Series) -> pl.Series:
    """True for the rows of groups in which all rows agree."""
    return ~groups.is_in(groups.filter(~own).unique().implode())


def _all(height: int) -> pl.Series:
    return pl.repeat(value=True, n=height, dtype=pl.Boolean, eager=True)


@dataclass(slots=True)
class ConsentSeen:
    """Whether any row got past the consent; as long as none did, the values that failed, the most frequent of them."""

    consent: Consent
    any_passed: bool = False
    without: int = 0
    first: Example | None = None
    values: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, parted: Parted, consent: Consent, *, any_passed: bool) -> ConsentSeen:
        """What a chunk shows. ``any_passed``: one of its rows became an event, or was rejected for another reason."""
        seen = cls(consent, any_passed=any_passed, without=len(parted.without))
        if seen.without and not any_passed:
            given = parted.refusing.select(consent.given.list.join(_BETWEEN).fill_null("").alias("value")).to_series()
            counts = given.value_counts().sort("count", "value", descending=[True, False]).head(_COUNTED_VALUES)
            seen.values.update(dict(counts.iter_rows()))
            place = parted.chunk.place_of(parted.without[0])
            seen.first = Example((parted.chunk.span.source, place.row), place.file, "")
        return seen

    def merge(self, other: ConsentSeen) -> None:
        """Add what ``other`` has seen."""
        self.any_passed |= other.any_passed
        self.without += other.without
        self.first = min((one for one in (self.first, other.first) if one is not None), default=None)
        self.values.update(other.values)
        if self.any_passed:
            self.values.clear()
        elif len(self.values) > _KEPT_VALUES:
            self.values = Counter(dict(self.values.most_common(_KEPT_VALUES // 2)))

    def note(self, findings: Findings) -> None:
        """A warning when all rows were filtered for want of consent: most likely it is read in the wrong way."""
        if self.any_passed or self.first is None:
            return
        frequent = sorted(self.values.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN_VALUES]
        found = [f"{_shown(value)} in {count:,}" for value, count in frequent]
        more = ", …" if len(self.values) > _SHOWN_VALUES else ""
        message = f"values seen in column {self.consent.name!r}, by rows: {', '.join(found)}{more}"
        rule = f"no row has the consent {self.consent.needs}, so that all are filtered"
        findings.note(rule, [self.first._replace(message=message)], self.without)


def _shown(value: str) -> str:
    """The categories of a row as they were told apart: a wrong ``split`` shows."""
    text = json.dumps(value.split(_BETWEEN) if value else [], ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
