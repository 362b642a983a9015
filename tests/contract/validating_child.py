"""Runs ``importer validate`` on each mapping that is named, in this process, and prints what it cost.

A line of JSON for each one, and one for all: the most memory that the process ever had. The system counts that from the
start of the program on, while for a child it counts what its parent had, too.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import resource
import sys
import time
from pathlib import Path

from importer.cli import main


def validate(mapping: str) -> dict[str, object]:
    """What the command does."""
    words, code, started = io.StringIO(), None, time.process_time()
    sys.argv = ["importer", "validate", mapping]
    with contextlib.redirect_stdout(words), contextlib.redirect_stderr(words):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    return {"code": code or 0, "words": words.getvalue(), "cpu_seconds": time.process_time() - started}


def megabytes() -> float:
    """The most memory that this process ever had."""
    status = Path("/proc/self/status")
    if not status.exists():  # macOS
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    assert peak
    return int(peak[1]) * 1024 / 1e6


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(json.dumps(validate(name)))  # noqa: T201  for the test that waits for it
    print(json.dumps(megabytes()))  # noqa: T201
