"""A destination on virtual time: what it does to requests is drawn from a seed, and it remembers what it saw."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from importer.records import Response
from importer.sender import NoAnswer

if TYPE_CHECKING:
    from random import Random

    from fakes import VirtualClock
    from mortal import Kill

    from importer.pipeline import Stop
    from importer.records import Request

LONGEST_ANSWER_SECONDS = 60.0  # then the transport gives up
RETRY_AFTER_CAP_SECONDS = 300.0
DOWN_AFTER_FAILURES = 8
FAILURES = (
    "500", "502", "503", "408", "429", "503 after seconds", "429 after a date", "429 after ages", "503 after nonsense",
    "refused", "reset", "hang",
)  # fmt: skip
REFUSALS = (
    Response(401),
    Response(403),
    Response(404),
    Response(302, {"location": "https://elsewhere.example/"}),
    Response(200, {"content-type": "text/html"}, "<html>Please log in</html>"),
)
ACCEPTANCES = (Response(200), Response(200, {}, "{}"), Response(202), Response(204))


class Wall:
    """The wall clock of the importer's machine: it jumps, and nothing but dates may go by it."""

    def __init__(self, clock: VirtualClock, begin: datetime, jumps: list[tuple[float, timedelta]]) -> None:
        self._clock = clock
        self._begin = begin
        self._jumps = jumps

    def now(self) -> datetime:
        """What it shows: behind each jump it is as far from the truth as that says."""
        off = [by for at, by in self._jumps if at <= self._clock.seconds]
        return self._begin + timedelta(seconds=self._clock.seconds) + (off[-1] if off else timedelta())


@dataclass(frozen=True)
class Weather:
    """How a destination behaves. Times are in seconds on the virtual clock.

    A failing request has one of ``failures``; of those that fail or succeed, some are stored without an answer that
    says so. ``outages`` fail everything, ``refusals`` refuse everything, from begin to end. ``poison`` are orders that
    it never takes.
    """

    failing_share: float
    lost_share: float
    failures: list[str]
    outages: list[tuple[float, float]]
    refusals: list[tuple[float, float]]
    refusal: Response
    poison: frozenset[str]
    latency_seconds: float

    @property
    def is_mild(self) -> bool:
        """Whether nearly all is well."""
        return self.failing_share + self.lost_share < 0.05 and not (self.outages or self.refusals or self.poison)


def draw_weather(chance: Random, begin: float, orders: list[str]) -> Weather:
    """A destination for these orders. One that refuses its first request has refused everything: not the first ones."""
    poison = chance.sample(orders[25:], chance.choice([0, 0, 1, 3])) if len(orders) > 40 else []
    return Weather(
        failing_share=chance.choice([0, 0, 0.02, 0.3, 0.6]),
        lost_share=chance.choice([0, 0, 0.02, 0.2]),
        failures=chance.sample(FAILURES, chance.randint(1, 4)),
        outages=_periods(chance, begin, chance.choice([0, 0, 1, 2]), 1_500),
        refusals=_periods(chance, begin, chance.choice([0, 0, 0, 1]), 120),
        refusal=chance.choice(REFUSALS),
        poison=frozenset(poison),
        latency_seconds=chance.choice([0.01, 0.1, 1]),
    )


def _periods(chance: Random, begin: float, count: int, longest: float) -> list[tuple[float, float]]:
    starts = accumulate([begin, *(chance.expovariate(1 / 20) for _ in range(count))])
    return [(start, start + chance.random() * longest) for start in list(starts)[1:]]


class Answer(NamedTuple):
    """What becomes of a request. ``retry_after`` is the second of the virtual clock before which none may follow."""

    response: Response | NoAnswer
    is_stored: bool = False
    retry_after: float = 0.0
    hangs: bool = False


class Destination:
    """What the other side knows, over all processes that send.

    ``stored`` counts copies by order; ``answered`` are those under an answer that says so, ``refused`` those that were
    refused alone, ``seen`` counts answers, and ``times`` are those of requests. ``in_doubt`` counts the copies that
    were stored while the answer was lost, or a failure.
    """

    def __init__(self, weather: Weather, chance: Random, clock: VirtualClock, wall: Wall) -> None:
        self.weather = weather
        self.stored: Counter[str] = Counter()
        self.answered: set[str] = set()
        self.refused: set[str] = set()
        self.in_doubt = 0
        self.contents: dict[str, dict[str, Any]] = {}
        self.seen: Counter[str] = Counter()
        self.times: list[float] = []
        self.clock = clock
        self.chance = chance
        self.wall = wall

    def answer(self, orders: list[str]) -> Answer:
        """What the weather makes of a request with these orders."""
        weather, now, drawn = self.weather, self.clock.seconds, self.chance.random()
        if any(begin <= now < end for begin, end in weather.refusals):
            return Answer(weather.refusal)
        if drawn < weather.failing_share or any(begin <= now < end for begin, end in weather.outages):
            return self._failure(self.chance.choice(weather.failures), orders)
        if not weather.poison.isdisjoint(orders):
            return Answer(Response(self.chance.choice([400, 413])))
        if drawn > 1 - weather.lost_share:
            lost = self.chance.choice([Response(500), Response(502), NoAnswer("lost", sent=True)])
            return Answer(lost, is_stored=True)
        return Answer(self.chance.choice(ACCEPTANCES), is_stored=True)

    def _failure(self, kind: str, orders: list[str]) -> Answer:
        now, seconds = self.clock.seconds, self.chance.randint(1, 30)
        may_store = self.weather.poison.isdisjoint(orders) and self.chance.random() < 0.3
        status = int(kind[:3]) if kind[0].isdigit() else 0
        headers, retry_after = self._retry_after(kind.partition(" after ")[2], now, seconds)
        if status:
            return Answer(Response(status, headers), may_store and status != 429, retry_after)
        return Answer(NoAnswer(kind, sent=kind != "refused"), may_store and kind != "refused", hangs=kind == "hang")

    def _retry_after(self, form: str, now: float, seconds: int) -> tuple[dict[str, str], float]:
        """The header in this form, and the second of the virtual clock before which no request may follow."""
        if form == "seconds":
            return {"retry-after": str(seconds)}, now + seconds
        if form == "a date":
            date = (self.wall.now() + timedelta(seconds=seconds)).replace(microsecond=0)
            return {"retry-after": format_datetime(date, usegmt=True)}, now + (date - self.wall.now()).total_seconds()
        if form == "ages":
            return {"retry-after": "1e9"}, now + RETRY_AFTER_CAP_SECONDS
        return ({"retry-after": self.chance.choice(["-1", "soon", "nan"])} if form else {}), 0

    def store(self, events: list[dict[str, Any]]) -> None:
        """Keep a copy of each; every copy has to be like the first."""
        for event in events:
            order = event["id"]
            assert self.contents.setdefault(order, event) == event, f"{order} has two bodies"
        self.stored.update(event["id"] for event in events)


class Connection:
    """One process of the importer as the destination sees it, and all that it must keep to: a transport.

    ``announced`` are the orders that it may send. ``stop`` is requested ``stop_after`` seconds after its beginning, if
    that is a number.
    """

    def __init__(
        self, destination: Destination, kill: Kill, announced: set[str], stop: Stop, stop_after: float | None
    ) -> None:
        self.times: list[float] = []
        self.failures = 0
        self.requests_while_down = 0
        self.paused_seconds = 0.0
        self.slowest_seconds = 0.0
        self.answered: set[str] = set()
        self.was_refused = False
        self.stopped_at: float | None = None
        self.failing_since: float | None = None
        self.begun = self.ended = 0.0
        self._destination = destination
        self._clock = destination.clock
        self._kill = kill
        self._announced = announced
        self._stop = stop
        self._stop_after = stop_after
        self._in_a_row = 0
        self._probes = 0
        self._not_before = 0.0

    async def __aenter__(self) -> Self:
        self.begun = self._clock.seconds
        if self._stop_after is not None:
            asyncio.get_running_loop().call_later(self._stop_after, self._request_stop)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.ended = self._clock.seconds

    def _request_stop(self) -> None:
        self.stopped_at = self._clock.seconds
        self._stop.request(signal.SIGTERM)

    async def send(self, request: Request) -> Response:
        """One request: what the destination does with it, unless the process dies before."""
        self._kill.step("before a request")
        events = json.loads(request.body)["batch"]
        assert self._announced.issuperset(event["id"] for event in events), "sent, and not announced before"
        is_probe = self._begin_request()
        self._probes += is_probe
        try:
            await self._wait(2 * self._destination.chance.random() * self._destination.weather.latency_seconds)
            answer = self._arrive(events)
            await self._wait(LONGEST_ANSWER_SECONDS if answer.hangs else 0)
            self._kill.step("before an answer")
        finally:
            self._probes -= is_probe
        return self._tell(events, answer)

    def _begin_request(self) -> bool:
        """Whether it is a probe. Nobody sends before the time, nor a second probe beside one."""
        now = self._clock.seconds
        self.times.append(now)
        self._destination.times.append(now)
        assert now >= self._not_before - 1e-6, f"sent {self._not_before - now:.3f} s before Retry-After allows"
        is_down = self._in_a_row >= DOWN_AFTER_FAILURES
        self.requests_while_down += is_down
        assert not (is_down and self._probes), "two probes at a time"
        assert self.stopped_at is None or now < self.stopped_at + 5 + 1e-6, "a request was begun after a stop"
        return is_down

    async def _wait(self, seconds: float) -> None:
        self.slowest_seconds = max(self.slowest_seconds, seconds)
        if seconds:
            await asyncio.sleep(seconds)

    def _arrive(self, events: list[dict[str, Any]]) -> Answer:
        """What was on its way when the process died may still arrive."""
        is_on_its_way = not self._kill.is_dead or self._destination.chance.random() < 0.5
        answer = self._destination.answer([event["id"] for event in events])
        if answer.is_stored and is_on_its_way:
            self._destination.store(events)
        return answer

    def _tell(self, events: list[dict[str, Any]], answer: Answer) -> Response:
        """Give the answer to the importer, and remember what it knows now."""
        response, orders, destination = answer.response, [event["id"] for event in events], self._destination
        status = response.status if isinstance(response, Response) else 0
        destination.seen[str(status or response)] += 1
        if status in {0, 408, 429} or status >= 500:
            self._count_failure(answer)
            destination.in_doubt += len(orders) if answer.is_stored else 0
        else:
            self._in_a_row, self.failing_since = 0, None
        if isinstance(response, NoAnswer):
            raise response
        if answer.is_stored and status < 300:
            self.answered.update(orders)
            destination.answered.update(orders)
        elif status in {400, 413} and len(orders) == 1:
            destination.refused.update(orders)
        self.was_refused = self.was_refused or response is destination.weather.refusal
        return response

    def _count_failure(self, answer: Answer) -> None:
        self.failures += 1
        self._in_a_row += 1
        if self.failing_since is None:
            self.failing_since = self._clock.seconds
        if answer.retry_after > self._not_before:
            self.paused_seconds += answer.retry_after - max(self._not_before, self._clock.seconds)
            self._not_before = answer.retry_after
