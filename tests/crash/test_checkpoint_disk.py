"""A disk without room, made by the system's own limit on file sizes: exit 7, nothing lost, and a resume."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fakes import digest_of

CHILD = Path(__file__).with_name("checkpoint_child.py")
sys.path.insert(0, str(CHILD.parent))
from checkpoint_child import REJECTED_EVERY, open_import  # noqa: E402 - it lies beside this file

LIMITED = """
import asyncio, resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import checkpoint_child
from importer.errors import StateUnusable
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    asyncio.run(checkpoint_child.run(Path(sys.argv[1]), 1, {reason!r}))
except StateUnusable as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize(
    ("limit", "reason", "where"),
    [(400_000, "x" * 40_000, "rejects file"), (60_000, "no", "checkpoint"), (1_000, "no", "checkpoint")],
)
def test_a_full_disk_stops_with_exit_7_and_keeps_what_was_durable(
    tmp_path: Path, limit: int, reason: str, where: str
) -> None:
    program = LIMITED.format(tests=str(CHILD.parent), limit=limit, reason=reason)
    command = [sys.executable, "-c", program, tmp_path]
    child = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=CHILD.parents[2], env={"PYTHONPATH": "."}, timeout=60
    )
    assert child.returncode == 7, child.stderr
    assert where in child.stderr
    assert "run the same command to resume" in child.stderr
    with open_import(tmp_path) as checkpoint:
        missing = checkpoint.missing(0)
        total = checkpoint.total()
    said = [line.split() for line in child.stdout.splitlines()]
    done = {row for word, *ends in said if word == "done" for row in range(*map(int, ends))}
    left = {row for span in missing for row in range(span.start, min(span.stop, 100_000))}
    assert not done & left
    acknowledged = {*range(1, missing[-1].start)} - left
    assert total.digest == digest_of([row for row in acknowledged if row % REJECTED_EVERY])
