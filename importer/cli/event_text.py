"""The JSON of an event for people: indented, each number with the digits that are sent, safe for a terminal.

A parser with a writer behind it would make 1249.0 of 1249.00.
"""

from __future__ import annotations

import json
from typing import Any

from importer.report.printable import printable

_INDENT = "  "


class Number(str):
    """A number as it is written."""

    __slots__ = ()


def parse(event: bytes | str) -> Any:  # noqa: ANN401 -- any JSON
    """The value of a JSON text, its numbers as :class:`Number`."""
    return json.loads(event, parse_float=Number, parse_int=Number)


def indented(value: Any, margin: str = "") -> str:  # noqa: ANN401 -- any JSON
    """A value of :func:`parse` on several lines; all but the first begin with ``margin``."""
    inner = margin + _INDENT
    if isinstance(value, dict) and value:
        members = [f"{inner}{compact(name)}: {indented(item, inner)}" for name, item in value.items()]
        return "{\n" + ",\n".join(members) + f"\n{margin}}}"
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return "[\n" + ",\n".join(inner + indented(item, inner) for item in value) + f"\n{margin}]"
    return compact(value)


def compact(value: Any) -> str:  # noqa: ANN401 -- any JSON
    """A value on one line."""
    if isinstance(value, str) and type(value) is not str:  # a Number, or the Token of a trace
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{compact(name)}: {compact(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(compact, value)) + "]"
    return printable(json.dumps(value, ensure_ascii=False, default=str))
