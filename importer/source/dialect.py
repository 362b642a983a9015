"""How a CSV file is written: what the mapping declares, and what its header shows."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from importer.errors import SourceUnreadable, UsageInvalid
from importer.source.chunk import Anchor
from importer.source.encoding import BOM, UTF8, TextStream, canonical, with_byte_order
from importer.source.grammar import many
from importer.source.magic import HEAD_BYTES
from importer.source.opening import reading_text

if TYPE_CHECKING:
    from importer.source.file import SourceFile
    from importer.source.options import SourceOptions

SEPARATORS = ",;\t|"
MAX_HEAD_BYTES = 1024 * 1024
_BLANK = re.compile(rb"(?:\r?\n)*")
_NUMBER = re.compile(r"\s*[-+]?[\d.,]+\s*")
_TITLES = {"\t": "tab", "": "none"}


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written, decided once and frozen in the checkpoint.

    ``separator`` is one ASCII character, ``quote`` one or none (empty). ``encoding`` is the codec's own name, with its
    byte order. ``null_values`` stand beside the empty cell. ``skip_rows`` are physical lines before the header.
    """

    separator: str
    quote: str = '"'
    encoding: str = UTF8
    null_values: tuple[str, ...] = ()
    skip_rows: int = 0

    def describe(self) -> str:
        """A line for people."""
        parts = [f"separator {_titled(self.separator)}", f"quote {_titled(self.quote)}", f"encoding {self.encoding}"]
        if self.null_values:
            parts.append("null values " + ", ".join(f"`{value}`" for value in self.null_values))
        if self.skip_rows:
            parts.append(f"{self.skip_rows} lines skipped before the header")
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary for the checkpoint."""
        return asdict(self) | {"null_values": list(self.null_values)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Dialect:
        """The dialect that :meth:`to_json` wrote."""
        return cls(**(data | {"null_values": tuple(data["null_values"])}))


@dataclass(frozen=True)
class Header:
    """The columns of a CSV file and where its first record starts."""

    columns: tuple[str, ...]
    start: Anchor


@dataclass(frozen=True)
class _Head:
    record: str
    start: Anchor


def sniff(file: SourceFile, options: SourceOptions) -> Dialect:
    """The dialect of ``file``: as declared, and what is not declared as its header shows it.

    Raises:
        UsageInvalid: A declared separator, quote or encoding is impossible.
        SourceUnreadable: The header cannot be read so, or the file begins with the mark of another encoding.
    """
    quote = '"' if options.quote is None else options.quote
    _check_signs(options.separator, quote)
    with reading_text(file) as handle:
        first = handle.read(HEAD_BYTES)
    encoding = with_byte_order(canonical(options.encoding or UTF8), first)
    if first.startswith(BOM) and encoding != UTF8:
        raise SourceUnreadable(
            f"{file.name}: begins with the mark of UTF-8, and the mapping declares `encoding: {options.encoding}`.",
            "Declare `encoding: utf-8` under `source` in the mapping, or nothing.",
        )
    head = _read_head(file, encoding, quote, options.skip_rows)
    separator = options.separator or _recognised(head.record, quote)
    dialect = Dialect(separator, quote, encoding, tuple(options.null_values), options.skip_rows)
    _columns(file, head, dialect)
    return dialect


def read_header(file: SourceFile, dialect: Dialect) -> Header:
    """The header of ``file``.

    Raises:
        SourceUnreadable: There is none, or it cannot be used: not decodable, names missing or used twice.
    """
    head = _read_head(file, dialect.encoding, dialect.quote, dialect.skip_rows)
    return Header(_columns(file, head, dialect), head.start)


def _check_signs(separator: str | None, quote: str) -> None:
    if separator is not None and not _is_sign(separator):
        hint = ' A tab is written "\\t", in double quotes.' if separator == "\\t" else ""
        raise UsageInvalid(f"`separator: {separator}` is not one ASCII character.{hint}", 'For example: separator: ";"')
    if quote and not _is_sign(quote):
        raise UsageInvalid(f"`quote: {quote}` is not one ASCII character.", 'Leave it out, or say quote: "" for none.')
    if quote and quote == separator:
        raise UsageInvalid(f"`separator` and `quote` are both `{quote}`.", "They must differ.")


def _is_sign(text: str) -> bool:
    return len(text) == 1 and text.isascii() and text not in "\r\n\0"


def _titled(sign: str) -> str:
    return _TITLES.get(sign, f"`{sign}`")


def _read_head(file: SourceFile, encoding: str, quote: str, skip_rows: int) -> _Head:
    with reading_text(file) as handle:
        stream = TextStream(handle, encoding)
        data = b""
        while len(data) < MAX_HEAD_BYTES and (more := stream.read(MAX_HEAD_BYTES)):
            data += more
        start = _header_start(file, data, skip_rows)
        stop = _header_stop(file, data, start, quote)
        try:
            record = data[start:stop].decode(UTF8)
        except UnicodeDecodeError as error:
            at = start + error.start
            bad = stream.shown(data[at:stop])[: len("\\x81")]
            raise SourceUnreadable(
                f"{file.name}: its header is not valid {encoding}: {bad} at byte {stream.raw_length(data[:at])}.",
                "Declare it under `source` in the mapping; the most common is `encoding: latin-1` (or cp1252).",
            ) from error
        return _Head(record, Anchor(1, stream.raw_length(data[:stop]), data.count(b"\n", 0, stop) + 1))


def _header_start(file: SourceFile, data: bytes, skip_rows: int) -> int:
    if b"\n" not in data and b"\r" in data.rstrip(b"\r"):
        raise SourceUnreadable(
            f"{file.name}: its lines end in a lone carriage return (old Macintosh).",
            "Convert it first: tr '\\r' '\\n' < old.csv > new.csv",
        )
    start = len(BOM) if data.startswith(BOM) else 0
    for skipped in range(skip_rows):
        start = data.find(b"\n", start) + 1
        if not start:
            raise SourceUnreadable(
                f"{file.name}: `skip_rows: {skip_rows}` leaves no header: the file has {skipped + 1} lines.",
                "Correct `skip_rows` under `source` in the mapping.",
            )
    blank = _BLANK.match(data, start)
    start = blank.end() if blank else start
    if start == len(data):
        raise SourceUnreadable(f"{file.name}: has no header: it is empty.", "Was the export complete?")
    return start


def _header_stop(file: SourceFile, data: bytes, start: int, quote: str) -> int:
    """Behind the line end of the header, which may have line ends within quotes."""
    sign = re.escape(quote.encode())
    pattern = many(rb"[^%b\n]++|%b[^%b]*+%b" % (sign, sign, sign, sign)) if quote else rb"[^\n]*+"
    matched = re.compile(pattern).match(data, start)
    stop = matched.end() if matched else start
    if data[stop : stop + 1] == b"\n":
        return stop + 1
    if stop < len(data):
        raise SourceUnreadable(
            f"{file.name}: a quoted column name in its header is not closed.", "Correct the header, or declare `quote`."
        )
    if stop >= MAX_HEAD_BYTES:
        raise SourceUnreadable(f"{file.name}: its header is longer than 1 MB.", "Is this a CSV file?")
    return stop


def _recognised(record: str, quote: str) -> str:
    """The separator that the header uses most."""
    counts = _counts(record, quote)
    return max(SEPARATORS, key=lambda sign: (counts[sign], -SEPARATORS.index(sign)))


def _counts(record: str, quote: str) -> Counter[str]:
    """How often each possible separator stands outside quotes."""
    sign = re.escape(quote)
    outside = re.sub(f"{sign}[^{sign}]*{sign}", "", record) if quote else record
    return Counter(character for character in outside if character in SEPARATORS)


def _columns(file: SourceFile, head: _Head, dialect: Dialect) -> tuple[str, ...]:
    names = _parsed(file, head.record, dialect)
    _check_separator(file, head.record, names, dialect)
    for number, name in enumerate(names, 1):
        if not name.strip():
            raise SourceUnreadable(f"{file.name}: column {number} of its header has no name.", "Name every column.")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise SourceUnreadable(
            f"{file.name}: its header names `{twice[0]}` more than once.", "Rename one of them: names must differ."
        )
    if all(_NUMBER.fullmatch(name) for name in names):
        raise SourceUnreadable(
            f"{file.name}: its first line is data, not a header: {head.record.strip()[:100]}",
            "Add a line of column names.",
        )
    return tuple(names)


def _parsed(file: SourceFile, record: str, dialect: Dialect) -> list[str]:
    try:
        return next(
            csv.reader(
                [record],
                delimiter=dialect.separator,
                quotechar=dialect.quote or None,
                quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
                strict=True,
            )
        )
    except csv.Error as error:
        raise SourceUnreadable(f"{file.name}: its header is broken: {error}.", "Correct its quotes.") from error


def _check_separator(file: SourceFile, record: str, names: list[str], dialect: Dialect) -> None:
    if len(names) == 1 and (counts := _counts(record, dialect.quote)):
        likely = counts.most_common(1)[0][0]
        raise SourceUnreadable(
            f"{file.name}: its header has no {_titled(dialect.separator)}, but {counts[likely]} x {_titled(likely)}.",
            f'Declare `separator: "{likely if likely != chr(9) else chr(92) + "t"}"` under `source` in the mapping.',
        )
