"""The half that waits: a thread with the belt fills a bounded queue, senders empty it, answers are recorded."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from importer.errors import DestinationRefused, Interrupted, TooManyRejects
from importer.sender import Sender, Stopped
from importer.transport import AiohttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.ack import AckWriter
    from importer.belt import Belt
    from importer.plan import Plan
    from importer.records import Ack, Batch
    from importer.report import Progress, Report
    from importer.settings import Destination, RunSettings

QUEUE_PER_SENDER = 2
PROGRESS_SECONDS = 0.25
ALL_REJECTED_ROWS = 10_000
"""So many rows rejected and none sent: the mapping is wrong, and there is no use in rejecting the rest."""
_SHARE_NEEDS_ROWS = 10_000
PACE = 0.99
"""Requests leave a little slower than the rate, so that a server that sees them unevenly late does not see more."""
_GROUP = 32


@dataclass(slots=True)
class Stop:
    """A wish to stop gracefully. May be requested from a signal handler or another thread, once or many times."""

    signal_number: int | None = None
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    def request(self, signal_number: int = signal.SIGTERM) -> None:
        """Ask for the stop."""
        if self.signal_number is None:
            self.signal_number = signal_number
            for listener in list(self._listeners):
                listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` when a stop is requested, now if it was."""
        self._listeners.append(listener)
        if self.signal_number is not None:
            listener()

    def check(self) -> None:
        """Raise Interrupted if a stop was requested."""
        if self.signal_number is not None:
            raise Interrupted(self.signal_number)


class Wire:
    """The half that waits: a producer thread fills the bounded queue, senders empty it, answers are recorded."""

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
        self._failure: BaseException | None = None
        self._halted = threading.Event()
        self._made_rows = 0
        self._made_rejects = 0

    async def carry(self) -> None:
        """Send everything. Raises what stopped it, after all requests under way have their answer."""
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Batch | None] = asyncio.Queue(QUEUE_PER_SENDER * self._concurrency)
        profile, policy = self._plan.profile, self._settings.retry
        async with AiohttpTransport(self._destination, profile, policy, self._concurrency) as transport:
            self._sender = Sender(transport, profile, policy, _paced(self._settings.requests_per_second))
            self._stop.listen(self._halt_from_anywhere)
            watch = asyncio.create_task(self._watch())
            with ThreadPoolExecutor(1, thread_name_prefix="importer-columns") as columns:
                producer = self._loop.run_in_executor(columns, self._produce)
                await asyncio.gather(*(self._work() for _ in range(self._concurrency)))
                await producer
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        self._show()
        if self._failure is not None:
            raise self._failure

    def _halt_from_anywhere(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and everything with it
            self._loop.call_soon_threadsafe(self._halt)

    def _halt(self) -> None:
        self._halted.set()
        self._sender.stop()

    def _produce(self) -> None:
        """In its own thread: batches into the queue, announced before they can be sent."""
        try:
            group: list[Batch] = []
            for batch in self._belt.batches():
                if self._halted.is_set():
                    return
                self._check_made(batch)
                group.append(batch)
                if len(group) >= _GROUP:
                    self._hand_over(group)
                    group = []
            self._hand_over(group)
            if self._belt.ended:
                self._writer.finish_blocking(self._belt.ended)
        except BaseException as error:  # noqa: BLE001 -- carried to the loop, which raises it
            self._loop.call_soon_threadsafe(self._fail, error)
        finally:
            end = [None] * self._concurrency
            asyncio.run_coroutine_threadsafe(self._put(end), self._loop).result()

    def _check_made(self, batch: Batch) -> None:
        """Stop before a batch whose rejects are too many: neither it nor what follows is sent or recorded."""
        self._made_rows += sum(span.rows for span in batch.spans)
        self._made_rejects += len(batch.rejects)
        rejected = self._made_rejects + self._report.rejected_earlier
        known = self._made_rows + self._report.continued_rows
        if batch.rejects and _is_too_much(self._settings, rejected, known, at_end=False):
            first = batch.rejects[0]
            raise _too_many_rejects(rejected, known, f" For example {first.file}:{first.row}: {first.message}")

    def _hand_over(self, group: list[Batch]) -> None:
        if not group:
            return
        spans = [span for batch in group if batch.pieces for span in batch.spans]
        self._writer.announce_blocking(spans, self._belt.new_anchors())
        asyncio.run_coroutine_threadsafe(self._put(group), self._loop).result()

    async def _put(self, group: list[Batch] | list[None]) -> None:
        for batch in group:
            await self._queue.put(batch)

    async def _work(self) -> None:
        while (batch := await self._queue.get()) is not None:
            if self._halted.is_set():
                continue  # stays pending; taken out of the queue so that the producer is not left waiting
            try:
                await self._record(await self._sender.deliver(batch))
                if batch.pieces:
                    self._report.pack(self._plan.profile.framing.body_bytes(batch))
                self._check_fates()
            except Stopped:
                self._report.unanswered += batch.spans
            except BaseException as error:  # noqa: BLE001 -- the first error stops all, gracefully
                self._fail(error)

    async def _record(self, ack: Ack) -> None:
        """Acknowledge. What was answered and could not be recorded will be sent again, and has to count as such."""
        try:
            await self._writer.acknowledge(ack)
        except BaseException:
            self._report.unanswered += ack.batch.spans
            raise

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
