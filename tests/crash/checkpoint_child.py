"""Announces and acknowledges without an end, and says on stdout what it knows to be durable. Killed by its parent."""

from __future__ import annotations

import asyncio
import os
import sys
from array import array
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent))

from fakes import make_chunk

from importer.ack import AckWriter
from importer.checkpoint import Candidate, Checkpoint, ImportKey, StoredIdentity
from importer.records import Ack, Batch, Piece, Reject, Span
from importer.rejects import RejectsFile
from importer.report import Report

SENDERS = 16
REJECTED_EVERY = 7


def open_import(folder: Path) -> Checkpoint:
    """The import, begun."""
    key = ImportKey(folder / "m.yaml", "sandbox", "1")
    checkpoint = Checkpoint(folder / "state", key, lambda: datetime.now(UTC))
    checkpoint.begin([Candidate(str(folder / "a.csv"), "a.csv", StoredIdentity(1, 2, "h"))], {"mapping": 1}, {})
    return checkpoint


def make_ack(span: Span, reason: str) -> Ack:
    """An answer for rows of which every seventh is rejected."""
    rejected = [row for row in range(span.start, span.stop) if row % REJECTED_EVERY == 0]
    rows = [row for row in range(span.start, span.stop) if row % REJECTED_EVERY]
    chunk = replace(make_chunk([b'{"id":%d}' % row for row in rows]), span=span, rows=memoryview(array("q", rows)))
    rejects = tuple(Reject(0, "a.csv", row, row, "mapping", "bad", reason) for row in rejected)
    batch = Batch(0, (Piece(chunk, 0, len(rows)),) if rows else (), (span,), rejects)
    return Ack(batch, batch.digest())


def tell(word: str, span: Span) -> None:
    """One line to the parent, in one write."""
    os.write(1, f"{word} {span.start} {span.stop}\n".encode())


async def run(folder: Path, seed: int, reason: str = "no") -> None:
    """Acknowledge the missing rows in disorder until somebody kills us."""
    random = Random(seed)  # noqa: S311 - to be repeated
    with open_import(folder) as checkpoint:
        rejects = RejectsFile(folder / "r", checkpoint.rejects_length(str(folder / "r")))
        gaps = iter(checkpoint.missing(0))
        gap = next(gaps)
        position = gap.start

        def next_span() -> Span:
            nonlocal gap, position
            if position >= gap.stop:
                gap = next(gaps)
                position = gap.start
            start, position = position, min(position + random.randint(1, 30), gap.stop)
            return Span(0, start, position)

        with AckWriter(checkpoint, rejects, Report()) as writer:

            async def send() -> None:
                while True:
                    span = next_span()
                    await writer.announce([span])
                    tell("sent", span)
                    await asyncio.sleep(random.random() / 200)  # an answer comes in disorder
                    await writer.acknowledge(make_ack(span, reason))
                    tell("done", span)

            await asyncio.gather(*(send() for _ in range(SENDERS)))


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2])))
