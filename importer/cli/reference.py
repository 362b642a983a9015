"""``importer reference``: what the vendor's event reference says."""

from __future__ import annotations

import json
import shutil

import click

from importer.cli.console import out, say
from importer.cli.options import option
from importer.cli.session import set_up_logging

_WIDEST = 110


@click.command()
@click.argument("event", required=False)
@option("--all", "everything", is_flag=True, help="Also the properties that are seldom used.")
@option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def reference(event: str | None, *, everything: bool, as_json: bool) -> None:
    """Show the standard events, or all that the event reference says about EVENT, and where it says so.

    Any other name is an event of your own: it may carry what every event may.
    """
    from importer.mapping.nearest import did_you_mean
    from importer.reference import EVENT_NAMES
    from importer.reference.listing import as_data, overview, page

    set_up_logging()
    if event is not None and event not in EVENT_NAMES:
        say("note", f"`{event}` is none of the {len(EVENT_NAMES)} standard events{did_you_mean(event, EVENT_NAMES)}")
    if as_json:
        out(json.dumps(as_data(event), ensure_ascii=False))
        return
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    lines = overview(width) if event is None else page(event, width, everything=everything)
    out("\n".join(lines).strip("\n"))
