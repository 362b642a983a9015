"""Numbers with check digits: payment cards and IBANs, on whole columns.

A card has the first digits and the length of an issuer, and the check digit of ISO/IEC 7812 (Luhn). An IBAN has a
country, the length of that country (SWIFT's IBAN registry), and the check digits of ISO 7064 (mod 97-10).
"""

from __future__ import annotations

import string
from functools import cache

import polars as pl

# What stands beside a card and makes it the part of something longer is matched, too, and gives it away.
_CARD = (
    r"(?:(?-u:\b)[A-Za-z]{2}[0-9][0-9][ +]|(?-u:\b)[0-9]{4}[ +-]|[0-9A-Za-z_]-|[0-9][.,]|/)?"
    r"(?-u:\b)(?:[2-6][0-9]{3}(?:[ +-][0-9]{4}){3}|3[0-9]{3}[ +-][0-9]{6}[ +-][0-9]{4,5}|[2-6][0-9]{13,15})(?-u:\b)"
    r"(?:[.,][0-9]|-[0-9A-Za-z_]|[ +][0-9]{4}(?-u:\b))?"
)
_ISSUER = r"(?-u:\b)[2-6][0-9]{3}[0-9 +-]"
_CARD_ALONE = r"^(?:[0-9]{4}(?:[ +-][0-9]{4}){3}|[0-9]{4}[ +-][0-9]{6}[ +-][0-9]{4,5}|[0-9]+)$"
_ISSUERS = (
    r"^(?:4[0-9]{15}|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9][0-9]|7[01][0-9]|720)[0-9]{12}|3[47][0-9]{13}|3[68][0-9]{12}|"
    r"6(?:011|5[0-9][0-9]|4[4-9][0-9])[0-9]{12}|35(?:2[89]|[3-8][0-9])[0-9]{12})$"
)

_IBAN = r"(?-u:\b)[A-Za-z]{2}[0-9]{2}(?:[A-Za-z0-9]{11,}|(?: [A-Za-z0-9]{4}){2,}(?: [A-Za-z0-9]{1,4})?)(?-u:\b)"
_COUNTRY = r"(?-u:\b)[A-Za-z]{2}[0-9]{2}[A-Za-z0-9 ]"
_ACCOUNT = "[0-9]{10}"  # accounts have that many digits in a row, which words and tokens rarely do
_GROUP = 4
_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip


def cards(texts: pl.Series) -> pl.DataFrame:
    """The payment cards in ``texts``: ``row``, and ``number``, all digits."""
    found = _matches(texts, _CARD, _ISSUER).filter(pl.col("match").str.contains(_CARD_ALONE))
    digits = found.select("row", number=pl.col("match").str.replace_all(r"\D", ""))
    issued = digits.filter(pl.col("number").str.contains(_ISSUERS))
    return issued.filter(is_luhn(issued["number"]))


def ibans(texts: pl.Series) -> pl.DataFrame:
    """The IBANs in ``texts``, all in one case: ``row``, and ``number``, in capitals and without spaces."""
    number = pl.col("number")
    found = _matches(texts, _IBAN, _COUNTRY).with_columns(number=pl.col("match").str.replace_all(" ", "", literal=True))
    sized = _of_length(found.filter(number.str.contains(_ACCOUNT)))
    has_one_case = (number == number.str.to_uppercase()) | (number == number.str.to_lowercase())
    known = sized.filter(has_one_case).with_columns(number.str.to_uppercase())
    return known.filter(is_mod_97(known["number"]))


def _matches(texts: pl.Series, pattern: str, start: str) -> pl.DataFrame:
    """All that matches ``pattern``, which has a match of ``start``: ``row`` of the text, and ``match``."""
    some = pl.DataFrame({"text": texts}).with_row_index("row").filter(pl.col("text").str.contains(start))
    found = some.select("row", match=pl.col("text").str.extract_all(pattern))
    return found.filter(pl.col("match").list.len() > 0).explode("match")


def _of_length(found: pl.DataFrame) -> pl.DataFrame:
    """Cut to the length of the country, if it ends there: a word of text looks like one more group of an IBAN."""
    number, length = pl.col("number"), pl.col("length")
    countries = number.str.head(2).str.to_uppercase().replace_strict(_LENGTHS, default=None, return_dtype=pl.UInt32)
    ends_a_group = pl.col("match").str.contains(" ", literal=True) & (length % _GROUP == 0)
    size = number.str.len_bytes()
    known = found.with_columns(length=countries)
    return known.filter((size == length) | ((size > length) & ends_a_group)).select(
        "row", number=number.str.head(length)
    )


def is_luhn(digits: pl.Series) -> pl.Series:
    """Whether the last digit is the check digit of ISO/IEC 7812, of texts of at most 16 digits."""
    return _weighted(digits, _luhn_weights()) % 10 == 0


def is_gtin(digits: pl.Series) -> pl.Series:
    """Whether the last digit is the check digit of an article's number (GS1), of texts of at most 16 digits."""
    return _weighted(digits, _gtin_weights()) % 10 == 0


def is_mod_97(ibans: pl.Series) -> pl.Series:
    """Whether the check digits of ``ibans`` (capitals, no spaces, at most 34 characters) are those of ISO 7064."""
    turned = ibans.str.slice(_GROUP) + ibans.str.head(_GROUP)
    letters = list(string.ascii_uppercase)
    digits = turned.str.replace_many(letters, [str(10 + place) for place in range(len(letters))]).str.zfill(
        _LIMBS * _LIMB
    )
    rest = pl.zeros(len(ibans), dtype=pl.UInt64, eager=True)
    for limb in range(_LIMBS):
        rest = (rest * 10**_LIMB + digits.str.slice(limb * _LIMB, _LIMB).cast(pl.UInt64)) % 97
    return rest == 1


_LIMB = 9  # digits at a time: a remainder below 97 and these fit 64 bits
_LIMBS = 8  # 72 digits: 34 characters are at most 68


def _weighted(digits: pl.Series, weights: pl.Series) -> pl.Series:
    """The sum of the weights of all groups of four digits."""
    numbers = digits.cast(pl.UInt64)
    groups = [numbers // 10**place % _GROUPS for place in (0, 4, 8, 12)]
    first, *others = [weights.gather(group) for group in groups]
    return sum(others, start=first)


_GROUPS = 10_000


def _group_digits() -> tuple[pl.Series, pl.Series, pl.Series, pl.Series]:
    group = pl.int_range(_GROUPS, dtype=pl.UInt16, eager=True)
    return group % 10, group // 10 % 10, group // 100 % 10, group // 1000


@cache
def _luhn_weights() -> pl.Series:
    """What each group of four digits adds to a sum of Luhn: every second digit twice, as the sum of its digits."""
    ones, tens, hundreds, thousands = _group_digits()
    return ones + tens * 2 - tens // 5 * 9 + hundreds + thousands * 2 - thousands // 5 * 9


@cache
def _gtin_weights() -> pl.Series:
    """What each group of four digits adds to a sum of GS1: every second digit three times."""
    ones, tens, hundreds, thousands = _group_digits()
    return ones + tens * 3 + hundreds + thousands * 3
