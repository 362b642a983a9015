"""Text of others made safe for a terminal."""

from __future__ import annotations

import re

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def printable(text: str) -> str:
    """``text`` with all that could steer a terminal written out as an escape; newlines and tabs stay."""
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def printable_json(text: str) -> str:
    """``text``, which is JSON, with all that could steer a terminal written as JSON writes it: it reads the same."""
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def one_line(text: str) -> str:
    """``text`` on one line, safe for a terminal."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")
