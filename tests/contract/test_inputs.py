"""Exports as they come: compressed, in folders of dates, in several formats. The events are those of one plain file."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from secret_watch import SOURCE_KEY

from importer.cli import main
from importer.sandbox.process import received, spawn

MAPPING = """\
version: 1
event: purchase
key: [id]
timezone: Europe/Paris
fields:
  id: id
  value: total
  user.id: customer
  user.country: country
  context.event_timestamp: date
"""
COUNTRIES = ("FR", "DE", None)
DAYS = ("2026-11-21", "2026-11-22")

Command = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def importer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs the command line in a folder with a mapping; gives exit code, report and what it wrote for people."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPORTER_SOURCE_KEY", SOURCE_KEY)
    Path("m.yaml").write_text(MAPPING, encoding="utf-8")

    def call(command: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
        monkeypatch.setattr("sys.argv", ["importer", command, "m.yaml", *arguments, "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), json.loads(out), err

    return call


def orders(first: int = 0, count: int = 30) -> pl.DataFrame:
    """Rows of two days and three countries, one of which has no name."""
    return pl.DataFrame(
        {
            "id": [f"{row:06}" for row in range(first, first + count)],
            "total": [f"{row}.50" for row in range(first, first + count)],
            "customer": [f"c{row % 7}" for row in range(first, first + count)],
            "date": [DAYS[row % 2] for row in range(first, first + count)],
            "country": [COUNTRIES[row % 3] for row in range(first, first + count)],
        }
    )


def csv_of(frame: pl.DataFrame) -> bytes:
    return frame.write_csv().encode()


def zstd(data: bytes) -> bytes:
    return pa.compress(data, "zstd", asbytes=True)


def test_what_a_file_is_packed_in_changes_no_event(importer: Command) -> None:
    frame = orders(count=3_000)
    text = csv_of(frame)
    Path("a.csv").write_bytes(text)
    _, plain, _ = importer("validate", "a.csv")
    assert plain["rows"]["sent"] == 3_000
    half = len(text) // 2
    latin = frame.write_csv(separator=";").encode("utf-16")
    for name, data, source in (
        ("b.csv.gz", gzip.compress(text[:half]) + gzip.compress(text[half:]), ""),
        ("c.txt.zst", zstd(text[:half]) + zstd(text[half:]), ""),
        ("d.csv.gz", gzip.compress(latin), "source: {encoding: utf-16}\n"),
    ):
        Path(name).write_bytes(data)
        Path("m.yaml").write_text(MAPPING + source, encoding="utf-8")
        code, packed, _ = importer("validate", name)
        assert (name, code, packed["rows"], packed["digest"]) == (name, 0, plain["rows"], plain["digest"])


def test_columns_of_folders_are_as_columns_of_files_in_every_format(importer: Command) -> None:
    frame = orders()
    Path("a.csv").write_bytes(csv_of(frame))
    _, flat, _ = importer("validate", "a.csv")
    for number, (key, part) in enumerate(frame.group_by("date", "country", maintain_order=True)):
        date, country = key
        folder = Path(f"exports/date={date}/country={country or '__HIVE_DEFAULT_PARTITION__'}")
        folder.mkdir(parents=True)
        rows = part.drop("date", "country")
        if number % 3 == 0:
            rows.write_parquet(folder / "part-0.parquet")
        elif number % 3 == 1:
            (folder / "part-0.csv").write_bytes(csv_of(rows))
        else:
            (folder / "part-0.csv.zst").write_bytes(zstd(csv_of(rows)))
        (folder / "_SUCCESS").touch()
    for source in ("exports", "exports/date=*", "exports/*/*/part-*"):
        code, folders, _ = importer("validate", source)
        assert (code, folders["rows"]["sent"], folders["digest"]) == (0, 30, flat["digest"]), source


def test_a_file_that_contradicts_its_folder_stops_before_anything_is_read_on(importer: Command) -> None:
    folder = Path("exports/date=2026-11-23")
    folder.mkdir(parents=True)
    (folder / "a.csv").write_bytes(csv_of(orders()))
    code, report, err = importer("validate", "exports")
    assert (code, report["rows"]["sent"]) == (4, 0)
    assert "a.csv, row 1: column `date` is `2026-11-21` in the file and `2026-11-23` in the name of its folder" in err


def test_parquet_files_of_several_schemas_are_read_each_by_its_own(importer: Command) -> None:
    frame = orders().with_columns(pl.col("id").cast(pl.Int64), pl.col("total").cast(pl.Decimal(10, 2)))
    table = frame.to_arrow()
    Path("one").mkdir()
    Path("many").mkdir()
    pq.write_table(table, "one/a.parquet")
    first, second, third = table.slice(0, 10), table.slice(10, 10), table.slice(20)
    pq.write_table(first.select(["country", "date", "customer", "total", "id"]), "many/a.parquet")
    small = second.set_column(0, "id", second["id"].cast(pa.int32())).append_column("more", pa.array(range(10)))
    pq.write_table(small, "many/b.parquet")
    date = third["date"].cast(pa.string()).combine_chunks().dictionary_encode()
    country = third["country"].cast(pa.large_string()).combine_chunks().dictionary_encode()
    pq.write_table(third.set_column(3, "date", date).set_column(4, "country", country), "many/c.parquet")
    _, one, _ = importer("validate", "one")
    code, many, _ = importer("validate", "many")
    assert (code, many["rows"]["sent"], many["digest"]) == (0, 30, one["digest"])


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zst"])
def test_a_copy_that_stopped_in_the_middle_is_an_error_and_not_a_shorter_file(importer: Command, name: str) -> None:
    text = csv_of(orders(count=60_000))
    Path(name).write_bytes((gzip.compress if name.endswith("gz") else zstd)(text)[:-100])
    code, _, err = importer("validate", name)
    assert code == 4
    assert f"{name}: ends in the middle of its" in err
    assert "completely copied?" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zst"])
def test_a_run_over_compressed_text_is_resumed_where_it_stopped(importer: Command, name: str) -> None:
    text = csv_of(orders(count=60_000))
    Path("plain.csv").write_bytes(text)
    Path(name).write_bytes((gzip.compress if name.endswith("gz") else zstd)(text))
    _, dry, _ = importer("validate", "plain.csv")
    with spawn() as url:
        to = ("--site", "7", "--url", url, "--yes")
        part = importer("run", name, *to, "--limit", "45000")[1]
        rest = importer("run", name, *to)[1]
        seen = received(url)
    assert (part["rows"]["sent"], rest["rows"]["sent"], rest["rows"]["skipped"]) == (45_000, 15_000, 45_000)
    assert seen["events"] == seen["unique_ids"] == 60_000
    assert rest["digest"] == seen["digest"] == dry["digest"]
