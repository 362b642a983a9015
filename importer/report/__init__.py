"""What a run did: measured in one object, shown by several printers."""

from importer.report.figures import Example, Finding, Findings, Progress, SizeHistogram, Snapshot
from importer.report.report import Events, Failure, Report, Rows
from importer.report.text import printable, render_findings, render_text

__all__ = [
    "Events",
    "Example",
    "Failure",
    "Finding",
    "Findings",
    "Progress",
    "Report",
    "Rows",
    "SizeHistogram",
    "Snapshot",
    "printable",
    "render_findings",
    "render_text",
]
