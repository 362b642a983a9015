"""What one file is: by its name, and by its first bytes."""

from __future__ import annotations

import gzip
from functools import partial
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest

from importer.errors import SourceUnreadable
from importer.mapping.models import SourceSpec
from importer.source import discover

if TYPE_CHECKING:
    from pathlib import Path

ANY = SourceSpec()
TEXT = b"id\n1\n"
packed = partial(gzip.compress, mtime=0)  # the time would change the names of tests from one process to the next
GZIP, ZSTD = packed(TEXT), pa.compress(TEXT, "zstd", asbytes=True)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parquet(path: Path) -> bytes:
    pl.DataFrame({"id": [1]}).write_parquet(path)
    return path.read_bytes()


def test_the_format_is_declared_or_told_by_the_suffix(here: Path) -> None:
    parquet(here / "x.pq")
    (here / "x.csv").write_bytes(TEXT)
    (here / "x.dat").write_bytes(TEXT)
    assert [file.format for file in discover(["x.pq", "x.csv"], ANY)] == ["parquet", "csv"]
    assert [file.format for file in discover(["x.dat"], SourceSpec(format="csv"))] == ["csv"]
    with pytest.raises(SourceUnreadable, match=r"x\.dat: its name does not say") as caught:
        discover(["x.dat"], ANY)
    assert "format: csv" in caught.value.hint


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"PK\x03\x04....[Content_Types].xml", "xlsx"),
        (b"PK\x03\x04....orders.csv", "zip archive"),
        (GZIP, "gzip"),
        (ZSTD, "zstd"),
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (bytes(257) + b"ustar", "tar archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "xls"),
        (b"%PDF-1.7", "PDF"),
        ("id\n1\n".encode("utf-16"), "UTF-16"),
        ("id,name\n1,x\n".encode("utf-16-le"), "UTF-16"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b'{"id": 1}\n', "JSON"),
    ],
)
def test_something_else_is_called_by_its_name(here: Path, head: bytes, what: str) -> None:
    (here / "x.csv").write_bytes(head)
    with pytest.raises(SourceUnreadable, match=f"x.csv: is .*{what}") as caught:
        discover(["x.csv"], ANY)
    assert caught.value.hint


def test_wide_text_is_read_when_it_is_declared(here: Path) -> None:
    (here / "x.csv").write_bytes("id\n1\n".encode("utf-16"))
    assert len(discover(["x.csv"], SourceSpec(encoding="utf-16"))) == 1


def test_parquet_called_csv_and_the_reverse_are_told(here: Path) -> None:
    parquet(here / "x.csv")
    (here / "y.parquet").write_bytes(TEXT)
    with pytest.raises(SourceUnreadable, match=r"x\.csv: is a Parquet file, not CSV"):
        discover(["x.csv"], ANY)
    with pytest.raises(SourceUnreadable, match=r"y\.parquet: is not a Parquet file"):
        discover(["y.parquet"], ANY)
    with pytest.raises(SourceUnreadable) as caught:
        discover(["x.csv"], SourceSpec(format="csv"))
    assert "format: csv" in caught.value.hint


@pytest.mark.parametrize("name", ["x.csv.gz", "x.tsv.GZ", "x.txt.gz", "x.csv.zst", "x.dat.gz"])
def test_compressed_text_is_told_by_its_name(here: Path, name: str) -> None:
    (here / name).write_bytes(ZSTD if name.endswith("zst") else GZIP)
    (file,) = discover([name], SourceSpec(format="csv") if "dat" in name else ANY)
    assert (file.format, file.compression) == ("csv", "zstd" if name.endswith("zst") else "gzip")


@pytest.mark.parametrize(
    ("name", "data", "message", "hint"),
    [
        ("x.csv", GZIP, "is compressed with gzip, and its name does not say so", "Rename it to `x.csv.gz`"),
        ("x.csv.zst", GZIP, "is compressed with gzip, and its name does not say so", "Rename it to `x.csv.gz`"),
        ("x.csv.gz", ZSTD, "is compressed with zstd, and its name does not say so", "Rename it to `x.csv.zst`"),
        ("x.csv.gz", TEXT, "is not compressed with gzip as its name says", "rename it to `x.csv`"),
        ("x.csv.gz", b"<html>", "is an HTML or XML page", "login"),
        ("x.csv.gz", b"BZh91AY", "is compressed with bzip2", "bunzip2"),
        ("x.parquet", GZIP, "is not a Parquet file", "Rename it"),
        ("x.parquet.gz", GZIP, "is not a Parquet file", "Rename it"),
        ("x.gz", GZIP, "its name does not say what it is", "format: csv"),
        ("x.tgz", packed(bytes(257) + b"ustar"), "is a tar archive inside of gzip", "tar -xf"),
        ("x.csv.gz", packed(GZIP), "is compressed with gzip inside of gzip", "compressed twice"),
        (
            "x.csv.gz",
            packed(b"PK\3\4 xl/"),
            r"is an Excel workbook \(.xlsx\) inside of gzip",
            "Export it as CSV",
        ),
        ("x.csv.gz", packed(bytes(257) + b"ustar"), "is a tar archive inside of gzip", "tar -xf"),
        ("x.csv.gz", packed("id\n1\n".encode("utf-16")), "is text in UTF-16 inside of gzip", "encoding: utf-16"),
        ("x.csv.gz", packed(b""), "is empty: 0 bytes of text in gzip", "Was the export complete"),
        ("x.csv.gz", GZIP[:-3], "ends in the middle of its gzip data", "completely copied"),
        ("x.csv.zst", ZSTD[:-3], "ends in the middle of its zstd data", "completely copied"),
    ],
)
def test_names_and_bytes_must_agree(here: Path, name: str, data: bytes, message: str, hint: str) -> None:
    (here / name).write_bytes(data)
    with pytest.raises(SourceUnreadable, match=rf"^{name}: {message}\.") as caught:
        discover([name], ANY)
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", ["x.parquet.gz", "x.csv.gz", "x.parquet"])
def test_compressed_parquet_is_refused(here: Path, name: str) -> None:
    (here / name).write_bytes(packed(parquet(here / "y.parquet")))
    with pytest.raises(SourceUnreadable, match="is a Parquet file compressed with gzip") as caught:
        discover([name], ANY)
    assert "Decompress it first" in caught.value.hint


@pytest.mark.parametrize("name", ["b.csv.bz2", "b.tsv.xz", "b.csv.zip", "b.parquet.gz"])
def test_what_is_refused_is_not_passed_over_in_a_folder(here: Path, name: str) -> None:
    heads = {"bz2": b"BZh91AY", "xz": b"\xfd7zXZ\x00", "zip": b"PK\x03\x04", "gz": packed(b"PAR1")}
    (here / "in").mkdir()
    (here / "in/a.csv").write_bytes(TEXT)
    (here / "in" / name).write_bytes(heads[name.rpartition(".")[2]])
    with pytest.raises(SourceUnreadable, match=f"in/{name}: is "):
        discover(["in"], ANY)
