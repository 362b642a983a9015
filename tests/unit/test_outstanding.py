"""What a run has to do, by a real checkpoint: runs are played to their end or stopped, without a wire."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from grouped import MAPPING, Line, Quiet, go_on, planned, write

from importer import copies
from importer.ack import tallies
from importer.beginning import outstanding
from importer.belt import Belt
from importer.checkpoint import Anchor, Changes, Checkpoint, ImportKey, Tally, peek
from importer.errors import Interrupted, SourceChanged, SourceUnreadable, StateUnusable, UsageInvalid
from importer.outstanding import everything, member_of
from importer.pipeline import Stop, validate
from importer.records import Ack, Span
from importer.report import Report
from importer.source.identity import WHOLE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from importer.checkpoint import ImportStatus

NOW_MS = 1_800_000_000_000
PLAIN = """\
version: 1
event: purchase
key: [order_id, sku]
fields:
  id: order_id
  user.id: {column: customer, default: nobody}
  context.event_timestamp: at
"""
FOUR = [Line("o1"), Line("o2"), Line("o1", "s2"), Line("o3")]


@dataclass
class Ran:
    """What a run did: orders that it would have sent, and its report."""

    orders: list[bytes]
    report: Report
    names: list[str]


@dataclass
class House:
    """A folder with exports and a state directory."""

    folder: Path
    mapping: str = MAPPING
    _key: ImportKey = field(init=False)

    def __post_init__(self) -> None:
        self._key = ImportKey(self.folder / "mapping.yaml", "https://c.example", "1")

    def write(self, name: str, lines: list[Line] | None = None) -> Path:
        return write(self.folder / name, FOUR if lines is None else lines)

    def run(self, *files: Path, send: bool = True, check: Callable[[], None] = go_on, **settings: object) -> Ran:
        """As `importer run`. Without ``send`` the destination refuses at once; ``limit`` stops after so many events."""
        plan = planned(self.folder, *files, mapping=self.mapping, **settings)
        report = Report()
        with self.checkpoint() as checkpoint:
            todo = outstanding(plan, checkpoint, Quiet(), check)
            todo.note(report)
            belt, events = Belt(plan, todo.works, NOW_MS), []
            for batch in belt.batches() if send else ():
                checkpoint.commit(Changes(announced=list(batch.spans)))
                ack = Ack(batch, batch.digest())
                checkpoint.commit(Changes(acknowledged=list(batch.spans), tallies=tallies(ack, 0)))
                report.settle(ack)
                events += [piece.event(i) for piece in batch.pieces for i in range(piece.start, piece.stop)]
            checkpoint.commit(Changes(total_rows=belt.ended))
            belt.note(report)
            todo.settle(checkpoint, report)
            report.rows.read = report.rows.skipped + report.rows.duplicate + belt.rows_read
            todo.remove_finished(checkpoint)
            checkpoint.end(0)
        report.balance()
        return Ran(events, report, [work.source.name for work in todo.works])

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.folder / "state", self._key, lambda: datetime(2026, 3, 1, tzinfo=UTC))

    def stages(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "state").glob("*.stage-*"))

    def status(self) -> ImportStatus:
        return peek(self.folder / "state" / self._key.file_name())


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def plain(tmp_path: Path) -> House:
    return House(tmp_path, PLAIN)


def test_a_stage_is_removed_when_all_is_sent_and_the_next_run_has_nothing_to_do(house: House) -> None:
    a, b = house.write("a.csv"), house.write("b.csv", [Line("o3", "s9"), Line("o9", kind="draft")])
    first = house.run(a, b)
    assert (len(first.orders), first.report.rows.sent, first.report.rows.filtered) == (3, 5, 1)
    assert house.stages() == []
    assert house.status().complete
    second = house.run(a, b)
    assert (second.orders, second.names, second.report.rows.skipped) == ([], [], 6)


def test_every_gap_is_read_from_its_own_anchor(plain: House) -> None:
    lines = [Line(f"o{row}") for row in range(1, 61)]
    file = plain.write("a.csv", lines)
    plan = planned(plain.folder, file, mapping=PLAIN)
    anchors = [Anchor(0, row, 100 * row, row + 1) for row in (1, 20, 40, 55)]
    with plain.checkpoint() as checkpoint:
        outstanding(plan, checkpoint, Quiet(), go_on)
        done = [Span(0, 1, 5), Span(0, 6, 41), Span(0, 42, 57)]
        rows = sum(span.rows for span in done)
        checkpoint.commit(Changes(acknowledged=done, tallies={0: Tally(filtered=rows)}, anchors=anchors))
        (work,) = outstanding(plan, checkpoint, Quiet(), go_on).works
    assert [(gap.start, gap.stop) for gap in work.missing[:2]] == [(5, 6), (41, 42)]
    assert [anchor.row for anchor in work.anchors] == [1, 40, 55]


def test_a_stage_is_kept_until_all_is_sent(house: House) -> None:
    a = house.write("a.csv")
    first = house.run(a, limit=2)
    (stage,) = house.stages()
    a_again = house.run(a)
    assert (len(first.orders), len(a_again.orders)) == (2, 1)
    assert not set(first.orders) & set(a_again.orders)
    assert (a_again.report.rows.sent, a_again.report.rows.skipped) == (1, 3)
    assert house.stages() == []
    assert stage.startswith(house.status().path.stem)


def test_what_a_kill_left_of_a_finished_stage_is_removed_by_the_next_run(house: House) -> None:
    a = house.write("a.csv")
    house.run(a, limit=2)
    (stage,) = house.stages()
    left = house.folder / "state" / stage
    shutil.copytree(left, house.folder / "copy")
    house.run(a)
    shutil.copytree(house.folder / "copy", left)
    house.run(a)
    assert house.stages() == []


def test_another_mapping_on_a_partly_sent_stage_is_refused_with_the_difference(house: House) -> None:
    a = house.write("a.csv")
    house.run(a, limit=1)
    before = house.stages()
    house.mapping = MAPPING.replace("SUM(price)", "MAX(price)")
    with pytest.raises(UsageInvalid, match=r"SUM.price.*MAX.price"):
        house.run(a, house.write("b.csv", [Line("new")]))
    house.mapping = PLAIN
    with pytest.raises(UsageInvalid, match="group_by"):
        house.run(a)
    assert house.stages() == before
    house.mapping = MAPPING
    assert len(house.run(a).orders) == 2


def test_grouping_does_not_take_over_a_file_that_is_partly_sent_row_by_row(plain: House) -> None:
    a = plain.write("a.csv")
    plain.run(a, limit=1)
    plain.mapping = MAPPING
    with pytest.raises(UsageInvalid, match="group_by"):
        plain.run(a)
    assert plain.stages() == []


@pytest.mark.parametrize("first", [MAPPING, PLAIN])
def test_a_finished_file_stays_finished_when_grouping_comes_or_goes(house: House, first: str) -> None:
    a, b = house.write("a.csv"), house.write("b.csv", [Line("o7")])
    house.mapping = first
    house.run(a)
    house.mapping = PLAIN if first == MAPPING else MAPPING
    ran = house.run(a, b)
    assert (len(ran.orders), ran.report.rows.skipped) == (1, 4)
    assert house.status().complete


@pytest.mark.parametrize("change", ["mapping", "more files", "other bytes", "nothing"])
def test_a_refused_first_try_leaves_nothing_behind(house: House, change: str) -> None:
    a = house.write("a.csv")
    files = [a]
    house.run(a, send=False)
    assert (len(house.stages()), house.status().complete) == (1, False)
    if change == "mapping":
        house.mapping = MAPPING.replace("SUM(price)", "MAX(price)")
    elif change == "more files":
        files.append(house.write("b.csv", [Line("o8")]))
    elif change == "other bytes":
        house.write("a.csv", [*FOUR, Line("o8")])
    ran = house.run(*files)
    assert len(ran.orders) == (3 if change in {"mapping", "nothing"} else 4)
    assert house.stages() == []
    assert house.status().complete
    assert len(house.status().sources) == 1


def test_a_file_that_comes_while_a_stage_is_unfinished_is_a_stage_of_its_own(house: House) -> None:
    a = house.write("a.csv")
    house.run(a, limit=1)
    b = house.write("b.csv", [Line("o7")])
    ran = house.run(a, b)
    assert ran.names == [f"{a}, grouped", f"{b}, grouped"]
    assert (len(ran.orders), house.stages(), house.status().complete) == (3, [], True)


def test_a_run_of_other_files_leaves_an_unfinished_stage_alone(house: House) -> None:
    a, b = house.write("a.csv"), house.write("b.csv", [Line("o7")])
    house.run(a, limit=1)
    assert len(house.run(b).orders) == 1
    assert len(house.stages()) == 1
    assert len(house.run(a).orders) == 2
    assert house.status().complete


def test_one_file_of_an_unfinished_stage_stands_for_all_of_it(house: House) -> None:
    a, b = house.write("a.csv"), house.write("b.csv", [Line("o7")])
    first = house.run(a, b, limit=1)
    assert len(house.run(b).orders) + len(first.orders) == 4
    assert house.status().complete


@pytest.mark.parametrize("limit", [None, 1])
def test_a_file_that_changed_since_it_was_staged_is_refused(house: House, limit: int | None) -> None:
    a, b = house.write("a.csv"), house.write("b.csv", [Line("o7")])
    house.run(a, b, limit=limit)
    house.write("b.csv", [Line("o7"), Line("o8")])
    expected = "while its import is unfinished" if limit else "imported completely"
    with pytest.raises(SourceChanged, match=rf"b\.csv .*{expected}.*had \d+ bytes"):
        house.run(a, b)
    if limit:
        with pytest.raises(UsageInvalid, match=r"a\.csv was grouped together") as found:
            house.run(b, again=True)
        assert f"--again: {a}, {b}" in found.value.hint
        assert len(house.run(a, b, again=True).orders) == 5
    else:
        assert len(house.run(b, again=True).orders) == 2
    assert house.run(a, b).orders == []
    assert house.status().complete
    assert house.stages() == []


def test_again_replaces_all_unfinished_stages_of_its_files(house: House) -> None:
    a, b = house.write("a.csv"), house.write("b.csv", [Line("o7"), Line("o8")])
    house.run(a, limit=1)
    house.run(b, limit=1)
    ran = house.run(a, b, again=True)
    assert (len(ran.orders), ran.report.rows.read, house.stages()) == (5, 6, [])
    assert house.status().complete
    assert house.run(a, b).orders == []


def test_again_that_was_stopped_and_is_started_again_sends_all(house: House) -> None:
    a = house.write("a.csv")
    house.run(a)
    first = house.run(a, again=True, limit=1)
    ran = house.run(a, again=True)
    assert (len(first.orders), len(ran.orders), ran.report.rows.sent) == (1, 3, 4)
    assert house.status().total.duplicate == 0


@pytest.mark.parametrize("fault", ["stopped", "broken record"])
def test_again_that_fails_before_it_has_begun_leaves_the_stage_that_is_needed(house: House, fault: str) -> None:
    a, files = house.write("a.csv"), [house.folder / "a.csv"]
    first = house.run(a, limit=1)
    needed = house.stages()
    if fault == "broken record":
        files.append(house.folder / "b.csv")
        files[1].write_text(a.read_text("utf-8") + "o9,sale\n", "utf-8")

    def stop() -> None:
        raise Interrupted(15)

    for _ in range(2):
        with pytest.raises((Interrupted, SourceUnreadable)):
            house.run(*files, again=True, check=stop if fault == "stopped" else go_on)
        assert set(needed) <= set(house.stages())
        for left in set(house.stages()) - set(needed):  # the next one must not go on with what is damaged
            for run in (house.folder / "state" / left).iterdir():
                run.write_bytes(run.read_bytes()[:-1])
    rest = house.run(a)
    assert (len({*first.orders, *rest.orders}), len(rest.orders)) == (3, 2)
    assert (house.stages(), house.status().complete) == ([], True)


def test_again_of_a_stage_takes_its_place_as_often_as_it_is_tried(house: House) -> None:
    a = house.write("a.csv")
    house.run(a, limit=1)
    for _ in range(3):
        before = house.stages()
        house.run(a, again=True, limit=1)
        assert len(house.stages()) == 1
        assert house.stages() != before
    assert len(house.run(a).orders) == 2
    assert (house.stages(), len(house.status().sources)) == ([], 1)
    assert house.status().complete


def test_row_by_row_again_gives_up_an_unfinished_stage(house: House) -> None:
    a, b = house.write("a.csv"), house.write("b.csv", [Line("o7")])
    house.run(a, b, limit=1)
    house.mapping = PLAIN
    assert len(house.run(a, b, again=True).orders) == 5
    assert house.stages() == []
    assert house.run(a, b).orders == []
    assert house.status().complete


def test_a_file_that_was_put_back_after_it_was_sent_again_is_done(house: House) -> None:
    a = house.write("a.csv")
    house.run(a)
    house.write("a.csv", [Line("o9")])
    house.run(a, again=True)
    house.write("a.csv")
    house.run(a, again=True)
    assert house.run(a).orders == []


def test_again_sends_a_finished_stage_again_and_later_runs_go_on_with_that(house: House) -> None:
    a, b = house.write("a.csv"), house.write("b.csv", [Line("o7")])
    house.run(a)
    house.run(a, b, again=True)
    first = house.run(a, again=True, limit=1)
    rest = house.run(a)
    assert (len(first.orders), len(rest.orders)) == (1, 2)
    assert house.run(a, b).orders == []
    assert house.status().complete


def test_a_stage_of_many_tries_never_takes_the_place_of_another(house: House) -> None:
    a, b = house.write("a.csv"), house.write("b.csv", [Line("o7")])
    house.run(a, send=False)  # its place is taken by the stage of both
    house.run(a, b)
    house.run(a, again=True)
    assert [[file.name for file in known.files()] for known in house.status().sources] == [[str(a), str(b)], [str(a)]]
    assert house.run(b).orders == []


@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped"])
def test_a_damaged_stage_is_named_and_again_is_the_way_out(house: House, damage: str) -> None:
    a = house.write("a.csv")
    house.run(a, limit=1)
    stage = house.folder / "state" / house.stages()[0]
    run = stage / "run-000001"
    data = bytearray(run.read_bytes())
    if damage == "missing":
        shutil.rmtree(stage)
    else:
        data[50] ^= 1
        run.write_bytes(data if damage == "flipped" else data[:-1])
    for _ in range(2):
        with pytest.raises(StateUnusable, match="missing or incomplete" if damage == "missing" else "damaged") as found:
            house.run(a)
        assert "--again" in found.value.hint
    assert len(house.run(a, again=True).orders) == 3
    assert house.status().complete
    assert house.stages() == []


def test_a_dry_run_leaves_nothing_on_disk(house: House) -> None:
    twin = house.folder / "twin.csv"
    shutil.copy(house.write("a.csv"), twin)
    (house.folder / "state").mkdir()
    plan = planned(house.folder, house.folder / "a.csv", twin, mapping=MAPPING, state_dir=house.folder / "state")
    report = Report()
    with everything(plan, Quiet(), go_on) as todo:
        todo.note(report)
        events = sum(batch.count for batch in Belt(plan, todo.works, NOW_MS).batches())
        assert list((house.folder / "state").iterdir()) != []
    assert (events, report.rows.duplicate, todo.total_rows) == (3, 4, 8)
    assert list((house.folder / "state").iterdir()) == []


@pytest.mark.parametrize("mapping", [PLAIN, MAPPING])
def test_the_bytes_of_a_finished_file_are_not_sent_again_under_another_name(house: House, mapping: str) -> None:
    house.mapping = mapping
    a = house.write("a.csv")
    house.run(a)
    twin = house.folder / "late.csv"
    shutil.copy(a, twin)
    a.unlink()  # it need not be there any more
    b = house.write("b.csv", [Line("o7")])
    ran = house.run(twin, b)
    assert (len(ran.orders), ran.report.rows.duplicate, ran.report.rows.skipped) == (1, 4, 0)
    (example,) = ran.report.warnings[copies.SAME_BYTES].examples
    assert example.file == str(twin)
    assert f"same bytes as {a}: its 4 rows are not sent" in example.message
    assert house.status().complete
    assert house.status().total.duplicate == 4
    later = house.run(twin, b)
    assert (later.orders, later.report.rows.duplicate, later.report.rows.skipped) == ([], 0, 5)
    write(twin, [Line("o9")])
    with pytest.raises(SourceChanged, match=r"late\.csv was imported completely"):
        house.run(twin)
    assert len(house.run(twin, again=True).orders) == 1


@pytest.mark.parametrize("mapping", [PLAIN, MAPPING])
def test_again_sends_a_copy(house: House, mapping: str) -> None:
    house.mapping = mapping
    a = house.write("a.csv")
    orders = house.run(a).orders
    shutil.copy(a, house.folder / "twin.csv")
    house.run(house.folder / "twin.csv")
    assert house.run(house.folder / "twin.csv", again=True).orders == orders
    assert house.status().complete


@pytest.mark.parametrize("mapping", [PLAIN, MAPPING])
def test_a_copy_of_an_unfinished_file_waits_for_it(house: House, mapping: str) -> None:
    house.mapping = mapping
    a, twin = house.write("a.csv"), house.folder / "twin.csv"
    first = house.run(a, limit=1)
    shutil.copy(a, twin)
    for files in ([twin], [twin], [a, twin]):
        ran = house.run(*files, limit=1 if a in files else None)
        assert (len(ran.orders), ran.report.rows.duplicate) == (len(files) - 1, 0)
        (example,) = ran.report.warnings[copies.WAITS].examples
        assert example.file == str(twin)
        assert f"has the bytes of {a}, which is unfinished: it waits" in example.message
        assert [known.pristine for known in house.status().sources] == [False, True]
        first.orders += ran.orders
    rest = house.run(a, twin)
    assert len({*first.orders, *rest.orders}) == len(first.orders) + len(rest.orders) == (4 if mapping == PLAIN else 3)
    assert (rest.report.rows.duplicate, copies.WAITS in rest.report.warnings) == (4, False)
    assert (house.status().complete, house.status().total.duplicate) == (True, 4)
    assert house.run(a, twin).report.rows.skipped == 8


def test_a_copy_of_a_finished_and_of_an_unfinished_file_need_not_wait(plain: House) -> None:
    a, b, twin = plain.write("a.csv"), plain.write("b.csv"), plain.write("twin.csv")
    plain.run(a, again=True, limit=1)
    plain.run(b, again=True)
    assert plain.run(twin).report.rows.duplicate == 4


def test_twins_in_one_run_row_by_row_are_sent_once(plain: House) -> None:
    twins = [plain.write("a.csv"), plain.write("b.csv"), plain.write("c.csv")]
    first = plain.run(*twins, limit=1)
    assert (len(first.orders), first.report.rows.duplicate, first.names) == (1, 0, [str(twins[0])])
    rest = plain.run(*twins)
    assert (len(rest.orders), rest.report.rows.duplicate, rest.report.rows.skipped) == (3, 8, 1)
    assert plain.status().complete
    assert plain.run(*twins).report.rows.skipped == 12


@pytest.mark.parametrize("reason", ["again", "position"])
def test_twins_that_are_to_be_sent_are_sent(plain: House, reason: str) -> None:
    twins = [plain.write("a.csv"), plain.write("b.csv")]
    if reason == "position":
        plain.mapping = PLAIN.replace("[order_id, sku]", "position")
    ran = plain.run(*twins, again=reason == "again")
    assert (len(ran.orders), ran.report.rows.duplicate) == (8, 0)


def test_a_dry_run_of_twins_is_the_run(plain: House) -> None:
    twins = [plain.write("a.csv"), plain.write("b.csv")]
    report = Report()
    validate(planned(plain.folder, *twins, mapping=PLAIN), report, Quiet(), Stop())
    wet = plain.run(*twins).report
    assert (report.rows.sent, report.rows.duplicate, report.rows.read) == (4, 4, 8)
    assert (report.digest, report.rows, report.warnings.keys()) == (wet.digest, wet.rows, wet.warnings.keys())


def test_the_same_rows_of_another_file_are_other_events_by_position(plain: House) -> None:
    plain.mapping = PLAIN.replace("[order_id, sku]", "position")
    a = plain.write("a.csv")
    plain.run(a)
    shutil.copy(a, plain.folder / "twin.csv")
    assert len(plain.run(plain.folder / "twin.csv").orders) == 4


def test_the_same_bytes_read_in_another_way_are_other_rows(plain: House) -> None:
    a = plain.write("a.csv")
    plain.run(a)
    shutil.copy(a, plain.folder / "twin.csv")
    plain.mapping = PLAIN + "source: {null_values: ['o2']}\n"
    assert plain.run(plain.folder / "twin.csv").report.rows.duplicate == 0


def test_an_empty_file_is_a_copy_without_rows(plain: House) -> None:
    a, b = plain.write("a.csv", []), plain.write("b.csv", [])
    plain.run(a)
    assert plain.run(b).report.rows.duplicate == 0
    assert plain.status().complete


def test_twins_in_one_stage_do_not_double_the_lines_of_their_groups(house: House) -> None:
    a = house.write("a.csv")
    alone = house.run(a).orders
    folder = house.folder / "other"
    folder.mkdir()
    other = House(folder)
    twins = [other.write("a.csv"), other.write("b.csv"), other.write("c.csv")]
    ran = other.run(*twins)
    assert (ran.orders, ran.report.rows.duplicate, ran.report.rows.sent) == (alone, 8, 4)
    assert other.status().complete
    assert other.run(*twins).report.rows.skipped == 12


def test_a_begun_run_that_dies_before_its_copies_are_counted_counts_them_later(
    plain: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = plain.write("a.csv")
    plain.run(a)
    shutil.copy(a, plain.folder / "twin.csv")

    def die(*_: object) -> None:
        raise Interrupted(15)

    with monkeypatch.context() as patch:
        patch.setattr(copies.Copy, "changes", die)
        with pytest.raises(Interrupted):
            plain.run(plain.folder / "twin.csv")
    assert not plain.status().complete
    assert plain.run(plain.folder / "twin.csv").report.rows.duplicate == 4
    assert plain.status().complete


@pytest.mark.parametrize("fault", ["none", "a byte that no sample sees", "touched", "gone"])
def test_large_files_are_compared_whole(plain: House, fault: str) -> None:
    """Sparse files of zeros: nothing of them but their beginning is ever read as CSV here."""
    known, late = plain.folder / "known.csv", plain.folder / "late.csv"
    for path in (known, late):
        plain.write(path.name)
        os.truncate(path, 2 * WHOLE_BYTES)
    unseen = WHOLE_BYTES // 2 + 300_000
    if fault == "a byte that no sample sees":
        with late.open("r+b") as file:
            file.seek(unseen)
            file.write(b"x")
    sources = planned(plain.folder, known, late, mapping=PLAIN).sources
    one, two = (member_of(source).file for source in sources)
    assert one.identity.hash == two.identity.hash
    if fault == "touched":
        os.utime(known, ns=(0, 0))
    elif fault == "gone":
        known.unlink()
    found = copies.Contents([one], go_on).original_of(two)
    assert found == (one if fault == "none" else None)
