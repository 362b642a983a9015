"""A report for people, and text of others made safe for a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from importer.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.report.figures import Findings
    from importer.report.report import Report

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SHOWN_CODES = 10
_HEADLINES = {
    "complete": "Import complete",
    "incomplete": "Import incomplete",
    "refused": "The destination refused",
    "interrupted": "Import interrupted",
    "nothing_new": "Nothing new: every row had its answer before",
    "invalid": "Nothing could be imported",
}
_RESUME = "Run the same command to resume; what was answered is not sent again."
_NEXT_STEPS = {
    ExitCode.ROWS_REJECTED: "Look into the rejects file, correct the mapping, and give both to `importer retry`.",
    ExitCode.UNAVAILABLE: _RESUME,
    ExitCode.STATE: "Put the disk or the file right, then run the same command.",
    ExitCode.SIGINT: _RESUME,
    ExitCode.SIGTERM: _RESUME,
}


def render_text(report: Report, *, dry_run: bool = False) -> str:
    """The report for a person, several lines without a final newline. ``dry_run``: nothing of it was sent."""
    headline = "Dry run: nothing was sent; `sent` and `accepted` mean what a run would do"
    lines = [headline if dry_run else _HEADLINES[report.status]]
    if report.error:
        lines += [f"  {printable(report.error.message)}"]
    lines += ["", *_counts(report), *_traffic(report)]
    lines += _findings("Rejects by reason", report.reject_codes)
    lines += _findings("Warnings", report.warnings)
    lines += ["", *_outcome(report)]
    hint = "" if dry_run else _next_step(report)
    return "\n".join([*lines, "", f"Next: {printable(hint)}"] if hint else lines)


def _next_step(report: Report) -> str:
    if report.error and report.error.hint:
        return report.error.hint
    if report.exit_code == ExitCode.ROWS_REJECTED and report.status == "incomplete":
        return "Finish the import with this mapping first; then correct the mapping, and use `importer retry`."
    return _NEXT_STEPS.get(ExitCode(report.exit_code), "")


def render_findings(report: Report) -> str:
    """Rejects and warnings by reason, each with its first row, as several lines; empty without any."""
    lines = [*_findings("Rejects by reason", report.reject_codes), *_findings("Warnings", report.warnings)]
    return "\n".join(lines)


def printable(text: str) -> str:
    """``text`` with all that could steer a terminal written out as an escape; newlines and tabs stay."""
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _one_line(text: str) -> str:
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def _counts(report: Report) -> Iterator[str]:
    rows, events = report.rows, report.events
    yield _line("rows", rows.read, "read")
    yield _line("", rows.sent, "sent")
    others = {
        "filtered": rows.filtered,
        "rejected": rows.rejected,
        "duplicate": rows.duplicate,
        "done by an earlier run": rows.skipped,
        "pending": rows.pending,
    }
    for fate, count in others.items():
        if count:
            yield _line("", count, fate)
        if fate == "filtered" and report.without_consent:
            yield f"{'':>17}of them {report.without_consent:,} without consent {_one_line(', '.join(report.consent))}"
    yield _line("events", events.accepted, "accepted")
    if events.rejected:
        yield _line("", events.rejected, "rejected by the destination")
    if events.resent:
        yield _line("", events.resent, "at most were sent more than once, with the same ids and bytes")


def _traffic(report: Report) -> Iterator[str]:
    retries = f" ({report.retries:,} of them retries)" if report.retries else ""
    yield _line(
        "requests", report.requests, f"sent{retries}, {report.bytes_sent:,} bytes in {_duration(report.seconds)}"
    )
    if report.fill is not None:
        yield _line("batches", report.batches, f"bodies, on average {report.fill:.1%} full")
    sizes = report.sizes
    if sizes.largest:
        yield _line("sizes", sizes.quantile(0.5), "bytes for the median event")
        yield _line("", sizes.quantile(0.99), "for 99 of 100 events at most")
        yield _line("", sizes.largest, "for the largest")


def _findings(title: str, findings: Findings) -> Iterator[str]:
    if not findings:
        return
    yield from ("", title)
    found = findings.most_frequent()
    for code, finding in found[:_SHOWN_CODES]:
        yield f"{finding.count:>16,}  {_one_line(code)}"
        if finding.examples:
            first = finding.examples[0]
            yield f"{'':>18}{_one_line(first.file)}:{first.order[1]}: {_one_line(first.message)}"
    if len(found) > _SHOWN_CODES:
        yield f"{'':>18}and {len(found) - _SHOWN_CODES} more reasons"


def _outcome(report: Report) -> Iterator[str]:
    yield f"digest      {report.digest:032x}"
    if report.checkpoint:
        yield f"checkpoint  {printable(str(report.checkpoint))}"
    if report.rejects:
        yield f"rejects     {printable(str(report.rejects))}"
    if report.rejected_earlier:
        yield f"            {report.rejected_earlier:,} rows of these files were rejected by earlier runs"
    yield f"exit code   {int(report.exit_code)}"


def _line(label: str, count: int, what: str) -> str:
    return f"{label:<9}{count:>15,} {what}".rstrip()


_MINUTE_SECONDS, _HOUR_SECONDS = 60, 3600


def _duration(seconds: float) -> str:
    if seconds < _MINUTE_SECONDS:
        return f"{seconds:.1f} s"
    hours, rest = divmod(round(seconds), _HOUR_SECONDS)
    minutes, left = divmod(rest, _MINUTE_SECONDS)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {left:02} s"
