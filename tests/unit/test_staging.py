from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from grouped import COLUMNS, MAPPING, Line, Quiet, model, planned, read, small_blocks, staged, write

from importer.checkpoint import OPEN_END
from importer.errors import SourceUnreadable, StateUnusable
from importer.records import Span
from importer.source import blocks
from importer.staging import partition, space, spool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.plan import Plan

TESTS = Path(__file__).parents[1]
LINES = [Line(f"o{number % 5}", f"s{number}") for number in range(40)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few rows, and a run file for each of them."""
    small_blocks(monkeypatch, 200)
    monkeypatch.setattr(partition, "FLUSH_BYTES", 1)


class Stopped(Exception):  # noqa: N818 - as a signal, no error
    pass


class StopAfter:
    """Stops a stage when it asks for the ``count``-th time."""

    def __init__(self, count: int) -> None:
        self.left = count

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Stopped


def interrupted(of: Plan, directory: Path, count: int) -> None:
    with pytest.raises(Stopped):
        staged(of, directory, StopAfter(count))


@pytest.mark.usefixtures("small")
def test_a_stopped_stage_reads_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = planned(tmp_path, write(tmp_path / "a.csv", LINES), write(tmp_path / "b.csv", LINES))
    interrupted(of, tmp_path / "stage", 2 + 9)  # two files are looked at first
    runs = {path.name: path.read_bytes() for path in (tmp_path / "stage").iterdir()}
    assert len(runs) == 9
    offsets = []
    seek = blocks.BlockCursor.seek
    monkeypatch.setattr(
        blocks.BlockCursor, "seek", lambda self, anchor: (offsets.append(anchor.offset), seek(self, anchor))[1]
    )
    (tmp_path / "stage" / "run-000010.draft").write_bytes(b"half a file, as a kill leaves it")
    done = staged(of, tmp_path / "stage")
    assert list((tmp_path / "stage").glob("*.draft")) == []
    assert max(offsets) > 200  # not from the beginning of a file
    assert {name: (tmp_path / "stage" / name).read_bytes() for name in runs} == runs
    assert read(done) == read(staged(of, tmp_path / "clean"))
    assert read(done).groups == model([("a.csv", LINES), ("b.csv", LINES)], 1)[0]


def test_what_is_missing_in_the_middle_is_read_alone(tmp_path: Path) -> None:
    done = staged(planned(tmp_path, write(tmp_path / "a.csv", LINES)), tmp_path / "stage")
    found = read(done, [Span(0, 9, 17), Span(0, 33, OPEN_END)])
    assert [{line.order_id for line in group} for group in found.groups] == [{"o1"}, {"o4"}]
    assert found.numbers == [*range(9, 17), *range(33, 41)]


def test_a_group_may_be_larger_than_a_chunk(tmp_path: Path) -> None:
    lines = [Line("big", str(number)) for number in range(25_010)] + [Line("o1"), Line("big"), Line("o2")]
    done = staged(planned(tmp_path, write(tmp_path / "a.csv", lines)), tmp_path / "stage")
    chunks = [(chunk.span, chunk.groups.n_unique()) for chunk in done.reader(0).chunks([Span(0, 1, OPEN_END)])]  # type: ignore[union-attr]
    assert chunks == [(Span(0, 1, 25_012), 1), (Span(0, 25_012, 25_014), 2)]


def test_a_key_of_several_columns(tmp_path: Path) -> None:
    mapping = MAPPING.replace("[order_id]", "[order_id, customer]").replace("default: nobody", "map: {c1: x}")
    frame = pl.DataFrame(
        [("7", "c1"), ("07", "c1"), ("7", None), (None, None), ("7", "c1"), ("71", "c"), ("7", "1c")],
        schema={"order_id": pl.String, "customer": pl.String}, orient="row",
    )  # fmt: skip
    others = [pl.lit(f"{name}").alias(name) for name in COLUMNS if name not in frame.columns]
    frame.with_columns(others).write_csv(tmp_path / "a.csv")
    done = staged(planned(tmp_path, tmp_path / "a.csv", mapping=mapping), tmp_path / "stage")
    assert [[line.row for line in group] for group in read(done).groups] == [[1, 5], [2], [6], [7]]
    rejects = [one for chunk in done.reader(0).chunks([Span(0, 1, OPEN_END)]) for one in chunk.rejects]
    assert [(one.row, one.line, one.code, one.message.partition(" is ")[0]) for one in rejects] == [
        (3, 4, "group_key_missing", "group_by: 'customer'"),
        (4, 5, "group_key_missing", "group_by: 'order_id' and 'customer'"),
    ]
    assert [one.number for one in rejects] == [6, 7]
    assert rejects[0].source_row == {**dict(frame.with_columns(others).row(2, named=True))}


@pytest.mark.parametrize(
    ("values", "dtype", "groups"),
    [
        ([7, 8, 7], pl.Int64, [[1, 3], [2]]),
        (["2024-01-02", "2024-01-03", "2024-01-02"], pl.Date, [[1, 3], [2]]),
        (["7", "07", "7"], pl.Categorical, [[1, 3], [2]]),
    ],
)
def test_keys_of_other_types(tmp_path: Path, values: list[object], dtype: pl.DataType, groups: list[list[int]]) -> None:
    key = pl.Series("order_id", values).cast(dtype) if dtype != pl.Date else pl.Series(values).str.to_date()
    rows = pl.DataFrame([Line().cells()] * 3, schema=dict.fromkeys(COLUMNS, pl.String))
    rows.with_columns(key.alias("order_id")).write_parquet(tmp_path / "a.parquet")
    done = staged(planned(tmp_path, tmp_path / "a.parquet"), tmp_path / "stage")
    assert [[line.row for line in group] for group in read(done).groups] == groups


@pytest.mark.usefixtures("small")
def test_broken_records_stop_a_stage_until_they_are_accepted(tmp_path: Path) -> None:
    lines = [*LINES, *[Line(broken=True)] * 7]
    of = planned(tmp_path, write(tmp_path / "a.csv", lines))
    for _ in range(2):  # the second time nothing is read again
        with pytest.raises(
            SourceUnreadable, match=r"7 records .* Nothing was sent\.\n  a\.csv:41 \(line 42\): "
        ) as found:
            staged(of, tmp_path / "stage")
    assert "\n  a.csv:45 (line 46): " in found.value.message
    assert found.value.message.endswith("and 2 more")
    assert "--accept-incomplete-groups" in found.value.hint
    done = staged(of, tmp_path / "stage", accept_broken=True)
    assert [(row, line, code) for _, row, line, code in read(done).rejects] == [
        (n, n + 1, "short") for n in range(41, 48)
    ]


@pytest.mark.usefixtures("small")
def test_a_stage_that_fails_every_night_does_not_grow(tmp_path: Path) -> None:
    of = planned(tmp_path, write(tmp_path / "a.csv", [*LINES, Line(broken=True)]))
    found = []
    for _ in range(3):
        with pytest.raises(SourceUnreadable):
            staged(of, tmp_path / "stage")
        found.append(sorted(path.name for path in (tmp_path / "stage").iterdir()))
    assert found[0] == found[1] == found[2]


@pytest.mark.usefixtures("small")
def test_only_the_last_run_file_keeps_its_state_in_memory(tmp_path: Path) -> None:
    staged(planned(tmp_path, write(tmp_path / "a.csv", LINES)), tmp_path / "stage")
    runs = spool.read_runs(tmp_path / "stage")
    assert len(runs) > 2
    assert [bool(run.state) for run in runs] == [False] * (len(runs) - 1) + [True]


def test_the_slots_of_a_run_file_are_as_small_as_their_numbers() -> None:
    found = [spool.Slot(number, 2, 3, 4) for number in range(5)]
    slots = spool.Slots(found)
    assert ([slots[part] for part in range(5)], len(slots), slots[-1]) == (found, 5, found[-1])
    assert slots._numbers.itemsize * len(slots._numbers) == 5 * 32


def test_a_directory_that_cannot_be_read_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(StateUnusable, match="gone cannot be read: No such file"):
        spool.read_runs(tmp_path / "gone")


def test_a_row_without_a_key_shows_its_values_as_other_rejects_do(tmp_path: Path) -> None:
    rows = pl.DataFrame([Line().cells()], schema=dict.fromkeys(COLUMNS, pl.String))
    moment = pl.Series("at", [datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)])
    rows.with_columns(moment, pl.Series("sku", [b"\x01\xff"])).write_parquet(tmp_path / "a.parquet")
    mapping = MAPPING.replace("id: sku, ", "").replace("where: kind", "where: sku IS NOT NULL AND kind")
    done = staged(planned(tmp_path, tmp_path / "a.parquet", mapping=mapping), tmp_path / "stage")
    (reject,) = [one for chunk in done.reader(0).chunks([Span(0, 1, OPEN_END)]) for one in chunk.rejects]
    assert isinstance(reject.source_row, dict)
    assert (reject.source_row["at"], reject.source_row["sku"]) == ("2024-01-02T03:04:05+00:00", "01ff")


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("keep", [0, 1, 10, 30, -1, -20])
def test_a_truncated_run_file_is_told_from_a_good_one(tmp_path: Path, keep: int) -> None:
    of = planned(tmp_path, write(tmp_path / "a.csv", LINES))
    staged(of, tmp_path / "stage")
    run = tmp_path / "stage" / "run-000002"
    run.write_bytes(run.read_bytes()[:keep])
    with pytest.raises(StateUnusable, match="run-000002 is damaged") as found:
        staged(of, tmp_path / "stage")
    assert "--again" in found.value.hint


def test_a_damaged_end_does_not_ask_for_more_than_the_file_has(tmp_path: Path) -> None:
    of = planned(tmp_path, write(tmp_path / "a.csv", LINES))
    staged(of, tmp_path / "stage")
    run = tmp_path / "stage" / "run-000001"
    data = bytearray(run.read_bytes())
    data[-len(spool.MAGIC) - 12 : -len(spool.MAGIC) - 4] = b"\xff" * 8
    run.write_bytes(data)
    with pytest.raises(StateUnusable, match="run-000001 is damaged"):
        staged(of, tmp_path / "stage")


def test_a_damaged_piece_is_never_read_as_rows(tmp_path: Path) -> None:
    of = planned(tmp_path, write(tmp_path / "a.csv", LINES))
    staged(of, tmp_path / "stage")
    run = tmp_path / "stage" / "run-000001"
    data = bytearray(run.read_bytes())
    data[100] ^= 1
    run.write_bytes(data)
    with pytest.raises(StateUnusable, match="run-000001 is damaged"):
        read(staged(of, tmp_path / "stage"))
    done = staged(of, tmp_path / "other")
    (tmp_path / "other" / "run-000001").unlink()
    with pytest.raises(StateUnusable, match=r"run-000001 cannot be read: No such file"):
        read(done)


@pytest.mark.usefixtures("small")
def test_a_missing_run_file_is_noticed(tmp_path: Path) -> None:
    of = planned(tmp_path, write(tmp_path / "a.csv", LINES))
    staged(of, tmp_path / "stage")
    (tmp_path / "stage" / "run-000001").unlink()
    with pytest.raises(StateUnusable, match="lacks one of its files"):
        staged(of, tmp_path / "stage")


@pytest.mark.usefixtures("small")
def test_without_its_last_run_file_a_stage_goes_on_from_the_one_before(tmp_path: Path) -> None:
    of = planned(tmp_path, write(tmp_path / "a.csv", LINES))
    whole = read(staged(of, tmp_path / "stage"))
    max((tmp_path / "stage").iterdir()).unlink()
    assert read(staged(of, tmp_path / "stage")) == whole


def test_a_stage_in_the_place_of_a_file_is_an_error_in_words(tmp_path: Path) -> None:
    of = planned(tmp_path, write(tmp_path / "a.csv", LINES))
    (tmp_path / "stage").write_text("no folder")
    with pytest.raises(StateUnusable, match="cannot be used: File exists"):
        staged(of, tmp_path / "stage")


def test_nobody_else_may_look_into_a_stage(tmp_path: Path) -> None:
    staged(planned(tmp_path, write(tmp_path / "a.csv", LINES)), tmp_path / "stage")
    assert [oct(path.stat().st_mode)[-3:] for path in (tmp_path / "stage", tmp_path / "stage" / "run-000001")] == [
        "700",
        "600",
    ]


def test_room_is_looked_for_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = planned(tmp_path, write(tmp_path / "a.csv", LINES))
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil gives it
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 50_000_000))
    with pytest.raises(
        StateUnusable, match=r"Grouping needs up to 67 MB of disk in .*stage, and 50 MB are free"
    ) as found:
        staged(of, tmp_path / "stage")
    assert "--state-dir" in found.value.hint
    assert list((tmp_path / "stage").iterdir()) == []


def expected(of: Plan, columns: Sequence[str] = COLUMNS) -> space.Size:
    """What the files of a plan are thought to take in a stage."""
    sizes = [space.estimated_size(source.file, source.open(0), columns) for source in of.sources]
    return space.Size(*map(sum, zip(*sizes, strict=True)))


def staged_bytes(directory: Path) -> int:
    """What the rows of a stage take in memory."""
    tables = (run.table(part) for run in spool.read_runs(directory) for part in range(len(run.slots) - 1))
    return sum(table.nbytes for table in tables if table is not None)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_stage_is_as_large_as_expected_where_values_repeat(tmp_path: Path, suffix: str) -> None:
    cells = {**Line("o").cells(), "customer": "the same long text for each of the rows " * 5}
    frame = pl.DataFrame({name: [value] * 40_000 for name, value in cells.items()})
    path = tmp_path / f"a{suffix}"
    frame.write_csv(path) if suffix == ".csv" else frame.write_parquet(path)
    of = planned(tmp_path, path)
    staged(of, tmp_path / "stage")
    real = staged_bytes(tmp_path / "stage")
    assert real / 2 < expected(of).memory_bytes < 2 * real
    assert suffix == ".csv" or path.stat().st_size < real / 100


def test_columns_that_are_not_read_take_no_room(tmp_path: Path) -> None:
    wide = pl.DataFrame({"used": ["u" * 50] * 1000, "unused": [f"{number}" * 500 for number in range(1000)]})
    wide.write_parquet(tmp_path / "a.parquet", compression="uncompressed")
    of = planned(
        tmp_path, tmp_path / "a.parquet", mapping=MAPPING.partition("group_by")[0] + "key: used\n"
        "fields: {id: used, user.id: used, context.event_timestamp: {value: 1}}\n",
    )  # fmt: skip
    assert 50_000 < expected(of, ["used"]).disk_bytes < 100_000


def test_compressed_text_may_be_twenty_times_as_long(tmp_path: Path) -> None:
    plain = expected(planned(tmp_path, write(tmp_path / "a.csv", LINES)))
    of = planned(tmp_path, write(tmp_path / "a.csv.gz", LINES))
    share = (tmp_path / "a.csv.gz").stat().st_size / (tmp_path / "a.csv").stat().st_size
    assert expected(of).memory_bytes == pytest.approx(20 * share * plain.memory_bytes, abs=20)
    assert expected(of).disk_bytes == pytest.approx(8 * share * plain.disk_bytes, abs=20)


def test_a_file_without_rows_takes_next_to_nothing(tmp_path: Path) -> None:
    for suffix in (".csv", ".parquet"):
        of = planned(tmp_path, write(tmp_path / f"a{suffix}", []))
        assert expected(of).memory_bytes < 1_000


@pytest.mark.usefixtures("small")
def test_progress_counts_rows_of_the_phase(tmp_path: Path) -> None:
    progress = Quiet()
    staged(planned(tmp_path, write(tmp_path / "a.csv", [*LINES, Line()])), tmp_path / "stage", progress=progress)
    assert {snapshot.phase for snapshot in progress.seen} == {"grouping"}
    assert progress.seen[-1].rows_done == 41
    assert progress.seen[-1].rejected == 1


FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from grouped import planned, staged
from importer.errors import StateUnusable
from importer.staging import partition
partition.FLUSH_BYTES = 1
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
folder = Path(sys.argv[1])
try:
    staged(planned(folder, folder / "a.csv", folder / "b.csv"), folder / "stage")
except StateUnusable as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def _noise(number: int) -> str:
    """A text that no compression makes shorter than a few hundred bytes."""
    return "".join(hashlib.sha512(f"{number} {part}".encode()).hexdigest() for part in range(8))


def test_a_full_disk_leaves_whole_files_and_the_stage_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """The system's own limit on the size of files stands for the disk: the second chunk does not fit."""
    files = [
        write(tmp_path / "a.csv", LINES),
        write(tmp_path / "b.csv", [Line("o", _noise(number)) for number in range(50)]),
    ]
    program = FULL.format(tests=str(TESTS), limit=8_000)
    child = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=False, cwd=TESTS.parent,
        env={"PYTHONPATH": ".", "PYTHONDONTWRITEBYTECODE": "1"}, timeout=100,
    )  # fmt: skip
    assert child.returncode == 7, child.stderr
    assert "run-000002 cannot be written: File too large" in child.stderr
    assert "run the same command to resume" in child.stderr
    assert [path.name for path in (tmp_path / "stage").iterdir()] == ["run-000001"]
    of = planned(tmp_path, *files)
    assert read(staged(of, tmp_path / "stage")) == read(staged(of, tmp_path / "clean"))


def test_a_run_file_is_never_half_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.os, "fsync", full)
    with pytest.raises(StateUnusable, match="No space left on device"):
        spool.write_run(tmp_path, 1, [pl.DataFrame({"a": [1]}).to_arrow()], {})
    assert list(tmp_path.iterdir()) == []
