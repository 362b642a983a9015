"""The half that waits: a thread runs the belt, whose batches fill a bounded queue, and senders empty it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from importer.errors import DestinationRefused, TooManyRejects
from importer.recorder import Recorder
from importer.records import joined_spans
from importer.sender import Sender, Stopped, Transport
from importer.transport import AiohttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Sequence
    from contextlib import AbstractAsyncContextManager

    from importer.ack import AckWriter
    from importer.belt import Belt
    from importer.plan import Plan
    from importer.profiles import EndpointProfile
    from importer.records import Ack, Batch
    from importer.report import Progress, Report
    from importer.settings import Destination, RetryPolicy, RunSettings
    from importer.stop import Stop

QUEUE_PER_SENDER = 2
PROGRESS_SECONDS = 0.25
ALL_REJECTED_ROWS = 10_000
"""So many rows rejected and none sent: the mapping is wrong, and there is no use in rejecting the rest."""
_SHARE_NEEDS_ROWS = 10_000
PACE = 0.99
"""Requests leave a little slower than the rate, so that a server that sees them unevenly late does not see more."""
_GROUP = 8
"""So many batches at least are announced together, and wait for that in memory,"""
_GROUP_EVENTS = 256
"""and so many events: a sync of the disk for eight single events would cost more than to send them."""


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Outside:
    """What a run needs of the world besides files. Tests put a network and a time of their own in its place.

    ``transport`` opens a way to the destination, ``run_loop`` runs a coroutine to its end in an event loop, whose clock
    is the one that all waits go by. ``now`` is the wall clock (aware); ``random`` draws from [0, 1).
    """

    transport: Callable[[Destination, EndpointProfile, RetryPolicy, int], AbstractAsyncContextManager[Transport]] = (
        AiohttpTransport
    )
    run_loop: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run
    now: Callable[[], datetime] = utc_now
    random: Callable[[], float] = random.random


class Wire:
    """The half that waits: a producer fills the bounded queue, senders empty it, answers are recorded."""

    def __init__(
        self,
        plan: Plan,
        destination: Destination,
        belt: Belt,
        writer: AckWriter,
        report: Report,
        progress: Progress,
        stop: Stop,
        total_rows: int | None,
    ) -> None:
        self._plan = plan
        self._total_rows = total_rows
        self._settings = plan.settings
        self._destination = destination
        self._belt = belt
        self._writer = writer
        self._report = report
        self._progress = progress
        self._stop = stop
        self._concurrency = plan.settings.concurrency or plan.profile.concurrency
        self._few = QUEUE_PER_SENDER * self._concurrency
        self._failure: BaseException | None = None
        self._halted = threading.Event()
        self._made_rows = 0
        self._made_rejects = 0

    async def carry(self, outside: Outside) -> None:
        """Send everything. Raises what stopped it, after all requests under way have their answer."""
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Batch | None] = asyncio.Queue()  # bounded by what waits for room
        self._room = asyncio.Event()
        profile, policy = self._plan.profile, self._settings.retry
        async with outside.transport(self._destination, profile, policy, self._concurrency) as transport:
            self._sender = self._new_sender(transport, outside)
            self._recorder = Recorder(
                self._writer,
                max(self._concurrency // 2, 1),  # the other half goes on meanwhile
                is_paced=self._sender.is_paced,
                recorded=self._recorded,
                failed=self._unrecorded,
            )
            self._stop.listen(self._halt_from_anywhere)
            watch = asyncio.create_task(self._watch())
            recording = asyncio.create_task(self._recorder.run())
            await asyncio.gather(self._produce(), *(self._work() for _ in range(self._concurrency)))
            self._recorder.end()
            await recording
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        self._show()
        self._report.doubtful += self._sender.doubtful
        if self._failure is not None:
            raise self._failure

    def _new_sender(self, transport: Transport, outside: Outside) -> Sender:
        return Sender(
            transport,
            self._plan.profile,
            self._settings.retry,
            _paced(self._settings.requests_per_second),
            clock=self._loop.time,
            random=outside.random,
            now=outside.now,
            accepted_before=self._report.accepted_earlier > 0,
            stops_in_doubt=self._settings.ambiguous == "stop",
        )

    def _halt_from_anywhere(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and everything with it
            self._loop.call_soon_threadsafe(self._halt)

    def _halt(self) -> None:
        self._halted.set()
        self._sender.stop()

    async def _produce(self) -> None:
        try:
            await self._fill()
        except BaseException as error:  # noqa: BLE001 -- the first error stops all, gracefully
            self._fail(error)
        for _ in range(self._concurrency):
            self._queue.put_nowait(None)

    async def _fill(self) -> None:
        """Batches into the queue, announced before they can be sent. The belt goes on meanwhile, in its own thread."""
        groups = self._groups()
        with ThreadPoolExecutor(1, thread_name_prefix="importer-columns") as columns:
            in_thread = partial(self._loop.run_in_executor, columns)
            upcoming = in_thread(next, groups, None)
            try:
                while group := await upcoming:
                    upcoming = in_thread(next, groups, None)
                    await self._hand_over(group)
                if self._belt.ended:
                    await self._writer.finish(self._belt.ended)
            finally:
                await asyncio.wait([upcoming])
                upcoming.exception()  # is told by the loop above, or comes behind what ended it
                await in_thread(groups.close)

    def _groups(self) -> Generator[list[Batch]]:
        """What the belt gives, some batches at a time, until a halt."""
        group: list[Batch] = []
        events = 0  # rows without an event count as much: their fates are to be recorded as soon
        for batch in self._belt.batches():
            if self._halted.is_set():
                return
            self._check_made(batch)
            group.append(batch)
            events += batch.count or _GROUP_EVENTS
            if len(group) >= _GROUP and events >= _GROUP_EVENTS:
                yield group
                group, events = [], 0
        if group:
            yield group

    def _check_made(self, batch: Batch) -> None:
        """Stop before a batch whose rejects are too many: neither it nor what follows is sent or recorded."""
        self._made_rows += sum(span.rows for span in batch.spans)
        self._made_rejects += len(batch.rejects)
        rejected = self._made_rejects + self._report.rejected_earlier
        known = self._made_rows + self._report.continued_rows
        if batch.rejects and _is_too_much(self._settings, rejected, known, at_end=False):
            first = batch.rejects[0]
            raise _too_many_rejects(rejected, known, f" For example {first.file}:{first.row}: {first.message}")

    async def _hand_over(self, group: list[Batch]) -> None:
        """Announce ``group`` and queue it, once the queue is as good as empty."""
        while self._queue.qsize() > self._few:
            self._room.clear()
            await self._room.wait()
        spans = joined_spans(span for batch in group if batch.pieces for span in batch.spans)
        await self._writer.announce(spans, self._belt.new_anchors())
        for batch in group:
            self._queue.put_nowait(batch)

    async def _work(self) -> None:
        while (batch := await self._queue.get()) is not None:
            if self._queue.qsize() <= self._few:
                self._room.set()
            if self._halted.is_set():
                continue  # stays pending; taken out of the queue so that the producer is not left waiting
            try:
                await self._recorder.record(await self._sender.deliver(batch))
            except Stopped:
                pass  # its rows stay pending
            except BaseException as error:  # noqa: BLE001 -- the first error stops all, gracefully
                self._fail(error)

    def _recorded(self, acks: Sequence[Ack]) -> None:
        """The fate of these batches is durable."""
        body_bytes = self._plan.profile.framing.body_bytes
        try:
            for ack in acks:
                if ack.batch.pieces:
                    self._report.pack(body_bytes(ack.batch))
            self._check_fates()
        except BaseException as error:  # noqa: BLE001 -- as any other error
            self._fail(error)

    def _unrecorded(self, acks: Sequence[Ack], error: BaseException) -> None:
        """These batches were answered. What cannot be recorded will be sent again."""
        for ack in acks:
            if ack.batch.pieces:
                self._report.doubtful += ack.batch.spans
        self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._halt()

    def _check_fates(self) -> None:
        check_rejects(self._report, self._settings, at_end=False)
        rows, is_replay = self._report.rows, any(source.is_replay for source in self._plan.sources)
        if rows.rejected >= ALL_REJECTED_ROWS and not is_replay and rows.sent == rows.filtered == rows.skipped == 0:
            raise DestinationRefused(
                f"The first {rows.rejected:,} rows were all rejected, so the mapping is wrong for this source.",
                f"Look into {self._report.rejects} or run `importer validate`; then run again with --again.",
            )

    async def _watch(self) -> None:
        while True:
            self._show()
            await asyncio.sleep(PROGRESS_SECONDS)

    def _show(self) -> None:
        traffic = self._sender.traffic
        self._report.requests, self._report.retries = traffic.requests, traffic.retries
        self._report.bytes_sent = traffic.bytes_sent
        self._progress.update(self._report.snapshot(self._total_rows))


def check_destination(plan: Plan, destination: Destination) -> None:
    """Raise :class:`UsageInvalid` for a proxy or certificates that cannot be used, before anything is done."""
    AiohttpTransport(destination, plan.profile, plan.settings.retry, 1)


def _paced(requests_per_second: float | None) -> float | None:
    return requests_per_second * PACE if requests_per_second is not None else None


def check_rejects(report: Report, settings: RunSettings, *, at_end: bool) -> None:
    """Raise TooManyRejects if more rows were rejected than ``--max-rejects`` allows."""
    rejected, known = report.rows.rejected + report.rejected_earlier, report.rows.settled + report.continued_rows
    if _is_too_much(settings, rejected, known, at_end=at_end):
        raise _too_many_rejects(rejected, known, f" Look into {report.rejects}.")


def _is_too_much(settings: RunSettings, rejected: int, known: int, *, at_end: bool) -> bool:
    """Whether ``rejected`` of ``known`` rows exceed the limit. A share means little before some rows are known."""
    limit = settings.max_rejects
    if limit is None or (limit.is_percentage and not at_end and known < _SHARE_NEEDS_ROWS):
        return False
    return limit.exceeded(rejected, known)


def _too_many_rejects(rejected: int, known: int, example: str) -> TooManyRejects:
    return TooManyRejects(
        f"{rejected:,} of {known:,} rows are rejected, more than --max-rejects allows.{example}",
        "If the mapping is wrong, mend it and send all again with --again (ids stay the same); if the rows are, "
        "allow more. `importer validate` shows every reject before anything is sent.",
    )
