"""Tiny imports of every kind, each with what must become of it, and the check that holds for all of them.

What must arrive is made here on a path of its own, from the same rows that are written into the files.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from nursery import SOURCE_KEY
from oracle import content_hash

from importer.checkpoint import peek

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from actors import RunningOracle
    from nursery import Fault, Nursery, Outcome
    from oracle import Arrival

KINDS = ("csv", "parquet", "grouped", "dedupe")
CONCURRENCY = 2
OPTIONS = ("--concurrency", str(CONCURRENCY), "--max-item-bytes", "900", "--max-body-bytes", "1000")
SENT, FILTERED, REJECTED, DUPLICATE = "sent", "filtered", "rejected", "duplicate"
WHEN_MS = 1704164645000
NOTES = ("", "étage 2", 'dit "non"', "a;b\nc", "\u2028 \U0001f600")
FLAT = """
version: 1
event: purchase
key: [order_id]
where: state <> 'draft'
fields:
  id: order_id
  value: {column: total, type: number}
  note: note
  user.id: {value: u}
  context.event_timestamp: {value: 1704164645000}
"""
GROUPED = """
version: 1
event: purchase
group_by: [order_id]
where: state <> 'draft'
fields:
  id: order_id
  items: {each: {id: note, price: {column: total, type: number}}}
  user.id: {value: u}
  context.event_timestamp: {value: 1704164645000}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an export. ``total`` is no number where its event is to be rejected."""

    order_id: str
    total: str
    state: str
    note: str


@dataclass(frozen=True, slots=True)
class Job:
    """An import. ``contents`` is what must arrive for each order, ``fates`` what becomes of the rows of each file."""

    kind: str
    mapping: Path
    source: Path
    contents: dict[str, str]
    fates: dict[str, list[str]]
    orders: dict[str, list[str]]

    @property
    def counts(self) -> Counter[str]:
        """How many rows have which fate."""
        return Counter(fate for fates in self.fates.values() for fate in fates)


def make_job(kind: str, folder: Path, chance: random.Random, rows: int = 24) -> Job:
    """An import of ``kind`` with some ``rows`` in two files, in ``folder``."""
    orders = rows // 3 if kind == "grouped" else rows * 2 // 3 if kind == "dedupe" else rows
    numbers = [number % orders for number in range(rows)]
    chance.shuffle(numbers)
    written = [_row(chance, index, number) for index, number in enumerate(numbers)]
    source, mapping = folder / "exports", folder / "orders.yaml"
    source.mkdir()
    mapping.write_text(GROUPED if kind == "grouped" else FLAT + ("dedupe: true\n" if kind == "dedupe" else ""))
    fates, contents = (_of_groups if kind == "grouped" else _of_rows)(written)
    half = rows // 2
    suffix = "parquet" if kind == "parquet" else "csv"
    parts = {f"a.{suffix}": slice(0, half), f"b.{suffix}": slice(half, rows)}
    for name, part in parts.items():
        frame = pl.DataFrame(written[part])
        frame.write_parquet(source / name) if suffix == "parquet" else frame.write_csv(source / name)
    return Job(
        kind,
        mapping,
        source,
        contents,
        fates={name: fates[part] for name, part in parts.items()},
        orders={name: [row.order_id for row in written[part]] for name, part in parts.items()},
    )


def _row(chance: random.Random, index: int, number: int) -> Row:
    total = "x" if index % 7 == 3 else f"{chance.randrange(10_000)}"
    return Row(f"{number:04}", total, "draft" if index % 11 == 5 else "paid", chance.choice(NOTES))


def _of_rows(rows: Sequence[Row]) -> tuple[list[str], dict[str, str]]:
    fates: list[str] = []
    contents: dict[str, str] = {}
    for row in rows:
        if row.state == "draft":
            fates.append(FILTERED)
        elif row.total == "x":
            fates.append(REJECTED)
        elif row.order_id in contents:
            fates.append(DUPLICATE)
        else:
            fates.append(SENT)
            contents[row.order_id] = _content(row.order_id, {"value": int(row.total), "note": row.note})
    return fates, contents


def _of_groups(rows: Sequence[Row]) -> tuple[list[str], dict[str, str]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.state != "draft":
            groups.setdefault(row.order_id, []).append(row)
    bad = {order for order, lines in groups.items() if any(line.total == "x" for line in lines)}
    contents = {
        order: _content(order, {"items": [_item(line) for line in lines]})
        for order, lines in groups.items()
        if order not in bad
    }
    fates = [FILTERED if row.state == "draft" else REJECTED if row.order_id in bad else SENT for row in rows]
    return fates, contents


def _item(line: Row) -> dict[str, Any]:
    return ({"id": line.note} if line.note else {}) | {"price": int(line.total)}


def _content(order: str, members: dict[str, Any]) -> str:
    kept = {name: value for name, value in members.items() if value != ""}
    context = {"event_timestamp": WHEN_MS}
    return content_hash({"event_name": "purchase", "id": order, **kept, "user": {"id": "u"}, "context": context})


class Scene:
    """An import, the server that it goes to, and its state: what is done to it is done here, and checked."""

    def __init__(
        self, job: Job, nursery: Nursery, oracle: RunningOracle, state_dir: Path, earlier: Sequence[Arrival] = ()
    ) -> None:
        self.job = job
        self.nursery = nursery
        self.oracle = oracle
        self.state_dir = state_dir
        self.faults = 0
        self.is_damaged = False
        self.earlier = list(earlier)
        self._before = len(oracle.record.refresh().arrivals)
        self._acknowledged: set[tuple[int, int]] = set()

    @property
    def arrivals(self) -> list[Arrival]:
        """What arrived for this scene, with what had arrived for the state that it began with."""
        return self.earlier + self.oracle.record.refresh().arrivals[self._before :]

    @property
    def repeats(self) -> int:
        """Events that arrived again."""
        events = [event.event_id for arrival in self.arrivals for event in arrival.events]
        return len(events) - len(set(events))

    @property
    def checkpoint(self) -> Path:
        """Its file, which may not be there yet."""
        return next(iter(self.state_dir.glob("*.sqlite")), self.state_dir / "none")

    @property
    def rejects(self) -> Path | None:
        """The file, if it is there."""
        return next(iter(self.state_dir.glob("*.rejects.ndjson")), None)

    def arguments(self, *options: str) -> list[str]:
        """The same command every time."""
        job = self.job
        place = ["--url", self.oracle.url, "--site", "1234", "--state-dir", str(self.state_dir)]
        return ["run", str(job.mapping), str(job.source), *place, *OPTIONS, "--yes", "--json", *options]

    def start(self, *options: str) -> None:
        """Start a run; wait for its end with :meth:`wait`."""
        self.nursery.start(self.arguments(*options))

    def wait(self) -> Outcome:
        """The end of the run that was started."""
        return self.nursery.wait()

    def run(self, fault: Fault | None = None, *options: str) -> Outcome:
        """A run, with a fault or without, and what has to be true after it whatever it was."""
        outcome = self.nursery.run(self.arguments(*options), fault)
        self.faults += outcome.fired
        assert "Traceback" not in outcome.stderr, outcome.stderr
        assert SOURCE_KEY not in outcome.stderr + json.dumps(outcome.report)
        if outcome.code != 7 or not self.is_damaged:
            self.check_acknowledged()
        return outcome

    def check_acknowledged(self) -> None:
        """The checkpoint never goes back, and says of no row that it was sent whose event did not arrive."""
        rows = acknowledged_rows(self.checkpoint)
        assert rows >= self._acknowledged, "the checkpoint went back behind what was acknowledged"
        self._acknowledged = rows
        if self.job.kind != "grouped":  # there, rows are those of the stage
            arrived = {event.order_id for arrival in self.arrivals for event in arrival.events}
            files = sorted(self.job.fates)
            said = [(files[source], row) for source, row in rows]
            sent = {self.job.orders[file][row - 1] for file, row in said if self.job.fates[file][row - 1] == SENT}
            assert sent <= arrived

    def finish(self) -> Outcome:
        """Run to the end and check all that must hold then."""
        last = self.run()
        self.check_base(last)
        return last

    def check_nothing_new(self) -> None:
        """One more run sends nothing."""
        before = len(self.arrivals)
        again = self.run()
        assert (again.report["status"], again.report["requests"]) == ("nothing_new", 0), again.stderr
        assert len(self.arrivals) == before

    @property
    def last_code(self) -> int:
        """The exit code of a run that nothing stopped."""
        return 3 if self.job.counts[REJECTED] else 0

    def check_base(self, last: Outcome) -> None:
        """Everything arrived as it must, and all books agree; ``last`` is the run that came to the end."""
        self.check_arrived(last)
        in_flight = CONCURRENCY * max((len(arrival.events) for arrival in self.arrivals), default=0)
        assert self.repeats <= self.faults * in_flight, f"{self.repeats} repeats, {self.faults} faults"
        self._check_books(last)
        self._check_files()
        times = Counter(event.event_id for arrival in self.arrivals for event in arrival.events)
        again = sum(count > 1 for count in times.values())
        assert again <= peek(self.checkpoint).total.resent, f"{again} events came again, and are not counted as such"

    def check_arrived(self, last: Outcome) -> None:
        """Every event is there, under one id, with one body, and as it must be.

        Where a kill left nothing to do but to say so, ``last`` has nothing new to say.
        """
        assert last.code == self.last_code or (last.code, last.report["status"]) == (0, "nothing_new"), last.stderr
        arrivals = self.arrivals
        assert {arrival.status for arrival in arrivals} <= {200}
        distinct = {event for arrival in arrivals for event in arrival.events}
        assert Counter(event.order_id for event in distinct) == Counter(self.job.contents.keys())
        assert len({event.event_id for event in distinct}) == len(distinct)
        assert {event.order_id: event.content_hash for event in distinct} == self.job.contents

    def _check_books(self, last: Outcome) -> None:
        counts, overall, rows = self.job.counts, last.report["overall"], last.report["rows"]
        assert {fate: overall[fate] for fate in (SENT, FILTERED, REJECTED, DUPLICATE)} == {
            fate: counts[fate] for fate in (SENT, FILTERED, REJECTED, DUPLICATE)
        }
        assert rows["read"] == counts.total() == overall["rows"]
        assert rows["pending"] == 0
        hashes = {event.event_id: event.bytes_hash for arrival in self.arrivals for event in arrival.events}
        heads = sum(int(value[:32], 16) for value in hashes.values())
        assert int(last.report["digest"], 16) == heads % 2**128
        lines = [json.loads(line) for line in self.rejects.read_text().splitlines()] if self.rejects else []
        assert Counter((Path(line["file"]).name, line["row"]) for line in lines) == Counter(
            (file, row)
            for file, fates in self.job.fates.items()
            for row, fate in enumerate(fates, 1)
            if fate == REJECTED
        )

    def _check_files(self) -> None:
        for path in (self.state_dir, *self.state_dir.rglob("*")):
            mode = stat.S_IMODE(path.lstat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), f"{path} has mode {mode:o}"
            assert path.is_dir() or SOURCE_KEY.encode() not in path.read_bytes()
        names = [path.name for path in self.state_dir.iterdir()]
        left = [name for name in names if ".stage-" in name or name.endswith((".new", ".unfinished", "-wal", "-shm"))]
        assert not left, "something is left over"


def acknowledged_rows(checkpoint: Path) -> set[tuple[int, int]]:
    """Source and row of all that the checkpoint says is acknowledged, read from a copy by SQLite alone."""
    if not checkpoint.exists():
        return set()
    with tempfile.TemporaryDirectory() as folder:
        for path in checkpoint.parent.glob(f"{checkpoint.name}*"):
            shutil.copy(path, folder)
        connection = sqlite3.connect(Path(folder, checkpoint.name))
        try:
            spans = connection.execute("SELECT source, start, stop FROM span WHERE kind = 'acknowledged'").fetchall()
        finally:
            connection.close()
    return {(source, row) for source, start, stop in spans for row in range(start, stop)}
