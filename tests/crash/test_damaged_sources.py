"""Row 32 of the scoreboard: sources that are cut, damaged or something else. Exit 4 with the true cause."""

from __future__ import annotations

import gzip
import random
import zipfile
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from torture import sources

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actors import Importer, RunningOracle


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    file = tmp_path / "orders.yaml"
    file.write_text(sources.MAPPING)
    return file


def bad_crc(file: Path) -> None:
    data = gzip.compress(sources.text())
    file.write_bytes(data[:-8] + bytes([data[-8] ^ 1]) + data[-7:])


def cut_gzip(file: Path) -> None:
    file.write_bytes(gzip.compress(sources.text())[:-300])


def zip_named_csv(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("orders.csv", sources.text())


def cut_parquet(file: Path) -> None:
    sources.write_parquet(file)
    file.write_bytes(file.read_bytes()[:-100])


def bad_page(file: Path) -> None:
    pq.write_table(
        pa.table(sources.columns()), file, write_page_checksum=True, compression="none", use_dictionary=False
    )
    data = bytearray(file.read_bytes())
    data[data.index(b"000900")] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "write", "cause"),
    [
        ("orders.csv.gz", cut_gzip, "ends in the middle of its gzip"),
        ("orders.csv.gz", bad_crc, "CRC check failed"),
        ("orders.csv", zip_named_csv, "is a zip archive"),
        ("orders.parquet", cut_parquet, "is damaged or not completely written"),
        ("orders.parquet", bad_page, "crc checksum"),
    ],
)
def test_a_damaged_source_ends_with_its_true_cause_and_a_good_copy_is_imported(
    name: str,
    write: Callable[[Path], None],
    cause: str,
    mapping: Path,
    tmp_path: Path,
    importer: Importer,
    start_oracle: Callable[[], RunningOracle],
) -> None:
    source, oracle = tmp_path / name, start_oracle()
    write(source)
    ended = importer.run_here(mapping, source, oracle.url)
    assert ended.code == 4, ended.stderr
    assert cause.lower() in ended.stderr.lower()
    assert ended.report["rows"]["sent"] == len({event.order_id for event in oracle.record.refresh().events})
    sources.write_parquet(source) if source.suffix == ".parquet" else source.write_bytes(sources.packed(source))
    again = ("--again",) if ended.report["rows"]["sent"] else ()
    final = importer.run_here(mapping, source, oracle.url, *again)
    assert final.code == 0, final.stderr
    assert {event.order_id for event in oracle.record.refresh().events} == set(sources.ORDERS)


def test_some_random_damage(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    assert sources.play(seed, tmp_path, damages=5).total() >= 5
