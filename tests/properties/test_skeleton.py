"""The quick proof that lines are good records says nothing that the grammar does not say."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from importer.source.grammar import Grammar
from importer.source.skeleton import is_uniform

PIECES = st.lists(st.sampled_from([b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"x", "é".encode()]), max_size=24)
CELLS = st.sampled_from([b"", b"x", "é".encode(), b'"x"', b'""', b'"x,y"', b'"""x"""', b'"x"",""y"'])


@given(PIECES, st.integers(2, 4), st.sampled_from([b'"', b""]))
@example([b'"', b"x", b'""', b",", b"x", b"\n", b'"', b",", b"x"], 2, b'"')
@example([b'"', b"x", b'"', b"\r", b"x", b"\n"], 2, b'"')
def test_lines_that_pass_are_good_records(pieces: list[bytes], fields: int, quote: bytes) -> None:
    lines = b"".join(pieces) + b"\n"
    if is_uniform(lines, b",", quote, fields):
        assert Grammar(",", quote.decode(), fields).good_lines_stop(lines, 0) == len(lines)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1), st.sampled_from([b"\n", b"\r\n"]))
def test_records_of_one_line_each_pass(records: list[tuple[bytes, ...]], line_end: bytes) -> None:
    lines = b"".join(b",".join(record) + line_end for record in records)
    assert is_uniform(lines, b",", b'"', 3)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1), st.data())
def test_what_passes_is_what_the_grammar_takes_but_for_mixed_line_ends(
    records: list[tuple[bytes, ...]], data: st.DataObject
) -> None:
    lines = bytearray(b"".join(b",".join(record) + b"\n" for record in records))
    place = data.draw(st.integers(0, len(lines) - 1))
    lines[place : place + 1] = data.draw(st.sampled_from([b'"', b",", b"\n", b"x", b""]))
    if lines.endswith(b"\n"):
        is_good = Grammar(",", '"', 3).good_lines_stop(bytes(lines), 0) == len(lines)
        assert is_uniform(bytes(lines), b",", b'"', 3) == is_good
