"""The command ``importer``, also as ``python -m importer``."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line. Until it has its own handler, Ctrl-C ends the process without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from importer.cli import main as command_line  # noqa: PLC0415 -- loads for a tenth of a second

    command_line()


if __name__ == "__main__":
    main()
