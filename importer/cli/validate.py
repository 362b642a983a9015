"""``importer validate``: the whole dry run."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.console import say
from importer.cli.forecast import dates, duration, least_seconds
from importer.cli.options import apply, log_options, option, output_options, source_options
from importer.cli.session import ReportingCommand, finish, set_up_logging, tell_notes
from importer.cli.signals import stoppable
from importer.cli.status import state_directory
from importer.report import Report
from importer.stop import Stop

if TYPE_CHECKING:
    from importer.settings import RunSettings


@click.command(cls=ReportingCommand)
@click.argument("mapping", type=click.Path(path_type=Path))
@click.argument("sources", nargs=-1)
@apply(source_options)
@option(
    "--state-dir",
    type=click.Path(path_type=Path),
    default=None,
    help="Where grouping may use disk.  [default: .importer beside MAPPING if it is there, else temporary files]",
)
@apply(log_options)
@apply(output_options)
def validate(mapping: Path, sources: tuple[str, ...], *, as_json: bool, quiet: bool, **options: Any) -> None:  # noqa: ANN401
    """Read every row of SOURCES through MAPPING and report every problem. Sends nothing and needs no key.

    Without SOURCES only the mapping file itself is checked.
    """
    set_up_logging(verbose=options.pop("verbose"), log_format=options.pop("log_format"), quiet=quiet)
    report, stop, error = Report(), Stop(), None
    settings = _settings(options)
    text = None if quiet else lambda done: _text(done, settings) if sources else _valid(mapping)
    with stoppable(stop):
        try:
            if sources:
                _dry_run(mapping, sources, settings, report, stop, quiet=quiet)
            else:
                _check_alone(mapping, report)
        except BaseException as caught:  # noqa: BLE001 -- told, and turned into the exit code
            error = caught
            report.mapping_warnings += map(str, getattr(caught, "warnings", ()))
        raise click.exceptions.Exit(finish(report, error, as_json=as_json, text=text))


def _check_alone(mapping: Path, report: Report) -> None:
    """All that can be known without any column: the mapping by itself, and the files that it looks values up in."""
    from importer.alone import check_alone
    from importer.mapping.document import load_document

    report.mapping_warnings += check_alone(load_document(mapping))
    for warning in report.mapping_warnings:
        say("warning", warning, level=logging.WARNING)


def _dry_run(
    mapping: Path, sources: tuple[str, ...], settings: RunSettings, report: Report, stop: Stop, *, quiet: bool
) -> None:
    from importer.cli.progress import shown
    from importer.pipeline import plan
    from importer.pipeline import validate as dry_run

    beside = state_directory(settings.state_dir, mapping)  # on a real disk, where the system's own may be memory
    if settings.state_dir is None and beside.is_dir():
        settings = replace(settings, state_dir=beside)
    stop.check()
    planned = plan(mapping, sources, settings)
    stop.check()
    tell_notes(planned)
    with shown(quiet=quiet) as progress:
        dry_run(planned, report, progress, stop)
    report.forecast_seconds = least_seconds(report, settings.requests_per_second)


def _settings(options: dict[str, Any]) -> RunSettings:
    from importer.settings import RunSettings

    rate = options.pop("rate")
    return RunSettings(requests_per_second=rate or RunSettings().requests_per_second, **options)


def _valid(mapping: Path) -> str:
    return f"{mapping}: the document is valid. Name a SOURCE to check it against data."


def _text(report: Report, settings: RunSettings) -> str:
    from importer.report import render_text

    between = dates(report)
    lines = [
        render_text(report, dry_run=True),
        f"The run will take {duration(report, settings.requests_per_second)}.",
        *([f"Its events are from {between}."] if between else []),
    ]
    return "\n".join(lines)
