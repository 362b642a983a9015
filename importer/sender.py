"""One batch in, its final answer out: limiter, transport, verdict, then accept, halve, retry or refuse.

The consumer declares what it needs: :class:`Transport`. Many workers call :meth:`Sender.deliver` of one sender at the
same time and share its pace, its patience and what it has learnt about the destination.
"""

from __future__ import annotations

import random as random_module
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from importer.delivery import Delivery, Part
from importer.errors import DeliveryAmbiguous, DestinationRefused
from importer.limiter import Limiter
from importer.patience import Patience, Stopped
from importer.profiles import Action, Verdict
from importer.records import Ack, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.profiles import EndpointProfile
    from importer.records import Batch, Response, Span
    from importer.settings import RetryPolicy

__all__ = ["NoAnswer", "Sender", "Stopped", "Traffic", "Transport"]

DOUBT_AFTER_CULPRITS = 16
"""So many events refused alone and none ever accepted, and no further request is spent on finding more."""

MOST_REFUSED_IN_A_ROW = 10_000
"""So many events refused alone since one was accepted, and the destination refuses everything by now."""

EVIDENCE_SECONDS = 2.0
"""How long an acceptance is waited for, with no request under way, before everything counts as refused."""


class NoAnswer(Exception):  # noqa: N818  named for what happened, as every exception of the importer
    """No usable answer came back. ``sent``: bytes of the request may have reached the destination."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


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
    """What went over the wire so far, also for batches that were never settled.

    ``requests`` counts all attempts, ``retries`` those among them that repeat a body, ``bytes_sent`` their bodies.
    ``accepted`` and ``resent`` count events; ``resent`` those that were sent again after an attempt that may have
    stored them (no answer, 408, 5xx; not 429, which says that nothing was processed). ``statuses`` counts the answers
    by status, ``unanswered`` the attempts that got none.
    """

    requests: int = 0
    retries: int = 0
    bytes_sent: int = 0
    accepted: int = 0
    resent: int = 0
    unanswered: int = 0
    statuses: Counter[int] = field(default_factory=Counter)


class Sender:
    """Delivers batches until the destination has decided about every event.

    ``requests_per_second`` is ``None`` for no limit. ``clock`` is the clock of the event loop in seconds, ``random``
    draws from [0, 1), ``now`` is the wall clock (only for ``Retry-After`` dates). ``traffic`` may be read at any time.
    ``stops_in_doubt``: what may have arrived and had no answer is an error, not sent again.
    ``doubtful`` are the rows of batches that were left unsettled although some of their events may have been stored.
    ``accepted_before`` says that earlier runs had events accepted, of sources that this run goes on with.
    """

    def __init__(  # noqa: PLR0913 -- most of them keywords, for what tests replace
        self,
        transport: Transport,
        profile: EndpointProfile,
        policy: RetryPolicy,
        requests_per_second: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random_module.random,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        accepted_before: bool = False,
        stops_in_doubt: bool = False,
    ) -> None:
        self.traffic = Traffic()
        self.doubtful: list[Span] = []
        self._transport = transport
        self._profile = profile
        self._patience = Patience(policy, Limiter(requests_per_second, clock=clock), clock=clock, random=random)
        self._clock = clock
        self._now = now
        self._accepted_before = accepted_before
        self._stops_in_doubt = stops_in_doubt
        self._trusted = False  # whether the destination ever accepted an event
        self._refused_alone = 0
        self._refused_in_a_row = 0
        self._delivering = 0
        self._doubting = 0  # deliveries that wait for an acceptance by another one

    def stop(self) -> None:
        """Begin nothing more: requests under way are awaited, whatever waits ends with :class:`Stopped`.

        A batch of which a part was accepted has ``FINISH_SECONDS`` to be settled. To be called in the thread of the
        event loop.
        """
        self._patience.stop()

    def is_paced(self) -> bool:
        """Whether requests wait for the pace right now."""
        return self._patience.is_paced

    async def deliver(self, batch: Batch) -> Ack:
        """Send ``batch`` until every event is accepted or refused.

        A request that is refused is halved until each culprit stands alone: at most 2 log2 n + 2 more requests for
        one culprit among n events; what was accepted is not sent again. As long as the destination has accepted
        nothing at all, the refusal of everything is not blamed on the events: after about 50 requests for one batch
        it is a :class:`~importer.errors.DestinationRefused`. A few are, when earlier runs had others accepted: they
        may be all that is left. And never are ``MOST_REFUSED_IN_A_ROW``.

        Raises:
            Stopped: :meth:`stop` was called and the batch is not settled; none of its rows may be acknowledged.
            DestinationRefused: credentials, address, envelope or mapping are wrong.
            DestinationUnavailable: no usable answer for longer than the patience of the policy.
            DeliveryAmbiguous: with ``stops_in_doubt``, a request may have arrived and had no answer.
        """
        delivery = Delivery(batch, batch.count)
        self._delivering += 1
        try:
            whole = range(delivery.count)
            if whole and not await self._taken(delivery, whole):
                await self._settle(delivery, whole)
        except BaseException:
            if delivery.accepted_some or delivery.may_be_stored:
                self.doubtful += batch.spans
            raise
        finally:
            self._delivering -= 1
        return delivery.ack()

    async def _settle(self, delivery: Delivery, refused_whole: range) -> None:
        """Halve what was refused, until each culprit stands alone."""
        parts = self._split(refused_whole, delivery)
        while parts:
            # Level by level: the refusal of one half says little before the other one was tried.
            refused = [events for events in parts if not await self._taken(delivery, events)]
            parts = [smaller for events in refused for smaller in self._split(events, delivery)]
        if delivery.culprits and not self._accepted_before:
            await self._need_an_acceptance(delivery)

    def _split(self, events: range, delivery: Delivery) -> list[range]:
        """The parts in which refused ``events`` are tried next; none of a lone event.

        Halves, as a rule. Where nothing was ever accepted, and both halves of the batch were refused, the event in the
        middle goes alone: so a few requests try single events from all over the batch.
        """
        middle = len(events) // 2
        parts = [events[:middle], events[middle:]]
        if not self._trusted and len(events) < delivery.count:
            parts = [events[middle : middle + 1], events[:middle], events[middle + 1 :]]
        return [part for part in parts if part] if len(events) > 1 else []

    async def _taken(self, delivery: Delivery, events: range) -> bool:
        """Whether the destination accepted ``events``; a lone event that it refused becomes a culprit."""
        verdict = await self._answer(delivery, events)
        if verdict.action is Action.REFUSE:
            raise DestinationRefused(f"The destination answers {verdict.reason}.", verdict.hint)
        if verdict.action is Action.ACCEPT:
            self._trusted = delivery.accepted_some = True
            self._refused_in_a_row = 0
            self.traffic.accepted += len(events)
            return True
        if len(events) == 1:
            delivery.refuse(events.start, verdict)
            self._refused_alone += 1
            self._refused_in_a_row += 1
            if self._refused_in_a_row >= MOST_REFUSED_IN_A_ROW:
                raise DestinationRefused(
                    f"The destination has refused the last {self._refused_in_a_row:,} events, one by one.",
                    "Most of them are in the rejects file, each with its answer. If it is they that are wrong, mend or "
                    "filter them (`where`); else ask the vendor. Then run the same command.",
                )
        if self._refused_alone >= DOUBT_AFTER_CULPRITS:
            await self._need_an_acceptance(delivery)
        return False

    async def _need_an_acceptance(self, delivery: Delivery) -> None:
        """Return once the destination has accepted an event of any batch; refuse when nobody is left to find out.

        The refusal of single events says something about them only at a destination that accepts others.
        """
        self._doubting += 1
        try:
            deadline = self._clock() + EVIDENCE_SECONDS
            while not self._trusted:
                if self._doubting < self._delivering:
                    deadline = self._clock() + EVIDENCE_SECONDS
                elif self._clock() >= deadline:
                    raise _everything_refused(delivery)
                await self._patience.pause(EVIDENCE_SECONDS / 10, delivery.grace_seconds)
        finally:
            self._doubting -= 1

    async def _answer(self, delivery: Delivery, events: range) -> Verdict:
        """Send ``events`` until the answer is a decision."""
        framing = self._profile.framing
        part = Part(delivery, events, Request(delivery.part(events).body(framing.prefix, framing.suffix)))
        while (verdict := await self._try(part)).action is Action.RETRY:
            part.failures += 1
            if verdict.ambiguous:
                part.may_be_stored = delivery.may_be_stored = True
                if self._stops_in_doubt:
                    raise DeliveryAmbiguous(f"A request of {len(events):,} events may have arrived ({verdict.reason})")
        return verdict

    async def _try(self, part: Part) -> Verdict:
        """One attempt, after what pace and failures ask for; no two at a time while the destination is down."""
        patience, grace_seconds = self._patience, part.delivery.grace_seconds
        if part.failures and not patience.is_down:
            await patience.back_off(part.failures - 1, grace_seconds)
        while True:
            if not patience.is_down:
                await patience.turn(grace_seconds)
                if not patience.is_down:  # still, after a wait in which others may have failed
                    return await self._attempt(part)
            async with patience.probe:
                if patience.is_down:  # still, now that it is this one's turn
                    await patience.back_off(part.failures - 1, grace_seconds)
                    await patience.turn(grace_seconds)
                    return await self._attempt(part)

    async def _attempt(self, part: Part) -> Verdict:
        self._count(part)
        try:
            response = await self._transport.send(part.request)
        except NoAnswer as error:
            self.traffic.unanswered += 1
            verdict = Verdict(Action.RETRY, str(error), code="no_answer", ambiguous=error.sent)
        else:
            self.traffic.statuses[response.status] += 1
            verdict = self._profile.verdict(response, self._now())
        if verdict.action is Action.RETRY:
            self._patience.failed(verdict.reason, verdict.retry_after_seconds)
        else:
            self._patience.answered()
        return verdict

    def _count(self, part: Part) -> None:
        self.traffic.requests += 1
        self.traffic.bytes_sent += len(part.request.body)
        self.traffic.retries += part.failures > 0
        if part.may_be_stored:
            resent = part.delivery.resent
            before = len(resent)
            resent.update(part.events)
            self.traffic.resent += len(resent) - before


def _everything_refused(delivery: Delivery) -> DestinationRefused:
    first = delivery.culprits[min(delivery.culprits)].rejects[0] if delivery.culprits else None
    example = f" (for example {first.file} row {first.row}: {first.message})" if first else ""
    return DestinationRefused(
        f"The destination refuses every event, alone or together{example}. The envelope or the mapping is wrong.",
        "Look at the events with `importer preview` and check --url and --endpoint. No row was marked as sent.",
    )
