"""What is known of a source file before it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from importer.source.compression import Compression
    from importer.source.options import Format
    from importer.source.partitions import Partitions


@dataclass(frozen=True)
class SourceFile:
    """A file to read. ``name`` is how messages and rejects call it: the path as the user wrote it.

    ``format`` is that of its text once it is decompressed. ``partitions`` are columns that its folders give to each of
    its rows: see :mod:`importer.source.partitions`. ``stamp`` is size, time and inode when it was found: readers
    compare it with what they open, however much later their turn comes.
    """

    path: Path
    name: str
    format: Format
    compression: Compression | None = None
    partitions: Partitions = ()
    stamp: tuple[int, int, int] | None = field(default=None, compare=False)
