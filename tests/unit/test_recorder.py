from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

import pytest
from fakes import make_batches

from importer.ack import AckWriter
from importer.checkpoint import OPEN_END, Candidate, Changes, Checkpoint, ImportKey, StoredIdentity
from importer.errors import StateUnusable
from importer.recorder import Recorder
from importer.records import Ack, Span
from importer.rejects import RejectsFile
from importer.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SOON = 5.0  # seconds; far more than it takes


class Slow(Checkpoint):
    """Whoever holds ``disk`` keeps every transaction waiting."""

    disk: Lock
    transactions: int

    def commit(self, changes: Changes) -> None:
        with self.disk:
            super().commit(changes)
        self.transactions += bool(changes.acknowledged)


class House:
    """A recorder with a real writer behind it, and what it has told."""

    def __init__(self, path: Path) -> None:
        self.checkpoint = Slow(
            path / "state", ImportKey(path / "m.yaml", "sandbox", "1"), lambda: datetime(2026, 3, 1, tzinfo=UTC)
        )
        self.checkpoint.disk, self.checkpoint.transactions = Lock(), 0
        self.checkpoint.begin([Candidate(str(path / "orders.csv"), "orders.csv", StoredIdentity(1, 2, "h"))], {}, {})
        self.rejects = RejectsFile(path / "r", None)
        self.report = Report()
        self.writer = AckWriter(self.checkpoint, self.rejects, self.report)
        self.recorded: list[Ack] = []
        self.sent_when_told: list[int] = []
        self.failed: list[Ack] = []
        self.errors: list[BaseException] = []

    def recorder(self, enough: int, *, is_paced: bool = False) -> Recorder:
        return Recorder(
            self.writer, enough, is_paced=lambda: is_paced, recorded=self._recorded, failed=self._unrecorded
        )

    def _recorded(self, acks: Sequence[Ack]) -> None:
        self.recorded += acks
        self.sent_when_told.append(self.report.rows.sent)

    def _unrecorded(self, acks: Sequence[Ack], error: BaseException) -> None:
        self.failed += acks
        self.errors.append(error)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.rejects.close()
    made.checkpoint.close()


def acks(count: int) -> list[Ack]:
    return [Ack(batch, batch.digest()) for batch in make_batches(count, 1)]


async def test_answers_are_recorded_together_and_told_when_they_are_durable(house: House) -> None:
    recorder = house.recorder(50)
    with house.writer:
        # answers come in any order
        given = asyncio.gather(*(recorder.record(ack) for ack in reversed(acks(100))))
        await asyncio.sleep(0)
        recorder.end()
        await recorder.run()
        await given
    assert (house.checkpoint.transactions, len(house.recorded), house.sent_when_told) == (1, 100, [100])
    assert house.checkpoint.missing(0) == [Span(0, 101, OPEN_END)]
    assert house.checkpoint.total().accepted == 100


@pytest.mark.parametrize("is_paced", [False, True])
async def test_an_answer_does_not_wait_for_others_that_never_come(house: House, *, is_paced: bool) -> None:
    recorder = house.recorder(50, is_paced=is_paced)
    with house.writer:
        running = asyncio.create_task(recorder.run())
        for number, ack in enumerate(acks(3), 1):
            await asyncio.wait_for(recorder.record(ack), SOON)
            assert len(house.recorded) == number
        recorder.end()
        await running
    assert house.checkpoint.transactions == 3


async def test_a_sender_waits_for_the_disk(house: House) -> None:
    recorder = house.recorder(4)
    with house.writer:
        running = asyncio.create_task(recorder.run())
        with house.checkpoint.disk:
            sending = [asyncio.create_task(recorder.record(ack)) for ack in acks(40)]
            await asyncio.sleep(0.3)
            assert not any(one.done() for one in sending)
            assert house.recorded == []
        await asyncio.gather(*sending)
        recorder.end()
        await running
    assert len(house.recorded) == 40
    assert house.checkpoint.transactions <= 2


async def test_what_cannot_be_recorded_is_told_all_of_it(house: House) -> None:
    recorder = house.recorder(2)
    with house.writer:
        running = asyncio.create_task(recorder.run())
        given = acks(7)
        await recorder.record(given[0])
        house.checkpoint._store._connection.close()
        await asyncio.gather(*(recorder.record(ack) for ack in given[1:]))
        recorder.end()
        await running
    assert (house.recorded, house.failed) == (given[:1], given[1:])
    assert all(isinstance(error, StateUnusable) for error in house.errors)
    assert house.report.rows.sent == 1
