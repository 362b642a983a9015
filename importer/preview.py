"""The first events of an import beside the rows that each came from, reading no more than they need.

The events are made by the encoder of the run, so they are the bytes that a run would send. No checkpoint is touched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING

from importer.belt import chunk_input
from importer.checkpoint import OPEN_END
from importer.copies import without_twins
from importer.encoder import Encoder
from importer.outstanding import Work, member_of
from importer.records import Piece, Reject, Span, count_within, rejects_within
from importer.report import Snapshot
from importer.source.rows import SourceRow, source_rows
from importer.staging.gather import gather

if TYPE_CHECKING:
    from importer.plan import Plan, PlannedSource
    from importer.records import EncodedRows
    from importer.report import Progress
    from importer.source import Chunk

SHOWN_REJECTS = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """An event as a run would send it (JSON in UTF-8), and its rows in the order of the sources."""

    rows: tuple[SourceRow, ...]
    event: bytes


@dataclass(slots=True)
class Preview:
    """The first events, and what became of the ``rows_read``, which end with the last row that was needed.

    ``rejects`` are the first of the ``rejected`` rows; of the ``filtered`` ones, so many are ``without_consent``. With
    grouping (else 0), ``groups`` were looked for and have ``lines``, and ``broken`` counts records that may be further
    lines of theirs. ``twins`` are files that were left out, each with the one that has the same bytes.
    """

    samples: list[Sample] = field(default_factory=list)
    rows_read: int = 0
    filtered: int = 0
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)
    groups: int = 0
    lines: int = 0
    broken: int = 0
    twins: list[tuple[str, str]] = field(default_factory=list)
    without_consent: int = 0


def preview(plan: Plan, limit: int, progress: Progress) -> Preview:
    """The first ``limit`` events of ``plan``; those of the first ``limit`` groups, if it groups.

    Raises:
        SourceUnreadable: a source cannot be read as far as that.
    """
    found = Preview()
    if plan.document.mapping.group_by is not None:
        _look_at_groups(found, plan, limit, progress)
        return found
    for number, source in enumerate(plan.sources):
        encoder = _encoder(plan, source)
        for chunk in source.open(number).chunks([Span(number, 1, OPEN_END)]):
            _take(found, encoder.encode(chunk_input(Work(source, number, ()), chunk)), chunk, source, limit)
            progress.update(Snapshot(found.rows_read, plan.total_rows, len(found.samples), found.rejected))
            if len(found.samples) == limit:
                return found
    return found


def _look_at_groups(found: Preview, plan: Plan, limit: int, progress: Progress) -> None:
    source = plan.sources[0]
    members, twins = without_twins(map(member_of, plan.sources), lambda: None)
    gathered = gather(members, source.mapping, progress, first=limit)
    if gathered.chunk is not None:
        encoded = _encoder(plan, source).encode(chunk_input(Work(source, 0, ()), gathered.chunk))
        _take(found, encoded, gathered.chunk, source, limit)
    found.twins = [(copy.name, original.name) for copy, original in twins]
    found.groups, found.lines, found.broken = gathered.groups, found.rows_read, gathered.broken
    found.rows_read = gathered.rows_read
    found.filtered += gathered.filtered  # beside lines of groups without consent
    found.rejected += gathered.rejected
    found.rejects = [*gathered.rejects, *found.rejects][:SHOWN_REJECTS]


def _take(found: Preview, encoded: EncodedRows, chunk: Chunk, source: PlannedSource, limit: int) -> None:
    """Add the events of a chunk up to ``limit``, and count the rows up to the last one of them."""
    count = min(limit - len(found.samples), encoded.count)
    events = Piece(encoded, 0, count)
    numbers = [encoded.rows_of(index) for index in range(count)]
    rows = iter(source_rows(chunk, source.name, chain(*numbers), source.mapping.columns))
    for index, of_event in enumerate(numbers):
        found.samples.append(Sample(tuple(islice(rows, len(of_event))), events.event(index)))
    is_enough = len(found.samples) == limit and chunk.groups is None
    stop = encoded.rows_of(count - 1).stop if is_enough else encoded.span.stop
    rejects = rejects_within(encoded.rejects, encoded.span.start, stop)
    found.rows_read += stop - encoded.span.start
    found.rejected += len(rejects)
    found.rejects += rejects[: max(SHOWN_REJECTS - len(found.rejects), 0)]
    found.without_consent += count_within(encoded.without_consent, encoded.span.start, stop)
    found.filtered += stop - encoded.span.start - events.source_rows - len(rejects)


def _encoder(plan: Plan, source: PlannedSource) -> Encoder:
    return Encoder(source.mapping, plan.profile.framing.separator, plan.profile.max_item_bytes)
