from __future__ import annotations

import asyncio
import logging
import math
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from fakes import (
    FakeTransport,
    deliver_all,
    dice,
    digest_of,
    make_batches,
    make_chunk,
    make_sender,
    run_virtual,
    virtual_clock,
)

from importer.errors import DeliveryAmbiguous, DestinationRefused, DestinationUnavailable, ImporterError
from importer.patience import DOWN_AFTER_FAILURES
from importer.profiles import SINGLE
from importer.records import Ack, Batch, Piece, Response, Span
from importer.sender import NoAnswer, Sender, Stopped
from importer.settings import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Answer = Callable[[list[int]], int | Response | Exception]

POLICY = RetryPolicy()


def run(
    answer: Answer, batches: Sequence[Batch], *, workers: int = 16, rate: float | None = None
) -> tuple[list[Ack], Sender, FakeTransport]:
    async def main() -> tuple[list[Ack], Sender, FakeTransport]:
        transport = FakeTransport(answer)
        sender = make_sender(transport, rate=rate)
        return await deliver_all(sender, batches, workers), sender, transport

    return run_virtual(main)


def failing(
    answer: Answer, batches: Sequence[Batch], *, workers: int = 16, policy: RetryPolicy = POLICY
) -> tuple[ImporterError, Sender, FakeTransport, float]:
    """The error that ends the run, and the seconds until then."""

    async def main() -> tuple[ImporterError, Sender, FakeTransport, float]:
        transport = FakeTransport(answer)
        sender = make_sender(transport, policy)
        begin = virtual_clock()
        with pytest.raises(ImporterError) as caught:
            await deliver_all(sender, batches, workers)
        return caught.value, sender, transport, virtual_clock() - begin

    return run_virtual(main)


# accepted


def test_what_is_accepted_is_sent_once_and_acknowledged_with_its_digest() -> None:
    batches = make_batches(5_000, 700)
    acks, sender, transport = run(lambda _: 200, batches)
    assert transport.accepted == dict.fromkeys(range(1, 5_001), 1)
    assert sorted(ack.batch.number for ack in acks) == list(range(8))
    assert sum(ack.digest for ack in acks) % 2**128 == digest_of(range(1, 5_001))
    assert all(not ack.refused and not ack.resent for ack in acks)
    assert (sender.traffic.requests, sender.traffic.accepted, sender.traffic.retries) == (8, 5_000, 0)
    assert sender.traffic.bytes_sent == sum(len(batch.body(b'{"batch":[', b"]}")) for batch in batches)
    assert sender.traffic.statuses == {200: 8}


def test_a_batch_without_events_needs_no_request() -> None:
    acks, _, transport = run(lambda _: 500, [Batch(0, (), (Span(0, 1, 9),), filtered=8)])
    assert (acks[0].digest, transport.log) == (0, [])


# halved


@pytest.mark.parametrize("status", [400, 413])
@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize(("size", "culprit"), [(2_000, 1), (2_000, 2_000), (2_000, 777), (1_026, 513), (2, 2), (3, 2)])
def test_one_culprit_is_found_in_a_bounded_number_of_requests(
    size: int, culprit: int, status: int, *, trusted: bool
) -> None:
    batches = make_batches(size + 10, size)
    order = reversed(batches) if trusted else batches[:1]
    acks, sender, transport = run(lambda ids: status if culprit in ids else 200, list(order), workers=1)
    expected = set(range(1, size + 1 + 10 * trusted)) - {culprit}
    assert transport.accepted == dict.fromkeys(expected, 1)
    assert sender.traffic.requests - len(acks) <= 2 * math.log2(size) + 2
    (reject,) = acks[-1].rejects
    assert (reject.file, reject.row, reject.line, reject.stage) == ("orders.csv", culprit, 0, "destination")
    assert (reject.code, reject.event) == (f"http_{status}", f'{{"id":{culprit}}}')
    assert acks[-1].digest == digest_of([number for number in range(1, size + 1) if number != culprit])
    assert acks[-1].resent == sender.traffic.retries == 0


def test_culprits_come_in_row_order_with_the_file_that_they_are_from() -> None:
    first, second = (
        make_chunk([b'{"id":1}', b'{"id":2}'], file="a.csv"),
        make_chunk([b'{"id":3}'], file="b.csv", source=1),
    )
    batch = Batch(4, (Piece(first, 0, 2), Piece(second, 0, 1)), (Span(0, 1, 3), Span(1, 1, 2)))
    acks, *_ = run(lambda ids: 400 if {2, 3} & set(ids) else 200, [batch])
    assert [(reject.source, reject.file, reject.row) for reject in acks[0].rejects] == [
        (0, "a.csv", 2),
        (1, "b.csv", 1),
    ]


def test_what_the_server_says_about_a_culprit_is_kept_without_control_characters() -> None:
    said = Response(400, {}, "bad \x1b[31mtimestamp\r\n" + "x" * 5_000)
    acks, *_ = run(lambda ids: said if 3 in ids else 200, make_batches(9, 9))
    message = acks[0].rejects[0].message
    assert "bad [31mtimestamp x" in message
    assert message.isprintable()
    assert len(message) < 300


def test_many_culprits_are_all_found() -> None:
    culprits = set(range(5, 1_000, 5))
    acks, sender, transport = run(lambda ids: 400 if culprits & set(ids) else 200, make_batches(1_000, 500))
    assert transport.accepted == dict.fromkeys(set(range(1, 1_001)) - culprits, 1)
    for ack in acks:
        assert [reject.row for reject in ack.rejects] == [row for row in sorted(culprits) if row in rows_of(ack)]
    assert sender.traffic.accepted == 1_000 - len(culprits)


def rows_of(ack: Ack) -> range:
    return range(ack.batch.spans[0].start, ack.batch.spans[0].stop)


# everything refused


@pytest.mark.parametrize(("size", "workers", "most"), [(2_000, 1, 60), (2_000, 16, 200), (2_000, 64, 500), (5, 1, 20)])
def test_the_refusal_of_everything_is_not_blamed_on_the_events(size: int, workers: int, most: int) -> None:
    batches = make_batches(80_000 if size > 5 else 5, size)
    error, sender, transport, _ = failing(lambda _: 400, batches, workers=workers)
    assert isinstance(error, DestinationRefused)
    assert "orders.csv row" in str(error)
    assert "400 Bad Request" in str(error)
    assert len(transport.log) == sender.traffic.requests <= most


@pytest.mark.parametrize("count", [1, 3])
def test_few_events_all_refused_are_a_refusal(count: int) -> None:
    error, _, transport, _ = failing(lambda _: 400, make_batches(count, 1))
    assert isinstance(error, DestinationRefused)
    assert len(transport.log) == count


@pytest.mark.parametrize(("count", "is_believed"), [(1, True), (15, True), (16, False), (200, False)])
def test_where_others_were_accepted_in_an_earlier_run_a_few_refused_events_are_believed(
    count: int, *, is_believed: bool
) -> None:
    async def main() -> list[Ack]:
        sender = make_sender(FakeTransport(lambda _: 400), accepted_before=True)
        return await deliver_all(sender, make_batches(count, 1))

    if is_believed:
        assert sum(len(ack.refused) for ack in run_virtual(main)) == count
    else:
        with pytest.raises(DestinationRefused):
            run_virtual(main)


def test_deliveries_that_ended_are_not_waited_for() -> None:
    async def main() -> None:
        sender = make_sender(FakeTransport(lambda _: 400))
        await sender.deliver(Batch(0, (), (Span(0, 1, 9),), filtered=8))
        async with asyncio.timeout(10):
            with pytest.raises(DestinationRefused):
                await sender.deliver(make_batches(1, 1)[0])

    run_virtual(main)


def test_a_lone_event_refused_first_waits_for_what_becomes_of_the_others() -> None:
    async def main() -> list[Ack]:
        transport = FakeTransport(lambda ids: 400 if ids == [1] else 200)
        sender = make_sender(transport)
        bad, good = make_batches(2, 1)
        first = asyncio.create_task(sender.deliver(bad))
        await asyncio.sleep(1)
        return [await sender.deliver(good), await first]

    acks = run_virtual(main)
    assert [len(ack.refused) for ack in acks] == [0, 1]


def test_doubt_lasts_as_long_as_another_request_may_still_be_accepted() -> None:
    answers = iter([503] * 6)
    acks, *_ = run(lambda ids: 400 if ids == [1] else next(answers, 200), make_batches(2, 1))
    assert sorted(len(ack.refused) for ack in acks) == [0, 1]


def test_a_batch_with_a_third_of_culprits_is_no_reason_to_refuse() -> None:
    """Its halves, quarters and most of what follows are all refused; single events are not."""
    acks, _, transport = run(
        lambda ids: 400 if any(i % 3 == 1 for i in ids) else 200, make_batches(300, 300), workers=1
    )
    assert len(acks[0].refused) == 100
    assert len(transport.accepted) == 200


# refused


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (401, "IMPORTER_SOURCE_KEY"),
        (403, "--site"),
        (404, "--endpoint single"),
        (302, "Redirects"),
        (Response(200, {"content-type": "text/html; charset=utf-8"}), "page"),
        (Response(200, {}, "<!DOCTYPE html><html>"), "page"),
        (418, "--url"),
    ],
)
def test_a_refusal_stops_at_once_and_says_what_to_check(answer: int | Response, words: str) -> None:
    error, _, transport, seconds = failing(lambda _: answer, make_batches(100, 1))
    assert isinstance(error, DestinationRefused)
    assert words in error.hint
    assert len(transport.log) <= 16
    assert seconds < 1


def test_a_refusal_by_the_transport_passes_through() -> None:
    error, *_ = failing(lambda _: DestinationRefused("the certificate is refused"), make_batches(3, 1))
    assert error.message == "the certificate is refused"


# retried


def test_a_third_of_failures_costs_a_third_of_attempts_and_no_throttle() -> None:
    chance = dice(3)
    acks, sender, transport = run(lambda _: 503 if chance.random() < 1 / 3 else 200, make_batches(20_000, 20), rate=500)
    assert transport.accepted == dict.fromkeys(range(1, 20_001), 1)
    assert len(transport.log) == pytest.approx(1_500, rel=0.05)
    assert transport.times[-1] - transport.times[0] < 26  # what the backoffs of 16 workers take; throttled: 27 to 37
    assert sender.traffic.resent == sum(ack.resent for ack in acks) > 0
    assert sender.traffic.statuses[503] == sender.traffic.retries


@pytest.mark.parametrize("failure", [500, 503, 408, 429, NoAnswer("reset", sent=True)])
def test_an_outage_of_a_minute_costs_few_requests(failure: int | Exception) -> None:
    async def main() -> FakeTransport:
        back = virtual_clock() + 60
        transport = FakeTransport(lambda _: failure if virtual_clock() < back else 200)
        await deliver_all(make_sender(transport), make_batches(2_000, 10))
        probes = [time for time, _ in transport.log if back - 55 < time < back]
        assert 1 <= len(probes) <= 12
        assert transport.times[-1] < back + POLICY.max_backoff_seconds + 5  # at full speed again
        return transport

    transport = run_virtual(main)
    assert transport.accepted == dict.fromkeys(range(1, 2_001), 1)
    assert len(transport.log) < 200 + 16 + DOWN_AFTER_FAILURES + 20


def test_one_at_a_time_while_down_and_everybody_again_afterwards() -> None:
    async def main() -> None:
        back = virtual_clock() + 30
        transport = FakeTransport(lambda _: 503 if virtual_clock() < back else 200)
        task = asyncio.create_task(deliver_all(make_sender(transport), make_batches(400, 1)))
        await asyncio.sleep(5)
        transport.most_under_way = transport.under_way
        await asyncio.sleep(20)
        assert transport.most_under_way <= 1
        await task
        assert transport.most_under_way == 16

    run_virtual(main)


def test_those_who_wait_for_their_turn_do_not_go_on_when_it_is_down_by_then() -> None:
    async def main() -> None:
        transport = FakeTransport(lambda _: 503, latency=lambda: 1.0)
        sender = make_sender(transport, rate=2)  # so slow that eight have failed before the sixteenth may go
        task = asyncio.create_task(deliver_all(sender, make_batches(16, 1)))
        await asyncio.sleep(6)
        transport.most_under_way = transport.under_way
        await asyncio.sleep(20)
        assert len(transport.log) > DOWN_AFTER_FAILURES
        assert transport.most_under_way <= 1
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    run_virtual(main)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("2", 2), ("Sun, 01 Mar 2026 12:00:40 GMT", 40), ("1000000000", 300), ("1e9", 300), ("9" * 400, 300)],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_holds_every_worker(
    header: str, seconds: float, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[float] = []

    def answer(ids: list[int]) -> int | Response:
        if 50 in ids and not asked:
            asked.append(virtual_clock())
            return Response(status, {"retry-after": header})
        return 200

    with caplog.at_level(logging.WARNING):
        _, _, transport = run(answer, make_batches(100, 1), rate=100)
    later = [time for time in transport.times if time > asked[0]]
    assert min(later) >= asked[0] + seconds
    assert transport.accepted == dict.fromkeys(range(1, 101), 1)
    assert ("300 s are kept" in caplog.text) == (seconds == 300)


@pytest.mark.parametrize("header", ["-1", "soon", "", "nan", "Sun, 01 Mar 2020 12:00:00 GMT"])
def test_an_unusable_retry_after_is_an_ordinary_failure(header: str) -> None:
    answers = iter([Response(503, {"retry-after": header})])
    _, _, transport = run(lambda _: next(answers, 200), make_batches(3, 1))
    assert transport.times[-1] - transport.times[0] < 1
    assert len(transport.log) == 4


@pytest.mark.parametrize("failure", [503, Response(429, {"retry-after": "1000000"}), NoAnswer("refused", sent=False)])
@pytest.mark.parametrize("workers", [1, 16])
def test_patience_ends(failure: int | Response | Exception, workers: int) -> None:
    policy = replace(POLICY, patience_seconds=90)
    error, _, transport, seconds = failing(lambda _: failure, make_batches(100, 1), workers=workers, policy=policy)
    assert isinstance(error, DestinationUnavailable)
    assert "90 s" in error.message
    assert seconds == pytest.approx(90, abs=1)
    assert len(transport.log) < 60


def test_patience_counts_from_the_first_failure_after_an_answer() -> None:
    """One request in four fails for hours, and the importer idles for an hour: no reason to give up."""

    async def main() -> None:
        answers = iter(([503] + [200] * 3) * 1_000)
        sender = make_sender(FakeTransport(lambda _: next(answers)), policy=replace(POLICY, patience_seconds=30))
        for batch in make_batches(100, 1):
            await sender.deliver(batch)
            await asyncio.sleep(3_600 if batch.number == 50 else 10)

    run_virtual(main)


@pytest.mark.parametrize(
    ("failure", "resent"),
    [(500, 10), (408, 10), (NoAnswer("cut", sent=True), 10), (429, 0), (NoAnswer("refused", sent=False), 0)],
)
def test_only_what_may_have_been_stored_counts_as_resent(failure: int | Exception, resent: int) -> None:
    answers = iter([failure, failure])
    acks, sender, _ = run(lambda _: next(answers, 200), make_batches(10, 10))
    assert (acks[0].resent, sender.traffic.resent, sender.traffic.retries) == (resent, resent, 2)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(
    ("failure", "is_doubtful"),
    [(503, True), (NoAnswer("cut", sent=True), True), (429, False), (NoAnswer("refused", sent=False), False)],
)
def test_what_is_left_unsettled_is_in_doubt_if_something_of_it_may_be_stored(
    failure: int | Exception, workers: int, *, is_doubtful: bool
) -> None:
    """Of the workers one ends with the error and the others with a stop."""
    policy = replace(POLICY, patience_seconds=5)
    batches = make_batches(40, 10)
    _, sender, _, _ = failing(lambda _: failure, batches, workers=workers, policy=policy)
    tried = [span for batch in batches[:workers] for span in batch.spans]
    assert sorted(sender.doubtful) == (tried if is_doubtful else [])


def test_a_batch_of_which_a_part_was_accepted_is_in_doubt_when_it_is_left() -> None:
    answers = iter([400, 200])
    _, sender, _, _ = failing(lambda _: next(answers, 401), make_batches(20, 20))
    assert sender.doubtful == [Span(0, 1, 21)]


# stopped


async def stopped_after(seconds: float, sender: Sender, batch: Batch) -> tuple[Ack | None, float]:
    """What became of ``batch`` (``None``: left unsettled), and how long after the stop."""
    task = asyncio.create_task(sender.deliver(batch))
    await asyncio.sleep(seconds)
    sender.stop()
    begin = virtual_clock()
    ack = None
    with suppress(Stopped):
        ack = await task
    return ack, virtual_clock() - begin


def test_a_stop_lets_a_request_under_way_finish() -> None:
    async def main() -> None:
        sender = make_sender(FakeTransport(lambda _: 200, latency=lambda: 20))
        ack, seconds = await stopped_after(1, sender, make_batches(3, 3)[0])
        assert ack is not None
        assert seconds == pytest.approx(19)
        with pytest.raises(Stopped):
            await sender.deliver(make_batches(3, 3)[0])

    run_virtual(main)


@pytest.mark.parametrize("answer", [503, Response(429, {"retry-after": "200"}), 400], ids=["backoff", "pause", "doubt"])
def test_a_stop_ends_every_wait(answer: int | Response) -> None:
    async def main() -> None:
        sender = make_sender(FakeTransport(lambda _: answer), policy=replace(POLICY, base_backoff_seconds=30))
        ack, seconds = await stopped_after(0.5, sender, make_batches(1, 1)[0])
        assert ack is None
        assert seconds < 0.1

    run_virtual(main)


def test_a_stop_ends_the_workers_behind_the_probe() -> None:
    async def main() -> None:
        sender = make_sender(FakeTransport(lambda _: 503))
        tasks = [asyncio.create_task(sender.deliver(batch)) for batch in make_batches(64, 1)]
        await asyncio.sleep(40)
        sender.stop()
        async with asyncio.timeout(1):
            results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results} == {Stopped}

    run_virtual(main)


def test_a_stop_amid_the_halving_lets_the_batch_be_settled() -> None:
    """Leaving it would repeat what was accepted."""

    async def main() -> None:
        transport = FakeTransport(lambda ids: 400 if 2_000 in ids else 200)
        ack, _ = await stopped_after(0.1, make_sender(transport, rate=50), make_batches(2_000, 2_000)[0])
        assert ack is not None
        assert len(ack.refused) == 1
        assert set(transport.accepted.values()) == {1}

    run_virtual(main)


def test_a_stop_amid_the_halving_of_a_failing_destination_is_not_waited_for_long() -> None:
    async def main() -> None:
        answers = iter([400, 200])
        sender = make_sender(FakeTransport(lambda _: next(answers, 503)))
        ack, seconds = await stopped_after(0.1, sender, make_batches(20, 20)[0])
        assert ack is None
        assert seconds < 6

    run_virtual(main)


def test_a_cancelled_delivery_leaves_the_sender_usable() -> None:
    async def main() -> None:
        down = True
        transport = FakeTransport(lambda _: 503 if down else 200)
        sender = make_sender(transport, rate=100)
        tasks = [asyncio.create_task(sender.deliver(batch)) for batch in make_batches(30, 1)]
        await asyncio.sleep(20)
        for task in tasks[::2]:
            task.cancel()
        down = False
        await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(transport.accepted.values()) == 15

    run_virtual(main)


# single


def test_a_single_event_is_its_own_request() -> None:
    async def main() -> None:
        transport = FakeTransport(lambda ids: 400 if 3 in ids else 200)
        sender = make_sender(transport, profile=SINGLE)
        acks = await deliver_all(sender, make_batches(5, 1, separator=b""))
        assert [ids for _, ids in transport.log] == [[1], [2], [3], [4], [5]]
        assert sum(len(ack.refused) for ack in acks) == 1

    run_virtual(main)


@pytest.mark.parametrize(
    ("answer", "is_doubtful"),
    [
        (NoAnswer("cut", sent=True), True),
        (503, True),
        (NoAnswer("refused", sent=False), False),
        (429, False),
    ],
)
def test_a_sender_that_stops_in_doubt_sends_nothing_twice_that_may_be_there(
    answer: int | Exception, *, is_doubtful: bool
) -> None:
    async def main() -> tuple[Sender, FakeTransport, BaseException | None]:
        transport = FakeTransport(lambda _: answer if len(transport.log) == 1 else 200)
        sender = make_sender(transport, stops_in_doubt=True)
        found = await asyncio.gather(sender.deliver(make_batches(3, 3)[0]), return_exceptions=True)
        return sender, transport, found[0] if isinstance(found[0], BaseException) else None

    sender, transport, error = run_virtual(main)
    assert isinstance(error, DeliveryAmbiguous) is is_doubtful
    assert len(transport.log) == (1 if is_doubtful else 2)
    assert sender.doubtful == ([Span(0, 1, 4)] if is_doubtful else [])


def test_a_destination_that_begins_to_refuse_everything_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importer.sender.MOST_REFUSED_IN_A_ROW", 100)
    answers = iter([200] * 5)
    error, sender, transport, _ = failing(lambda _: next(answers, 400), make_batches(1_000, 10), workers=4)
    assert isinstance(error, DestinationRefused)
    assert sum(transport.accepted.values()) == sender.traffic.accepted == 50
    assert len(transport.log) < 5 + 3 * 100


def test_many_refused_events_among_accepted_ones_are_rejects_however_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importer.sender.MOST_REFUSED_IN_A_ROW", 100)
    acks, _, _ = run(lambda ids: 400 if any(one % 2 for one in ids) else 200, make_batches(1_000, 10), workers=4)
    assert sum(len(ack.rejects) for ack in acks) == 500
