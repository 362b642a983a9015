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
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable


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
        faults, left = self._faults, self._left  # one pair: a replace() may come during the wait
        for place, fault in enumerate(faults):
            if fault.moment is not moment or left[place] == 0 or self._random.random() >= fault.often.share:
                continue
            if (times := left[place]) is not None:
                left[place] = times - 1
            self.fired[fault.text] += 1
            if fault.wait_seconds:
                await self._sleep(fault.wait_seconds)
            if fault.outcome:
                return fault.outcome
        return None


def parse_fault(text: str) -> Fault:
    """The fault that ``text`` names, see the table of this module.

    Raises:
        FaultInvalid: there is no such fault (the valid ones are listed), or a part of it does not fit.
    """
    name, _, rest = text.partition("=")
    if name not in _READERS:
        near = get_close_matches(name, _READERS, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise FaultInvalid(f"There is no fault named {name!r}.{meant} Valid: {', '.join(_USAGE.values())}.")
    try:
        value, often, literal = _parts(name, rest)
        return _READERS[name](text, value, _often(often), literal)
    except FaultInvalid as error:
        raise FaultInvalid(f"Fault {text!r}: {error}. Write {_USAGE[name]}.") from None


def _parts(name: str, rest: str) -> tuple[str, str, str]:
    if not rest.isprintable():  # it may become a header
        raise FaultInvalid("it holds a character that cannot be printed")
    parts = f":{rest}" if name in _WITHOUT_VALUE else rest
    value, often, literal = (*parts.split(":", 2), "", "")[:3]
    if literal and name not in _WITH_LITERAL:
        raise FaultInvalid(f"{literal!r} is one part too many")
    return value, often, literal


def _status(text: str, value: str, often: Often, literal: str) -> Fault:
    headers = (("Retry-After", literal),) if literal else ()
    return Fault(text, Moment.READ, Answer(_code(value, 200, 599), "a fault of the sandbox", headers), often=often)


def _redirect(text: str, value: str, often: Often, literal: str) -> Fault:
    headers = (("Location", literal or "/elsewhere"),)
    return Fault(text, Moment.READ, Answer(_code(value, 300, 399), headers=headers), often=often)


def _html(text: str, _value: str, often: Often, _literal: str) -> Fault:
    page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
    return Fault(text, Moment.READ, Answer(200, page, (("Content-Type", "text/html; charset=utf-8"),)), often=often)


def _reset(text: str, value: str, often: Often, _literal: str) -> Fault:
    moments = {"before": Moment.ARRIVED, "after": Moment.READ}
    if value not in moments:
        raise FaultInvalid(f"{value!r} is neither before nor after (the body is read)")
    return Fault(text, moments[value], Cut(reset=True), often=often)


def _hang(text: str, value: str, often: Often, _literal: str) -> Fault:
    return Fault(text, Moment.READ, Cut(reset=False), _seconds(value), often)


def _latency(text: str, value: str, often: Often, _literal: str) -> Fault:
    return Fault(text, Moment.READ, None, _seconds(value), often)


def _store_then_drop(text: str, _value: str, often: Often, _literal: str) -> Fault:
    return Fault(text, Moment.STORED, Cut(reset=False), often=often)


def _often(text: str) -> Often:
    if not text:
        return Often()
    if re.fullmatch(r"[0-9]{1,9}x", text):
        return Often(times=int(text[:-1]))
    if (share := _number(text)) is None or share > 1:
        raise FaultInvalid(f"{text!r} is neither a share from 0 to 1 nor a number of times such as 3x")
    return Often(share)


def _code(text: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[0-9]{3}", text) or not low <= int(text) <= high:
        raise FaultInvalid(f"{text!r} is no status from {low} to {high}")
    return int(text)


def _seconds(text: str) -> float:
    if (seconds := _number(text)) is None:
        raise FaultInvalid(f"{text!r} is no number of seconds")
    return seconds


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else None


_READERS: dict[str, Callable[[str, str, Often, str], Fault]] = {
    "status": _status,
    "redirect": _redirect,
    "html": _html,
    "reset": _reset,
    "hang": _hang,
    "latency": _latency,
    "store-then-drop": _store_then_drop,
}
_WITHOUT_VALUE = {"html", "store-then-drop"}
_WITH_LITERAL = {"status", "redirect"}
_USAGE = {
    "status": "status=CODE[:OFTEN[:RETRY-AFTER]]",
    "redirect": "redirect=CODE[:OFTEN[:LOCATION]]",
    "html": "html[=OFTEN]",
    "reset": "reset=before|after[:OFTEN]",
    "hang": "hang=SECONDS[:OFTEN]",
    "latency": "latency=SECONDS[:OFTEN]",
    "store-then-drop": "store-then-drop[=OFTEN]",
}
