"""From raw bytes to UTF-8, and back to an offset."""

from __future__ import annotations

import io

import pytest

from importer.source.encoding import TextStream

VALID_THEN_NOT = [
    ("cp1252", b"caf\xe9\x81 \x80", "café\\x81 €"),
    ("utf-16-le", "é€😀".encode("utf-16-le") + b"\x00\xd8a\x00", "é€😀\\x00\\xd8a"),
    ("shift_jis", "注文".encode("shift_jis") + b"\xff,", "注文\\xff,"),
    ("utf-8", "é😀".encode() + b"\xff\xed\xb2\x80,", "é😀\\xff\\xed\\xb2\\x80,"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(("encoding", "raw", "shown"), VALID_THEN_NOT)
def test_bytes_that_are_not_valid_are_kept_shown_and_counted(encoding: str, raw: bytes, shown: str, size: int) -> None:
    stream = TextStream(io.BytesIO(raw), encoding)
    text = b""
    while more := stream.read(size):
        text += more
        assert stream.raw_length(text) == stream.offset
    assert stream.raw_length(text) == len(raw)
    assert stream.shown(text) == shown
    with pytest.raises(UnicodeDecodeError):
        text.decode()


def test_a_seek_forgets_the_half_of_a_character() -> None:
    stream = TextStream(io.BytesIO("é€b".encode("utf-16-le")), "utf-16-le")
    assert stream.read(3) == "é".encode()
    stream.seek(2)
    assert stream.read(100) == "€b".encode()


def test_a_file_that_ends_within_a_character_keeps_the_rest() -> None:
    stream = TextStream(io.BytesIO(b"a\x00b"), "utf-16-le")
    assert stream.read(100) == b"a"
    assert stream.shown(stream.read(100)) == "\\x62"
    assert stream.read(100) == b""
