"""CSV files of every kind against Python's csv module, and against themselves with other cuts."""

from __future__ import annotations

import csv
import gzip
import io
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.records import Reject, Span
from importer.source import Anchor, Dialect, SourceFile
from importer.source.csv_reader import CsvReader
from importer.source.grammar import Grammar
from importer.source.structure import scan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from importer.source import Chunk
    from importer.source.compression import Compression

EVERYTHING = Span(0, 1, 1 << 60)
PROFILE = settings(max_examples=150, deadline=None)
MAX_EXAMPLE_BLOCK = 40

cells = st.text(alphabet='aé€😀,;" \n\r\0\ufeff', max_size=6)
widths = st.integers(min_value=1, max_value=4)
block_sizes = st.integers(min_value=1, max_value=MAX_EXAMPLE_BLOCK)


class Seen(NamedTuple):
    """All that a reader says of a file, chunk by chunk."""

    rows: dict[int, tuple[str | None, ...]]
    rejects: dict[int, Reject]
    lines: dict[int, int]
    spans: list[Span]
    blank: int
    anchors: list[Anchor]


def read(reader: CsvReader, missing: Sequence[Span] = (EVERYTHING,), anchors: Sequence[Anchor] = ()) -> Seen:
    seen = Seen({}, {}, {}, [], 0, [])
    for chunk in reader.chunks(missing, anchors):
        _check_sums(chunk)
        numbers = chunk.rows.to_list()
        seen.rows.update(zip(numbers, chunk.frame.rows(), strict=True))
        seen.rejects.update({reject.row: reject for reject in chunk.rejects})
        seen.lines.update({row: chunk.line_of(row) for row in range(chunk.span.start, chunk.span.stop)})
        seen = seen._replace(blank=seen.blank + chunk.blank)
        seen.spans.append(chunk.span)
        assert chunk.anchor is not None
        seen.anchors.append(chunk.anchor)
    return seen


def _check_sums(chunk: Chunk) -> None:
    assert chunk.frame.height == len(chunk.rows)
    assert chunk.frame.height + len(chunk.rejects) + chunk.blank == chunk.span.rows
    rows = sorted(chunk.rows.to_list() + [reject.row for reject in chunk.rejects])
    assert all(chunk.span.start <= row < chunk.span.stop for row in rows)
    assert len(set(rows)) == len(rows)


def open_csv(
    folder: Path, data: bytes, *, block_bytes: int = 1 << 20, compression: Compression | None = None, **how: object
) -> CsvReader:
    path = folder / "file.csv"
    path.write_bytes(data)
    longest = how.pop("max_record_bytes", 1 << 20)
    dialect = Dialect(**({"separator": ","} | how))  # type: ignore[arg-type]
    file = SourceFile(path, "file.csv", "csv", compression)
    return CsvReader(file, 0, dialect, block_bytes=block_bytes, max_record_bytes=longest)  # type: ignore[arg-type]


def header(width: int) -> str:
    return ",".join(f"c{number}" for number in range(width)) + "\n"


@st.composite
def valid_files(draw: st.DrawFn) -> tuple[int, str]:
    """A width and records as RFC 4180 allows them; only cells that need quotes must have them."""
    width = draw(widths)
    text = ""
    for row in draw(st.lists(st.lists(cells, min_size=width, max_size=width), max_size=12)):
        quoted = [draw(st.booleans()) or _needs_quotes(cell, width) for cell in row]
        text += ",".join(_written(cell) if is_quoted else cell for cell, is_quoted in zip(row, quoted, strict=True))
        text += draw(st.sampled_from(["\n", "\r\n"]))
    return width, text


def _needs_quotes(cell: str, width: int) -> bool:
    return any(sign in cell for sign in ',"\r\n') or (width == 1 and not cell)


def _written(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def independently(text: str) -> list[tuple[str | None, ...]]:
    return [tuple(cell or None for cell in row) for row in csv.reader(io.StringIO(text, newline=""), strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv")


@PROFILE
@given(valid_files(), block_sizes, st.sampled_from(["with line end", "without"]))
def test_valid_files_read_as_the_csv_module_reads_them(
    folder: Path, file: tuple[int, str], block_bytes: int, last: str
) -> None:
    width, text = file
    expected = independently(text)
    if last == "without" and text.endswith("\n"):
        text = text.removesuffix("\n").removesuffix("\r")
    seen = read(open_csv(folder, (header(width) + text).encode(), block_bytes=block_bytes))
    assert list(seen.rows.values()) == expected
    assert list(seen.rows) == list(range(1, len(expected) + 1))
    assert not seen.rejects
    assert not seen.blank


@PROFILE
@given(valid_files(), st.sampled_from(["utf-16-le", "utf-16-be", "utf-32-le", "gb18030"]), block_sizes, st.data())
def test_the_encoding_changes_nothing_and_a_resume_needs_no_beginning(
    folder: Path, file: tuple[int, str], encoding: str, block_bytes: int, data: st.DataObject
) -> None:
    text = header(file[0]) + file[1]
    plain = read(open_csv(folder, text.encode()))
    reader = open_csv(folder, text.encode(encoding), block_bytes=block_bytes, encoding=encoding)
    seen = read(reader)
    assert (seen.rows, seen.lines) == (plain.rows, plain.lines)
    if seen.anchors:
        anchor = data.draw(st.sampled_from(seen.anchors))
        rest = read(reader, [Span(0, anchor.row, 1 << 60)], [anchor])
        assert rest.rows == {row: cells for row, cells in plain.rows.items() if row >= anchor.row}
        assert rest.anchors[0] == anchor


def packed(data: bytes, compression: Compression) -> bytes:
    return gzip.compress(data, mtime=0) if compression == "gzip" else pa.compress(data, "zstd", asbytes=True)


@PROFILE
@given(
    valid_files(),
    st.sampled_from(["gzip", "zstd"]),
    st.sampled_from(["utf-8", "utf-16-le", "gb18030"]),
    block_sizes,
    st.data(),
)
def test_compression_changes_nothing_and_offsets_are_those_of_the_text(
    folder: Path,
    file: tuple[int, str],
    compression: Compression,
    encoding: str,
    block_bytes: int,
    data: st.DataObject,
) -> None:
    text = (header(file[0]) + file[1]).encode(encoding)
    how = {"block_bytes": block_bytes, "encoding": encoding}
    plain = read(open_csv(folder, text, **how))  # type: ignore[arg-type]
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=3))), len(text)]
    members = [packed(text[start:stop], compression) for start, stop in pairwise(cuts)]
    reader = open_csv(folder, b"".join(members), compression=compression, **how)  # type: ignore[arg-type]
    assert read(reader) == plain
    if plain.anchors:
        anchor = data.draw(st.sampled_from(plain.anchors))
        rest = read(reader, [Span(0, anchor.row, 1 << 60)], [anchor])
        assert rest.rows == {row: cells for row, cells in plain.rows.items() if row >= anchor.row}
        assert rest.anchors[0] == anchor


garbage = st.lists(
    st.sampled_from(
        [b"a", b"bc", b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"a,b\n", b'"x",y\n', b"\xc3\xa9", b"\xff"]
    ),
    max_size=40,
).map(b"".join)


@settings(PROFILE, max_examples=200)
@given(garbage, widths, block_sizes, st.sampled_from([6, 20, 1 << 20]))
@example(b",\ra\n", 2, 1, 6)
@example(b'"a\nb,c\nd,e\n', 2, 1, 6)
@example(b"a,b,aaaaaaaaaaaaaaaaaaaaaaaa\na,b\n", 2, 3, 6)
def test_where_blocks_are_cut_changes_nothing(
    folder: Path, data: bytes, width: int, block_bytes: int, longest: int
) -> None:
    data = header(width).encode() + data
    whole = read(open_csv(folder, data, max_record_bytes=longest))
    cut = read(open_csv(folder, data, block_bytes=block_bytes, max_record_bytes=longest))
    assert (cut.rows, cut.rejects, cut.lines, cut.blank) == (whole.rows, whole.rejects, whole.lines, whole.blank)


@settings(PROFILE, max_examples=400)
@given(garbage, widths, st.sampled_from([6, 1 << 20]))
def test_every_byte_belongs_to_one_record_and_every_good_one_is_strictly_csv(
    data: bytes, width: int, longest: int
) -> None:
    data += b"" if data.endswith(b"\n") or not data else b"\n"
    found = scan(Grammar(",", '"', width, longest), data, final=True)
    assert found.consumed == len(data)
    pieces = sorted([(run.start, run.stop) for run in found.runs] + [(bad.start, bad.stop) for bad in found.broken])
    between, position = b"", 0
    for start, stop in pieces:
        between += data[position:start]
        position = stop
    between += data[position:]
    assert not between.strip(b"\r\n"), "only blank lines lie between records"
    assert between.count(b"\n") == sum(count for _, count in found.blanks)
    for run in found.runs:
        records = independently(data[run.start : run.stop].decode())
        assert len(records) == run.records
        assert {len(record) for record in records} == {width}


@PROFILE
@given(garbage, st.integers(1, 3), block_sizes, st.data())
def test_a_resume_gives_exactly_what_is_missing(
    folder: Path, data: bytes, width: int, block_bytes: int, draws: st.DataObject
) -> None:
    reader = open_csv(folder, header(width).encode() + data, block_bytes=block_bytes)
    whole = read(reader)
    assert reader.total_rows is not None
    cuts = sorted(draws.draw(st.sets(st.integers(1, reader.total_rows + 3), max_size=6)))
    missing = [Span(0, start, stop) for start, stop in zip(cuts[::2], cuts[1::2], strict=False)]
    anchors = draws.draw(st.lists(st.sampled_from(whole.anchors), unique=True)) if whole.anchors else []
    part = read(reader, missing, anchors)
    wanted = {row for span in missing for row in range(span.start, min(span.stop, reader.total_rows + 1))}
    assert {row for span in part.spans for row in range(span.start, span.stop)} == wanted
    assert sum(span.rows for span in part.spans) == len(wanted)
    assert part.rows == {row: cells for row, cells in whole.rows.items() if row in wanted}
    assert part.rejects == {row: reject for row, reject in whole.rejects.items() if row in wanted}
    assert part.lines == {row: line for row, line in whole.lines.items() if row in wanted}


BROKEN = {
    "short": b"b\n",
    "long": b"b,b,b,b\r\n",
    "quote": b'b,b"b,b\n',
    "unclosed_quote": b'b,"b,b\n',
    "carriage_return": b"b,b\rb,b\n",
    "encoding": b"b,\xe9,b\n",
    "too_long": b"b," + b"b" * 60 + b",b\n",
}
GOOD = [b"g,g,g\n", b',,"q"\r\n', b'g,"q ""q"", q",\n', b'"q\nq",g,g\n', "é,\U0001f600,g\n".encode()]


@settings(PROFILE, max_examples=200)
@given(st.lists(st.sampled_from([*GOOD, *BROKEN.values(), b"\n"]), max_size=14), block_sizes)
def test_a_broken_record_is_rejected_alone(folder: Path, records: list[bytes], block_bytes: int) -> None:
    # At the end, so that an unclosed quote meets another quote or the end of the file behind it.
    reader = open_csv(folder, b"c0,c1,c2\n" + b"".join(records), block_bytes=block_bytes, max_record_bytes=50)
    seen = read(reader)
    codes = {record: code for code, record in BROKEN.items()}
    good = {row: record for row, record in enumerate(records, 1) if record in GOOD}
    assert seen.rows == {row: independently(record.decode())[0] for row, record in good.items()}
    assert set(seen.rejects) == {row for row, record in enumerate(records, 1) if record in codes}
    for row, reject in seen.rejects.items():
        if (expected := codes[records[row - 1]]) != "unclosed_quote":  # which depends on the quotes that follow
            assert reject.code == expected
    assert seen.blank == records.count(b"\n")
    starts = {row: 2 + b"".join(records[: row - 1]).count(b"\n") for row in range(1, len(records) + 1)}
    assert seen.lines == starts
    assert all(reject.line == starts[row] for row, reject in seen.rejects.items())
