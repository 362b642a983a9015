"""Greedy packing of encoded rows into batches, by exact bytes and by count. What does not fill a body is carried over.

Nothing is copied: a batch is a list of slices. Every row of a chunk belongs to exactly one batch: a batch takes the
spans from where the one before it ended to its own last event, with the filtered and rejected rows between.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from importer.records import Batch, EncodedRows, Piece, Reject, Span, count_within, rejects_within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.profiles import EndpointProfile

_MAX_OPEN_REJECTS = 5_000  # a body that waits for more events must not gather rejects without bound


class Batcher:
    """Packs chunks in the order in which they come. ``add`` gives the batches that are full, ``flush`` the last one."""

    def __init__(self, profile: EndpointProfile, max_body_bytes: int | None = None) -> None:
        framing = profile.framing
        limit = max_body_bytes or profile.max_body_bytes
        # each event brings its separator, and the last separator is cut off
        self._room_bytes = limit - len(framing.prefix) - len(framing.suffix) + len(framing.separator)
        self._max_items = profile.max_items
        self._number = 0
        self._start()

    def _start(self) -> None:
        self._pieces: list[Piece] = []
        self._spans: list[Span] = []
        self._rejects: list[Reject] = []
        self._without_consent = 0
        self._duplicates: dict[int, int] = {}
        self._bytes = 0
        self._items = 0

    def add(self, encoded: EncodedRows) -> Iterator[Batch]:
        """The batches that ``encoded`` completes."""
        position, row = 0, encoded.span.start
        while position < encoded.count:
            stop = self._fitting(encoded, position)
            if stop == position:
                yield self._close()
                continue
            next_row = encoded.rows_of(stop - 1).stop
            self._take(encoded, position, stop)
            self._settle(encoded, row, next_row)
            position, row = stop, next_row
            if position < encoded.count:
                yield self._close()
        self._settle(encoded, row, encoded.span.stop)
        if self._spans and (not self._pieces or len(self._rejects) > _MAX_OPEN_REJECTS):
            yield self._close()

    def flush(self) -> Iterator[Batch]:
        """The batch that is still open, if there is one."""
        if self._spans:
            yield self._close()

    def _fitting(self, encoded: EncodedRows, position: int) -> int:
        """The event behind the last one that still fits into the open batch."""
        offsets = encoded.offsets
        most = min(encoded.count, position + self._max_items - self._items)
        stop = bisect_right(offsets, offsets[position] + self._room_bytes - self._bytes, position, most + 1) - 1
        if stop == position and not self._pieces:
            raise ValueError(
                f"row {encoded.rows[position]} is larger than a request; the encoder should have rejected it"
            )
        return stop

    def _take(self, encoded: EncodedRows, start: int, stop: int) -> None:
        self._pieces.append(Piece(encoded, start, stop))
        self._bytes += encoded.offsets[stop] - encoded.offsets[start]
        self._items += stop - start

    def _settle(self, encoded: EncodedRows, start: int, stop: int) -> None:
        if start == stop:
            return
        source = encoded.span.source
        last = self._spans[-1] if self._spans else None
        if last is not None and last.source == source and last.stop == start:
            self._spans[-1] = Span(source, last.start, stop)
        else:
            self._spans.append(Span(source, start, stop))
        if encoded.rejects:
            self._rejects += rejects_within(encoded.rejects, start, stop)
        self._without_consent += count_within(encoded.without_consent, start, stop)
        if duplicates := count_within(encoded.duplicates, start, stop):
            self._duplicates[source] = self._duplicates.get(source, 0) + duplicates

    def _close(self) -> Batch:
        rows = sum([span.rows for span in self._spans])
        events = sum([piece.source_rows for piece in self._pieces])
        filtered = rows - events - len(self._rejects) - sum(self._duplicates.values())
        pieces, spans, rejects = tuple(self._pieces), tuple(self._spans), tuple(self._rejects)
        batch = Batch(self._number, pieces, spans, rejects, filtered, self._without_consent, self._duplicates)
        self._number += 1
        self._start()
        return batch
