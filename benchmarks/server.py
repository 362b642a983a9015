"""A server that reads requests and answers 200, and costs next to nothing: the measured thing must be the client.

Run as ``python -m benchmarks.server [--port N] [--keep FILE] [--marker TEXT] [--answer JSON]``. It prints its port,
serves until its standard input closes, and then prints what arrived as one JSON object. With ``--keep``, the bodies are
appended to that file, one a line: the events that we send contain no newline. With ``--marker`` it counts how often the
bodies have that text.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.arrivals import Arrivals

BUFFER_BYTES = 1 << 20
MAX_HEAD_BYTES = 65_536
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Options:
    """Where to listen, where bodies are kept, what is counted in them, and what is answered."""

    port: int = 0
    keep: Path | None = None
    marker: bytes = b""
    answer: bytes = b"{}"

    @property
    def looks_into_bodies(self) -> bool:
        """Whether a body has to be put together at all."""
        return self.keep is not None or bool(self.marker)

    def response(self) -> bytes:
        """The answer with its head."""
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self.answer)}\r\nContent-Type: application/json\r\n\r\n"
        return head.encode() + self.answer


class Connection(asyncio.BufferedProtocol):
    """HTTP/1.1 with keep-alive and ``Content-Length``, one request at a time; bodies are counted, hardly looked at."""

    def __init__(self, arrivals: Arrivals, options: Options) -> None:
        self._arrivals = arrivals
        self._options = options
        self._response = options.response()
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
        if self._options.looks_into_bodies:
            self._body += received
        self._missing -= len(received)
        if self._missing == 0:
            self._answer()

    def _answer(self) -> None:
        marked = 0
        if self._options.looks_into_bodies:
            marked = self._body.count(self._options.marker) if self._options.marker else 0
            if self._options.keep:
                with self._options.keep.open("ab") as file:
                    file.write(self._body + b"\n")
            self._body.clear()
        self._arrivals.add(self._body_bytes, time.time(), marked)
        self._transport.write(self._response)


async def serve(options: Options) -> None:
    """Serve on a port of loopback, a free one unless it is given, until standard input closes."""
    loop, arrivals = asyncio.get_running_loop(), Arrivals()
    server = await loop.create_server(lambda: Connection(arrivals, options), "127.0.0.1", options.port)
    print(server.sockets[0].getsockname()[1], flush=True)
    closed = asyncio.Event()
    loop.add_reader(sys.stdin, closed.set)
    await closed.wait()
    print(json.dumps({name: value for name, value in asdict(arrivals).items() if name[0] != "_"}), flush=True)


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--marker", type=str.encode, default=b"")
    parser.add_argument("--answer", type=str.encode, default=b"{}")
    return Options(**vars(parser.parse_args()))


if __name__ == "__main__":
    asyncio.run(serve(_options()))
