"""The careful script for order lines: dicts in lists, ``itertools.groupby`` where the file is sorted.

Run as ``python -m benchmarks.careful_lines FILE ORDER URL``; ORDER is ``sorted`` or ``scattered``. In the second case
all lines are kept in memory until the last one is read, because the next one may belong to the first order.
"""

from __future__ import annotations

import asyncio
import json
import sys
from itertools import groupby
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.careful import bodies, send
from benchmarks.purchase import event_id
from benchmarks.rows import rows_of_parquet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Line = dict[str, Any]


def groups(lines: Iterable[Line], *, is_sorted: bool) -> Iterator[list[Line]]:
    """The lines of each order."""
    if is_sorted:
        for _, group in groupby(lines, key=lambda line: line["order_id"]):
            yield list(group)
        return
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line["order_id"], []).append(line)
    yield from found.values()


def event(lines: list[Line]) -> bytes:
    """One purchase event as JSON."""
    first = lines[0]
    value = round(sum(line["price"] * line["quantity"] for line in lines), 2)
    return orjson.dumps(
        {
            "event_name": "purchase",
            "id": first["order_id"],
            "type": "offline",
            "value": value,
            "revenue": value,
            "currency": first["currency"],
            "status": "delivered",
            "payment_method": "card",
            "items": [
                {
                    "id": line["sku"],
                    "quantity": line["quantity"],
                    "product": {"id": line["sku"], "name": line["label"], "price": line["price"]},
                }
                for line in lines
            ],
            "user": {"id": first["customer_id"], "email": first["email"], "consent_categories": ["1", "2", "3"]},
            "context": {"event_id": event_id(first["order_id"]), "event_timestamp": first["ordered_at"]},
        }
    )


if __name__ == "__main__":
    address = sys.argv[3] + "/events/batch?tc_s=1234&token=none"
    grouped = groups(rows_of_parquet(sys.argv[1]), is_sorted=sys.argv[2] == "sorted")
    print(json.dumps(asyncio.run(send(bodies(map(event, grouped)), address))))
