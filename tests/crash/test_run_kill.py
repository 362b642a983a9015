"""Real signals in the middle of real imports: nothing is lost, and nothing is repeated beyond what was in flight.

Every signal costs a process, so there are few by default. With ``IMPORTER_TEST_SIGNALS=50`` in the environment, each of
these tests sends so many.
"""

from __future__ import annotations

import math
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from oracle import content_hash

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actors import Ended, Importer, Running, RunningOracle
    from oracle import Record

SIGNALS = int(os.environ.get("IMPORTER_TEST_SIGNALS", "0"))
KILLS = {".csv": SIGNALS or 4, ".parquet": SIGNALS or 3, "single": SIGNALS or 3}
STOPS = SIGNALS or 2
# Of each run that is disturbed some requests are answered: there are more of them than all those together can have.
ROWS = {".csv": 4_000, ".parquet": 4_000, "single": 300}
ROWS_A_SIGNAL = {".csv": 900, ".parquet": 900, "single": 50}
BODY_BYTES = 60_000
# Of the CSV three blocks, so that a resume is a seek, too: a column that nothing is made of is as wide as that takes.
CSV_BYTES = 33_000_000
# Mean time of an answer: long enough that most moments find requests that have arrived and are not answered.
LATENCY_SECONDS = 0.1
pytestmark = pytest.mark.timeout(600)  # a dozen processes, one after the other: half a minute alone on two cores
FIRST_ORDER = datetime(2023, 3, 25, 22, tzinfo=UTC)
REMARK = 'Livraison à l\'étage, "sonner 2 fois";\nsinon chez le gardien. ' * 8

MAPPING = """
version: 1
event: purchase
key: [order_id]
fields:
  id: order_id
  value: {column: total, type: number}
  coupon: coupon
  remark: remark
  user.id: customer_id
  context.event_timestamp: ordered_at
"""


@dataclass(frozen=True)
class Import:
    """An import to be disturbed. ``contents`` is what must arrive for each order."""

    mapping: Path
    source: Path
    contents: dict[str, str]
    concurrency: int
    endpoint: str

    @property
    def options(self) -> tuple[str, ...]:
        """The same for every run: the same command resumes."""
        limits = ("--max-item-bytes", "5000", "--max-body-bytes", str(BODY_BYTES))
        return ("--endpoint", self.endpoint, "--concurrency", str(self.concurrency), *limits)


def _orders(count: int) -> list[dict[str, Any]]:
    return [
        {
            "order_id": f"{number:08}",
            "total": number % 9973 / 100,
            "coupon": f"C{number % 7}" if number % 4 else None,
            "remark": REMARK,
            "customer_id": f"{number * 31 % 9973:06}",
            "ordered_at": FIRST_ORDER + timedelta(seconds=number),
        }
        for number in range(count)
    ]


def _content(row: dict[str, Any]) -> str:
    """What must arrive for a row, computed on a path of its own."""
    event = {
        "event_name": "purchase",
        "id": row["order_id"],
        "value": row["total"],
        "remark": row["remark"],
        "user": {"id": row["customer_id"]},
        "context": {"event_timestamp": round(row["ordered_at"].timestamp() * 1000)},
    }
    return content_hash(event | ({"coupon": row["coupon"]} if row["coupon"] else {}))


def _write(folder: Path, suffix: str, rows: list[dict[str, Any]], csv_bytes: int) -> Path:
    source = folder / f"orders{suffix}"
    frame = pl.DataFrame(rows)
    if suffix == ".parquet":
        frame.write_parquet(source, row_group_size=1_000)
    else:
        times = pl.col("ordered_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        frame.with_columns(times, padding=pl.lit("p" * (csv_bytes // len(rows)))).write_csv(source)
    return source


def _prepare(folder: Path, kind: str) -> Import:
    single = kind == "single"
    rows = _orders(ROWS[kind] + SIGNALS * ROWS_A_SIGNAL[kind])
    mapping = folder / "orders.yaml"
    mapping.write_text(MAPPING)
    return Import(
        mapping=mapping,
        source=_write(folder, ".csv" if single else kind, rows, 0 if single else CSV_BYTES),
        contents={row["order_id"]: _content(row) for row in rows},
        concurrency=16 if single else 3,
        endpoint="single" if single else "batch",
    )


@pytest.fixture(params=[".parquet", ".csv", "single"])
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Import:
    return _prepare(tmp_path, request.param)


@pytest.fixture
def moments() -> random.Random:
    seed = random.SystemRandom().randrange(2**32)
    print(f"the moments come from seed {seed}")  # noqa: T201 - pytest shows it with a failure
    return random.Random(seed)  # noqa: S311 - replayable on purpose


@dataclass
class Disturber:
    """Lets an import run until a random moment, and sends a signal then.

    Of a run that is to be disturbed only a few requests are answered, so that none comes to its end before its signal
    does, however late the machine lets us send it.
    """

    job: Import
    importer: Importer
    oracle: RunningOracle
    wait_until: Callable[[Callable[[], bool]], None]
    moments: random.Random

    def run(self) -> Ended:
        """Run the import to its end, undisturbed."""
        self.oracle.answer(math.inf)
        return self.importer.run(self.job.mapping, self.job.source, self.oracle.url, *self.job.options)

    def run_here(self) -> Ended:
        """The same in this process."""
        job = self.job
        return self.importer.run_here(job.mapping, job.source, self.oracle.url, *job.options)

    def signal_early(self, number: signal.Signals) -> tuple[bool, Ended]:
        """Signal at a moment by the clock: while it starts, plans, or sends its first requests."""
        running, _ = self._start()
        time.sleep(self.moments.uniform(0.05, 1.5))
        return self._signal(running, number)

    def signal_while_sending(self, number: signal.Signals) -> tuple[bool, Ended]:
        """Signal when some more requests have arrived, and a little later than that."""
        running, goal = self._start()
        record = self.oracle.record
        self.wait_until(lambda: len(record.refresh().arrivals) >= goal or running.process.poll() is not None)
        time.sleep(self.moments.uniform(0, LATENCY_SECONDS / 2))
        return self._signal(running, number)

    def _start(self) -> tuple[Running, int]:
        """A run, and how many arrivals there are to be, which is also how many are answered."""
        # more than can be in flight, so that some must have been acknowledged
        more = self.moments.randint(self.job.concurrency + 1, 2 * self.job.concurrency)
        goal = len(self.oracle.record.refresh().arrivals) + more
        self.oracle.answer(goal)
        return self.importer.start(self.job.mapping, self.job.source, self.oracle.url, *self.job.options), goal

    def _signal(self, running: Running, number: signal.Signals) -> tuple[bool, Ended]:
        alive = running.send(number)
        self.oracle.answer(math.inf)  # a graceful stop waits for the answers to what is under way
        return alive, running.wait()


@pytest.fixture
def disturb(
    importer: Importer,
    start_oracle: Callable[[float], RunningOracle],
    wait_until: Callable[[Callable[[], bool]], None],
    moments: random.Random,
) -> Callable[[Import], Disturber]:
    oracle = start_oracle(LATENCY_SECONDS)
    return lambda job: Disturber(job, importer, oracle, wait_until, moments)


def _assert_everything_arrived(job: Import, record: Record) -> None:
    """Every order under one id, every id with one body, and every body as expected."""
    assert {arrival.status for arrival in record.arrivals} == {200}
    distinct = set(record.events)
    assert Counter(event.order_id for event in distinct) == Counter(job.contents.keys())
    assert len({event.event_id for event in distinct}) == len(distinct)
    assert {event.order_id: event.content_hash for event in distinct} == job.contents


def _assert_second_run_sends_nothing(disturber: Disturber) -> None:
    before = len(disturber.oracle.record.refresh().arrivals)
    again = disturber.run_here()
    assert (again.code, again.report["status"]) == (0, "nothing_new"), again.stderr
    assert len(disturber.oracle.record.refresh().arrivals) == before


def test_after_kills_every_event_arrives_and_repeats_stay_within_what_was_in_flight(
    job: Import, disturb: Callable[[Import], Disturber]
) -> None:
    disturber = disturb(job)
    kills = KILLS["single" if job.endpoint == "single" else job.source.suffix]
    for number in range(kills):
        kill = disturber.signal_early if number % 3 == 1 else disturber.signal_while_sending
        alive, ended = kill(signal.SIGKILL)
        assert (alive, ended.code) == (True, -signal.SIGKILL), f"run {number} ended before its kill:\n{ended.stderr}"
    final = disturber.run()
    record = disturber.oracle.record.refresh()

    assert final.code == 0, final.stderr
    _assert_everything_arrived(job, record)
    in_flight = job.concurrency * max(len(arrival.events) for arrival in record.arrivals)
    assert 0 < record.repeats() <= kills * in_flight
    rows = final.report["rows"]
    assert rows["sent"] + rows["skipped"] == rows["read"] == len(job.contents)
    assert int(final.report["digest"], 16) == record.digest()
    assert not disturber.importer.secret_places()
    _assert_second_run_sends_nothing(disturber)


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGTERM, ".parquet"), (signal.SIGINT, ".csv")])
def test_after_graceful_stops_nothing_is_repeated(
    number: signal.Signals, kind: str, tmp_path: Path, disturb: Callable[[Import], Disturber]
) -> None:
    job = _prepare(tmp_path, kind)
    disturber = disturb(job)
    for _ in range(STOPS):
        alive, ended = disturber.signal_while_sending(number)
        assert alive
        assert ended.code == 128 + number, ended.stderr
        assert ended.report["status"] == "interrupted"
        assert "Traceback" not in ended.stderr
    alive, ended = disturber.signal_early(number)
    assert alive
    # Python itself may have been starting: it dies of the signal then, or of an interrupt among its first imports
    assert ended.code in {128 + number, -number} or "KeyboardInterrupt" in ended.stderr, ended.stderr
    final = disturber.run()
    record = disturber.oracle.record.refresh()

    assert final.code == 0, final.stderr
    _assert_everything_arrived(job, record)
    assert record.repeats() == 0
    assert int(final.report["digest"], 16) == record.digest()
    assert not disturber.importer.secret_places()
    _assert_second_run_sends_nothing(disturber)
