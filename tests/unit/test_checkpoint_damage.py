"""A damaged checkpoint opens to a state that was true, or says that it is damaged; never to anything else."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import pytest

from importer.checkpoint import Candidate, Changes, Checkpoint, ImportKey, StoredIdentity, Tally, peek
from importer.errors import StateUnusable
from importer.records import Span

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def opened(tmp_path: Path) -> Checkpoint:
    return Checkpoint(tmp_path / "state", ImportKey(tmp_path / "m.yaml", "sandbox", "1"), lambda: START)


def facts(checkpoint: Checkpoint) -> str:
    return repr(([(known.tally, known.total_rows) for known in checkpoint.sources()], checkpoint.missing(0)))


def filled(tmp_path: Path) -> tuple[Path, list[str]]:
    """A checkpoint after a clean end, and every state that it was in."""
    with opened(tmp_path) as checkpoint:
        checkpoint.begin([Candidate(str(tmp_path / "a.csv"), "a.csv", StoredIdentity(1, 2, "h"))], {"mapping": 1}, {})
        states = [facts(checkpoint)]
        for start in (1, 20, 40, 60, 11):
            tally = Tally(sent=9, accepted=9, digest=start)
            checkpoint.commit(Changes(acknowledged=[Span(0, start, start + 9)], tallies={0: tally}))
            states.append(facts(checkpoint))
        checkpoint.end(0)
    return checkpoint.path, states


def is_true_or_unusable(tmp_path: Path, states: list[str]) -> bool:
    """Whether the damage was noticed."""
    try:
        with opened(tmp_path) as checkpoint:
            assert facts(checkpoint) in states
    except StateUnusable:
        return True
    return False


def test_a_file_cut_anywhere_is_damaged(tmp_path: Path) -> None:
    path, _ = filled(tmp_path)
    whole = path.read_bytes()
    for length in {*range(0, len(whole), 512), 1, 99, 100, len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(StateUnusable):
            opened(tmp_path)
    path.write_bytes(whole)
    opened(tmp_path).close()


def test_flipped_bits_are_noticed_or_harmless(tmp_path: Path) -> None:
    path, states = filled(tmp_path)
    whole, random = path.read_bytes(), Random(20260301)  # noqa: S311 - a seed to replay
    used = [index for index, byte in enumerate(whole) if byte]  # empty space on pages is most of the file
    noticed = 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[random.choice(used)] ^= 1 << random.randrange(8)
        path.write_bytes(damaged)
        noticed += is_true_or_unusable(tmp_path, states)
    assert noticed > 100


def test_a_zeroed_tail_is_noticed(tmp_path: Path) -> None:
    path, states = filled(tmp_path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 1024):
        path.write_bytes(whole[:length] + bytes(len(whole) - length))
        noticed = is_true_or_unusable(tmp_path, states)
        assert noticed or length > len(whole) // 2


def test_a_log_that_lost_its_end_opens_to_an_earlier_state(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path)
    checkpoint.begin([Candidate(str(tmp_path / "a.csv"), "a.csv", StoredIdentity(1, 2, "h"))], {}, {})
    states = [facts(checkpoint)]
    for start in range(1, 60, 10):
        checkpoint.commit(Changes(acknowledged=[Span(0, start, start + 9)], tallies={0: Tally(sent=9)}))
        states.append(facts(checkpoint))
    copies = tmp_path / "copies"
    shutil.copytree(tmp_path / "state", copies)  # as a crash leaves it
    checkpoint.close()
    seen = set()
    log = (copies / f"{checkpoint.path.name}-wal").read_bytes()
    for length in range(0, len(log), 2048):
        shutil.rmtree(tmp_path / "state")
        shutil.copytree(copies, tmp_path / "state")
        (tmp_path / "state" / f"{checkpoint.path.name}-wal").write_bytes(log[:length])
        with opened(tmp_path) as reopened:
            if reopened.sources():
                seen.add(states.index(facts(reopened)))
    assert len(seen) > 3


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE span SET stop = stop + 1",
        "UPDATE span SET start = start + 1",
        "UPDATE span SET kind = 'ambiguous' WHERE start = 1",
        "UPDATE progress SET tally = replace(tally, '45', '46')",
        "UPDATE progress SET total_rows = 40",
        "UPDATE source SET path = '\"/other\"'",
        "UPDATE rejects_file SET length = 0",
        "UPDATE meta SET body = '[]' WHERE name = 'key'",
        "DELETE FROM meta",
        "DELETE FROM span WHERE start = 1",
        "DELETE FROM source",
        "DELETE FROM progress",
        "DELETE FROM fingerprint",
        "DROP TABLE span",
        "PRAGMA user_version = 3",
        "PRAGMA application_id = 1",
    ],
)
def test_lost_and_altered_rows_are_noticed(tmp_path: Path, damage: str) -> None:
    with opened(tmp_path) as checkpoint:
        checkpoint.begin([Candidate(str(tmp_path / "a.csv"), "a.csv", StoredIdentity(1, 2, "h"))], {"mapping": 1}, {})
        spans = [Span(0, 1, 26), Span(0, 30, 50)]
        changes = Changes(acknowledged=spans, tallies={0: Tally(sent=45)}, rejects=("/r", 3))
        checkpoint.commit(changes)
    with sqlite3.connect(checkpoint.path) as connection:
        connection.execute(damage)
    connection.close()
    with pytest.raises(StateUnusable) as caught:
        opened(tmp_path)
    assert caught.value.hint
    with pytest.raises(StateUnusable):
        peek(checkpoint.path)


def test_a_format_of_the_future_is_not_guessed(tmp_path: Path) -> None:
    path, _ = filled(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 3")
    connection.close()
    with pytest.raises(StateUnusable, match="has format 3; this importer reads 2"):
        opened(tmp_path)


def test_the_checkpoint_of_another_import_is_not_taken(tmp_path: Path) -> None:
    path, _ = filled(tmp_path)
    other = ImportKey(tmp_path / "m.yaml", "sandbox", "2")
    path.rename(path.with_name(other.file_name()))
    with pytest.raises(StateUnusable, match="another import"):
        Checkpoint(tmp_path / "state", other, lambda: START)


def test_a_deleted_file_begins_anew_without_its_old_log(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path)
    checkpoint.begin([Candidate(str(tmp_path / "a.csv"), "a.csv", StoredIdentity(1, 2, "h"))], {}, {})
    log = checkpoint.path.with_name(checkpoint.path.name + "-wal")
    kept = log.read_bytes()
    checkpoint.close()
    checkpoint.path.unlink()
    log.write_bytes(kept)
    with opened(tmp_path) as checkpoint:
        assert checkpoint.sources() == []


def test_a_draft_that_was_killed_is_replaced(tmp_path: Path) -> None:
    with opened(tmp_path) as checkpoint:
        path = checkpoint.path
    path.rename(path.with_name(path.name + ".new"))
    with opened(tmp_path) as checkpoint:
        assert checkpoint.sources() == []
    assert sorted(item.name for item in path.parent.iterdir()) == [path.name, f"{path.name}.lock"]
