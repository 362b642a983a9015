"""An independent server that knows for certain what arrived, and that is told nothing by the importer.

It shares no code with the importer nor with the sandbox. As a process, ``python oracle.py RECORD LATENCY_SECONDS``, it
prints its port and then, for each request: notes the time of arrival, takes the body apart as strict JSON, appends a
line to RECORD, waits until that is on disk and for LATENCY on average, and only then answers 200. So a client that dies
while it waits leaves events that arrived and were never acknowledged: the worst case, on purpose. Every other answer or
so is much faster, so that answers overtake each other. What it cannot parse gets 400.

It ends with its stdin. A number on a line there means: leave every request after so many, counted from the start,
without an answer until a higher number comes. A JSON object there, or behind ``--faults``, is what goes wrong from
then on, as ``faults.py`` says; ``ok`` on stdout says that it was understood. ``--port`` and ``--certificate`` (a PEM
file with its key, for TLS) are for a server that comes back, and for one that must be trusted.

A line of RECORD is a :class:`~record.Arrival` as JSON. :class:`~record.Record` reads the file back: what it says was
on disk before the client could know about it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import random
import re
import socket
import ssl
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faults import POISON, Fault, Schedule, filled
from record import Arrival, Event, Record, content_hash, parse

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["Arrival", "Event", "Record", "content_hash", "parse"]

_SLOW_AND_FAST = (0.2, 1.8)
_LARGEST_HEAD = 1 << 20
_RESET_ON_CLOSE = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
_SILENT_ON_CLOSE = (socket.IPPROTO_TCP, 19, 1)  # TCP_REPAIR: a socket that is moved elsewhere says no goodbye


class _Over(Exception):  # noqa: N818 - no error
    """This connection has had its last answer."""


@dataclass(slots=True, eq=False)
class _Request:
    """What is known about a request while it is served."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    path: str
    at: float
    under_way: int
    body: bytes = b""
    events: list[Event] = field(default_factory=list)

    @property
    def query(self) -> str:
        return self.path.partition("?")[2]


class Oracle:
    """The server: HTTP/1.1 with keep-alive and ``Content-Length``, one request at a time on a connection."""

    def __init__(self, record: Path, latency_seconds: float, schedule: Schedule) -> None:
        self._record = record.open("a")
        self._latency_seconds = latency_seconds
        self._random = random.Random(0)  # noqa: S311 - nothing to keep secret
        self._noted = 0
        self._begun = 0
        self._open: list[_Request] = []
        self._answerable = math.inf
        self._more = asyncio.Event()
        self._came = asyncio.Event()
        self._schedule = schedule
        self._told = asyncio.Event()

    async def obey(self, orders: asyncio.StreamReader) -> None:
        """Read how many requests may be answered and what is to go wrong, until nobody is there to say it."""
        while line := await orders.readline():
            if line.startswith(b"{"):
                self._schedule, self._begun = Schedule.parse(line.decode()), 0
                self._told.set()
                self._told = asyncio.Event()
                print("ok", flush=True)  # noqa: T201 - the one who ordered it waits for it
            else:
                self._answerable = float(line)
                self._more.set()
                self._more = asyncio.Event()

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the client goes away, or is killed in the middle of one."""
        try:
            while True:
                await self._request(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, _Over):
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"\r\ncontent-length:[ \t]*(\d+)", head, re.IGNORECASE)
        request = _Request(reader, writer, head.split(" ", 2)[1], time.monotonic(), self._under_way() + 1)
        self._begun += 1
        self._open.append(request)
        self._came.set()
        self._came = asyncio.Event()
        try:
            await self._take(request, int(length[1]) if length else 0, self._schedule.fault(self._begun))
        finally:
            self._open.remove(request)

    def _under_way(self) -> int:
        """Requests without an answer whose clients have not gone away."""
        return sum(not request.reader.at_eof() for request in self._open)

    async def _take(self, request: _Request, length: int, fault: Fault | None) -> None:
        """Read, judge and answer ``request``, or do ``fault`` to it on the way."""
        if fault and fault.at == "head":
            await self._strike(request, fault)
        request.body = await request.reader.readexactly(length // 2)
        if fault and fault.at == "body":
            await self._strike(request, fault)
        request.body += await request.reader.readexactly(length - len(request.body))
        status, reason = self._judge(request)
        if fault and not (reason and fault.is_acceptance):
            return await self._strike(request, fault, stores=fault.at == "stored" and status == 200)
        number = await self._note(request, status, stored=status == 200, fault=reason)
        await asyncio.sleep(self._latency_seconds * self._random.choice(_SLOW_AND_FAST))
        while number > self._answerable:
            await self._more.wait()
        request.writer.write(_answer(status))
        return await request.writer.drain()

    def _judge(self, request: _Request) -> tuple[int, str]:
        """The status that the body deserves by itself, and why it is a bad one."""
        try:
            request.events = parse(request.path, request.body)
        except (ValueError, KeyError, TypeError):
            return 400, "not understood"
        is_poisoned = any(event.order_id in self._schedule.poison for event in request.events)
        return (400, POISON) if is_poisoned else (200, "")

    async def _note(self, request: _Request, status: int, *, stored: bool, fault: str) -> int:
        """Append one line to the record; on disk when this returns its number."""
        line = {
            "at": request.at,
            "bytes": len(request.body),
            "query": request.query,
            "status": status,
            "events": request.events,
            "stored": stored,
            "fault": fault,
            "under_way": request.under_way,
        }
        self._record.write(json.dumps(line) + "\n")
        self._record.flush()
        self._noted += 1
        number = self._noted
        await asyncio.to_thread(os.fsync, self._record.fileno())
        return number

    async def _strike(self, request: _Request, fault: Fault, *, stores: bool = False) -> None:
        """Do ``fault`` to ``request``, after it was noted. Raises unless the connection can go on."""
        status = fault.status if fault.answers else 0
        while self._under_way() < fault.crowd:
            await self._came.wait()
        await self._note(request, status, stored=stores, fault=fault.name)
        query = request.query
        headers = {name: filled(value, query) for name, value in fault.headers.items()}
        is_last = fault.do != "answer" or fault.at in {"head", "body"}
        answer = _answer(
            fault.status, headers | ({"Connection": "close"} if is_last else {}), filled(fault.body, query)
        )
        if fault.do == "die":
            os._exit(1)
        if fault.do in {"reset", "vanish"}:
            connection = request.writer.get_extra_info("socket")
            connection.setsockopt(*(_RESET_ON_CLOSE if fault.do == "reset" else _SILENT_ON_CLOSE))
            request.writer.transport.abort()
        elif fault.do == "hang":
            await _first_of(request.reader.read(), self._told.wait())
        elif fault.do == "cut":
            request.writer.write(answer[: len(answer) - len(fault.body) // 2 - 1])
        elif fault.do == "drip":
            await _drip(request, answer, fault.seconds)
        elif fault.do == "answer":
            request.writer.write(answer)
            await request.writer.drain()
        if is_last and fault.answers:  # a close with something unread would be a reset
            await _first_of(request.reader.read(), self._told.wait())
        if is_last:
            raise _Over


async def _drip(request: _Request, answer: bytes, seconds: float) -> None:
    gone = asyncio.ensure_future(request.reader.read())  # nothing comes before the answer, except an end
    for byte in answer:
        request.writer.write(bytes([byte]))
        if (await asyncio.wait({gone}, timeout=seconds))[0]:
            raise _Over
    gone.cancel()
    await asyncio.wait({gone})


async def _first_of(*waits: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError, ConnectionError):
        await asyncio.gather(*tasks)


def _answer(status: int, headers: dict[str, str] | None = None, body: str = "{}") -> bytes:
    content = b"" if status == 204 else body.encode()
    all_headers = {"Content-Type": "application/json", **(headers or {})}
    if status != 204:
        all_headers["Content-Length"] = str(len(content))
    lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in all_headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def _serve(options: argparse.Namespace) -> None:
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate)
    oracle = Oracle(options.record, options.latency_seconds, Schedule.parse(options.faults))
    server = await asyncio.start_server(oracle.connection, "127.0.0.1", options.port, limit=_LARGEST_HEAD, ssl=tls)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the one who started us waits for it
    await oracle.obey(orders)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("record", type=Path)
    parser.add_argument("latency_seconds", type=float)
    parser.add_argument("--faults", default="{}")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certificate", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(_serve(_options()))
