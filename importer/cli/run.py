"""``importer run``: the import."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from importer.cli.failures import printable
from importer.cli.options import RejectLimitType, apply, option, output_options, read_source_key, source_options
from importer.cli.session import finish, set_up_logging, stoppable
from importer.cli.status import state_directory
from importer.errors import UsageInvalid
from importer.profiles import ADVISED_REQUESTS_PER_SECOND
from importer.settings import DEFAULT_URL, SITE_VARIABLE, Destination, RunSettings, Secret

if TYPE_CHECKING:
    from importer.pipeline import Plan
    from importer.report import Report

SANDBOX = "sandbox"
_SANDBOX_SITE = "sandbox"


@click.command()
@click.argument("mapping", type=click.Path(path_type=Path))
@click.argument("sources", nargs=-1, required=True)
@option("--site", default=None, metavar="ID", help="The site (workspace) to import into.")
@click.option(
    "--source-key-file",
    type=click.Path(path_type=Path),
    envvar="IMPORTER_SOURCE_KEY_FILE",
    help="File with the source key.  [default: the key itself in IMPORTER_SOURCE_KEY]",
)
@option("--url", default=DEFAULT_URL, show_default=True, help="The collect host, or a first-party domain in its place.")
@option("--sandbox", is_flag=True, help="Import into a local sandbox that obeys the API, and show what arrived.")
@apply(source_options)
@option(
    "--concurrency", type=click.IntRange(1, 1024), default=None, help="Requests under way.  [default: 16, single: 64]"
)
@option("--state-dir", type=click.Path(path_type=Path), default=None, help="[default: .importer beside MAPPING]")
@option(
    "--rejects", type=click.Path(path_type=Path), default=None, help="Rejects file.  [default: in the state directory]"
)
@option(
    "--max-rejects", type=RejectLimitType(), default=None, help="Stop with exit code 8 beyond so many rejected rows."
)
@option("--proxy", default=None, metavar="URL", help="HTTP proxy; those of the environment are not used.")
@option(
    "--ca-file", type=click.Path(path_type=Path), default=None, help="Certificates to trust besides the usual ones."
)
@option("--yes", "-y", is_flag=True, help="Do not ask before a first import.")
@option("--again", is_flag=True, help="Send sources again that were imported before.")
@option("--verbose", "-v", is_flag=True, help="Log more.")
@option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@apply(output_options)
def run(mapping: Path, sources: tuple[str, ...], *, as_json: bool, quiet: bool, **options: Any) -> None:  # noqa: ANN401
    """Import SOURCES (files, folders, globs) through MAPPING. The same command resumes what was interrupted.

    The source key is read from IMPORTER_SOURCE_KEY or --source-key-file, never from an argument.
    """
    from importer.cli.progress import shown
    from importer.pipeline import Stop, plan
    from importer.pipeline import run as run_import
    from importer.report import Report, render_text

    set_up_logging(verbose=options.pop("verbose"), log_format=options.pop("log_format"))
    report, stop, error = Report(), Stop(), None
    arrived: list[str] = []
    try:
        with stoppable(stop), ExitStack() as stack:
            destination = _destination(options, stack)
            is_sandbox, asks = destination.name == SANDBOX, not options.pop("yes")
            settings = _settings(options, is_sandbox=is_sandbox)
            planned = plan(mapping, sources, settings)
            directory = state_directory(settings.state_dir, mapping)
            _tell_plan(planned, destination, quiet=quiet or as_json)
            if asks and not is_sandbox:
                _confirm(planned, destination, directory)
            with shown(quiet=quiet or as_json) as progress:
                run_import(planned, destination, directory, report, progress, stop)
            if is_sandbox:
                arrived += _arrived(destination, report)
    except BaseException as caught:  # noqa: BLE001 -- told, and turned into the exit code
        error = caught
    text = None if quiet else lambda done: "\n".join([render_text(done), *arrived])
    raise click.exceptions.Exit(finish(report, error, as_json=as_json, text=text))


def _destination(options: dict[str, Any], stack: ExitStack) -> Destination:
    """The destination; the sandbox is started for the time of ``stack``."""
    site, key_file, url = options.pop("site"), options.pop("source_key_file"), options.pop("url")
    proxy, ca_file = options.pop("proxy"), options.pop("ca_file")
    if options.pop(SANDBOX):
        from importer.sandbox.process import spawn

        address = stack.enter_context(spawn())
        return Destination(address, site or _SANDBOX_SITE, Secret("sandbox-key"), SANDBOX)
    if not site:
        raise UsageInvalid(
            "There is no site to import into.",
            f"Set {SITE_VARIABLE} or give --site ID (the number of the workspace), or try the import with --sandbox.",
        )
    if urlsplit(url).username is not None or urlsplit(url).query:
        # the URL names the import, in the checkpoint and in its file name: no place for a password or a key
        raise UsageInvalid(
            "--url must not carry credentials or a query.", "The source key goes into IMPORTER_SOURCE_KEY."
        )
    return Destination(url.rstrip("/"), site, read_source_key(key_file), url.rstrip("/"), proxy, ca_file)


def _settings(options: dict[str, Any], *, is_sandbox: bool) -> RunSettings:
    rate = options.pop("rate")
    if rate is None and not is_sandbox:
        rate = ADVISED_REQUESTS_PER_SECOND
    if rate is not None and rate > ADVISED_REQUESTS_PER_SECOND and not is_sandbox:
        click.echo(
            f"note: the vendor wants to be contacted before more than {ADVISED_REQUESTS_PER_SECOND:g} requests "
            "a second.",
            err=True,
        )
    settings = RunSettings(requests_per_second=rate, **options)
    # a sandbox that has just been started is empty: what an earlier one received is of no use
    return replace(settings, again=True) if is_sandbox else settings


def _tell_plan(planned: Plan, destination: Destination, *, quiet: bool) -> None:
    from importer.transport import is_plain_remote

    if quiet:
        return
    for text in (*planned.notes, *(f"warning: {item}" for item in planned.warnings)):
        click.echo(printable(text), err=True)
    if is_plain_remote(destination.url):
        click.echo("warning: --url is plain http, so the source key can be read on its way; use https.", err=True)
    files = "1 file" if len(planned.sources) == 1 else f"{len(planned.sources):,} files"
    click.echo(f"Importing {files} into {printable(destination.name)}, site {printable(destination.site)}", err=True)


def _confirm(planned: Plan, destination: Destination, directory: Path) -> None:
    """Ask once, before the first import into a real destination, when there is somebody to ask."""
    from importer.pipeline import is_known

    if not (sys.stdin.isatty() and sys.stderr.isatty()) or is_known(planned, destination, directory):
        return
    rows = f"{planned.total_rows:,} rows" if planned.total_rows is not None else "all rows"
    host = urlsplit(destination.url).hostname
    click.echo(
        f"This is the first import of {planned.document.name}: {rows} to {host}, site {destination.site}.", err=True
    )
    if not click.confirm("Events that were sent cannot be taken back. Go on?", err=True):
        raise UsageInvalid("Nothing was sent.", "Try --sandbox, or --test-code TEXT with --limit 10 first.")


def _arrived(destination: Destination, report: Report) -> list[str]:
    """What the sandbox received, beside what was sent."""
    from importer.sandbox.process import received

    seen = received(destination.url)
    lost = report.events.accepted - seen["unique_ids"]
    same = "the same digest" if seen["digest"] == f"{report.digest:032x}" else f"ANOTHER digest: {seen['digest']}"
    summary = (
        f"The sandbox received {seen['events']:,} events with {seen['unique_ids']:,} unique ids "
        f"in {seen['requests']:,} requests: {max(lost, 0):,} lost, {seen['repeats']:,} repeated, {same}."
    )
    return ["", summary]
