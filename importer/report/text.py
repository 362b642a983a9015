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
    ExitCode.ROWS_REJECTED: "Look into the rejects file, correct mapping or data, and send those rows again.",
    ExitCode.UNAVAILABLE: _RESUME,
    ExitCode.STATE: "Put the disk or the file right, then run the same command.",
    ExitCode.SIGINT: _RESUME,
    ExitCode.SIGTERM: _RESUME,
}
