"""Encoding, separator, quote and header of an unknown text."""

from __future__ import annotations

import pytest

from importer.draft.text import encoding_of, layout_of
from importer.errors import SourceUnreadable

FRENCH = "nom;ville\nÉmilie Léger;Orléans\nFrançois;Nîmes à côté\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"a,b\n1,2\n", "utf-8"),
        (FRENCH.encode(), "utf-8"),
        (FRENCH.encode("utf-8-sig"), "utf-8"),
        (FRENCH.encode("utf-16"), "utf-16"),
        (FRENCH.encode("latin-1"), "latin-1"),
        ((FRENCH + "prix;12 € \u2013 « soldé »\n").encode("windows-1252"), "windows-1252"),
        (FRENCH.encode("mac-roman"), "mac-roman"),
        (FRENCH.encode("cp850"), "cp850"),
        (FRENCH.encode() * 20 + b"caf\xe9;1\n", "utf-8"),
    ],
)
def test_encodings(data: bytes, encoding: str) -> None:
    assert encoding_of("f.csv", [data]) == encoding


def test_a_character_that_a_part_cuts_is_no_error() -> None:
    assert encoding_of("f.csv", [FRENCH.encode()[:-1], "é".encode()[1:] + FRENCH.encode()]) == "utf-8"


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"a\x00b\x01", "is not text"), (bytes(range(0xC0, 0xF0)) + b";\n", "neither UTF-8 nor plausible")],
)
def test_what_is_no_text_or_in_another_alphabet_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(SourceUnreadable, match=said):
        encoding_of("f.csv", [data])


@pytest.mark.parametrize(
    ("text", "separator", "quote", "skip_rows", "columns"),
    [
        ("a,b\n1,2\n", ",", '"', 0, 2),
        ("a;b;c\n1,5;2,5;3,5\n1,0;2;3\n", ";", '"', 0, 3),
        ("a\tb\n1\t2\n", "\t", '"', 0, 2),
        ("a|b\n1|2\n", "|", '"', 0, 2),
        ("'a';'b'\n'1;2';'3'\n'4';'5'\n", ";", "'", 0, 2),
        ('"a,b";c\n"1,2";3\n', ";", '"', 0, 2),
        ("Export of today\n\na,b\n1,2\n3,4\n", ",", '"', 2, 2),
        ("Title;;\n;;\na;b;c\n1;2;3\n4;5;6\n", ";", '"', 2, 3),
        ("\n\na,b\n1,2\n", ",", '"', 0, 2),
        ("\ufeffa;b\r\n1;2\r\n", ";", '"', 0, 2),
        ("a;b\r\n1;2\r3\r\n4;5\r\n", ";", '"', 0, 2),
        ("a,b\n1,2\n3," + "x" * 200_000 + "\n", ",", '"', 0, 2),
    ],
)
def test_layouts(text: str, separator: str, quote: str, skip_rows: int, columns: int) -> None:
    found = layout_of("f.csv", text)
    assert (found.separator, found.quote, found.skip_rows, found.columns) == (separator, quote, skip_rows, columns)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\nfoo\nbar\n", "one column only, `name`"),
        ("\n\n", "blank lines only"),
        ("a,b\r1,2\r", "lone carriage return"),
        (",,\n,,x\n", "no line of it names its columns"),
    ],
)
def test_what_has_no_columns_is_refused(text: str, said: str) -> None:
    with pytest.raises(SourceUnreadable, match=said):
        layout_of("f.csv", text)
