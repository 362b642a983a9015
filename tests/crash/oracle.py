"""An independent server that knows for certain what arrived, and that is told nothing by the importer.

It shares no code with the importer nor with the sandbox. As a process, ``python oracle.py RECORD LATENCY_SECONDS``, it
prints its port and then, for each request: notes the time of arrival, takes the body apart as strict JSON, appends a
line to RECORD, waits for LATENCY on average, and only then answers 200. So a client that dies while it waits leaves
events that arrived and were never acknowledged: the worst case, on purpose. Every other answer or so is much faster, so
that answers overtake each other. What it cannot parse gets 400. It ends with its stdin. A number on a line there means:
leave every request after so many, counted from the start, without an answer until a higher number comes.

A line of RECORD is an :class:`Arrival` as JSON. :class:`Record` reads the file back: what it says was on disk before
the client could know about it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import random
import re
import sys
import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

_BATCH_HEAD = re.compile(r'\s*\{\s*"batch"\s*:\s*\[')
_BATCH_TAIL = re.compile(r"\s*\]\s*\}\s*")
_COMMA = re.compile(r"\s*,\s*")
_DIGEST_BYTES = 16
_SLOW_AND_FAST = (0.2, 1.8)


class Event(NamedTuple):
    """One event as it arrived. ``order_id`` is its root ``id``; for the hashes see :func:`parse`."""

    event_id: str
    order_id: str
    bytes: int
    bytes_hash: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request: ``at`` in monotonic seconds, when its head was there; ``bytes`` of its body."""

    at: float
    bytes: int
    query: str
    status: int
    events: tuple[Event, ...]


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice in an object")
    return members


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)


def content_hash(event: dict[str, Any]) -> str:
    """SHA-256 of what a receiver would store: an event without ``context.event_id``, whatever the order of members."""
    context = {name: value for name, value in event["context"].items() if name != "event_id"}
    text = json.dumps({**event, "context": context}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def parse(path: str, body: bytes) -> list[Event]:
    """The events of a body, each with the SHA-256 of the very bytes in which it came and of its content.

    Raises:
        ValueError: The body is not strict JSON in the shape that ``path`` asks for.
        KeyError: An event lacks its id, or has no order id.

    """
    text = body.decode()
    if path.startswith("/events/batch"):
        return _batch(text)
    if path.startswith("/events"):
        return [_event(text, _DECODER.decode(text))]
    raise ValueError(f"no such path: {path}")


def _batch(text: str) -> list[Event]:
    head = _BATCH_HEAD.match(text)
    if not head:
        raise ValueError("no batch")
    events, position = [], head.end()
    while True:
        value, end = _DECODER.raw_decode(text, position)
        events.append(_event(text[position:end], value))
        comma = _COMMA.match(text, end)
        if not comma:
            break
        position = comma.end()
    if not _BATCH_TAIL.fullmatch(text, end):
        raise ValueError("something stands behind the batch")
    return events


def _event(text: str, value: dict[str, Any]) -> Event:
    raw = text.encode()
    return Event(
        event_id=value["context"]["event_id"],
        order_id=value["id"],
        bytes=len(raw),
        bytes_hash=hashlib.sha256(raw).hexdigest(),
        content_hash=content_hash(value),
    )


class Record:
    """What arrived until now, read from the oracle's file; :meth:`refresh` reads what came since."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0
        self.arrivals: list[Arrival] = []

    def refresh(self) -> Record:
        """Read the lines that are complete, and return this record."""
        with self._file.open("rb") as file:
            file.seek(self._offset)
            read = file.read()
        complete = read[: read.rfind(b"\n") + 1]
        self._offset += len(complete)
        for line in complete.splitlines():
            members = json.loads(line)
            members["events"] = tuple(Event(*event) for event in members["events"])
            self.arrivals.append(Arrival(**members))
        return self

    @property
    def events(self) -> list[Event]:
        """Every event that came with a request that was answered 200, repeats included."""
        return [event for arrival in self.arrivals for event in arrival.events]

    def times_by_id(self) -> Counter[str]:
        """How often each event id arrived."""
        return Counter(event.event_id for event in self.events)

    def repeats(self) -> int:
        """Arrivals beyond the first one of each id."""
        return len(self.events) - len(self.times_by_id())

    def digest(self) -> int:
        """Sum modulo 2^128 of the first 16 bytes of the SHA-256 of each distinct event's bytes."""
        hashes = {event.event_id: event.bytes_hash for event in self.events}
        heads = (int.from_bytes(bytes.fromhex(value)[:_DIGEST_BYTES], "big") for value in hashes.values())
        return sum(heads) % (1 << 8 * _DIGEST_BYTES)

    def usual_in_a_second(self) -> float:
        """The median number of requests that arrived in a second, over all seconds that begin with an arrival."""
        times = sorted(arrival.at for arrival in self.arrivals)
        whole = [start for start in times if start + 1 <= times[-1]]
        return median(bisect_left(times, start + 1) - index for index, start in enumerate(whole))


class Oracle:
    """The server: HTTP/1.1 with keep-alive and ``Content-Length``, one request at a time on a connection."""

    def __init__(self, record: Path, latency_seconds: float) -> None:
        self._record = record
        self._latency_seconds = latency_seconds
        self._random = random.Random(0)  # noqa: S311 - nothing to keep secret
        self._noted = 0
        self._answerable = math.inf
        self._more = asyncio.Event()

    async def obey(self, orders: asyncio.StreamReader) -> None:
        """Read how many requests may be answered, until nobody is there to say it."""
        while line := await orders.readline():
            self._answerable = float(line)
            self._more.set()
            self._more = asyncio.Event()

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the client goes away, or is killed in the middle of one."""
        try:
            while True:
                await self._request(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        at = time.monotonic()
        path = head.split(" ", 2)[1]
        length = re.search(r"\r\ncontent-length:[ \t]*(\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1])) if length else b""
        status = self._note(at, path, body)
        number = self._noted
        await asyncio.sleep(self._latency_seconds * self._random.choice(_SLOW_AND_FAST))
        while number > self._answerable:
            await self._more.wait()
        writer.write(b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}" % status)
        await writer.drain()

    def _note(self, at: float, path: str, body: bytes) -> int:
        """Append one line to the record; the status to answer with."""
        try:
            events, status = parse(path, body), 200
        except (ValueError, KeyError, TypeError):
            events, status = [], 400
        query = path.partition("?")[2]
        line = {"at": at, "bytes": len(body), "query": query, "status": status, "events": events}
        with self._record.open("a") as file:
            file.write(json.dumps(line) + "\n")
        self._noted += 1
        return status


async def _serve(record: Path, latency_seconds: float) -> None:
    oracle = Oracle(record, latency_seconds)
    server = await asyncio.start_server(oracle.connection, "127.0.0.1", 0, limit=1 << 20)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the one who started us waits for it
    await oracle.obey(orders)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), float(sys.argv[2])))
