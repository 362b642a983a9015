"""Blocks of a CSV file that start at a record and end at one, each with its structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.source.chunk import MAX_CHUNK_ROWS, Anchor
from importer.source.structure import scan

if TYPE_CHECKING:
    from importer.source.encoding import TextStream
    from importer.source.grammar import Grammar
    from importer.source.structure import Structure

_FIRST_READ_BYTES = 1024 * 1024
_MIN_READ_BYTES = 64 * 1024
_FILLED = 0.95  # of a chunk: with shorter records than before, a full one would have a small rest


@dataclass(frozen=True)
class Block:
    """Whole records as UTF-8, where they start, and what they are."""

    anchor: Anchor
    data: bytes
    structure: Structure


class BlockCursor:
    """Walks over the records of a file, in blocks of about a chunk and of at most ``block_bytes``."""

    def __init__(self, stream: TextStream, grammar: Grammar, block_bytes: int) -> None:
        self._stream = stream
        self._grammar = grammar
        self._block_bytes = block_bytes
        self._read_bytes = min(block_bytes, _FIRST_READ_BYTES)
        self.anchor = Anchor(1, 0, 1)
        self._rest = b""
        self._torn = False

    def seek(self, anchor: Anchor) -> None:
        """Go on at ``anchor``."""
        self._stream.seek(anchor.offset)
        self.anchor, self._rest, self._torn = anchor, b"", False

    def next(self) -> Block | None:
        """The next block, ``None`` at the end of the file."""
        while True:
            data = self._stream.read(self._read_bytes)
            final = not data
            if self._torn:
                data = self._behind_torn_line(data)
            data = self._rest + data
            if final and not data:
                return None
            if final and not data.endswith(b"\n"):
                data += b"\n"
            structure = scan(self._grammar, data, final=final)
            self._rest = data[structure.consumed :]
            if structure.rows:
                return self._settled(data, structure)

    def _behind_torn_line(self, data: bytes) -> bytes:
        """What follows the end of a line that was given up as too long; the anchor moves along."""
        behind = data.find(b"\n") + 1 or len(data)
        self._torn = not data.endswith(b"\n", 0, behind)
        skipped = self._stream.raw_length(data[:behind])
        self.anchor = Anchor(self.anchor.row, self.anchor.offset + skipped, self.anchor.line)
        return data[behind:]

    def _settled(self, data: bytes, structure: Structure) -> Block:
        block = Block(self.anchor, data, structure)
        offset = self._stream.offset - self._stream.raw_length(self._rest)
        self.anchor = Anchor(self.anchor.row + structure.rows, offset, self.anchor.line + structure.lines)
        self._torn = structure.torn
        fitting_bytes = int(_FILLED * MAX_CHUNK_ROWS) * len(data) // structure.rows
        self._read_bytes = min(max(fitting_bytes, _MIN_READ_BYTES), self._block_bytes)
        return block
