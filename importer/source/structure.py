"""The shape of CSV records, checked before any parser sees them.

Records that do not follow the grammar become rejects. The neighbours of a broken record are never swallowed: reading
goes on at the next physical line.
"""

from __future__ import annotations

import codecs
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from importer.source.grammar import Grammar


class Run(NamedTuple):
    """Good records that follow each other: ``records`` of them, from ``row`` on, in bytes ``start`` to ``stop - 1``."""

    start: int
    stop: int
    row: int
    records: int


class Broken(NamedTuple):
    """A record that is no row. ``code`` and ``message`` say why; rows and lines count from 0 in the block."""

    start: int
    stop: int
    row: int
    line: int
    code: str
    message: str


@dataclass
class Structure:
    """What a block holds. Rows and lines count from 0 at its start.

    ``blanks`` are (first row, count). Row ``line_rows[i]`` is on line ``line_numbers[i]``, and each row after it one
    line further, up to the next entry. ``consumed`` bytes are settled; what follows is the beginning of a record.
    ``torn`` says that the last record was given up before its line end, which is still to come.
    """

    runs: list[Run] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    blanks: list[tuple[int, int]] = field(default_factory=list)
    line_rows: array[int] = field(default_factory=lambda: array("q", [0]))
    line_numbers: array[int] = field(default_factory=lambda: array("q", [0]))
    rows: int = 0
    lines: int = 0
    consumed: int = 0
    torn: bool = False

    def add_run(self, start: int, stop: int, count: int, lines: int) -> None:
        """Take ``count`` good records on ``lines`` physical lines."""
        last = self.runs[-1] if self.runs else None
        if last and last.stop == start and last.row + last.records == self.rows:
            self.runs[-1] = Run(last.start, stop, last.row, last.records + count)
        else:
            self.runs.append(Run(start, stop, self.rows, count))
        self._advance(stop, count, lines)

    def add_broken(self, start: int, stop: int, lines: int, code: str, message: str) -> None:
        """Take one broken record on ``lines`` physical lines."""
        self.broken.append(Broken(start, stop, self.rows, self.lines, code, message))
        self._advance(stop, 1, lines)

    def add_blanks(self, stop: int, count: int) -> None:
        """Take ``count`` blank lines."""
        self.blanks.append((self.rows, count))
        self._advance(stop, count, count)

    def _advance(self, stop: int, rows: int, lines: int) -> None:
        self.rows += rows
        self.lines += lines
        self.consumed = stop
        if rows != lines:
            self.line_rows.append(self.rows)
            self.line_numbers.append(self.lines)


def scan(grammar: Grammar, block: bytes, *, final: bool) -> Structure:
    """The records of ``block``, which starts at a record. When ``final``, it ends the file, with a line end.

    What is reported of a record does not depend on where the blocks were cut: it is decided when the record is
    complete, or when more than the longest possible record is there.
    """
    return _Scan(grammar, block, final=final).run()


class _Scan:
    """One pass over one block."""

    def __init__(self, grammar: Grammar, block: bytes, *, final: bool) -> None:
        self.grammar = grammar
        self.block = block
        self.final = final
        self.found = Structure()
        # Looked at once for the block: only when something is wrong in it, records are decoded one by one.
        self.valid = _is_utf8(block)

    def run(self) -> Structure:
        found, block = self.found, self.block
        if stop := self.grammar.uniform(block):
            self._take_lines(0, stop)
        while found.consumed < len(block) and not found.torn:
            start = found.consumed
            if (stop := self.grammar.good_lines_stop(block, start)) > start:
                self._take_lines(start, stop)
            elif (stop := self.grammar.blank_lines_stop(block, start)) > start:
                found.add_blanks(stop, block.count(b"\n", start, stop))
            elif not self._take_irregular(start):
                break
        return found

    def _take_lines(self, start: int, stop: int) -> None:
        """Records of one line each; one that is longer than allowed is not among them."""
        longest = self.grammar.max_record_bytes
        hop = start
        while stop - hop > longest:
            line_stop = self.block.rfind(b"\n", hop, hop + longest) + 1
            if not line_stop:
                self._take_decodable(start, hop)
                self._too_long(hop)
                return
            hop = line_stop
        self._take_decodable(start, stop)

    def _take_decodable(self, start: int, stop: int) -> None:
        """Split lines around those that are not valid in the encoding."""
        while not self.valid and (bad := _undecodable(self.block, start, stop)) >= 0:
            line = self.block.rfind(b"\n", start, bad) + 1 or start
            self._good_lines(start, line)
            start = self.block.index(b"\n", bad) + 1
            self._not_decodable(line, start, 1)
        self._good_lines(start, stop)

    def _good_lines(self, start: int, stop: int) -> None:
        if count := self.block.count(b"\n", start, stop):
            self.found.add_run(start, stop, count, count)

    def _not_decodable(self, start: int, stop: int, lines: int) -> None:
        self.found.add_broken(
            start, stop, lines, "encoding", "has bytes that are not valid in the encoding of the file"
        )

    def _take_irregular(self, start: int) -> bool:
        """A record that is not a good line. False when more bytes are needed to tell what it is."""
        grammar, block = self.grammar, self.block
        limit = min(len(block), start + grammar.max_record_bytes)
        is_cut = not self.final and len(block) - start < grammar.max_record_bytes
        line_stop = block.find(b"\n", start, limit) + 1
        if not line_stop:
            if not is_cut:
                self._too_long(start)
            return not is_cut
        if (stop := grammar.good_record_stop(block, start, limit)) > start:
            self._take_long_record(start, stop)
        elif (stop := grammar.any_record_stop(block, start, limit)) > start:
            self._wrong_fields(start, line_stop, stop)
        else:
            reached = grammar.beginning_stop(block, start, limit)
            if reached == limit and is_cut:
                return False
            self.found.add_broken(start, line_stop, 1, *self._what_is_wrong(start, reached, limit))
        return True

    def _take_long_record(self, start: int, stop: int) -> None:
        lines = self.block.count(b"\n", start, stop)
        if not self.valid and _undecodable(self.block, start, stop) >= 0:
            self._not_decodable(start, stop, lines)
        else:
            self.found.add_run(start, stop, 1, lines)

    def _wrong_fields(self, start: int, line_stop: int, stop: int) -> None:
        """A well-formed record with too few or too many fields, as long as it does not swallow a good one."""
        lines, line = 1, line_stop
        while line < stop:
            if self.grammar.good_line_stop(self.block, line, stop) > line:
                message = "a quoted field runs on into the next record"
                self.found.add_broken(start, line, lines, "unclosed_quote", message)
                return
            line = self.block.index(b"\n", line) + 1
            lines += 1
        fields = self.grammar.field_count(self.block[start:stop])
        code = "short" if fields < self.grammar.fields else "long"
        self.found.add_broken(start, stop, lines, code, f"has {_fields(fields)}, the header {self.grammar.fields}")

    def _what_is_wrong(self, start: int, reached: int, limit: int) -> tuple[str, str]:
        if reached == limit:
            longest = self.grammar.max_record_bytes
            where = "the file" if limit - start < longest else f"{longest} bytes"
            return "unclosed_quote", f"has a quoted field that is not closed before the end of {where}"
        if self.block[reached - 1 : reached] == b"\r" and reached > start:
            return "carriage_return", "has a carriage return that ends no line, outside quotes"
        if self.block[reached : reached + 1] == self.grammar.quote:
            return "quote", "has a quote inside a field that does not begin with one"
        return "quote", "has text behind the closing quote of a field"

    def _too_long(self, start: int) -> None:
        stop = self.block.find(b"\n", start) + 1
        self.found.torn = not stop
        message = f"is longer than {self.grammar.max_record_bytes} bytes"
        self.found.add_broken(start, stop or len(self.block), 1, "too_long", message)


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def _is_utf8(block: bytes) -> bool:
    return block.isascii() or _undecodable(block, 0, len(block)) < 0


def _undecodable(block: bytes, start: int, stop: int) -> int:
    """Where the first byte is that is not UTF-8, -1 when there is none."""
    step = 1024 * 1024  # the decoded text is thrown away: a small piece at a time
    view = memoryview(block)
    while start < stop:
        last = start + step >= stop
        try:
            start += codecs.utf_8_decode(view[start : min(start + step, stop)], "strict", last)[1]
        except UnicodeDecodeError as error:
            return start + error.start
    return -1
