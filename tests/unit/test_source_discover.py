"""Which files are meant, in which order, and what is refused before it is read."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import polars as pl
import pytest

from importer.errors import SourceUnreadable, UsageInvalid
from importer.mapping.models import SourceSpec
from importer.source import discover, left_out

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
    write(here, "in/b.CSV", "in/a.tsv", "in/c.txt", "in/.d.csv", "in/e.json", "in/sub/f.csv", "in/dir.csv/g.csv")
    assert found("in") == ["in/a.tsv", "in/b.CSV"]


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
    (here / "in/old").mkdir(parents=True)
    with pytest.raises(SourceUnreadable, match=r"in: no file in this folder ends in \.csv") as caught:
        discover(["in"], ANY)
    assert "It holds old/." in caught.value.hint
    write(here, "in/readme.md", "in/.a.csv", "in/notes/a.csv", "in/z", "in/date=1/b.doc")
    with pytest.raises(SourceUnreadable) as caught:
        discover(["in"], ANY)
    assert "It holds date=1/b.doc, notes/, old/ and 2 more." in caught.value.hint
    (here / "none").mkdir()
    with pytest.raises(SourceUnreadable) as caught:
        discover(["none"], ANY)
    assert "It holds nothing." in caught.value.hint
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


def mixed_folder(here: Path) -> None:
    write(here, "in/a.csv", "in/_SUCCESS", "in/b.csv.tmp", "in/c.csv.part", "in/d.docx", "in/.e.csv", "in/.f.csv.crc")
    write(here, "in/old/g.csv", "in/date=2/b.csv", "in/date=1/kind=x/c.tsv", "in/date=1/notes.md", "in/date=1/.h/i.csv")
    write(here, "in/h.csv.gz", data=gzip.compress(b"id\n1\n"))
    pl.DataFrame({"id": ["1"]}).write_parquet(here / "in/date=1/p.parquet")


def test_a_folder_may_hold_every_kind_of_file_and_folders_of_dates(here: Path) -> None:
    mixed_folder(here)
    expected = ["in/a.csv", "in/date=1/kind=x/c.tsv", "in/date=1/p.parquet", "in/date=2/b.csv", "in/h.csv.gz"]
    assert found("in") == expected
    assert [(file.format, file.compression) for file in discover(["in"], ANY)] == [
        ("csv", None),
        ("csv", None),
        ("parquet", None),
        ("csv", None),
        ("csv", "gzip"),
    ]


def test_what_is_left_out_can_be_said(here: Path) -> None:
    mixed_folder(here)
    assert left_out(["in", "in/a.csv"]) == "left out: in/_SUCCESS, in/b.csv.tmp, in/c.csv.part and 3 more"
    assert left_out(["in/date=1", "in/date=1"]) == "left out: in/date=1/notes.md"
    assert left_out(["in/date=*", "in/old/"]) == "left out: in/date=1/notes.md"
    assert left_out(["in/date=2", "in/d.docx"]) is None


def test_a_pattern_may_match_folders_of_dates(here: Path) -> None:
    mixed_folder(here)
    assert found("in/date=*") == ["in/date=1/kind=x/c.tsv", "in/date=1/p.parquet", "in/date=2/b.csv"]
    assert found("in/date=*/*.csv") == ["in/date=2/b.csv"]
    assert found("in/**/*.csv") == ["in/a.csv", "in/date=2/b.csv", "in/old/g.csv"]
    with pytest.raises(SourceUnreadable, match="no file matches"):
        found("in/old*")


def test_a_link_that_leads_upwards_ends_where_it_was(here: Path) -> None:
    write(here, "in/date=1/a.csv")
    (here / "in/date=1/again=1").symlink_to(here / "in")
    assert found("in") == ["in/date=1/a.csv"]
    assert left_out(["in"]) is None


def test_a_folder_that_cannot_be_listed_is_named(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(here, "in/date=1/a.csv")

    def denied(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)  # the tests may run as root
    with pytest.raises(SourceUnreadable, match="in: cannot be listed: Permission denied"):
        found("in")
