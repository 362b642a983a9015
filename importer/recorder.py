"""Answers on their way to the one writer, in groups."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.ack import AckWriter
    from importer.records import Ack

GATHER_SECONDS = 0.002
"""So long a few events wait for others: a sync of the disk for each would cost more than the requests do,"""

GATHER_PACED_SECONDS = 0.02
"""and so long while it is the pace that requests wait for, and nobody waits for the senders."""


class Recorder:
    """Has what was answered recorded in groups, and tells each group once.

    A group is recorded when it has ``enough`` events, or when none came in time. So one hop to the writer's thread and
    one transaction do for many events that are sent alone; a batch of many is never kept waiting. ``is_paced`` says
    whether requests wait for the pace. ``recorded`` hears of each group that is durable, ``failed`` of what was
    answered and cannot be recorded, and why.
    """

    def __init__(
        self,
        writer: AckWriter,
        enough: int,
        *,
        is_paced: Callable[[], bool],
        recorded: Callable[[Sequence[Ack]], None],
        failed: Callable[[Sequence[Ack], BaseException], None],
    ) -> None:
        self._writer = writer
        self._enough = enough
        self._is_paced = is_paced
        self._recorded = recorded
        self._failed = failed
        self._acks: list[Ack] = []
        self._events = 0
        self._ends = False
        self._some, self._many, self._done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def record(self, ack: Ack) -> None:
        """Have ``ack`` recorded; returns when it was, or when it was told that it cannot be."""
        self._acks.append(ack)
        self._events += ack.batch.count
        self._some.set()
        if self._events >= self._enough:
            self._many.set()
        await self._done.wait()

    def end(self) -> None:
        """Nothing more comes: :meth:`run` returns when all is recorded."""
        self._ends = True
        self._some.set()
        self._many.set()

    async def run(self) -> None:
        """Record what comes, until the end."""
        while acks := await self._gathered():
            done, self._done = self._done, asyncio.Event()
            try:
                await self._record(acks)
            finally:
                done.set()

    async def _record(self, acks: Sequence[Ack]) -> None:
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
                async with asyncio.timeout(GATHER_PACED_SECONDS if self._is_paced() else GATHER_SECONDS):
                    await self._many.wait()
        acks, self._acks, self._events = self._acks, [], 0
        if not self._ends:
            self._some.clear()
            self._many.clear()
        return acks
