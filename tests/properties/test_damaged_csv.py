"""Scoreboard row 16: CSV files in all dialects, damaged in all ways, beside readers that are not ours.

Each seed is a file. The same checks run on seeds without end in ``make torture ONLY=inputs``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import csv_files
import csv_readers
import pytest
import reading
from seeds import sum_of

from importer.errors import SourceUnreadable

if TYPE_CHECKING:
    from pathlib import Path

CODES = ("short", "long", "quote", "unclosed_quote", "carriage_return", "encoding")
PLAIN = csv_files.Writing(",", '"', "\n", "utf-8", ("n0", "n1", "n2"))


def test_whatever_the_damage_a_reader_that_goes_letter_by_letter_finds_the_same(tmp_path: Path) -> None:
    figures = sum_of(reading.letter_by_letter, range(200), tmp_path)
    assert all(figures[f"damage: {kind}"] for kind in csv_files.DAMAGE), figures
    assert all(figures[f"rejected: {code}"] for code in CODES), figures
    assert figures["rows"] > 500


def test_of_any_bytes_a_reader_that_goes_letter_by_letter_finds_the_same(tmp_path: Path) -> None:
    figures = sum_of(reading.soup, range(250), tmp_path)
    assert figures["rows"] > 50
    assert figures["rejected from soup"] > 500


def test_broken_records_are_those_of_the_csv_module(tmp_path: Path) -> None:
    figures = sum_of(reading.beside_the_csv_module, range(60), tmp_path)
    assert all(
        figures[f"damage: {kind}"] for kind in ("short", "long", "text after quote", "wrong separator", "nul", "blank")
    )
    assert figures["rejected: short"] > 20
    assert figures["rejected: long"] == figures["damage: long"]


def test_broken_records_are_those_of_duckdb(tmp_path: Path) -> None:
    figures = sum_of(reading.beside_duckdb, range(20), tmp_path)
    assert all(
        figures[f"damage: {kind}"] for kind in ("short", "long", "text after quote", "wrong separator", "nul", "alien")
    )
    assert figures["rejected: encoding"] == figures["damage: alien"]


def test_a_damaged_header_is_refused_or_read_as_the_csv_module_reads_it(tmp_path: Path) -> None:
    figures = sum_of(reading.damaged_header, range(100), tmp_path)
    assert figures["headers refused"] > 20
    assert figures["headers read"] > 20


def test_a_file_cut_at_any_byte_loses_only_what_was_cut_off(tmp_path: Path) -> None:
    header, records = (
        b"n0,n1,n2\n",
        [b'AAA,"BBB ""1""\n,",CCC\n', b'AAA,B\xc3\xa9BBB,"CCC"\n', b"AAA,,\xf0\x9f\x98\x80CCC\n"],
    )
    ends = [len(header) + len(b"".join(records[:count])) for count in range(len(records) + 1)]
    whole = reading.seen(tmp_path, header + b"".join(records), PLAIN)
    for stop in range(ends[0], ends[-1]):
        data = (header + b"".join(records))[:stop]
        found = reading.seen(tmp_path, data, PLAIN)
        theirs = list(csv_readers.by_letters(PLAIN, csv_readers.text_of(data, "utf-8"), len(header), 2))
        assert found.records == len(theirs)
        assert {row: cells for row, cells in whole.rows.items() if ends[row] <= stop}.items() <= found.rows.items()
        reading.assert_no_column_is_shifted(found.rows)


@pytest.mark.parametrize(
    ("data", "rows", "rejects"),
    [
        # Others take a lone carriage return for a line end: two short records. Ours is one record, and an error in it.
        (b"AAA,BBB\rAAA,BBB,CCC\n", [], {1: "carriage_return"}),
        # Others take a quote within a field as it is. It is no CSV, and where one is, the next field may be broken.
        (b'AAA,BBB 5" pipe,CCC\n', [], {1: "quote"}),
        # Others take all that follows for one field. A line that is a good record by itself is one.
        (b'AAA,"BBB,CCC\nAAA,B,C\n', [("AAA", "B", "C")], {1: "unclosed_quote"}),
        # A pair of stray quotes that makes good CSV: nobody can know, and no column is shifted.
        (b'AAA,"BBB,CCC\nAAA,BBB",CCC\n', [("AAA", "BBB,CCC\nAAA,BBB", "CCC")], {}),
        # A line of nothing is no record, with two kinds of line end in one file, too.
        (b"AAA,B,C\r\n\r\n\nAAA,D,E\n", [("AAA", "B", "C"), ("AAA", "D", "E")], {}),
        # A line of blanks is a record of one field.
        (b"  \nAAA,B,C\n", [("AAA", "B", "C")], {1: "short"}),
    ],
)
def test_where_readers_disagree_this_is_our_rule(
    tmp_path: Path, data: bytes, rows: list[object], rejects: dict[int, str]
) -> None:
    found = reading.seen(tmp_path, b"n0,n1,n2\n" + data, PLAIN)
    assert list(found.rows.values()) == rows
    assert {row: reject.code for row, reject in found.rejects.items()} == rejects


@pytest.mark.parametrize(
    "header", [b"n0,n1,n0\n", b"n0,,n2\n", b"n0,n1, \n", b"n0;n1;n2\n", b'n0,"n1,n2\n', b"1,2,3\n"]
)
def test_a_header_that_would_mix_up_columns_is_refused(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(SourceUnreadable) as refused:
        reading.seen(tmp_path, header + b"AAA,BBB,CCC\n", PLAIN)
    assert refused.value.hint
