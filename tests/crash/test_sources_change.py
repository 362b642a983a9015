"""Row 20 of the scoreboard: a source that changes, between runs and during one. Exit 4 with what differs."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import polars as pl
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actors import Importer, RunningOracle
    from nursery import Nursery

    Change = Callable[[Path], None]
    WaitUntil = Callable[[Callable[[], bool]], None]

MAPPING = """
version: 1
event: purchase
key: [order_id]
fields:
  id: order_id
  user.id: {value: u}
  context.event_timestamp: {value: 1704164645000}
"""
OPTIONS = ("--concurrency", "2", "--max-item-bytes", "3900", "--max-body-bytes", "4000")
ROWS = 4_000  # more than what a run reads ahead of a server that does not answer


def write(file: Path, numbers: range) -> None:
    frame = pl.DataFrame({"order_id": [f"{number:05}" for number in numbers]})
    frame.write_csv(file) if file.suffix == ".csv" else frame.write_parquet(
        file, row_group_size=1_000, compression="uncompressed"
    )


def orders(numbers: range) -> list[str]:
    return [f"{number:05}" for number in numbers]


def arrived(oracle: RunningOracle) -> list[str]:
    return sorted(event.order_id for event in oracle.record.refresh().events)


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    file = tmp_path / "orders.yaml"
    file.write_text(MAPPING)
    (tmp_path / "exports").mkdir()
    return file


def append(file: Path) -> None:
    write(file, range(ROWS + 1))


def edit_one_cell(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data.replace(b"00017", b"99917"))


def truncate(file: Path) -> None:
    write(file, range(ROWS - 1))


def replace(file: Path) -> None:
    other = file.with_name(f"other{file.suffix}")
    write(other, range(ROWS, 2 * ROWS))
    other.replace(file)


def sort_anew(file: Path) -> None:
    write(file, range(ROWS - 1, -1, -1))


CHANGES: list[Change] = [append, edit_one_cell, truncate, replace, sort_anew]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_between_runs_a_change_is_told_and_nothing_is_sent(
    suffix: str, mapping: Path, tmp_path: Path, importer: Importer, start_oracle: Callable[[], RunningOracle]
) -> None:
    oracle, file = start_oracle(), tmp_path / f"orders{suffix}"
    write(file, range(ROWS))
    whole, times = file.read_bytes(), (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    for limit, words in ((("--limit", "1000"), "unfinished"), ((), "imported completely and has changed")):
        assert importer.run_here(mapping, file, oracle.url, *limit).code == 0
        before = arrived(oracle)
        for change in CHANGES:
            change(file)
            os.utime(file, ns=times)  # as copies that keep the time do
            ended = importer.run_here(mapping, file, oracle.url)
            assert (ended.code, ended.report["requests"]) == (4, 0), change
            assert words in ended.stderr
            is_longer = f"{len(whole):,} bytes and now has {file.stat().st_size:,}" in ended.stderr
            assert is_longer or f"it still has {len(whole):,} bytes, but others" in ended.stderr
            assert "--again" in ended.stderr
            file.write_bytes(whole)  # at another time: that alone is no other file
        assert arrived(oracle) == before
    assert before == orders(range(ROWS))


@pytest.mark.parametrize(
    ("suffix", "change"),
    [(".csv", append), (".csv", edit_one_cell), (".parquet", replace)],
)
def test_a_file_that_changes_while_it_is_sent_stops_the_run_and_goes_on_when_it_is_put_back(
    suffix: str, change: Change, mapping: Path, tmp_path: Path, nursery: Nursery, importer: Importer,
    start_oracle: Callable[[], RunningOracle], wait_until: WaitUntil,
) -> None:  # fmt: skip
    oracle, file = start_oracle(), tmp_path / f"orders{suffix}"
    write(file, range(ROWS))
    whole = file.read_bytes()
    oracle.answer(1)
    nursery.start([*importer._arguments(mapping, file, oracle.url), *OPTIONS])
    wait_until(lambda: len(oracle.record.refresh().arrivals) > 1)
    change(file)
    oracle.answer(math.inf)
    ended = nursery.wait()
    assert (ended.code, "changed while it was read" in ended.stderr) == (4, True), ended.stderr
    assert set(arrived(oracle)) < set(orders(range(ROWS)))
    file.write_bytes(whole)
    assert importer.run_here(mapping, file, oracle.url, *OPTIONS).code == 0
    assert arrived(oracle) == orders(range(ROWS))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_that_changes_before_its_turn_comes_is_not_read(
    suffix: str, mapping: Path, tmp_path: Path, nursery: Nursery, importer: Importer,
    start_oracle: Callable[[], RunningOracle], wait_until: WaitUntil,
) -> None:  # fmt: skip
    oracle, folder = start_oracle(), tmp_path / "exports"
    write(folder / f"a{suffix}", range(ROWS))
    write(folder / f"b{suffix}", range(ROWS, ROWS + 100))
    oracle.answer(1)
    nursery.start([*importer._arguments(mapping, folder, oracle.url), *OPTIONS])
    wait_until(lambda: len(oracle.record.refresh().arrivals) > 1)
    write(folder / f"b{suffix}", range(ROWS, ROWS + 200))
    oracle.answer(math.inf)
    ended = nursery.wait()
    assert (ended.code, "changed while it was read" in ended.stderr) == (4, True), ended.stderr
    assert set(arrived(oracle)) <= set(orders(range(ROWS)))
    final = importer.run_here(mapping, folder, oracle.url, *OPTIONS)
    assert final.code == 0, final.stderr
    assert arrived(oracle) == orders(range(ROWS + 200))
