"""What the importer says on stderr: words for people, or one JSON object a line for machines, or only what went wrong.

Everything goes through one handler of :mod:`logging`, the warnings of libraries too, so that no line has another form.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from importer.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

_OURS = "importer"
_HEARD_WHEN_QUIET = {"error", "rejects", "stop", "check", "question"}
"""Events that ``--quiet`` lets through. Each of them means that the run is not a success, or that it asks somebody."""

_log = logging.getLogger(f"{_OURS}.cli")


class Console(logging.Handler):
    """Writes records to stderr, whatever stderr is at that moment.

    A log that cannot be written stops no import: a full disk or a reader that has gone is ignored. ``aside`` makes room
    for a line where a progress bar stands.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_json = False
        self.is_quiet = False
        self.is_verbose = False
        self.aside: Callable[[], AbstractContextManager[object]] = nullcontext

    def emit(self, record: logging.LogRecord) -> None:
        """Write ``record`` as one line of JSON or as text, if it is to be heard."""
        if not self._is_heard(record):
            return
        line = _as_json(record) if self.is_json else _as_text(record)
        with self.aside():
            self.write(f"{line}\n")

    def write(self, text: str) -> None:
        """Write ``text`` as it is."""
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError, RuntimeError):
            return  # ValueError: closed; RuntimeError: a signal came in the middle of another line

    def _is_heard(self, record: logging.LogRecord) -> bool:
        if self.is_quiet:
            return record.levelno >= logging.ERROR or _event(record) in _HEARD_WHEN_QUIET
        return self.is_verbose or record.levelno >= logging.WARNING or hasattr(record, "event")


console = Console()


def set_up_logging(*, verbose: bool = False, log_format: str = "text", quiet: bool = False) -> None:
    """Say everything through the console from now on, in this form. ``quiet`` matters more than ``verbose``."""
    console.is_json, console.is_quiet, console.is_verbose = log_format == "json", quiet, verbose
    logging.captureWarnings(capture=True)
    logging.getLogger().addHandler(console)  # nothing happens if it is there already
    logging.getLogger(_OURS).setLevel(logging.DEBUG if verbose else logging.INFO)


def say(event: str, message: str, *, level: int = logging.INFO, **fields: Any) -> None:  # noqa: ANN401 -- any JSON
    """Say ``message``. ``event`` is a stable word for machines, ``fields`` are JSON for them; text shows ``hint``."""
    console.handle(
        _log.makeRecord(_log.name, level, "", 0, message, (), None, extra={"event": event, "fields": fields})
    )


def out(text: str) -> None:
    """Write ``text`` and a newline to stdout. Raises OSError if that fails; nothing is tried again at exit.

    A reader that has gone, such as ``head``, is no failure.
    """
    try:
        click.echo(text)
    except OSError as error:
        give_up_stdout()
        if not isinstance(error, BrokenPipeError):
            raise


def give_up_stdout() -> None:
    """Write to nowhere from now on: Python flushes stdout once more when it ends, and would complain again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _event(record: logging.LogRecord) -> str:
    return getattr(record, "event", "log")


def _message(record: logging.LogRecord) -> str:
    """What ``record`` says. Of libraries only the first line: below it may stand an address with the key in it."""
    text = record.getMessage()
    return text if record.name.partition(".")[0] == _OURS else text.partition("\n")[0]


def _as_json(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    line = {
        "time": moment,
        "level": record.levelname.lower(),
        "event": _event(record),
        "message": _message(record),
        **getattr(record, "fields", {"logger": record.name}),
    }
    return json.dumps(line, default=str)


def _as_text(record: logging.LogRecord) -> str:
    """As people read it: no prefix where the importer only tells what it does."""
    fields = getattr(record, "fields", {})
    prefix = "" if hasattr(record, "event") and record.levelno == logging.INFO else f"{record.levelname.lower()}: "
    hint = f"\n  {fields['hint']}" if fields.get("hint") else ""
    return printable(f"{fields.get('traceback', '')}{prefix}{_message(record)}{hint}")
