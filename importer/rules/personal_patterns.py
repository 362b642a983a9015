"""What an address of e-mail and a phone number look like, and what only resembles them.

Patterns of whole columns: exact, and not cheap, which is why :mod:`importer.rules.personal_bytes` first proves for most
texts that they have none. The regular expressions have no look-around, so what may stand before and after a number is a
part of the pattern.

An address has a domain with a dot that does not end like the name of a file. A phone number is ``+`` or ``00`` and a
country code of ITU-T E.164, or a form that people of France and North America write.
"""

from __future__ import annotations

import polars as pl

from importer.rules.personal_numbers import is_gtin

# --- e-mail ---------------------------------------------------------------------------------------------------------

_AT = r"(?:@|%40)"
_LABELS = r"(?:[\p{L}\d](?:[\p{L}\d-]*[\p{L}\d])?\.)+"
_DOMAIN = rf"{_LABELS}(?:xn--[a-z\d-]+|\p{{L}}{{2,24}})\b"
_EMAIL = rf"\w{_AT}{_DOMAIN}"
_FILE = (  # `icon@2x.png`: none of these ends a domain of the internet
    rf"(?i)\w{_AT}{_LABELS}(?:png|jpe?g|gif|webp|svg|avif|heic|bmp|ico|tiff?|css|less|scss|jsx?|tsx|json|xml|x?html?|php|"
    r"aspx?|jsp|pdf|docx?|xlsx?|pptx?|csv|tsv|txt|log|parquet|mp[34]|webm|wav|woff2?|ttf|eot|tgz|gz|bz2|rar|exe|dll|jar)\b"
)
_ADDRESS = rf"([\w.+'-]*\w)({_AT}{_DOMAIN})"

# --- phone ----------------------------------------------------------------------------------------------------------

# Before and after it stands nothing that would make a number the part of something longer: an id, a path, a decimal. A
# word may end in a dot before it. Groups of a longer number look like a number of their own: so no digit and space.
_WORD = "0-9A-Za-z_"
_BEFORE = rf"(?:^|[^0-9][.,]|[^{_WORD}.,+\-/#%])"
_BEFORE_PLUS = rf"(?:^|[^0-9][.,]|[^{_WORD}.,+\-#])"
_BEFORE_ZEROS = rf"(?:^|(?:^|[^0-9]) |[^0-9][.,:]|[^{_WORD}.,:+\-/#% ])"
_BEFORE_PAIRS = rf"(?:^|(?:^|[^0-9]|[0-9]{{3}}) |[^0-9][.,]|[^{_WORD}.,+\-/#% ])"
_AFTER = rf"(?:$|[^{_WORD}.,\-+]|[,+](?:$|[^0-9])|[.\-](?:$|[^{_WORD}]))"
_AFTER_PAIRS = rf"(?:$|[^{_WORD} ]| (?:$|[^0-9]))"  # five of them: a row of sizes (02 04 06 ...) goes on

# Country codes of two and of three digits. Those of one are 1 and 7, with numbers of ten.
_TWO = "(?:2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])"
_THREE = (
    "(?:21[1-3689]|2[2346][0-9]|25[0-8]|29[01789]|35[0-9]|37[0-9]|38[0-35-79]|42[013]|50[0-9]|59[0-9]|67[0-9]|68[0-9]|"
    "69[0-2]|80[08]|85[02356]|87[08]|88[0-38]|96[0-9]|97[0-9]|99[2-68])"
)
_CODE = f"(?:7|{_TWO}|{_THREE})"
_GAP = r"(?:[ \-()/+]|%20|%28|%29){0,2}"
_SEPARATOR = r"[ .\-]"
_AREA = r"(?:\([2-9][0-9]{2}\)|[2-9][0-9]{2})"

_PLUS = (
    rf"{_BEFORE_PLUS}(?:\+|%2[Bb]){_GAP}(?:"
    rf"1[ .\-+]?{_AREA}{_GAP}\.?[0-9]{{3}}[ .\-+]?[0-9]{{4}}|"
    rf"7(?:{_GAP}[0-9]){{10}}|{_TWO}(?:{_GAP}[0-9]){{6,13}}|{_THREE}(?:{_GAP}[0-9]){{5,12}}|"
    rf"{_CODE}(?:\.[0-9]{{1,4}})?(?:\.[0-9]{{2,4}}){{3,5}}"
    rf"){_AFTER}"
)
# Zeros also fill ids up to their length. So a group is set apart from the next, or the number is long.
_ZEROS = (
    rf"{_BEFORE_ZEROS}00(?:"
    rf"{_SEPARATOR}?{_CODE}{_SEPARATOR}(?:[ .\-()/]{{0,2}}[0-9]){{8,13}}|{_SEPARATOR}{_CODE}[0-9]{{8,13}}|"
    rf"{_CODE}[0-9](?:{_SEPARATOR}[0-9]{{2}}){{4}}"
    rf"){_AFTER}"
)
_BARE_ZEROS = rf"{_BEFORE_ZEROS}(00(?:7[0-9]{{10}}|{_TWO}[0-9]{{9,13}}|{_THREE}[0-9]{{8,12}})){_AFTER}"
_ARTICLE_LENGTHS = (13, 14)  # of a GTIN: EAN-13, and the number of a box
_FRENCH = (
    rf"{_BEFORE_PAIRS}0[1-9](?: [0-9]{{2}}){{4}}{_AFTER_PAIRS}|"
    rf"{_BEFORE}0[1-9](?:(?:\.[0-9]{{2}}){{4}}|(?:-[0-9]{{2}}){{4}}|(?:\+[0-9]{{2}}){{4}}){_AFTER}|"
    rf"{_BEFORE}0[67][0-9]{{8}}{_AFTER}"
)
_NORTH_AMERICAN = (
    rf"{_BEFORE}(?:1{_SEPARATOR})?(?:"
    rf"\([2-9][0-9]{{2}}\) ?[0-9]{{3}}{_SEPARATOR}|[2-9][0-9]{{2}}-[0-9]{{3}}-|[2-9][0-9]{{2}}\.[0-9]{{3}}\."
    rf")[0-9]{{4}}{_AFTER}"
)
_PHONE = f"{_PLUS}|{_ZEROS}|{_FRENCH}|{_NORTH_AMERICAN}"

ODD_SPACES = ("\u00a0", "\u202f", "\u2011")
"""Spaces and a hyphen that typography puts into numbers so that no line ends there."""


def plain_spaces(texts: pl.Series) -> pl.Series:
    """``texts`` with spaces and hyphens of ASCII in the place of odd ones."""
    return texts.str.replace_many(list(ODD_SPACES), [" ", " ", "-"])


def emails(texts: pl.Series) -> pl.Series:
    """Which of ``texts`` have an address of e-mail: a Boolean column, null where the text is."""
    found = texts.str.contains(_EMAIL)
    if texts.str.contains(_FILE).any():
        found = texts.str.replace_all(_FILE, " ").str.contains(_EMAIL)
    return found


def phones(texts: pl.Series) -> pl.Series:
    """Which of ``texts`` have a phone number: a Boolean column, null where the text is."""
    found = texts.str.contains(_PHONE)
    if texts.str.contains(_BARE_ZEROS).any():
        found |= _bare_zeros(texts).is_not_null()
    return found


def found_emails(texts: pl.Series) -> list[tuple[str, str]]:
    """All addresses in ``texts``, cut before the @. Meant for a few texts."""
    found = texts.str.replace_all(_FILE, " ").str.extract_all(_ADDRESS).explode().drop_nulls().to_frame("found")
    parts = found.select(pl.col("found").str.extract_groups(_ADDRESS)).unnest("found")
    return parts.rows()


def found_phones(texts: pl.Series) -> list[str]:
    """All phone numbers in ``texts``, with what stands around them. Meant for a few texts."""
    found = texts.str.extract_all(_PHONE).explode()
    return pl.concat([found, _bare_zeros(texts)]).drop_nulls().to_list()


def _bare_zeros(texts: pl.Series) -> pl.Series:
    """The number that begins with `00` and has no separators, unless it is an article's number filled with zeros."""
    numbers = texts.str.extract(_BARE_ZEROS, 1)
    lengths = numbers.str.len_bytes()
    is_article = lengths.is_in(_ARTICLE_LENGTHS) & is_gtin(numbers.str.head(14))
    return numbers.set(is_article.fill_null(value=False), None)
