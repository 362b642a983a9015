"""A stage against a model in plain Python: where its files are cut and where it was stopped changes nothing."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from grouped import Line, model, planned, read, small_blocks, staged, write
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from importer.checkpoint import OPEN_END
from importer.records import Span
from importer.staging import partition, reader, space, stage

if TYPE_CHECKING:
    from importer.plan import Plan
    from importer.staging import Stage

KEYS = st.sampled_from(["7", "07", "7 ", "é", "order-1", "order-2", "", None])
GOOD = st.tuples(KEYS, st.sampled_from(["s1", "two\nlines"]), st.sampled_from(["sale", "draft"])).map(
    lambda of: Line(*of)
)
TEXT_LINE = st.one_of(GOOD, GOOD, GOOD, st.just(Line(broken=True)), st.just(Line(blank=True)))
FILE = st.one_of(
    st.tuples(st.sampled_from([".csv", ".csv.gz"]), st.lists(TEXT_LINE, max_size=25)),
    st.tuples(st.just(".parquet"), st.lists(GOOD, max_size=12)),
)
# Examples write files: to shrink one would take minutes, and they are small.
FEW = settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


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


def _stopped_at(of: Plan, directory: Path, moments: list[int]) -> Stage:
    for moment in moments:
        try:
            return staged(of, directory, StopAfter(moment), accept_broken=True)
        except Stopped:
            (directory / "run-999999.draft").write_bytes(b"half a file, as a kill leaves it")
    return staged(of, directory, accept_broken=True)


@FEW
@given(
    st.lists(FILE, min_size=1, max_size=3),
    st.sampled_from([1, 4, 64]),
    st.sampled_from([1, 300, 10**9]),
    st.lists(st.integers(0, 12), max_size=4),
    st.data(),
)
def test_every_row_has_one_number_and_every_group_its_lines_in_order(
    files: list[tuple[str, list[Line]]], parts: int, flush_bytes: int, moments: list[int], data: st.DataObject
) -> None:
    is_parquet = files[0][0] == ".parquet"
    named = [
        (f"f{i}{suffix}", lines) for i, (suffix, lines) in enumerate(files) if (suffix == ".parquet") == is_parquet
    ]
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        patch.setattr(stage, "parts_for", lambda _: parts)
        patch.setattr(partition, "FLUSH_BYTES", flush_bytes)
        patch.setattr(reader, "MAX_CHUNK_ROWS", data.draw(st.sampled_from([1, 3, 25_000])))
        small_blocks(patch, 120)
        of = planned(folder, *(write(folder / name, lines) for name, lines in named))
        clean = staged(of, folder / "clean", accept_broken=True)
        resumed = _stopped_at(of, folder / "resumed", moments)

        total = sum(len(lines) for _, lines in named)
        groups, rejects, filtered = model(named, parts)
        found = read(clean)
        assert sorted(found.numbers) == list(range(1, total + 1))
        assert found.groups == groups
        assert Counter(found.rejects) == rejects
        assert found.filtered == filtered
        assert clean.rows == resumed.rows == [len(lines) for _, lines in named]
        assert read(resumed) == found
        _check_parts(clean, total, data)


def _check_parts(clean: Stage, total: int, data: st.DataObject) -> None:
    """What is missing between groups is read alone, and gives what it gives as a part of the whole."""
    whole = [
        (chunk.span, chunk.frame.rows(), chunk.rejects) for chunk in clean.reader(0).chunks([Span(0, 1, OPEN_END)])
    ]
    chosen = [item for item in whole if data.draw(st.booleans())]
    again = [
        (chunk.span, chunk.frame.rows(), chunk.rejects)
        for chunk in clean.reader(0).chunks([item[0] for item in chosen])
    ]
    assert [row for _, rows, _ in again for row in rows] == [row for _, rows, _ in chosen for row in rows]
    assert [one for _, _, rejects in again for one in rejects] == [one for _, _, rejects in chosen for one in rejects]
    assert sum(span.rows for span, _, _ in again) == sum(span.rows for span, _, _ in chosen)
    assert list(clean.reader(0).chunks([Span(0, total + 1, OPEN_END)])) == []


def test_room_for_a_stage_is_a_power_of_two() -> None:
    assert [space.parts_for(size) for size in (0, space.PART_BYTES, space.PART_BYTES + 1, 1 << 60)] == [1, 1, 2, 4096]
