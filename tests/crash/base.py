"""The base of all rows of the scoreboard of faults, and imports of which it is known what has to arrive.

Nothing here is the importer's code: what must arrive is computed on a path of its own.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from actors import Ended, Importer, RunningOracle, running_oracle
from faults import Schedule
from hasty import QUICK, policy_of
from oracle import content_hash
from secret_watch import shows_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from record import Record

MAPPING = """\
version: 1
event: purchase
key: [order_id]
where: state <> 'draft'
fields:
  id: order_id
  value: {column: total, type: number}
  coupon: coupon
  remark: remark
  user.id: customer_id
  context.event_timestamp: {column: ordered_at, unit: s}
"""
COLUMNS = ("order_id", "state", "total", "coupon", "remark", "customer_id", "ordered_at")
WORDS = ("sonner", "2 fois", "à l'étage", '"chez" le gardien', "\n", "\\n", "🎁", "\u2028", "<b>", ";", "0042", "ß")
FIRST_SECOND = 1_600_000_000


@dataclass(frozen=True)
class Job:
    """An import. ``contents`` is what must arrive of each order; ``rejected`` and ``filtered`` orders must not."""

    mapping: Path
    source: Path
    rows: int
    contents: dict[str, str]
    filtered: int
    rejected: int = 0
    options: tuple[str, ...] = ()

    @property
    def orders(self) -> list[str]:
        """The ids of what must arrive, in the order of the file."""
        return list(self.contents)


def make_job(
    folder: Path,
    rows: int,
    *options: str,
    seed: int = 1,
    rejected: int = 0,
    remark_bytes: int = 100,
    is_filtered: bool = True,
) -> Job:
    """An import of ``rows`` orders; one in fifty is filtered, and ``rejected`` of the last ones have no good total."""
    dice = Random(seed)  # noqa: S311 - to be repeated
    orders = [_order(number, dice, remark_bytes) for number in range(rows)]
    for order in orders[rows - rejected :]:
        order["total"] = "12,5 €"
    for order in orders[10 : rows - rejected : 50] if is_filtered else ():
        order["state"] = "draft"
    good = [order for order in orders if order["state"] == "paid" and order["total"].replace(".", "").isdigit()]
    mapping, source = folder / "orders.yaml", folder / "orders.csv"
    mapping.write_text(MAPPING)
    _write(source, orders)
    filtered = sum(order["state"] == "draft" for order in orders)
    contents = {order["order_id"]: content_hash(_event(order)) for order in good}
    return Job(mapping, source, rows, contents, filtered, rejected, options)


def _order(number: int, dice: Random, remark_bytes: int) -> dict[str, str]:
    remark = ""
    while len(remark.encode()) < dice.uniform(0.5, 1.5) * remark_bytes:
        remark += dice.choice(WORDS) + " x"
    return {
        "order_id": f"{number:08}",
        "state": "paid",
        "total": f"{dice.randrange(100_000) / 100:.2f}",
        "coupon": dice.choice(["", "", "WELCOME", "-10%"]),
        "remark": remark,
        "customer_id": f"{dice.randrange(10_000):06}",
        "ordered_at": str(FIRST_SECOND + number),
    }


def _event(order: dict[str, str]) -> dict[str, Any]:
    """What must arrive of ``order``, without its event id."""
    event = {
        "event_name": "purchase",
        "id": order["order_id"],
        "value": float(order["total"]),
        "remark": order["remark"],
        "user": {"id": order["customer_id"]},
        "context": {"event_timestamp": int(order["ordered_at"]) * 1000},
    }
    return event | ({"coupon": order["coupon"]} if order["coupon"] else {})


def _write(file: Path, orders: Sequence[dict[str, str]]) -> None:
    with file.open("w", newline="") as target:
        rows = csv.DictWriter(target, COLUMNS)
        rows.writeheader()
        rows.writerows(orders)


@dataclass(slots=True)
class HastyImporter(Importer):
    """An importer that waits as ``policy`` says: the fields of a RetryPolicy, in seconds."""

    policy: dict[str, float] = field(default_factory=lambda: QUICK)

    def __post_init__(self) -> None:
        script = str(Path(__file__).with_name("hasty.py"))
        self.program = (sys.executable, script, json.dumps(self.policy))

    def command_here(self, *arguments: str) -> Ended:
        """In this process, in the way of ``policy``."""
        with policy_of(self.policy):
            return Importer.command_here(self, *arguments)


@dataclass
class Trial:
    """A job, the importer that does it, the server that it goes to, and how its runs ended."""

    job: Job
    importer: HastyImporter
    oracle: RunningOracle
    planned: set[str] = field(default_factory=set)
    ended: list[Ended] = field(default_factory=list)
    kills: int = 0
    refused: frozenset[str] = frozenset()

    def plan(self, schedule: Schedule) -> None:
        """Let go wrong what ``schedule`` says, which then has to happen."""
        self.planned |= schedule.names
        self.oracle.plan(schedule)

    def calm(self) -> None:
        """Let nothing go wrong any more, and no slow machine look as if it did."""
        self.importer.policy = QUICK
        self.oracle.plan(Schedule(poison=self.refused))

    def run(self, *options: str) -> Ended:
        """The import, or what is left of it, in this process."""
        job = self.job
        ended = self.importer.run_here(job.mapping, job.source, self.oracle.url, *job.options, *options)
        self.ended.append(ended)
        return ended

    def end_server(self) -> None:
        """Nobody answers any more."""
        self.oracle.process.kill()
        self.oracle.process.wait()

    @contextmanager
    def reborn(self, *options: str) -> Iterator[None]:
        """A new server in the place of one that has died, with the same record."""
        port = str(urlsplit(self.oracle.url).port)
        with running_oracle(self.record.file, "0", "--port", port, *options) as successor:
            self.oracle = RunningOracle(self.oracle.url, self.record, successor.process)
            self.calm()
            yield

    @property
    def record(self) -> Record:
        """What the server has on record by now."""
        return self.oracle.record.refresh()

    def assert_base(self, *, repeats: int, code: int = 0, unseen_requests: int = 0) -> None:
        """What must hold whatever went wrong, when the last run has ended.

        At most ``repeats`` events came more than once, the last run ended with ``code``, and at most
        ``unseen_requests`` never came as far as the server.
        """
        last = self.ended[-1]
        assert last.code == code, f"{last.code} instead of {code}: {last.stderr}"
        assert self.planned <= set(self.record.fired()), "a fault did not happen"
        assert_delivered(self.job, self.record, refused=self.refused, repeats=repeats)
        for ended in self.ended:
            assert_sums(ended)
        self._assert_reported(last.report, unseen_requests)
        assert_no_secret(self.importer, self.ended)
        self._assert_a_fresh_event_passes()

    def _assert_reported(self, report: dict[str, Any], unseen_requests: int) -> None:
        """The report says what the server saw."""
        job, overall = self.job, report["overall"]
        rejected = job.rejected + len(self.refused)
        assert report["rows"]["read"] == job.rows
        assert report["rows"]["pending"] == 0
        assert (overall["rows"], overall["sent"]) == (job.rows, len(job.contents) - len(self.refused))
        assert (overall["filtered"], overall["rejected"]) == (job.filtered, rejected)
        assert int(report["digest"], 16) == self.record.digest()
        if not self.kills:  # a run that was killed has no report
            requests = sum(ended.report["requests"] for ended in self.ended)
            assert 0 <= requests - len(self.record.arrivals) <= unseen_requests
            accepted = sum(ended.report["events"]["accepted"] for ended in self.ended)
            assert accepted == len({event.event_id for event in self.record.acknowledged})

    def _assert_a_fresh_event_passes(self) -> None:
        """The next export goes through as if nothing had ever been wrong."""
        self.calm()
        fresh, known = self.job.source.with_name("fresh.csv"), len(self.job.contents)
        order = _order(99_000_000 + known, Random(known), 20)  # noqa: S311
        _write(fresh, [order])
        ended = self.importer.run_here(self.job.mapping, fresh, self.oracle.url, *self.job.options)
        assert (ended.code, ended.report["rows"]["sent"]) == (0, 1), ended.stderr
        (event,) = [event for event in self.record.acknowledged if event.order_id == order["order_id"]]
        assert event.content_hash == content_hash(_event(order))


def assert_delivered(job: Job, record: Record, *, refused: frozenset[str] = frozenset(), repeats: int) -> None:
    """What was acknowledged is what had to be; nothing else came; each order came as one event in the same bytes."""
    wanted = {order: content for order, content in job.contents.items() if order not in refused}
    acknowledged = {event.order_id for event in record.acknowledged}
    seen = [event for arrival in record.arrivals for event in arrival.events]
    assert not wanted.keys() - acknowledged, "events are missing"
    assert not {event.order_id for event in record.events} - wanted.keys(), "events came that should not"
    assert not [event for event in seen if job.contents.get(event.order_id) != event.content_hash], "corrupted"
    assert len({(event.order_id, event.event_id, event.bytes_hash) for event in seen}) == len(
        {event.order_id for event in seen}
    ), "an event came in more than one form"
    assert len({event.event_id for event in seen}) == len({event.order_id for event in seen}), "an id came twice"
    assert record.repeats() <= repeats, f"{record.repeats()} repeats, {repeats} at most"


def assert_sums(ended: Ended) -> None:
    """Every row has one fate, and no end is a traceback."""
    assert "Traceback" not in ended.stderr, ended.stderr
    if ended.report:
        rows = ended.report["rows"]
        assert sum(count for fate, count in rows.items() if fate != "read") == rows["read"], rows


def assert_no_secret(importer: Importer, ended: Sequence[Ended] = ()) -> None:
    """The source key is in no file that was written and in no output."""
    places = [file for file in importer.state_dir.rglob("*") if file.is_file()]
    places += [file for running in importer.started for file in (running.output, running.words)]
    texts = {str(file): file.read_bytes() for file in places}
    texts |= {f"run {number}": f"{run.report}{run.stderr}".encode() for number, run in enumerate(ended)}
    shown = {name for name, text in texts.items() if shows_key(text)}
    assert not shown, f"the source key stands in {shown}"


def counted(record: Record) -> Counter[str]:
    """Figures for the sums of a campaign."""
    faults = Counter({name: count for name, count in record.fired().items() if name})
    return Counter(requests=len(record.arrivals), events=len(record.events), repeats=record.repeats()) + faults
