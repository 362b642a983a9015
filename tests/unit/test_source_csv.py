"""What becomes of records, one kind at a time."""

# ruff: noqa: ANN401  (helpers pass on the members of the spec, whatever their types)
from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from importer.errors import Imbalance, SourceChanged
from importer.mapping.models import SourceSpec
from importer.records import Reject, Span
from importer.source import Chunk, SourceFile, csv_reader, sniff
from importer.source.csv_reader import CsvReader

if TYPE_CHECKING:
    from pathlib import Path

ALL = [Span(3, 1, 1 << 60)]


def reader_of(
    folder: Path, data: bytes, *, block_bytes: int = 1 << 20, longest: int = 1 << 20, **spec: Any
) -> CsvReader:
    path = folder / "x.csv"
    path.write_bytes(data)
    file = SourceFile(path, "x.csv", "csv")
    dialect = sniff(file, SourceSpec().model_copy(update=spec))
    return CsvReader(file, 3, dialect, block_bytes=block_bytes, max_record_bytes=longest)


def read(folder: Path, data: bytes, **spec: Any) -> Chunk:
    """The whole file as one chunk (the last record may come in a chunk of its own), with the lines of the first."""
    chunks = list(reader_of(folder, data, **spec).chunks(ALL))
    return replace(
        chunks[0],
        span=Span(3, chunks[0].span.start, chunks[-1].span.stop),
        frame=pl.concat(chunk.frame for chunk in chunks),
        rows=pl.concat(chunk.rows for chunk in chunks),
        rejects=tuple(reject for chunk in chunks for reject in chunk.rejects),
        blank=sum(chunk.blank for chunk in chunks),
    )


def test_everything_is_text_and_empty_cells_and_null_values_are_null(tmp_path: Path) -> None:
    data = b'id,name,n\n007,"",1e400\n9007199254740993,NULL,"\\N"\n,"NULL", x \n'
    chunk = read(tmp_path, data, null_values=("NULL", "\\N"))
    expected = {"id": ["007", "9007199254740993", None], "name": [None] * 3, "n": ["1e400", None, " x "]}
    assert_frame_equal(chunk.frame, pl.DataFrame(expected, schema=dict.fromkeys(expected, pl.String)))
    assert (chunk.span, chunk.rows.to_list(), chunk.rows.dtype) == (Span(3, 1, 4), [1, 2, 3], pl.Int64)


def test_a_broken_record_is_rejected_with_row_line_and_text(tmp_path: Path) -> None:
    chunk = read(tmp_path, b'a,b\n"x\ny",1\nshort\n\n1,2,"3\n4"\n5,6\n')
    assert chunk.rows.to_list() == [1, 5]
    assert chunk.blank == 1
    assert chunk.rejects == (
        Reject(3, "x.csv", 2, 4, "source", "short", "The record has 1 field, the header 2.", "short"),
        Reject(3, "x.csv", 4, 6, "source", "long", "The record has 3 fields, the header 2.", '1,2,"3\n4"'),
    )
    assert [chunk.line_of(row) for row in range(1, 6)] == [2, 4, 5, 6, 8]


@pytest.mark.parametrize(
    ("record", "code", "word"),
    [
        (b'1,5" pipe', "quote", "inside a field"),
        (b'1,"x" y', "quote", "behind the closing quote"),
        (b'1,"x', "unclosed_quote", "not closed"),
        (b"1,x\ry", "carriage_return", "carriage return"),
        (b"1,\xe9t\xe9", "encoding", "not valid"),
        (b'1,"x\ny\xff"', "encoding", "not valid"),
        (b"1," + b"x" * 2000, "too_long", "longer than 1000 bytes"),
    ],
)
def test_each_kind_of_damage_has_its_code_and_neighbours_live(
    tmp_path: Path, record: bytes, code: str, word: str
) -> None:
    chunk = read(tmp_path, b"a,b\n0,before\n" + record + b"\n2,after\n", longest=1000)
    assert chunk.frame.rows() == [("0", "before"), ("2", "after")]
    (reject,) = chunk.rejects
    assert (reject.row, reject.line, reject.code) == (2, 3, code)
    assert word in reject.message
    shown = record.decode(errors="backslashreplace")
    assert reject.source_row == (f"{shown[:1000]}… (cut)" if code == "too_long" else shown)


def test_a_carriage_return_does_not_hide_in_a_file_that_ends_its_lines_with_them(tmp_path: Path) -> None:
    chunk = read(tmp_path, b"a,b\r\n1,2\r\n3,\r4\n5,6\r\n")
    assert chunk.frame.rows() == [("1", "2"), ("5", "6")]
    assert [(reject.row, reject.code) for reject in chunk.rejects] == [(2, "carriage_return")]


def test_an_unclosed_quote_at_the_end_takes_only_its_line(tmp_path: Path) -> None:
    chunk = read(tmp_path, b'a,b\n1,2\n3,"4\n5,6\n7,8')
    assert chunk.rows.to_list() == [1, 3, 4]
    assert [reject.code for reject in chunk.rejects] == ["unclosed_quote"]


def test_a_quote_that_runs_into_the_next_record_takes_only_its_own_lines(tmp_path: Path) -> None:
    chunk = read(tmp_path, b'a,b,c\n1,"x,y\n3,4,5\n6,7"\n9,9,9\n')
    assert chunk.frame.rows() == [("3", "4", "5"), ("9", "9", "9")]
    assert [(reject.row, reject.code) for reject in chunk.rejects] == [(1, "unclosed_quote"), (3, "quote")]


def test_long_text_is_cut_and_that_is_said(tmp_path: Path) -> None:
    (reject,) = read(tmp_path, b"a,b\n" + "é".encode() * 3000 + b"\n").rejects
    assert reject.source_row == "é" * 2000 + "… (cut)"


@pytest.mark.parametrize("head", range(4))
@pytest.mark.parametrize(
    ("encoding", "sign"), [("latin-1", "é"), ("utf-16-le", "€"), ("gb18030", "😀"), ("cp1252", "\x81")]
)
def test_long_text_in_another_encoding_is_cut_between_two_characters(
    tmp_path: Path, encoding: str, sign: str, head: int
) -> None:
    record = "a" * head + sign * 5000
    raw = record.encode(encoding) if sign != "\x81" else record.encode("latin-1")
    data = "a,b\n".encode(encoding) + raw + "\n".encode(encoding)
    (reject,) = read(tmp_path, data, encoding=encoding).rejects
    shown = record if sign != "\x81" else record.replace(sign, "\\x81")
    assert reject.source_row == shown[:2000] + "… (cut)"


def test_a_line_without_end_needs_no_memory_and_one_row(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, b"a,b\n1,2\n" + b"x" * 50_000 + b"\n3,4\n", block_bytes=500, longest=1000)
    chunks = list(reader.chunks(ALL))
    assert [row for chunk in chunks for row in chunk.rows] == [1, 3]
    assert [reject.code for chunk in chunks for reject in chunk.rejects] == ["too_long"]
    assert chunks[-1].anchor is not None
    assert (chunks[-1].anchor.row, chunks[-1].anchor.line) == (3, 4)
    assert next(reader.chunks([Span(3, 3, 9)], [chunks[-1].anchor])).frame.rows() == [("3", "4")]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8-sig", "shift_jis"])
def test_a_declared_encoding_is_decoded(tmp_path: Path, encoding: str) -> None:
    word = "注文" if encoding == "shift_jis" else "été"
    chunk = read(tmp_path, f"a;b\n1;{word}\n".encode(encoding), encoding=encoding)
    assert chunk.frame.rows() == [("1", word)]


def test_bytes_that_a_declared_encoding_does_not_have_are_rejected(tmp_path: Path) -> None:
    chunk = read(tmp_path, b"a,b\n1,\x81\n2,\x80\n", encoding="cp1252")
    assert chunk.frame.rows() == [("2", "€")]
    assert [(reject.code, reject.source_row) for reject in chunk.rejects] == [("encoding", "1,\\x81")]
    half = "a,b\n1,x\n".encode("utf-16-le") + b"\x00\xd8" + "y,z\n2,x\n3".encode("utf-16-le") + b"\x31"
    chunk = read(tmp_path, half, encoding="utf-16-le")
    assert chunk.frame.rows() == [("1", "x"), ("2", "x")]
    assert [reject.row for reject in chunk.rejects] == [2, 4]


def test_other_quotes_and_none(tmp_path: Path) -> None:
    assert read(tmp_path, b"a,b\n'1,''2',\"3\n", quote="'").frame.rows() == [("1,'2", '"3')]
    assert read(tmp_path, b'a,b\n"1,2"\n', quote="").frame.rows() == [('"1', '2"')]


def test_one_column_knows_blank_from_empty(tmp_path: Path) -> None:
    chunk = read(tmp_path, b'a\nx\n\n""\ny,z\n,,z\n')
    assert chunk.frame.rows() == [("x",), (None,)]
    assert (chunk.blank, [reject.code for reject in chunk.rejects]) == (1, ["long", "long"])


def test_a_header_alone_is_no_rows(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, b"a,b")
    assert reader.total_rows is None
    assert list(reader.chunks(ALL)) == []
    assert reader.total_rows == 0
    assert reader.schema == {"a": pl.String(), "b": pl.String()}


def test_an_anchor_saves_reading_what_lies_before_it(tmp_path: Path) -> None:
    rows = b"".join(b"%d,x\n" % row for row in range(1, 2001))
    reader = reader_of(tmp_path, b"a,b\n" + rows, block_bytes=512)
    anchor = [chunk.anchor for chunk in reader.chunks(ALL) if chunk.anchor and chunk.anchor.row < 1500][-1]
    assert anchor is not None
    before = b"a,b\n" + rows
    # Everything before the anchor is made unreadable, in place, so that only a seek can succeed.
    damaged = before[: len(b"a,b\n")] + b'"' * (anchor.offset - len(b"a,b\n")) + before[anchor.offset :]
    reader = reader_of(tmp_path, damaged, block_bytes=512)
    chunks = list(reader.chunks([Span(3, 1500, 1503), Span(3, 1999, 1 << 60)], [anchor]))
    assert [row for chunk in chunks for row in chunk.frame["a"]] == ["1500", "1501", "1502", "1999", "2000"]


def test_reading_ends_with_what_is_missing(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, b"a,b\n" + b"1,2\n" * 1000, block_bytes=100)
    assert sum(chunk.span.rows for chunk in reader.chunks([Span(3, 5, 10)])) == 5
    assert reader.total_rows is None


def test_a_file_that_changes_while_it_is_read_stops_the_run(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, b"a,b\n" + b"1,2\n" * 1000, block_bytes=100)
    chunks = reader.chunks(ALL)
    next(chunks)
    with (tmp_path / "x.csv").open("ab") as handle:
        handle.write(b"3,4\n")
    with pytest.raises(SourceChanged, match=r"x\.csv: changed while it was read \(4004 bytes before, 4008 now\)"):
        next(chunks)


def test_a_file_that_disappears_while_it_is_read_stops_the_run(tmp_path: Path) -> None:
    chunks = reader_of(tmp_path, b"a,b\n" + b"1,2\n" * 1000, block_bytes=100).chunks(ALL)
    next(chunks)
    (tmp_path / "x.csv").unlink()
    with pytest.raises(SourceChanged, match="disappeared"):
        next(chunks)


def test_a_changed_time_alone_is_a_change(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, b"a,b\n1,2\n")
    os.utime(tmp_path / "x.csv", ns=(1, 1))
    with pytest.raises(SourceChanged):
        list(reader.chunks(ALL))


def test_a_parser_that_sees_other_records_is_never_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = reader_of(tmp_path, b"a,b\n1,2\n3,4\n")
    read_csv = pl.read_csv
    monkeypatch.setattr(csv_reader.pl, "read_csv", lambda *args, **options: read_csv(*args, **options)[1:])
    with pytest.raises(Imbalance, match="rows 1 to 2 the CSV parser finds 1 records where the check found 2"):
        list(reader.chunks(ALL))


def test_thousands_of_broken_records_stay_quick(tmp_path: Path) -> None:
    record = b'1,2\n\n1,"x\ny"\nshort\n1,\xff\n1,a"b\n'
    started = time.process_time()
    chunk = read(tmp_path, b"a,b\n" + record * 5000, block_bytes=1 << 24)
    assert (chunk.frame.height, len(chunk.rejects), chunk.blank) == (10_000, 15_000, 5000)
    assert time.process_time() - started < 20  # 0.2 s as it is; a parse or a decode a record would take minutes


def test_chunks_of_narrow_rows_stay_small(tmp_path: Path) -> None:
    chunks = list(reader_of(tmp_path, b"a,b\n" + b"," * 3 * 10**5 + b"\n" + b"1,\n" * 400_000).chunks(ALL))
    assert sum(chunk.span.rows for chunk in chunks) == 400_001
    assert max(chunk.span.rows for chunk in chunks) <= 25_000
    assert len({chunk.anchor for chunk in chunks}) > 5, "blocks shrink as rows do, so that frames stay small, too"
