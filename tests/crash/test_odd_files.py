"""Scoreboard rows 16 and 17 from a file to a server: damaged files, and files in every encoding."""

from __future__ import annotations

import codecs
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import arriving
import pytest
from actors import running_oracle
from csv_files import Writing
from seeds import sum_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors import Ended, Importer, RunningOracle
    from oracle import Arrival

FILES = 8
EVERYWHERE = 'NUL \0, \u2028 a line of its own, mark \ufeff, "quoted"\r\n, é, 😀, e\u0301, once lost: \ufffd'
ALL_BYTES = bytes(range(256)).decode("latin-1")
NOT_UTF8 = [b"\xe9", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82"]
PLAIN = Writing(",", '"', "\n", "utf-8", ("n0", "n1"))


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningOracle]:
    """One server for all these imports: each of them is short."""
    with running_oracle(tmp_path_factory.mktemp("oracle") / "oracle.ndjson", "0") as running:
        yield running


def test_of_a_damaged_file_what_is_good_arrives_and_what_is_broken_is_told(
    importer: Importer, oracle: RunningOracle, tmp_path: Path
) -> None:
    figures = sum_of(arriving.damaged_file, range(FILES), tmp_path, importer, oracle)
    assert figures["sent"] > FILES
    assert figures["rejected"] > FILES


def test_whatever_a_mapping_makes_of_whatever_columns_the_dry_run_is_the_run(
    importer: Importer, oracle: RunningOracle, tmp_path: Path
) -> None:
    figures = sum_of(arriving.any_mapping, range(2 * FILES), tmp_path, importer, oracle)
    assert figures["events"] > FILES
    assert figures["exit 2"]
    assert figures["exit 3"]


def _import(
    importer: Importer, oracle: RunningOracle, writing: Writing, data: bytes, *, declared: bool
) -> tuple[Ended, list[Arrival]]:
    """Import a file; what arrived. Nothing that is written anywhere has a replacement character in it."""
    mapping, source = importer.folder / "m.yaml", importer.folder / "x.csv"
    mapping.write_text(arriving.mapping_for(writing, declared=declared), encoding="utf-8")
    source.write_bytes(data)
    before = len(oracle.record.refresh().arrivals)
    ended = importer.run_here(mapping, source, oracle.url)
    written = [file.read_bytes() for file in importer.state_dir.rglob("*") if file.is_file()]
    for text in (*written, ended.stderr.encode(), json.dumps(ended.report).encode()):
        assert "\ufffd".encode() not in text
        assert b"\\ufffd" not in text
    return ended, oracle.record.refresh().arrivals[before:]


@pytest.mark.parametrize(
    ("encoding", "mark", "cell"),
    [
        ("utf-8", b"", EVERYWHERE),
        ("utf-8", codecs.BOM_UTF8, EVERYWHERE),
        ("utf-16", b"", EVERYWHERE),
        ("utf-16-be", codecs.BOM_UTF16_BE, EVERYWHERE),
        ("utf-16-le", b"", EVERYWHERE),
        ("utf-32", b"", EVERYWHERE),
        ("gb18030", b"", EVERYWHERE),
        ("latin-1", b"", ALL_BYTES),
        ("cp1252", b"", "œuf à 3 €"),
        ("shift_jis", b"", "注文ソ表"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() else "",
)
def test_a_declared_encoding_arrives_as_its_exact_text(
    importer: Importer, oracle: RunningOracle, encoding: str, mark: bytes, cell: str
) -> None:
    writing = replace(PLAIN, encoding=encoding, mark=mark)
    rows = [("1", cell), ("2", cell * 30)]
    text = "".join(writing.record([identity, writing.quoted(text)]) for identity, text in rows)
    ended, arrivals = _import(importer, oracle, writing, writing.encode("n0,n1\n" + text), declared=encoding != "utf-8")
    arriving.check_arrived(ended, arrivals, Counter(map(arriving.content_of, rows)))


@pytest.mark.parametrize("alien", NOT_UTF8, ids=bytes.hex)
def test_bytes_that_are_no_utf8_far_behind_the_header_reject_their_rows_alone(
    importer: Importer, oracle: RunningOracle, alien: bytes
) -> None:
    count = 15_000 if alien is NOT_UTF8[0] else 10
    rows = [(str(number), "é" * 40) for number in range(count)]
    good = "".join(PLAIN.record(list(row)) for row in rows).encode()
    data = b"n0,n1\n" + good + b"x," + alien + b"\ny,z\n"
    ended, arrivals = _import(importer, oracle, PLAIN, data, declared=False)
    expected = Counter(map(arriving.content_of, [*rows, ("y", "z")]))
    arriving.check_arrived(ended, arrivals, expected)
    (reject,) = Path(ended.report["rejects"]).read_text().splitlines()
    told = json.loads(reject)
    assert (told["row"], told["line"], told["code"]) == (count + 1, count + 2, "encoding")
    assert told["source_row"] == "x," + "".join(f"\\x{byte:02x}" for byte in alien)


@pytest.mark.parametrize(
    ("data", "declared", "says"),
    [
        ("id,n1\n1,é\n".encode("utf-16"), None, "encoding: utf-16"),
        ("id,n1\n1,é\n".encode("utf-16-le"), None, "encoding: utf-16"),
        ("id,n1\n1,é\n".encode("utf-16-be"), None, "encoding: utf-16"),
        ("id,n1\n1,é\n".encode("utf-32"), None, "encoding: utf-32"),
        ("id,prénom\n1,é\n".encode("latin-1"), None, "encoding: latin-1"),
        ("id,n1\n1,é\n".encode("cp037"), None, "not valid utf-8"),
        ("id,n1\n1,é\n".encode("utf-8-sig"), "latin-1", "encoding: utf-8"),
        ("id,n1\n1,é\n".encode(), "utf-16", "not valid utf-16"),
        ("id,n1\n1,é\n".encode("utf-16"), "latin-1", "encoding: utf-16"),
        ("id,n1\n1,é\n".encode(), "latin-one", "latin-1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_encoding_that_is_not_the_declared_one_stops_before_a_request(
    importer: Importer, oracle: RunningOracle, data: bytes, declared: str | None, says: str
) -> None:
    writing = replace(PLAIN, names=("id", "n1"), encoding=declared or "utf-8")
    ended, arrivals = _import(importer, oracle, writing, data, declared=declared is not None)
    assert ended.code == (2 if declared == "latin-one" else 4)
    assert says in ended.stderr
    assert not arrivals
