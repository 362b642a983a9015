"""Deliberate breaks: the code is broken in one place, and a test has to see it. ``make breaks`` tries them all.

Each break is made in a copy of the repository. The tests that are to see it pass without it, or the campaign says
nothing; then at least one of them has to fail.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("importer", "tests", "configs", "sample_data", "benchmarks", "docs", "pyproject.toml", "README.md")


@dataclass(frozen=True)
class Break:
    """``name`` of a mistake, the ``file`` in which texts are replaced by others, and the tests that have to see it."""

    name: str
    file: str
    changes: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


BREAKS = (
    Break(
        "fsync left out",
        "importer/checkpoint/store.py",
        (("PRAGMA synchronous = FULL", "PRAGMA synchronous = OFF"),),
        ("tests/crash/test_syscall_kill.py",),
    ),
    Break(
        "commit before the answer",
        "importer/wire.py",
        (
            (
                "await self._recorder.record(await self._sender.deliver(batch))",
                (
                    "from importer.records import Ack as Early\n"
                    "                await self._recorder.record(Early(batch, batch.digest()))\n"
                    "                await self._sender.deliver(batch)"
                ),
            ),
        ),
        ("tests/crash/test_run_kill.py", "tests/properties/test_histories.py"),
    ),
    Break(
        "redirect followed",
        "importer/transport.py",
        (
            (
                "            return self._response(await self._connections.exchange(request.body))\n",
                (
                    "            answer = await self._connections.exchange(request.body)\n"
                    "            for name, value in answer.headers:\n"
                    "                if name.lower() == b'location':\n"
                    "                    followed = aiohttp.request('POST', value.decode(), data=request.body)\n"
                    "                    async with followed as other:\n"
                    "                        return Response(other.status)\n"
                    "            return self._response(answer)\n"
                ),
            ),
        ),
        ("tests/contract/test_transport.py",),
    ),
    Break(
        "lock removed",
        "importer/checkpoint/lock.py",
        (("            self._take()\n", "            pass\n"),),
        ("tests/unit/test_checkpoint.py",),
    ),
    Break(
        "Retry-After ignored",
        "importer/patience.py",
        (("        if retry_after_seconds:\n", "        if retry_after_seconds is True:\n"),),
        ("tests/unit/test_sender.py",),
    ),
    Break(
        "null sent",
        "importer/mapping/json_text.py",
        ((" = {name for name in values.columns if values[name].null_count()}", ": set[str] = set()"),),
        ("tests/unit/test_encoder.py",),
    ),
    Break(
        "member order by chunk",
        "importer/mapping/json_text.py",
        (
            (
                "        return [part for member in members for part in self._member(member)]\n",
                (
                    "        members = sorted(members, key=lambda one: getattr(one, 'column', '') in self._nullable)\n"
                    "        return [part for member in members for part in self._member(member)]\n"
                ),
            ),
        ),
        ("tests/properties/test_encoder.py",),
    ),
    Break(
        "rejects written after the commit",
        "importer/ack.py",
        (
            ("            self._rejects.append(rejects)\n", "            pass\n"),
            (
                "        self._checkpoint.commit(changes)\n",
                "        self._checkpoint.commit(changes)\n        self._rejects.append(rejects)\n",
            ),
        ),
        ("tests/unit/test_ack.py", "tests/contract/test_run.py"),
    ),
    Break(
        "tail dropped",
        "importer/batcher.py",
        (("        if self._spans:\n            yield self._close()\n", "        yield from ()\n"),),
        ("tests/unit/test_batcher.py",),
    ),
    Break(
        "block cut inside a quoted cell",
        "importer/source/structure.py",
        (("is_cut = not self.final and ", "is_cut = False and not self.final and "),),
        ("tests/properties/test_csv_reading.py",),
    ),
)


def main() -> int:
    """Try every break, or those with numbers on the command line; 1 if one was not seen."""
    numbers = [int(text) for text in sys.argv[1:]] or range(1, len(BREAKS) + 1)
    chosen = [(number, BREAKS[number - 1]) for number in numbers]
    if failed := _failing(None, sorted({test for _, item in chosen for test in item.tests})):
        print("These fail without any break:", *failed, sep="\n  ")
        return 1
    unseen = 0
    for number, item in chosen:
        seen = _failing(item, item.tests)
        unseen += not seen
        print(f"{number:2} {item.name}: {f'seen by {len(seen)}, as {seen[0]}' if seen else 'NOT SEEN'}", flush=True)
    return 1 if unseen else 0


def _failing(item: Break | None, tests: tuple[str, ...] | list[str]) -> list[str]:
    """The tests that fail in a copy with the break ``item``."""
    with tempfile.TemporaryDirectory(prefix="importer-break-") as folder:
        copy = Path(folder, "importer")
        _copy(copy)
        if item is not None:
            _break(copy / item.file, item.changes)
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "--no-header", *tests]
        ended = subprocess.run(
            command,
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            check=False,
        )
    found = re.findall(r"^(?:FAILED|ERROR) (\S+)", ended.stdout, re.MULTILINE)
    return found or ([] if ended.returncode == 0 else [f"pytest itself (exit {ended.returncode})"])


def _copy(target: Path) -> None:
    target.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy2(source, target / part)


def _break(file: Path, changes: tuple[tuple[str, str], ...]) -> None:
    text = file.read_text()
    for old, new in changes:
        if old not in text:
            raise SystemExit(f"{file.name} has no {old!r} any more: mend the break")
        text = text.replace(old, new)
    file.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
