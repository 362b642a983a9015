"""From an error to a text and an exit code, in one place."""

from __future__ import annotations

import io
import logging
import traceback
from dataclasses import asdict
from typing import Any

import click

from importer.cli.console import console, give_up_stdout, say
from importer.errors import ColumnsMissing, ExitCode, ImporterError, MappingInvalid
from importer.report.printable import printable

__all__ = ["exit_code_of", "printable", "tell"]

_REPORT_A_BUG = "This is a bug of the importer; nothing that was answered is lost. Please report the lines above."
_LONGEST_MESSAGE = 500
_SHOWN_FRAMES = 4


def exit_code_of(error: BaseException) -> int:
    """The exit code for ``error``."""
    if isinstance(error, ImporterError):
        return int(error.exit_code)
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        return int(ExitCode.INVALID)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return int(getattr(error, "exit_code", ExitCode.SIGINT))
    return int(ExitCode.BUG)


def tell(error: BaseException) -> None:
    """Say what ``error`` means to a person. Only a bug shows where it happened, and never the values."""
    if isinstance(error, click.exceptions.Exit):
        return
    if isinstance(error, BrokenPipeError):
        give_up_stdout()
        return
    if isinstance(error, click.ClickException) and not console.is_json:
        console.write(_with_usage(error))
        return
    message, fields = _told(error)
    fields = {"type": type(error).__name__, "exit_code": exit_code_of(error), **fields}
    say("error", message, level=logging.ERROR, **fields)


def _with_usage(error: click.ClickException) -> str:
    """What Click shows for ``error``: it repeats what was typed, which may have been pasted."""
    shown = io.StringIO()
    error.show(shown)
    return printable(shown.getvalue())


def _told(error: BaseException) -> tuple[str, dict[str, Any]]:
    """The message for ``error``, and the fields that go with it."""
    if isinstance(error, MappingInvalid | ColumnsMissing):
        return error.message, {"hint": error.hint, **_listed(error)}
    if isinstance(error, ImporterError):
        return error.message, {"hint": error.hint}
    if isinstance(error, click.ClickException):
        return error.format_message(), {"hint": "Look at --help of the command."}
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "Interrupted.", {"hint": ""}
    frames = "".join(traceback.format_tb(error.__traceback__)[-_SHOWN_FRAMES:])
    message = f"{type(error).__name__}: {str(error)[:_LONGEST_MESSAGE]}"
    return message, {"hint": _REPORT_A_BUG, "traceback": frames}


def _listed(error: MappingInvalid | ColumnsMissing) -> dict[str, Any]:
    """Problems and warnings of a mapping, for machines."""
    return {
        "problems": [asdict(problem) for problem in error.problems],
        "warnings": [asdict(problem) for problem in error.warnings],
    }
