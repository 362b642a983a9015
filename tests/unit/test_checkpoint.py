from __future__ import annotations

import fcntl
import json
import os
import stat
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from importer.checkpoint import (
    MEMBERS,
    OPEN_END,
    Anchor,
    Candidate,
    Changes,
    Checkpoint,
    ImportKey,
    KnownFile,
    KnownSource,
    StoredIdentity,
    Tally,
    list_imports,
    overall,
    peek,
    prepare_directory,
    total,
)
from importer.checkpoint import place as place_module
from importer.checkpoint.place import file_system, parse_mount_listing
from importer.errors import Imbalance, ImportLocked, SourceChanged, StateUnusable, UsageInvalid
from importer.records import Span

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FINGERPRINT = {"mapping": {"fields": {"id": {"column": "order"}}}, "endpoint": "batch"}


def a_key(tmp_path: Path, site: str = "1234") -> ImportKey:
    return ImportKey(tmp_path / "orders.yaml", "https://collect.commander1.com", site)


def opened(tmp_path: Path, directory: str = "state") -> Checkpoint:
    return Checkpoint(tmp_path / directory, a_key(tmp_path), lambda: START)


def a_file(tmp_path: Path, name: str = "a.csv", size: int = 10, content: str = "h", **dialect: str) -> Candidate:
    return Candidate(str(tmp_path / name), name, StoredIdentity(size, 5, content), dialect)


def begun(checkpoint: Checkpoint, *candidates: Candidate, again: bool = False) -> list[KnownSource]:
    return checkpoint.begin(candidates, FINGERPRINT, {"version": "0.1.0"}, again=again)


def settle(
    checkpoint: Checkpoint,
    *spans: Span,
    total_rows: dict[int, int] | None = None,
    rejects: tuple[str, int] | None = None,
) -> None:
    """Acknowledge ``spans`` as sent."""
    sent = {
        number: Tally(sent=count, accepted=count)
        for number in {span.source for span in spans}
        if (count := sum(span.rows for span in spans if span.source == number))
    }
    checkpoint.commit(Changes(acknowledged=list(spans), tallies=sent, total_rows=total_rows or {}, rejects=rejects))


def stored_spans(checkpoint: Checkpoint, kind: str) -> Sequence[tuple[Any, ...]]:
    return [(source, start, stop) for source, found, start, stop in checkpoint._store.rows("span") if found == kind]


def test_what_is_missing_is_what_was_not_acknowledged(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        [source] = begun(checkpoint, a_file(tmp_path))
        assert checkpoint.missing(0) == [Span(0, 1, OPEN_END)]
        settle(checkpoint, Span(0, 5, 8), Span(0, 10, 12))
        assert checkpoint.missing(0) == [Span(0, 1, 5), Span(0, 8, 10), Span(0, 12, OPEN_END)]
        assert (source.number, source.total_rows, source.complete) == (0, None, False)
    with opened(tmp_path) as checkpoint:
        assert checkpoint.missing(0) == [Span(0, 1, 5), Span(0, 8, 10), Span(0, 12, OPEN_END)]
        checkpoint.commit(Changes(total_rows={0: 12}))
        assert checkpoint.missing(0) == [Span(0, 1, 5), Span(0, 8, 10), Span(0, 12, 13)]


def test_neighbours_merge_so_that_the_table_stays_small(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        for start in range(1, 1000, 10):
            settle(checkpoint, Span(0, start, start + 10))
        assert stored_spans(checkpoint, "acknowledged") == [(0, 1, 1001)]


def test_a_source_is_complete_with_its_last_row_and_an_empty_one_at_once(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path), a_file(tmp_path, "empty.csv"))
        checkpoint.commit(Changes(total_rows={0: 3, 1: 0}))
        assert [source.complete for source in checkpoint.sources()] == [False, True]
        settle(checkpoint, Span(0, 1, 4))
        assert [source.complete for source in checkpoint.sources()] == [True, True]
        assert checkpoint.missing(0) == []


def test_a_row_never_gets_a_second_fate(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        settle(checkpoint, Span(0, 1, 5))
        with pytest.raises(Imbalance, match=r"Rows 4 to 6 of a\.csv would be acknowledged twice"):
            settle(checkpoint, Span(0, 4, 7))


@pytest.mark.parametrize(
    "changes",
    [
        Changes(acknowledged=[Span(0, 1, 5)], tallies={0: Tally(sent=3)}),
        Changes(acknowledged=[Span(0, 1, 5)]),
        Changes(tallies={0: Tally(filtered=1)}),
        Changes(acknowledged=[Span(0, 1, 5)], tallies={0: Tally(sent=4)}, total_rows={0: 3}),
    ],
)
def test_sums_that_do_not_add_up_are_not_recorded(tmp_path: Path, changes: Changes) -> None:
    checkpoint = opened(tmp_path)
    begun(checkpoint, a_file(tmp_path))
    with pytest.raises(Imbalance):
        checkpoint.commit(changes)
    with pytest.raises(StateUnusable):  # memory may be ahead of the disk now
        checkpoint.missing(0)
    with pytest.raises(StateUnusable):
        checkpoint.commit(Changes())
    checkpoint.close()
    with opened(tmp_path) as checkpoint:
        assert checkpoint.missing(0) == [Span(0, 1, OPEN_END)]
        assert checkpoint.total() == Tally()


def test_tallies_are_kept_for_each_source(tmp_path: Path) -> None:
    one = Tally(sent=2, filtered=1, rejected={"mapping": 1}, accepted=2, resent=1, digest=2**128 - 1)
    two = Tally(rejected={"mapping": 1, "destination": 1}, refused=1, digest=3)
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path), a_file(tmp_path, "b.csv"))
        checkpoint.commit(Changes(acknowledged=[Span(0, 1, 5), Span(1, 1, 3)], tallies={0: one, 1: two}))
    with opened(tmp_path) as checkpoint:
        assert [source.tally for source in checkpoint.sources()] == [one, two]
        assert checkpoint.total([1]) == two
        assert checkpoint.total() == Tally(
            sent=2, filtered=1, rejected={"mapping": 2, "destination": 1}, accepted=2, refused=1, resent=1, digest=2
        )


def test_what_a_killed_run_had_announced_is_ambiguous_until_it_is_acknowledged(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path)
    begun(checkpoint, a_file(tmp_path))
    checkpoint.commit(Changes(announced=[Span(0, 1, 5), Span(0, 5, 9)]))
    settle(checkpoint, Span(0, 1, 3))
    assert checkpoint.ambiguous() == []
    checkpoint.close()  # without an end, as after a kill
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        assert checkpoint.ambiguous() == [Span(0, 3, 9)]
        assert checkpoint.ambiguous_within(Span(0, 8, 20)) == [Span(0, 8, 9)]
        settle(checkpoint, Span(0, 4, 6))
        checkpoint.end(130)
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        assert checkpoint.ambiguous() == [Span(0, 3, 4), Span(0, 6, 9)]


def test_a_graceful_end_leaves_only_the_doubtful_rows_in_doubt(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        checkpoint.commit(Changes(announced=[Span(0, 1, 100)]))
        settle(checkpoint, Span(0, 1, 10))
        checkpoint.end(5, [Span(0, 5, 20)])
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        assert checkpoint.ambiguous() == [Span(0, 10, 20)]


def test_anchors_are_found_by_row_and_go_when_the_source_is_complete(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        anchors = [Anchor(0, 1, 20, 2), Anchor(0, 50, 900, 60)]
        checkpoint.commit(Changes(anchors=anchors))
        checkpoint.commit(Changes(anchors=anchors))  # a resumed run reads the same block again
    with opened(tmp_path) as checkpoint:
        assert checkpoint.anchor(0, 49) == Anchor(0, 1, 20, 2)
        assert checkpoint.anchor(0, 50) == Anchor(0, 50, 900, 60)
        assert checkpoint.anchor(0, 0) is None
        settle(checkpoint, Span(0, 1, 70), total_rows={0: 69})
        assert checkpoint.anchor(0, 50) is None


def test_a_new_file_is_a_new_source_and_a_finished_one_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        settle(checkpoint, Span(0, 1, 4), total_rows={0: 3})
        new, old = begun(checkpoint, a_file(tmp_path, "b.csv"), a_file(tmp_path))
        assert (new.number, new.complete) == (1, False)
        assert (old.number, old.complete, old.tally.sent) == (0, True, 3)
        assert checkpoint.find(str(tmp_path / "b.csv")) == new
        assert checkpoint.find(str(tmp_path / "c.csv")) is None


def test_a_changed_modification_time_alone_is_the_same_file(tmp_path: Path) -> None:
    touched = Candidate(str(tmp_path / "a.csv"), "a.csv", StoredIdentity(10, 999, "h"))
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        settle(checkpoint, Span(0, 1, 4))
        [source] = begun(checkpoint, touched)
        assert (source.identity.mtime_ns, source.acknowledged_rows) == (999, 3)


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize(
    ("size", "content", "what"), [(12, "h", "had 10 bytes and now has 12"), (10, "i", "still has 10 bytes, but others")]
)
def test_a_changed_file_stops_the_run(tmp_path: Path, size: int, content: str, what: str, *, complete: bool) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        settle(checkpoint, Span(0, 1, 4), total_rows={0: 3} if complete else {})
        with pytest.raises(SourceChanged, match=what) as caught:
            begun(checkpoint, a_file(tmp_path, "new.csv"), a_file(tmp_path, "a.csv", size, content))
        assert "--again" in caught.value.hint
        assert ("completely" in caught.value.message) is complete
        assert checkpoint.find(str(tmp_path / "new.csv")) is None  # nothing of a refused run is kept


def test_again_forgets_what_is_known_of_the_named_files_only(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path), a_file(tmp_path, "b.csv"))
        settle(checkpoint, Span(0, 1, 4), Span(1, 1, 8), total_rows={0: 3})
        begun(checkpoint, a_file(tmp_path, size=99), again=True)
    with opened(tmp_path) as checkpoint:
        assert checkpoint.missing(0) == [Span(0, 1, OPEN_END)]
        assert checkpoint.missing(1) == [Span(1, 8, OPEN_END)]
        assert checkpoint.total().sent == 7
        assert checkpoint.sources()[0].identity.size == 99


def test_another_mapping_on_an_unfinished_file_shows_the_difference(tmp_path: Path) -> None:
    other = {"mapping": {"fields": {"id": {"column": "order_id"}, "value": {"value": 1.0}}}, "endpoint": "batch"}
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path, separator=";"))
        checkpoint.begin([a_file(tmp_path, separator=",")], other, {})  # nothing was done yet: recorded anew
        checkpoint.begin([a_file(tmp_path, separator=";")], FINGERPRINT, {})
        settle(checkpoint, Span(0, 1, 4))
        with pytest.raises(UsageInvalid) as caught:
            checkpoint.begin([a_file(tmp_path, separator=",")], other, {})
        assert 'mapping.fields.id.column: "order" -> "order_id"' in caught.value.message
        assert 'mapping.fields.value: (nothing) -> {"value": 1.0}' in caught.value.message
        assert 'source.separator: ";" -> ","' in caught.value.message
        reordered = dict(reversed(FINGERPRINT.items()))
        assert checkpoint.begin([a_file(tmp_path, separator=";")], reordered, {})[0].acknowledged_rows == 3
        checkpoint.begin([a_file(tmp_path, "b.csv")], other, {})  # another file may be mapped in another way
        settle(checkpoint, Span(0, 4, 5), total_rows={0: 4})
        assert checkpoint.begin([a_file(tmp_path, separator=",")], other, {})[0].complete  # finished: skipped


def test_what_was_only_announced_is_bound_to_its_mapping_too(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        checkpoint.commit(Changes(announced=[Span(0, 1, 5)]))
        with pytest.raises(UsageInvalid):
            checkpoint.begin([a_file(tmp_path)], {"endpoint": "single"}, {})


def test_the_frozen_dialect_is_found_again(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path, separator=";"))
    with opened(tmp_path) as checkpoint:
        source = checkpoint.find(str(tmp_path / "a.csv"))
        assert source is not None
        assert source.dialect == {"separator": ";"}


def test_a_file_under_two_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    (tmp_path / "link.csv").symlink_to("a.csv")
    with opened(tmp_path) as checkpoint, pytest.raises(UsageInvalid, match=r"a\.csv and link\.csv are the same file"):
        begun(checkpoint, a_file(tmp_path), a_file(tmp_path, "link.csv"))


def test_a_path_that_is_no_unicode_is_kept(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.csv")
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path, name))
    with opened(tmp_path) as checkpoint:
        assert checkpoint.sources()[0].name == name


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        modes = {item.name: stat.S_IMODE(item.stat().st_mode) for item in (tmp_path / "state").iterdir()}
    assert len(modes) == 4  # database, its log, its shared memory, the lock
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_imports_have_readable_distinct_names(tmp_path: Path) -> None:
    keys = [
        ImportKey(tmp_path / "orders.yaml", "https://collect.commander1.com", "1234"),
        ImportKey(tmp_path / "orders.yaml", "https://collect.commander1.com", "1235"),
        ImportKey(tmp_path / "orders.yaml", "https://collect.commander1.com", "1234", "try"),
        ImportKey(tmp_path / "orders.yaml", "sandbox", "1234"),
        ImportKey(tmp_path / "b" / "orders.yaml", "sandbox", "1234"),
        ImportKey(tmp_path / "b" / "../../é x", "../../etc", "a" * 300),
    ]
    names = [key.file_name() for key in keys]
    assert names[0].startswith("orders-collect.commander1.com-1234-")
    assert len(set(names)) == len(names)
    assert all(name == os.path.basename(name) and len(name) < 200 for name in names)  # noqa: PTH119 - names are text


def test_a_second_run_is_kept_out_and_told_who_holds_the_import(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("state")
    (tmp_path / "other.yaml").symlink_to("orders.yaml")
    key = ImportKey(tmp_path / "other.yaml", "https://collect.commander1.com", "1234")
    with opened(tmp_path):
        with pytest.raises(ImportLocked, match=rf"process {os.getpid()} on .*, since 2026-03-01T12:00"):
            opened(tmp_path, "link")
        with pytest.raises(ImportLocked):
            Checkpoint(tmp_path / "link", key, lambda: START)
    with opened(tmp_path):
        pass


def test_a_lock_that_was_refused_leaves_the_holders_name(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        with pytest.raises(ImportLocked):
            opened(tmp_path)
        assert peek(checkpoint.path).holder is not None
    assert peek(checkpoint.path).holder is None


def test_the_holder_of_a_lock_that_does_not_say_is_still_a_holder(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        path = checkpoint.path.with_name(checkpoint.path.name + ".lock")
    with path.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write("{")
        held.flush()
        with pytest.raises(ImportLocked, match="another process"):
            opened(tmp_path)


def test_peek_sees_a_running_import_and_keeps_nobody_out(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        settle(checkpoint, Span(0, 1, 4), rejects=("/r.ndjson", 7))
        [path] = list_imports(tmp_path / "state")
        status = peek(path)
        assert status.sources == tuple(checkpoint.sources())
        assert status.key.parts() == a_key(tmp_path).parts()
        assert (status.total.sent, status.complete, status.rejects) == (3, False, {"/r.ndjson": 7})
        assert [(run.number, run.ended, run.exit_code) for run in status.runs] == [(1, None, None)]
        settle(checkpoint, Span(0, 4, 5), total_rows={0: 4})
        checkpoint.end(0)
        assert peek(path).complete
        assert peek(path).runs[0].exit_code == 0
    assert peek(path).complete
    assert list_imports(tmp_path / "nowhere") == []


def test_peek_sees_one_moment_while_a_run_commits(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        stopped = Event()
        failed: list[BaseException] = []

        def work() -> None:
            row = 1
            try:
                while not stopped.is_set():
                    settle(checkpoint, Span(0, row, row + 1))
                    row += 1
            except BaseException as error:
                failed.append(error)
                raise

        thread = Thread(target=work)
        thread.start()
        seen: set[int] = set()
        try:
            # as many different moments as it takes: how fast a disk commits is not this test's business
            while len(seen) < 20 and not failed:
                sources = peek(checkpoint.path).sources
                assert all(source.tally.rows == source.acknowledged_rows for source in sources)
                seen.update(source.acknowledged_rows for source in sources)
        finally:
            stopped.set()
            thread.join()
        assert not failed


def test_the_history_keeps_the_last_runs(tmp_path: Path) -> None:
    times = (START + timedelta(seconds=second) for second in range(1000))
    with Checkpoint(tmp_path / "state", a_key(tmp_path), lambda: next(times)) as checkpoint:
        for exit_code in range(25):
            begun(checkpoint, a_file(tmp_path))
            checkpoint.end(exit_code)
        runs = peek(checkpoint.path).runs
    assert [run.exit_code for run in runs] == list(range(5, 25))
    assert runs[0].started < str(runs[0].ended) < runs[1].started
    assert runs[0].details == {"version": "0.1.0", "rejected_before": 0}


def test_rejects_of_a_run_that_was_killed_are_told_by_the_next_one(tmp_path: Path) -> None:
    def run(exit_code: int | None, rejected: int) -> int:
        with opened(tmp_path) as checkpoint:
            begun(checkpoint, a_file(tmp_path))
            untold, start = checkpoint.untold_rejects(), checkpoint.missing(0)[0].start
            span = Span(0, start, start + 10)
            tally = Tally(sent=10 - rejected, accepted=10 - rejected, rejected=Counter(rows=rejected))
            checkpoint.commit(Changes(acknowledged=[span], tallies={0: tally}))
            if exit_code is not None:
                checkpoint.end(exit_code)
        return untold

    ends = [(3, 1), (None, 2), (143, 4), (None, 0), (0, 0), (None, 0), (0, 0)]
    assert [run(code, rejected) for code, rejected in ends] == [0, 0, 2, 6, 6, 0, 0]


def test_fingerprints_that_nobody_needs_are_dropped(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        for version in range(5):
            checkpoint.begin([a_file(tmp_path)], {"mapping": version}, {})
        assert [json.loads(body) for _, body in checkpoint._store.rows("fingerprint")] == [{"mapping": 4}]


def test_the_length_of_each_rejects_file_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        assert checkpoint.rejects_length("/r") is None
        settle(checkpoint, Span(0, 1, 2), rejects=("/r", 10))
        settle(checkpoint, rejects=("/s", 0))
    with opened(tmp_path) as checkpoint:
        assert (checkpoint.rejects_length("/r"), checkpoint.rejects_length("/s")) == (10, 0)


def test_a_directory_that_cannot_be_written_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for directory in (tmp_path / "file", tmp_path / "file" / "state"):
        with pytest.raises(UsageInvalid, match="state directory") as caught:
            prepare_directory(directory)
        assert "--state-dir" in caught.value.hint


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    escaped = str(tmp_path / "my share").replace(" ", "\\040")
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/x {escaped} nfs4 rw 0 0\n/dev/vdb {escaped}/disk ext4 rw 0 0\n")
    monkeypatch.setattr(place_module, "_MOUNTS", mounts)
    with pytest.raises(UsageInvalid, match="nfs4"):
        prepare_directory(tmp_path / "my share" / "state")
    assert prepare_directory(tmp_path / "my share" / "disk")
    assert prepare_directory(tmp_path / "my shared")


def test_the_last_mount_on_a_point_counts(tmp_path: Path) -> None:
    assert file_system(tmp_path, [("/", "ext4"), (str(tmp_path), "nfs"), (str(tmp_path), "tmpfs")]) == "tmpfs"
    assert file_system(tmp_path, []) == ""


def test_the_listing_of_macos_is_understood() -> None:
    listing = (
        "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)\n"
        "//me@server/data on /Volumes/my data (smbfs, nodev, nosuid, mounted by me)\n"
        "map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)\n"
    )
    assert parse_mount_listing(listing) == [
        ("/", "apfs"),
        ("/Volumes/my data", "smbfs"),
        ("/System/Volumes/Data/home", "autofs"),
    ]


def test_tallies_add_up() -> None:
    tallies = [Tally(sent=1, rejected={"source": 2}), Tally(duplicate=4, rejected={"source": 1, "encode": 1})]
    assert total(tallies).rows == 9
    assert total([]) == Tally()
    assert Tally.from_json(json.loads(json.dumps(total(tallies).to_json()))) == total(tallies)


def test_a_run_that_ended_before_it_began_leaves_the_earlier_ones_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        checkpoint.commit(Changes(announced=[Span(0, 1, 4)]))
    with opened(tmp_path) as checkpoint:
        checkpoint.end(4)
        killed, failed = peek(checkpoint.path).runs
        assert (killed.number, killed.ended, killed.exit_code) == (1, None, None)
        assert (failed.number, failed.exit_code) == (2, 4)
    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_file(tmp_path))
        assert checkpoint.ambiguous() == [Span(0, 1, 4)]


def test_the_very_first_run_may_end_before_it_begins(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        checkpoint.end(4)
        assert [(run.number, run.exit_code) for run in peek(checkpoint.path).runs] == [(1, 4)]


def test_files_that_are_grouped_again_count_once(tmp_path: Path) -> None:
    def a_stage(name: str, *files: str) -> Candidate:
        members = [KnownFile(file, str(tmp_path / file), StoredIdentity(1, 1, "h"), {}, 3).to_json() for file in files]
        return replace(a_file(tmp_path, name), dialect={MEMBERS: members})

    with opened(tmp_path) as checkpoint:
        begun(checkpoint, a_stage("one", "a.csv", "b.csv"))
        settle(checkpoint, Span(0, 1, 7), total_rows={0: 6})
        begun(checkpoint, a_stage("two", "a.csv"), again=True)
        assert overall(checkpoint.sources()).rows == 6  # b.csv is still what it was
        begun(checkpoint, a_stage("three", "a.csv", "b.csv"), again=True)
        settle(checkpoint, Span(2, 1, 7), total_rows={2: 6})
        assert overall(checkpoint.sources()).rows == 6
    with opened(tmp_path) as checkpoint:
        assert overall(checkpoint.sources()).rows == 6
        assert [source.acknowledged_rows for source in checkpoint.sources()] == [0, 0, 6]
