"""Compressed text: read to its end or refused with words, never short."""

from __future__ import annotations

import errno
import gzip
import io
import tracemalloc
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from importer.errors import SourceUnreadable
from importer.mapping.models import SourceSpec
from importer.records import Span
from importer.source import SourceFile, open_source, sniff
from importer.source.compression import Compression, Decompressed, compressed_with
from importer.source.csv_reader import CsvReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOTH = pytest.mark.parametrize("compression", ["gzip", "zstd"])
SUFFIX = {"gzip": ".gz", "zstd": ".zst"}
TEXT = b"".join(b"%d,name %d\n" % (row, row * 7919) for row in range(300))
ALL = [Span(0, 1, 1 << 60)]
SKIPPABLE_FRAME = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
CHECKED_FRAME = bytes.fromhex("28b52ffd045829000069640a310aed80b572")
"""What `zstd --check` writes; pyarrow writes no checksums."""


def packed(data: bytes, compression: Compression) -> bytes:
    return gzip.compress(data, mtime=0) if compression == "gzip" else pa.compress(data, "zstd", asbytes=True)


def pieces_of(data: bytes, compression: Compression, step: int = 50) -> Iterator[bytes]:
    stream = Decompressed(io.BytesIO(data), compression, "x")
    while more := stream.read(step):
        assert len(more) <= step
        yield more


def text_of(data: bytes, compression: Compression, step: int = 1000) -> bytes:
    return b"".join(pieces_of(data, compression, step))


def file_of(folder: Path, data: bytes, compression: Compression) -> SourceFile:
    path = folder / f"x.csv{SUFFIX[compression]}"
    path.write_bytes(data)
    return SourceFile(path, path.name, "csv", compression)


@BOTH
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_members_that_follow_each_other_are_one_text(compression: Compression, step: int) -> None:
    data = packed(TEXT, compression) + packed(b"", compression) + packed(b"end", compression)
    assert text_of(data, compression, step) == TEXT + b"end"


@BOTH
def test_offsets_are_those_of_the_text(compression: Compression) -> None:
    half = len(TEXT) // 2
    data = packed(TEXT[:half], compression) + packed(TEXT[half:], compression)
    stream = Decompressed(io.BytesIO(data), compression, "x")
    for offset in (10, 30, half - 5, half + 100):
        assert stream.seek(offset) == offset
        assert stream.read(20) == TEXT[offset : offset + 20]
    assert stream.seek(len(TEXT) + 100) == len(TEXT)
    with pytest.raises(io.UnsupportedOperation):
        stream.seek(0)


@BOTH
def test_what_is_cut_anywhere_is_refused_behind_the_text_that_is_there(compression: Compression) -> None:
    first = packed(TEXT, compression)
    data = first + packed(TEXT, compression)
    near_the_seam = {len(first) - 1, len(first) + 1}
    for stop in {*range(1, len(data), 13), 2, 5, *near_the_seam, len(data) - 1} - {len(first)}:
        pieces: list[bytes] = []
        with pytest.raises(SourceUnreadable, match=r"^x: (ends in the middle of its|has something else behind its)"):
            pieces.extend(pieces_of(data[:stop], compression))
        assert (TEXT + TEXT).startswith(b"".join(pieces))


@BOTH
def test_what_is_cut_is_called_so(compression: Compression) -> None:
    with pytest.raises(SourceUnreadable, match=f"x: ends in the middle of its {compression} data") as caught:
        text_of(packed(TEXT, compression)[:-3], compression)
    assert "completely copied" in caught.value.hint


@BOTH
@pytest.mark.parametrize("behind", [b"h", b"1,2\n3,4\n", b"PK\x03\x04" * 5000])
def test_something_else_behind_the_last_member_is_refused(compression: Compression, behind: bytes) -> None:
    with pytest.raises(SourceUnreadable, match=f"x: has something else behind its {compression} data"):
        text_of(packed(TEXT, compression) + behind, compression)


def test_zeros_behind_gzip_are_padding() -> None:
    assert text_of(packed(TEXT, "gzip") + bytes(512), "gzip") == TEXT


def test_frames_without_content_are_passed_over() -> None:
    frame = packed(TEXT, "zstd")
    data = SKIPPABLE_FRAME + frame + SKIPPABLE_FRAME + frame + SKIPPABLE_FRAME
    assert compressed_with(data) == "zstd"
    assert text_of(data, "zstd") == TEXT + TEXT


def test_a_wrong_checksum_is_damage() -> None:
    data = bytearray(packed(TEXT, "gzip"))
    data[-6] ^= 1
    with pytest.raises(SourceUnreadable, match=r"its gzip data is damaged .CRC check failed"):
        text_of(bytes(data), "gzip")
    assert text_of(CHECKED_FRAME, "zstd") == b"id\n1\n"
    with pytest.raises(SourceUnreadable, match=r"its zstd data is damaged .*checksum"):
        text_of(CHECKED_FRAME.replace(b"1", b"2"), "zstd")


@BOTH
def test_a_flipped_bit_never_passes_for_another_length(compression: Compression) -> None:
    whole = packed(TEXT, compression)
    for place in range(12, len(whole), 11):
        data = bytearray(whole)
        data[place] ^= 0x10
        try:
            text = text_of(bytes(data), compression)
        except SourceUnreadable:
            continue
        assert len(text) == len(TEXT)
        assert compression == "zstd" or text == TEXT, "gzip always has a checksum"


def test_a_window_that_is_too_large_is_called_so() -> None:
    window_of_2_gb, raw_block_of_3 = b"\xa8", b"\x19\0\0"
    with pytest.raises(SourceUnreadable, match="window of more than 128 MB") as caught:
        text_of(b"\x28\xb5\x2f\xfd\0" + window_of_2_gb + raw_block_of_3 + b"id\n", "zstd")
    assert "--long" in caught.value.hint


class FailingDisk(io.BytesIO):
    """Nothing behind byte 100 can be read."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= 100:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(min(size or 0, 100))


@BOTH
def test_a_failing_disk_is_not_called_damage(compression: Compression) -> None:
    disk = FailingDisk(packed(TEXT, compression))
    with pytest.raises(OSError, match="Input/output error") as caught:
        Decompressed(disk, compression, "x").read(len(TEXT))
    assert caught.value.errno == errno.EIO


@BOTH
def test_text_that_is_much_longer_than_its_file_needs_no_memory(compression: Compression) -> None:
    data = packed(bytes(100_000_000), compression)
    assert len(data) < 100_000
    stream = Decompressed(io.BytesIO(data), compression, "x")
    arrow_before = pa.total_allocated_bytes()
    tracemalloc.start()
    stream.seek(70_000_000)
    while stream.read(1 << 20):
        assert pa.total_allocated_bytes() - arrow_before < 4_000_000
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


@BOTH
@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16", "utf-16-le"])
def test_dialect_and_encoding_are_those_of_the_text(tmp_path: Path, compression: Compression, encoding: str) -> None:
    file = file_of(tmp_path, packed('id;"näme;x"\n1;é\n'.encode(encoding), compression), compression)
    dialect = sniff(file, SourceSpec(encoding=encoding))
    frame = next(open_source(file, 0, dialect).chunks(ALL)).frame
    assert dialect.separator == ";"
    assert_frame_equal(frame, pl.DataFrame({"id": ["1"], "näme;x": ["é"]}))


@BOTH
def test_a_cut_file_gives_its_rows_and_then_an_error(tmp_path: Path, compression: Compression) -> None:
    rows = b"".join(b"%d,%d\n" % (row, row * 7919 % 10_007) for row in range(150_000))
    file = file_of(tmp_path, packed(b"a,b\n" + rows, compression)[:-40], compression)
    reader = CsvReader(file, 0, sniff(file, SourceSpec()), block_bytes=64 * 1024)
    seen = []
    with pytest.raises(SourceUnreadable, match="ends in the middle"):
        seen.extend(row for chunk in reader.chunks(ALL) for row in chunk.frame["a"])
    assert reader.total_rows is None
