"""How large a stage will be, and into how many parts it is cut."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from importer.records import Span
from importer.staging.partition import HASH_DIGITS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from importer.source import Reader, SourceFile

PART_BYTES = 32 * 1024 * 1024
"""Rows of one part are grouped in memory, which takes some five times as much."""
MAX_PARTS = 16**HASH_DIGITS
_UNPACKED = 20  # how much longer text is than its compressed file, as a cautious guess
_PACKED = 8  # the same for a stage on disk: text that shrinks to a twentieth there does so to two fifths here
_SAMPLE_ROWS = 10_000
_PLACE_BYTES = 4 + 8 + 8  # of a staged row: number of its file, row and line there


class Size(NamedTuple):
    """What a file takes in a stage: its rows in memory, as they are grouped, and on disk. Both on the high side."""

    memory_bytes: int
    disk_bytes: int


def estimated_size(file: SourceFile, reader: Reader, columns: Sequence[str]) -> Size:
    """What ``columns`` of ``file``, which ``reader`` reads, may take in a stage, by a sample of its first rows.

    Sizes in the footer of a Parquet file are not enough: they count a value that repeats once.

    Raises:
        SourceUnreadable: the beginning of the file cannot be read.
    """
    sample = next(reader.chunks([Span(0, 1, _SAMPLE_ROWS + 1)]), None)
    frame = sample.frame if sample is not None else pl.DataFrame(schema=dict(reader.schema))
    if file.format == "parquet":
        at_least = _footer_bytes(file, columns)
        staged_bytes = max(at_least, ceil((reader.total_rows or 0) * _row_bytes(frame.select(columns))))
        return Size(staged_bytes, staged_bytes)
    text = frame.select(pl.exclude([name for name, _ in file.partitions]))
    size_bytes = file.path.stat().st_size
    growth = _row_bytes(frame.select(columns)) / max(_text_bytes(text), 1)
    unpacked, packed = (1, 1) if file.compression is None else (_UNPACKED, _PACKED)
    return Size(ceil(size_bytes * growth * unpacked), ceil(size_bytes * growth * packed))


def _row_bytes(sample: pl.DataFrame) -> float:
    """The bytes of a row of ``sample`` once it is staged."""
    if not sample.height:
        return _PLACE_BYTES
    return float(sample.to_arrow(compat_level=pl.CompatLevel.oldest()).nbytes) / sample.height + _PLACE_BYTES


def _text_bytes(sample: pl.DataFrame) -> float:
    """The bytes of a line of CSV with a row of ``sample``, without quotes."""
    cells = sum(int(column.str.len_bytes().sum()) for column in sample)
    return cells / max(sample.height, 1) + sample.width


def _footer_bytes(file: SourceFile, columns: Collection[str]) -> int:
    """What the footer says: less than a row has where values repeat, more where the sample is full of nulls."""
    try:
        metadata = pq.read_metadata(file.path)
    except (OSError, pa.ArrowException):
        return 0  # reading it will say what is wrong with it
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    parts = (group.column(index) for group in groups for index in range(group.num_columns))
    wanted = sum(part.total_uncompressed_size for part in parts if part.path_in_schema.split(".")[0] in columns)
    return int(int(wanted) + _PLACE_BYTES * metadata.num_rows)


def parts_for(size_bytes: int) -> int:
    """How many parts a stage of ``size_bytes`` is cut into: a power of two."""
    parts = 1
    while parts < MAX_PARTS and parts * PART_BYTES < size_bytes:
        parts *= 2
    return parts
