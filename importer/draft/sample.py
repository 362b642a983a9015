"""A bounded sample of an unknown export: how the file is written, and some of its rows.

Of a large file these are its first rows and some from the middle and from the end, so that dates, numbers and codes
that came later are seen as well. Nothing is read that does not fit in some megabytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from importer.draft.text import encoding_of, layout_of
from importer.errors import SourceUnreadable
from importer.mapping.models import SourceSpec
from importer.records import Span
from importer.source import Anchor, discover, sniff
from importer.source.csv_reader import CsvReader
from importer.source.encoding import is_wide, with_byte_order
from importer.source.opening import reading_text
from importer.source.parquet_reader import ParquetReader
from importer.source.partitions import PartitionedReader

if TYPE_CHECKING:
    from importer.records import Reject
    from importer.source import Chunk, Reader, SourceFile

HEAD_ROWS = 8_000
PART_ROWS = 1_000
_HEAD_BYTES = 256 * 1024
_BLOCK_BYTES = 1024 * 1024
_MUCH_LESS = 10
"""Without quotes the file is read if that leaves fewer broken records by this factor."""
_DATA = re.compile(r"[-+]?[\d.,]+|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)?|[^@\s]+@[^@\s]+\.\w+|\d{10,}")
"""Numbers, dates and addresses of e-mail, as no column is called."""
_FAR = 10**12
"""Where rows of the middle and the end are numbered from: their real numbers are not known without reading all."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of ``file``, which is one of ``files``; ``source`` is how it is read.

    ``head`` is the number of rows at its beginning, which follow each other; ``is_whole`` says that these are all.
    ``rejects`` are broken records among them. ``total_rows`` is known for Parquet, and of a file that was read whole.
    """

    file: SourceFile
    files: int
    source: SourceSpec
    frame: pl.DataFrame
    head: int
    rejects: tuple[Reject, ...]
    total_rows: int | None
    is_whole: bool

    @property
    def is_text(self) -> bool:
        """Whether every cell came as text."""
        return self.file.format == "csv"


def take_sample(argument: str) -> Sample:
    """A sample of the first file that ``argument`` (a file, a folder or a glob) means.

    Raises:
        SourceUnreadable: there is no such file; it is empty, no text, or has neither columns nor rows.
        UsageInvalid: the argument is a URI or ``-``.
    """
    files, source = _found(argument)
    file = files[0]
    if file.format == "csv":
        source = _recognised(file, source)
    reader, head = _head(file, source)
    if _rejects(head) and source.quote is None:
        unquoted = source.model_copy(update={"quote": ""})
        other, other_head = _head(file, unquoted)
        if len(_rejects(other_head)) * _MUCH_LESS < len(_rejects(head)):
            source, reader, head = unquoted, other, other_head
    frames = [chunk.frame for chunk in head]
    rejects = _rejects(head)
    height = sum(frame.height for frame in frames)
    if not height:
        why = f": each of its {len(rejects):,} records is broken. {rejects[0].message}" if rejects else ""
        raise SourceUnreadable(f"{file.name}: has a header and no row{why}.", "Was the export complete?")
    total = reader.total_rows
    is_whole = total is not None and total <= HEAD_ROWS
    rest: list[pl.DataFrame] = []
    if not is_whole:
        rest = _further_parquet(reader) if file.format == "parquet" else _further_text(file, source, reader, head[-1])
    return Sample(file, len(files), source, pl.concat([*frames, *rest]), height, rejects, total, is_whole)


def _head(file: SourceFile, source: SourceSpec) -> tuple[Reader, list[Chunk]]:
    """A reader of ``file``, and its first rows."""
    if file.format == "csv":
        reader: Reader = CsvReader(file, 0, sniff(file, source), block_bytes=_BLOCK_BYTES)
        _refuse_data_as_header(file, list(reader.schema))
    else:
        reader = ParquetReader(file, 0)
    if file.partitions:
        reader = PartitionedReader(reader, file, 0, None)
    return reader, _taken(reader, Span(0, 1, HEAD_ROWS + 1))


def _rejects(chunks: list[Chunk]) -> tuple[Reject, ...]:
    return tuple(reject for chunk in chunks for reject in chunk.rejects)


def _refuse_data_as_header(file: SourceFile, names: list[str]) -> None:
    data = [name for name in names if _DATA.fullmatch(name.strip())]
    if len(data) > 1 and len(data) * 3 >= len(names):
        raise SourceUnreadable(
            f"{file.name}: its first line is data, not a header: {', '.join(data[:3])}.", "Add a line of column names."
        )


def _found(argument: str) -> tuple[list[SourceFile], SourceSpec]:
    """The files, also where their name does not say what they are, or where they are UTF-16."""
    options = (
        SourceSpec(),
        SourceSpec(encoding="utf-16"),
        SourceSpec(format="csv"),
        SourceSpec(format="csv", encoding="utf-16"),
    )
    first: SourceUnreadable | None = None
    for source in options:
        try:
            return discover([argument], source), source
        except SourceUnreadable as error:
            first = first or error
    raise first or SourceUnreadable(f"{argument}: cannot be read.")


def _recognised(file: SourceFile, source: SourceSpec) -> SourceSpec:
    """How a text is written. What is as everywhere is left unsaid."""
    parts = _parts(file)
    encoding = source.encoding or encoding_of(file.name, parts)
    text = parts[0].decode(with_byte_order(encoding, parts[0]), "ignore")
    layout = layout_of(file.name, text if len(parts[0]) < _HEAD_BYTES else text.rpartition("\n")[0] or text)
    found = {
        "separator": layout.separator,
        "quote": layout.quote if layout.quote != '"' else None,
        "encoding": encoding if encoding != "utf-8" else None,
        "skip_rows": layout.skip_rows,
    }
    return source.model_copy(update=found)


def _parts(file: SourceFile) -> list[bytes]:
    """Bytes of the beginning, the middle and the end. Of compressed text only of the beginning."""
    with reading_text(file) as handle:
        parts = [handle.read(_HEAD_BYTES)]
        size = file.path.stat().st_size
        if file.compression is None:
            for offset in (size // 2, size - _HEAD_BYTES):
                if offset > _HEAD_BYTES:
                    handle.seek(offset)
                    parts.append(handle.read(_HEAD_BYTES))
    return parts


def _taken(reader: Reader, span: Span, anchors: tuple[Anchor, ...] = ()) -> list[Chunk]:
    return list(reader.chunks([span], anchors))


def _further_parquet(reader: Reader) -> list[pl.DataFrame]:
    rows = reader.total_rows or 0
    starts = [max(HEAD_ROWS, start) + 1 for start in (rows // 2, rows - PART_ROWS)] if rows > HEAD_ROWS else []
    starts = starts if rows > HEAD_ROWS + 4 * PART_ROWS else starts[-1:]
    return [chunk.frame for start in starts for chunk in _taken(reader, Span(0, start, start + PART_ROWS))]


def _further_text(file: SourceFile, source: SourceSpec, reader: Reader, last: Chunk) -> list[pl.DataFrame]:
    """Rows from the middle and the end of a large file, found by their place in it."""
    if file.compression or is_wide(source.encoding) or last.anchor is None:
        return []
    size = file.path.stat().st_size
    behind_head = last.anchor.offset + 2 * _BLOCK_BYTES
    middle, end = size // 2, size - _HEAD_BYTES
    frames = []
    if middle > behind_head:
        frames += _rows_behind(file, reader, middle, PART_ROWS)
        behind_head = middle + 2 * _BLOCK_BYTES
    if end > behind_head:
        frames += [frame.tail(PART_ROWS) for frame in _rows_behind(file, reader, end, _FAR)[-1:]]
    return frames


def _rows_behind(file: SourceFile, reader: Reader, offset: int, rows: int) -> list[pl.DataFrame]:
    """Up to ``rows`` rows from the first line on that starts behind ``offset``."""
    anchor = Anchor(_FAR, _next_line(file, offset), 1)
    return [chunk.frame for chunk in _taken(reader, Span(0, _FAR, _FAR + rows), (anchor,))]


def _next_line(file: SourceFile, offset: int) -> int:
    with reading_text(file) as handle:
        handle.seek(offset)
        data = handle.read(_HEAD_BYTES)
    return offset + data.find(b"\n") + 1
