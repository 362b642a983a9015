"""Numbering plans as ``phonenumbers`` knows them, in the form of ``importer/reference/phones.py``.

``python tests/phone_facts.py`` prints the table of that module; a test holds the two together. Its patterns are regular
expressions over single numbers, ours are shapes: what a number begins with, and how many digits it then has.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from re import _constants as regex  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata

Lengths = frozenset[int]
Node = tuple[Any, Any]
Sequence = tuple[Node, ...]

DIGITS = "0123456789"
MOST_DIGITS = 15  # of E.164, with the calling code
NORTH_AMERICA = 1
# What a customer may have, without the short numbers that only work at home.
KINDS = ("fixed_line", "mobile", "voip", "personal_number", "toll_free", "shared_cost", "uan")
UNLIKELY = {("PK", "uan")}  # would make most mobiles behind a bare 92 ambiguous
# Longer ones have an extension behind them, or are given up; they would hide a calling code without a plus.
LONGEST = {("DE", "49"): 11, ("XK", "38"): 8}
DEEPER = {"BY": "8"}  # its trunk prefix, with which numbers of its own begin, too
# Trunk prefixes that are no literals there, or that the country has given up but old orders still carry.
TRUNKS = {"BR": "0|90", "BY": "80?|0", "LT": "[08]", "MX": "1|01|04[45]"}
# Prefixes to dial abroad, without those of single carriers where these make a pattern of their own.
ABROAD = {
    "AU": "0011", "AX": "99[01469]|00", "CC": "0011", "CL": "1[0-9]{2}0|00", "CN": "00", "CO": "00[579]?",
    "CX": "0011", "FI": "99[01469]|00", "HK": "00[12679]?", "IL": "01[2-9]|00", "IS": "00", "KR": "00[125689]|00700",
    "MU": "020|00", "PE": "00", "PG": "00", "SI": "00", "TD": "00", "TW": "00[25-79]|019",
}  # fmt: skip


def frozen(parsed: Iterable[Any]) -> Sequence:
    """A parsed pattern as values that can be compared."""
    return tuple((op, _frozen(op, argument)) for op, argument in parsed)


def _frozen(op: Any, argument: Any) -> Any:  # noqa: ANN401 -- what the parser of re gives
    if op is regex.SUBPATTERN:
        return frozen(argument[-1])
    if op is regex.BRANCH:
        return tuple(frozen(branch) for branch in argument[1])
    if op is regex.MAX_REPEAT:
        return argument[0], argument[1], frozen(argument[2])
    return tuple(argument) if op is regex.IN else argument


@cache
def lengths(sequence: Sequence) -> Lengths:
    """How long the texts are that a pattern matches."""
    found = {0}
    for node in sequence:
        found = {one + other for one in found for other in lengths_of(node)}
    return frozenset(found)


@cache
def lengths_of(node: Node) -> Lengths:
    """The same of one part of it."""
    op, argument = node
    if op is regex.SUBPATTERN:
        return lengths(argument)
    if op is regex.BRANCH:
        return frozenset().union(*map(lengths, argument))
    if op is regex.MAX_REPEAT:
        least, most, inner = argument
        return frozenset(n for times in range(least, most + 1) for n in lengths(inner * times))
    return frozenset({1})


def behind(sequence: Sequence, digit: str) -> set[Sequence]:
    """What may follow ``digit`` in a text that a pattern matches."""
    if not sequence:
        return set()
    first, rest = sequence[0], sequence[1:]
    found = {tail + rest for tail in _behind(first, digit)}
    return found | behind(rest, digit) if 0 in lengths_of(first) else found


def _behind(node: Node, digit: str) -> set[Sequence]:
    op, argument = node
    if op is regex.SUBPATTERN:
        return behind(argument, digit)
    if op is regex.BRANCH:
        return set().union(*(behind(branch, digit) for branch in argument))
    if op is regex.MAX_REPEAT:
        least, most, inner = argument
        again = ((op, (max(least - 1, 0), most - 1, inner)),)
        return {tail + again for tail in behind(inner, digit)} if most else set()
    return {()} if digit in _digits(op, argument) else set()


def _digits(op: Any, argument: Any) -> set[str]:  # noqa: ANN401 -- what the parser of re gives
    if op is regex.LITERAL:
        return {chr(argument)}
    kinds = {regex.LITERAL: lambda a: {chr(a)}, regex.RANGE: lambda a: {chr(c) for c in range(a[0], a[1] + 1)}}
    return set().union(*(kinds.get(kind, lambda _: set(DIGITS))(value) for kind, value in argument))


def plan(country: str) -> dict[str, Lengths]:
    """The lengths of national numbers by what they begin with."""
    data = PhoneMetadata.metadata_for_region(country)
    trunk = TRUNKS.get(country, data.national_prefix or "")
    found: dict[str, set[int]] = {}
    for kind in KINDS:
        numbers = getattr(data, kind)
        if (country, kind) in UNLIKELY or not (numbers and numbers.national_number_pattern):
            continue
        known = set(numbers.possible_length) - {-1} or set(data.general_desc.possible_length)
        sequence = frozen(parser.parse(numbers.national_number_pattern))
        for lead in _leads(country, str(data.country_code)):
            tails = {sequence}
            for digit in lead:
                tails = set().union(*(behind(tail, digit) for tail in tails))
            these = {len(lead) + n for tail in tails for n in lengths(tail)} & known
            these &= (
                {10}
                if data.country_code == NORTH_AMERICA
                else set(range(_most(country, str(data.country_code), lead) + 1))
            )
            found.setdefault(lead, set()).update(these)
    at_home = "0" if trunk.startswith("0") else "-"  # such a number cannot be called from abroad
    return {lead: frozenset(these) for lead, these in found.items() if these and not lead.startswith(at_home)}


def _most(country: str, code: str, lead: str) -> int:
    return LONGEST.get((country, lead[:2]), MOST_DIGITS - len(code))


def _leads(country: str, code: str) -> Iterator[str]:
    """One digit; two where the first is that of the calling code; three where it may be that, or a trunk prefix."""
    trunk = DEEPER.get(country)
    for digit in DIGITS:
        for second in DIGITS if digit in {code[0], trunk} else [""]:
            lead = digit + second
            is_code = len(code) > 1 and lead == code[:2]
            yield from [lead + third for third in DIGITS] if is_code or digit == trunk else [lead]


def shapes(country: str) -> str:
    """A plan as text: ``[1-35-9]:8 4:8-9``."""
    by_lengths: dict[tuple[str, str], list[str]] = {}
    leads = plan(country)
    for stem in sorted({lead[:size] for lead in leads for size in (2, 1) if len(lead) > size}, key=len, reverse=True):
        below = {leads.get(stem + digit) for digit in DIGITS}
        if len(below) == 1 and None not in below:  # the next digit tells nothing
            leads = {lead: these for lead, these in leads.items() if lead[:-1] != stem} | {stem: leads[stem + "0"]}
    for lead, these in sorted(leads.items()):
        by_lengths.setdefault((lead[:-1], spans(these, ",")), []).append(lead[-1])
    return " ".join(f"{stem}{one_of(lasts)}:{size}" for (stem, size), lasts in by_lengths.items())


def one_of(digits: list[str]) -> str:
    """A digit, or a class of them."""
    return digits[0] if len(digits) == 1 else f"[{spans(map(int, digits), '')}]"


def spans(numbers: Iterable[int], between: str) -> str:
    """Numbers with neighbours put together: ``6-8,10``."""
    ordered = sorted(numbers)
    starts = [n for n in ordered if n - 1 not in ordered]
    stops = [n for n in ordered if n + 1 not in ordered]
    return between.join(
        f"{start}" if start == stop else f"{start}-{stop}" for start, stop in zip(starts, stops, strict=True)
    )


def line(country: str) -> str:
    """All facts of a country."""
    data = PhoneMetadata.metadata_for_region(country)
    trunk = TRUNKS.get(country, data.national_prefix) or "-"
    abroad = ABROAD.get(country) or re.sub(r"\\d", "[0-9]", data.international_prefix)
    return f"{country} {data.country_code} {trunk} {abroad} {shapes(country)}"


def table() -> list[str]:
    """A line for each country with telephones."""
    return [line(country) for country in sorted(phonenumbers.SUPPORTED_REGIONS)]


if __name__ == "__main__":
    print("\n".join(table()))  # noqa: T201 -- a script
