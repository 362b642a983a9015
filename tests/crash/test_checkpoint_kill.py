"""A real process, killed at random moments while it writes: what it knew to be durable is there, and nothing else."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from fakes import digest_of

from importer.rejects import RejectsFile, read_rejects

if TYPE_CHECKING:
    from importer.records import Span

CHILD = Path(__file__).with_name("checkpoint_child.py")
sys.path.insert(0, str(CHILD.parent))
from checkpoint_child import REJECTED_EVERY, open_import  # noqa: E402 - it lies beside this file

SEED = 20260301
KILLS = 12


def kill_once(folder: Path, seed: int, words: int, seconds: float) -> list[tuple[str, int, int]]:
    """What a child said until it was killed, ``seconds`` after so many words of it or, with none, after its start."""
    command = [sys.executable, CHILD, folder, str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHILD.parents[2], env={"PYTHONPATH": "."}) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(words)]
        time.sleep(seconds)  # the moment of the kill is the subject here
        child.kill()
        lines = b"".join([*said, child.stdout.read()]).decode().splitlines()
        assert child.wait() == -signal.SIGKILL
    return [(word, int(start), int(stop)) for word, start, stop in map(str.split, lines)]


def rows_of(spans: list[Span]) -> set[int]:
    return {row for span in spans for row in range(span.start, span.stop)}


def test_a_kill_at_any_moment_loses_nothing_that_was_durable(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311 - to be repeated
    sent: set[int] = set()
    done: set[int] = set()
    before: set[int] = set()
    for number in range(KILLS):
        if number % 4:  # at work: by what it has done, as disks differ, and then at any moment of its next steps
            said = kill_once(tmp_path, SEED + number, random.randint(1, 150), random.uniform(0, 0.1))
        else:  # while it starts, or recovers from the last kill
            said = kill_once(tmp_path, SEED + number, 0, random.uniform(0, 0.5))
        sent |= {row for word, start, stop in said if word == "sent" for row in range(start, stop)}
        done |= {row for word, start, stop in said if word == "done" for row in range(start, stop)}
        with open_import(tmp_path) as checkpoint:
            missing = checkpoint.missing(0)
            acknowledged = {*range(1, missing[-1].start)} - rows_of(missing[:-1])
            ambiguous = rows_of(checkpoint.ambiguous())
            total = checkpoint.total()
            rejects = RejectsFile(tmp_path / "r", checkpoint.rejects_length(str(tmp_path / "r")))
            rejects.close()
        assert done | before <= acknowledged <= sent | done
        assert sent - acknowledged <= ambiguous
        assert not ambiguous & acknowledged
        good = [row for row in acknowledged if row % REJECTED_EVERY]
        assert total.sent == len(good)
        assert total.digest == digest_of(good)
        written = [body["row"] for body in read_rejects(tmp_path / "r")]
        assert sorted(written) == sorted(acknowledged - set(good))
        before = acknowledged
    assert len(done) > 1000, f"seed {SEED}: the children were killed before they did anything"
