"""The checkpoint against a model that is two Python sets of rows."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from importer.checkpoint import OPEN_END, Candidate, Changes, Checkpoint, ImportKey, StoredIdentity, Tally
from importer.checkpoint.ranges import Ranges
from importer.records import Span

ROWS = 40
rows = st.integers(1, ROWS)
sources = st.integers(0, 1)


def cut(source: int, numbers: set[int]) -> list[Span]:
    """Rows as the longest spans."""
    starts = sorted(row for row in numbers if row - 1 not in numbers)
    stops = sorted(row + 1 for row in numbers if row + 1 not in numbers)
    return [Span(source, start, stop) for start, stop in zip(starts, stops, strict=True)]


class CheckpointModel(RuleBasedStateMachine):
    """Announce, acknowledge, end, die and open again, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.acknowledged: list[set[int]] = [set(), set()]
        self.announced: list[set[int]] = [set(), set()]
        self.ambiguous: list[set[int]] = [set(), set()]
        self.digest = 0

    @initialize()
    def start(self) -> None:
        self.open()

    def open(self) -> None:
        folder = Path(self.folder.name)
        names = [str(folder / "a"), str(folder / "b")]
        self.checkpoint = Checkpoint(
            folder, ImportKey(folder / "m", "d", "1"), lambda: datetime(2026, 3, 1, tzinfo=UTC)
        )
        self.checkpoint.begin([Candidate(name, name, StoredIdentity(1, 2, "h")) for name in names], {}, {})
        for source in (0, 1):
            self.ambiguous[source] |= self.announced[source]
            self.announced[source] = set()

    @rule(source=sources, start=rows, length=st.integers(0, 12))
    def announce(self, source: int, start: int, length: int) -> None:
        self.checkpoint.commit(Changes(announced=[Span(source, start, start + length)]))
        self.announced[source] |= {*range(start, start + length)}

    @rule(source=sources, picked=st.sets(rows, min_size=1, max_size=12), digest=st.integers(0, 2**128 - 1))
    def acknowledge(self, source: int, picked: set[int], digest: int) -> None:
        new = picked - self.acknowledged[source]
        tally = Tally(sent=len(new), digest=digest)
        self.checkpoint.commit(Changes(acknowledged=cut(source, new), tallies={source: tally}))
        self.acknowledged[source] |= new
        self.announced[source] -= new
        self.ambiguous[source] -= new
        self.digest = (self.digest + digest) % 2**128

    @rule(source=sources, picked=st.sets(rows, max_size=5))
    def end_and_open(self, source: int, picked: set[int]) -> None:
        self.checkpoint.end(130, cut(source, picked))
        self.checkpoint.close()
        self.announced = [set(), set()]
        self.ambiguous[source] |= picked - self.acknowledged[source]
        self.open()

    @rule()
    def die_and_open(self) -> None:
        self.checkpoint.close()  # real kills are in tests/crash
        self.open()

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "checkpoint"):
            return
        for source in (0, 1):
            missing = cut(source, {*range(1, ROWS + 1)} - self.acknowledged[source])
            found = self.checkpoint.missing(source)
            assert found[-1].stop == OPEN_END
            assert {row for span in found for row in range(span.start, min(span.stop, ROWS + 1))} == {
                row for span in missing for row in range(span.start, span.stop)
            }
            kept = [span for span in self.checkpoint.ambiguous() if span.source == source]
            assert kept == cut(source, self.ambiguous[source])
            stored = [
                Span(number, *ends)
                for number, kind, *ends in self.checkpoint._store.rows("span")
                if kind == "acknowledged"
            ]
            assert [span for span in stored if span.source == source] == cut(source, self.acknowledged[source])
        assert self.checkpoint.total().digest == self.digest
        assert self.checkpoint.total().sent == len(self.acknowledged[0]) + len(self.acknowledged[1])

    def teardown(self) -> None:
        if hasattr(self, "checkpoint"):
            self.checkpoint.close()
        self.folder.cleanup()


pytestmark = pytest.mark.timeout(600)  # some thousand syncs, one after the other
CheckpointModel.TestCase.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
TestCheckpointModel = CheckpointModel.TestCase


class RangesModel(RuleBasedStateMachine):
    """Ranges, and the rows that their changes leave on disk, against one set."""

    def __init__(self) -> None:
        super().__init__()
        self.ranges, self.model = Ranges(), set[int]()
        self.disk: dict[int, int] = {}

    @rule(start=rows, length=st.integers(0, 12), adding=st.booleans())
    def change(self, start: int, length: int, *, adding: bool) -> None:
        stop = start + length
        change = self.ranges.add(start, stop) if adding else self.ranges.discard(start, stop)
        for removed, _ in change.removed:
            del self.disk[removed]
        self.disk.update(change.added)
        self.model = self.model | {*range(start, stop)} if adding else self.model - {*range(start, stop)}

    @rule(start=rows, length=st.integers(0, 12))
    def look(self, start: int, length: int) -> None:
        asked = {*range(start, start + length)}
        assert self.expand(self.ranges.within(start, start + length)) == self.model & asked
        assert self.expand(self.ranges.gaps(start, start + length)) == asked - self.model

    @invariant()
    def agrees(self) -> None:
        assert [Span(0, *part) for part in self.ranges] == cut(0, self.model)
        assert self.ranges.rows == len(self.model)
        assert sorted(self.disk.items()) == [tuple(part) for part in self.ranges]

    @staticmethod
    def expand(parts: list[tuple[int, int]]) -> set[int]:
        return {row for start, stop in parts for row in range(start, stop)}


RangesModel.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestRangesModel = RangesModel.TestCase
