"""What a run did: measured in one object, shown by several printers."""

from importer.report.figures import Coverage, Example, Finding, Findings, Progress, RowRange, SizeHistogram, Snapshot
from importer.report.printable import printable
from importer.report.report import Events, Failure, Report, Rows
from importer.report.text import render_findings, render_text
from importer.report.times import RETENTION_MONTHS, YEAR_2000_MS, Oddity, Times

__all__ = [
    "RETENTION_MONTHS",
    "YEAR_2000_MS",
    "Coverage",
    "Events",
    "Example",
    "Failure",
    "Finding",
    "Findings",
    "Oddity",
    "Progress",
    "Report",
    "RowRange",
    "Rows",
    "SizeHistogram",
    "Snapshot",
    "Times",
    "printable",
    "render_findings",
    "render_text",
]
