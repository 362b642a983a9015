"""``python -m importer.sandbox``: the sandbox for a parent process. For people there is ``importer sandbox``.

The first line of stdout is the URL. It ends when its stdin does, which is also what the death of the parent looks
like, or by SIGTERM. SIGINT is ignored: at a terminal it means the parent, which may still want to drain.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading

from importer.sandbox.body import Limits
from importer.sandbox.faults import FaultInvalid, parse_fault
from importer.sandbox.server import Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Serve until stdin ends. 0, or 2 when an argument or the address does not work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    options = _options(arguments)
    try:
        asyncio.run(_serve(options))
    except (FaultInvalid, OSError) as error:
        print(f"importer.sandbox: {error}", file=sys.stderr)  # noqa: T201 - the word of a process to its parent's user
        return 2
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m importer.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-event-bytes", type=int, default=Limits().max_event_bytes)
    parser.add_argument("--max-body-bytes", type=int, default=Limits().max_body_bytes)
    return parser.parse_args(arguments)


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    faults = [parse_fault(text) for text in options.fault]
    limits = Limits(options.max_event_bytes, options.max_body_bytes)
    async with await Sandbox.start(
        options.host, options.port, faults=faults, limits=limits, seed=options.seed
    ) as server:
        # A daemon: a read that never ends must not keep the process alive after SIGTERM.
        threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True).start()
        print(server.url, flush=True)  # noqa: T201 - what the parent waits for
        await stop.wait()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:
        pass  # a stdin that cannot be read is one that has ended
    if not loop.is_closed():
        loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    sys.exit(main())
