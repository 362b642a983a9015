"""Countries and currencies as exports write them: codes, or names in any case and with or without accents."""

from __future__ import annotations

from functools import cache

from importer.draft.synonyms import plain
from importer.reference.codes import CURRENCIES as USED_CURRENCIES
from importer.reference.codes import FORMER_CURRENCIES
from importer.reference.countries import alpha2_by_name, countries

CURRENCIES = USED_CURRENCIES | FORMER_CURRENCIES
_NOWHERE = frozenset({"unknown", "unspecified", "inconnu", "other", "autre", "none", "non_renseigne"})


@cache
def codes() -> frozenset[str]:
    """The codes of two and of three letters."""
    return frozenset(code for two, country in countries().items() for code in (two, country.alpha3))


@cache
def _names() -> dict[str, str]:
    return {plain(name): two for name, two in alpha2_by_name().items()}


def country_of(text: str) -> tuple[bool, str | None]:
    """Whether ``text`` names a country or says that there is none, and its code of two letters."""
    word = plain(text)
    return (True, None) if word in _NOWHERE else (word in _names(), _names().get(word))
