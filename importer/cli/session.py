"""What ``run`` and ``validate`` share: an end that is a report whatever happened."""

from __future__ import annotations

import json
import logging
import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from importer.cli.console import console, out, say, set_up_logging
from importer.cli.failures import exit_code_of, tell
from importer.cli.options import variable
from importer.errors import ExitCode, UsageInvalid
from importer.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.pipeline import Plan

__all__ = ["ReportingCommand", "finish", "set_up_logging", "skip", "tell_notes"]

_TRUE = {"1", "true", "t", "yes", "y", "on"}


class ReportingCommand(click.Command):
    """A command that ends with a report: also when its options are wrong, and in the form that they ask for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As Click. Errors of usage are told like all others: as a line of JSON, and with a report for ``--json``."""
        given = list(args)
        set_up_logging(log_format="json" if _asks_for_json_lines(given) else "text")
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if not _asks_for_json(given):
                raise
            usage = UsageInvalid(error.format_message(), f"Look at {ctx.command_path} --help.")
            raise click.exceptions.Exit(finish(Report(), usage, as_json=True, text=None)) from None


def tell_notes(planned: Plan) -> None:
    """Say what was guessed, and what looks odd."""
    for note in planned.notes:
        say("note", note)
    for warning in planned.warnings:
        say("warning", warning, level=logging.WARNING)


def finish(report: Report, error: BaseException | None, *, as_json: bool, text: Callable[[Report], str] | None) -> int:
    """Print the report and what stopped the run; the exit code. ``text`` prints it for people, ``None`` for quiet."""
    report.conclude(error)
    if error is not None:
        report.exit_code = exit_code_of(error)
        tell(error)
    if text is not None and not as_json and not console.is_json:
        return _print(text(report) if error is None or report.rows.read else "", report.exit_code)
    if report.exit_code == ExitCode.ROWS_REJECTED:
        _point_at_rejects(report)
    return _hand_over(report.to_json(), as_json=as_json)


def skip(report: Report, reason: str, *, as_json: bool) -> int:
    """Say that nothing was done because of ``reason``, which counts as a success; the exit code."""
    say("skipped", reason)
    return _hand_over({**report.to_json(), "status": "skipped"}, as_json=as_json)


def _hand_over(body: dict[str, Any], *, as_json: bool) -> int:
    """The report for machines: a line of the log where that is JSON, a line of stdout where it was asked for."""
    if console.is_json:
        command = click.get_current_context().info_name
        fates = ", ".join(f"{count:,} {fate}" for fate, count in body["rows"].items() if count)
        say("report", f"{command}: {body['status']}, rows: {fates or 'none'}", command=command, **body)
    return _print(json.dumps(body, allow_nan=False) if as_json else "", body["exit_code"])


def _print(text: str, code: int) -> int:
    """Print ``text``, if there is any. ``code``, or what says that it could not be printed."""
    try:
        if text:
            out(text)
    except OSError as error:
        message = f"The report cannot be written to stdout: {error.strerror}. What was done is recorded all the same."
        say("error", message, level=logging.ERROR, exit_code=int(code or ExitCode.STATE))
        return int(code or ExitCode.STATE)
    return int(code)


def _point_at_rejects(report: Report) -> None:
    """Exit code 3 in words, for whoever does not see the report."""
    rejected = report.rows.rejected + report.rejected_before
    shown = [finding.examples[0] for _, finding in report.reject_codes.most_frequent() if finding.examples]
    example = f", such as {shown[0].file}:{shown[0].order[1]}: {' '.join(shown[0].message.split())}" if shown else ""
    hint = (
        f"Look into {report.rejects}, correct the mapping, and give both to `importer retry`." if report.rejects else ""
    )
    message = f"{rejected:,} of {report.rows.read:,} rows are rejected{example}"
    say("rejects", message, level=logging.WARNING, hint=hint, rejected=rejected, rejects=report.rejects)


def _asks_for_json(args: list[str]) -> bool:
    return "--json" in args or os.environ.get(variable("--json"), "").lower() in _TRUE


def _asks_for_json_lines(args: list[str]) -> bool:
    """Whether ``--log-format json`` stands in ``args`` or in the environment: known before Click has read them."""
    said = os.environ.get(variable("--log-format"), "")
    for word, following in pairwise([*args, ""]):
        name, _, value = word.partition("=")
        if name == "--log-format":
            said = value or following
    return said == "json"
