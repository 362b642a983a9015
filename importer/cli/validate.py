"""``importer validate``: the whole dry run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.failures import printable
from importer.cli.options import apply, output_options, source_options
from importer.cli.session import finish, set_up_logging, stoppable

if TYPE_CHECKING:
    from importer.report import Report
    from importer.settings import RunSettings

_MINUTE, _HOUR = 60, 3600


@click.command()
@click.argument("mapping", type=click.Path(path_type=Path))
@click.argument("sources", nargs=-1)
@apply(source_options)
@apply(output_options)
def validate(mapping: Path, sources: tuple[str, ...], *, as_json: bool, quiet: bool, **options: Any) -> None:  # noqa: ANN401
    """Read every row of SOURCES through MAPPING and report every problem. Sends nothing and needs no key.

    Without SOURCES only the mapping file itself is checked.
    """
    from importer.cli.progress import shown
    from importer.mapping.document import load_document

    set_up_logging(verbose=False, log_format="text")
    if not sources:
        load_document(mapping)
        click.echo(f"{mapping}: the document is valid. Name a SOURCE to check it against data.", err=as_json)
        return
    from importer.pipeline import Stop, plan
    from importer.pipeline import validate as dry_run
    from importer.report import Report

    settings = _settings(options)
    report, stop, error, warnings = Report(), Stop(), None, []
    try:
        with stoppable(stop):
            planned = plan(mapping, sources, settings)
            warnings = [*planned.notes, *(f"warning: {text}" for text in planned.warnings)]
            with shown(quiet=quiet or as_json) as progress:
                dry_run(planned, report, progress, stop)
    except BaseException as caught:  # noqa: BLE001 -- told, and turned into the exit code
        error = caught
    text = None if quiet else lambda done: "\n".join([*map(printable, warnings), _text(done, settings)])
    raise click.exceptions.Exit(finish(report, error, as_json=as_json, text=text))


def _settings(options: dict[str, Any]) -> RunSettings:
    from importer.settings import RunSettings

    rate = options.pop("rate")
    return RunSettings(requests_per_second=rate or RunSettings().requests_per_second, **options)


def _text(report: Report, settings: RunSettings) -> str:
    from importer.report import render_text

    rate = settings.requests_per_second or math.inf
    seconds = report.requests / rate
    return (
        f"{render_text(report, dry_run=True)}\n"
        f"The run will take about {_duration(seconds)} or more: {report.requests:,} requests "
        f"with {report.body_bytes:,} bytes at {rate:g} requests a second at most."
    )


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{math.ceil(seconds)} s"
    hours, minutes = divmod(math.ceil(seconds / _MINUTE), _MINUTE)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
