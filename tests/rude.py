"""A server on loopback that answers with whatever bytes it is told to, HTTP or not."""

from __future__ import annotations

import itertools
import re
import socketserver
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Asked(NamedTuple):
    """A request: the how many-th it is, from 1 on, its target, and its body."""

    number: int
    target: str
    body: bytes


_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def http(status: int, body: str | bytes = b"", *headers: str) -> bytes:
    """An answer with ``body`` and ``headers`` as they are."""
    data = body.encode() if isinstance(body, str) else body
    head = "".join(f"{header}\r\n" for header in (*headers, f"Content-Length: {len(data)}"))
    return f"HTTP/1.1 {status} Rude\r\n{head}\r\n".encode() + data


@contextmanager
def rude_server(answer: Callable[[Asked], bytes]) -> Iterator[str]:
    """The URL of a server that answers each request with ``answer(asked)``, and then closes the connection."""
    numbers, lock = itertools.count(1), threading.Lock()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline()
                if not line:
                    return
                head += line
            length = _LENGTH.search(head)
            body = self.rfile.read(int(length[1]) if length else 0)
            with lock:
                asked = Asked(next(numbers), head.split(b" ")[1].decode(), body)
            self.wfile.write(answer(asked))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
