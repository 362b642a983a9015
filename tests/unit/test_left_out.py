"""What ``dedupe`` leaves out, and the files that remember it."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import polars as pl
import pytest

from importer.errors import StateUnusable
from importer.left_out import SCHEMA, LeftOut, read, write
from importer.records import Span

if TYPE_CHECKING:
    from pathlib import Path

ROWS = pl.DataFrame({"row": [2, 5, 9], "first_source": [0, 3, 0], "first_row": [1, 4, 7]}, schema=SCHEMA)


def test_what_is_left_out_of_a_span() -> None:
    left_out = LeftOut({3: pl.Series([2, 5, 9])})
    assert left_out.within(Span(3, 2, 9)).to_list() == [2, 5]
    assert left_out.within(Span(4, 2, 9)).to_list() == []


def test_it_is_read_back_or_called_damaged(tmp_path: Path) -> None:
    file = tmp_path / "left-out"
    file.with_name("left-out.unfinished").symlink_to(tmp_path / "elsewhere")  # somebody else's: it is not followed
    write(file, "mine", ROWS)
    assert not (tmp_path / "elsewhere").exists()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read(file, "mine").equals(ROWS)
    whole = file.read_bytes()
    for position in range(len(whole)):
        for damaged in (
            whole[:position],
            whole[:position] + bytes([whole[position] ^ 1 << position % 8]) + whole[position + 1 :],
        ):
            file.write_bytes(damaged)
            with pytest.raises(StateUnusable, match="is damaged"):
                read(file, "mine")


def test_that_of_another_checkpoint_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "left-out"
    assert read(file, "mine").equals(pl.DataFrame(schema=SCHEMA))
    write(file, "another", ROWS)
    assert read(file, "mine").equals(pl.DataFrame(schema=SCHEMA))
    assert read(file, "another").equals(ROWS)
