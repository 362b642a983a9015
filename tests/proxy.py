"""What stands between the importer and its destination: an HTTP proxy and a server's TLS. Real ones, on loopback."""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Proxy:
    """Makes tunnels (CONNECT) and passes requests on (absolute form), and counts what went through.

    ``routes`` leads from authorities that no resolver knows to ports of this machine: to reach them is to have used
    the proxy. ``credentials`` (``user:password``) are asked for when given. ``refusals`` are statuses that it answers
    first, instead of doing its work.
    """

    def __init__(self, routes: dict[str, int], *, credentials: str = "", refusals: tuple[int, ...] = ()) -> None:
        self.routes = routes
        self.refusals = list(refusals)
        self.connections = 0
        self.tunnels: list[str] = []
        self.requests: list[str] = []
        self.heads: list[str] = []
        self.bytes_passed = 0
        self.port = 0
        self._expected = f"Basic {base64.b64encode(credentials.encode()).decode()}" if credentials else ""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection: one tunnel, or one request."""
        self.connections += 1
        first = await reader.readexactly(1)
        if not first.isalpha():  # the hello of TLS, to a proxy that speaks none
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        method, target, _ = head.split("\r\n")[0].split(" ")
        authority = target if method == "CONNECT" else urlsplit(target).netloc
        if refusal := self._refusal(head, authority):
            answer = (
                f"HTTP/1.1 {refusal} No\r\nProxy-Authenticate: Basic\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            writer.write(answer.encode())
            await writer.drain()
            await reader.read()  # or closing would reset the connection, and the answer with it
            return
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.routes[authority])
        if method == "CONNECT":
            self.tunnels.append(authority)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            self.requests.append(f"{method} {target}")
            other_writer.write(_origin_form(head))
        await join((reader, writer), (other_reader, other_writer), self._count)

    def _count(self, size: int) -> None:
        self.bytes_passed += size

    def _refusal(self, head: str, authority: str) -> int:
        if self.refusals:
            return self.refusals.pop(0)
        if self._expected and f"\r\nProxy-Authorization: {self._expected}\r\n" not in head:
            return 407
        return 0 if authority in self.routes else 502


def _origin_form(head: str) -> bytes:
    """The head as the destination gets it: without its host in the first line, without what was for the proxy."""
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, target, version = first.split(" ")
    url = urlsplit(target)
    kept = [line for line in lines if not line.lower().startswith(("proxy-", "connection:"))]
    return "\r\n".join([f"{method} {url.path}?{url.query} {version}", *kept, "Connection: close", "", ""]).encode()


class TlsFront:
    """Speaks TLS for the server behind ``port``, and remembers the first bytes that came in on each connection."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.beginnings: list[bytes] = []
        self.port = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.target)
        beginning = await reader.read(65_536)
        self.beginnings.append(beginning)
        other_writer.write(beginning)
        await join((reader, writer), (other_reader, other_writer))


async def join(
    one: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    other: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    count: Callable[[int], None] = lambda _: None,
) -> None:
    """Copy both ways until one side has ended; then ``other`` is closed. ``count`` gets the number of bytes."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                count(len(data))
                writer.write(data)
                await writer.drain()

    tasks = [asyncio.create_task(copy(one[0], other[1])), asyncio.create_task(copy(other[0], one[1]))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        other[1].close()


@asynccontextmanager
async def listening(place: Proxy | TlsFront, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    """Let ``place`` listen on a free port of this machine, which it is told. At the end all its connections end."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await place.connected(reader, writer)
        finally:
            writer.close()
            tasks.discard(task)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    place.port = listener.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
