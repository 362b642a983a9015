"""Named faults that compose: small frozen values with a text form, and the board that decides which of them strike.

=============================  =====================================================================================
``status=503:0.3:2``           three requests in ten get 503 with ``Retry-After: 2`` (any text, also a date; or none)
``redirect=302:0.1:/there``    as a status, with ``Location: /there`` (default ``/elsewhere``)
``html=0.1``                   200 with a web page, as a captive portal answers
``reset=before:0.1``           the connection is reset before the body is read (``after``: after it)
``hang=30:0.1``                the body is read, nothing comes for 30 seconds, then the connection is closed
``latency=0.2``                the request waits 0.2 seconds and goes on, stored even if its client has left by then
``store-then-drop=0.1``        the events are stored, and the connection is closed without an answer
=============================  =====================================================================================

How often is a share of the requests (``0.3``) or a number of times (``3x``: the first three requests that it meets);
always, if it is left out. Faults are tried in the order of their list, and the first one that ends a request is the
last one tried. Only ``store-then-drop`` stores the events of a request that it ends.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum


class FaultInvalid(ValueError):  # noqa: N818 - named by its consequence
    """The text names no fault, or its value does not fit. ``str()`` is a sentence for the user."""


class Moment(Enum):
    """When a fault strikes: headers are read, the body is read, its events are stored."""

    ARRIVED = "arrived"
    READ = "read"
    STORED = "stored"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, the vendor's or a fault's."""

    status: int
    text: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Cut:
    """No answer: the connection ends, with a TCP reset or closed in the ordinary way."""

    reset: bool


@dataclass(frozen=True, slots=True)
class Often:
    """A ``share`` of the requests, at most ``times`` in all (``None``: no end)."""

    share: float = 1.0
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """At ``moment``, ``often`` enough, wait ``wait_seconds`` and end the request with ``outcome`` (``None``: go on).

    ``text`` is how a user wrote it, and what ``/received`` calls it.
    """

    text: str
    moment: Moment
    outcome: Answer | Cut | None
    wait_seconds: float = 0.0
    often: Often = field(default_factory=Often)


class FaultBoard:
    """The active faults and how often each one fired. Same ``seed`` and same order of requests: same decisions."""

    def __init__(
        self,
        faults: Iterable[Fault] = (),
        seed: int = 0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.fired: Counter[str] = Counter()
        self._random = random.Random(seed)  # noqa: S311 - decides on faults, guards nothing
        self._sleep = sleep
        self.replace(faults)

    def replace(self, faults: Iterable[Fault]) -> None:
        """Make ``faults`` the active ones, each with all its times before it. What fired stays counted."""
        self._faults = tuple(faults)
        self._left = [fault.often.times for fault in self._faults]

    @property
    def active(self) -> list[str]:
        """The active faults as text, in their order."""
        return [fault.text for fault in self._faults]

    async def strike(self, moment: Moment) -> Answer | Cut | None:
        """Let the faults of ``moment`` strike one request. ``None``: it goes on."""
        for fault in [fault for place, fault in enumerate(self._faults) if self._fires(place, moment)]:
            self.fired[fault.text] += 1
            if fault.wait_seconds:
                await self._sleep(fault.wait_seconds)
            if fault.outcome:
                return fault.outcome
        return None
