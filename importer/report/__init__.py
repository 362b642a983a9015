"""What a run did: measured in one object, shown by several printers."""

from importer.report.figures import Findings, Progress, SizeHistogram, Snapshot
from importer.report.report import Events, Failure, Report, Rows
from importer.report.text import printable, render_text

__all__ = [
    "Events",
    "Failure",
    "Findings",
    "Progress",
    "Report",
    "Rows",
    "SizeHistogram",
    "Snapshot",
    "printable",
    "render_text",
]
