"""The collect server: aiohttp around :mod:`~importer.sandbox.body`, ``store``, ``received`` and ``faults``."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import struct
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Self

from aiohttp import ClientError, web

from importer.sandbox.body import Limits, Parsed, Refused, check_size, parse_batch, parse_single
from importer.sandbox.faults import Answer, Cut, Fault, FaultBoard, FaultInvalid, Moment, parse_fault
from importer.sandbox.page import PAGE, PAGE_POLICY
from importer.sandbox.received import NO_ANSWER, Received
from importer.sandbox.store import EventStore, Tally

LINGER_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: closing sends a TCP reset
GRACE_SECONDS = 0.25  # for answers under way when the server closes; a hang does not hold it longer


class Sandbox:
    """A running sandbox. ``await Sandbox.start()`` makes one, ``close()`` ends it and removes its temporary files."""

    def __init__(self, limits: Limits, board: FaultBoard, directory: Path, clock: Callable[[], float]) -> None:
        self.url = ""
        self._limits = limits
        self._board = board
        self._directory = directory
        self._clock = clock
        self._store = EventStore(directory)
        self._received = Received()
        self._tally = Tally()
        self._counting = asyncio.Lock()
        self._runner = web.AppRunner(
            self._application(),
            access_log=None,
            auto_decompress=False,  # compression is not described by the vendor
            shutdown_timeout=GRACE_SECONDS,
        )

    @classmethod
    async def start(
        cls,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        faults: Iterable[Fault] = (),
        limits: Limits = Limits(),  # noqa: B008 - frozen
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> Self:
        """Listen on ``host`` and ``port`` (0: any free one), within the running event loop.

        ``seed`` makes the decisions of ``faults`` repeatable; ``sleep`` is what they wait with. OSError when the
        address cannot be had.
        """
        directory = Path(tempfile.mkdtemp(prefix="importer-sandbox-"))
        sandbox = cls(limits, FaultBoard(faults, seed, sleep), directory, clock)
        try:
            await sandbox._listen(host, port)
        except BaseException:
            await sandbox.close()
            raise
        return sandbox

    async def _listen(self, host: str, port: int) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.url = site.name

    async def close(self) -> None:
        """End the server. Answers under way get a moment; temporary files are removed."""
        self._store.closed = True
        await self._runner.cleanup()
        async with self._counting:  # its thread reads the files
            shutil.rmtree(self._directory, ignore_errors=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def replace_faults(self, faults: Iterable[Fault]) -> None:
        """Make ``faults`` the active ones."""
        self._board.replace(faults)

    async def received(self, *, exact: bool = True) -> dict[str, Any]:
        """What arrived, as ``GET /received`` says it.

        Unique ids, repeats and digest are counted exactly, over all records, when ``exact``; else they are those of
        the last count, of ``counted_events`` events.
        """
        if exact:
            await self._count()
        limits = {"max_event_bytes": self._limits.max_event_bytes, "max_body_bytes": self._limits.max_body_bytes}
        faults = {"active": self._board.active, "fired": dict(self._board.fired)}
        return {**self._received.to_json(self._tally), "faults": faults, "limits": limits}

    async def reset(self) -> None:
        """Forget what arrived and what fired. The faults stay active."""
        async with self._counting:
            self._store.clear()
            self._received = Received()
            self._tally = Tally()
            self._board.fired.clear()

    async def _count(self) -> None:
        async with self._counting:
            if self._tally.events != self._store.events:
                self._store.flush()
                self._tally = await asyncio.to_thread(self._store.count, self._store.sizes())

    def _application(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.post("/events", self._post_event),
                web.post("/events/batch", self._post_batch),
                web.get("/received", self._get_received),
                web.delete("/received", self._delete_received),
                web.put("/faults", self._put_faults),
                web.get("/", _get_page),
            ]
        )
        return application

    async def _post_event(self, request: web.Request) -> web.Response:
        return await self._collect(request, parse_single, self._limits.max_event_bytes)

    async def _post_batch(self, request: web.Request) -> web.Response:
        return await self._collect(request, parse_batch, self._limits.max_body_bytes)

    async def _collect(self, request: web.Request, parse: Parser, limit_bytes: int) -> web.Response:
        self._received.arrived(self._clock())
        try:
            outcome = await self._outcome(request, parse, limit_bytes)
        except (ClientError, ConnectionError):  # the client left before its body was whole
            outcome = Cut(reset=False)
        if isinstance(outcome, Cut) or request.transport is None:
            self._received.answers[NO_ANSWER] += 1
            return _cut(request, reset=isinstance(outcome, Cut) and outcome.reset)
        self._received.answers[str(outcome.status)] += 1
        return web.Response(status=outcome.status, text=outcome.text, headers=dict(outcome.headers))

    async def _outcome(self, request: web.Request, parse: Parser, limit_bytes: int) -> Answer | Cut:
        if outcome := await self._board.strike(Moment.ARRIVED):
            return outcome
        body, size_bytes = await _read(request, limit_bytes)
        self._received.read(size_bytes)
        if outcome := await self._board.strike(Moment.READ):
            return outcome
        try:
            check_size(size_bytes, limit_bytes)
            parsed = parse(body, self._limits)
            self._store.add(parsed.events)
        except Refused as refused:
            return Answer(400, str(refused))
        except OSError as error:
            return Answer(500, f"the sandbox cannot write to {self._directory}: {error.strerror}")
        self._note(request, parsed)
        if parse is parse_batch:
            self._received.filled(size_bytes / limit_bytes)
        return await self._board.strike(Moment.STORED) or Answer(200)

    def _note(self, request: web.Request, parsed: Parsed) -> None:
        self._received.stored(parsed)
        for parameter in ("tc_s", "token"):
            if not request.query.get(parameter):
                self._received.warnings[f"requests without {parameter}"] += 1
        if request.content_type != "application/json":
            self._received.warnings["requests whose Content-Type is not application/json"] += 1

    async def _get_received(self, request: web.Request) -> web.Response:
        try:
            received = await self.received(exact="live" not in request.query)
        except OSError as error:
            return web.Response(status=500, text=f"the sandbox cannot use {self._directory}: {error.strerror}")
        return web.json_response(received, headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"})

    async def _delete_received(self, _request: web.Request) -> web.Response:
        await self.reset()
        return web.Response(status=204)

    async def _put_faults(self, request: web.Request) -> web.Response:
        try:
            texts = json.loads(await request.read())
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                return web.Response(status=400, text='Send a list of faults as JSON, such as ["status=503:0.3"].')
            self.replace_faults([parse_fault(text) for text in texts])
        except FaultInvalid as error:
            return web.Response(status=400, text=str(error))
        except ValueError as error:
            return web.Response(status=400, text=f"Invalid JSON: {error}")
        return web.json_response(self._board.active)


Parser = Callable[[bytes, Limits], Parsed]


async def _get_page(_request: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html", headers={"Content-Security-Policy": PAGE_POLICY})


async def _read(request: web.Request, limit_bytes: int) -> tuple[bytes, int]:
    """The body and its size. What is beyond the limit is read, so that the client hears the answer, but not kept."""
    kept, size_bytes = bytearray(), 0
    async for chunk in request.content.iter_any():
        size_bytes += len(chunk)
        if size_bytes <= limit_bytes:
            kept += chunk
    return bytes(kept), size_bytes


def _cut(request: web.Request, *, reset: bool) -> web.Response:
    """End the connection. The response is what aiohttp wants to be returned; nobody receives it."""
    if request.transport is not None:
        if reset:
            request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
        request.transport.abort()
    return web.Response()
