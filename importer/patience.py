"""When to try again, and when to give up: what all workers of one run know about a destination that fails."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from importer.errors import DestinationUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from importer.limiter import Limiter
    from importer.settings import RetryPolicy

log = logging.getLogger(__name__)

DOWN_AFTER_FAILURES = 8
"""So many failures without a success between them, over all workers, and the destination counts as down. With a
third of the requests failing at random, that is one in 6,500 requests."""

_MOST_DOUBLINGS = 62  # beyond any bound in use, within a float


class Stopped(Exception):  # noqa: N818  no error
    """The batch was left unsettled because a stop was asked for; its rows stay pending."""


class Patience:
    """Waits before requests: for the limiter's pace, for a backoff, for the one probe of a destination that is down.

    Every wait ends early with :class:`Stopped` after :meth:`stop`, and with
    :class:`~importer.errors.DestinationUnavailable` when ``policy.patience_seconds`` have passed since the first
    failure after the last answer: a time in which nothing was sent is nobody's failure. ``clock`` is the clock of
    the event loop in seconds, ``random`` draws from [0, 1).
    """

    def __init__(
        self, policy: RetryPolicy, limiter: Limiter, *, clock: Callable[[], float], random: Callable[[], float]
    ) -> None:
        self.probe = asyncio.Lock()  # held by the one worker that may try while the destination is down
        self._policy = policy
        self._limiter = limiter
        self._clock = clock
        self._random = random
        self._failures = 0  # in a row, over all workers
        self._failed_probes = 0
        self._failing_since: float | None = None
        self._last_failure = ""
        self._stopped_at: float | None = None
        self._waits: set[asyncio.Timeout] = set()

    @property
    def is_down(self) -> bool:
        """Whether the last failures are too many to be chance."""
        return self._failures >= DOWN_AFTER_FAILURES

    @property
    def is_paced(self) -> bool:
        """Whether somebody waits for the limiter."""
        return self._limiter.is_waited_for

    def failed(self, reason: str, retry_after_seconds: float | None) -> None:
        """Take note of an attempt without a usable answer; obey ``retry_after_seconds`` for all workers."""
        if self._failing_since is None:
            self._failing_since = self._clock()
        self._last_failure = reason
        if self.is_down:
            self._failed_probes += 1
        self._failures += 1
        if self._failures == DOWN_AFTER_FAILURES:
            log.warning("The destination is down (%s); one request at a time until it answers.", reason)
        if retry_after_seconds:
            self._limiter.pause(self._capped(retry_after_seconds))

    def answered(self) -> None:
        """Take note of a usable answer."""
        if self.is_down and self._failing_since is not None:
            log.warning("The destination answers again after %.0f s.", self._clock() - self._failing_since)
        self._failures = self._failed_probes = 0
        self._failing_since = None

    def stop(self) -> None:
        """End every wait, now and from now on. To be called in the thread of the event loop."""
        if self._stopped_at is None:
            self._stopped_at = self._clock()
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(0)  # long ago: it wakes up and finds out about the stop

    async def turn(self, grace_seconds: float) -> None:
        """Wait for the limiter. A stop leaves ``grace_seconds`` to the wait."""
        self._deadline(grace_seconds)
        if not self._limiter.try_acquire():  # the usual case needs no timer
            await self._unless_over(self._limiter.acquire, grace_seconds)

    async def back_off(self, failures: int, grace_seconds: float) -> None:
        """Wait after ``failures`` of one request: exponentially with full jitter, at least as long as the probes do."""
        doublings = min(max(failures, self._failed_probes), _MOST_DOUBLINGS)
        bound = min(self._policy.base_backoff_seconds * 2.0**doublings, self._policy.max_backoff_seconds)
        await self.pause(self._random() * bound, grace_seconds)

    async def pause(self, seconds: float, grace_seconds: float) -> None:
        """Wait for ``seconds``."""
        until = self._clock() + seconds
        await self._unless_over(lambda: asyncio.sleep(until - self._clock()), grace_seconds)

    async def _unless_over(self, wait: Callable[[], Awaitable[None]], grace_seconds: float) -> None:
        while True:
            deadline = self._deadline(grace_seconds)
            timeout = asyncio.timeout(None if deadline is None else deadline - self._clock())
            self._waits.add(timeout)
            try:
                async with timeout:
                    return await wait()
            except TimeoutError:
                continue  # over, as _deadline will say, unless the destination has answered meanwhile
            finally:
                self._waits.discard(timeout)

    def _deadline(self, grace_seconds: float) -> float | None:
        """The time of the loop at which waiting ends, ``None`` for never; an error when that is over."""
        if self._stopped_at is None and self._failing_since is None:
            return None
        ends = []
        if self._stopped_at is not None:
            ends.append(self._stopped_at + grace_seconds)
            if self._clock() >= ends[-1]:
                raise Stopped
        if self._failing_since is not None:
            ends.append(self._failing_since + self._policy.patience_seconds)
            if self._clock() >= ends[-1]:
                raise self._unavailable()
        return min(ends)

    def _capped(self, retry_after_seconds: float) -> float:
        cap = self._policy.max_retry_after_seconds
        if retry_after_seconds > cap:
            log.warning("The destination asks for a pause of %g s; %g s are kept.", retry_after_seconds, cap)
        return min(retry_after_seconds, cap)

    def _unavailable(self) -> DestinationUnavailable:
        return DestinationUnavailable(
            f"No usable answer from the destination for {self._policy.patience_seconds:g} s; "
            f"the last attempt: {self._last_failure}.",
            "Run the same command to resume; what was not acknowledged stays pending.",
        )
