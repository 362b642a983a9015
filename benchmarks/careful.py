"""What a careful engineer writes in an afternoon: a dict a row, orjson, aiohttp, 16 requests in flight.

Run as ``python -m benchmarks.careful FILE URL``. It sends the events that ``orders.yaml`` describes, in batches with
the same limits, and prints one JSON object. It reads Parquet in slices, and CSV row by row with the module ``csv``, so
that its memory is bounded. What it does not have: a checkpoint, retries, a rate, rejects, validation.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import aiohttp
import orjson

from benchmarks.purchase import purchase
from benchmarks.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_BODY_BYTES = 500_000
MAX_ITEM_BYTES = 32_000
MAX_ITEMS = 2_000
IN_FLIGHT = 16
PREFIX, SUFFIX = b'{"batch":[', b"]}"


def bodies(encoded_events: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Request bodies with their number of events, filled up to the limits."""
    events: list[bytes] = []
    size = len(PREFIX) + len(SUFFIX)
    for encoded in encoded_events:
        if len(encoded) > MAX_ITEM_BYTES:
            continue
        if len(events) == MAX_ITEMS or size + len(encoded) > MAX_BODY_BYTES:
            yield len(events), PREFIX + b",".join(events) + SUFFIX
            events, size = [], len(PREFIX) + len(SUFFIX)
        events.append(encoded)
        size += len(encoded) + 1
    if events:
        yield len(events), PREFIX + b",".join(events) + SUFFIX


async def send(batches: Iterable[tuple[int, bytes]], url: str) -> dict[str, int]:
    """Send everything; the numbers of events, requests and bytes that were answered with 200."""
    queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(2 * IN_FLIGHT)
    sent = {"events": 0, "requests": 0, "bytes": 0}

    async def sender() -> None:
        while batch := await queue.get():
            async with session.post(url, data=batch[1], headers={"Content-Type": "application/json"}) as answer:
                answer.raise_for_status()
                await answer.read()
            sent["events"] += batch[0]
            sent["requests"] += 1
            sent["bytes"] += len(batch[1])

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as senders:
        for _ in range(IN_FLIGHT):
            senders.create_task(sender())
        for batch in batches:
            await queue.put(batch)
        for _ in range(IN_FLIGHT):
            await queue.put(None)
    return sent


if __name__ == "__main__":
    address = sys.argv[2] + "/events/batch?tc_s=1234&token=none"
    print(json.dumps(asyncio.run(send(bodies(orjson.dumps(purchase(row)) for row in rows(sys.argv[1])), address))))
