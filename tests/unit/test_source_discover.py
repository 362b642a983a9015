"""Which files are meant, in which order, and what is refused before it is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import polars as pl
import pytest

from importer.errors import SourceUnreadable, UsageInvalid
from importer.mapping.models import SourceSpec
from importer.source import discover

if TYPE_CHECKING:
    from pathlib import Path

ANY = SourceSpec()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, *names: str, data: bytes = b"id\n1\n") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def found(*arguments: str, spec: SourceSpec = ANY) -> list[str]:
    return [file.name for file in discover(arguments, spec)]


def test_a_folder_means_its_own_visible_files_with_a_known_suffix_sorted(here: Path) -> None:
    write(here, "in/b.CSV", "in/a.tsv", "in/c.txt", "in/.d.csv", "in/e.json", "in/sub/f.csv")
    assert found("in") == ["in/a.tsv", "in/b.CSV", "in/c.txt"]


def test_the_order_of_a_folder_is_not_that_of_the_disk(here: Path) -> None:
    names = [f"in/{number * 7 % 31:02}.csv" for number in range(31)]
    write(here, *names)
    assert found("in") == sorted(names)


def test_the_order_is_that_of_the_arguments_and_a_file_counts_once(here: Path) -> None:
    write(here, "b.csv", "a.csv", "c.csv")
    (here / "link.csv").symlink_to("a.csv")
    assert found("c.csv", "./c.csv", "*.csv", "link.csv") == ["c.csv", "a.csv", "b.csv"]


def test_a_path_that_exists_is_no_pattern(here: Path) -> None:
    write(here, "data[1].csv", "data1.csv")
    assert found("data[1].csv") == ["data[1].csv"]
    assert found("data?.csv") == ["data1.csv"]


def test_the_format_is_declared_or_told_by_the_suffix(here: Path) -> None:
    pl.DataFrame({"id": [1]}).write_parquet(here / "x.pq")
    write(here, "x.csv", "x.dat")
    assert [file.format for file in discover(["x.pq", "x.csv"], ANY)] == ["parquet", "csv"]
    assert [file.format for file in discover(["x.dat"], SourceSpec(format="csv"))] == ["csv"]
    with pytest.raises(SourceUnreadable, match=r"x\.dat: its name does not say") as caught:
        discover(["x.dat"], ANY)
    assert "format: csv" in caught.value.hint


@pytest.mark.parametrize(("argument", "word"), [("-", "standard input"), ("s3://bucket/x.csv", "URI")])
def test_what_is_not_built_yet_is_a_usage_error(argument: str, word: str) -> None:
    with pytest.raises(UsageInvalid, match=f"{word}.*not built yet"):
        discover([argument], ANY)


@pytest.mark.parametrize("argument", ["orders-2023.csv", "orders-*.parquet", "nowhere/x.csv", ""])
def test_what_does_not_exist_is_named(here: Path, argument: str) -> None:
    write(here, "orders-2024.csv")
    with pytest.raises(SourceUnreadable) as caught:
        discover([argument], ANY)
    assert argument in caught.value.message
    assert ("orders-2024.csv" in caught.value.hint) == argument.startswith("orders")


def test_an_empty_folder_and_an_empty_file_are_refused(here: Path) -> None:
    write(here, "in/readme.md")
    with pytest.raises(SourceUnreadable, match=r"in: no file in this folder ends in \.csv"):
        discover(["in"], ANY)
    write(here, "empty.csv", data=b"")
    with pytest.raises(SourceUnreadable, match=r"empty\.csv: is empty"):
        discover(["empty.csv"], ANY)


def test_a_pipe_or_a_device_is_refused_without_waiting_for_it(here: Path) -> None:
    os.mkfifo(here / "pipe.csv")
    for name in ("pipe.csv", "/dev/zero"):
        with pytest.raises(SourceUnreadable, match="not a regular file"):
            discover([name], ANY)


def test_a_dangling_link_is_refused(here: Path) -> None:
    (here / "x.csv").symlink_to("gone.csv")
    with pytest.raises(SourceUnreadable, match=r"x\.csv: cannot be read: No such file"):
        discover(["x.csv"], ANY)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04....[Content_Types].xml", "xlsx"),
        (b"PK\x03\x04....orders.csv", "zip archive"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh91AY", "bzip2"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "xls"),
        (b"%PDF-1.7", "PDF"),
        ("id\n1\n".encode("utf-16"), "UTF-16"),
        ("id,name\n1,x\n".encode("utf-16-le"), "UTF-16"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b'{"id": 1}\n', "JSON"),
    ],
)
def test_something_else_is_called_by_its_name(here: Path, head: bytes, what: str) -> None:
    write(here, "x.csv", data=head)
    with pytest.raises(SourceUnreadable, match=f"x.csv: is .*{what}") as caught:
        discover(["x.csv"], ANY)
    assert caught.value.hint


def test_wide_text_is_read_when_it_is_declared(here: Path) -> None:
    write(here, "x.csv", data="id\n1\n".encode("utf-16"))
    assert found("x.csv", spec=SourceSpec(encoding="utf-16")) == ["x.csv"]


def test_a_compressed_file_in_a_folder_is_not_passed_over(here: Path) -> None:
    write(here, "in/a.csv")
    write(here, "in/b.csv.gz", data=b"\x1f\x8b\x08")
    with pytest.raises(SourceUnreadable, match=r"b\.csv\.gz: is compressed with gzip") as caught:
        discover(["in"], ANY)
    assert "decompress it first" in caught.value.hint


def test_parquet_called_csv_and_the_reverse_are_told(here: Path) -> None:
    pl.DataFrame({"id": [1]}).write_parquet(here / "x.csv")
    write(here, "y.parquet")
    with pytest.raises(SourceUnreadable, match=r"x\.csv: is a Parquet file, not CSV"):
        discover(["x.csv"], ANY)
    with pytest.raises(SourceUnreadable, match=r"y\.parquet: is not a Parquet file"):
        discover(["y.parquet"], ANY)
    with pytest.raises(SourceUnreadable) as caught:
        discover(["x.csv"], SourceSpec(format="csv"))
    assert "format: csv" in caught.value.hint
