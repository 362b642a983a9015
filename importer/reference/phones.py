"""How the telephone numbers of each country are written, at home and abroad.

The standard is ITU-T E.164: a plus, the calling code of the country, the national number, at most 15 digits. The facts
stand in :mod:`importer.reference.numbering`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from importer.reference.numbering import OPEN_CODES, REWRITES, TABLE, WORLDWIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["OPEN_CODES", "REWRITES", "Numbering", "international", "national", "numberings", "trunks"]


@dataclass(frozen=True, slots=True)
class Numbering:
    """The plan of a country. ``trunk`` and ``abroad`` are regular expressions, empty where there is no such prefix.

    ``code`` is its calling code, which several countries may share, and ``shapes`` are its national numbers.
    """

    code: str
    trunk: str
    abroad: str
    shapes: tuple[str, ...]


@cache
def numberings() -> Mapping[str, Numbering]:
    """The plans of all countries, by ISO 3166 alpha-2 code (XK is Kosovo, AC and TA are islands of SH)."""
    found: dict[str, Numbering] = {}
    for line in TABLE.split("\n")[1:-1]:
        countries, code, trunk, abroad, *shapes = line.split()
        plan = Numbering(code, trunk.strip("-"), abroad, tuple(shapes))
        found |= dict.fromkeys(countries.split(","), plan)
    return MappingProxyType(dict(sorted(found.items())))


@cache
def national(code: str) -> str:
    """A regular expression for the national numbers of all countries with calling code ``code``, without anchors."""
    return _pattern(_shapes()[code])


@cache
def trunks() -> Mapping[str, str]:
    """The trunk prefix of each calling code that has one, a regular expression."""
    return MappingProxyType({plan.code: plan.trunk for plan in numberings().values() if plan.trunk})


@cache
def international() -> str:
    """A regular expression for the numbers of all countries behind the plus, calling code first, without anchors."""
    return "|".join(f"{code}(?:{_pattern(shapes)})" for code, shapes in sorted(_shapes().items()))


@cache
def _shapes() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for plan in numberings().values():
        found.setdefault(plan.code, {}).update(dict.fromkeys(plan.shapes))
    for line in WORLDWIDE.split("\n")[1:-1]:
        code, *shapes = line.split()
        found[code] = dict.fromkeys(shapes)
    return MappingProxyType({code: tuple(shapes) for code, shapes in found.items()})


def _pattern(shapes: Iterable[str]) -> str:
    return "|".join(map(_numbers, shapes))


def _numbers(shape: str) -> str:
    """A shape such as ``2[0-5]:8,10-11`` as a regular expression."""
    lead, _, sizes = shape.partition(":")
    known = len(_lead(shape))
    ranges = [[int(size) - known for size in span.split("-")] for span in sizes.split(",")]
    tails = [f"[0-9]{{{span[0]},{span[-1]}}}" if len(span) > 1 else f"[0-9]{{{span[0]}}}" for span in ranges]
    return f"{lead}{tails[0]}" if len(tails) == 1 else f"{lead}(?:{'|'.join(tails)})"


def _lead(shape: str) -> list[str]:
    """The first digits of a shape, each a digit or a class of them."""
    return re.findall(r"\[[^]]*]|[0-9]", shape.partition(":")[0])
