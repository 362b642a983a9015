"""Personal data in texts that are not declared to carry it: addresses of e-mail, phone numbers, cards and IBANs.

How a kind is recognised stands in :mod:`importer.rules.personal_patterns` and :mod:`importer.rules.personal_numbers`.
Most texts have nothing, and :mod:`importer.rules.personal_bytes` proves that for whole columns, so that looking costs
little. It is a guard against mistakes of a mapping, not against people who hide:
what is spelled out, or encoded in other ways than in a URL, is not found, nor are national phone numbers of countries
other than France, the United States and Canada.
"""

from __future__ import annotations

import re

import polars as pl

from importer.rules.personal_bytes import Cells, suspects
from importer.rules.personal_numbers import cards, ibans
from importer.rules.personal_patterns import ODD_SPACES, emails, found_emails, found_phones, phones, plain_spaces

KINDS = ("email", "phone", "card", "iban")
"""The kinds of personal data, in the order of a report."""

_SHORTEST_BYTES = 6  # a@b.co
_HASH_BYTES = (32, 64)
_FORMATS = {"email": "email", "e164": "phone"}  # of the event reference
_HASHED = ("_md5", "_sha256")
_EMAIL_WORDS = frozenset({"email", "emails", "mail", "mails", "courriel", "emailaddress", "mailaddress", "adressemail"})
_PHONE_WORDS = frozenset(
    {"phone", "phones", "mobile", "telephone", "tel", "gsm", "msisdn", "cellphone", "phonenumber", "mobilephone",
     "mobilenumber", "telephonenumber"}
)  # fmt: skip
_WORDS = {"email": _EMAIL_WORDS, "phone": _PHONE_WORDS, "iban": frozenset({"iban", "ibans"})}
# What may follow: phone_number, email_pro, tel_2. Other words say that it is something about it: email_campaign.
_AFFIXES = frozenset({
    "address", "adress", "adresse", "number", "numero", "num", "nr", "no", "value", "home", "work", "private",
    "business", "primary", "secondary", "main", "pro", "perso", "fixe", "portable", "contact", "client", "customer",
    "e",
})  # fmt: skip
_QUESTIONS = frozenset({"is", "has"})  # is_mobile is a flag

_SHOWN_DIGITS = 4
_SHOWN_PHONE_DIGITS = 2
_LONG_NAME = 3  # an address's part before the @ shows its first letter from this length on


def declared(path: str, format: str | None) -> frozenset[str]:  # noqa: A002  the word of the event reference
    """The kinds that the target ``path`` may carry, by its ``format`` in the event reference, or by its own name.

    A hashed target carries none, whatever its name.
    """
    name = path.rpartition(".")[2]
    if name.lower().endswith(_HASHED):
        return frozenset()
    found = {kind for kind, words in _WORDS.items() if _is_named(_words(name), words)}
    return frozenset(found | {_FORMATS[format]} if format in _FORMATS else found)


def _words(name: str) -> list[str]:
    """The words of a name: of customer_eMail2 and customerEmail."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", name)
    return [word for word in re.split(r"[^a-z]+", apart.lower()) if word]


def _is_named(words: list[str], kind: frozenset[str]) -> bool:
    while words and words[-1] in _AFFIXES:
        words = words[:-1]
    return bool(words) and words[-1] in kind and words[0] not in _QUESTIONS


def find_personal(
    texts: pl.Series, allowed: frozenset[str] = frozenset(), sizes: pl.Series | None = None
) -> dict[str, pl.Series]:
    """For each kind that ``texts`` have anywhere a Boolean column, without nulls: which of them have it.

    Kinds in ``allowed`` are not looked for, and nothing is in a column of hashes. ``sizes`` are those of the texts in
    bytes, where somebody has them.
    """
    sizes = texts.str.len_bytes() if sizes is None else sizes
    longest = sizes.max()
    if not isinstance(longest, int) or longest < _SHORTEST_BYTES or _are_hashes(texts, sizes, longest):
        return {}
    cells = Cells.of(texts, sizes)
    if not cells.is_ascii and cells.has(*(space.encode() for space in ODD_SPACES)):
        texts = plain_spaces(texts)
        cells = Cells.of(texts, texts.str.len_bytes())
    rows = suspects(cells, allowed)
    found = {kind: _found(kind, texts, rows[kind]) for kind in KINDS if kind in rows and kind not in allowed}
    return {kind: mask for kind, mask in found.items() if mask.any()}


def _are_hashes(texts: pl.Series, sizes: pl.Series, longest: int) -> bool:
    """Whether all are hashes or derived ids: they carry nothing, and are dear to look through."""
    return longest in _HASH_BYTES and sizes.min() == longest and bool(texts.str.contains("^[0-9a-f]+$").all())


def _found(kind: str, texts: pl.Series, rows: pl.Series) -> pl.Series:
    some = texts.gather(rows)
    match kind:
        case "email":
            hits = rows.filter(emails(some).fill_null(value=False))
        case "phone":
            hits = rows.filter(phones(some).fill_null(value=False))
        case "card":
            hits = rows.gather(cards(some)["row"])
        case _:
            hits = rows.gather(ibans(some)["row"])
    return pl.repeat(value=False, n=len(texts), dtype=pl.Boolean, eager=True).scatter(hits, values=True)


def mask(text: str) -> str:
    """What may be shown of the personal data in ``text``: enough to find it, and never all of it.

    The domain and the first letter of an address, the last digits of a card or a phone number, the country and the
    check digits of an IBAN. Several are set apart by a comma; nothing else of ``text`` is shown.
    """
    texts = plain_spaces(pl.Series([text], dtype=pl.String))
    shown = [
        *(_masked_email(*parts) for parts in found_emails(texts)),
        *(number[:_SHOWN_DIGITS] + "…" for number in ibans(texts)["number"]),
        *("…" + number[-_SHOWN_DIGITS:] for number in cards(texts)["number"]),
    ]
    phones = [re.sub(r"[^0-9]", "", number) for number in found_phones(texts)]
    return ", ".join(dict.fromkeys(shown + ["…" + digits[-_SHOWN_PHONE_DIGITS:] for digits in phones])) or "…"


def _masked_email(name: str, domain: str) -> str:
    return (name[0] if len(name) >= _LONG_NAME else "") + "…" + domain
