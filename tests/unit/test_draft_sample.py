"""The bounded sample: which rows of a file, and what is no export."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from drafting import drafted

from importer.draft import sample as module
from importer.draft.sample import take_sample
from importer.errors import ExitCode, SourceUnreadable, UsageInvalid

ROWS = 4_000


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample of 100 rows of the beginning and 10 of middle and end, read in small blocks."""
    for name, value in {"HEAD_ROWS": 100, "PART_ROWS": 10, "_HEAD_BYTES": 1_000, "_BLOCK_BYTES": 2_000}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr("importer.source.blocks._MIN_READ_BYTES", 2_000)


def numbers() -> pl.DataFrame:
    return pl.DataFrame({"number": range(ROWS), "text": ["some words of the same length"] * ROWS})


def test_a_small_file_is_read_whole() -> None:
    numbers().write_csv("f.csv")
    sample = take_sample("f.csv")
    assert (sample.is_whole, sample.total_rows, sample.frame.height, sample.head) == (True, ROWS, ROWS, ROWS)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_of_a_large_file_beginning_middle_and_end(suffix: str) -> None:
    numbers().write_csv("f.csv")
    numbers().write_parquet("f.parquet")
    sample = take_sample(f"f.{suffix}")
    found = sample.frame["number"].cast(pl.Int64)
    assert (sample.is_whole, sample.head, sample.frame.height) == (False, 100, 120)
    assert found.head(100).to_list() == list(range(100))
    assert found.n_unique() == 120
    assert found[100] in range(ROWS // 2 - 100, ROWS // 2 + 100)
    assert found[-1] == ROWS - 1


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("name", ["f.csv.gz", "f.csv"])
def test_what_cannot_be_read_from_the_middle_is_read_from_its_beginning(name: str) -> None:
    text = numbers().write_csv()
    Path(name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode("utf-16"))
    sample = take_sample(name)
    assert (sample.is_whole, sample.frame.height) == (False, 100)


@pytest.mark.usefixtures("_small")
def test_dates_of_the_end_decide_on_day_and_month() -> None:
    dates = ["03/04/2024"] * (ROWS - 5) + ["25/04/2024"] * 5
    text = "order_id,customer_id,date,total\n" + "".join(f"{n},7,{date},1.5\n" for n, date in enumerate(dates))
    assert 'format: "%d/%m/%Y"' in drafted(text).text


def test_a_file_without_a_telling_name() -> None:
    Path("export.dat").write_text("id;total\n1;2,5\n2;3,5\n", encoding="utf-8")
    sample = take_sample("export.dat")
    assert (sample.source.format, sample.source.separator) == ("csv", ";")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
def test_utf16(encoding: str) -> None:
    Path("f.csv").write_bytes("nom;total\nÉmile;2\nZoé;3\n".encode(encoding))
    sample = take_sample("f.csv")
    assert (sample.source.encoding, sample.frame["nom"].to_list()) == ("utf-16", ["Émile", "Zoé"])


def test_quotes_that_mean_themselves() -> None:
    Path("f.tsv").write_text("id\tname\n" + "".join(f'{n}\t{n}" pipe\n' for n in range(20)), encoding="utf-8")
    sample = take_sample("f.tsv")
    assert (sample.source.quote, sample.frame.height, sample.rejects) == ("", 20, ())


def test_broken_records_are_told_and_left_out() -> None:
    draft = drafted("id,date,total\n1,2024-01-02,3\n2,2024-01-02\n3,2024-01-02,4\n")
    assert any("1 records are broken, such as row 2" in note for note in draft.notes)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "blank lines only"),
        (b"a,b,c\n", "has a header and no row"),
        (b"name\nx\n", "one column only"),
        (b"1,a@b.org,2024-01-02\n2,c@d.org,2024-01-03\n", "its first line is data"),
        (bytes(range(256)) * 20, "is not text"),
        (b"PK\x03\x04" + b"\0" * 50, "is a zip archive"),
        (b"a,b\n" + bytes(range(0xC0, 0xF0)) + b",1\n", "neither UTF-8 nor plausible"),
        (b"a,a\n1,2\n", "names `a` more than once"),
    ],
)
def test_what_is_no_export_is_refused(content: bytes, said: str) -> None:
    Path("f.csv").write_bytes(content)
    with pytest.raises(SourceUnreadable, match=said) as error:
        take_sample("f.csv")
    assert error.value.exit_code == ExitCode.SOURCE


def test_no_such_file_and_a_uri() -> None:
    with pytest.raises(SourceUnreadable, match="no such file"):
        take_sample("nowhere.csv")
    with pytest.raises(UsageInvalid, match="URI"):
        take_sample("s3://bucket/f.csv")


def test_a_column_of_bytes_that_are_no_text_stops_nothing() -> None:
    rows = pl.DataFrame({"id": ["1", "2"], "picture": [b"\xff\xd8", None], "total": [1.5, 2.0]})
    assert "total" in drafted(rows, "f.parquet").text
