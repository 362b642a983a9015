"""Processes of the benchmark and what each of them cost. Standard library only: see :func:`measure`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
# macOS counts the peak in bytes, Linux in KiB.
MAXRSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took from start to end. ``output`` is its standard output."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


def measure(arguments: Sequence[str], environment: dict[str, str] | None = None) -> Cost:
    """Run ``python ARGUMENTS`` to its end and measure it.

    The kernel starts the peak of a child at the size of its parent, so this process must stay small: no Polars here.

    Raises:
        SystemExit: The process failed; its last words are shown.

    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as words:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=words,
            env={**os.environ, **(environment or {})},
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}:\n{_tail(words)}{_tail(output)}")
        return Cost(
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_bytes=usage.ru_maxrss * MAXRSS_UNIT_BYTES,
            output=_tail(output),
        )


@dataclass(slots=True)
class Server:
    """A running counting server. ``summary`` is filled when it has ended."""

    url: str
    summary: dict[str, Any]


@contextmanager
def counting_server(keep: Path | None = None) -> Iterator[Server]:
    """A server of ``benchmarks/server.py`` in its own process, for as long as the block lasts."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", *([str(keep)] if keep else [])],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin  # noqa: S101 - narrows the type; both are pipes
        assert process.stdout  # noqa: S101 - as above
        server = Server(url=f"http://127.0.0.1:{process.stdout.readline().strip()}", summary={})
        try:
            yield server
        finally:
            process.stdin.close()
            server.summary.update(json.loads(process.stdout.readline()))


def _tail(file: Any, size: int = 4_000) -> str:  # noqa: ANN401 - the type that tempfile gives has no public name
    file.seek(max(file.seek(0, os.SEEK_END) - size, 0))
    return bytes(file.read()).decode(errors="replace")
