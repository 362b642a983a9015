"""Personal data: check digits against plain Python, numbers in any grouping, a proof of absence that holds."""

from __future__ import annotations

import string

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.rules.personal import KINDS, find_personal, mask
from importer.rules.personal_numbers import cards, ibans, is_gtin, is_luhn, is_mod_97
from importer.rules.personal_patterns import emails, phones, plain_spaces

some = settings(max_examples=12, deadline=None)
digits = st.text(string.digits, min_size=14, max_size=16)


def luhn_sum(number: str) -> int:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(digit - 9 if digit > 9 else digit for digit in doubled)


def mod_97(iban: str) -> int:
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97


@given(st.lists(digits, max_size=20))
@some
def test_luhn_is_luhn(numbers: list[str]) -> None:
    numbers += [number[:-1] + str(last) for number in numbers for last in range(10)]
    assert is_luhn(pl.Series(numbers, dtype=pl.String)).to_list() == [luhn_sum(number) % 10 == 0 for number in numbers]


@given(st.lists(st.text(string.digits, min_size=13, max_size=14), max_size=20))
@some
def test_gtin_is_gtin(numbers: list[str]) -> None:
    numbers += [number[:-1] + str(last) for number in numbers for last in range(10)]
    expected = [sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(reversed(n))) % 10 == 0 for n in numbers]
    assert is_gtin(pl.Series(numbers, dtype=pl.String)).to_list() == expected


@given(st.lists(st.text(string.digits + string.ascii_uppercase, min_size=15, max_size=34), max_size=20))
@some
def test_mod_97_is_mod_97(numbers: list[str]) -> None:
    numbers.append("Z" * 34)
    numbers += [number[:2] + f"{98 - mod_97(number[:2] + '00' + number[4:]):02}" + number[4:] for number in numbers]
    assert is_mod_97(pl.Series(numbers, dtype=pl.String)).to_list() == [mod_97(number) == 1 for number in numbers]


ISSUERS = [
    ("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("2229", 16), ("2300", 16), ("2699", 16), ("2719", 16),
    ("2720", 16), ("34", 15), ("37", 15), ("6011", 16), ("65", 16), ("644", 16), ("649", 16), ("36", 14), ("38", 14),
    ("3528", 16), ("3589", 16),
]  # fmt: skip
FOREIGN = [("1", 16), ("50", 16), ("56", 16), ("2220", 16), ("2721", 16), ("33", 15), ("643", 16), ("3527", 16),
           ("4", 15), ("36", 16), ("37", 16), ("3590", 16), ("0", 16), ("5", 15), ("6", 14)]  # fmt: skip
GROUPS = {16: (4, 4, 4, 4), 15: (4, 6, 5), 14: (4, 6, 4)}


@st.composite
def numbers_of(draw: st.DrawFn, issuers: list[tuple[str, int]]) -> str:
    prefix, length = draw(st.sampled_from(issuers))
    rest = length - len(prefix) - 1
    body = prefix + draw(st.text(string.digits, min_size=rest, max_size=rest))
    return body + str(-luhn_sum(body + "0") % 10)


def in_groups(text: str, sizes: tuple[int, ...], separator: str) -> str:
    ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    return separator.join(text[end - size : end] for end, size in zip(ends, sizes, strict=True))


around = st.sampled_from(["", "paid with ", "card: ", "(", "?card=", "x" * 600 + " "])
behind = st.sampled_from(["", ".", ", thanks", ")", "&x=1", " 12/25"])


@given(st.lists(st.tuples(numbers_of(ISSUERS), st.sampled_from(["", " ", "-", "\u00a0"]), around, behind), max_size=20))
@some
def test_cards_are_found_in_any_grouping_and_not_with_another_digit(drawn: list[tuple[str, str, str, str]]) -> None:
    grouped = [in_groups(card, GROUPS[len(card)], separator) for card, separator, _, _ in drawn]
    found = [before + text + after for text, (_, _, before, after) in zip(grouped, drawn, strict=True)]
    changed = [text[:-1] + str((int(text[-1]) + 1) % 10) for text in grouped]
    others = [before + text + after for text, (_, _, before, after) in zip(changed, drawn, strict=True)]
    masks = find_personal(pl.Series([*found, *others, None], dtype=pl.String))
    assert masks.get("card", pl.Series([], dtype=pl.Boolean)).arg_true().to_list() == list(range(len(found)))


@given(st.lists(numbers_of(FOREIGN), max_size=20))
@some
def test_numbers_of_no_issuer_are_no_cards(numbers: list[str]) -> None:
    assert "card" not in find_personal(pl.Series(numbers, dtype=pl.String))


BANKS = {
    "DE": 18,
    "FR": 23,
    "NO": 11,
    "BE": 12,
    "NL": 14,
    "GB": 18,
    "ES": 20,
    "CH": 17,
    "PL": 24,
    "MT": 27,
    "RU": 29,
    "AT": 16,
}


@st.composite
def accounts(draw: st.DrawFn) -> str:
    country = draw(st.sampled_from(sorted(BANKS)))
    bank = draw(st.text(string.digits, min_size=BANKS[country], max_size=BANKS[country]))
    letters = draw(st.text(string.ascii_uppercase, max_size=4)) if country in {"GB", "FR", "MT", "NL"} else ""
    bank = letters + bank[len(letters) :]
    return f"{country}{98 - mod_97(country + '00' + bank):02}{bank}"


@given(st.lists(st.tuples(accounts(), st.booleans(), st.sampled_from(["", " ", "\u202f"]), around), max_size=20))
@some
def test_ibans_are_found_in_any_grouping_and_not_with_another_digit(drawn: list[tuple[str, bool, str, str]]) -> None:
    found, others = [], []
    for place, (iban, is_lower, separator, before) in enumerate(drawn):
        cased = iban.lower() if is_lower else iban
        groups = [cased[start : start + 4] for start in range(0, len(cased), 4)]
        after = " thank you" if place % 2 else ""
        found.append(before + separator.join(groups) + after)
        groups[-1] = groups[-1][:-1] + str((int(groups[-1][-1]) + 1) % 10)
        others.append(before + separator.join(groups) + after)
    masks = find_personal(pl.Series([*found, *others, None], dtype=pl.String))
    assert masks.get("iban", pl.Series([], dtype=pl.Boolean)).arg_true().to_list() == list(range(len(found)))


# Texts that nearly are personal data: what the proof of absence has to tell from each other.
pieces = st.sampled_from([
    *" +-./()@%:,=?&#_[]{}|~^`\"'!;<>*\\\n\u00a0\u202f\u00e9", "00", "0", "06", "07",
    "+", "+33", "+1", "33", "49", "1", "4", "12", "34", "56", "78", "555", "123", "4567", "4111", "1111",
    "0123456789", "12345678", "612345678", "%40", "%2B", "%20", "a",
    "FR76", "DE89", "DE89370400440532013000", "4111111111111111", "3704 0044 0532 0130 00", "4111 1111 1111 111",
    "x.fr", "jean", "png", "06 12 34 56 78", "555-123-", "0612345678",
])  # fmt: skip
texts = st.lists(pieces, min_size=1, max_size=9).map("".join)
columns = st.lists(st.none() | texts, max_size=40)
layouts = st.sampled_from(["", "", "a much longer text than the others, which lie in the memory in another way"])


def without_proof(column: pl.Series) -> dict[str, list[int]]:
    """What is found by the patterns alone."""
    plain = plain_spaces(column)
    rows = {
        "email": emails(plain).fill_null(value=False).arg_true().to_list(),
        "phone": phones(plain).fill_null(value=False).arg_true().to_list(),
        "card": cards(plain)["row"].unique().sort().to_list(),
        "iban": ibans(plain)["row"].unique().sort().to_list(),
    }
    return {kind: found for kind, found in rows.items() if found}


@pytest.mark.parametrize("padding", [0, 13])
@given(columns, layouts)
@settings(max_examples=30, deadline=None)
def test_the_proof_of_absence_holds(padding: int, column: list[str | None], other: str) -> None:
    padded = [None if text is None else text + " " * padding for text in column]
    series = pl.Series([*padded, other], dtype=pl.String)
    found = {kind: mask.arg_true().to_list() for kind, mask in find_personal(series).items()}
    assert found == without_proof(series)


@given(columns, columns)
@some
def test_a_column_has_what_its_parts_have(first: list[str | None], second: list[str | None]) -> None:
    one, other = pl.Series(first, dtype=pl.String), pl.Series(second, dtype=pl.String)
    whole = find_personal(pl.concat([one, other]))
    nothing = [pl.repeat(value=False, n=len(part), dtype=pl.Boolean, eager=True) for part in (one, other)]
    parts = [find_personal(one), find_personal(other)]
    for kind in KINDS:
        expected = pl.concat([part.get(kind, none) for part, none in zip(parts, nothing, strict=True)])
        assert whole.get(kind, pl.concat(nothing)).to_list() == expected.to_list()
    assert list(whole) == [kind for kind in KINDS if any(kind in part for part in parts)]


@given(texts)
@some
def test_masks_show_no_more_than_they_may(text: str) -> None:
    for shown in mask(text).split(", "):
        name, _, domain = shown.partition("…")
        assert len(name) <= 4
        is_address = domain.startswith(("@", "%40"))
        assert is_address or len(domain) <= 4
        assert not is_address or len(name) <= 1
    assert text == "…" or text not in mask(text)
