"""Names that only the machine can check: time zones and encodings, and the single characters of a CSV dialect."""

from __future__ import annotations

import codecs
from encodings.aliases import aliases
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from importer.mapping.nearest import nearest, shown
from importer.mapping.shape import Finding

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from importer.mapping.models import SourceSpec
    from importer.mapping.yaml_loader import NodePath

_NAMED_SEPARATORS = {
    "tab": "\\t",
    "\\t": "\\t",
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
    "space": " ",
    "colon": ":",
}
_CSV_ONLY = ("separator", "quote", "encoding", "skip_rows")


def check_timezone(path: NodePath, name: str | None) -> Iterator[Finding]:
    """Whether ``name`` is an IANA time zone. Says nothing on a machine that has no list of them."""
    if name is None or _is_zone(name) or not (zones := _zones()):
        return
    by_city = {zone.rsplit("/", maxsplit=1)[-1]: zone for zone in zones}
    found = nearest(name, zones) or by_city.get(nearest(name, by_city) or "")
    hint = f"; did you mean {shown(found)}?" if found else ": write a name such as `Europe/Paris` or `UTC`"
    yield Finding(path, f"{shown(name)} is no time zone{hint}")


@cache
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found, a path that leads out, a folder of zones
        return False
    return True


def check_source(source: SourceSpec, unsure: Container[str] = ()) -> Iterator[Finding]:
    """What contradicts itself in the description of the files. ``unsure`` are keys whose values are not known."""
    yield from _check_byte("separator", source.separator)
    if source.quote:  # empty: nothing is quoted
        yield from _check_byte("quote", source.quote)
    if source.separator and source.separator == source.quote and "quote" not in unsure:
        yield Finding(("source", "quote"), "`quote` and `separator` are the same character")
    yield from _check_thousands(source, is_sure="decimal" not in unsure)
    if source.encoding and not _is_encoding(source.encoding):
        valid = {name.replace("_", "-") for name in (*aliases, *aliases.values())}
        found = nearest(source.encoding.replace("_", "-"), sorted(valid))
        hint = f"; did you mean {shown(found)}?" if found and _is_encoding(found) else ", such as `utf-8` or `latin-1`"
        yield Finding(("source", "encoding"), f"{shown(source.encoding)} is no encoding of text{hint}")
    if source.format == "parquet":
        for key in _CSV_ONLY:
            if key in source.model_fields_set:
                yield Finding(("source", key), f"`{key}` describes a CSV file, and `format` says parquet", of_key=True)


def _check_byte(key: str, text: str | None) -> Iterator[Finding]:
    if text is None:
        return
    if meant := _NAMED_SEPARATORS.get(text.lower()) if key == "separator" and len(text) > 1 else None:
        yield Finding(("source", key), f'{shown(text)} is not one character; did you mean "{meant}" in double quotes?')
    elif len(text) > 1 or not text.isascii() or text in "\r\n":
        yield Finding(("source", key), f"{shown(text)}: `{key}` must be one ASCII character, and no line break")


def _check_thousands(source: SourceSpec, *, is_sure: bool) -> Iterator[Finding]:
    sign = source.thousands
    if sign is None:
        return
    if len(sign) > 1 or sign.isalnum() or sign in "+-":
        yield Finding(("source", "thousands"), f"{shown(sign)}: `thousands` must be one character, and no digit")
    elif sign == source.decimal and is_sure:
        message = f"`thousands` and `decimal` are both {shown(sign)}: a number could mean two things"
        yield Finding(("source", "thousands"), message)


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
        "".encode(name)  # refuses codecs that do not turn text into bytes, such as rot13
    except (LookupError, ValueError):
        return False
    return True
