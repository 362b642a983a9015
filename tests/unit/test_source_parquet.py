"""Parquet by slices: rows, resume, types, damage."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from polars.testing import assert_frame_equal

from importer.errors import SourceChanged, SourceUnreadable
from importer.records import Span
from importer.source import SourceFile, open_source
from importer.source.parquet_reader import ParquetReader

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 1000


def file_of(path: Path) -> SourceFile:
    return SourceFile(path, path.name, "parquet")


@pytest.fixture
def orders(tmp_path: Path) -> SourceFile:
    path = tmp_path / "orders[1].parquet"
    frame = pl.DataFrame({"id": range(1, ROWS + 1), "name": [f"n{row}" for row in range(ROWS)], "b.c": [1.5] * ROWS})
    frame.write_parquet(path, row_group_size=300)
    return file_of(path)


def test_all_rows_come_in_order_in_small_slices(orders: SourceFile) -> None:
    reader = ParquetReader(orders, 2, max_slice_rows=70)
    assert reader.total_rows == ROWS
    chunks = list(reader.chunks([Span(2, 1, 1 << 60)]))
    assert [row for chunk in chunks for row in chunk.rows] == list(range(1, ROWS + 1))
    assert_frame_equal(pl.concat(chunk.frame for chunk in chunks), pl.read_parquet(orders.path, glob=False))
    assert max(chunk.span.rows for chunk in chunks) <= 70
    assert chunks[0].line_of(1) == 0


def test_a_resume_gives_exactly_what_is_missing(orders: SourceFile) -> None:
    reader = ParquetReader(orders, 0, max_slice_rows=70)
    missing = [Span(0, 5, 6), Span(0, 299, 302), Span(0, 650, 655), Span(0, 999, 2000)]
    chunks = list(reader.chunks(missing))
    wanted = [5, 299, 300, 301, 650, 651, 652, 653, 654, 999, 1000]
    assert [value for chunk in chunks for value in chunk.frame["id"]] == wanted
    assert [row for chunk in chunks for row in range(chunk.span.start, chunk.span.stop)] == wanted


def test_only_the_wanted_columns_are_read_and_the_schema_has_all(orders: SourceFile) -> None:
    reader = open_source(orders, 0, None, ["b.c", "name", "elsewhere"])
    assert list(reader.schema) == ["id", "name", "b.c"]
    assert next(reader.chunks([Span(0, 1, 3)])).frame.columns == ["name", "b.c"]
    constants = next(open_source(orders, 0, None, []).chunks([Span(0, 1, 3)]))
    assert (constants.frame.height, constants.rows.to_list()) == (2, [1, 2])


def test_types_live_and_categories_are_text(tmp_path: Path) -> None:
    path = tmp_path / "types.parquet"
    table = pa.table(
        {
            "category": pa.array(["x", None, "x"]).dictionary_encode(),
            "at": pa.array([datetime(2024, 1, 2)] * 3, pa.timestamp("us", "Europe/Paris")),  # noqa: DTZ001  (zone in the type)
            "amount": pa.array([Decimal("1.10"), None, Decimal("-2.00")], pa.decimal128(10, 2)),
            "lines": pa.array([[{"sku": "a", "n": 1}], [], None]),
        }
    )
    pq.write_table(table, path)
    reader = ParquetReader(file_of(path), 0)
    assert reader.schema["category"] == pl.String
    (chunk,) = reader.chunks([Span(0, 1, 9)])
    assert dict(chunk.frame.schema) == dict(reader.schema)
    assert chunk.frame["category"].to_list() == ["x", None, "x"]
    assert chunk.frame["amount"].to_list()[0] == Decimal("1.10")
    assert chunk.frame["lines"].to_list() == [[{"sku": "a", "n": 1}], [], None]


def test_a_page_that_fails_its_checksum_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table({"price": [float(row) for row in range(ROWS)]})
    pq.write_table(table, path, write_page_checksum=True, compression="none", use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    reader = ParquetReader(file_of(path), 0)
    with pytest.raises(SourceUnreadable, match=r"x\.parquet: is damaged .*CRC"):
        list(reader.chunks([Span(0, 1, 1 << 60)]))


def test_nothing_is_read_behind_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table({"price": [float(row) for row in range(100_000)]})
    pq.write_table(table, path, write_page_checksum=True, compression="none", use_dictionary=False, data_page_size=8000)
    data = bytearray(path.read_bytes())
    data[len(data) * 9 // 10] ^= 1
    path.write_bytes(data)
    reader = ParquetReader(file_of(path), 0, max_slice_rows=1000)
    assert sum(chunk.span.rows for chunk in reader.chunks([Span(0, 1500, 1700)])) == 200


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"name": ["abcdefgh"]}), path, compression="none", use_dictionary=False)
    path.write_bytes(path.read_bytes().replace(b"abcdefgh", b"abc\xff\xfeefg"))
    with pytest.raises(SourceUnreadable, match="UTF8"):
        list(ParquetReader(file_of(path), 0).chunks([Span(0, 1, 9)]))


@pytest.mark.parametrize("keep", [4, 8, 100, -1])
def test_a_truncated_file_is_refused(orders: SourceFile, keep: int) -> None:
    orders.path.write_bytes(orders.path.read_bytes()[:keep])
    with pytest.raises(
        SourceUnreadable, match=r"orders\[1\]\.parquet: is damaged or not completely written: ."
    ) as caught:
        ParquetReader(orders, 0)
    assert caught.value.hint


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), path)
    with pytest.raises(SourceUnreadable, match="two columns named `a`"):
        ParquetReader(file_of(path), 0)


def test_a_file_that_changes_while_it_is_read_stops_the_run(orders: SourceFile) -> None:
    chunks = ParquetReader(orders, 0, max_slice_rows=70).chunks([Span(0, 1, 1 << 60)])
    next(chunks)
    pl.DataFrame({"id": [1]}).write_parquet(orders.path.with_suffix(".new"))
    orders.path.with_suffix(".new").rename(orders.path)
    with pytest.raises(SourceChanged):
        next(chunks)


def test_a_file_without_rows_has_none(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"id": []}, schema={"id": pl.Int64}).write_parquet(path)
    reader = ParquetReader(file_of(path), 0)
    assert (reader.total_rows, list(reader.chunks([Span(0, 1, 9)]))) == (0, [])


def test_a_type_that_cannot_be_read_is_only_an_error_when_it_is_wanted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.parquet"
    huge = pa.array([None], pa.decimal256(60, 2))
    pq.write_table(pa.table({"id": [1], "huge": huge, "deep": pa.array([[None]], pa.list_(huge.type))}), path)
    reader = ParquetReader(file_of(path), 0)
    assert reader.schema == {"id": pl.Int64(), "huge": pl.Unknown(), "deep": pl.Unknown()}
    assert next(reader.chunks([Span(0, 1, 9)])).frame.rows() == [(1,)]
    with pytest.raises(SourceUnreadable, match=r"column `huge` is decimal256\(60, 2\), which cannot be read"):
        ParquetReader(file_of(path), 0, ["id", "huge"])
    assert not capfd.readouterr().err
    pq.write_table(pa.table({"huge": huge}), path)
    with pytest.raises(SourceUnreadable, match="no column that can be read"):
        ParquetReader(file_of(path), 0)


def test_slices_are_small_where_cells_are_large_whatever_the_column_is_called(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    large = [f"{row:05}" * 2000 for row in range(4000)]
    pq.write_table(pa.table({"b.c": large}), path, use_dictionary=False)
    chunks = ParquetReader(file_of(path), 0).chunks([Span(0, 1, 1 << 60)])
    assert max(chunk.span.rows for chunk in chunks) < 2500


def test_slices_are_small_where_the_footer_counts_a_large_cell_once(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    large = pa.array(["x" * 20_000, "y" * 20_000]).take(pa.array([row % 2 for row in range(4000)]))
    pq.write_table(pa.table({"text": large}), path, row_group_size=2000)
    assert pq.read_metadata(path).row_group(0).total_byte_size < 100_000
    chunks = list(ParquetReader(file_of(path), 0).chunks([Span(0, 1, 1 << 60)]))
    assert sum(chunk.span.rows for chunk in chunks) == 4000
    assert max(chunk.frame.estimated_size() for chunk in chunks) < 8_000_000


def test_slices_become_small_behind_rows_that_were_larger_than_the_first(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    texts = ["x"] * 1000 + ["y" * 20_000] * 3000
    pq.write_table(pa.table({"text": texts}), path, row_group_size=2000)
    heights = [chunk.span.rows for chunk in ParquetReader(file_of(path), 0).chunks([Span(0, 1, 1 << 60)])]
    assert sum(heights) == 4000
    assert max(heights[-3:]) < 1000
