"""A report for people, and text of others made safe for a terminal."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from importer.errors import ExitCode
from importer.report.dry_run import dry_run_lines
from importer.report.printable import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.report.figures import Finding, Findings
    from importer.report.report import Report

_SHOWN_CODES = 20
_SHOWN_RANGES = 10
_SHOWN_VALUES = 5
_VALUE_CHARACTERS = 40
# What is counted without an example needs words.
_SENTENCES = {
    "time_ambiguous": "times on a clock that showed that hour twice: the first counts, unless `ambiguous` says else",
    "time_nonexistent": "times that no clock showed, because it was put forward: they count as an hour later",
}
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
    lines += ["", *_counts(report), *_traffic(report, dry_run=dry_run)]
    lines += _findings("Rejects by reason", report.reject_codes)
    lines += _findings("Warnings", report.warnings)
    lines += dry_run_lines(report) if dry_run else ()
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
            yield f"{'':>17}of them {report.without_consent:,} without consent {one_line(', '.join(report.consent))}"
    yield from _ambiguous(report)
    yield _line("events", events.accepted, "accepted")
    if events.rejected:
        yield _line("", events.rejected, "rejected by the destination")
    if events.resent:
        yield _line("", events.resent, "at most were sent more than once, with the same ids and bytes")


def _ambiguous(report: Report) -> Iterator[str]:
    """Rows whose requests had no answer: before this run, and at its end."""
    if rows := report.ambiguous_rows:
        yield _line("ambiguous", rows, "at most had been sent by an earlier run that saw no answer")
        yield from (f"{'':>17}{one_line(str(span))}" for span in report.ambiguous[:_SHOWN_RANGES])
        if (more := len(report.ambiguous) - _SHOWN_RANGES) > 0:
            yield f"{'':>17}and {more:,} more ranges"
    if left := sum(span.rows for span in report.doubtful):
        yield _line("" if report.ambiguous else "ambiguous", left, "at most were sent, and no answer is recorded")


def _traffic(report: Report, *, dry_run: bool) -> Iterator[str]:
    retries = f" ({report.retries:,} of them retries)" if report.retries else ""
    sent = f"sent{retries}, {report.bytes_sent:,} bytes in {_duration(report.seconds)}"
    to_send = f"to send, {report.body_bytes:,} bytes; the dry run took {_duration(report.seconds)}"
    yield _line("requests", report.requests, to_send if dry_run else sent)
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
        yield f"{finding.count:>16,}  {one_line(code)}"
        if finding.examples:
            first = finding.examples[0]
            place = f"{one_line(first.file)}:{first.order[1]}: " if first.file else ""
            yield f"{'':>18}{place}{one_line(first.message)}"
        elif code in _SENTENCES:
            yield f"{'':>18}{_SENTENCES[code]}"
        if finding.values:
            yield f"{'':>18}{_values(finding)}"
    if len(found) > _SHOWN_CODES:
        yield f"{'':>18}and {len(found) - _SHOWN_CODES} more reasons"


def _values(finding: Finding) -> str:
    """The values that something was found in, the most frequent first, each with what was probably meant."""
    listed = finding.values.most_common()
    shown = [
        f"{one_line(value[:_VALUE_CHARACTERS])!r} {count:,}{_meant(value, finding.valid)}"
        for value, count in listed[:_SHOWN_VALUES]
    ]
    more = f" and {len(listed) - _SHOWN_VALUES:,} other values" if len(listed) > _SHOWN_VALUES else ""
    are_all = finding.values.total() >= finding.count
    return f"values{'' if are_all else ', each at least so often'}: {', '.join(shown)}{more}"


def _meant(value: str, valid: tuple[str, ...]) -> str:
    close = get_close_matches(value.lower(), valid, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _outcome(report: Report) -> Iterator[str]:
    yield f"digest      {report.digest:032x}"
    if report.checkpoint:
        yield f"checkpoint  {printable(str(report.checkpoint))}"
    if report.rejects:
        yield f"rejects     {printable(str(report.rejects))}"
    if report.rejected_before:
        yield f"            {report.rejected_before:,} rows were rejected by earlier runs"
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
