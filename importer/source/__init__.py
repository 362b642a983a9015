"""Source files: which ones, how they are written, and their rows in chunks.

``discover`` finds them and ``left_out`` says what is not read, ``identify`` says whether a file is the one that the
checkpoint knows, ``sniff`` decides how a CSV is written, ``open_source`` reads one, whatever its format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.source.chunk import Anchor, Chunk, Reader
from importer.source.csv_reader import CsvReader
from importer.source.cutter import Cutter
from importer.source.dialect import Dialect, sniff
from importer.source.discover import discover, left_out
from importer.source.file import SourceFile
from importer.source.identity import Identity, identify
from importer.source.options import SourceOptions
from importer.source.parquet_reader import ParquetReader
from importer.source.partitions import PartitionedReader

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "Anchor",
    "Chunk",
    "Cutter",
    "Dialect",
    "Identity",
    "Reader",
    "SourceFile",
    "SourceOptions",
    "discover",
    "identify",
    "left_out",
    "open_source",
    "sniff",
]


def open_source(
    file: SourceFile, number: int, dialect: Dialect | None, columns: Collection[str] | None = None
) -> Reader:
    """A reader of ``file``, which is source ``number`` of the import.

    ``dialect`` is for CSV (see :func:`sniff`); ``columns`` are those that the mapping uses: Parquet reads no others,
    while CSV parses all. The folders of the file may give it more columns: see :mod:`importer.source.partitions`.

    Raises:
        SourceUnreadable: The file cannot be opened, is damaged, or has no usable header; a column of ``columns`` cannot
            be read, or does not agree with the name of a folder.
    """
    reader = ParquetReader(file, number, columns) if dialect is None else CsvReader(file, number, dialect)
    return PartitionedReader(reader, file, number, columns) if file.partitions else reader
