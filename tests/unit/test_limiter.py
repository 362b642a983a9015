import asyncio
import threading
import time
from bisect import bisect_left
from contextlib import suppress

import pytest
from fakes import run_virtual, virtual_clock

from importer.limiter import CATCH_UP_SECONDS, Limiter


def most_in_one_second(times: list[float], window: float = 1.0) -> int:
    return max(bisect_left(times, start + window) - index for index, start in enumerate(times))


def releases(rate: float | None, count: int, workers: int = 8) -> list[float]:
    """The times of ``count`` releases to callers that always want more."""

    async def main() -> list[float]:
        limiter, times = Limiter(rate, clock=virtual_clock), []

        async def work() -> None:
            while len(times) < count:
                await limiter.acquire()
                times.append(virtual_clock())

        await asyncio.gather(*(work() for _ in range(workers)))
        return times[:count]

    return run_virtual(main)


@pytest.mark.parametrize("rate", [0.1, 0.5, 1, 2.5, 3, 30, 500])
def test_releases_are_even_and_no_window_holds_too_many(rate: float) -> None:
    times = releases(rate, int(3 * rate) + 12)
    schedule = [times[0] + index / rate for index in range(len(times))]
    assert times == pytest.approx(schedule, abs=CATCH_UP_SECONDS * 1.01)
    assert most_in_one_second(times) <= max(rate, 1) + (rate % 1 > 0)


def test_no_rate_means_no_wait() -> None:
    times = releases(None, 1_000)
    assert times[0] == times[-1]


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_an_error(rate: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Limiter(rate)


def test_idle_time_is_not_saved_up_for_a_burst() -> None:
    async def main() -> list[float]:
        limiter, times = Limiter(100, clock=virtual_clock), []
        await limiter.acquire()
        await asyncio.sleep(60)
        for _ in range(150):
            await limiter.acquire()
            times.append(virtual_clock())
        return times

    times = run_virtual(main)
    assert most_in_one_second(times) <= 100
    assert most_in_one_second(times, 0.01) <= 1 + CATCH_UP_SECONDS * 100


@pytest.mark.parametrize("lateness", [0.0, 0.001, 0.004, 0.015])
def test_late_wake_ups_cost_no_rate_and_no_window(lateness: float) -> None:
    async def main() -> list[float]:
        async def late_sleep(seconds: float) -> None:
            await asyncio.sleep(seconds + lateness)

        limiter, times = Limiter(500, clock=virtual_clock, sleep=late_sleep), []
        while len(times) < 5_000:
            await limiter.acquire()
            times.append(virtual_clock())
        return times

    times = run_virtual(main)
    assert most_in_one_second(times) <= 500
    assert len(times) / (times[-1] - times[0]) > 0.98 * 500


def test_waiters_go_in_the_order_in_which_they_came() -> None:
    async def main() -> list[int]:
        limiter, order = Limiter(1_000, clock=virtual_clock), []

        async def one(number: int) -> None:
            await limiter.acquire()
            order.append(number)

        await asyncio.gather(*(one(number) for number in range(100)))
        return order

    assert run_virtual(main) == list(range(100))


def test_nobody_overtakes_those_who_wait() -> None:
    async def main() -> None:
        async def late_sleep(seconds: float) -> None:
            await asyncio.sleep(seconds + 0.005)  # so that several are due when one wakes up

        limiter, overtaken = Limiter(1_000, clock=virtual_clock, sleep=late_sleep), []
        waiters = [asyncio.create_task(limiter.acquire()) for _ in range(200)]
        while not all(waiter.done() for waiter in waiters):
            for _ in range(4):  # also between the wake-ups of one instant
                overtaken.append(not all(waiter.done() for waiter in waiters) and limiter.try_acquire())
                await asyncio.sleep(0)
            await asyncio.sleep(0.0005)
        assert limiter._waiting == 0
        assert overtaken[0]  # before any of them had begun to wait
        assert not any(overtaken[1:])
        await asyncio.sleep(1)
        assert limiter.try_acquire()

    run_virtual(main)


@pytest.mark.parametrize("rate", [None, 50])
def test_a_pause_holds_everybody_and_is_never_shortened(rate: float | None) -> None:
    async def main() -> list[float]:
        limiter, times = Limiter(rate, clock=virtual_clock), []
        begin = virtual_clock()

        async def one() -> None:
            await limiter.acquire()
            times.append(virtual_clock() - begin)

        limiter.pause(10)
        limiter.pause(2)
        tasks = [asyncio.create_task(one()) for _ in range(5)]
        await asyncio.sleep(9)
        limiter.pause(3)  # begins while somebody sleeps for the first one
        await asyncio.gather(*tasks)
        return times

    times = run_virtual(main)
    assert times[0] == pytest.approx(12)
    assert times == pytest.approx([12 + (index / rate if rate else 0) for index in range(5)])


def test_cancelled_waiters_take_no_slot_with_them() -> None:
    async def main() -> list[float]:
        limiter, times = Limiter(10, clock=virtual_clock), []

        async def one() -> None:
            await limiter.acquire()
            times.append(virtual_clock())

        tasks = [asyncio.create_task(one()) for _ in range(20)]
        await asyncio.sleep(0.05)
        for task in tasks[1:20:2]:  # also the one that sleeps at this moment
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        return times

    times = run_virtual(main)
    assert len(times) == 10
    assert times[-1] - times[0] == pytest.approx(9 / 10, abs=CATCH_UP_SECONDS)


async def test_the_real_clock_keeps_the_window_beside_a_busy_thread() -> None:
    over = threading.Event()
    thread = threading.Thread(target=lambda: all(not over.is_set() for _ in iter(int, 1)))
    thread.start()
    times, now = [], 0.0

    def clock() -> float:
        nonlocal now
        now = time.monotonic()
        return now

    limiter = Limiter(500, clock=clock)

    async def work() -> None:
        while len(times) < 750:
            await limiter.acquire()
            times.append(now)  # the moment of the release: reading the clock again here would add what came between

    try:
        await asyncio.gather(*(work() for _ in range(16)))
    finally:
        over.set()
        thread.join()
    assert most_in_one_second(times) <= 500
