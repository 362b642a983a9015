"""Chunks cut so small that memory stays bounded, however long a row is, and whatever the mapping makes of it."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from importer.records import Span, rejects_within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.source.chunk import Chunk

MAX_CHUNK_BYTES = 20 * 1024 * 1024
"""Columns and events of a chunk together. What is in memory at the same time is some twelve times as much."""


class Cutter:
    """Cuts chunks to at most ``max_bytes`` of columns and events, going by the events of the chunks before.

    Before there is an event, as many bytes as the columns have are expected of them.
    """

    def __init__(self, max_bytes: int = MAX_CHUNK_BYTES) -> None:
        self._max_bytes = max_bytes
        self._event_bytes_a_row: float | None = None

    def note(self, rows: int, event_bytes: int) -> None:
        """From ``rows`` rows of a chunk came ``event_bytes`` of events."""
        if rows:
            self._event_bytes_a_row = event_bytes / rows

    def pieces(self, chunk: Chunk) -> Iterator[Chunk]:
        """``chunk`` in its order, cut between two rows, or between two groups; a group is never cut."""
        height = chunk.frame.height
        column_bytes = int(chunk.frame.estimated_size()) / max(height, 1)
        event_bytes = column_bytes if self._event_bytes_a_row is None else self._event_bytes_a_row
        count = ceil(height * (column_bytes + event_bytes) / self._max_bytes)
        most = ceil(
            height / max(count, 1)
        )  # pieces of one size: two halves take less memory than most of it and a rest
        low = 0
        while height - low > most and (high := _between_groups(chunk, low, low + most)) < height:
            yield _piece(chunk, low, high)
            low = high
        yield _piece(chunk, low, height)


def _between_groups(chunk: Chunk, low: int, high: int) -> int:
    """``high``, or in a chunk of groups the last place before it where one begins, else the end of its first group."""
    groups = chunk.groups
    if groups is None:
        return high
    start = int(groups.search_sorted(groups[high], side="left"))
    return start if start > low else int(groups.search_sorted(groups[low], side="right"))


def _piece(chunk: Chunk, low: int, high: int) -> Chunk:
    """Rows ``low`` to ``high - 1`` of the frame, and what stands before them in the span; the last one has the rest."""
    if low == 0 and high == chunk.frame.height:
        return chunk
    start = chunk.rows[low] if low else chunk.span.start
    stop = chunk.rows[high] if high < chunk.frame.height else chunk.span.stop
    rejects = rejects_within(chunk.rejects, start, stop)
    return replace(
        chunk,
        span=Span(chunk.span.source, start, stop),
        frame=chunk.frame[low:high],
        rows=chunk.rows[low:high],
        rejects=rejects,
        blank=stop - start - (high - low) - len(rejects),
        groups=None if chunk.groups is None else chunk.groups[low:high],
        file_rows=None if chunk.file_rows is None else chunk.file_rows[low:high],
        file_lines=None if chunk.file_lines is None else chunk.file_lines[low:high],
    )
