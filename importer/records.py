"""The values that travel on the belt. Standard library only; none of them does I/O.

Rows are ordinals of the records of one source file and start at 1 (header not counted). Every range is
half-open: ``Span(0, 1, 4)`` is rows 1, 2 and 3 of source 0.

The column half hands over :class:`EncodedRows` (one chunk), the batcher cuts them into :class:`Batch`, the sender
turns a batch into one or more :class:`Request` and hands an :class:`Ack` to the one writer.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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


class Place(NamedTuple):
    """Where a row stands: ``row`` is the ordinal of the record in ``file``, ``line`` its physical line there (or 0)."""

    file: str
    row: int
    line: int


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not sent, and why. One line of the rejects file.

    ``row`` is the ordinal of the record in ``file`` and ``line`` its physical line there (0 where the format has no
    lines). ``staged_row`` is the number of the row in source ``source``, where that is not the file itself but a stage
    of grouped rows or a replay. ``stage`` is ``source``, ``mapping``, ``encode``, ``rules`` or ``destination``;
    ``code`` is a stable word for machines and ``message`` a sentence for people that names target and value.
    ``source_row`` is the row as read (column to value), or the raw text of a broken record. ``event`` is the encoded
    event where there was one.
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
    staged_row: int | None = None

    @property
    def number(self) -> int:
        """The number of the row in its source: what spans count."""
        return self.row if self.staged_row is None else self.staged_row


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """The events of one chunk as JSON bytes, and what became of the rows that gave none.

    ``file`` is the name of the source in messages. ``body`` is one contiguous buffer. Event ``i`` is
    ``body[offsets[i]:offsets[i + 1]]`` and includes the separator of the endpoint's framing, ``separator_bytes`` long,
    at its end. ``rows[i]`` is its source row, strictly increasing; an event of several rows, as grouping makes them,
    is that of rows ``rows[i]`` to ``stops[i] - 1``. ``place_of`` says where a row of the source stands in which file,
    by default in ``file`` itself. ``digests`` are running totals modulo 2^128 (``len(offsets)``, starting with 0) of
    the XXH3 of each event, in two sequences of 64 bits: the high words and the low ones. ``rejects`` are in
    the order of their numbers; rows of ``span`` that are in neither were filtered. Those of them whose users did not
    agree to what the mapping requires are ``without_consent``, strictly increasing. ``duplicates`` are rows of events
    that were left out because an earlier event has their id, strictly increasing. ``ids`` are 128 bits of the id of
    each event, in two sequences of 64, where somebody asked for them.
    The sequences are memoryviews over Arrow buffers (int64, uint64): indexing gives a Python int, without a copy.
    """

    span: Span
    file: str
    body: memoryview
    offsets: memoryview
    rows: memoryview
    digests: tuple[memoryview, memoryview]
    separator_bytes: int
    rejects: tuple[Reject, ...] = ()
    stops: memoryview | None = None
    place_of: Callable[[int], Place] | None = None
    without_consent: memoryview | tuple[int, ...] = ()
    duplicates: memoryview | tuple[int, ...] = ()
    ids: tuple[memoryview, memoryview] | None = None

    @property
    def count(self) -> int:
        """Number of events."""
        return len(self.rows)

    def rows_of(self, index: int) -> range:
        """The source rows of event ``index``."""
        first = self.rows[index]
        return range(first, first + 1 if self.stops is None else self.stops[index])

    def place(self, row: int) -> Place:
        """Where source row ``row`` stands."""
        return Place(self.file, row, 0) if self.place_of is None else self.place_of(row)


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

    @property
    def source_rows(self) -> int:
        """Number of source rows that the events were made of."""
        rows, stops = self.encoded.rows, self.encoded.stops
        if stops is None:
            return self.stop - self.start
        return sum(stops[self.start : self.stop]) - sum(rows[self.start : self.stop])

    @property
    def body_bytes(self) -> int:
        """The size of :meth:`body`."""
        offsets = self.encoded.offsets
        size: int = offsets[self.stop] - offsets[self.start]
        return size

    def body(self) -> memoryview:
        """The events with a separator behind each one, without a copy."""
        offsets = self.encoded.offsets
        return self.encoded.body[offsets[self.start] : offsets[self.stop]]

    def event(self, index: int) -> bytes:
        """The bytes of event ``index`` of the chunk, without its separator."""
        offsets = self.encoded.offsets
        return bytes(self.encoded.body[offsets[index] : offsets[index + 1] - self.encoded.separator_bytes])

    def digest(self) -> int:
        """Sum modulo 2^128 of the XXH3 of each event."""
        high, low = self.encoded.digests
        return ((high[self.stop] - high[self.start] << 64) + low[self.stop] - low[self.start]) % DIGEST_MODULUS


@dataclass(frozen=True, slots=True)
class Batch:
    """What one request carries, and the spans of rows that its answer acknowledges.

    ``pieces`` may come from several chunks and files. ``spans`` cover every row that this batch settles: those of its
    events, the ``rejects`` of earlier stages and ``filtered`` rows between them. A batch without pieces acknowledges
    rows that gave no event. Of the filtered ones, so many were so because they are ``without_consent``.
    ``duplicates`` counts rows by source that are not sent because an earlier event has the id of theirs.
    """

    number: int
    pieces: tuple[Piece, ...]
    spans: tuple[Span, ...]
    rejects: tuple[Reject, ...] = ()
    filtered: int = 0
    without_consent: int = 0
    duplicates: Mapping[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of events."""
        return sum([piece.count for piece in self.pieces])

    @property
    def source_rows(self) -> int:
        """Number of source rows that the events were made of."""
        return sum(piece.source_rows for piece in self.pieces)

    def body(self, prefix: bytes, suffix: bytes) -> bytes:
        """The request body: prefix, events with separators between them, suffix. The one copy on the way out."""
        parts: list[bytes | memoryview] = [prefix, *[piece.body() for piece in self.pieces]]
        if self.pieces and (separator_bytes := self.pieces[-1].encoded.separator_bytes):
            parts[-1] = parts[-1][:-separator_bytes]
        return b"".join((*parts, suffix))

    def digest(self) -> int:
        """Sum modulo 2^128 over the events of the batch."""
        return sum([piece.digest() for piece in self.pieces]) % DIGEST_MODULUS

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
class Refusal:
    """An event that the destination would not take: the piece that is this event alone, and a reject for each row."""

    piece: Piece
    rejects: tuple[Reject, ...]


@dataclass(frozen=True, slots=True)
class Ack:
    """A batch whose every event has its final answer.

    ``refused`` are the events that the destination would not take; all others of ``batch`` were accepted.
    ``digest`` is the sum over the accepted ones. ``resent`` counts events that were sent more than once because an
    answer never came.
    """

    batch: Batch
    digest: int
    refused: tuple[Refusal, ...] = ()
    resent: int = 0

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """Every row of the batch that is not sent, whoever rejected it."""
        return (*self.batch.rejects, *(reject for refusal in self.refused for reject in refusal.rejects))


def joined_spans(spans: Iterable[Span]) -> list[Span]:
    """The same rows in as few spans as there are without another order: those that follow each other are one."""
    joined: list[Span] = []
    for span in spans:
        last = joined[-1] if joined else None
        if last is not None and last.source == span.source and last.stop == span.start:
            joined[-1] = Span(span.source, last.start, span.stop)
        else:
            joined.append(span)
    return joined


def rejects_within(rejects: tuple[Reject, ...], start: int, stop: int) -> tuple[Reject, ...]:
    """The part of ``rejects`` (in order, one source) whose numbers are in ``start`` to ``stop - 1``."""
    low = bisect_left(rejects, start, key=lambda reject: reject.number)
    high = bisect_left(rejects, stop, key=lambda reject: reject.number)
    return rejects[low:high]


def count_within(numbers: memoryview | tuple[int, ...], start: int, stop: int) -> int:
    """How many of ``numbers`` (increasing) are in ``start`` to ``stop - 1``."""
    return bisect_left(numbers, stop) - bisect_left(numbers, start)
