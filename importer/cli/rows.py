"""Rows of a source for people and for machines."""

from __future__ import annotations

import json
import logging
import sys
from math import isfinite
from typing import TYPE_CHECKING, Any

from importer.cli.console import say
from importer.cli.event_text import compact
from importer.report.printable import printable, printable_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from importer.source.rows import SourceRow

SHOWN_CHARACTERS = 100


def shown(value: Any) -> str:  # noqa: ANN401 -- whatever stands in a cell
    """A cell or a value on one line: a text in quotes, as JSON; cut where it is too long to be read."""
    if value is None:
        return "(empty)"
    text = compact(value) if isinstance(value, str | bool | list | dict) else printable(str(value))
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}… ({len(text):,} characters)"


def count(number: int, noun: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def heading(row: SourceRow) -> str:
    """Where a row stands."""
    return printable(f"{row.file}:{row.row}") + (f" (line {row.line})" if row.line else "")


def cell_lines(cells: Mapping[str, Any]) -> Iterator[str]:
    """One line a cell."""
    width = max((len(printable(name)) for name in cells), default=0)
    yield from (f"  {printable(name):<{width}}  {shown(cell)}" for name, cell in cells.items())


def as_json(row: SourceRow) -> dict[str, Any]:
    """A row for machines. What JSON has no form for is a text."""
    return {"file": row.file, "row": row.row, "line": row.line or None, "cells": row.cells}


def tell_gathered(rows_read: int, files: int, what: str, broken: int, twins: Sequence[tuple[str, str]]) -> None:
    """Say how much was read to gather ``what`` (the lines of groups), and what else there may be."""
    for copy, original in twins:
        say("twin", f"{copy} has the same bytes as {original}, so that its rows are duplicates and were not read")
    read = f"read {count(rows_read, 'row')} of {count(files - len(twins), 'file')}"
    say("read", f"{read} to gather {what}")
    if broken:
        message = f"{count(broken, 'record')} cannot be read, and may be further lines of them"
        hint = "A run stops there, unless --accept-incomplete-groups is given."
        say("broken", message, level=logging.WARNING, hint=hint)


def _plain(value: Any) -> Any:  # noqa: ANN401 -- whatever stands in a cell
    """``value`` in what JSON knows; all else as text, a float that is no number too."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    is_known = value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and isfinite(value))
    return value if is_known else str(value)


def json_line(fields: Mapping[str, Any], event: str | None) -> str:
    """One line of JSON with ``event`` at its end, ``null`` where there is none.

    It is there byte for byte as it is sent. At a terminal alone, characters that could steer it are escaped.
    """
    before = json.dumps(_plain(fields), allow_nan=False)[:-1]
    shown_event = printable_json(event or "null") if sys.stdout.isatty() else event or "null"
    return f'{before}, "event": {shown_event}}}'
