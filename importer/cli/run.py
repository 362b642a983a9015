"""``importer run``: the import."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from importer.cli.console import say
from importer.cli.destination import SANDBOX, destination_options, take_destination
from importer.cli.first import check_and_ask, look_there, somebody_is_there
from importer.cli.locked import IfLocked, ImportSkipped, when_free
from importer.cli.options import RejectLimitType, apply, log_options, option, output_options, source_options
from importer.cli.session import ReportingCommand, finish, set_up_logging, skip, tell_notes
from importer.cli.signals import stoppable
from importer.cli.status import state_directory
from importer.profiles import ADVISED_REQUESTS_PER_SECOND
from importer.report import Report, render_text
from importer.settings import RunSettings
from importer.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.pipeline import Plan
    from importer.settings import Destination


import_options = (
    option(
        "--concurrency",
        type=click.IntRange(1, 1024),
        default=None,
        help="Requests under way.  [default: 16, single: 64]",
    ),
    option(
        "--state-dir",
        type=click.Path(path_type=Path),
        default=None,
        help="Where checkpoint and rejects are kept.  [default: .importer beside MAPPING]",
    ),
    option(
        "--rejects",
        type=click.Path(path_type=Path),
        default=None,
        help="Where rejected rows go.  [default: in the state directory; of a retry beside REJECTS]",
    ),
    option(
        "--max-rejects",
        type=RejectLimitType(),
        default=None,
        help="Stop with exit code 8 beyond so many rejected rows.",
    ),
    option(
        "--ambiguous",
        type=click.Choice(["resend", "stop"]),
        default="resend",
        show_default=True,
        help="What was sent and had no answer: send it again, with the same ids, or stop with exit code 8.",
    ),
    option(
        "--if-locked",
        type=click.Choice([policy.value for policy in IfLocked]),
        default=IfLocked.FAIL.value,
        show_default=True,
        help="While another run holds this import: exit code 11, wait for its end, or exit code 0.",
    ),
)


@click.command(cls=ReportingCommand)
@click.argument("mapping", type=click.Path(path_type=Path))
@click.argument("sources", nargs=-1, required=True)
@apply(destination_options)
@apply(source_options)
@apply(import_options)
@option("--yes", "-y", is_flag=True, help="Neither check nor ask before a first import.")
@option("--again", is_flag=True, help="Send sources again that were imported before.")
@apply(log_options)
@apply(output_options)
def run(mapping: Path, sources: tuple[str, ...], *, as_json: bool, quiet: bool, **options: Any) -> None:  # noqa: ANN401
    """Import SOURCES (files, folders, globs) through MAPPING. The same command resumes what was interrupted.

    The source key is read from IMPORTER_SOURCE_KEY or --source-key-file, never from an argument.
    """

    def plan_run(_destination: Destination, _directory: Path, settings: RunSettings) -> Plan:
        from importer.pipeline import plan

        return plan(mapping, sources, settings)

    perform(Job(mapping, plan_run, quiet=quiet), options, as_json=as_json)


def perform(job: Job, options: dict[str, Any], *, as_json: bool) -> NoReturn:
    """Do ``job`` by the ``options`` of the command line, report, and end the command with the exit code."""
    set_up_logging(verbose=options.pop("verbose"), log_format=options.pop("log_format"), quiet=job.quiet)
    stop, error = Stop(), None
    text = None if job.quiet else lambda done: "\n".join([render_text(done), *job.outcome(done), *job.remarks])
    with stoppable(stop):
        try:
            with ExitStack() as stack:
                job.carry_out(options, stop, stack)
        except ImportSkipped as skipped:
            raise click.exceptions.Exit(skip(job.report, skipped.message, as_json=as_json)) from None
        except BaseException as caught:  # noqa: BLE001 -- told, and turned into the exit code
            error = caught
        raise click.exceptions.Exit(finish(job.report, error, as_json=as_json, text=text))


@dataclass
class Job:
    """One command: its report, and the remarks that stand below it.

    ``plan`` says what is to be done, from the destination and the state directory on. ``outcome`` gives lines that
    stand below the report as well.
    """

    mapping: Path
    plan: Callable[[Destination, Path, RunSettings], Plan]
    quiet: bool
    outcome: Callable[[Report], list[str]] = lambda _: []
    report: Report = field(default_factory=Report)
    remarks: list[str] = field(default_factory=list)

    def carry_out(self, options: dict[str, Any], stop: Stop, stack: ExitStack) -> None:
        """Import, or raise what keeps it from that."""
        from importer.checkpoint import ImportKey
        from importer.checkpoint.status import lock_path

        destination = take_destination(options, stack)
        is_sandbox = destination.name == SANDBOX
        asks, policy = not options.pop("yes", True) and not is_sandbox, IfLocked(options.pop("if_locked"))
        settings = _settings(options, is_sandbox=is_sandbox)
        directory = state_directory(settings.state_dir, self.mapping)
        key = ImportKey(self.mapping, destination.name, destination.site, settings.test_code)

        def attempt() -> None:
            self._import(destination, settings, directory, stop, asks=asks)

        when_free(policy, lock_path(directory / key.file_name()), attempt, self.report, stop)
        if is_sandbox:
            self.remarks.append(_arrived(destination, self.report))

    def _import(
        self, destination: Destination, settings: RunSettings, directory: Path, stop: Stop, *, asks: bool
    ) -> None:
        from importer.cli.progress import shown
        from importer.pipeline import is_known
        from importer.pipeline import run as run_import

        stop.check()
        planned = self.plan(destination, directory, settings)
        stop.check()
        _tell_plan(planned, destination)
        is_first = destination.name != SANDBOX and not is_known(planned, destination, directory)
        if asks and is_first and somebody_is_there():
            check_and_ask(planned, destination, stop, quiet=self.quiet)
        with shown(quiet=self.quiet) as progress:
            run_import(planned, destination, directory, self.report, progress, stop)
        if is_first and self.report.events.accepted:
            self.remarks.append(look_there(settings.test_code))


def _settings(options: dict[str, Any], *, is_sandbox: bool) -> RunSettings:
    rate = options.pop("rate")
    if rate is None and not is_sandbox:
        rate = ADVISED_REQUESTS_PER_SECOND
    if rate is not None and rate > ADVISED_REQUESTS_PER_SECOND and not is_sandbox:
        advised = f"{ADVISED_REQUESTS_PER_SECOND:g} requests a second"
        say("note", f"note: the vendor wants to be contacted before more than {advised}.")
    settings = RunSettings(requests_per_second=rate, **options)
    # a sandbox that has just been started is empty: what an earlier one received is of no use
    return replace(settings, again=True) if is_sandbox else settings


def _tell_plan(planned: Plan, destination: Destination) -> None:
    from importer.transport import is_plain_remote

    tell_notes(planned)
    if is_plain_remote(destination.url):
        message = "--url is plain http, so the source key can be read on its way; use https."
        say("warning", message, level=logging.WARNING)
    count = len(planned.sources)
    files = "1 file" if count == 1 else f"{count:,} files"
    message = f"Importing {files} into {destination.name}, site {destination.site}"
    say("plan", message, files=count, rows=planned.total_rows, destination=destination.name, site=destination.site)


def _arrived(destination: Destination, report: Report) -> str:
    """What the sandbox received, beside what was sent."""
    from importer.sandbox.process import received

    seen = received(destination.url)
    lost = report.events.accepted - seen["unique_ids"]
    same = "the same digest" if seen["digest"] == f"{report.digest:032x}" else f"ANOTHER digest: {seen['digest']}"
    return (
        f"\nThe sandbox received {seen['events']:,} events with {seen['unique_ids']:,} unique ids "
        f"in {seen['requests']:,} requests: {max(lost, 0):,} lost, {seen['repeats']:,} repeated, {same}."
    )
