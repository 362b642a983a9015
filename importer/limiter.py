"""How fast requests leave: one pace and one pause for all senders. Standard library only."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CATCH_UP_SECONDS = 0.02


class Limiter:
    """Releases callers evenly, in the order in which they came.

    ``requests_per_second`` may be fractional; ``None`` means no limit, only pauses. Two rules hold together:

    - Releases follow an even schedule, 1/rate apart. A release that wakes up late does not move the schedule unless it
      is more than ``CATCH_UP_SECONDS`` late, so that small delays of the event loop do not cost rate; that is also
      all the burst that there can be after an idle time.
    - The last ``ceil(rate)`` releases are remembered, so that no window of one second ever holds more than the rate
      (for a fractional rate: no window of ``ceil(rate) / rate`` seconds more than ``ceil(rate)``).

    A caller that is cancelled while it waits takes nothing with it.
    """

    def __init__(
        self,
        requests_per_second: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if requests_per_second is not None and not 0 < requests_per_second < math.inf:
            raise ValueError(f"requests_per_second must be a positive number, not {requests_per_second}")
        self._clock = clock
        self._sleep = sleep
        self._interval = 1 / requests_per_second if requests_per_second else 0.0
        remembered = math.ceil(requests_per_second) if requests_per_second else 0
        self._window = remembered * self._interval
        self._released: deque[float] = deque(maxlen=remembered)
        self._not_before = -math.inf
        self._turn = asyncio.Lock()  # wakes its waiters first in, first out
        self._waiting = 0

    @property
    def is_waited_for(self) -> bool:
        """Whether a caller waits."""
        return self._waiting > 0

    def pause(self, seconds: float) -> None:
        """Let nobody go for ``seconds`` from now. A pause can only be prolonged, never shortened."""
        self._not_before = max(self._not_before, self._clock() + seconds)

    def try_acquire(self) -> bool:
        """Whether the caller may send one request at once: nobody waits, and it is time."""
        if self._waiting or self._earliest() > self._clock():
            return False
        self._release()
        return True

    async def acquire(self) -> None:
        """Wait until the caller may send one request."""
        self._waiting += 1
        try:
            async with self._turn:
                while (wait := self._earliest() - self._clock()) > 0:
                    await self._sleep(wait)  # a pause may begin meanwhile, hence the loop
                self._release()
        finally:
            self._waiting -= 1

    def _release(self) -> None:
        now = self._clock()
        self._not_before = max(self._not_before, now - CATCH_UP_SECONDS) + self._interval
        self._released.append(now)

    def _earliest(self) -> float:
        if self._released and len(self._released) == self._released.maxlen:
            return max(self._not_before, self._released[0] + self._window)
        return self._not_before
