"""What tests put in the place of network and time: a fake transport, and an event loop whose clock is virtual."""

from __future__ import annotations

import asyncio
import json
import selectors
from array import array
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import xxhash

from importer.profiles import BATCH
from importer.records import DIGEST_MODULUS, Batch, EncodedRows, Piece, Request, Response, Span
from importer.sender import Sender
from importer.settings import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from importer.profiles import EndpointProfile
    from importer.records import Ack

T = TypeVar("T")
VIRTUAL_START = 1_000.0
MOST_STEPS = 1_000_000
WALL_CLOCK = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class VirtualClock:
    """The seconds of a virtual time. It may outlive the loops that go by it."""

    seconds: float = VIRTUAL_START


class _Selector(selectors.SelectSelector):
    """Never waits: where nothing is ready, the clock jumps to the next timer."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock
        self._steps = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise RuntimeError("no end: something is ready all the time")
        events = super().select(0)
        if not events:
            if timeout is None:
                raise RuntimeError("deadlock: no task is ready and no timer is set")
            self._clock.seconds += max(timeout, 0)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio with its own time: hours pass in milliseconds, and a deadlock is an error.

    What is given to an executor is done at once: a thread would go by another clock.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        super().__init__(_Selector(clock))

    def time(self) -> float:
        return self._clock.seconds

    def run_in_executor(self, _: object, function: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
        done = self.create_future()
        try:
            done.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001 - as an executor does
            done.set_exception(error)
        return done


def run_virtual(main: Callable[[], Coroutine[Any, Any, T]], clock: VirtualClock | None = None) -> T:
    """The result of ``main()`` on a loop with virtual time: that of ``clock``, or a new one."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock or VirtualClock())) as runner:
        return runner.run(main())


def virtual_clock() -> float:
    """The time of the running loop in seconds: to be given as ``clock``."""
    return asyncio.get_running_loop().time()


def make_chunk(
    events: Sequence[bytes], *, separator: bytes = b",", file: str = "orders.csv", source: int = 0
) -> EncodedRows:
    """``events`` as a chunk whose rows are 1, 2, 3 ..."""
    offsets, words, total = array("q", [0]), (array("Q", [0]), array("Q", [0])), 0
    for event in events:
        offsets.append(offsets[-1] + len(event) + len(separator))
        total = (total + xxhash.xxh3_128_intdigest(event)) % DIGEST_MODULUS
        for totals, word in zip(words, divmod(total, 1 << 64), strict=True):
            totals.append(word)
    return EncodedRows(
        span=Span(source, 1, len(events) + 1),
        file=file,
        body=memoryview(b"".join(event + separator for event in events)),
        offsets=memoryview(offsets),
        rows=memoryview(array("q", range(1, len(events) + 1))),
        digests=(memoryview(words[0]), memoryview(words[1])),
        separator_bytes=len(separator),
    )


def make_batches(count: int, size: int, *, separator: bytes = b",") -> list[Batch]:
    """``count`` events ``{"id": 1}``, ``{"id": 2}`` ... in batches of ``size``; event n comes from row n."""
    chunk = make_chunk([b'{"id":%d}' % number for number in range(1, count + 1)], separator=separator)
    cuts = range(0, count, size)
    return [
        Batch(
            number,
            (Piece(chunk, start, min(start + size, count)),),
            (Span(0, start + 1, min(start + size, count) + 1),),
        )
        for number, start in enumerate(cuts)
    ]


def ids_in(body: bytes) -> list[int]:
    """The ids of the events of a request body, single or batch."""
    parsed = json.loads(body)
    return [event["id"] for event in parsed.get("batch", [parsed])]


def digest_of(ids: Sequence[int]) -> int:
    """The digest of the events of :func:`make_batches` with these ids, computed independently of the records."""
    return sum(xxhash.xxh3_128_intdigest(b'{"id":%d}' % number) for number in ids) % DIGEST_MODULUS


class FakeTransport:
    """A destination in memory.

    ``answer`` gets the ids of a request and gives a status, a whole response, or an exception to be raised. Events
    answered with 200 are ``accepted``; ``log`` has the time and the ids of each request.
    """

    def __init__(
        self, answer: Callable[[list[int]], int | Response | Exception], *, latency: Callable[[], float] = lambda: 0.03
    ) -> None:
        self.accepted: Counter[int] = Counter()
        self.log: list[tuple[float, list[int]]] = []
        self.under_way = 0
        self.most_under_way = 0
        self._answer = answer
        self._latency = latency

    async def send(self, request: Request) -> Response:
        ids = ids_in(request.body)
        self.log.append((virtual_clock(), ids))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self._latency())
        finally:
            self.under_way -= 1
        answer = self._answer(ids)
        if isinstance(answer, Exception):
            raise answer
        response = Response(answer) if isinstance(answer, int) else answer
        if response.status == 200:
            self.accepted.update(ids)
        return response

    @property
    def times(self) -> list[float]:
        """When each request began."""
        return [time for time, _ in self.log]


def dice(seed: int) -> Random:
    """Randomness that can be repeated."""
    return Random(seed)  # noqa: S311  for variety, not for secrets


def make_sender(
    transport: FakeTransport,
    policy: RetryPolicy | None = None,
    *,
    rate: float | None = None,
    profile: EndpointProfile = BATCH,
    seed: int = 7,
    accepted_before: bool = False,
    stops_in_doubt: bool = False,
) -> Sender:
    """A sender on virtual time, at ``WALL_CLOCK``."""
    return Sender(
        transport,
        profile,
        policy or RetryPolicy(),
        rate,
        clock=virtual_clock,
        random=dice(seed).random,
        now=lambda: WALL_CLOCK,
        accepted_before=accepted_before,
        stops_in_doubt=stops_in_doubt,
    )


async def deliver_all(sender: Sender, batches: Sequence[Batch], workers: int = 16) -> list[Ack]:
    """What a pipeline does: workers that take batches in order; the first error ends all of them."""
    waiting, acks = list(reversed(batches)), []

    async def work() -> None:
        while waiting:
            acks.append(await sender.deliver(waiting.pop()))

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return acks
