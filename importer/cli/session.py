"""What ``run`` and ``validate`` share: signals, logging, and printing the report whatever happened."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from importer.cli.failures import exit_code_of, printable, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from importer.pipeline import Stop
    from importer.report import Report


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of ``record``."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps(
            {"time": moment, "level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        )


class PrintableLines(logging.Formatter):
    """Plain text without characters that could steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of ``record``."""
        return printable(f"{record.levelname.lower()}: {record.getMessage()}")


def set_up_logging(*, verbose: bool, log_format: str) -> None:
    """Log to stderr: warnings of the importer, with ``verbose`` what it does as well."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else PrintableLines())
    logger = logging.getLogger("importer")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING)


@contextmanager
def stoppable(stop: Stop) -> Iterator[None]:
    """The first SIGINT or SIGTERM asks for a graceful stop, the second ends the process at once."""

    def handle(number: int, _: FrameType | None) -> None:
        if stop.signal_number is not None:
            os._exit(128 + number)  # safe at any moment: that is what the checkpoint is for
        click.echo("\nStopping: requests under way are finished. Once more to stop at once.", err=True)
        stop.request(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def finish(report: Report, error: BaseException | None, *, as_json: bool, text: Callable[[Report], str] | None) -> int:
    """Print the report and what stopped the run; the exit code. ``text`` prints it for people, ``None`` for quiet."""
    report.conclude(error)
    if error is not None:
        report.exit_code = exit_code_of(error)
        tell(error)
    if as_json:
        click.echo(report.render_json())
    elif text is not None and (error is None or report.rows.read):
        click.echo(text(report))
    return int(report.exit_code)
