# ruff: noqa: S311  numbers are drawn with a seed
"""The clean step ``e164``: our numbering plans and expressions beside ``phonenumbers``, and what users see of them."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

import phonenumbers
import polars as pl
import pytest
from encoding import HEAD, USER, run
from phone_facts import table
from phonenumbers import PhoneNumberFormat as Form

from importer.errors import MappingInvalid
from importer.mapping.cells import Context, Stages, Value
from importer.mapping.phones import e164
from importer.reference.countries import alpha2_by_name, countries
from importer.reference.phones import numberings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NUMBERS_OF_A_KIND = 2
KINDS = ("FIXED_LINE", "MOBILE")
PHONE = "  user.phone: {column: tel, clean: e164}\n"
FRENCH = "  user.phone: {column: tel, clean: e164, country: FR}\n"


def read(texts: Sequence[str | None], country: str | None, *, is_staged: bool = True) -> pl.DataFrame:
    """The column ``v`` of the step, and a column for each of its checks."""
    stages = Stages() if is_staged else None
    value = e164(Value(pl.col("tel"), pl.String()), country, Context(stages=stages), "column 'tel'")
    frame = pl.DataFrame({"tel": texts}, schema={"tel": pl.String})
    for layer in stages.layers() if stages else ():
        frame = frame.with_columns(layer)
    return frame.with_columns(value.expr.alias("v"), *(check.failed.alias(check.code) for check in value.checks))


def numbers(texts: Sequence[str | None], country: str | None = None) -> list[str | None]:
    return read(texts, country)["v"].to_list()


class Spelling(NamedTuple):
    """How somebody wrote the number ``meant``."""

    kind: str
    text: str
    meant: str


def spellings(country: str, random: Random) -> Iterator[Spelling]:
    """Numbers of a country as its people write them, or as others do."""
    for number in _numbers(country, random):
        code, significant = str(number.country_code), phonenumbers.national_significant_number(number)
        trunk = phonenumbers.ndd_prefix_for_region(country, strip_non_digits=True) or ""
        at_home = phonenumbers.format_number(number, Form.NATIONAL)
        abroad = phonenumbers.format_number(number, Form.INTERNATIONAL)
        own_prefix = phonenumbers.format_out_of_country_calling_number(number, country)
        meant = phonenumbers.format_number(number, Form.E164)
        written = {
            "national": at_home,
            "national with dots": at_home.replace(" ", "."),
            "national with dashes": at_home.replace(" ", "-"),
            "national without blanks": "".join(filter(str.isdigit, at_home)),
            "national without trunk prefix": significant,
            "trunk prefix and digits": trunk + significant,
            "international": abroad,
            "international in brackets": f"(+{code}) {significant}",
            "E.164": meant,
            "00": f"00{code}{significant}",
            "00 with blanks": abroad.replace("+", "00 "),
            "own prefix": own_prefix,
            "bare calling code": code + significant,
        }
        if trunk:
            written["trunk prefix in brackets"] = f"+{code} ({trunk}){significant}"
            written["trunk prefix behind the code"] = f"+{code}{trunk}{significant}"
        yield from (Spelling(kind, text, meant) for kind, text in written.items())


def _numbers(country: str, random: Random) -> Iterator[phonenumbers.PhoneNumber]:
    for kind in KINDS:
        example = phonenumbers.example_number_for_type(country, getattr(phonenumbers.PhoneNumberType, kind))
        for _ in range(NUMBERS_OF_A_KIND if example else 0):
            text = phonenumbers.format_number(example, Form.E164)
            size = random.randrange(2, 5)
            number = phonenumbers.parse(text[:-size] + "".join(random.choices("0123456789", k=size)))
            if phonenumbers.is_valid_number_for_region(number, country):
                yield number


def oracle(text: str, country: str) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, Form.E164) if phonenumbers.is_possible_number(number) else None


# Where we differ from the oracle, by the kind of spelling, and why. What we say then is what is meant.
ITU = "00, which the ITU recommends, is read in countries that dial something else, too: an export is not dialled"
CARRIER = "the oracle takes the trunk prefix and a digit of the number for the code of a carrier"
KNOWN = {
    "00": ITU,
    "00 with blanks": ITU,
    "bare calling code": "the oracle takes the whole for a national number that is longer than any, or of no area",
    "trunk prefix and digits": CARRIER,
    "trunk prefix in brackets": CARRIER,
    "trunk prefix behind the code": CARRIER,
}
# Here the digits may be either, so that we reject them: the oracle takes one of the two.
AMBIGUOUS = {("bare calling code", country) for country in ("DE", "ID", "SE")}


def test_spellings_of_all_countries_are_read_as_they_are_meant() -> None:
    random, count = Random(20_250_101), 0
    wrong, rejected, different = [], set(), set()
    for country in numberings():
        written = list(spellings(country, random))
        for spelling, ours in zip(written, numbers([one.text for one in written], country), strict=True):
            count += 1
            is_other = ours != oracle(spelling.text, country)
            if ours is None:
                rejected.add((spelling.kind, country))
            elif ours != spelling.meant:
                wrong.append((country, spelling, ours))
            elif is_other:
                different.add(spelling.kind)
    assert count > 10_000
    assert wrong == []
    assert different == KNOWN.keys()
    assert rejected == AMBIGUOUS


@pytest.mark.parametrize("country", ["US", None])
def test_international_numbers_are_read_from_everywhere(country: str | None) -> None:
    random = Random(7)
    written = [
        spelling
        for other in numberings()
        for spelling in spellings(other, random)
        if spelling.kind in {"international", "E.164", "00", "00 with blanks", "trunk prefix behind the code"}
    ]
    texts = [spelling.text for spelling in written]
    assert numbers(texts, country) == [spelling.meant for spelling in written]


def test_the_facts_are_those_of_the_oracle() -> None:
    derived = {}
    for line in table():
        country, code, trunk, abroad, *shapes = line.split()
        derived[country] = (code, trunk.strip("-"), abroad, tuple(shapes))
    ours = {country: (p.code, p.trunk, p.abroad, p.shapes) for country, p in numberings().items()}
    assert ours == derived


@pytest.mark.parametrize("code", sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS))
def test_calling_codes_of_no_country(code: int) -> None:
    number = phonenumbers.example_number_for_non_geo_entity(code)
    text = phonenumbers.format_number(number, Form.E164)
    assert numbers([text, text[:-4]]) == [text, None]


def test_all_countries_of_iso_3166_are_there() -> None:
    assert len(countries()) == 249
    assert set(numberings()) - set(countries()) == {"AC", "TA", "XK"}
    assert set(countries()) - set(numberings()) == {"AQ", "BV", "GS", "HM", "PN", "TF", "UM"}
    assert set(alpha2_by_name().values()) == set(countries())
    assert len({country.alpha3 for country in countries().values()}) == 249


@pytest.mark.parametrize(
    "text",
    [
        "+33612345678", "06 12 34 56 78", "06.12.34.56.78", "06-12-34-56-78", "0612345678", "612345678",
        "(06) 12/34/56/78", "0033 6 12 34 56 78", "00330612345678", "+33 (0)6 12 34 56 78", "+33 (6) 12 34 56 78",
        "33612345678", "330612345678", "\u202a+33 6 12 34 56 78\u202c", "+33\u00a06\u202f12\u201134\u201356 78",
        "\t06 12345678 ",
        "\uff0b\uff13\uff13\uff16\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
        "\u0660\u0666\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", "[0]6 12 34 56 78",
    ],
)  # fmt: skip
def test_one_number_in_many_spellings(text: str) -> None:
    assert numbers([text], "FR") == ["+33612345678"]


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("+39 06 698 12345", "FR", "+390669812345"),  # the zero of Italy is part of the number
        ("06 698 12345", "IT", "+390669812345"),
        ("391 234 5678", "IT", "+393912345678"),  # a mobile, and not the code of Italy
        ("8 912 345-67-89", "RU", "+79123456789"),
        ("8 (701) 123 45 67", "RU", "+77011234567"),  # Kazakhstan is in the same plan
        ("+7 800 123-45-67", "FR", "+78001234567"),  # begins like a trunk prefix, and has none
        ("+7 8 912 345-67-89", "FR", "+79123456789"),
        ("06 30 123 4567", "HU", "+36301234567"),
        ("1 (201) 555-0123", "US", "+12015550123"),
        ("011 44 20 7946 0123", "US", "+442079460123"),
        ("810 44 20 7946 0123", "RU", "+442079460123"),
        ("0011 44 20 7946 0123", "AU", "+442079460123"),
        ("+44 (0)20 7946 0123", "FR", "+442079460123"),
        ("011 15 2345-6789", "AR", "+5491123456789"),
        ("0343 15 412-3456", "AR", "+5493434123456"),
        ("0 15 11 91234-5678", "BR", "+5511912345678"),
        ("044 55 1234 5678", "MX", "+525512345678"),
        ("+52 1 55 1234 5678", "FR", "+525512345678"),
        ("460 1234", "AG", "+12684601234"),
        ("834 567", "JE", "+441534834567"),
        ("077 12 34 56", "GA", "+24177123456"),
        ("4915112345678", "DE", "+4915112345678"),  # the oracle says +494915112345678
        ("436641234567", "AT", "+436641234567"),
        ("9110123456", "IN", "+919110123456"),
    ],
)  # fmt: skip
def test_spellings_that_only_their_country_has(text: str, country: str, expected: str) -> None:
    assert numbers([text], country) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "n/a", "-", "+", "00", "0", "x612345678", "0612345678 x12", "06 12 34 56", "06 12 34 56 78 9", "++33612345678",
        "+33 6 12 34 56", "+0612345678", "+999 123 456 789", "06 12 34 56 78 / 06 87 65 43 21", "+33+612345678",
        "+1234567890123456", "0.6e9", "6,12E+08", "john@example.com",
    ],
)  # fmt: skip
@pytest.mark.parametrize("country", ["FR", None])
def test_what_is_no_number_is_rejected_and_never_dropped(text: str, country: str | None) -> None:
    found = read([text, None, "", " \u00a0 "], country)
    assert found["v"].to_list() == [None] * 4
    assert [bool(failed) for failed in found["phone"]] == [True, False, False, False]


def test_the_same_without_stages() -> None:
    texts = ["06 12 34 56 78", "+44 20 7946 0123", "x", "4930123456"]
    for country in ("FR", "DE", "AG", None):
        assert read(texts, country, is_staged=False)["v"].to_list() == numbers(texts, country)


def rejects(fields: str, texts: Sequence[str | None], head: str = HEAD) -> dict[int, tuple[str, str]]:
    return run(fields, {"tel": texts}, head=head, is_text=True).rejects


def test_a_reject_says_code_value_and_the_way_out() -> None:
    message = (
        "user.phone: column 'tel' is \"n/a\", which is no phone number of FR, nor an international one: "
        "correct it, leave it out by a `when`, or list it under `source.null_values`"
    )
    assert rejects(FRENCH + USER, ["06 12 34 56 78", "n/a", None, " "]) == {2: ("phone", message)}


def test_without_a_country_only_numbers_with_a_plus_are_sent() -> None:
    result = run(PHONE, {"tel": ["+33 6 12 34 56 78", "06 12 34 56 78", "n/a"]}, is_text=True)
    assert result.values("user.phone") == ["+33612345678"]
    assert {row: code for row, (code, _) in result.rejects.items()} == {2: "phone_country", 3: "phone"}
    assert "column 'tel' is \"06 12 34 56 78\", which is no international phone number" in result.rejects[2][1]
    assert "e.g. `country: FR`" in result.rejects[2][1]
    assert "country" not in result.rejects[3][1]


def test_digits_with_two_readings_are_rejected() -> None:
    german = HEAD + "country: DE\n"
    result = run(PHONE, {"tel": ["4930123456", "030 123456", "+4930123456", "49301234"]}, head=german, is_text=True)
    assert result.values("user.phone") == ["+4930123456"] * 2
    assert {row: code for row, (code, _) in result.rejects.items()} == {1: "phone_ambiguous", 4: "phone_ambiguous"}
    assert "the calling code 49 and a number, or all of a number of DE: write a +" in result.rejects[1][1]


def test_the_country_of_a_field_overrides_that_of_the_mapping() -> None:
    fields = PHONE + "  user.other: {column: tel, clean: [trim, e164], country: BE}\n"
    result = run(fields, {"tel": [" 04 12 34 56 78 "]}, head=HEAD + "country: FR\n", is_text=True)
    assert (result.values("user.phone"), result.values("user.other")) == (["+33412345678"], ["+32412345678"])


def test_only_rows_that_the_condition_takes_are_rejected() -> None:
    fields = "  user.phone: {column: tel, clean: e164, country: FR, when: tel <> 'n/a'}\n  user.id: tel\n"
    assert rejects(fields, ["n/a", "12"]).keys() == {2}


def test_numbers_of_each_entry_and_of_each_group() -> None:
    fields = "  items: {each: {id: sku, phone: {column: tel, clean: e164, country: FR}}}\n  user.phone: "
    head = "version: 1\nevent: purchase\ngroup_by: o\n"
    columns = {"o": ["1", "1"], "sku": ["a", "b"], "tel": ["0612345678", "01 23 45 67 89"]}
    field = "{column: tel, clean: e164, country: FR}\n"
    result = run(fields + field, columns, head=head, is_text=True)
    assert result.events[0]["items"] == [{"id": "a", "phone": "+33612345678"}, {"id": "b", "phone": "+33123456789"}]
    assert result.values("user.phone") == ["+33612345678"]
    structs = pl.DataFrame({"lines": [[{"t": "0612345678"}, {"t": "x"}], [{"t": "0123456789"}]]})
    nested = "  items: {from: lines, each: {phone: {column: t, clean: e164, country: FR}}}\n"
    found = run(nested, structs)
    assert found.values("items") == [[{"phone": "+33123456789"}]]
    assert found.rejects[1][0] == "phone"


def test_numbers_that_are_no_text() -> None:
    assert run(FRENCH, {"tel": [612345678, 33612345678]}).values("user.phone") == ["+33612345678"] * 2
    with pytest.raises(MappingInvalid, match="floating point"):
        run(FRENCH, {"tel": [612345678.0]})


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("md5", "60dd761f55cb17f0532c9fb1679e8ddd"),
        ("sha256", "42d573cfc315801d4cd8eddd5416b416a0bf298b9b9e12d6b07442c91db42bd8"),
    ],
)
def test_hashes_of_the_vendor_for_a_phone(name: str, digest: str) -> None:
    field = f"  user.phone_{name}: {{column: tel, clean: [e164], country: FR, hash: {name}}}\n"
    result = run(field, {"tel": ["06 12 34 56 78", "+33 (0)6.12.34.56.78"]}, is_text=True)
    assert result.values(f"user.phone_{name}") == [digest] * 2


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("md5", "8eb1b522f60d11fa897de1dc6351b7e8"),
        ("sha256", "836f82db99121b3481011f16b49dfa5fbc714a0d1b1b9f784a1ebbbf5b39577f"),
    ],
)
def test_hashes_of_the_vendor_for_an_address(name: str, digest: str) -> None:
    field = f"  user.email_{name}: {{column: mail, clean: [trim, lower], hash: {name}}}\n"
    result = run(field, {"mail": ["  John.Doe@Example.COM "]}, is_text=True)
    assert result.values(f"user.email_{name}") == [digest]
