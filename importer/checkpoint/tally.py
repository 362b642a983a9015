"""What became of rows and events, as numbers that add up."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from importer.records import DIGEST_BITS, DIGEST_MODULUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Tally:
    """The fates of some acknowledged rows, and what they were as events.

    ``sent``, ``filtered``, ``duplicate`` and the ``rejected`` of each stage count source rows and add up to the rows
    acknowledged. ``accepted``, ``refused`` and ``resent`` count events. ``digest`` is the sum modulo 2^128 of the
    XXH3 of each accepted event.
    """

    sent: int = 0
    filtered: int = 0
    duplicate: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    accepted: int = 0
    refused: int = 0
    resent: int = 0
    digest: int = 0

    @property
    def rows(self) -> int:
        """Source rows that have their fate."""
        return self.sent + self.filtered + self.duplicate + self.rejected_rows

    @property
    def rejected_rows(self) -> int:
        """Source rows that were rejected, by whatever stage."""
        return sum(self.rejected.values())

    def __add__(self, other: Tally) -> Tally:
        stages = sorted({*self.rejected, *other.rejected})
        return Tally(
            sent=self.sent + other.sent,
            filtered=self.filtered + other.filtered,
            duplicate=self.duplicate + other.duplicate,
            rejected={stage: self.rejected.get(stage, 0) + other.rejected.get(stage, 0) for stage in stages},
            accepted=self.accepted + other.accepted,
            refused=self.refused + other.refused,
            resent=self.resent + other.resent,
            digest=(self.digest + other.digest) % DIGEST_MODULUS,
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON; the digest as hexadecimal text, because JSON readers lose digits beyond 2^53."""
        return {
            "sent": self.sent,
            "filtered": self.filtered,
            "duplicate": self.duplicate,
            "rejected": dict(self.rejected),
            "accepted": self.accepted,
            "refused": self.refused,
            "resent": self.resent,
            "digest": digest_text(self.digest),
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Tally:
        """The tally that :meth:`to_json` wrote."""
        return cls(**{**body, "digest": int(body["digest"], 16)})


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of ``tallies``."""
    return reduce(add, tallies, Tally())


def digest_text(digest: int) -> str:
    """A digest as 32 hexadecimal digits."""
    return f"{digest:0{DIGEST_BITS // 4}x}"
