"""Source files: which ones, how they are written, and their rows in chunks.

``discover`` finds them, ``identify`` says whether a file is the one that the checkpoint knows, ``sniff`` decides how a
CSV is written, ``open_source`` reads one, whatever its format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.source.chunk import Anchor, Chunk, Reader
from importer.source.csv_reader import CsvReader
from importer.source.dialect import Dialect, sniff
from importer.source.discover import SourceFile, discover
from importer.source.identity import Identity, identify
from importer.source.options import SourceOptions
from importer.source.parquet_reader import ParquetReader

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "Anchor",
    "Chunk",
    "Dialect",
    "Identity",
    "Reader",
    "SourceFile",
    "SourceOptions",
    "discover",
    "identify",
    "open_source",
    "sniff",
]


def open_source(
    file: SourceFile, number: int, dialect: Dialect | None, columns: Collection[str] | None = None
) -> Reader:
    """A reader of ``file``, which is source ``number`` of the import.

    ``dialect`` is for CSV (see :func:`sniff`); ``columns`` are those that Parquet reads, while CSV parses all.

    Raises:
        SourceUnreadable: The file cannot be opened, is damaged, or has no usable header.
    """
    if dialect is None:
        return ParquetReader(file, number, columns)
    return CsvReader(file, number, dialect)
