"""The importer's own checkpoint, rejects file and writer, in a process that may die at every step of its life."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

from importer.ack import AckWriter
from importer.checkpoint import Changes, Checkpoint, Tally
from importer.rejects import RejectsFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future
    from pathlib import Path

    from exports import Export
    from weather import Destination

    from importer.ack import _Job
    from importer.checkpoint import KnownSource
    from importer.records import Reject

SLOWEST_WRITE_SECONDS = 0.05


class Died(BaseException):
    """The process was killed before this. What it does from now on has no effect: see :class:`Kill`."""


class Kill:
    """The end of a process at the ``at``-th step of its life, 0 for never.

    The state directory as it is at that moment is all that is left of it. ``place`` says where that was.
    """

    def __init__(self, state_dir: Path, at: int) -> None:
        self.place = ""
        self._at = at
        self._steps = 0
        self._state_dir = state_dir
        self._left = state_dir.with_name("left")

    @property
    def is_dead(self) -> bool:
        return bool(self.place)

    def step(self, place: str) -> None:
        """Live on, or die here."""
        self._steps += 1
        if self._steps == self._at:
            self.place = place
            shutil.copytree(self._state_dir, self._left)
        if self.is_dead:
            raise Died(self.place)

    def bury(self) -> None:
        """Undo what the process did after its death: it had to be brought to an end somehow."""
        if self.is_dead:
            shutil.rmtree(self._state_dir)
            self._left.rename(self._state_dir)


@dataclass
class Witness:
    """Sees what is recorded, and holds it against what the destination answered. All are orders or rows."""

    export: Export
    destination: Destination
    announced: set[str] = field(default_factory=set)
    durable: set[tuple[int, int]] = field(default_factory=set)
    known: Tally = field(default_factory=Tally)

    def opened(self, checkpoint: Checkpoint) -> None:
        """Nothing that was acknowledged is missing again."""
        self.known = checkpoint.total()
        for source in checkpoint.sources():
            missing = checkpoint.missing(source.number)
            lost = [
                row for row in self.durable if any(gap[0] == row[0] and gap[1] <= row[1] < gap[2] for gap in missing)
            ]
            assert not lost, f"acknowledged and missing again: {lost}"

    def recording(self, changes: Changes) -> None:
        """Nothing is acknowledged that the destination has not decided about."""
        decided = self.destination.answered | self.destination.refused
        orders = {self.export.orders.get((span[0], row)) for span in changes.acknowledged for row in range(*span[1:])}
        assert orders - {None} <= decided, f"acknowledged without an answer: {orders - {None} - decided}"

    def recorded(self, changes: Changes) -> None:
        """What is on disk now."""
        self.durable.update((span[0], row) for span in changes.acknowledged for row in range(*span[1:]))
        announced = [(span[0], row) for span in changes.announced for row in range(*span[1:])]
        self.announced.update(self.export.orders[row] for row in announced if row in self.export.orders)

    @property
    def settled(self) -> set[str]:
        """The orders that are done."""
        return {self.export.orders[row] for row in self.durable if row in self.export.orders}


class MortalCheckpoint(Checkpoint):
    """The real one, in SQLite on a disk."""

    def __init__(self, kill: Kill, witness: Witness, *arguments: object) -> None:
        self._kill = kill
        self._witness = witness
        super().__init__(*arguments)
        witness.opened(self)

    def begin(self, *arguments: object, **options: object) -> list[KnownSource]:
        self._kill.step("before the beginning")
        begun = super().begin(*arguments, **options)
        self._kill.step("after the beginning")
        return begun

    def commit(self, changes: Changes) -> None:
        self._kill.step("before a commit")
        self._witness.recording(changes)
        super().commit(changes)
        self._witness.recorded(changes)
        self._kill.step("after a commit")

    def end(self, *arguments: object) -> None:
        self._kill.step("before the end")
        super().end(*arguments)
        self._kill.step("after the end")


class MortalRejects(RejectsFile):
    """The real one. The process may die amid a line, too."""

    def __init__(self, kill: Kill, *arguments: object) -> None:
        super().__init__(*arguments)
        self._kill = kill
        assert os.fstat(self._descriptor).st_size == self.length, "what a crash left behind was not cut off"

    def append(self, rejects: Iterable[Reject]) -> None:
        os.pwrite(self._descriptor, b'{"file": "or', self.length)
        self._kill.step("amid the rejects")
        super().append(rejects)
        self._kill.step("after the rejects")


class VirtualWriter(AckWriter):
    """The real one, but for its thread: what waits is written by the event loop, after the time that a disk takes."""

    def __init__(self, draw: Callable[[], float], *arguments: object) -> None:
        super().__init__(*arguments)
        self._draw = draw
        self._is_due = False
        self._thread = SimpleNamespace(start=lambda: None, join=self._run)

    def _submit(self, job: _Job) -> Future[None]:
        done = super()._submit(job)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(self._draw() * SLOWEST_WRITE_SECONDS, self._write_waiting)
        return done

    def _write_waiting(self) -> None:
        self._is_due = False
        while not self._queue.empty() and self._write_group():
            pass
