"""Answers on their way to the one writer: recorded in groups, while the senders go on."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.ack import AckWriter
    from importer.records import Ack

GATHER_SECONDS = 0.02
"""So long an answer waits for others at most: a sync of the disk for each would cost more than the requests do."""


class Recorder:
    """Takes what was answered, and records it behind the back of the senders.

    A group is recorded when it has ``enough`` answers, or after ``GATHER_SECONDS``. No more than twice that many are
    kept: then :meth:`take` waits, so that a slow disk slows the senders down. ``recorded`` hears of each group that is
    durable; ``failed`` of what was answered and cannot be recorded, and why.
    """

    def __init__(
        self,
        writer: AckWriter,
        enough: int,
        recorded: Callable[[Sequence[Ack]], None],
        failed: Callable[[Sequence[Ack], BaseException], None],
    ) -> None:
        self._writer = writer
        self._enough = enough
        self._recorded = recorded
        self._failed = failed
        self._acks: list[Ack] = []
        self._ends = False
        self._some, self._many, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def take(self, ack: Ack) -> None:
        """Have ``ack`` recorded; returns when there is room for the next one."""
        while len(self._acks) >= 2 * self._enough:
            self._room.clear()
            await self._room.wait()
        self._acks.append(ack)
        self._some.set()
        if len(self._acks) >= self._enough:
            self._many.set()

    def end(self) -> None:
        """Nothing more comes: :meth:`run` returns when all is recorded."""
        self._ends = True
        self._some.set()
        self._many.set()

    async def run(self) -> None:
        """Record what comes, until the end."""
        while acks := await self._gathered():
            try:
                await self._writer.acknowledge(*acks)
            except BaseException as error:  # noqa: BLE001 -- whatever it is, it is told
                self._failed(acks, error)
            else:
                self._recorded(acks)

    async def _gathered(self) -> Sequence[Ack]:
        """The next group; empty at the end."""
        await self._some.wait()
        if not self._many.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._many.wait()
        acks, self._acks = self._acks, []
        self._room.set()
        if not self._ends:
            self._some.clear()
            self._many.clear()
        return acks
