"""Named faults that compose: small frozen objects, each with its text form, and the board that decides which strikes.

``NAME=VALUE:HOW-OFTEN:TEXT``, where what is not needed may be left out:

===========================  =======================================================================================
``status=503:0.3:2``         three requests in ten are answered 503 with ``Retry-After: 2`` (any text, or none)
``redirect=302:0.1:URL``     as a status, with ``Location: URL`` (default ``/elsewhere``)
``html:0.1``                 200 with a page, as a captive portal answers
``reset=before:0.1``         the connection is reset before the body is read (``after``: after it)
``hang=30:0.1``              the body is read, there is no answer for 30 seconds, then the connection is cut
``latency=0.2``              the answer comes 0.2 seconds later; later faults of the list may still strike
``store-then-drop:0.1``      the events are stored, the connection is cut without an answer
===========================  =======================================================================================

HOW-OFTEN is a share of the requests (``0.3``), or a number of times (``3x``: the first three requests), by default
always. Faults are tried in their order; the first one that ends the request is the last one tried. Only
``store-then-drop`` stores the events of a request that it ends.
"""

from __future__ import annotations

import asyncio
import math
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from typing import ClassVar

Sleep = Callable[[float], Awaitable[object]]


class FaultInvalid(ValueError):  # noqa: N818 - named by its consequence
    """The text names no fault, or its value does not fit."""


class Moment(Enum):
    """When a fault strikes: the headers are read, the body is read, the events are stored."""

    ARRIVED = "arrived"
    READ = "read"
    STORED = "stored"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """No answer: the connection ends, with a TCP reset or in the ordinary way."""

    reset: bool = False


Outcome = Answer | Cut


@dataclass(frozen=True, slots=True)
class Often:
    """How often a fault strikes: a ``share`` of the requests, at most ``times`` in all (``None``: without an end)."""

    share: float = 1.0
    times: int | None = None

    @classmethod
    def parse(cls, text: str) -> Often:
        """``""`` is always, ``0.3`` a share, ``3x`` a number of times."""
        if not text:
            return cls()
        if re.fullmatch(r"[0-9]{1,9}x", text):
            return cls(times=int(text[:-1]))
        share = _number(text)
        if share is None or share > 1:
            raise FaultInvalid(f"{text!r} is neither a share between 0 and 1 nor a number of times such as 3x")
        return cls(share)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to a request, and how often. Subclasses say at which moment, and how their text is read."""

    moment: ClassVar[Moment] = Moment.READ
    often: Often = field(default_factory=Often)

    async def strike(self, sleep: Sleep) -> Outcome | None:
        """Do it. ``None`` lets the request go on."""
        raise NotImplementedError

    @classmethod
    def parse(cls, value: str, often: Often, text: str) -> Fault:
        """The fault of ``NAME=value:often:text``. FaultInvalid says what the value must be."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """An answer with ``code`` instead of the documented one; nothing is stored. ``retry_after`` is any text or ``""``."""

    code: int = 503
    retry_after: str = ""

    async def strike(self, sleep: Sleep) -> Outcome:  # noqa: ARG002 - the signature of all faults
        headers = (("Retry-After", self.retry_after),) if self.retry_after else ()
        return Answer(self.code, headers, f"fault of the sandbox: {self.code}")

    @classmethod
    def parse(cls, value: str, often: Often, text: str) -> Status:
        return cls(often, _code(value, 200, 599), text)


@dataclass(frozen=True, slots=True)
class Redirect(Fault):
    """A redirect to ``location``; nothing is stored."""

    code: int = 302
    location: str = "/elsewhere"

    async def strike(self, sleep: Sleep) -> Outcome:  # noqa: ARG002 - the signature of all faults
        return Answer(self.code, (("Location", self.location),))

    @classmethod
    def parse(cls, value: str, often: Often, text: str) -> Redirect:
        return cls(often, _code(value or "302", 300, 399), text or cls.location)


@dataclass(frozen=True, slots=True)
class Html(Fault):
    """200 with a page that no API wrote; nothing is stored."""

    async def strike(self, sleep: Sleep) -> Outcome:  # noqa: ARG002 - the signature of all faults
        page = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
        return Answer(200, (("Content-Type", "text/html; charset=utf-8"),), page)

    @classmethod
    def parse(cls, value: str, often: Often, text: str) -> Html:
        _nothing(value, text)
        return cls(often)


@dataclass(frozen=True, slots=True)
class ResetBefore(Fault):
    """The connection is reset before the body is read."""

    moment = Moment.ARRIVED

    async def strike(self, sleep: Sleep) -> Outcome:  # noqa: ARG002 - the signature of all faults
        return Cut(reset=True)


@dataclass(frozen=True, slots=True)
class ResetAfter(Fault):
    """The connection is reset after the body was read; nothing is stored."""

    async def strike(self, sleep: Sleep) -> Outcome:  # noqa: ARG002 - the signature of all faults
        return Cut(reset=True)


class Reset(Fault):
    """``before`` or ``after`` the body."""

    @classmethod
    def parse(cls, value: str, often: Often, text: str) -> Fault:
        _nothing("", text)
        if value not in {"before", "after"}:
            raise FaultInvalid(f"{value!r} is neither before nor after (the body is read)")
        return ResetBefore(often) if value == "before" else ResetAfter(often)


@dataclass(frozen=True, slots=True)
class Hang(Fault):
    """No answer for ``seconds``, then the connection is cut; nothing is stored."""

    seconds: float = 0.0

    async def strike(self, sleep: Sleep) -> Outcome:
        await sleep(self.seconds)
        return Cut()

    @classmethod
    def parse(cls, value: str, often: Often, text: str) -> Hang:
        _nothing("", text)
        return cls(often, _seconds(value))


@dataclass(frozen=True, slots=True)
class Latency(Fault):
    """The request goes on after ``seconds``. It is stored even if the client has given up by then."""

    seconds: float = 0.0

    async def strike(self, sleep: Sleep) -> None:
        await sleep(self.seconds)

    @classmethod
    def parse(cls, value: str, often: Often, text: str) -> Latency:
        _nothing("", text)
        return cls(often, _seconds(value))


@dataclass(frozen=True, slots=True)
class StoreThenDrop(Fault):
    """The events are stored, then the connection is cut without an answer, as when a server dies."""

    moment = Moment.STORED

    async def strike(self, sleep: Sleep) -> Outcome:  # noqa: ARG002 - the signature of all faults
        return Cut()

    @classmethod
    def parse(cls, value: str, often: Often, text: str) -> StoreThenDrop:
        _nothing(value, text)
        return cls(often)
