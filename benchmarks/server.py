"""A server that reads requests and answers 200, and costs next to nothing: the measured thing must be the client.

Run as ``python -m benchmarks.server [KEEP]``. It prints its port, serves until its standard input closes, and then
prints one JSON object: ``requests``, ``bytes`` (of bodies) and ``most_in_a_second``. With KEEP, the bodies are appended
to that file, one a line: the events that we send contain no newline.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

BUFFER_BYTES = 1 << 20
MAX_HEAD_BYTES = 65_536
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Tally:
    """What arrived, on all connections."""

    keep: Path | None = None
    requests: int = 0
    bytes: int = 0
    most_in_a_second: int = 0
    _recent: deque[float] = field(default_factory=deque)

    def add(self, body_bytes: int, now: float) -> None:
        """Count one complete request that arrived at ``now`` (monotonic seconds)."""
        self.requests += 1
        self.bytes += body_bytes
        self._recent.append(now)
        while self._recent[0] <= now - 1:
            self._recent.popleft()
        self.most_in_a_second = max(self.most_in_a_second, len(self._recent))

    def summary(self) -> str:
        """The tally as JSON on one line."""
        return json.dumps(
            {"requests": self.requests, "bytes": self.bytes, "most_in_a_second": self.most_in_a_second},
        )


class Connection(asyncio.BufferedProtocol):
    """HTTP/1.1 with keep-alive and ``Content-Length``, one request at a time; bodies are counted, hardly looked at."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._head = bytearray()
        self._body = bytearray()
        self._body_bytes = 0
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, to answer on it."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the type, holds by the event loop's contract
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the signature is asyncio's
        """The one buffer of this connection."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take ``nbytes`` more of a head or of a body."""
        received = self._buffer[:nbytes]
        if self._missing:
            self._take_body(received)
        else:
            self._take_head(received)

    def _take_head(self, received: memoryview) -> None:
        self._head += received
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            if len(self._head) > MAX_HEAD_BYTES:
                self._transport.abort()
            return
        length = _LENGTH.search(self._head, 0, end + 2)
        self._body_bytes = self._missing = int(length[1]) if length else 0
        rest = memoryview(bytes(self._head[end + 4 :]))
        self._head.clear()
        self._take_body(rest)

    def _take_body(self, received: memoryview) -> None:
        if self._tally.keep:
            self._body += received
        self._missing -= len(received)
        if self._missing == 0:
            self._answer()

    def _answer(self) -> None:
        if self._tally.keep:
            with self._tally.keep.open("ab") as file:
                file.write(self._body + b"\n")
            self._body.clear()
        self._tally.add(self._body_bytes, time.monotonic())
        self._transport.write(ANSWER)


async def serve(tally: Tally) -> None:
    """Serve on a free port of loopback until standard input closes."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(tally), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    closed = asyncio.Event()
    loop.add_reader(sys.stdin, closed.set)
    await closed.wait()
    print(tally.summary(), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Tally(keep=Path(sys.argv[1]) if len(sys.argv) > 1 else None)))
