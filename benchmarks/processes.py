"""Processes of the benchmark and what each of them cost. Standard library only: see :func:`measure`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_OUTPUT_BYTES = 10_000_000
ROOT = Path(__file__).resolve().parent.parent
# macOS counts the peak in bytes, Linux in KiB.
MAXRSS_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took from start to end. ``output`` is its standard output, ``began`` seconds since 1970."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str
    began: float


def measure(
    arguments: Sequence[str],
    environment: dict[str, str] | None = None,
    *,
    python: str = sys.executable,
    watch: Callable[[subprocess.Popen[bytes]], None] | None = None,
    exit_code: int = 0,
) -> Cost:
    """Run ``python ARGUMENTS`` to its end and measure it. ``watch`` is called while it runs, and may stop it.

    The kernel starts the peak of a child at the size of its parent, so this process must stay small: no Polars here.

    Raises:
        SystemExit: The process did not end with ``exit_code``; its last words are shown.

    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as words:
        began, start = time.time(), time.perf_counter()
        process = subprocess.Popen(
            [python, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=words,
            env={**os.environ, **(environment or {})},
        )
        try:
            if watch:
                watch(process)
        except BaseException:
            process.kill()
            raise
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != exit_code:
            raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}:\n{_tail(words)}{_tail(output)}")
        return Cost(
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_bytes=usage.ru_maxrss * MAXRSS_UNIT_BYTES,
            output=_tail(output, MAX_OUTPUT_BYTES),
            began=began,
        )


def _tail(file: Any, size: int = 4_000) -> str:  # noqa: ANN401 - the type that tempfile gives has no public name
    file.seek(max(file.seek(0, os.SEEK_END) - size, 0))
    return bytes(file.read()).decode(errors="replace")
