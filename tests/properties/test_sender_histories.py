"""The sender against destinations that fail in random ways, on virtual time.

A history is a seed: hypothesis prints it, and the same seed is the same run.
"""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, replace

from fakes import FakeTransport, deliver_all, dice, digest_of, make_batches, make_sender, run_virtual, virtual_clock
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.errors import DestinationUnavailable
from importer.records import Ack, Response
from importer.sender import NoAnswer, Sender, Stopped
from importer.settings import RetryPolicy

FAILURES = [
    500,
    503,
    408,
    429,
    Response(503, {"retry-after": "3"}),
    Response(429, {"retry-after": "Sun, 01 Mar 2026 12:00:05 GMT"}),
    NoAnswer("refused", sent=False),
]
LOST = NoAnswer("the answer was lost", sent=True)


@dataclass(frozen=True)
class History:
    """How a destination behaves. ``outages`` are (begin, length) in seconds; a lost answer was stored before."""

    seed: int
    failing_share: float
    lost_share: float
    outages: list[tuple[int, int]]
    culprits: frozenset[int]


histories = st.builds(
    History,
    seed=st.integers(0, 2**32),
    failing_share=st.sampled_from([0, 0.02, 0.3, 0.6]),
    lost_share=st.sampled_from([0, 0.05, 0.3]),
    outages=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 120)), max_size=2),
    culprits=st.frozensets(st.integers(1, 120), max_size=6),
)


class Destination(FakeTransport):
    """A destination with a history. ``stored`` is what it kept, lost answers included."""

    def __init__(self, history: History) -> None:
        self.chance = dice(history.seed)
        self.history = history
        self.begin = virtual_clock()
        self.stored: Counter[int] = Counter()
        self.failures = 0
        super().__init__(self.decide, latency=lambda: self.chance.random() * 0.2)

    def decide(self, ids: list[int]) -> int | Response | Exception:
        now, drawn = virtual_clock() - self.begin, self.chance.random()
        down = any(begin <= now < begin + length for begin, length in self.history.outages)
        if down or drawn < self.history.failing_share:
            self.failures += 1
            return self.chance.choice(FAILURES)
        if self.history.culprits & set(ids):
            return 400
        self.stored.update(ids)
        if drawn > 1 - self.history.lost_share:
            self.failures += 1
            return LOST
        return 200


def most_in_a_second(times: list[float]) -> int:
    return max(bisect_left(times, time + 1) - index for index, time in enumerate(times))


@settings(max_examples=40, deadline=None)
@given(
    histories,
    st.sampled_from([1, 3, 16]),
    st.sampled_from([1, 7, 40]),
    st.sampled_from([None, 5, 50]),
)
def test_every_event_is_accepted_once_or_refused(history: History, workers: int, size: int, rate: float | None) -> None:
    batches = make_batches(120 + 40, size)  # the last ones are never culprits

    async def main() -> tuple[list[Ack], Sender, Destination]:
        destination = Destination(history)
        sender = make_sender(destination, replace(RetryPolicy(), patience_seconds=1e6), rate=rate, seed=history.seed)
        if history.culprits:  # with nothing ever accepted, culprits may be a reason to refuse: see the unit tests
            await sender.deliver(batches[-1])
        return await deliver_all(sender, batches[:-1] if history.culprits else batches, workers), sender, destination

    acks, sender, destination = run_virtual(main)
    expected = set(range(1, 161)) - history.culprits
    refused = [reject.row for ack in acks for reject in ack.rejects]
    assert sorted(refused) == sorted(history.culprits)
    assert set(destination.stored) == expected
    assert destination.accepted == dict.fromkeys(expected, 1)  # nothing that was acknowledged is sent again
    assert sum(destination.stored.values()) - len(expected) <= sender.traffic.resent + repeated_often(destination)
    for ack in acks:
        ids = {row for piece in ack.batch.pieces for row in piece.encoded.rows[piece.start : piece.stop]}
        assert ack.digest == digest_of(sorted(ids - history.culprits))
    requests, extra = sender.traffic.requests, 2 * math.log2(size) + 2
    assert requests == len(destination.log)
    assert requests <= len(batches) + destination.failures + len(history.culprits) * extra
    assert sender.traffic.retries == destination.failures
    if rate:
        assert most_in_a_second(destination.times) <= rate


def repeated_often(destination: Destination) -> int:
    """Copies beyond the second one: ``resent`` counts an event once, however often it went."""
    return sum(count - 2 for count in destination.stored.values() if count > 2)


@settings(max_examples=40, deadline=None)
@given(histories, st.floats(0, 90), st.sampled_from([1, 7, 40]))
@example(History(0, 0, 0, [], frozenset({1})), 0.01, 40)
def test_a_stop_at_any_moment_ends_soon_and_loses_nothing(history: History, moment: float, size: int) -> None:
    batches = make_batches(160, size)

    async def main() -> None:
        destination = Destination(history)
        sender = make_sender(destination, rate=20, seed=history.seed)
        tasks = [asyncio.create_task(sender.deliver(batch)) for batch in batches]
        await asyncio.sleep(moment)
        sender.stop()
        stopped = virtual_clock()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert virtual_clock() - stopped < 6
        assert {type(result) for result in results} <= {Ack, Stopped}
        settled = {row for ack in results if isinstance(ack, Ack) for row in rows(ack)}
        refused = {reject.row for ack in results if isinstance(ack, Ack) for reject in ack.rejects}
        assert settled - refused <= set(destination.accepted)
        assert refused <= history.culprits
        if not history.failing_share and not history.lost_share and not history.outages:
            assert set(destination.accepted) == settled - refused  # a resume repeats nothing

    run_virtual(main)


def rows(ack: Ack) -> set[int]:
    return {row for piece in ack.batch.pieces for row in piece.encoded.rows[piece.start : piece.stop]}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 4, 16]), st.floats(10, 2_000))
def test_a_destination_that_never_comes_back_ends_the_run(seed: int, workers: int, patience_seconds: float) -> None:
    async def main() -> None:
        destination = Destination(History(seed, 0, 0, [(1, 10**9)], frozenset()))
        sender = make_sender(destination, replace(RetryPolicy(), patience_seconds=patience_seconds), rate=10, seed=seed)
        begin = virtual_clock()
        try:
            await deliver_all(sender, make_batches(100, 1), workers)
        except DestinationUnavailable:
            assert virtual_clock() - begin < patience_seconds + 15
            return
        raise AssertionError("the run ended well")

    run_virtual(main)
