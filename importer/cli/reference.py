"""``importer reference``: what the vendor's event reference says."""

from __future__ import annotations

import json
import shutil

import click

from importer.cli.console import out
from importer.cli.options import option
from importer.errors import StateUnusable

_WIDEST = 100


@click.command()
@click.argument("event", required=False)
@option("--all", "everything", is_flag=True, help="Also the properties that an import seldom has.")
@option("--json", "as_json", is_flag=True, help="One JSON object on stdout, always with everything.")
def reference(event: str | None, *, everything: bool, as_json: bool) -> None:
    """Show what the event reference says about EVENT, and on which page of the vendor it says so.

    Any name that is not a standard one is an event of your own: it may carry what every event may. Without EVENT: the
    standard events with what each requires, and where the vendor's pages contradict each other.
    """
    try:
        out(_json(event) if as_json else _text(event, everything=everything))
    except OSError as error:
        hint = "Free some space, or look at where stdout goes."
        raise StateUnusable(f"The reference cannot be written: {error.strerror}.", hint) from error


def _json(event: str | None) -> str:
    from importer.reference.listing import as_data

    return json.dumps(as_data(event))


def _text(event: str | None, *, everything: bool) -> str:
    from importer.mapping.nearest import printable
    from importer.reference.listing import overview, page

    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    lines = overview(width) if event is None else page(printable(event), width, everything=everything)
    return "\n".join(lines)
