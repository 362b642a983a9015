"""The values that travel on the belt. Standard library only; none of them does I/O.

Rows are ordinals of the records of one source file and start at 1 (header not counted). Every range is
half-open: ``Span(0, 1, 4)`` is rows 1, 2 and 3 of source 0.

The column half hands over :class:`EncodedRows` (one chunk), the batcher cuts them into :class:`Batch`, the sender
turns a batch into one or more :class:`Request` and hands an :class:`Ack` to the one writer.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any, NamedTuple

DIGEST_BITS = 128
DIGEST_MODULUS = 1 << DIGEST_BITS


class Span(NamedTuple):
    """Rows ``start`` to ``stop - 1`` of the source numbered ``source``. The token of an acknowledgement."""

    source: int
    start: int
    stop: int

    @property
    def rows(self) -> int:
        """Number of rows in the span."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not sent, and why. One line of the rejects file.

    ``row`` is the ordinal of the record in ``file`` and ``line`` its physical line there (0 where the format has no
    lines). ``stage`` is ``source``, ``mapping``, ``encode`` or ``destination``; ``code`` is a stable word for machines
    and ``message`` a sentence for people that names target and value. ``source_row`` is the row as read (column to
    value), or the raw text of a broken record. ``event`` is the encoded event where there was one.
    """

    source: int
    file: str
    row: int
    line: int
    stage: str
    code: str
    message: str
    source_row: dict[str, Any] | str | None = None
    event: str | None = None


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """The events of one chunk as JSON bytes, and what became of the rows that gave none.

    ``file`` is the name of the source in messages. ``body`` is one contiguous buffer. Event ``i`` is
    ``body[offsets[i]:offsets[i + 1]]`` and includes the separator of the endpoint's framing, ``separator_bytes`` long,
    at its end. ``rows[i]`` is its source row, strictly
    increasing. ``digests`` are four sequences of running totals (``len(offsets)`` each, starting with 0), one for
    each 32-bit limb, most significant first, of the first 16 bytes of the SHA-256 of each event.
    ``rejects`` are in row order; the rows of ``span`` that are neither events nor rejects were filtered.
    The sequences are memoryviews over Arrow buffers (int64, uint64): indexing gives a Python int, without a copy.
    """

    span: Span
    file: str
    body: memoryview
    offsets: memoryview
    rows: memoryview
    digests: tuple[memoryview, memoryview, memoryview, memoryview]
    separator_bytes: int
    rejects: tuple[Reject, ...] = ()

    @property
    def count(self) -> int:
        """Number of events."""
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Piece:
    """Events ``start`` to ``stop - 1`` of one chunk: a part of a batch."""

    encoded: EncodedRows
    start: int
    stop: int

    @property
    def count(self) -> int:
        """Number of events in the piece."""
        return self.stop - self.start

    def body(self) -> memoryview:
        """The events with a separator behind each one, without a copy."""
        offsets = self.encoded.offsets
        return self.encoded.body[offsets[self.start] : offsets[self.stop]]

    def event(self, index: int) -> bytes:
        """The bytes of event ``index`` of the chunk, without its separator."""
        offsets = self.encoded.offsets
        return bytes(self.encoded.body[offsets[index] : offsets[index + 1] - self.encoded.separator_bytes])

    def digest(self) -> int:
        """Sum modulo 2^128 of the first 16 bytes of the SHA-256 of each event."""
        total = 0
        for limb in self.encoded.digests:
            total = (total << 32) + limb[self.stop] - limb[self.start]
        return total % DIGEST_MODULUS


@dataclass(frozen=True, slots=True)
class Batch:
    """What one request carries, and the spans of rows that its answer acknowledges.

    ``pieces`` may come from several chunks and files. ``spans`` cover every row that this batch settles: those of its
    events, the ``rejects`` of earlier stages and ``filtered`` rows between them. A batch without pieces acknowledges
    rows that gave no event.
    """

    number: int
    pieces: tuple[Piece, ...]
    spans: tuple[Span, ...]
    rejects: tuple[Reject, ...] = ()
    filtered: int = 0

    @property
    def count(self) -> int:
        """Number of events."""
        return sum(piece.count for piece in self.pieces)

    def body(self, prefix: bytes, suffix: bytes) -> bytes:
        """The request body: prefix, events with separators between them, suffix. The one copy on the way out."""
        parts: list[bytes | memoryview] = [prefix, *(piece.body() for piece in self.pieces)]
        if self.pieces and (separator_bytes := self.pieces[-1].encoded.separator_bytes):
            parts[-1] = parts[-1][:-separator_bytes]
        return b"".join((*parts, suffix))

    def digest(self) -> int:
        """Sum modulo 2^128 over the events of the batch."""
        return sum(piece.digest() for piece in self.pieces) % DIGEST_MODULUS

    def part(self, start: int, stop: int) -> Batch:
        """Events ``start`` to ``stop - 1`` alone, without a copy. No spans: only the whole batch acknowledges."""
        pieces, base = [], 0
        for piece in self.pieces:
            first, last = max(start - base, 0), min(stop - base, piece.count)
            if first < last:
                pieces.append(Piece(piece.encoded, piece.start + first, piece.start + last))
            base += piece.count
        return Batch(self.number, tuple(pieces), ())


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request without its address: URL and credentials belong to the transport."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. ``headers`` have lower-case names; ``text`` is the beginning of the body, never all of it."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Ack:
    """A batch whose every event has its final answer.

    ``refused`` are the events that the destination would not take; all others of ``batch`` were accepted.
    ``digest`` is the sum over the accepted ones. ``resent`` counts events that were sent more than once because an
    answer never came.
    """

    batch: Batch
    digest: int
    refused: tuple[Reject, ...] = ()
    resent: int = 0


def rejects_within(rejects: tuple[Reject, ...], start: int, stop: int) -> tuple[Reject, ...]:
    """The part of ``rejects`` (in row order, one source) whose rows are in ``start`` to ``stop - 1``."""
    low = bisect_left(rejects, start, key=lambda reject: reject.row)
    high = bisect_left(rejects, stop, key=lambda reject: reject.row)
    return rejects[low:high]
