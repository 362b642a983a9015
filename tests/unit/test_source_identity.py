"""When two files count as the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import polars as pl
import pytest

from importer.source import Identity, SourceFile, identify, identity

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 400_000


@pytest.fixture
def big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SourceFile:
    """A file that is "big" because the sizes of the samples are small here."""
    monkeypatch.setattr(identity, "WHOLE_BYTES", 100_000)
    monkeypatch.setattr(identity, "EDGE_BYTES", 1_000)
    monkeypatch.setattr(identity, "SAMPLE_BYTES", 500)
    path = tmp_path / "big.csv"
    path.write_bytes(bytes(SIZE))
    return SourceFile(path, "big.csv", "csv")


def change(file: SourceFile, offset: int) -> Identity:
    """The identity after one byte was changed, and the byte put back."""
    with file.path.open("r+b") as handle:
        handle.seek(offset)
        before = handle.read(1)
        handle.seek(offset)
        handle.write(b"x")
        handle.flush()
        found = identify(file)
        handle.seek(offset)
        handle.write(before)
    return found


def test_it_survives_json_and_does_not_change_by_itself(big: SourceFile) -> None:
    first = identify(big)
    assert Identity.from_json(first.to_json()) == first == identify(big)
    assert first.size == SIZE


@pytest.mark.parametrize("offset", [0, 999, SIZE - 1_000, SIZE - 1])
def test_a_changed_byte_in_head_or_tail_is_seen(big: SourceFile, offset: int) -> None:
    assert change(big, offset).hash != identify(big).hash


def test_samples_are_spread_over_the_whole_file(big: SourceFile) -> None:
    original = identify(big).hash
    seen = [offset for offset in range(250, SIZE, 6_341) if change(big, offset).hash != original]
    assert len(seen) >= 3
    assert max(seen) - min(seen) > SIZE // 3


def test_every_byte_of_a_small_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "small.csv"
    path.write_bytes(bytes(5_000))
    file = SourceFile(path, "small.csv", "csv")
    assert change(file, 2_345).hash != identify(file).hash


def test_the_time_is_kept_apart_from_the_content(big: SourceFile) -> None:
    first = identify(big)
    os.utime(big.path, ns=(1, 1))
    assert identify(big) == Identity(first.size, 1, first.hash)


@pytest.mark.usefixtures("big")
def test_the_whole_footer_of_a_parquet_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "wide.parquet"
    pl.DataFrame({f"column_{number}": range(300) for number in range(400)}).write_parquet(path)
    size = path.stat().st_size
    footer_bytes = int.from_bytes(path.read_bytes()[-8:-4], "little")
    assert size > identity.WHOLE_BYTES
    assert footer_bytes > 10 * identity.EDGE_BYTES
    file = SourceFile(path, path.name, "parquet")
    original = identify(file).hash
    assert all(change(file, size - 8 - footer_bytes + step).hash != original for step in range(0, footer_bytes, 997))
