"""``importer preview``: the first events, beside the rows that each came from."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli.console import out, say
from importer.cli.event_text import indented, parse
from importer.cli.options import option
from importer.cli.rows import as_json as row_as_json
from importer.cli.rows import cell_lines, count, heading, json_line, tell_gathered
from importer.cli.session import set_up_logging, tell_notes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.preview import Preview, Sample

_SHOWN_ROWS = 20


@click.command()
@click.argument("mapping", type=click.Path(path_type=Path))
@click.argument("sources", nargs=-1, required=True)
@option("--limit", type=click.IntRange(min=1), default=3, show_default=True, metavar="N", help="So many events.")
@option("--test-code", default=None, metavar="TEXT", help="Mark events for the vendor's event inspector.")
@option("--json", "as_json", is_flag=True, help="One JSON object a line: the rows, and the event as it is sent.")
def preview(mapping: Path, sources: tuple[str, ...], limit: int, test_code: str | None, *, as_json: bool) -> None:
    """Show the first events that MAPPING makes of SOURCES, beside the rows that each came from. Sends nothing.

    Without group_by no more is read than these events need. With it all SOURCES are read, because the lines of an event
    may stand anywhere; but only those of the first N groups are kept.
    """
    from importer.cli.progress import shown
    from importer.plan import plan
    from importer.preview import preview as first_events
    from importer.settings import RunSettings

    set_up_logging()
    planned = plan(mapping, sources, RunSettings(test_code=test_code))
    tell_notes(planned)
    with shown(quiet=False) as progress:
        found = first_events(planned, limit, progress)
    _tell(found, len(planned.sources), limit)
    texts = [_line(sample) if as_json else "\n".join(_text(sample)) for sample in found.samples]
    if texts:
        out(("\n" if as_json else "\n\n").join(texts))


def _tell(found: Preview, files: int, limit: int) -> None:
    """Say what was read, and what became of the rows that gave no event."""
    if found.groups:
        what = f"the {count(found.lines, 'line')} of {count(found.groups, 'group')}"
        tell_gathered(found.rows_read, files, what, found.broken, found.twins)
    if found.filtered or found.rejected:
        consent = f" ({found.without_consent:,} of them without consent)" if found.without_consent else ""
        fates = f"{found.filtered:,} filtered{consent}, {found.rejected:,} rejected"
        message = f"of {count(found.rows_read, 'row')}, {fates}"
        say("no_event", message, hint="\n  ".join(_reasons(found)))
    if not found.samples:
        say(
            "no_event",
            f"nothing that was read gives an event: {count(found.rows_read, 'row')}",
            level=logging.WARNING,
        )
    elif len(found.samples) < limit:
        say("end", f"{count(len(found.samples), 'event')} instead of {limit:,}")


def _reasons(found: Preview) -> Iterator[str]:
    for reject in found.rejects:
        yield f"{reject.file}:{reject.row}: {reject.message}"
    if found.rejected > len(found.rejects):
        yield f"and {found.rejected - len(found.rejects):,} more"


def _line(sample: Sample) -> str:
    return json_line({"source_rows": [row_as_json(row) for row in sample.rows]}, sample.event.decode())


def _text(sample: Sample) -> Iterator[str]:
    for row in sample.rows[:_SHOWN_ROWS]:
        yield heading(row)
        yield from cell_lines(row.cells)
    if len(sample.rows) > _SHOWN_ROWS:
        yield f"and {len(sample.rows) - _SHOWN_ROWS:,} more rows"
    yield indented(parse(sample.event))
