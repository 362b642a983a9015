"""``importer retry``: send what was rejected, after mapping or data were put right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.destination import destination_options
from importer.cli.options import apply, log_options, output_options, source_options
from importer.cli.run import Job, import_options, perform
from importer.cli.session import ReportingCommand
from importer.report.printable import printable

if TYPE_CHECKING:
    from importer.pipeline import Plan
    from importer.report import Report
    from importer.settings import Destination, RunSettings


@click.command(cls=ReportingCommand)
@click.argument("mapping", type=click.Path(path_type=Path))
@click.argument("rejects_file", metavar="REJECTS", type=click.Path(path_type=Path))
@apply(destination_options)
@apply(source_options)
@apply(import_options)
@apply(log_options)
@apply(output_options)
def retry(mapping: Path, rejects_file: Path, *, as_json: bool, quiet: bool, **options: Any) -> None:  # noqa: ANN401
    """Send the rows that the rejects file REJECTS names and that are good now, with the ids of a first run.

    Their values are read once more from the source files, which must be as they were. Change MAPPING, not REJECTS. A
    source file that was corrected is another file: import it with `importer run`. What is rejected again goes to a
    new file beside REJECTS, to be retried from there.

    Options are those of the run that wrote REJECTS: mapping, site, --url, --test-code and --state-dir say which
    import it is. With --sandbox that is the import of `importer run --sandbox`, and as a sandbox starts empty, all of
    its rejected rows are tried each time.
    """

    def plan_retry(destination: Destination, directory: Path, settings: RunSettings) -> Plan:
        from importer import pipeline

        return pipeline.plan_retry(mapping, rejects_file, destination, directory, settings)

    perform(Job(mapping, plan_retry, quiet=quiet, outcome=_outcome), options, as_json=as_json)


def _outcome(report: Report) -> list[str]:
    """What became of the rejected rows, and where the whole import stands now."""
    rows = report.rows
    if not rows.read:
        lines = ["\nThe rejects file names no row that is still rejected."]
    else:
        lines = [f"\nOf {_rows(rows.read, 'rejected row')} {_fates(report)}."]
    if rows.skipped and not rows.settled:
        lines.append("What an earlier retry rejected again is in the file that it wrote: retry from there.")
    if report.overall is not None:
        fates = ", ".join(f"{count:,} {fate}" for fate, count in report.overall.items() if fate != "rows")
        lines.append(f"The whole import now has {_rows(report.overall['rows'], 'row')}: {fates}.")
    return lines


def _fates(report: Report) -> str:
    rows = report.rows
    again = f"{rows.rejected:,} {_are(rows.rejected)} rejected again"
    if rows.rejected and report.rejects is not None:
        again += f" ({printable(str(report.rejects))})"
    parts = [f"{rows.sent:,} {'was' if rows.sent == 1 else 'were'} sent now", again]
    parts += [f"{rows.filtered:,} {_are(rows.filtered)} filtered now"] if rows.filtered else []
    parts += [f"{rows.skipped:,} had their answer from an earlier retry"] if rows.skipped else []
    parts += [f"{rows.pending:,} {_are(rows.pending)} pending"] if rows.pending else []
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _rows(count: int, name: str) -> str:
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
