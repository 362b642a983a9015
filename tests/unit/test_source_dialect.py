"""How a CSV file is written, and which headers are refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from importer.errors import ImporterError, SourceUnreadable, UsageInvalid
from importer.mapping.models import SourceSpec
from importer.source import Anchor, Dialect, SourceFile, sniff
from importer.source.dialect import Header, read_header

if TYPE_CHECKING:
    from pathlib import Path


def file_of(folder: Path, data: bytes) -> SourceFile:
    path = folder / "x.csv"
    path.write_bytes(data)
    return SourceFile(path, "x.csv", "csv")


def header_of(folder: Path, data: bytes, **spec: Any) -> tuple[Dialect, Header]:  # noqa: ANN401  (members of the spec)
    file = file_of(folder, data)
    dialect = sniff(file, SourceSpec().model_copy(update=spec))
    return dialect, read_header(file, dialect)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_recognised_in_the_header(tmp_path: Path, separator: str) -> None:
    header = separator.join(["id", '"a,;|\tb"', "c"]) + "\n"
    dialect, found = header_of(tmp_path, header.encode())
    assert dialect.separator == separator
    assert found.columns == ("id", "a,;|\tb", "c")


def test_what_is_declared_wins(tmp_path: Path) -> None:
    dialect, found = header_of(tmp_path, b"a,b;c,d\n", separator=";", null_values=("NULL",))
    assert found.columns == ("a,b", "c,d")
    assert dialect.describe() == 'separator `;`, quote `"`, encoding utf-8, null values `NULL`'
    assert Dialect.from_json(json.loads(json.dumps(dialect.to_json()))) == dialect


def test_mark_skipped_lines_blank_lines_and_quoted_line_ends_come_before_the_first_row(tmp_path: Path) -> None:
    data = '\ufeffExport of today\n"\n\r\n"two\nlines";b\r\n1;2\n'.encode()
    _, found = header_of(tmp_path, data, skip_rows=2)
    assert found == Header(("two\nlines", "b"), Anchor(1, data.index(b"1;2"), 6))


def test_the_byte_order_of_utf16_is_frozen(tmp_path: Path) -> None:
    for encoding, codec in [("utf-16", "utf-16-le"), ("UTF-16", "utf-16-be")]:
        dialect, found = header_of(tmp_path, "\ufeffé;b\n1;2\n".encode(codec), encoding=encoding)
        assert (dialect.encoding, found) == (codec, Header(("é", "b"), Anchor(1, 10, 2)))


def test_a_quote_may_be_declared_as_none(tmp_path: Path) -> None:
    assert header_of(tmp_path, b'"a,b"\n', quote="")[1].columns == ('"a', 'b"')


@pytest.mark.parametrize(
    ("data", "spec", "message", "hint"),
    [
        (b"\n\n", {}, "has no header", ""),
        (b"\xef\xbb\xbf", {}, "has no header", ""),
        (b"a,b,a\n", {}, "names `a` more than once", "Rename"),
        (b"a,,b\n", {}, "column 2 .* no name", ""),
        (b"a,b,\n", {}, "column 3 .* no name", ""),
        (b"1,2.5,-3\n", {}, "is data, not a header", ""),
        (b"a;b;c\n", {"separator": ","}, "no `,`, but 2 x `;`", 'separator: ";"'),
        (b"a\tb\n", {"separator": ","}, "but 1 x tab", r'separator: "\t"'),
        (b"a,b\r1,2\r3,4", {}, "carriage return", "tr"),
        (b"a\rb,c\n1,2\n", {}, "header is broken", ""),
        (b'a,"b\n1,2\n', {}, "not closed", ""),
        (b'a,"b"c\n1,2\n', {}, "header is broken", ""),
        (b"caf\xe9,b\n1,2\n", {}, r"not valid utf-8: \\xe9 at byte 3", "encoding: latin-1"),
        (b"\xe9\xe9\x81,b\n", {"encoding": "cp1252"}, r"not valid cp1252: \\x81 at byte 2", "encoding: latin-1"),
        (b"a\0\0\xd8b\0\n\0", {"encoding": "utf-16-le"}, r"not valid utf-16-le: \\x00 at byte 2", ""),
        (b"\xef\xbb\xbfa,b\n", {"encoding": "latin-1"}, "mark of UTF-8, and .* `encoding: latin-1`", "encoding: utf-8"),
        (b"\xef\xbb\xbfa,b\n", {"encoding": "utf-16"}, "mark of UTF-8", ""),
        (b"a\nb\n", {"skip_rows": 5}, "skip_rows: 5. leaves no header", ""),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(
    tmp_path: Path, data: bytes, spec: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(SourceUnreadable, match=f"x.csv: .*{message}") as caught:
        header_of(tmp_path, data, **spec)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "spec",
    [
        {"separator": ";;"},
        {"separator": "\\t"},
        {"separator": "é"},
        {"quote": "''"},
        {"separator": '"'},
        {"encoding": "latin-one"},
        {"encoding": "utf-7"},
        {"encoding": "base64"},
    ],
)
def test_impossible_declarations_are_usage_errors(tmp_path: Path, spec: dict[str, Any]) -> None:
    with pytest.raises(UsageInvalid) as caught:
        header_of(tmp_path, b"a,b\n", **spec)
    assert caught.value.hint


def test_an_unknown_encoding_gets_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(ImporterError, match="Did you mean `latin-1`"):
        header_of(tmp_path, b"a,b\n", encoding="latin-l")
