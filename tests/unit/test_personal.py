"""What is personal data and what only resembles it, one text at a time and in columns."""

from __future__ import annotations

import polars as pl
import pytest

from importer.rules.personal import KINDS, declared, find_personal, mask
from importer.rules.personal_bytes import Cells

EMAILS = [
    "a@b.co",
    "jean.dupont@example.com",
    "JEAN.DUPONT@EXAMPLE.COM",
    "jean+shop@mail.example.co.uk",
    "o'neil@example.ie",
    "jean_dupont-75@my-shop.example.fr",
    "émilie@müller.de",
    "x@xn--mller-kva.de",
    "<jean@example.com>",
    "Jean Dupont <jean@example.com>, Paris",
    "mailto:jean@example.com",
    "write to jean@example.com.",
    "jean@example.com,paul@example.com",
    "https://shop.example.com/login?email=jean@example.com&next=/cart",
    "https://shop.example.com/login?email=jean%40example.com&next=/cart",
    "icon@2x.png and jean@example.com",
    "12345@qq.com",
    "user@host.museum",
    "jean\u00a0: jean@example.com",
]
PHONES = [
    "+33612345678",
    "+33 6 12 34 56 78",
    "+33 (0)6 12 34 56 78",
    "+33 (0) 6 12 34 56 78",
    "+33-6-12-34-56-78",
    "+33.6.12.34.56.78",
    "+33\u00a06\u00a012\u00a034\u00a056\u00a078",
    "+33\u202f6\u202f12\u202f34\u202f56\u202f78",
    "+442079460958",
    "+44 20 7946 0958",
    "+49 151 12345678",
    "+49 (30) 123456-0",
    "+4930/123456",
    "+352 621 123 456",
    "+7 916 123-45-67",
    "+1 555 123 4567",
    "+1 (555) 123-4567",
    "+1-555-123-4567",
    "+15551234567",
    "+39 06 1234 5678",
    "tel:+33612345678",
    "call +33612345678!",
    "call +33612345678, please",
    "https://wa.me/+33612345678",
    "https://shop.example.com/?tel=+33612345678",
    "https://shop.example.com/?tel=%2B33612345678&x=1",
    "https://shop.example.com/?tel=%2b33612345678",
    "https://shop.example.com/?tel=%2b33%206%2012%2034%2056%2078",
    "0033612345678",
    "00 33 6 12 34 56 78",
    "0033 6 12 34 56 78",
    "0033-6-12-34-56-78",
    "0033 612345678",
    "00331 42 34 56 78",
    "004915112345678",
    "Tel: 0041791234567",
    "06 12 34 56 78",
    "06.12.34.56.78",
    "06-12-34-56-78",
    "01 42 34 56 78",
    "Tel 06 12 34 56 78 (evenings)",
    "Tel:06.12.34.56.78.",
    "Tél.06 12 34 56 78",
    "75001 06 12 34 56 78",
    "?tel=06+12+34+56+78",
    "06\u202f12\u202f34\u202f56\u202f78",
    "0612345678",
    "0712345678",
    "call 0612345678 please",
    "tel:0612345678",
    "?tel=0612345678&x=1",
    "(0612345678)",
    "[0612345678]",
    "|0612345678|",
    "{0033612345678}",
    '"tel":"0612345678"',
    "0612345678, 0712345678",
    "(555) 123-4567",
    "(555)123-4567",
    "(555) 123 4567",
    "555-123-4567",
    "555.123.4567",
    "1-800-555-1234",
    "call 555-123-4567 now",
]
CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4242424242424242",
    "5555555555554444",
    "5555 5555 5555 4444",
    "2223003122003222",
    "2223 0031 2200 3222",
    "378282246310005",
    "3782 822463 10005",
    "3782-822463-10005",
    "6011111111111117",
    "6011 1111 1111 1117",
    "6500000000000002",
    "36227206271667",
    "3622 720627 1667",
    "3530111333300000",
    "3530 1113 3330 0000",
    "paid with 4111 1111 1111 1111 12/25",
    "paid with 4111111111111111, thanks",
    "visa:4111111111111111.",
    "(4111111111111111)",
    "[4111111111111111]",
    "{4111 1111 1111 1111}",
    "?card=4111111111111111&x=1",
    "?card=4111+1111+1111+1111",
    "4111\u00a01111\u00a01111\u00a01111",
    "1234567812345678 4111111111111111",
    "4111111111111112 4111111111111111",
]
IBANS = [
    "FR1420041010050500013M02606",
    "FR14 2004 1010 0505 0001 3M02 606",
    "fr1420041010050500013m02606",
    "fr14 2004 1010 0505 0001 3m02 606",
    "FR7630006000011234567890189",
    "DE89370400440532013000",
    "DE89 3704 0044 0532 0130 00",
    "GB82WEST12345698765432",
    "GB82 WEST 1234 5698 7654 32",
    "BE68539007547034",
    "BE68 5390 0754 7034",
    "BE68 5390 0754 7034 this is mine",
    "be68 5390 0754 7034 this is mine",
    "NL91ABNA0417164300",
    "NL91 ABNA 0417 1643 00",
    "NO9386011117947",
    "NO93 8601 1117 947",
    "CH9300762011623852957",
    "MT84MALT011000012345MTLCAST001S",
    "KZ86125KZT5004100100",
    "KZ86 125K ZT50 0410 0100",
    "IT60X0542811101000000123456",
    "ES9121000418450200051332",
    "LC55HEMM000100010012001200023015",
    "IBAN: DE89370400440532013000.",
    "IBAN=DE89370400440532013000&x=1",
    "pay to DE89 3704 0044 0532 0130 00, please",
    "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000",
]
NOTHING = [
    # names of files, handles, hosts
    "git@host", "a@2x.png", "icon@3x.min.webp", "photo%402x.jpg", "logo@shop.example.svg", "@handle", "@brand.official",
    "https://video.example.com/@brand.official", "price @ 5.00", "a @ b.co", "x@y", "react@18.2.0", "me@", "a@b.c",
    "https://maps.example.com/@48.8566,2.3522,12z", "%40", "100%4012", "a@.com", "user@-host-.com",
    # ids
    "FR-000012345", "FR-0012345678", "0000012345", "0012345678", "001234567890", "000033612345678", "1234567890",
    "12345678", "id-0612345678", "order #0612345678", "0612345678-1", "0612345678.html", "AB0612345678", "06123456789",
    "_0612345678", "0812345678", "0112345678", "612345678", "SKU-123-456", "123-45-6789", "x-555-123-4567",
    "555-123-45678", "155-123-4567", "100-200-3000", "12-34-56-78", "06 12 34 56", "02 04 06 08 10 12",
    "36 38 40 42 44", "36/38/40/42/44", "06.12.34.56", "06.12.34.56.78.90", "06 12.34 56.78", "0612 345 678",
    "0612\u202f345678",
    # articles: EAN-13, with zeros before it, box, book, article of North America
    "4006381333931", "0036000291452", "0012345678905", "00036000291452", "00012345678905", "00336123456784",
    "978-2-07-036822-8",
    "9782070368228", "5901234123457", "3017620422003", "036000291452",
    # times
    "2024-01-05", "2024-01-05 10:00:00", "2024-01-05T10:00:00+01:00", "2024-01-05T10:00:00.000+0100",
    "05/01/2024 10:00", "05.01.2024 10:00:00", "20240105100000", "20240105100000123", "1704448800", "1704448800000",
    "1704448800000000", "1704448800000000000", "10:00:00 2024-01-05", "2023-2024", "season 2023 2024", "01-02-03",
    "2024-01-05 00:00:00",
    # places, prices, versions, addresses of machines
    "192.168.1.12", "255.255.255.255", "10.10.10.10", "2001:0db8:85a3:0000:0000:8a2e:0370:7334", "+48.8566,+2.3522",
    "48.856614, 2.3522219", "+48.8566140", "-33.8688197", "1 234 567,89", "1,234,567.89", "+12.50", "+10 %", "+1",
    "+42", "12.34.56.78", "1.2.3", "v10.20.30.40", "0.4111111111111111", "1,4111111111111111", "4111111111111111.5",
    "100 000 000", "+1000000", "+12345678", "+0612345678", "5+33612345678", "a+33612345678", "+2812345678",
    "12345678+87654321",
    # hashes, UUIDs, tokens
    "123e4567-e89b-12d3-a456-426614174000", "41111111-1111-1111-1111-111111111111", "d41d8cd98f00b204e9800998ecf8427e",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "0612345678abcdef0612345678abcdef",
    "a4111111111111111", "4111111111111111f", "GA1.2.612345678.1704448800", "fb.1.1596403881668.1116446470",
    # addresses of pages
    "https://shop.example.com/p/12345678", "https://shop.example.com/p/0612345678",
    "https://shop.example.com/0612345678/x", "https://shop.example.com/p/red-dress-0612345678.html",
    "https://shop.example.com/2024/01/05/0612345678", "https://shop.example.com/p/4111111111111111",
    "https://shop.example.com/p/1234567890.html?utm_id=12345678",
    "https://shop.example.com/s?q=red+shoes+42&page=3&ts=170444880000", "https://shop.example.com/c/12/34/56/78/90",
    # numbers that are no cards: check digit, issuer, length, part of more
    "4111111111111112", "4111 1111 1111 1112", "1111111111111117", "9111111111111111", "7111111111111114",
    "0000000000000000", "4222222222222", "41111111111111111", "411111111111111", "4111 1111 1111",
    "4111 1111 1111 1111 1111", "1234 4111 1111 1111 1111", "4111111111111111-1", "x-4111111111111111",
    "4111-1111-1111-1111-1111", "30569309025904", "2220000000000009", "2721000000000004", "3527000000000002",
    "4111 11111111 1111", "411 1111 1111 11111",
    # numbers that are no IBANs: check digits, country, length, case
    "FR1420041010050500013M02607", "FR15 2004 1010 0505 0001 3M02 606", "XX89370400440532013000",
    "DE8937040044053201300", "DE893704004405320130000", "De89370400440532013000", "xDE89370400440532013000",
    "DE89-3704-0044-0532-0130-00", "DE89 37040 0440 5320 1300 0", "AB12CDEFGHIJKLMNOP", "SUMMER24", "BLACKFRIDAY2023",
    # words
    "", " ", "red dress", "in_progress", "Maison Durand & Fils", "EUR", "robe d\u2019été\u00a0à fleurs", "日本語", "\n",
    "\x00",
]  # fmt: skip
FOUND = [*((text, "email") for text in EMAILS), *((text, "phone") for text in PHONES)]
FOUND += [*((text, "card") for text in CARDS), *((text, "iban") for text in IBANS)]


def kinds(text: str) -> set[str]:
    return set(find_personal(pl.Series([text])))


@pytest.mark.parametrize(("text", "kind"), FOUND)
def test_it_is_found_and_as_nothing_else(text: str, kind: str) -> None:
    assert kinds(text) == {kind}


@pytest.mark.parametrize("text", NOTHING)
def test_it_is_nothing(text: str) -> None:
    assert kinds(text) == set()


@pytest.mark.parametrize("filler", ["", "x" * 80])
def test_all_of_it_is_found_between_all_that_is_nothing(filler: str) -> None:
    texts = [text for found, _ in FOUND for text in (found, None, filler, *NOTHING[:: len(found)])]
    expected = [kind for found, kind in FOUND for kind in (kind, None, None, *(None for _ in NOTHING[:: len(found)]))]
    masks = find_personal(pl.Series(texts))
    assert {kind: mask.null_count() for kind, mask in masks.items()} == dict.fromkeys(KINDS, 0)
    assert [next((kind for kind in KINDS if masks[kind][row]), None) for row in range(len(texts))] == expected


@pytest.mark.parametrize("kind", KINDS)
def test_those_of_at_most_twelve_bytes_are_found_between_all_such_that_are_nothing(kind: str) -> None:
    short = [text for text in NOTHING if len(text.encode()) <= 12]
    for found in (text for text, its in FOUND if its == kind and len(text.encode()) <= 12):
        masks = find_personal(pl.Series([*short, found, *short, None]))
        assert {kind: mask.arg_true().to_list() for kind, mask in masks.items()} == {kind: [len(short)]}


def test_kinds_stand_in_their_order_and_each_has_its_rows() -> None:
    texts = pl.Series([IBANS[0], CARDS[0], None, PHONES[0], EMAILS[0], f"{EMAILS[0]} {CARDS[0]}"])
    found = {kind: mask.arg_true().to_list() for kind, mask in find_personal(texts).items()}
    assert found == {"email": [4, 5], "phone": [3], "card": [1, 5], "iban": [0]}
    assert tuple(found) == KINDS


@pytest.mark.parametrize("texts", [[], [None], [None, None], ["", ""], ["short", None]])
def test_columns_without_anything(texts: list[str | None]) -> None:
    assert find_personal(pl.Series(texts, dtype=pl.String)) == {}


def test_a_slice_of_a_column_and_a_column_in_pieces() -> None:
    texts = pl.Series(["0612345678", "nothing", "0712345678", None, "nothing at all, but long"])
    assert find_personal(texts.slice(1, 3))["phone"].to_list() == [False, True, False]
    assert find_personal(texts.slice(1, 1)) == {}
    pieces = texts.append(pl.Series(["no", "call 0612345678"]))
    assert find_personal(pieces)["phone"].arg_true().to_list() == [0, 2, 6]


def test_a_small_part_of_a_large_column() -> None:
    texts = pl.Series(
        [f"a text of more than twelve bytes, {number}" for number in range(1000)] + ["call 0612345678 now"]
    )
    assert find_personal(texts.head(10)) == {}
    assert len(Cells.of(texts.head(10), texts.head(10).str.len_bytes()).raw) < 500
    assert find_personal(texts.tail(3))["phone"].to_list() == [False, False, True]


def test_a_short_text_among_long_ones() -> None:
    texts = pl.Series(["a 0612345678", "nothing that is longer than twelve bytes"])
    assert find_personal(texts)["phone"].to_list() == [True, False]


def test_texts_that_a_null_hides_are_not_found() -> None:
    texts = pl.Series(["0612345678", "jean.dupont@example.com", "nothing", "nothing at all"])
    hidden = pl.select(pl.when(pl.Series([False, False, True, True])).then(texts)).to_series()
    assert find_personal(hidden) == {}


@pytest.mark.parametrize("place", [0, 1, 524_280, 524_288, 600_000])
def test_large_columns_are_looked_at_to_their_end_and_across_blocks(place: int) -> None:
    filler = "x" * (place % 1000) + "call 0612345678"
    texts = pl.Series(["y" * 999] * (place // 1000) + [filler] + ["y" * 999] * 3)
    assert find_personal(texts)["phone"].arg_true().to_list() == [place // 1000]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["ends with 12345678901", "0612345678 in front"], [1]),  # bytes that touch are no word
        (["ends with a long number 061", "2345678 begins the next text"], []),
        (["a text that ends in 4111", "1111 1111 1111 in the next one"], []),
        (["number 20240105100000", "0612345678"], [1]),
    ],
)
def test_texts_do_not_flow_into_each_other(texts: list[str], expected: list[int]) -> None:
    found = find_personal(pl.Series(texts))
    assert (found["phone"].arg_true().to_list() if found else []) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("jean.dupont@example.com", "j…@example.com"),
        ("to jean.dupont@example.com, now", "j…@example.com"),
        ("https://shop.example.com/?e=jean%40example.com&x=1", "j…%40example.com"),
        ("jo@example.com", "…@example.com"),
        ("4242 4242 4242 4242", "…4242"),
        ("378282246310005", "…0005"),
        ("FR14 2004 1010 0505 0001 3M02 606", "FR14…"),
        ("fr1420041010050500013m02606", "FR14…"),
        ("+33 6 12 34 56 78", "…78"),
        ("0033612345678", "…78"),
        ("(555) 123-4567", "…67"),
        ("06\u202f12\u202f34\u202f56\u202f78", "…78"),
        ("jean@example.com or 06 12 34 56 78", "j…@example.com, …78"),
        ("icon@2x.png", "…"),
        ("nothing to see", "…"),
        ("", "…"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert mask(text) == shown


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("user.email", {"email"}), ("email", {"email"}), ("user.e_mail", {"email"}), ("user.eMail", {"email"}),
        ("user.E-Mail", {"email"}), ("custom.courriel", {"email"}), ("custom.billingEmail", {"email"}),
        ("custom.customer_email", {"email"}), ("custom.email_address", {"email"}), ("custom.adresse_email", {"email"}),
        ("custom.email2", {"email"}), ("custom.email_2", {"email"}), ("custom.mail", {"email"}),
        ("custom.EMAIL", {"email"}), ("user.phone", {"phone"}), ("user.mobile", {"phone"}),
        ("user.telephone", {"phone"}), ("user.tel", {"phone"}), ("custom.phone_number", {"phone"}),
        ("custom.phoneNumber", {"phone"}), ("custom.numero_telephone", {"phone"}), ("custom.tel_portable", {"phone"}),
        ("custom.mobilePhone", {"phone"}), ("custom.tel1", {"phone"}), ("custom.iban", {"iban"}),
        ("custom.IBAN_client", {"iban"}), ("custom.customerIban", {"iban"}), ("user.email_sha256", set()),
        ("user.email_md5", set()), ("user.phone_sha256", set()), ("user.email_SHA256", set()),
        ("custom.email_campaign", set()), ("custom.email_optin", set()), ("custom.is_mobile", set()),
        ("custom.hotel", set()), ("custom.smartphone", set()), ("custom.label", set()), ("email.label", set()),
        ("custom.mobile_app", set()), ("", set()),
    ],
)  # fmt: skip
def test_names_declare_what_they_carry(path: str, expected: set[str]) -> None:
    assert declared(path, None) == expected


def test_formats_declare_what_they_carry() -> None:
    assert declared("user.contact", "email") == {"email"}
    assert declared("user.contact", "e164") == {"phone"}
    assert declared("user.email", "e164") == {"email", "phone"}
    assert declared("user.contact", "hex64") == frozenset()
    assert declared("user.email_sha256", "email") == frozenset()
