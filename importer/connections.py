"""Requests over connections that aiohttp makes. What its session does again for each request is done once for all.

aiohttp resolves names, connects, tunnels, speaks TLS and parses answers. Its session builds a request, a response, a
writer and a timer around every exchange, which takes twice as long as the exchange itself: with one event a request,
that was most of the work of a run. So its connector and its protocol are used directly. They are no documented
interface: the minor version of aiohttp is pinned, and ``tests/contract/test_transport.py`` is the proof that it fits.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
from aiohttp.http import HttpProcessingError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.http import RawResponseMessage
    from yarl import URL

ANSWER_BYTES = 4096
"""So much is read of an answer; the connection of a longer one is closed."""

KEEP_ALIVE_SECONDS = 4.0
"""Idle connections are given up before common servers do (5 s): a request on a connection that is just being closed
has no answer, and would have to be sent again."""

_JOINED_BYTES = 65_536  # below that, a copy of the body costs less than a second call of the system
_SWITCHING_PROTOCOLS = 101
_FINAL = 200  # the first status that is no interim answer
_OF_THE_BODY = {"content-length", "transfer-encoding"}


class NoHttp(aiohttp.ClientError):
    """What came back is no answer of HTTP."""


class Answer(NamedTuple):
    """What came back. ``headers`` are name and value as sent; ``content`` is the beginning of the body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    content: bytes


class Target(NamedTuple):
    """Where every request goes, and what it carries besides its body. ``proxy_headers`` are for a tunnel alone."""

    method: str
    url: URL
    headers: Mapping[str, str]
    proxy: URL | None
    proxy_headers: Mapping[str, str]

    def request(self) -> aiohttp.ClientRequest:
        """A request as aiohttp wants one to connect for; its headers are those of all requests."""
        return aiohttp.ClientRequest(
            self.method,
            self.url,
            headers=self.headers,
            loop=asyncio.get_running_loop(),
            proxy=self.proxy,
            proxy_headers=dict(self.proxy_headers) if self.proxy is not None else None,
        )

    def head(self) -> bytes:
        """The head of every request, up to the number of bytes of its body."""
        is_passed_on = self.proxy is not None and self.url.scheme == "http"
        path = str(self.url) if is_passed_on else self.url.raw_path_qs
        headers = self.request().headers.items()
        lines = [f"{name}: {value}" for name, value in headers if name.lower() not in _OF_THE_BODY]
        return "\r\n".join([f"{self.method} {path} HTTP/1.1", *lines, "Content-Length: "]).encode()


class Connections:
    """At most ``limit`` connections to one target, each for one request at a time. To be made in the event loop.

    ``connect_seconds`` is what a connection may take, ``total_seconds`` a request with everything.
    """

    def __init__(
        self,
        target: Target,
        limit: int,
        connect_seconds: float,
        total_seconds: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._target = target
        self._head = target.head()
        self._total_seconds = total_seconds
        self._timeout = aiohttp.ClientTimeout(connect=min(connect_seconds, total_seconds))
        self._connector = aiohttp.TCPConnector(limit=limit, ssl=tls or True)
        self._free = asyncio.Semaphore(limit)
        self._idle: list[_Line] = []  # the one that was used last is taken first
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        """Close what is idle, and wait for it."""
        await self._connector.close()
        for line in self._idle:
            line.close()
        self._idle.clear()

    async def exchange(self, body: bytes) -> Answer:
        """Send ``body``; the answer to it. Raises what aiohttp raises: ClientError, TimeoutError, OSError."""
        deadline = self._loop.time() + self._total_seconds
        await self._free.acquire()
        try:
            line = self._idle_line() or await self._connect()
            try:
                answer = await line.exchange(b"%b%d\r\n\r\n" % (self._head, len(body)), body, deadline)
            except BaseException:
                line.close()
                raise
            if line.is_usable:
                line.idle_since = self._loop.time()
                self._idle.append(line)
            else:
                line.close()
            return answer
        finally:
            self._free.release()

    def _idle_line(self) -> _Line | None:
        while self._idle:
            line = self._idle.pop()
            if line.is_usable and self._loop.time() - line.idle_since <= KEEP_ALIVE_SECONDS:
                return line
            line.close()
        return None

    async def _connect(self) -> _Line:
        try:
            connection = await self._connector.connect(self._target.request(), traces=[], timeout=self._timeout)
        except TimeoutError:
            raise aiohttp.ConnectionTimeoutError from None
        return _Line(connection)


class _Line:
    """One connection. Its one timer is set again when it goes off, instead of twice for each request."""

    __slots__ = ("_connection", "_deadline", "_handler", "_is_late", "_loop", "_timer", "idle_since")

    def __init__(self, connection: Connection) -> None:
        if connection.protocol is None:
            raise aiohttp.ServerDisconnectedError
        self._connection = connection
        self._handler: ResponseHandler = connection.protocol
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None  # of the request under way
        self._is_late = False
        self.idle_since = 0.0

    @property
    def is_usable(self) -> bool:
        """Whether it can carry a request: open, nothing of the last one is left on either way, nobody wants its end."""
        handler = self._handler
        transport = handler.transport
        return (
            transport is not None
            and not transport.is_closing()
            and not handler.should_close
            and not transport.get_write_buffer_size()  # an answer that came before all of the body was sent
        )

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._connection.close()

    async def exchange(self, head: bytes, body: bytes, deadline: float) -> Answer:
        """Send a request; the answer, if it comes before ``deadline`` (time of the loop)."""
        self._deadline = deadline
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._on_time)
        try:
            answer = await self._exchange(head, body)
        except (aiohttp.ClientError, OSError):
            if not self._is_late:
                raise
        finally:
            self._deadline = None
        if self._is_late:  # whatever it looks like: what was cut off may end as if it were complete
            raise TimeoutError
        return answer

    async def _exchange(self, head: bytes, body: bytes) -> Answer:
        handler = self._handler
        transport = handler.transport
        if transport is None:
            raise aiohttp.ServerDisconnectedError
        handler.set_response_params(read_until_eof=True)  # a new parser
        if len(body) < _JOINED_BYTES:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)
        message, content = await _answer(handler)
        while message.code < _FINAL and message.code != _SWITCHING_PROTOCOLS:
            message, content = await _answer(handler)
        return Answer(message.code, message.raw_headers, await _beginning(content))

    def _on_time(self) -> None:
        """The deadline of some request is over: of this one, or of one before it."""
        self._timer = None
        if self._deadline is None:
            return
        if self._deadline > self._loop.time():
            self._timer = self._loop.call_at(self._deadline, self._on_time)
        elif self._handler.transport is not None:
            self._is_late = True
            self._handler.transport.abort()  # ends the waits of the exchange


async def _answer(handler: ResponseHandler) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    try:
        return await handler.read()
    except HttpProcessingError:
        raise NoHttp from None


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """The first ``ANSWER_BYTES`` of an answer. What is left unread makes the connection unusable."""
    text = b""
    while len(text) < ANSWER_BYTES and not content.at_eof():
        text += await content.read(ANSWER_BYTES - len(text))
    return text
