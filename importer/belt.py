"""The column half: sources to batches. It runs in one thread and knows nothing of sending."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from importer.batcher import Batcher
from importer.checkpoint import Anchor
from importer.encoder import ChunkInput, ConsentSeen, Encoder, Hours, Inspector
from importer.errors import PersonalDataFound
from importer.records import Batch, EncodedRows, Place, Span, rejects_within
from importer.report import Example
from importer.source import Cutter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from importer.duplicates import Identities
    from importer.left_out import LeftOut
    from importer.outstanding import Work
    from importer.plan import Plan
    from importer.report import Findings, Report
    from importer.source import Chunk

AHEAD = 2
"""Chunks that are encoded at the same time. Each costs its columns and its bytes: some 40 MB."""


class Belt:
    """Reads, encodes and packs. ``ended`` has the rows of the sources that were read to their end.

    ``now_ms`` is the present, in milliseconds since 1970. With ``is_guarded``, nothing is given out from where personal
    data was found that no target is declared to carry. ``identities`` takes the ids of all events, by the order of the
    works; ``left_out`` are events that are not to be sent.
    """

    def __init__(
        self,
        plan: Plan,
        works: Sequence[Work],
        now_ms: int,
        *,
        is_guarded: bool = False,
        identities: Identities | None = None,
        left_out: LeftOut | None = None,
    ) -> None:
        self.works = works
        self._now_ms = now_ms
        self._is_guarded = is_guarded
        self._identities = identities
        self._left_out = left_out
        self._orders = {work.number: order for order, work in enumerate(works)}
        self._is_strict = plan.settings.strict
        self._timezone = plan.document.mapping.timezone or "UTC"
        self.ended: dict[int, int] = {}
        self.rows_read = 0
        self._profile = plan.profile
        self._batcher = Batcher(plan.profile)
        self._encoders: dict[int, Encoder] = {}
        self._cutters: dict[int, Cutter] = {}
        self._events_left = plan.settings.limit
        self._read: dict[int, list[Span]] = {}
        self._anchors: deque[Anchor] = deque()  # filled by the thread that reads

    def encode_all(self) -> Iterator[None]:
        """Everything, for what the encoders and ``identities`` see on the way; a pause behind each chunk."""
        for work in self.works:
            for _ in self._encoded(work):
                yield

    def batches(self) -> Iterator[Batch]:
        """Everything that is still to do, in the order of the sources."""
        for work in self.works:
            for encoded in self._encoded(work):
                yield from self._batcher.add(encoded)
            if self._events_left == 0:
                break
        yield from self._batcher.flush()

    def new_anchors(self) -> list[Anchor]:
        """Where reading can start again, as found since the last call."""
        return [self._anchors.popleft() for _ in range(len(self._anchors))]

    def read_spans(self, number: int) -> list[Span]:
        """The rows of a source that were read in this run."""
        return self._read.get(number, [])

    def note(self, report: Report) -> None:
        """Add sizes, warnings and the first and last time to ``report``, and whether ``--limit`` left rows unread."""
        report.is_limited = self._events_left == 0
        encoders, hours = self._encoders.values(), Hours()
        for encoder in encoders:
            report.sizes.add(encoder.sizes.items())
            report.warnings.merge(encoder.findings)
            report.coverage.add(encoder.seen.events, encoder.seen.coverage, encoder.seen.entries)
            report.warnings.merge(encoder.seen.findings)
            report.personal |= encoder.seen.personal
            hours.merge(encoder.hours)
        report.times = hours.times(self._timezone, self._now_ms)
        for oddity in report.times.oddities():
            report.warnings.note(oddity.rule, [Example((0, 0), "", oddity.message)], oddity.events)
        _note_consent(report, [encoder.consent for encoder in encoders if encoder.consent is not None])
        report.oldest_ms = min((one.oldest_ms for one in encoders if one.oldest_ms is not None), default=None)
        report.newest_ms = max((one.newest_ms for one in encoders if one.newest_ms is not None), default=None)

    def _encoded(self, work: Work) -> Iterator[EncodedRows]:
        encoder = self._encoder(work)
        reader = work.source.open(work.number)
        chunks = reader.chunks(work.missing, work.anchors)
        pieces = (piece for chunk in chunks for piece in self._cutter(work).pieces(self._anchored(work, chunk)))
        inputs = (chunk_input(work, piece, self._left_out) for piece in pieces)
        # with a limit nothing is encoded in advance: it would be counted, and thrown away
        for encoded in encode_ahead(encoder.encode, inputs, AHEAD if self._events_left is None else 0):
            self._cutter(work).note(encoded.span.rows, len(encoded.body))
            if self._is_guarded and encoder.seen.personal:
                raise personal_data_found(encoder.seen.findings, encoder.seen.personal)
            encoded = self._limited(encoded)  # noqa: PLW2901 -- the same rows, perhaps fewer
            self._count(encoded.span)
            if self._identities is not None:
                self._identities.add(self._orders[work.number], encoded)
            yield encoded
            if self._events_left == 0:
                return
        if reader.total_rows is not None:
            self.ended[work.number] = reader.total_rows

    def _anchored(self, work: Work, chunk: Chunk) -> Chunk:
        if chunk.anchor is not None:
            self._anchors.append(Anchor(work.number, chunk.anchor.row, chunk.anchor.offset, chunk.anchor.line))
        return chunk

    def _cutter(self, work: Work) -> Cutter:
        return self._cutters.setdefault(id(work.source.mapping), Cutter())

    def _encoder(self, work: Work) -> Encoder:
        mapping = work.source.mapping
        if id(mapping) not in self._encoders:
            profile = self._profile
            self._encoders[id(mapping)] = Encoder(
                mapping,
                profile.framing.separator,
                profile.max_item_bytes,
                Inspector(mapping, self._now_ms),
                strict=self._is_strict,
                tells_ids=self._identities is not None,
            )
        return self._encoders[id(mapping)]

    def _count(self, span: Span) -> None:
        self.rows_read += span.rows
        spans = self._read.setdefault(span.source, [])
        if spans and spans[-1].stop == span.start:
            spans[-1] = Span(span.source, spans[-1].start, span.stop)
        else:
            spans.append(span)

    def _limited(self, encoded: EncodedRows) -> EncodedRows:
        """``encoded`` up to the last event that ``--limit`` allows; the rows behind it count as not read."""
        if self._events_left is None:
            return encoded
        if encoded.count <= self._events_left:
            self._events_left -= encoded.count
            return encoded
        count, self._events_left = self._events_left, 0
        stop = encoded.rows_of(count - 1).stop
        span = Span(encoded.span.source, encoded.span.start, stop)
        rejects = rejects_within(encoded.rejects, span.start, stop)
        stops = None if encoded.stops is None else encoded.stops[:count]
        offsets = encoded.offsets[: count + 1]
        return replace(encoded, span=span, rows=encoded.rows[:count], stops=stops, offsets=offsets, rejects=rejects)


def personal_data_found(findings: Findings, names: Iterable[str]) -> PersonalDataFound:
    """What stops a run with ``--strict``: where what was found, and its first example."""
    lines = [
        f"  {example.file}:{example.order[1]}: {example.message}"
        for name in sorted(names)
        for example in findings[name].examples[:1]
    ]
    message = "\n".join(["There is personal data in targets that are not declared to carry it:", *lines])
    return PersonalDataFound(message, "Mend the mapping; or run without --strict, if this is meant to be sent.")


def _note_consent(report: Report, seen: Sequence[ConsentSeen]) -> None:
    """Say what consent was required, and warn if no row of any source had it."""
    if seen:
        whole = ConsentSeen(seen[0].consent)
        for one in seen:
            whole.merge(one)
        whole.note(report.warnings)
        report.consent = whole.consent.require


def encode_ahead(
    encode: Callable[[ChunkInput], EncodedRows], inputs: Iterator[ChunkInput], ahead: int
) -> Iterator[EncodedRows]:
    """``encode`` of each input, in order, at most ``ahead`` at the same time, while the next input is being read.

    One chunk keeps one core busy, and what reads or packs must not keep the encoders waiting.
    """
    if not ahead:
        yield from map(encode, inputs)
        return
    with (
        ThreadPoolExecutor(1, thread_name_prefix="importer-read") as reader,
        ThreadPoolExecutor(ahead, thread_name_prefix="importer-encode") as encoders,
    ):
        waiting: deque[Future[EncodedRows]] = deque()
        upcoming = reader.submit(next, inputs, None)
        while (item := upcoming.result()) is not None:
            waiting.append(encoders.submit(encode, item))
            del item  # in a moment the encoder is the only one that has it
            upcoming = reader.submit(next, inputs, None)
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def chunk_input(work: Work, chunk: Chunk, left_out: LeftOut | None = None) -> ChunkInput:
    """What the encoder needs of ``chunk``, which a reader of the source of ``work`` gave."""
    name = work.source.name
    return ChunkInput(
        span=chunk.span,
        file=name,
        path=str(work.source.path),
        frame=chunk.frame,
        rows=chunk.rows,
        rejects=chunk.rejects,
        place_of=chunk.places or (lambda row: Place(name, row, chunk.line_of(row))),
        groups=chunk.groups,
        file_rows=chunk.file_rows,
        repeats=left_out.within(chunk.span) if left_out is not None else None,
    )
