"""Real processes: the oracle, and the importer as a user starts it. For tests and campaigns alike."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from oracle import Record
from secret_watch import SOURCE_KEY, shows_key

from importer.cli import main

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator

    from faults import Schedule

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 240  # nothing is waited for to its end unless something is wrong


@dataclass(slots=True)
class RunningOracle:
    """A server process and what it has on record."""

    url: str
    record: Record
    process: subprocess.Popen[str]

    def answer(self, requests: float) -> None:
        """Let it answer so many requests, counted from its start, and leave all later ones waiting."""
        self._order(str(requests))

    def plan(self, schedule: Schedule) -> None:
        """Let go wrong what ``schedule`` says, from the next request on; what hangs is let go."""
        self._order(schedule.render())
        assert self.process.stdout
        assert self.process.stdout.readline() == "ok\n"

    def _order(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()


@dataclass(slots=True)
class Ended:
    """How a process of the importer ended. ``report`` is what ``--json`` printed, empty if it was killed."""

    code: int
    report: dict[str, Any]
    stderr: str


@dataclass(slots=True)
class Running:
    """The importer at work. Its output goes to files, so that it never waits for its reader."""

    process: subprocess.Popen[bytes]
    output: Path
    words: Path

    def send(self, number: signal.Signals) -> bool:
        """Send a signal; whether the process was still alive to get it."""
        alive = self.process.poll() is None
        self.process.send_signal(number)
        return alive

    def wait(self) -> Ended:
        """Wait for the end."""
        code = self.process.wait(PATIENCE_SECONDS)
        text = self.output.read_text()
        return Ended(code, json.loads(text) if text else {}, self.words.read_text())


@dataclass(slots=True)
class Importer:
    """Starts ``python -m importer run``, always with the same state directory: the same command resumes."""

    folder: Path
    program: tuple[str, ...] = (sys.executable, "-m", "importer")
    started: list[Running] = field(default_factory=list)

    @property
    def state_dir(self) -> Path:
        """Where checkpoint and rejects are."""
        return self.folder / "state"

    def start(self, mapping: Path, source: Path, url: str, *options: str) -> Running:
        """Start an import and return at once."""
        command = [*self.program, *self._arguments(mapping, source, url), *options]
        number = len(self.started)
        output, words = self.folder / f"stdout-{number}", self.folder / f"stderr-{number}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("IMPORTER_")}
        with output.open("wb") as stdout, words.open("wb") as stderr:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**environment, "IMPORTER_SOURCE_KEY": SOURCE_KEY},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
        self.started.append(Running(process, output, words))
        return self.started[-1]

    def run(self, mapping: Path, source: Path, url: str, *options: str) -> Ended:
        """Run an import to its end."""
        return self.start(mapping, source, url, *options).wait()

    def run_here(self, mapping: Path, source: Path, url: str, *options: str) -> Ended:
        """As :meth:`run`, in this process: a new one takes a second to start."""
        return self.command_here(*self._arguments(mapping, source, url), *options)

    def command_here(self, *arguments: str) -> Ended:
        """Any command line with ``--json``, in this process."""
        output, words, code = io.StringIO(), io.StringIO(), None
        argv, key = ["importer", *arguments], {"IMPORTER_SOURCE_KEY": SOURCE_KEY}
        with (
            mock.patch.dict(os.environ, key),
            mock.patch.object(sys, "argv", argv),
            contextlib.chdir(ROOT),
            redirect_stdout(output),
            redirect_stderr(words),
        ):
            try:
                main()
            except SystemExit as ended:
                code = ended.code
        assert not shows_key(output.getvalue() + words.getvalue())
        return Ended(int(code or 0), json.loads(output.getvalue()), words.getvalue())

    def _arguments(self, mapping: Path, source: Path, url: str) -> list[str]:
        place = ["--url", url, "--site", "1234", "--state-dir", str(self.state_dir)]
        return ["run", str(mapping), str(source), *place, "--yes", "--json"]

    def secret_places(self) -> list[Path]:
        """Files that the importer wrote and that contain the source key. There must be none."""
        written = [file for file in self.state_dir.rglob("*") if file.is_file()]
        written += [file for running in self.started for file in (running.output, running.words)]
        return [file for file in written if shows_key(file.read_bytes())]

    def kill(self) -> None:
        """End whatever still runs."""
        for running in self.started:
            running.process.kill()  # does nothing to one that has ended
            running.process.wait()


@contextlib.contextmanager
def running_oracle(record: Path, *arguments: str) -> Iterator[RunningOracle]:
    """An oracle with a new ``record``, until the block is left; ``arguments`` are those behind it."""
    record.touch()
    command = [sys.executable, str(Path(__file__).with_name("oracle.py")), str(record), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        port = int(process.stdout.readline())
        yield RunningOracle(f"http://127.0.0.1:{port}", Record(record), process)
    finally:
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does; fails after a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)
