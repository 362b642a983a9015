"""Row 4 of the scoreboard: files of a half-done import are cut, flipped, zeroed or gone, as a broken disk leaves them.

A round kills an import in its middle, and then damages one file of copies of what is left, in one way after the other.
What comes next either ends as it must, or says with exit code 7 what is wrong; then its hint is followed, and that must
lead to the end. Nothing is ever called sent that the server did not get.
"""

from __future__ import annotations

import random
import shutil
import signal
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

from actors import running_oracle
from jobs import KINDS, Scene, make_job
from nursery import Fault, Nursery, why_not

from importer.checkpoint import peek
from importer.errors import StateUnusable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nursery import Outcome

DAMAGES = 12
CUT_BYTES = 37
KILL = "signal=KILL"
PAGE = 4096


def cut(data: bytes, chance: random.Random) -> bytes:
    """The first part of it."""
    return data[: chance.randrange(len(data))]


def flip(data: bytes, chance: random.Random) -> bytes:
    """One bit is another one."""
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def zero_the_tail(data: bytes, chance: random.Random) -> bytes:
    """From some place on there is nothing but zeros."""
    place = chance.randrange(len(data))
    return data[:place] + bytes(len(data) - place)


def zero_a_page(data: bytes, chance: random.Random) -> bytes:
    """One block of the disk is zeros."""
    place = chance.randrange(len(data)) // PAGE * PAGE
    return data[:place] + bytes(len(data[place : place + PAGE])) + data[place + PAGE :]


def append(data: bytes, chance: random.Random) -> bytes:
    """Something else stands behind it."""
    return data + chance.randbytes(chance.randint(1, PAGE))


def vanish(data: bytes, chance: random.Random) -> None:
    """The file is not there any more."""


WAYS: tuple[Callable[[bytes, random.Random], bytes | None], ...] = (
    *(cut, flip, zero_the_tail, zero_a_page, append, vanish),
)


def play(seed: int, folder: Path) -> Counter[str]:
    """Some damages of one import."""
    if reason := why_not():
        return Counter({f"skipped: {reason}": 1})
    chance, counted = random.Random(seed), Counter[str]()
    with running_oracle(folder / "oracle.ndjson", "0") as oracle, closing(Nursery(folder)) as nursery:
        job = make_job(chance.choice(KINDS), folder, chance, rows=60)
        scene = Scene(job, nursery, oracle, folder / "half")
        is_killed = chance.random() < 0.7
        first = half_done(scene, chance.randint(2, 3)) if is_killed else stopped(scene)
        if is_killed and job.kind != "grouped":  # there, rows are not events
            counted += every_cut(first, CUT_BYTES)
        files = files_of(first)
        for _ in range(DAMAGES):
            file, way = chance.choice(files), chance.choice(WAYS)
            try:
                counted[strike(first, file, lambda data, way=way: way(data, chance))] += 1
            except AssertionError as error:
                raise AssertionError(f"{job.kind}: {way.__name__} of {file}") from error
    return counted


def every_cut(first: Scene, stride: int) -> Counter[str]:
    """The checkpoint and its log cut at every ``stride``-th byte: what still opens was once true, and came in order."""
    place = _copy_of(first).with_name("cuts")
    shutil.copytree(_copy_of(first), place)
    checkpoint, log = (next(place.glob(f"*.sqlite{side}")) for side in ("", "-wal"))
    whole, logged = checkpoint.read_bytes(), log.read_bytes()
    arrived, counted, before = len({event for arrival in first.arrivals for event in arrival.events}), Counter(), 0
    for length in range(0, len(logged), stride):
        log.write_bytes(logged[:length])
        sent = peek(checkpoint).total.sent
        assert before <= sent <= arrived, f"a log of {length} bytes says that {sent} were sent"
        counted["cuts of the log"] += 1
        before = sent
    log.unlink()
    alone = peek(checkpoint).total
    for length in range(0, len(whole), stride):
        checkpoint.write_bytes(whole[:length])
        try:
            assert peek(checkpoint).total == alone, f"a checkpoint of {length} bytes says something else"
            counted["cuts of nothing but zeros"] += 1
        except StateUnusable:
            counted["cuts of the checkpoint"] += 1
    shutil.rmtree(place)
    return counted


def half_done(scene: Scene, commits: int = 2) -> Scene:
    """An import that was killed after some commits of its writer."""
    outcome = scene.run(Fault("importer-ack", "fdatasync", KILL, str(commits)))
    assert outcome.code == -signal.SIGKILL, outcome.stderr
    return left(scene)


def stopped(scene: Scene) -> Scene:
    """An import of which a few events were sent, and which was closed then."""
    outcome = scene.run(None, "--limit", "5")
    assert outcome.report["events"]["accepted"] == 5, outcome.stderr
    return left(scene)


def left(scene: Scene) -> Scene:
    """The scene as it is now, to be gone on with again and again, from a copy of its state."""
    shutil.copytree(scene.state_dir, _copy_of(scene))
    return Scene(scene.job, scene.nursery, scene.oracle, scene.state_dir, scene.arrivals)


def _copy_of(first: Scene) -> Path:
    return first.state_dir.with_name("copy")


def files_of(first: Scene) -> list[Path]:
    """The files in the state of ``first`` that are not empty."""
    return sorted(
        first.state_dir / path.relative_to(_copy_of(first))
        for path in _copy_of(first).rglob("*")
        if path.is_file() and path.stat().st_size
    )


def strike(first: Scene, file: Path, damage: Callable[[bytes], bytes | None]) -> str:
    """Put the state back as ``first`` was left, damage ``file`` of it, and go on. What came of it."""
    shutil.rmtree(first.state_dir)
    shutil.copytree(_copy_of(first), first.state_dir)
    scene = Scene(first.job, first.nursery, first.oracle, first.state_dir, first.earlier)
    data = damage(file.read_bytes())
    file.unlink() if data is None else file.write_bytes(data)
    scene.is_damaged = True
    outcome = scene.run()
    if outcome.code == 7:
        follow_the_hint(scene, outcome)
        return f"noticed: {kind_of(file)}"
    if outcome.code == 2:  # without checkpoint or log, what stands in the rejects file is somebody else's
        assert "did not write it. Name another file with --rejects, or move this one away" in _in_a_line(outcome.stderr)
        assert kind_of(file) in {"checkpoint", "log"}
        scene.rejects.unlink()
        outcome = scene.run()
    check_the_end(scene, outcome)
    return f"harmless: {kind_of(file)}"


def follow_the_hint(scene: Scene, outcome: Outcome) -> None:
    """Do what exit code 7 says, and come to the end so."""
    said = _in_a_line(outcome.stderr)
    if "move it and its rejects file away to start over" in said:
        for path in scene.state_dir.glob("*.sqlite"):
            path.unlink()
        if scene.rejects:
            scene.rejects.unlink()
        check_the_end(scene, scene.run())
    elif "move it away and a new one begins" in said:
        scene.rejects.unlink()
        check_the_end(scene, scene.run())
    elif "--again groups and sends all anew" in said:
        check_the_end(scene, scene.run(None, "--again"))
    else:
        assert "Import the files again with --again, in a state directory of its own" in said
        other = Scene(scene.job, scene.nursery, scene.oracle, scene.state_dir / "own", scene.arrivals)
        check_the_end(other, other.run(None, "--again"))


def check_the_end(scene: Scene, last: Outcome) -> None:
    """Everything is there, under one id and with one content each, however often."""
    scene.check_arrived(last)
    scene.check_nothing_new()


def kind_of(file: Path) -> str:
    """What it is, in the figures."""
    for part, name in ((".stage-", "stage"), ("-wal", "log"), ("-shm", "index of the log"), (".lock", "lock")):
        if part in str(file):
            return name
    return {".sqlite": "checkpoint", ".ndjson": "rejects", ".arrow": "left out"}[file.suffix]


def _in_a_line(text: str) -> str:
    return " ".join(text.split())
