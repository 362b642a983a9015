"""Nights on one folder: exports come late, twice, half-written and rewritten, runs are killed, an operator helps.

The story is drawn from a seed that is printed: ``IMPORTER_TEST_SEED=123 pytest tests/crash/test_nights.py`` plays the
same nights once more (where a kill falls within a run depends on the machine, too). A few by default, with a
process of its own for every run that is killed; ``pytest -m slow tests/crash/test_nights.py`` plays thirty nights, with
one for each run.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import random
import re
import shutil
import signal
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl
import pytest
from oracle import content_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from actors import Ended, Importer, Running, RunningOracle

MAPPING = """
version: 1
event: purchase
key: [order_id]
fields:
  id: order_id
  value: {column: total, type: number}
  remark: remark
  user.id: customer
  context.event_timestamp: at
"""
GROUPED = MAPPING.replace("key: [order_id]", "group_by: [order_id]")
COLUMNS = ("order_id", "total", "customer", "at", "remark")
OPTIONS = ("--quiet", "--concurrency", "2", "--max-item-bytes", "1000", "--max-body-bytes", "2000")
CARDS = (
    "csv", "gz", "parquet", "copy", "half csv", "half parquet", "half gz", "more rows", "corrected", "rejects", "none",
)  # fmt: skip
GROUPED_CARDS = tuple(card for card in CARDS if "parquet" not in card)  # files of one stage have one format
KILLS = 0.3  # the share of runs that are
Row = list[str]


@dataclass
class Export:
    """A file: all its rows, as far as they are written by now. ``half``: the night ended before it was complete."""

    path: Path
    rows: list[Row]
    half: float | None = None
    original: Export | None = None
    imported: list[Row] | None = None

    @property
    def kind(self) -> str:
        return self.path.suffix

    def text(self) -> str:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([COLUMNS, *self.rows])
        return out.getvalue()

    def write(self) -> None:
        """Put it into the folder as an exporter does, as far as it got tonight."""
        data = self._bytes()
        end = len(data) if self.half is None else self._cut(data, self.half)
        self.path.write_bytes(data[:end])

    def _bytes(self) -> bytes:
        if self.kind == ".parquet":
            out = io.BytesIO()
            pl.DataFrame(self.rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row").write_parquet(out)
            return out.getvalue()
        return gzip.compress(self.text().encode(), mtime=0) if self.kind == ".gz" else self.text().encode()

    def _cut(self, data: bytes, share: float) -> int:
        """Within the rows, so that there are some."""
        first = data.index(b"\n", data.index(b"\n") + 1) + 1 if self.kind == ".csv" else 20
        return first + int((len(data) - first - 1) * share)

    def readable(self) -> list[Row]:
        """The rows that are in the file now. A CSV may have been cut anywhere; other formats show that."""
        if self.half is None:
            return self.rows
        return list(csv.reader(io.StringIO(self.path.read_text())))[1:] if self.kind == ".csv" else []


def content_of(row: Row) -> str | None:
    """What must arrive for a row, computed on a path of its own; ``None`` for a row that is to be rejected."""
    if len(row) != len(COLUMNS) or not re.fullmatch(r"\d+\.\d\d", row[1]):
        return None
    order_id, total, customer, _, remark = row
    event = {"event_name": "purchase", "id": order_id, "value": float(total), "user": {"id": customer}}
    event |= {"remark": remark} if remark else {}
    return content_hash(event | {"context": {"event_timestamp": 1704164645000}})


@dataclass
class Story:
    """What the world does to the folder, night by night. ``allowed`` is all that may ever arrive, by order."""

    folder: Path
    chance: random.Random
    exports: list[Export] = field(default_factory=list)
    allowed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    kinds: tuple[str, ...] = CARDS
    _cards: list[str] = field(default_factory=list)
    _orders: int = 0

    def evening(self, *, is_last: bool) -> None:
        """New and changed files. What was half-written the night before is complete now."""
        for export in self.exports:
            if export.half is not None:
                export.half = None
                export.write()
        for _ in range(0 if is_last else self.chance.randint(1, 3)):
            self._play(self._card())
        for row in (row for export in self.exports for row in export.readable()):
            if (content := content_of(row)) is not None:
                self.allowed[row[0]].add(content)

    def _card(self) -> str:
        if not self._cards:
            self._cards = self.chance.sample(self.kinds, len(self.kinds))
            if not self.exports:  # a folder without a file is an error of usage, and copies need an original
                self._cards.append("csv")
        return self._cards.pop()

    def _play(self, card: str) -> None:
        done = [one for one in self.exports if one.imported == one.rows and one.half is None]
        kind = card.removeprefix("half ")
        if kind in {"csv", "gz", "parquet"}:
            self._new(kind, half=self.chance.random() if card.startswith("half ") else None)
        elif card == "rejects":
            export = self._new("csv")
            export.rows[3][1] = "n/a"
            export.rows[7] = export.rows[7][:2]
            export.write()
        elif card == "copy" and done:
            self._copy(self.chance.choice(done))
        elif card in {"more rows", "corrected"}:
            copied = [one.original for one in self.exports if one.imported is None]
            if able := [one for one in done if one.original is None and one not in copied]:
                self._rewrite(self.chance.choice(able), card)

    def _new(self, kind: str, half: float | None = None) -> Export:
        rows = self._rows()
        name = f"{self.chance.randrange(10**6):06}-{len(self.exports)}"  # late ones are read before those of last week
        export = Export(self.folder / f"{name}{'.csv.gz' if kind == 'gz' else '.' + kind}", rows, half)
        self.exports.append(export)
        export.write()
        return export

    def _rows(self) -> list[Row]:
        first, self._orders = self._orders, self._orders + self.chance.randint(12, 60)
        return [
            [f"{number:05}", f"{number}.50", f"c{number % 7}", "2024-01-02T03:04:05Z", f"remark of {number} " * 5]
            for number in range(first, self._orders)
        ]

    def _copy(self, original: Export) -> None:
        name = f"{self.chance.randrange(10**6):06}-{len(self.exports)}{''.join(original.path.suffixes)}"
        shutil.copy(original.path, self.folder / name)
        self.exports.append(Export(self.folder / name, list(original.rows), original=original))

    def _rewrite(self, export: Export, how: str) -> None:
        if how == "more rows":
            export.rows = export.rows + self._rows()
        else:
            export.rows = [
                [row[0], f"{self.chance.randrange(10**4)}.25", *row[2:]] for row in export.rows if len(row) > 2
            ]
        export.write()


@dataclass
class Operator:
    """Starts the nightly command, starts it again when it was killed, and knows what to do after exit code 4.

    What is killed is a process of its own. With ``in_processes`` what lives to its end is one as well, which takes a
    second more.
    """

    story: Story
    mapping: Path
    importer: Importer
    oracle: RunningOracle
    wait_until: Callable[[Callable[[], bool]], None]
    options: tuple[str, ...] = OPTIONS
    in_processes: bool = False
    kills: int = 0

    def night(self) -> Ended:
        """Run until all that can be imported tonight is."""
        while (ended := self._run(self.story.folder)).code == 4:
            message = ended.report["error"]["message"]
            export = next(one for one in self.story.exports if message.startswith(str(one.path)))
            if export.half is not None:
                assert ended.report["error"]["hint"], message
                return ended  # it is still being written: wait for the next night
            assert export.imported != export.rows, message
            assert "--again" in ended.report["error"]["hint"]
            again = self._run(export.path, "--again")
            assert again.code in {0, 3}, again.stderr
            export.imported = export.rows
        assert ended.code in {0, 3}, ended.stderr
        for export in self.story.exports:
            export.imported = export.readable()
        return ended

    def _run(self, source: Path, *options: str) -> Ended:
        """The command, as often as it takes to let it live."""
        while self.story.chance.random() < KILLS:
            running = self.importer.start(self.mapping, source, self.oracle.url, *self.options, *options)
            self._await_a_moment(running)
            self.kills += running.send(signal.SIGKILL)
            ended = running.wait()
            assert ended.code in {-signal.SIGKILL, 0, 3, 4}, ended.stderr
        run = self.importer.run if self.in_processes else self.importer.run_here
        return run(self.mapping, source, self.oracle.url, *self.options, *options)

    def _await_a_moment(self, running: Running) -> None:
        """When to kill: as soon as the run has its lock, or when some more requests have arrived."""
        record, chance = self.oracle.record.refresh(), self.story.chance
        goal = len(record.arrivals) + chance.choice((0, 0, 1, 2, 4))
        holder = f'"pid": {running.process.pid},'

        def is_now() -> bool:
            locks = self.importer.state_dir.glob("*.lock")
            is_running = any(holder in path.read_text() for path in locks)
            return is_running and len(record.refresh().arrivals) >= goal

        self.wait_until(lambda: is_now() or running.process.poll() is not None)

    def second_run(self) -> Ended:
        """The nightly command once more."""
        return self.importer.run_here(self.mapping, self.story.folder, self.oracle.url, *self.options)


@pytest.fixture
def operator(
    tmp_path: Path,
    importer: Importer,
    start_oracle: Callable[[float], RunningOracle],
    wait_until: Callable[[Callable[[], bool]], None],
) -> Iterator[Operator]:
    seed = int(os.environ.get("IMPORTER_TEST_SEED", random.SystemRandom().randrange(2**32)))
    (tmp_path / "exports").mkdir()
    story = Story(tmp_path / "exports", random.Random(seed))  # noqa: S311 - replayable on purpose
    found = Operator(story, tmp_path / "orders.yaml", importer, start_oracle(0.01), wait_until)
    yield found
    print(f"the story comes from seed {seed}; {found.kills} kills, {len(story.exports)} files")  # noqa: T201


def test_some_nights(operator: Operator) -> None:
    _live(operator, MAPPING, 3)


def test_some_grouped_nights(operator: Operator) -> None:
    _live(operator, GROUPED, 2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mapping", [MAPPING, GROUPED], ids=["rows", "groups"])
def test_thirty_nights(operator: Operator, mapping: str, request: pytest.FixtureRequest) -> None:
    if "slow" not in request.config.getoption("-m"):
        pytest.skip("some minutes: run with -m slow")
    operator.in_processes = True
    _live(operator, mapping, 30)


def _live(operator: Operator, mapping: str, nights: int) -> None:
    operator.mapping.write_text(mapping)
    if mapping == GROUPED:
        operator.story.kinds = GROUPED_CARDS
        operator.options += ("--accept-incomplete-groups",)  # of a half-written file, the last record may be a piece
    for night in range(nights + 1):
        operator.story.evening(is_last=night == nights)
        code = operator.night().code
        again = operator.second_run()
        report = again.report
        assert (report["requests"], report["events"]["accepted"]) == (0, 0), f"night {night}"
        assert again.code == (4 if code == 4 else 0), report
        assert report["status"] == ("invalid" if code == 4 else "nothing_new"), report
    _check_arrivals(operator)
    _check_status(operator, is_grouped=mapping == GROUPED)
    assert list(operator.importer.state_dir.glob("*.stage-*")) == []
    assert not operator.importer.secret_places()


def _check_arrivals(operator: Operator) -> None:
    """Every row of every complete file, nothing that never was in a file, one id an order, one body a version."""
    record, story = operator.oracle.record.refresh(), operator.story
    assert {arrival.status for arrival in record.arrivals} == {200}
    arrived: dict[str, set[str]] = defaultdict(set)
    bodies: dict[tuple[str, str], set[str]] = defaultdict(set)
    ids: dict[str, set[str]] = defaultdict(set)
    for event in record.events:
        arrived[event.order_id].add(event.content_hash)
        bodies[event.order_id, event.content_hash].add(event.bytes_hash)
        ids[event.order_id].add(event.event_id)
    wanted = {(row[0], content) for one in story.exports for row in one.rows if (content := content_of(row))}
    assert {(order, content) for order, content in wanted if content not in arrived[order]} == set()
    assert {
        order: found - story.allowed[order] for order, found in arrived.items() if found - story.allowed[order]
    } == {}
    assert {len(found) for found in (*bodies.values(), *ids.values())} == {1}
    assert len({next(iter(found)) for found in ids.values()}) == len(ids)


def _check_status(operator: Operator, *, is_grouped: bool) -> None:
    """Every row of every file has its one fate, and the books say which.

    In those of a grouped import, a file that was sent again stands once more: its old rows are a part of an old stage.
    """
    state_dir = str(operator.importer.state_dir)
    (item,) = operator.importer.command_here(
        "status", str(operator.mapping), "--state-dir", state_dir, "--json"
    ).report["imports"]
    sent = rejected = duplicate = 0
    for export in operator.story.exports:
        bad = sum(content_of(row) is None for row in export.rows)
        if export.original is not None:
            duplicate += len(export.rows)
        else:
            rejected += bad
            sent += len(export.rows) - bad
    rows = item["rows"]
    assert rows["duplicate"] == duplicate
    assert (rows["sent"], rows["rejected"]) == (sent, rejected) or (is_grouped and rows["sent"] >= sent)
    assert (rows["filtered"], rows["pending"], item["status"]) == (0, 0, "complete")
