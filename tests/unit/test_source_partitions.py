"""Columns from the names of folders."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from importer.errors import SourceUnreadable
from importer.mapping.models import SourceSpec
from importer.records import Span
from importer.source import SourceFile, discover, identify, open_source, sniff
from importer.source.partitions import PartitionedReader, partitions_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from importer.source import Reader

ALL = [Span(0, 1, 1 << 60)]


def files_of(argument: Path | str) -> list[SourceFile]:
    return discover([str(argument)], SourceSpec())


def opened(file: SourceFile, columns: Collection[str] | None = None) -> Reader:
    dialect = sniff(file, SourceSpec()) if file.format == "csv" else None
    return open_source(file, 0, dialect, columns)


def write_csv(path: Path, data: str = "id,qty\n1,2\n3,4\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data)


def write_parquet(path: Path, **columns: Any) -> None:  # noqa: ANN401  (whatever a series is made of)
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(columns or {"id": [1, 3], "qty": [2, 4]}).write_parquet(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/x/date=2026-11-22/country=FR/part-0.parquet", (("date", "2026-11-22"), ("country", "FR"))),
        ("/x/date=2026-11-22/part-0.csv", (("date", "2026-11-22"),)),
        ("/x/part=0.csv", ()),
        ("/env=prod/exports/date=1/x.csv", (("date", "1"),)),
        ("/x/date=1/raw/x.csv", ()),
        ("/x/date=1/../x.csv", ()),
        ("/x/at=10%3A30%2F%C3%A9/na%20me=a=b/x.csv", (("at", "10:30/é"), ("na me", "a=b"))),
        ("/x/a=__HIVE_DEFAULT_PARTITION__/b=/x.csv", (("a", None), ("b", None))),
        ("/x/rate=100%/x.csv", (("rate", "100%"),)),
        ("/x/.tmp=1/=2/x.csv", ()),
    ],
)
def test_the_folders_right_above_a_file_are_columns(path: str, expected: tuple[tuple[str, str | None], ...]) -> None:
    assert partitions_of(Path(path)) == expected


@pytest.mark.parametrize(
    ("path", "message"), [("/x/a=1/a=2/x.csv", "two of its folders"), ("/a=%FF/x.csv", "no UTF-8")]
)
def test_folders_that_say_nothing_clear_are_refused(path: str, message: str) -> None:
    with pytest.raises(SourceUnreadable, match=message):
        partitions_of(Path(path))


def test_it_does_not_matter_how_a_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(tmp_path / "in/date=1/country=FR/x.csv")
    monkeypatch.chdir(tmp_path / "in/date=1")
    arguments = [tmp_path, tmp_path / "in", tmp_path / "in/date=*", tmp_path / "in/*/*/*.csv", "country=FR", "."]
    found = [file.partitions for argument in arguments[1:] for file in files_of(argument)]
    assert found == [(("date", "1"), ("country", "FR"))] * 5


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_they_are_text_in_schema_and_chunks_behind_the_columns_of_the_file(tmp_path: Path, write: Any) -> None:  # noqa: ANN401
    write(tmp_path / f"month=01/none=/x.{'csv' if write is write_csv else 'parquet'}")
    (file,) = files_of(tmp_path)
    reader = opened(file)
    (chunk,) = list(reader.chunks(ALL))
    assert list(reader.schema) == ["id", "qty", "month", "none"]
    assert [reader.schema["month"], reader.schema["none"]] == [pl.String(), pl.String()]
    assert dict(chunk.frame.schema) == reader.schema
    assert chunk.frame.select("month", "none").rows() == [("01", None)] * 2
    assert chunk.frame["qty"].cast(pl.Int64).to_list() == [2, 4]


def test_a_mapping_may_use_nothing_but_folders(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a=1/b=2/x.parquet")
    reader = opened(files_of(tmp_path)[0], ["b"])
    assert reader.total_rows == 2
    assert next(reader.chunks([Span(0, 2, 3)])).frame["b"].to_list() == ["2"]


def test_the_end_and_broken_records_of_a_csv_are_as_without_folders(tmp_path: Path) -> None:
    write_csv(tmp_path / "date=1/x.csv", "id,qty\n1,2\nshort\n\n3,4\n")
    reader = opened(files_of(tmp_path)[0])
    (chunk,) = list(reader.chunks(ALL))
    assert (chunk.rows.to_list(), chunk.blank, [reject.row for reject in chunk.rejects]) == ([1, 4], 1, [2])
    assert chunk.line_of(4) == 5
    assert reader.total_rows == 4


def test_a_file_that_says_the_same_itself_is_read_as_it_is(tmp_path: Path) -> None:
    write_csv(tmp_path / "csv/date=2026-11-22/x.csv", "date,id\n2026-11-22,1\n2026-11-22,2\n")
    write_parquet(
        tmp_path / "parquet/d=2026-11-22/n=07/p=1.50/b=true/z=__HIVE_DEFAULT_PARTITION__/x.parquet",
        d=[dt.date(2026, 11, 22)] * 2,
        n=[7, 7],
        p=[Decimal("1.5")] * 2,
        b=[True, True],
        z=pl.Series([None, None], dtype=pl.Int64),
    )
    for folder in ("csv", "parquet"):
        (file,) = files_of(tmp_path / folder)
        names = [name for name, _ in file.partitions]
        reader = opened(file, names)
        assert isinstance(reader, PartitionedReader)
        frame = next(reader.chunks(ALL)).frame
        plain = opened(replace(file, partitions=()), names)
        assert reader.schema == plain.schema
        assert_frame_equal(frame, next(plain.chunks(ALL)).frame)


@pytest.mark.parametrize("own", ["2026-11-23", "", "2026-11-22 "])
def test_a_file_that_says_something_else_is_refused_when_it_is_opened(tmp_path: Path, own: str) -> None:
    write_csv(tmp_path / "date=2026-11-22/x.csv", f"date,id\n{own},1\n")
    (file,) = files_of(tmp_path)
    shown = f"`{own}`" if own else "empty"
    message = f"x.csv, row 1: column `date` is {shown} in the file and `2026-11-22` in the name of its folder"
    with pytest.raises(SourceUnreadable, match=message):
        opened(file, ["id", "date"])
    assert opened(file, ["id"]).schema == opened(file).schema == {"date": pl.String(), "id": pl.String()}


@pytest.mark.parametrize(
    ("value", "own"), [("1", [1, 2]), ("a", ["a", "b"]), ("x", [7]), ("1", [[1]]), ("1", [float("nan")]), ("1", [None])]
)
def test_later_rows_are_compared_as_they_are_read(tmp_path: Path, value: str, own: list[Any]) -> None:
    write_parquet(tmp_path / f"k={value}/x.parquet", k=[own[0], *own])
    (file,) = files_of(tmp_path)
    row = len(own) + 1 if len(own) > 1 else 1
    with pytest.raises(SourceUnreadable, match=rf"x\.parquet, row {row}: column `k` is"):
        list(opened(file, ["k"]).chunks(ALL))


def test_the_same_bytes_in_another_folder_are_another_source(tmp_path: Path) -> None:
    for folder in ("date=1/n=FR", "date=1/n=DE", "plain", "copy"):
        write_csv(tmp_path / folder / "x.csv")
    hashes = [identify(file).hash for folder in ("date=1", "plain", "copy") for file in files_of(tmp_path / folder)]
    assert len(hashes) == 4
    assert len(set(hashes)) == 3
    assert hashes[2] == hashes[3]
