"""CSV by blocks: the structure is checked first, then one parse for all good records of a block."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import chain
from typing import TYPE_CHECKING

import polars as pl
from polars.exceptions import PanicException, PolarsError

from importer.errors import Imbalance
from importer.records import Reject, Span, rejects_within
from importer.source.blocks import BlockCursor
from importer.source.chunk import Chunk, Lines, chunk_parts
from importer.source.dialect import read_header
from importer.source.encoding import BOM, TextStream
from importer.source.grammar import MAX_RECORD_BYTES, Grammar
from importer.source.opening import Stability, reading_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from importer.source.blocks import Block
    from importer.source.chunk import Anchor
    from importer.source.dialect import Dialect
    from importer.source.file import SourceFile
    from importer.source.structure import Broken

BLOCK_BYTES = 8 * 1024 * 1024
SHOWN_CHARACTERS = 2000


class CsvReader:
    """A CSV file. Every column is text; an empty cell, quoted or not, is null, and so are the null values.

    Of a compressed file, offsets are those of its text, so that a resume decompresses what lies before its anchor once
    more, without parsing it.
    """

    def __init__(
        self,
        file: SourceFile,
        number: int,
        dialect: Dialect,
        *,
        block_bytes: int = BLOCK_BYTES,
        max_record_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        """Read the header.

        Raises:
            SourceUnreadable: The file cannot be opened, or its header cannot be used.
        """
        self._file = file
        self._number = number
        self._dialect = dialect
        self._block_bytes = block_bytes
        self._stability = Stability(file)
        header = read_header(file, dialect)
        self._first = header.start
        self._grammar = Grammar(dialect.separator, dialect.quote, len(header.columns), max_record_bytes)
        self.schema: dict[str, pl.DataType] = dict.fromkeys(header.columns, pl.String())
        self.total_rows: int | None = None

    def chunks(self, missing: Sequence[Span], anchors: Sequence[Anchor] = ()) -> Iterator[Chunk]:
        """The rows of ``missing`` that exist, in order. See :class:`importer.source.chunk.Reader`.

        Raises:
            SourceUnreadable: The file cannot be read on.
            SourceChanged: The file is not any more what it was when it was opened.
        """
        missing = sorted(missing)
        anchors = sorted((self._first, *anchors), key=lambda anchor: anchor.row)
        with reading_text(self._file) as handle:
            stream = TextStream(handle, self._dialect.encoding)
            cursor = BlockCursor(stream, self._grammar, self._block_bytes)
            cursor.seek(self._first)
            while row := _next_missing(missing, cursor.anchor.row):
                anchor = anchors[bisect_right(anchors, row, key=lambda anchor: anchor.row) - 1]
                if anchor.row > cursor.anchor.row:
                    cursor.seek(anchor)
                block = cursor.next()
                self._stability.check()
                if block is None:
                    self.total_rows = cursor.anchor.row - 1
                    return
                chunks = self._parts(block, stream, missing)
                del block  # its bytes are not needed any more, and the next ones are read soon
                yield from chunks

    def _parts(self, block: Block, stream: TextStream, missing: Sequence[Span]) -> list[Chunk]:
        first = block.anchor.row
        parts = chunk_parts(missing, first, first + block.structure.rows)
        if not parts:
            return []
        frame, numbers = self._frame(block), _row_numbers(block)
        rows = pl.Series("row", numbers, dtype=pl.Int64)
        rejects = tuple(self._reject(block, broken, stream) for broken in block.structure.broken)
        lines = _lines(block)
        chunks = []
        for start, stop in parts:
            low, high = bisect_left(numbers, start), bisect_left(numbers, stop)
            chunk = Chunk(
                span=Span(self._number, start, stop),
                frame=frame[low:high],
                rows=rows[low:high],
                rejects=rejects_within(rejects, start, stop),
                blank=_blank_between(block, start, stop),
                anchor=block.anchor,
                lines=lines,
            )
            chunks.append(chunk)
        return chunks

    def _frame(self, block: Block) -> pl.DataFrame:
        runs = block.structure.runs
        records = sum(run.records for run in runs)
        if not records:
            return pl.DataFrame(schema=self.schema)
        view = memoryview(block.data)
        body = b"".join(view[run.start : run.stop] for run in runs)
        try:
            frame = self._parse(body)
        except (PolarsError, PanicException) as error:
            raise self._disagreement(block, f"fails: {error}") from error
        if frame.height != records:
            raise self._disagreement(block, f"finds {frame.height} records where the check found {records}")
        return frame

    def _parse(self, body: bytes) -> pl.DataFrame:
        # The parser drops one byte order mark at the start. In the middle of a file it is a character of a cell.
        return pl.read_csv(
            BOM + body if body.startswith(BOM) else body,
            has_header=False,
            new_columns=list(self.schema),
            separator=self._dialect.separator,
            quote_char=self._dialect.quote or None,
            null_values=list(dict.fromkeys(("", *self._dialect.null_values))),
            infer_schema=False,
        )

    def _disagreement(self, block: Block, what: str) -> Imbalance:
        first, last = block.anchor.row, block.anchor.row + block.structure.rows - 1
        return Imbalance(
            f"{self._file.name}: in rows {first} to {last} the CSV parser {what}.",
            "This is a bug of the importer: please report it with these rows.",
        )

    def _reject(self, block: Block, broken: Broken, stream: TextStream) -> Reject:
        row, line = block.anchor.row + broken.row, block.anchor.line + broken.line
        message = f"The record {broken.message}."
        text = self._shown(block.data, broken, stream)
        return Reject(self._number, self._file.name, row, line, "source", broken.code, message, text)

    def _shown(self, data: bytes, broken: Broken, stream: TextStream) -> str:
        """The text of a broken record, cut where it is too long to be looked at."""
        # A character of UTF-8 takes up to 4 bytes. Of a record that is too long, the rest may not have been read.
        stop = min(broken.stop, broken.start + min(4 * SHOWN_CHARACTERS + 4, self._grammar.max_record_bytes))
        text = stream.shown(data[broken.start : stop]).rstrip("\r\n")
        is_whole = stop == broken.stop and len(text) <= SHOWN_CHARACTERS and broken.code != "too_long"
        return text if is_whole else f"{text[:SHOWN_CHARACTERS]}… (cut)"


def _next_missing(missing: Sequence[Span], row: int) -> int | None:
    """The first missing row from ``row`` on."""
    index = bisect_right(missing, row, key=lambda span: span.stop)
    return max(row, missing[index].start) if index < len(missing) else None


def _row_numbers(block: Block) -> array[int]:
    first = block.anchor.row
    runs = block.structure.runs
    return array("q", chain.from_iterable(range(first + run.row, first + run.row + run.records) for run in runs))


def _blank_between(block: Block, start: int, stop: int) -> int:
    first = block.anchor.row
    pairs = ((max(start, first + row), min(stop, first + row + count)) for row, count in block.structure.blanks)
    return sum(max(0, high - low) for low, high in pairs)


def _lines(block: Block) -> Lines:
    structure = block.structure
    rows = array("q", (block.anchor.row + row for row in structure.line_rows))
    return Lines(rows, array("q", (block.anchor.line + line for line in structure.line_numbers)))
