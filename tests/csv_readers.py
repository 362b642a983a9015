"""Readers of CSV that are not ours: letter by letter, Python's csv module, and DuckDB."""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING, NamedTuple

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from csv_files import Writing

_BAD = 0x10FF00  # a byte that is not valid in the encoding: this character, plus the byte


class Record(NamedTuple):
    """A record as a reader sees it: its physical line, its text, and its cells. ``None``: no record, or a blank one."""

    line: int
    text: str
    cells: tuple[str | None, ...] | None
    blank: bool = False


def text_of(data: bytes, encoding: str) -> str:
    """The characters of a file; a byte that is not valid is one of the last characters that Unicode has."""
    text = data.decode(encoding, "importer.tests.mark")
    return text.removeprefix("\ufeff")


def shown(text: str) -> str:
    r"""``text`` for people, bytes that were not valid as ``\x..``."""
    return "".join(f"\\x{ord(sign) - _BAD:02x}" if ord(sign) >= _BAD else sign for sign in text)


def _mark(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "".join(chr(_BAD + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("importer.tests.mark", _mark)


def by_letters(writing: Writing, text: str, start: int, line: int) -> Iterator[Record]:
    """The records of ``text`` by the rules of the importer, letter by letter.

    They are those of RFC 4180 and four more. What is no record of it is a reject of one physical line, and reading goes
    on at the next line. A record with another number of fields is one reject, all its lines, up to a line that is a
    good record of its own. A carriage return outside of quotes belongs to a line end or is an error. A line of nothing
    is blank.
    """
    text += "" if text.endswith("\n") else "\n"
    while start < len(text):
        stop = text.index("\n", start) + 1
        cells, after = _record(writing, text, start)
        is_blank = text[start:stop] in {"\n", "\r\n"}
        if cells is not None and not is_blank:
            stop = after if len(cells) == writing.width else _next_good_line(writing, text, stop, after)
        found = text[start:stop]
        is_good = cells is not None and len(cells) == writing.width and not is_blank
        is_good = is_good and not any(ord(sign) >= _BAD for sign in found)
        yield Record(line, found, tuple(cell or None for cell in cells or ()) if is_good else None, is_blank)
        start, line = stop, line + found.count("\n")


def _record(writing: Writing, text: str, at: int) -> tuple[list[str] | None, int]:
    """The fields of the record at ``at`` and where it ends; no fields where it breaks the rules."""
    cells: list[str] = []
    while True:
        if writing.quote and text.startswith(writing.quote, at):
            cell, at = _quoted(writing.quote, text, at + 1)
        else:
            begin = at
            while text[at] not in (writing.separator, writing.quote, "\r", "\n"):
                at += 1
            cell = text[begin:at]
        cells.append(cell)
        for end in ("\n", "\r\n"):
            if text.startswith(end, at):
                return cells, at + len(end)
        if not text.startswith(writing.separator, at):
            return None, at
        at += 1


def _quoted(quote: str, text: str, at: int) -> tuple[str, int]:
    """The cell behind an opening quote, and where it ends: behind the closing quote, or nowhere."""
    cell = ""
    while at < len(text):
        if text[at] != quote:
            cell += text[at]
        elif text.startswith(quote, at + 1):
            cell += quote
            at += 1
        else:
            return cell, at + 1
        at += 1
    return cell, len(text)


def _next_good_line(writing: Writing, text: str, line: int, stop: int) -> int:
    """Where the first line in ``text`` from ``line`` begins that is a good record alone; ``stop`` if none does."""
    while line < stop:
        after = text.index("\n", line) + 1
        cells, _ = _record(writing, text[line:after], 0)
        if cells is not None and len(cells) == writing.width and text[line:after] not in {"\n", "\r\n"}:
            return line
        line = after
    return stop


def by_csv_module(writing: Writing, text: str) -> list[tuple[str | None, ...] | None]:
    """The records behind the header that Python's csv module reads, ``None`` for what it refuses, blank ones left out.

    It goes on at the next line, as we do. What it takes and RFC 4180 does not: a quote within a field, and a carriage
    return as a line end.
    """
    quoting = csv.QUOTE_MINIMAL if writing.quote else csv.QUOTE_NONE
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=writing.separator,
        quotechar=writing.quote or None,
        quoting=quoting,
        strict=True,
    )
    found: list[tuple[str | None, ...] | None] = []
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return found[1:]
        except csv.Error:
            found.append(None)
        else:
            if record:
                found.append(tuple(cell or None for cell in record))


def by_duckdb(writing: Writing, path: Path, lines_above: int) -> tuple[list[tuple[str | None, ...]], dict[int, str]]:
    """The rows that DuckDB reads, and the text of each one that it rejects, by row. UTF-8 and one line end only."""
    columns = {f"n{number}": "VARCHAR" for number in range(writing.width)}
    how = {
        "delim": writing.separator,
        "quote": writing.quote,
        "escape": writing.quote,
        "new_line": writing.line_end.encode("unicode_escape").decode(),
        "nullstr": "",
    }
    options = ", ".join(f"{name} = {_literal(value)}" for name, value in how.items())
    options += f", columns = {columns}, skip = {lines_above}, header = false, auto_detect = false, store_rejects = true"
    with duckdb.connect() as database:
        rows = database.execute(f"SELECT * FROM read_csv('{path}', {options})").fetchall()  # noqa: S608
        rejects = database.execute("SELECT line, csv_line FROM reject_errors ORDER BY line").fetchall()
    texts = {line - lines_above: text for line, text in rejects}  # what it calls a line is a record
    return [tuple(cell or None for cell in row) for row in rows], texts


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
