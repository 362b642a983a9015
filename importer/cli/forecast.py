"""What a dry run says about the run: how long it takes at least, and from when its events are."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importer.report import Report

_MINUTE, _HOUR = 60, 3600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def duration(report: Report, requests_per_second: float | None) -> str:
    """How long the run takes at this rate, in words; ``None`` is no limit. It is not faster than its dry run was."""
    rate = requests_per_second or math.inf
    return (
        f"about {_in_words(least_seconds(report, requests_per_second))} or more: {report.requests:,} requests "
        f"with {report.body_bytes:,} bytes at {rate:g} requests a second at most"
    )


def least_seconds(report: Report, requests_per_second: float | None) -> float:
    """The same in seconds."""
    return max(report.requests / (requests_per_second or math.inf), report.seconds)


def dates(report: Report) -> str | None:
    """From when to when the events of ``report`` are, ``None`` if that is not known."""
    if report.oldest_ms is None or report.newest_ms is None:
        return None
    return f"{_moment(report.oldest_ms)} to {_moment(report.newest_ms)} (UTC)"


def _moment(milliseconds: int) -> str:
    try:
        return (_EPOCH + timedelta(milliseconds=milliseconds)).strftime("%Y-%m-%d %H:%M")
    except OverflowError:
        return f"{milliseconds:,} ms after 1970"


def _in_words(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{math.ceil(seconds)} s"
    hours, minutes = divmod(math.ceil(seconds / _MINUTE), _MINUTE)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
