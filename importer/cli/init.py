"""``importer init``: a first mapping, guessed from an export."""

from __future__ import annotations

import logging
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli.console import out, say, set_up_logging
from importer.cli.options import option
from importer.errors import StateUnusable, UsageInvalid

if TYPE_CHECKING:
    from importer.draft import Drafted


@click.command()
@click.argument("source")
@option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Write it there, not to stdout.",
)
@option("--event", default=None, metavar="NAME", help="The name of the events, such as purchase.  [default: guessed]")
def init(source: str, output: Path | None, event: str | None) -> None:
    """Draft a mapping for SOURCE, guessed from its columns and their values, with comments that say why.

    A sample is read: the first rows and some from the middle and the end; of several files the first. What only you can
    know is marked with TODO. A file that exists is never overwritten.
    """
    set_up_logging()
    if output is not None and output.exists():
        raise _exists(output)
    from importer.draft import draft_mapping

    drafted = draft_mapping(source, event)
    _write(drafted.text, output)
    _tell(drafted, source, output)


def _exists(output: Path) -> UsageInvalid:
    return UsageInvalid(
        f"{output} exists, and nothing is overwritten.", "Name another file with --output, or remove it."
    )


def _write(text: str, output: Path | None) -> None:
    """Write to ``output`` (else UsageInvalid) or to stdout (else StateUnusable)."""
    try:
        if output is None:
            out(text.rstrip("\n"))
        else:
            with output.open("x", encoding="utf-8") as file:
                file.write(text)
    except FileExistsError:
        raise _exists(output or Path()) from None
    except OSError as error:
        if output is None:
            hint = "Free some space, or look at where stdout goes."
            raise StateUnusable(f"The mapping cannot be written: {error.strerror}.", hint) from error
        raise UsageInvalid(
            f"{output} cannot be written: {error.strerror}.", "Name another file with --output."
        ) from error


def _tell(drafted: Drafted, source: str, output: Path | None) -> None:
    """What was recognised, what the draft makes of the sample, and what is next."""
    for note in drafted.notes:
        say("recognised", note)
    tried = drafted.trial
    if tried.problem:
        say("trial", f"the draft does not work yet: {tried.problem}", level=logging.WARNING)
    else:
        rejected = f", {tried.rejected:,} rows rejected" if tried.rejected else ""
        message = f"with each TODO filled in, the {tried.rows:,} rows give {tried.events:,} events{rejected}"
        say("trial", message, hint="\n  ".join(tried.reasons))
    name = shlex.quote(str(output)) if output else "MAPPING"
    todos = "\n  ".join(f"TODO {place}: {what}" for place, what in drafted.todos)
    count = len(drafted.todos)
    what = f"fill in {'the' if count == 1 else count} TODO{'' if count == 1 else 's'}, then: " if count else ""
    say("next", f"next: {what}importer validate {name} {shlex.quote(source)}", hint=todos)
