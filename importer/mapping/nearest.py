"""Names in messages: the nearest valid one, and texts of the user that are safe to print."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN_CHARACTERS = 60

# What people call these things elsewhere, where the spelling alone would not lead to our name.
_OTHER_WORDS = {
    "bool": "boolean",
    "cast": "type",
    "charset": "encoding",
    "col": "column",
    "const": "value",
    "constant": "value",
    "datetime": "timestamp",
    "decimal": "number",
    "delimiter": "separator",
    "double": "number",
    "expr": "sql",
    "expression": "sql",
    "filter": "where",
    "float": "number",
    "if": "when",
    "int": "integer",
    "lowercase": "lower",
    "md5sum": "md5",
    "milliseconds": "ms",
    "seconds": "s",
    "sep": "separator",
    "sha-256": "sha256",
    "str": "string",
    "strip": "trim",
    "text": "string",
    "tz": "timezone",
    "uppercase": "upper",
    "where": "when",
}


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The name among ``valid`` that was most likely meant by ``name``, ``None`` when nothing resembles it."""
    return _nearest(name[:SHOWN_CHARACTERS].lower(), tuple(valid))


@lru_cache(maxsize=1024)
def _nearest(lower: str, valid: tuple[str, ...]) -> str | None:
    by_lower = {candidate.lower(): candidate for candidate in valid}
    if lower in by_lower:
        return by_lower[lower]
    if (other := _OTHER_WORDS.get(lower)) in by_lower:
        return other
    close = get_close_matches(lower, by_lower, n=1)
    return by_lower[close[0]] if close else None


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """The end of a message: ``; did you mean `x`?``, or nothing when no valid name resembles ``name``."""
    found = nearest(name, valid)
    return f"; did you mean {shown(found)}?" if found else ""


def printable(text: str) -> str:
    """``text`` without a character that could move a terminal's cursor, and not longer than a line can bear."""
    cut = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in cut)


def shown(text: str) -> str:
    """``text`` between backticks, as names and values of the user stand in messages."""
    return f"`{printable(text)}`"
