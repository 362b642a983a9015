"""The command ``importer``, also as ``python -m importer``."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

_M_ARENA_MAX = -8


def main() -> None:
    """Run the command line. It handles signals; before, Ctrl-C ends the process without a traceback.

    Behind it signals are ignored: the exit code is known, and the interpreter only has to leave.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _keep_memory_together()
    from importer.cli import main as command_line  # noqa: PLC0415 -- loads for a tenth of a second

    try:
        command_line()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


def _keep_memory_together() -> None:
    """One store of free memory for all threads and for Arrow: each of several would keep a tenth of all for later."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with contextlib.suppress(OSError, AttributeError):  # where the C library is not that of GNU
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


if __name__ == "__main__":
    main()
