"""One batch under way: which of its events are refused, and what may be stored of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import xxhash

from importer.records import DIGEST_MODULUS, Ack, Refusal, Reject, Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.profiles import Verdict
    from importer.records import Batch, Piece

FINISH_SECONDS = 5.0
"""What a stop leaves to a batch of which a part was accepted: leaving it unsettled means to repeat that part."""


@dataclass(slots=True)
class Delivery:
    """One batch under way. ``culprits`` are the events that stood alone and were refused, by index in the batch.

    ``may_be_stored``: some of it, by an attempt that got no answer, or a failure.
    """

    batch: Batch
    count: int
    culprits: dict[int, Refusal] = field(default_factory=dict)
    resent: set[int] = field(default_factory=set)
    accepted_some: bool = False
    may_be_stored: bool = False

    @property
    def grace_seconds(self) -> float:
        """What a stop leaves to this batch."""
        return FINISH_SECONDS if self.accepted_some else 0.0

    def part(self, events: range) -> Batch:
        """These of its events, as a batch."""
        if len(events) == self.count:
            return self.batch
        return self.batch.part(events.start, events.stop)

    def refuse(self, index: int, verdict: Verdict) -> None:
        """The event at ``index`` was refused alone, by ``verdict``."""
        (piece,) = self.part(range(index, index + 1)).pieces
        self.culprits[index] = Refusal(piece, tuple(_rejects(piece, verdict)))

    def ack(self) -> Ack:
        """What became of it, now that every event is accepted or refused."""
        if not self.culprits:
            return Ack(self.batch, self.batch.digest(), (), len(self.resent))
        refused = tuple(self.culprits[index] for index in sorted(self.culprits))
        digest = self.batch.digest() - sum(_digest(refusal.piece) for refusal in refused)
        return Ack(self.batch, digest % DIGEST_MODULUS, refused, len(self.resent))


@dataclass(slots=True)
class Part:
    """Some events of a delivery as one request. ``may_be_stored``: by an attempt that got no answer, or a failure."""

    delivery: Delivery
    events: range
    request: Request
    failures: int = 0
    may_be_stored: bool = False


def _rejects(piece: Piece, verdict: Verdict) -> Iterator[Reject]:
    """A reject for each source row of the one event of ``piece``; the first one carries the event."""
    encoded = piece.encoded
    event: str | None = piece.event(piece.start).decode()
    for row in encoded.rows_of(piece.start):
        place = encoded.place(row)
        yield Reject(
            source=encoded.span.source,
            file=place.file,
            row=place.row,
            line=place.line,
            stage="destination",
            code=verdict.code,
            message=f"The destination refuses this event: {verdict.reason}",
            event=event,
            staged_row=row if encoded.place_of is not None else None,
        )
        event = None


def _digest(piece: Piece) -> int:
    return xxhash.xxh3_128_intdigest(piece.event(piece.start))
