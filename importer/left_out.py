"""The events that ``dedupe`` leaves out: which, and the file beside the checkpoint that remembers those of a source.

Such a file belongs to one checkpoint, says so, and ends with a checksum. It is written before anything of it counts.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from importer.durable import create, sync
from importer.errors import StateUnusable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from importer.records import Span

ROW, FIRST_SOURCE, FIRST_ROW = "row", "first_source", "first_row"
SCHEMA = {ROW: pl.Int64, FIRST_SOURCE: pl.Int32, FIRST_ROW: pl.Int64}
"""Of a frame of events that are left out: the first row of each, and source and row of what it repeats."""
_CRC_BYTES = 4
_OWNER = b"checkpoint"


class LeftOut:
    """The events that are not sent because they repeat an id: by number of the source, their first rows."""

    def __init__(self, rows: Mapping[int, pl.Series]) -> None:
        self._rows = rows

    def within(self, span: Span) -> pl.Series:
        """Those in ``span``."""
        rows = self._rows.get(span.source)
        if rows is None:
            return pl.Series(dtype=pl.Int64)
        first, last = rows.search_sorted(pl.Series([span.start, span.stop]), side="left")
        return rows[first:last]


def is_within(rows: pl.Expr, spans: Iterable[Span]) -> pl.Expr:
    """Where ``rows`` are in one of ``spans``, whatever source these are of."""
    found = pl.lit(value=False)
    for span in spans:
        found |= rows.is_between(span.start, span.stop - 1)
    return found


def read(file: Path, owner: str) -> pl.DataFrame:
    """What :func:`write` wrote for the same ``owner``; nothing if there is no such file, or it is of another one.

    Raises:
        StateUnusable: the file is damaged.
    """
    try:
        data = memoryview(file.read_bytes())
    except FileNotFoundError:
        return pl.DataFrame(schema=SCHEMA)
    except OSError as error:
        raise _unreadable(file, f"cannot be read: {error.strerror}") from None
    body, crc = data[:-_CRC_BYTES], data[-_CRC_BYTES:]
    if not len(body) or zlib.crc32(body).to_bytes(_CRC_BYTES, "little") != crc:
        raise _unreadable(file, "is damaged")
    opened = pa.ipc.open_file(pa.py_buffer(body))
    if (opened.schema.metadata or {}).get(_OWNER) != owner.encode():
        return pl.DataFrame(schema=SCHEMA)
    return pl.DataFrame(opened.read_all())


def write(file: Path, owner: str, rows: pl.DataFrame) -> None:
    """Remember ``rows``, a frame of ``SCHEMA``, for the checkpoint ``owner``; durable when it returns.

    Raises:
        StateUnusable: the disk is full or broken.
    """
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest()).replace_schema_metadata({_OWNER: owner})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    data = memoryview(sink.getvalue())
    unfinished = file.with_name(f"{file.name}.unfinished")
    try:
        with create(unfinished) as opened:
            opened.write(data)
            opened.write(zlib.crc32(data).to_bytes(_CRC_BYTES, "little"))
        sync(unfinished)
        unfinished.replace(file)
        sync(file.parent)
    except OSError as error:
        raise StateUnusable(f"{file} cannot be written: {error.strerror or error}.", "Make room there.") from None


def _unreadable(file: Path, what: str) -> StateUnusable:
    message = f"{file} {what}. It says which events were left out as duplicates."
    return StateUnusable(message, "Import the files again with --again, in a state directory of its own.")
