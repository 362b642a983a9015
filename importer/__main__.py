"""The command ``importer``, also as ``python -m importer``."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run the command line. It handles signals; before, Ctrl-C ends the process without a traceback.

    Behind it signals are ignored: the exit code is known, and the interpreter only has to leave.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # its own pool keeps a tenth of all memory for later
    from importer.cli import main as command_line  # noqa: PLC0415 -- loads for a tenth of a second

    try:
        command_line()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()
