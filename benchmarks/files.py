"""The input files, made once and kept in the cache folder. Standard library only: they are made by other processes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from benchmarks.processes import ROOT, measure

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.settings import Settings

FOLDER = ROOT / "benchmarks"


def made(settings: Settings, module: str, name: str, suffix: str, rows: int, *options: str) -> Path:
    """The file that ``python -m benchmarks.MODULE FILE ROWS OPTIONS`` writes.

    What makes the data is part of the name: after a change of it, an old file is not used.
    """
    sources = [FOLDER / f"{part}.py" for part in {module, "data"}]
    version = sum(zlib.crc32(source.read_bytes()) for source in sources) & 0xFFFFFFFF
    file = settings.cache / f"{name}-{rows}-{version:08x}.{suffix}"
    if not file.exists():
        measure(["-m", f"benchmarks.{module}", str(file), str(rows), *options])
    return file


def orders(settings: Settings, rows: int, kind: str = "full", suffix: str = "parquet") -> Path:
    """Orders, ``full`` or ``nullable``, as Parquet or CSV."""
    return made(settings, "data", f"orders-{kind}", suffix, rows, kind)
