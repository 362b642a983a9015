"""On what machine and with what versions something was measured. Standard library only."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT

LIBRARIES = ("polars", "pyarrow", "polars-hash", "aiohttp", "orjson", "pydantic", "click")


def machine() -> dict[str, Any]:
    """CPU, memory, system, versions and commit; ``load`` is that of the last minute, before the benchmark began."""
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "nginx": _said(["nginx", "-v"]).removeprefix("nginx version: "),
        "commit": _said(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]),
        "changed": bool(_said(["git", "-C", str(ROOT), "status", "--porcelain"])),
    }


def sentence(facts: dict[str, Any]) -> str:
    """The machine in one line."""
    libraries = ", ".join(f"{name} {number}" for name, number in facts["libraries"].items() if number)
    changes = " with changes" if facts["changed"] else ""
    where = f"{facts['cores']} cores of {facts['cpu']}, {facts['memory_gb']} GB, {facts['system']}"
    return (
        f"{facts['measured']}, commit {facts['commit'] or 'unknown'}{changes}, {where}, load {facts['load']} before; "
        f"Python {facts['python']}, {libraries}, {facts['nginx'] or 'no nginx'}"
    )


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _said(command: list[str]) -> str:
    with suppress(OSError):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return (done.stdout + done.stderr).strip()
    return ""
