r"""What a good CSV record is, as regular expressions over bytes.

RFC 4180 and nothing beside it: a field is free of separator, quote and line end, or it is quoted and doubles its
quotes. A record has as many fields as the header and ends in ``\n`` or ``\r\n``. All repetitions are possessive: what
they took they keep, so that time is linear in the bytes, whatever the bytes are.
"""

from __future__ import annotations

import re
import sys

from importer.source.skeleton import is_uniform

MAX_RECORD_BYTES = 8 * 1024 * 1024


class Grammar:
    """The shape of the records of one file: ``fields`` fields, given separator and quote (one byte, or none)."""

    def __init__(self, separator: str, quote: str, fields: int, max_record_bytes: int = MAX_RECORD_BYTES) -> None:
        self.fields = fields
        self.max_record_bytes = max_record_bytes
        self.separator = separator.encode()
        self.quote = quote.encode()
        self._compile()

    def _compile(self) -> None:
        sep, quote = re.escape(self.separator), re.escape(self.quote)
        text = rb"[^%b%b\r\n]" % (sep, quote)
        # A record of one empty field is a blank line, so a single column needs a character or a quote.
        plain = text + (b"*+" if self.fields > 1 else b"++")
        doubled = (quote,) * 3
        on_line = rb"%b[^%b\r\n]*+%b%b" % (quote, quote, many(rb"%b%b[^%b\r\n]*+" % doubled), quote)
        opened = rb"%b[^%b]*+%b" % (quote, quote, many(rb"%b%b[^%b]*+" % doubled))
        if not quote:
            on_line = opened = rb"(?!)"
        line_field = b"(?:%b|%b)" % (on_line, plain)
        good_field = b"(?:%b%b|%b)" % (opened, quote, plain)
        any_field = b"(?:%b%b|%b*+)" % (opened, quote, text)
        good = rb"%b(?:%b%b){%d}\r?\n"
        self._good_line = re.compile(good % (line_field, sep, line_field, self.fields - 1))
        self._good_lines = re.compile(many(self._good_line.pattern))
        self._good_record = re.compile(good % (good_field, sep, good_field, self.fields - 1))
        self._any_record = re.compile(rb"%b%b\r?\n" % (any_field, many(sep + any_field)))
        rest = rb"(?:%b%b?+|%b*+)\r?+" % (opened, quote, text)
        self._beginning = re.compile(many(any_field + sep) + rest)
        self._quoted = re.compile(opened + quote)
        self._blank_lines = re.compile(rb"\r?\n" + many(rb"\r?\n"))

    def uniform(self, block: bytes) -> int:
        """Where the last line ends when each line is a good record, by a proof that is quick; else 0."""
        stop = block.rfind(b"\n") + 1
        if self.fields == 1 or not stop:
            return 0
        lines = block if stop == len(block) else block[:stop]
        return stop if is_uniform(lines, self.separator, self.quote, self.fields) else 0

    def good_lines_stop(self, block: bytes, start: int) -> int:
        """Where the good records of one line each end that begin at ``start``."""
        return _end(self._good_lines, block, start, len(block))

    def good_line_stop(self, block: bytes, start: int, stop: int) -> int:
        """Where the good record of one line at ``start`` ends, ``start`` when there is none before ``stop``."""
        return _end(self._good_line, block, start, stop)

    def good_record_stop(self, block: bytes, start: int, stop: int) -> int:
        """As :meth:`good_line_stop`, for a record with line ends in its quoted fields."""
        return _end(self._good_record, block, start, stop)

    def any_record_stop(self, block: bytes, start: int, stop: int) -> int:
        """As :meth:`good_record_stop`, whatever the number of fields."""
        return _end(self._any_record, block, start, stop)

    def beginning_stop(self, block: bytes, start: int, stop: int) -> int:
        """How far the bytes from ``start`` could be the beginning of a record."""
        return _end(self._beginning, block, start, stop)

    def blank_lines_stop(self, block: bytes, start: int) -> int:
        """Where the blank lines at ``start`` end."""
        return _end(self._blank_lines, block, start, len(block))

    def field_count(self, record: bytes) -> int:
        """The number of fields of a well-formed record."""
        outside = self._quoted.sub(b"", record) if self.quote else record
        return outside.count(self.separator) + 1


def many(unit: bytes) -> bytes:
    """``unit`` as often as it comes, and never given back."""
    # Until 3.11.5 Python may go on for ever in a possessive repeat of a group (cpython issue 106052). An atomic group
    # around a plain one means the same and takes twice the time.
    return rb"(?:%b)*+" % unit if sys.version_info >= (3, 11, 5) else rb"(?>(?:%b)*)" % unit


def _end(pattern: re.Pattern[bytes], block: bytes, start: int, stop: int) -> int:
    matched = pattern.match(block, start, stop)
    return matched.end() if matched else start
