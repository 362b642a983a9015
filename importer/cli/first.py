"""The first import of a mapping into a real destination: look first, then ask, and look again afterwards.

Events that were sent cannot be taken back, and the API answers 200 to nearly everything. So a person at a terminal sees
what a dry run of the very same plan found before anything is sent.
"""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from importer.cli.console import console, say
from importer.cli.forecast import dates, duration
from importer.cli.progress import Named, shown
from importer.cli.signals import handled
from importer.errors import Interrupted, UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.pipeline import Plan
    from importer.report import Report
    from importer.settings import Destination
    from importer.stop import Stop

_QUESTION = "Events that were sent cannot be taken back. Go on? [y/N] "
_NO = "Try --sandbox, or --test-code TEXT with --limit 10 first."


def somebody_is_there() -> bool:
    """Whether a person can read a question and answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def check_and_ask(planned: Plan, destination: Destination, stop: Stop, *, quiet: bool) -> None:
    """Show what the import would do, all of it read and encoded, and ask whether to do it.

    Raises:
        UsageInvalid: the answer is no.
        Interrupted: a signal came before the answer; nothing was sent.
    """
    try:
        report = _dry_run(planned, stop, quiet=quiet)
        say("check", _summary(planned, destination, report), **_figures(planned, destination, report))
        if report.events.accepted and not _agrees(stop):
            raise UsageInvalid("Nothing was sent.", _NO)
    except (Interrupted, KeyboardInterrupt) as error:  # Polars, at work in this thread, has an interrupt of its own
        found = error if isinstance(error, Interrupted) else Interrupted(signal.SIGINT)
        name = signal.Signals(int(found.exit_code) - 128).name
        found.message, found.hint = f"Stopped by {name} before anything was sent.", ""
        raise found from None


def look_there(test_code: str | None) -> str:
    """What to do after a first import, because the answers of the API prove little.

    The numbers are those of the vendor's page on the live event inspector.
    """
    shown = (
        f"Those with test code {test_code!r} are shown there, up to 20 a minute, for a day."
        if test_code
        else "It shows samples. To see chosen events there, send some with --test-code TEXT --limit 10 (they are real)."
    )
    return (
        "\nLook for these events in the event inspector of the source, in the vendor's platform: the API answers 200\n"
        f"to events that are dropped later.\n{shown}"
    )


def _dry_run(planned: Plan, stop: Stop, *, quiet: bool) -> Report:
    from importer.pipeline import validate
    from importer.report import Report

    report = Report()
    with shown(quiet=quiet) as progress:
        validate(planned, report, Named(progress, "checking"), stop)
    return report


def _summary(planned: Plan, destination: Destination, report: Report) -> str:
    from importer.report import render_findings

    rows = report.rows
    where = f"{urlsplit(destination.url).hostname}, site {destination.site}"
    lines = [
        f"This is the first import of {planned.document.name} into {where}. A dry run gives:",
        f"  events    {report.events.accepted:,}",
        f"  rows      {rows.read:,} read, {rows.filtered:,} filtered, {rows.rejected:,} rejected",
        f"  dates     {dates(report) or 'unknown'}",
        f"  takes     {duration(report, planned.settings.requests_per_second)}",
    ]
    return "\n".join([*lines, render_findings(report)]).rstrip()


def _figures(planned: Plan, destination: Destination, report: Report) -> dict[str, Any]:
    """The summary for machines."""
    return {
        "mapping": planned.document.name,
        "destination": destination.name,
        "site": destination.site,
        "events": report.events.accepted,
        "rows": asdict(report.rows),
        "oldest_ms": report.oldest_ms,
        "newest_ms": report.newest_ms,
        "requests": report.requests,
    }


def _agrees(stop: Stop) -> bool:
    """The answer; the end of the input is a no."""
    with _signals_raise():
        stop.check()
        while True:
            _put_the_question()
            line = sys.stdin.readline()
            word = line.strip().lower()
            if word in {"y", "yes"}:
                return True
            if word in {"", "n", "no"}:
                return False


def _put_the_question() -> None:
    if console.is_json:
        say("question", _QUESTION.strip())
    else:
        console.write(_QUESTION)


@contextmanager
def _signals_raise() -> Iterator[None]:
    """While it waits for an answer a signal ends the waiting; a handler that only takes a note would not."""

    def handle(number: int, _: object) -> None:
        console.write("\n")
        raise Interrupted(number)

    with handled(handle):
        yield
