"""From an error to a text and an exit code, in one place."""

from __future__ import annotations

import os
import sys
import traceback

import click

from importer.errors import ExitCode, ImporterError

_REPORT_A_BUG = "This is a bug of the importer; nothing that was answered is lost. Please report the lines above."


def exit_code_of(error: BaseException) -> int:
    """The exit code for ``error``."""
    if isinstance(error, ImporterError):
        return int(error.exit_code)
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        return int(ExitCode.INVALID)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return int(ExitCode.SIGINT)
    return int(ExitCode.BUG)


def tell(error: BaseException) -> None:
    """Write ``error`` to stderr for a person. Only a bug shows where it happened, and never the values."""
    if isinstance(error, click.exceptions.Exit):
        return
    if isinstance(error, BrokenPipeError):
        # whoever read stdout has gone; Python would complain once more when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    if isinstance(error, ImporterError):
        click.echo(f"error: {printable(str(error))}", err=True)
    elif isinstance(error, click.ClickException):
        error.show()
    elif isinstance(error, KeyboardInterrupt | click.Abort):
        click.echo("Interrupted.", err=True)
    else:
        frames = traceback.format_tb(error.__traceback__)
        click.echo("".join(frames[-4:]) + f"{type(error).__name__}: {printable(str(error)[:500])}", err=True)
        click.echo(_REPORT_A_BUG, err=True)


def printable(text: str) -> str:
    """``text`` without characters that could move a terminal's cursor; line ends stay."""
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode("ascii") for char in text
    )
