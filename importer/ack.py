"""The one writer: rejects to disk first, then spans, counts and digest in one transaction.

One thread owns checkpoint and rejects file. Whatever waits for it is written together (group commit), so that the cost
of a sync is shared by all senders. What it is given is never kept waiting for more.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING

from importer.checkpoint import Changes, Tally, total
from importer.errors import Imbalance, StateUnusable
from importer.records import DIGEST_MODULUS, Ack, Batch, Piece, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Self

    from importer.checkpoint import Anchor, Checkpoint
    from importer.rejects import RejectsFile
    from importer.report import Report

_GROUP = 256  # most jobs in one transaction: bounds how long the first of them waits


@dataclass(frozen=True, slots=True)
class _Job:
    announced: Sequence[Span] = ()
    anchors: Sequence[Anchor] = ()
    acks: Sequence[Ack] = ()
    total_rows: Mapping[int, int] = field(default_factory=dict)
    done: Future[None] = field(default_factory=Future)


class AckWriter:
    """Records announcements and acknowledgements; a method returns when its record is durable.

    ``report`` gets an acknowledged batch after it is durable, never before. Every method raises the error that ended
    the thread, usually :class:`StateUnusable`; nothing is recorded after one. A context manager: leaving it waits for
    all that was given, and gives checkpoint and rejects file back to the caller's thread.
    """

    def __init__(self, checkpoint: Checkpoint, rejects: RejectsFile, report: Report) -> None:
        self._checkpoint = checkpoint
        self._rejects = rejects
        self._report = report
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._gate = Lock()
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._run, name="importer-ack", daemon=True)

    def __enter__(self) -> Self:
        # Before the first reject is written the file has to be known as ours, or a crash would make it a stranger's.
        self._checkpoint.commit(Changes(rejects=(str(self._rejects.path), self._rejects.length)))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Wait until all that was given is written. What comes later is refused."""
        with self._gate:
            self._failure = self._failure or StateUnusable("The run has ended; nothing more can be recorded.")
        self._queue.put(None)
        self._thread.join()

    async def announce(self, spans: Sequence[Span], anchors: Sequence[Anchor] = ()) -> None:
        """Record that ``spans`` are about to be sent, and where reading can start again."""
        await self._asynchronous(_Job(announced=spans, anchors=anchors))

    async def acknowledge(self, *acks: Ack) -> None:
        """Record the fate of every row of the batches of ``acks``, in one transaction."""
        await self._asynchronous(_Job(acks=acks))

    async def finish(self, total_rows: Mapping[int, int]) -> None:
        """Record that the ends of sources were read, and how many rows each has, in one transaction."""
        await self._asynchronous(_Job(total_rows=total_rows))

    async def _asynchronous(self, job: _Job) -> None:
        await asyncio.wrap_future(self._submit(job))

    def _submit(self, job: _Job) -> Future[None]:
        job.done.set_running_or_notify_cancel()  # a waiter that is cancelled cannot take its record back
        with self._gate:
            if self._failure:
                raise self._failure
            self._queue.put(job)
        return job.done

    def _run(self) -> None:
        while self._write_group():
            pass

    def _write_group(self) -> bool:
        """Write all that waits, as soon as something does; whether there may be more."""
        jobs: list[_Job] = []
        try:
            if jobs := self._next_group():
                self._write(jobs)
            for job in jobs:
                job.done.set_result(None)
        except BaseException as error:  # noqa: BLE001 - whatever it is, every waiter has to hear it
            self._fail(error, jobs)
            return False
        return bool(jobs)

    def _next_group(self) -> list[_Job]:
        """All that waits, at least one job; empty at the end."""
        first = self._queue.get()
        return [first, *self._waiting()] if first else []

    def _waiting(self) -> Iterator[_Job]:
        """What waits right now, not more than fits into a group."""
        with suppress(Empty):
            for _ in range(_GROUP - 1):
                job = self._queue.get_nowait()
                if job is None:
                    self._queue.put(None)  # the end comes after what was given before it
                    return
                yield job

    def _write(self, jobs: list[_Job]) -> None:
        acks = joined([ack for job in jobs for ack in job.acks])
        if rejects := [reject for ack in acks for reject in ack.rejects]:
            self._rejects.append(rejects)
        changes = Changes(
            announced=[span for job in jobs for span in job.announced],
            acknowledged=[span for ack in acks for span in ack.batch.spans],
            total_rows={source: rows for job in jobs for source, rows in job.total_rows.items()},
            anchors=[anchor for job in jobs for anchor in job.anchors],
            rejects=(str(self._rejects.path), self._rejects.length) if rejects else None,
        )
        resent = [min(ack.batch.count, ack.resent + self._ambiguous_events(ack.batch)) for ack in acks]
        for ack, again in zip(acks, resent, strict=True):
            for source, tally in tallies(ack, again).items():
                changes.tallies[source] = changes.tallies.get(source, Tally()) + tally
        self._checkpoint.commit(changes)
        for ack, again in zip(acks, resent, strict=True):
            self._report.settle(ack, again)

    def _ambiguous_events(self, batch: Batch) -> int:
        """How many events of ``batch`` a run that was killed may have sent already."""
        return sum(
            len(_events_within(piece, span))
            for piece in batch.pieces
            for span in self._checkpoint.ambiguous_within(_row_span(piece))
        )

    def _fail(self, error: BaseException, jobs: list[_Job]) -> None:
        with self._gate:
            self._failure = error
        while waiting := list(self._waiting()):
            jobs += waiting
        for job in jobs:
            if not job.done.done():
                job.done.set_exception(error)


def joined(acks: Sequence[Ack]) -> list[Ack]:
    """The same fates in few acks: plain ones whose rows and events follow each other are one.

    So a thousand events that were sent alone are counted and recorded as one batch would be.
    """
    result: list[Ack] = []
    run: list[Ack] = []
    for ack in sorted(acks, key=lambda ack: ack.batch.number):
        if run and not (_is_plain(ack) and _is_plain(run[-1]) and _follows(ack.batch, run[-1].batch)):
            result.append(_as_one(run))
            run = []
        run.append(ack)
    return [*result, _as_one(run)] if run else result


def _is_plain(ack: Ack) -> bool:
    """Whether it is events of one chunk that were accepted at once, and rows that were filtered."""
    batch = ack.batch
    is_short = len(batch.pieces) == len(batch.spans) == 1
    return is_short and not (batch.rejects or batch.duplicates or ack.refused or ack.resent)


def _follows(batch: Batch, last: Batch) -> bool:
    """Whether the one piece and the one span of ``batch`` begin where those of ``last`` end."""
    piece, span = batch.pieces[0], batch.spans[0]
    piece_before, span_before = last.pieces[0], last.spans[0]
    return (
        piece.encoded is piece_before.encoded
        and piece.start == piece_before.stop
        and span.source == span_before.source
        and span.start == span_before.stop
    )


def _as_one(run: list[Ack]) -> Ack:
    first, last = run[0].batch, run[-1].batch
    if first is last:
        return run[0]
    batch = Batch(
        first.number,
        (Piece(first.pieces[0].encoded, first.pieces[0].start, last.pieces[0].stop),),
        (Span(first.spans[0].source, first.spans[0].start, last.spans[0].stop),),
        filtered=sum(ack.batch.filtered for ack in run),
        without_consent=sum(ack.batch.without_consent for ack in run),
    )
    return Ack(batch, sum(ack.digest for ack in run) % DIGEST_MODULUS)


def tallies(ack: Ack, resent: int) -> dict[int, Tally]:
    """What ``ack`` means for each of its sources. ``resent`` counts for the source of the first event.

    Raises :class:`Imbalance` if rows, digest or filtered rows of the batch contradict each other.
    """
    rows: Counter[int] = Counter()
    for span in ack.batch.spans:
        rows[span.source] += span.rows
    found = {source: _tally(ack, source, count) for source, count in rows.items()}
    if resent:
        first = ack.batch.pieces[0].encoded.span.source
        found[first] += Tally(resent=resent)
    whole = total(found.values())
    if whole.accepted + whole.refused != ack.batch.count or whole.filtered != ack.batch.filtered:
        raise Imbalance(
            f"Batch {ack.batch.number}: its events and filtered rows do not fit its spans {ack.batch.spans}."
        )
    if whole.digest != ack.digest:
        raise Imbalance(f"Batch {ack.batch.number}: the digest is not that of the accepted events.")
    return found


def _tally(ack: Ack, source: int, rows: int) -> Tally:
    pieces = [piece for piece in ack.batch.pieces if piece.encoded.span.source == source]
    refused = [refusal.piece for refusal in ack.refused if refusal.piece.encoded.span.source == source]
    sent = sum(piece.source_rows for piece in pieces) - sum(piece.source_rows for piece in refused)
    duplicate = ack.batch.duplicates.get(source, 0)
    stages = {reject.number: reject.stage for reject in ack.rejects if reject.source == source}
    return Tally(
        sent=sent,
        filtered=rows - sent - len(stages) - duplicate,
        duplicate=duplicate,
        rejected=Counter(stages.values()),
        accepted=sum(piece.count for piece in pieces) - len(refused),
        refused=len(refused),
        digest=(sum(piece.digest() for piece in pieces) - sum(piece.digest() for piece in refused)) % DIGEST_MODULUS,
    )


def _events_within(piece: Piece, span: Span) -> range:
    """Indexes of the events of ``piece`` whose rows are in ``span``."""
    rows = piece.encoded.rows
    low = bisect_left(rows, span.start, piece.start, piece.stop)
    return range(low, bisect_left(rows, span.stop, low, piece.stop))


def _row_span(piece: Piece) -> Span:
    rows = piece.encoded.rows
    return Span(piece.encoded.span.source, rows[piece.start], rows[piece.stop - 1] + 1)
