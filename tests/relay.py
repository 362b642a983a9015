"""Stands between the importer and a server that comes and goes: one address for all servers, and a hand on the line."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from threading import Event, Thread
from typing import Self


class Relay:
    """Passes bytes to and from ``port_behind`` on this machine; without one, connections are reset. A context manager.

    It runs in a thread of its own. ``url`` is its address.
    """

    def __init__(self) -> None:
        self.port_behind: int | None = None
        self.url = ""
        self._writers: set[asyncio.StreamWriter] = set()
        self._ready = Event()
        self._thread = Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def reset(self) -> int:
        """Reset all connections of the importer. How many there were."""
        return asyncio.run_coroutine_threadsafe(self._reset(), self._loop).result()

    async def _reset(self) -> int:
        writers = list(self._writers)
        for writer in writers:
            linger_none = struct.pack("ii", 1, 0)  # a reset, and not an orderly end
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
            writer.transport.abort()
        return len(writers)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._end.wait()
        server.close()
        await self._reset()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError):
                behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", self.port_behind or 9)
                await asyncio.gather(_pass(reader, behind_writer), _pass(behind_reader, writer))
        finally:
            self._writers.discard(writer)
            writer.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything until its end, which is then the end of the other side, too."""
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.transport.abort()
