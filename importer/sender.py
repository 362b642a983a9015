"""One batch in, its final answer out: limiter, transport, verdict, then accept, halve, retry or refuse.

The consumer declares what it needs: :class:`Transport`. Many workers call :meth:`Sender.deliver` of one sender at the
same time and share its pace, its pauses, its patience and what it has learnt about the destination.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random as random_module
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from importer.errors import DestinationRefused, DestinationUnavailable
from importer.limiter import Limiter
from importer.profiles import Action, Verdict
from importer.records import DIGEST_MODULUS, Ack, Reject, Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from importer.profiles import EndpointProfile
    from importer.records import Batch, Response
    from importer.settings import RetryPolicy

log = logging.getLogger(__name__)

DOWN_AFTER_FAILURES = 8
"""So many failures without a success between them, over all workers, and the destination counts as down. With a
third of the requests failing at random that is one run of failures in 6,500."""

DOUBT_AFTER_CULPRITS = 16
"""So many events refused alone and none ever accepted, and no further request is spent on finding more."""

EVIDENCE_SECONDS = 2.0
"""How long an acceptance is waited for, with no request under way, before everything counts as refused."""

FINISH_SECONDS = 5.0
"""What a stop leaves to a batch of which a part was accepted, because stopping there would repeat that part."""

_DIGEST_BYTES = 16


class NoAnswer(Exception):  # noqa: N818  named for what happened, as every exception of the importer
    """No usable answer came back. ``sent``: bytes of the request may have reached the destination."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class Stopped(Exception):  # noqa: N818  no error
    """The batch was left unsettled because a stop was asked for; its rows stay pending."""


class Transport(Protocol):
    """Carries one request and brings its answer; decides nothing."""

    async def send(self, request: Request) -> Response:
        """The answer to ``request``.

        Raises:
            NoAnswer: nothing usable came back; worth another try.
            DestinationRefused: the destination cannot be trusted with the payload; nothing of it was sent.
        """


@dataclass(slots=True)
class Traffic:
    """What went over the wire so far.

    ``requests`` counts all attempts, ``retries`` those among them that repeat a body. ``accepted`` and ``resent``
    count events; ``resent`` those whose body was sent again after an attempt that may have stored it (no answer, 408,
    5xx; not 429, which says that nothing was processed). ``statuses`` counts answers, ``unanswered`` what had none.
    """

    requests: int = 0
    retries: int = 0
    bytes_sent: int = 0
    accepted: int = 0
    resent: int = 0
    unanswered: int = 0
    statuses: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class _Delivery:
    """One batch under way. ``culprits`` maps the index of an event that stood alone to its reject."""

    batch: Batch
    culprits: dict[int, Reject] = field(default_factory=dict)
    resent: set[int] = field(default_factory=set)
    accepted_some: bool = False

    def part(self, events: range) -> Batch:
        if len(events) == self.batch.count:
            return self.batch
        return self.batch._events(events.start, events.stop)  # noqa: SLF001  what ``halves`` cuts with

    def refuse(self, index: int, verdict: Verdict) -> None:
        (piece,) = self.part(range(index, index + 1)).pieces
        encoded, event = piece.encoded, piece.event(piece.start).decode()
        self.culprits[index] = Reject(
            source=encoded.span.source,
            file=encoded.file,
            row=encoded.rows[piece.start],
            line=0,
            stage="destination",
            code=verdict.code,
            message=f"The destination refuses this event: {verdict.reason}",
            event=event,
        )

    def ack(self) -> Ack:
        refused = tuple(self.culprits[index] for index in sorted(self.culprits))
        digest = self.batch.digest() - sum(_digest(reject) for reject in refused)
        return Ack(self.batch, digest % DIGEST_MODULUS, refused, len(self.resent))


class Sender:
    """Delivers batches until the destination has decided about every event.

    ``clock`` is the clock of the event loop in seconds, ``random`` draws from [0, 1), ``now`` is the wall clock (only
    for ``Retry-After`` dates). ``traffic`` may be read at any time.
    """

    def __init__(  # noqa: PLR0913  the three last ones exist for tests
        self,
        transport: Transport,
        profile: EndpointProfile,
        policy: RetryPolicy,
        requests_per_second: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random_module.random,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.traffic = Traffic()
        self._transport = transport
        self._profile = profile
        self._policy = policy
        self._limiter = Limiter(requests_per_second, clock=clock)
        self._clock = clock
        self._random = random
        self._now = now

        self._failures = 0  # in a row, over all workers
        self._failed_probes = 0
        self._failing_since: float | None = None
        self._last_failure = ""
        self._probe = asyncio.Lock()

        self._trusted = False  # whether the destination ever accepted an event
        self._refused_alone = 0  # events, as long as it has not
        self._delivering = 0
        self._doubting = 0  # deliveries that wait for an acceptance by another one

        self._stopped_at: float | None = None
        self._waits: set[asyncio.Timeout] = set()

    def stop(self) -> None:
        """Begin nothing more: requests under way are awaited, everything that waits ends with :class:`Stopped`."""
        if self._stopped_at is None:
            self._stopped_at = self._clock()
        for wait in self._waits:
            wait.reschedule(0)  # long ago: wakes it up, to find out about the stop

    async def deliver(self, batch: Batch) -> Ack:
        """Send ``batch`` until every event is accepted or refused.

        A request that is refused is halved until each culprit stands alone: at most 2 log2 n + 2 more requests for
        one culprit among n events; what was accepted is not sent again. As long as the destination has accepted
        nothing at all, a refusal of everything is not blamed on the events: about 50 requests for one batch, and then
        :class:`DestinationRefused`.

        Raises:
            Stopped: :meth:`stop` was called and the batch is not settled; none of its rows may be acknowledged.
            DestinationRefused: credentials, address, envelope or mapping are wrong.
            DestinationUnavailable: no usable answer for longer than the patience of the policy.
        """
        delivery = _Delivery(batch)
        self._delivering += 1
        try:
            if batch.count:
                await self._settle(delivery)
        finally:
            self._delivering -= 1
        return delivery.ack()

    async def _settle(self, delivery: _Delivery) -> None:
        parts = [range(delivery.batch.count)]
        while parts:
            # Level by level, so that both halves were tried before anything concludes from the refusal of one.
            refused = [part for part in parts if not await self._taken(delivery, part)]
            parts = [smaller for part in refused for smaller in self._split(part, delivery)]
        if delivery.culprits:
            await self._need_an_acceptance(delivery)

    def _split(self, part: range, delivery: _Delivery) -> list[range]:
        """Smaller parts of a refused one; none of a lone event.

        A halved batch needs log2 n refusals before the first event stands alone. Where nothing was ever accepted, the
        middle event is asked for alone, so that few requests give events from everywhere in the batch.
        """
        middle = len(part) // 2
        if len(part) == 1:
            return []
        if self._trusted or len(part) == delivery.batch.count or len(part) == 2:  # noqa: PLR2004  a pair has no middle
            return [part[:middle], part[middle:]]
        return [half for half in (part[middle : middle + 1], part[:middle], part[middle + 1 :]) if half]

    async def _taken(self, delivery: _Delivery, part: range) -> bool:
        """Whether the destination accepted ``part``; a lone event that it did not accept is noted as a culprit."""
        verdict = await self._answer(delivery, part)
        if verdict.action is Action.REFUSE:
            raise DestinationRefused(f"The destination answers {verdict.reason}.", verdict.hint)
        if verdict.action is Action.ACCEPT:
            self._trusted = delivery.accepted_some = True
            self.traffic.accepted += len(part)
            return True
        if len(part) == 1:
            delivery.refuse(part.start, verdict)
            self._refused_alone += 1
        if self._refused_alone >= DOUBT_AFTER_CULPRITS:
            await self._need_an_acceptance(delivery)
        return False

    async def _need_an_acceptance(self, delivery: _Delivery) -> None:
        """Return once the destination has accepted anything of any batch; refuse when nobody is left who could tell.

        The refusal of single events says something about them only at a destination that accepts others.
        """
        self._doubting += 1
        try:
            patient_until = self._clock() + EVIDENCE_SECONDS
            while not self._trusted:
                if self._doubting < self._delivering:
                    patient_until = self._clock() + EVIDENCE_SECONDS
                elif self._clock() >= patient_until:
                    raise _everything_refused(delivery)
                await self._pause(EVIDENCE_SECONDS / 10, delivery)
        finally:
            self._doubting -= 1

    async def _answer(self, delivery: _Delivery, part: range) -> Verdict:
        """Send ``part`` until the answer is a decision."""
        framing = self._profile.framing
        request = Request(delivery.part(part).body(framing.prefix, framing.suffix))
        failures, may_be_stored = 0, False
        while True:
            if failures and not self._is_down:
                await self._pause(self._backoff(failures), delivery)
            async with self._probe if self._is_down else nullcontext():
                if self._is_down:
                    await self._pause(self._backoff(max(failures, self._failed_probes)), delivery)
                await self._unless_over(self._limiter.acquire, delivery)
                if failures:
                    self.traffic.retries += 1
                if may_be_stored:
                    self._note_resent(delivery, part)
                verdict = await self._attempt(request)
            if verdict.action is not Action.RETRY:
                return verdict
            failures += 1
            may_be_stored = may_be_stored or verdict.ambiguous

    async def _attempt(self, request: Request) -> Verdict:
        self.traffic.requests += 1
        self.traffic.bytes_sent += len(request.body)
        try:
            response = await self._transport.send(request)
        except NoAnswer as error:
            self.traffic.unanswered += 1
            verdict = Verdict(Action.RETRY, str(error), code="no_answer", ambiguous=error.sent)
        else:
            self.traffic.statuses[response.status] += 1
            verdict = self._profile.verdict(response, self._now())
        if verdict.action is Action.RETRY:
            self._note_failure(verdict)
        else:
            self._note_answer()
        return verdict

    @property
    def _is_down(self) -> bool:
        return self._failures >= DOWN_AFTER_FAILURES

    def _note_failure(self, verdict: Verdict) -> None:
        if self._failing_since is None:
            self._failing_since = self._clock()
        self._last_failure = verdict.reason
        if self._is_down:
            self._failed_probes += 1
        self._failures += 1
        if self._failures == DOWN_AFTER_FAILURES:
            log.warning("The destination is down (%s); one request at a time until it answers.", verdict.reason)
        if verdict.retry_after_seconds:
            self._obey(verdict.retry_after_seconds)

    def _note_answer(self) -> None:
        if self._is_down and self._failing_since is not None:
            log.warning("The destination answers again after %.0f s.", self._clock() - self._failing_since)
        self._failures = self._failed_probes = 0
        self._failing_since = None

    def _note_resent(self, delivery: _Delivery, part: range) -> None:
        before = len(delivery.resent)
        delivery.resent.update(part)
        self.traffic.resent += len(delivery.resent) - before

    def _obey(self, retry_after_seconds: float) -> None:
        cap = self._policy.max_retry_after_seconds
        if retry_after_seconds > cap:
            log.warning("The destination asks for a pause of %.0f s; only %.0f s are kept.", retry_after_seconds, cap)
        self._limiter.pause(min(retry_after_seconds, cap))

    def _backoff(self, failures: int) -> float:
        """Exponential with full jitter: uniform between nothing and the bound that doubles with each failure."""
        doublings = min(failures - 1, 62)  # beyond any bound in use, within a float
        bound = min(self._policy.base_backoff_seconds * 2.0**doublings, self._policy.max_backoff_seconds)
        return self._random() * bound

    async def _pause(self, seconds: float, delivery: _Delivery) -> None:
        until = self._clock() + seconds
        await self._unless_over(lambda: asyncio.sleep(until - self._clock()), delivery)

    async def _unless_over(self, wait: Callable[[], Awaitable[None]], delivery: _Delivery) -> None:
        """Await ``wait()``, but no longer than stop and patience allow."""
        while True:
            deadline = self._deadline(delivery)
            left = None if deadline is None else deadline - self._clock()
            timeout = asyncio.timeout(left)
            self._waits.add(timeout)
            try:
                async with timeout:
                    return await wait()
            except TimeoutError:
                continue  # either over, which _deadline says, or the destination has answered meanwhile
            finally:
                self._waits.discard(timeout)

    def _deadline(self, delivery: _Delivery) -> float | None:
        """When waiting ends, ``None`` for never.

        Raises:
            Stopped: a stop was asked for.
            DestinationUnavailable: the patience is spent.
        """
        deadlines = []
        if self._stopped_at is not None:
            deadlines.append(self._stopped_at + (FINISH_SECONDS if delivery.accepted_some else 0))
            if self._clock() >= deadlines[-1]:
                raise Stopped
        if self._failing_since is not None:
            deadlines.append(self._failing_since + self._policy.patience_seconds)
            if self._clock() >= deadlines[-1]:
                raise self._unavailable()
        return min(deadlines, default=None)

    def _unavailable(self) -> DestinationUnavailable:
        return DestinationUnavailable(
            f"No usable answer from the destination for {self._policy.patience_seconds:.0f} s, "
            f"the last try: {self._last_failure}.",
            "Run the same command to resume; what was not acknowledged stays pending.",
        )


def _digest(reject: Reject) -> int:
    event = (reject.event or "").encode()
    return int.from_bytes(hashlib.sha256(event).digest()[:_DIGEST_BYTES], "big")


def _everything_refused(delivery: _Delivery) -> DestinationRefused:
    first = delivery.culprits[min(delivery.culprits)] if delivery.culprits else None
    example = f", first of all {first.file} row {first.row}. {first.message}" if first else ""
    return DestinationRefused(
        f"The destination refuses every event, alone or together{example}: the envelope or the mapping is wrong.",
        "Look at the events with `importer preview` and check --url and --endpoint. No row was marked as sent.",
    )
