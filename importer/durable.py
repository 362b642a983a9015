"""What makes new files survive a crash of the machine, and room for them. Standard library only."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from importer.errors import StateUnusable

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

_RESERVE_BYTES = 64 * 1024 * 1024


def sync(path: Path) -> None:
    """Wait until ``path`` is on disk: the bytes of a file, or the names in a directory. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def create(path: Path) -> BinaryIO:
    """A new file at ``path``, for its owner alone, whatever was there before: no link is followed. Raises OSError."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def check_space(directory: Path, size_bytes: int, what: str) -> None:
    """Raise :class:`StateUnusable` unless the disk of ``directory`` has room for ``size_bytes``, for ``what`` to do."""
    free = shutil.disk_usage(directory).free
    needed = size_bytes + _RESERVE_BYTES
    if needed > free:
        raise StateUnusable(
            f"{what} needs up to {_megabytes(needed)} of disk in {directory}, and {_megabytes(free)} are free.",
            "Make room there, or name a directory on a larger local disk with --state-dir.",
        )


def _megabytes(size_bytes: int) -> str:
    return f"{max(1, size_bytes // 1_000_000):,} MB"
