"""What a careful engineer writes in an afternoon: a dict a row, orjson, aiohttp, 16 requests in flight.

Run as ``python -m benchmarks.careful FILE URL``. It sends the events that ``orders.yaml`` describes, in batches with
the same limits, reads Parquet in slices so that its memory is bounded, and prints one JSON object. What it does not
have: a checkpoint, retries, a rate, rejects, validation.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

SLICE_ROWS = 25_000
MAX_BODY_BYTES = 500_000
MAX_ITEM_BYTES = 32_000
MAX_ITEMS = 2_000
IN_FLIGHT = 16
PREFIX, SUFFIX = b'{"batch":[', b"]}"


def rows(file: str) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file as dicts; the time of the order in epoch milliseconds."""
    scan = pl.scan_parquet(file).with_columns(pl.col("ordered_at").dt.epoch("ms"))
    start = 0
    while not (part := scan.slice(start, SLICE_ROWS).collect()).is_empty():
        yield from part.iter_rows(named=True)
        start += SLICE_ROWS


def event(row: dict[str, Any]) -> bytes:
    """One purchase event as JSON, without its nulls."""
    product = {"id": row["sku"], "name": row["label"], "price": row["price"], "brand": row["brand"]}
    if row["brand"] is None:
        del product["brand"]
    result = {
        "event_name": "purchase",
        "id": row["order_id"],
        "type": "online",
        "status": row["status"],
        "value": row["total"],
        "revenue": row["revenue"],
        "tax_amount": row["tax"],
        "currency": row["currency"],
        "payment_method": row["payment_method"],
        "coupon": row["coupon"],
        "items": [{"id": row["sku"], "quantity": row["quantity"], "product": product}],
        "user": {"id": row["customer_id"], "email": row["email"], "consent_categories": ["1", "2", "3"]},
        "context": {
            "event_id": event_id(row["order_id"]),
            "event_timestamp": row["ordered_at"],
            "page": {"url": row["page_url"]},
            "device": {"ip": row["ip"]},
        },
    }
    if row["coupon"] is None:
        del result["coupon"]
    return orjson.dumps(result)


def event_id(order: str) -> str:
    """128 bits in hex that are the same for the same order."""
    return hashlib.sha256(b"8:purchase%d:%s" % (len(order), order.encode())).hexdigest()[:32]


def bodies(file: str) -> Iterator[tuple[int, bytes]]:
    """Request bodies with their number of events, filled up to the limits."""
    events: list[bytes] = []
    size = len(PREFIX) + len(SUFFIX)
    for row in rows(file):
        encoded = event(row)
        if len(encoded) > MAX_ITEM_BYTES:
            continue
        if len(events) == MAX_ITEMS or size + len(encoded) > MAX_BODY_BYTES:
            yield len(events), PREFIX + b",".join(events) + SUFFIX
            events, size = [], len(PREFIX) + len(SUFFIX)
        events.append(encoded)
        size += len(encoded) + 1
    if events:
        yield len(events), PREFIX + b",".join(events) + SUFFIX


async def send(file: str, url: str) -> int:
    """Send everything; the number of events that were answered with 200."""
    queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(2 * IN_FLIGHT)
    accepted = 0

    async def sender() -> None:
        nonlocal accepted
        while batch := await queue.get():
            async with session.post(url, data=batch[1], headers={"Content-Type": "application/json"}) as answer:
                answer.raise_for_status()
                await answer.read()
            accepted += batch[0]

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as senders:
        for _ in range(IN_FLIGHT):
            senders.create_task(sender())
        for batch in bodies(file):
            await queue.put(batch)
        for _ in range(IN_FLIGHT):
            await queue.put(None)
    return accepted


if __name__ == "__main__":
    print(json.dumps({"events": asyncio.run(send(sys.argv[1], sys.argv[2] + "/events/batch?tc_s=1234&token=none"))}))
