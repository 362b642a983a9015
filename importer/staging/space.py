"""How large a stage will be: into how many parts it is cut, and whether the disk has room for it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from importer.errors import StateUnusable
from importer.staging.partition import HASH_DIGITS

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from importer.source import SourceFile

PART_BYTES = 32 * 1024 * 1024
"""Rows of one part are grouped in memory, which takes some five times as much."""
MAX_PARTS = 16**HASH_DIGITS
_UNPACKED = 8  # how much longer text is than its compressed file, as a cautious guess
_RESERVE_BYTES = 64 * 1024 * 1024


def estimated_bytes(file: SourceFile, columns: Collection[str]) -> int:
    """The bytes that ``columns`` of ``file`` may take in a stage: an estimate on the high side."""
    try:
        size = file.path.stat().st_size
        if file.format != "parquet":
            return size if file.compression is None else size * _UNPACKED
        metadata = pq.read_metadata(file.path)
    except (OSError, pa.ArrowException):
        return 0  # reading it will say what is wrong with it
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    parts = (group.column(index) for group in groups for index in range(group.num_columns))
    wanted = sum(part.total_uncompressed_size for part in parts if part.path_in_schema.split(".")[0] in columns)
    return int(wanted + 16 * metadata.num_rows)


def parts_for(size_bytes: int) -> int:
    """How many parts a stage of ``size_bytes`` is cut into: a power of two."""
    parts = 1
    while parts < MAX_PARTS and parts * PART_BYTES < size_bytes:
        parts *= 2
    return parts


def check_space(directory: Path, size_bytes: int) -> None:
    """Raise :class:`StateUnusable` unless the disk of ``directory`` has room for ``size_bytes``."""
    free = shutil.disk_usage(directory).free
    needed = size_bytes + _RESERVE_BYTES
    if needed > free:
        raise StateUnusable(
            f"Grouping needs up to {_megabytes(needed)} of disk in {directory}, and {_megabytes(free)} are free.",
            "Make room there, or name a directory on a larger local disk with --state-dir.",
        )


def _megabytes(size_bytes: int) -> str:
    return f"{max(1, size_bytes // 1_000_000):,} MB"
