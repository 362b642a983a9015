"""What a careful engineer writes in an afternoon: a dict a row, orjson, aiohttp, 16 requests in flight.

Run as ``python -m benchmarks.careful FILE URL``. It sends the events that ``orders.yaml`` describes, in batches with
the same limits, and prints one JSON object. It reads Parquet in slices, and CSV row by row with the module ``csv``, so
that its memory is bounded. What it does not have: a checkpoint, retries, a rate, rejects, validation.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SLICE_ROWS = 25_000
MAX_BODY_BYTES = 500_000
MAX_ITEM_BYTES = 32_000
MAX_ITEMS = 2_000
IN_FLIGHT = 16
OPTIONAL = ("revenue", "tax_amount", "payment_method", "coupon")
PREFIX, SUFFIX = b'{"batch":[', b"]}"


def rows(file: str) -> Iterator[dict[str, Any]]:
    """The rows of a file as dicts; the time of the order in epoch milliseconds."""
    return rows_of_csv(file) if file.endswith(".csv") else rows_of_parquet(file)


def rows_of_parquet(file: str) -> Iterator[dict[str, Any]]:
    """As :func:`rows`."""
    scan = pl.scan_parquet(file).with_columns(pl.col("ordered_at").dt.epoch("ms"))
    start = 0
    while not (part := scan.slice(start, SLICE_ROWS).collect()).is_empty():
        yield from part.iter_rows(named=True)
        start += SLICE_ROWS


def rows_of_csv(file: str) -> Iterator[dict[str, Any]]:
    """As :func:`rows`; an empty cell is ``None``."""
    with Path(file).open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            typed: dict[str, Any] = {name: cell or None for name, cell in row.items()}
            for name in ("total", "revenue", "tax", "price"):
                if typed[name] is not None:
                    typed[name] = float(typed[name])
            typed["quantity"] = int(typed["quantity"])
            typed["ordered_at"] = round(datetime.fromisoformat(typed["ordered_at"]).timestamp() * 1000)
            yield typed


def event(row: dict[str, Any]) -> bytes:
    """One purchase event as JSON, without its nulls."""
    product = {"id": row["sku"], "name": row["label"], "price": row["price"], "brand": row["brand"]}
    user = {"id": row["customer_id"], "email": row["email"], "consent_categories": ["1", "2", "3"]}
    context: dict[str, Any] = {"event_id": event_id(row["order_id"]), "event_timestamp": row["ordered_at"]}
    if row["page_url"] is not None:
        context["page"] = {"url": row["page_url"]}
    if row["ip"] is not None:
        context["device"] = {"ip": row["ip"]}
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
        "user": user,
        "context": context,
    }
    for members, names in ((product, ("brand",)), (user, ("id",)), (result, OPTIONAL)):
        for name in names:
            if members[name] is None:
                del members[name]
    return orjson.dumps(result)


def event_id(order: str) -> str:
    """128 bits in hex that are the same for the same order."""
    return hashlib.sha256(b"8:purchase%d:%s" % (len(order), order.encode())).hexdigest()[:32]


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
    print(json.dumps(asyncio.run(send(bodies(map(event, rows(sys.argv[1]))), address))))
