from __future__ import annotations

import asyncio
import contextlib
import math
from array import array
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

import pytest
from fakes import digest_of, make_batches, make_chunk

from importer.ack import AckWriter, joined, tallies
from importer.checkpoint import OPEN_END, Anchor, Candidate, Changes, Checkpoint, ImportKey, StoredIdentity, Tally
from importer.checkpoint.tally import total
from importer.errors import Imbalance, StateUnusable
from importer.records import Ack, Batch, Piece, Refusal, Reject, Span
from importer.rejects import RejectsFile, read_rejects
from importer.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from importer.records import EncodedRows


class Watched(Checkpoint):
    """A checkpoint that remembers what the rejects file held when each transaction began.

    Whoever holds ``disk`` keeps every transaction waiting, as a slow disk does.
    """

    rejects_path: Path
    seen: list[int]
    disk: Lock

    def commit(self, changes: Changes) -> None:
        if changes.acknowledged:
            self.seen.append(len(list(read_rejects(self.rejects_path))))
        with self.disk:
            super().commit(changes)


class House:
    """A writer with all that it writes into."""

    def __init__(self, tmp_path: Path) -> None:
        self.key = ImportKey(tmp_path / "m.yaml", "sandbox", "1")
        self.path = tmp_path
        self.open()

    def open(self) -> None:
        self.checkpoint = Watched(self.path / "state", self.key, lambda: datetime(2026, 3, 1, tzinfo=UTC))
        self.checkpoint.rejects_path, self.checkpoint.seen, self.checkpoint.disk = self.path / "r", [], Lock()
        names = ("orders.csv", "more.csv")
        candidates = [Candidate(str(self.path / name), name, StoredIdentity(1, 2, "h")) for name in names]
        self.checkpoint.begin(candidates, {}, {})
        self.rejects = RejectsFile(self.path / "r", self.checkpoint.rejects_length(str(self.path / "r")))
        self.report = Report()
        self.writer = AckWriter(self.checkpoint, self.rejects, self.report)

    def close(self) -> None:
        self.rejects.close()
        self.checkpoint.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def a_reject(row: int, stage: str = "mapping", source: int = 0) -> Reject:
    return Reject(source, "orders.csv", row, row, stage, "bad", "no")


def at_rows(chunk: EncodedRows, source: int, *rows: int) -> EncodedRows:
    """``chunk`` as if its events came from these rows of ``source``."""
    return replace(chunk, span=Span(source, 1, rows[-1] + 5), rows=memoryview(array("q", rows)))


def accepted(batch: Batch, resent: int = 0) -> Ack:
    return Ack(batch, batch.digest(), resent=resent)


def mixed() -> Ack:
    """Two sources: rows 1 to 5 of the first, 1 and 2 of the second; event 3 refused, row 2 rejected, row 5 filtered."""
    first = at_rows(make_chunk([b'{"id":1}', b'{"id":3}', b'{"id":4}']), 0, 1, 3, 4)
    second = at_rows(make_chunk([b'{"id":8}', b'{"id":9}']), 1, 1, 2)
    batch = Batch(
        1,
        (Piece(first, 0, 3), Piece(second, 0, 2)),
        (Span(0, 1, 6), Span(1, 1, 3)),
        (a_reject(2, "encode"),),
        filtered=1,
    )
    return Ack(batch, digest_of([1, 4, 8, 9]), (Refusal(Piece(first, 1, 2), (a_reject(3, "destination"),)),), resent=2)


def test_each_source_gets_its_own_counts_and_digest() -> None:
    assert tallies(mixed(), 2) == {
        0: Tally(
            sent=2, filtered=1, rejected={"encode": 1, "destination": 1}, accepted=2, refused=1, resent=2,
            digest=digest_of([1, 4]),
        ),
        1: Tally(sent=2, accepted=2, digest=digest_of([8, 9])),
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"digest": 1},
        {"refused": ()},
        {"refused": (replace(mixed().refused[0], rejects=()),)},
        {"refused": (replace(mixed().refused[0], rejects=(a_reject(3, "destination"), a_reject(5, "destination"))),)},
        {"batch": replace(mixed().batch, filtered=0)},
        {"batch": replace(mixed().batch, rejects=())},
        {"batch": replace(mixed().batch, spans=(Span(0, 1, 6),))},
        {"batch": replace(mixed().batch, spans=(Span(0, 1, 6), Span(1, 1, 4)))},
    ],
)
def test_an_ack_that_contradicts_itself_is_not_counted(change: dict[str, Any]) -> None:
    with pytest.raises(Imbalance):
        tallies(replace(mixed(), **change), 0)


def test_events_that_were_sent_alone_are_counted_as_one_batch() -> None:
    acks = [accepted(batch) for batch in make_batches(100, 1)]
    (whole,) = joined([*acks[1::3], *acks[2::3], *acks[::3]])  # answers come in any order
    assert whole.batch.spans == (Span(0, 1, 101),)
    assert (whole.batch.count, whole.digest) == (100, digest_of(range(1, 101)))
    assert tallies(whole, 0) == {0: total(tallies(ack, 0)[0] for ack in acks)}


@pytest.mark.parametrize(
    "odd",
    [
        lambda ack: accepted(ack.batch, resent=1),
        lambda ack: replace(ack, batch=replace(ack.batch, rejects=(a_reject(5),))),
        lambda ack: replace(ack, batch=replace(ack.batch, duplicates={0: 1})),
        lambda ack: replace(ack, refused=(Refusal(ack.batch.pieces[0], (a_reject(5, "destination"),)),)),
        lambda ack: replace(ack, batch=replace(ack.batch, spans=(*ack.batch.spans, Span(1, 1, 2)))),
        lambda ack: replace(ack, batch=replace(ack.batch, pieces=())),
        lambda ack: replace(ack, batch=replace(ack.batch, spans=(Span(1, 5, 6),))),
        lambda ack: replace(ack, batch=replace(ack.batch, spans=(Span(0, 50, 51),))),
        lambda ack: replace(ack, batch=replace(ack.batch, pieces=(Piece(make_chunk([b"{}"] * 9), 4, 5),))),
    ],
)
def test_what_is_not_plain_stays_alone(odd: Callable[[Ack], Ack]) -> None:
    acks = [accepted(batch) for batch in make_batches(9, 1)]
    acks[4] = odd(acks[4])
    found = joined(acks)
    assert [ack.batch.count for ack in found] == [4, len(acks[4].batch.pieces), 4]
    assert found[1] is acks[4]


def test_an_answer_that_is_still_missing_leaves_a_gap() -> None:
    acks = [accepted(batch) for batch in make_batches(9, 1)]
    found = joined([*acks[6:], *acks[:4]])
    assert [ack.batch.spans for ack in found] == [(Span(0, 1, 5),), (Span(0, 7, 10),)]
    assert joined([]) == []


async def test_an_acknowledgement_is_durable_when_it_returns(house: House) -> None:
    with house.writer as writer:
        await writer.announce([Span(0, 1, 6), Span(1, 1, 3)], [Anchor(0, 1, 10, 2)])
        await writer.acknowledge(mixed())
        await writer.finish({1: 2})
        assert house.report.rows.sent == 4
    house.close()
    house.open()
    assert house.checkpoint.missing(0) == [Span(0, 6, OPEN_END)]
    assert house.checkpoint.missing(1) == []
    assert house.checkpoint.ambiguous() == []
    assert house.checkpoint.anchor(0, 5) == Anchor(0, 1, 10, 2)
    assert house.checkpoint.total().digest == digest_of([1, 4, 8, 9])
    assert [(body["row"], body["stage"]) for body in read_rejects(house.path / "r")] == [
        (2, "encode"),
        (3, "destination"),
    ]
    assert house.rejects.length == (house.path / "r").stat().st_size > 0


async def test_the_report_gets_what_the_checkpoint_has(house: House) -> None:
    with house.writer as writer:
        await writer.acknowledge(mixed())
        await writer.acknowledge(Ack(Batch(2, (), (Span(0, 6, 9),), (a_reject(7),), filtered=2), 0))
    total, rows, events = house.checkpoint.total(), house.report.rows, house.report.events
    assert (rows.sent, rows.filtered, rows.rejected) == (total.sent, total.filtered, total.rejected_rows) == (4, 3, 3)
    assert (
        (events.accepted, events.rejected, events.resent) == (total.accepted, total.refused, total.resent) == (4, 1, 2)
    )
    assert house.report.digest == total.digest


async def test_rejects_are_on_disk_before_the_checkpoint_moves(house: House) -> None:
    with house.writer as writer:
        for row in (1, 2, 3):
            await writer.acknowledge(Ack(Batch(row, (), (Span(0, row, row + 1),), (a_reject(row),)), 0))
    assert house.checkpoint.seen == [1, 2, 3]


async def test_what_waits_is_committed_together(house: House) -> None:
    batches = make_batches(640, 1)
    with house.writer as writer:
        with house.checkpoint.disk:
            tasks = [asyncio.create_task(writer.acknowledge(accepted(batch))) for batch in batches]
            await asyncio.sleep(0)  # now all of them wait, in the first transaction or for it
        await asyncio.gather(*tasks)
    assert len(house.checkpoint.seen) <= 1 + math.ceil(640 / 256)
    assert house.checkpoint.missing(0) == [Span(0, 641, OPEN_END)]


async def test_a_waiter_that_is_cancelled_does_not_take_its_record_back(house: House) -> None:
    batches = make_batches(100, 1)
    with house.writer as writer:
        tasks = [asyncio.create_task(writer.acknowledge(accepted(batch))) for batch in batches]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await writer.announce([Span(0, 200, 201)])  # the writer goes on
    assert house.checkpoint.missing(0) == [Span(0, 101, OPEN_END)]


async def test_announced_rows_and_the_end_of_a_source_are_recorded(house: House) -> None:
    with house.writer as writer:
        await writer.announce([Span(0, 1, 9)])
        await writer.acknowledge(Ack(Batch(1, (), (Span(0, 1, 4),), filtered=3), 0))
        await writer.finish({0: 8})
    assert house.checkpoint.missing(0) == [Span(0, 4, 9)]


async def test_a_failure_reaches_every_waiter_and_all_that_come_later(house: House) -> None:
    with house.writer as writer:
        house.checkpoint._store._connection.close()
        tasks = [writer.acknowledge(accepted(batch)) for batch in make_batches(50, 1)]
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(error, StateUnusable) for error in found)
        with pytest.raises(StateUnusable):
            await writer.announce([Span(0, 1, 2)])
    assert house.report.rows.sent == 0


async def test_rejects_that_cannot_be_written_stop_the_checkpoint(house: House) -> None:
    with house.writer as writer:
        await writer.acknowledge(accepted(make_batches(1, 1)[0]))
        (house.path / "r").unlink()
        with pytest.raises(StateUnusable):
            await writer.acknowledge(Ack(Batch(2, (), (Span(0, 2, 3),), (a_reject(2),)), 0))
    assert house.checkpoint.missing(0) == [Span(0, 2, OPEN_END)]


async def test_an_imbalance_is_an_error_of_its_own(house: House) -> None:
    with house.writer as writer:
        await writer.acknowledge(accepted(make_batches(1, 1)[0]))
        with pytest.raises(Imbalance):
            await writer.acknowledge(accepted(make_batches(1, 1)[0]))


async def test_after_the_end_nothing_is_taken(house: House) -> None:
    with house.writer as writer:
        pass
    with pytest.raises(StateUnusable, match="has ended"):
        await writer.announce([Span(0, 1, 2)])


async def test_events_that_a_killed_run_may_have_sent_count_as_resent(house: House) -> None:
    with house.writer as writer:
        await writer.announce([Span(0, 3, 8), Span(1, 1, 50)])
    house.close()
    house.open()
    with house.writer as writer:
        for batch in make_batches(10, 5):
            await writer.acknowledge(accepted(batch, resent=1))
    assert house.report.events.resent == 4 + 3
    assert house.checkpoint.ambiguous() == [Span(1, 1, 50)]


async def test_the_rejects_file_is_known_before_its_first_line(house: House) -> None:
    with contextlib.suppress(RuntimeError), house.writer:
        raise RuntimeError
    assert house.checkpoint.rejects_length(str(house.path / "r")) == 0
