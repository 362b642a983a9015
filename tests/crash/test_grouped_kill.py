"""Kills while rows are grouped on disk and while groups are sent: every group arrives, whole, and as it always was."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import pytest
from actors import ROOT, SOURCE_KEY, Importer, Running
from oracle import content_hash

from importer.pipeline import Stop, plan, validate
from importer.report import Report
from importer.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actors import Ended, RunningOracle
    from oracle import Record

    from importer.report import Snapshot

CONCURRENCY = 3
FILES, ORDERS, LINES = 4, 3_000, 45_000
KILLS_WHILE_STAGING, KILLS_WHILE_SENDING = 2, 2
OPTIONS = ("--concurrency", str(CONCURRENCY), "--max-item-bytes", "4000", "--max-body-bytes", "20000")
MAPPING = """
version: 1
event: purchase
group_by: [order_id]
where: price > 0
source: {columns: {price: integer}}
fields:
  id: order_id
  value: {sql: "SUM(price)"}
  items: {each: {id: sku}}
  user.id: customer
  context.event_timestamp: {value: 1704164645000}
"""
# The importer with small blocks and a run file for each of them, so that little data is staged in many steps.
PROGRAM = """
from importer.source import csv_reader
from importer.staging import partition
csv_reader.CsvReader.__init__.__kwdefaults__["block_bytes"] = 50_000
partition.FLUSH_BYTES = 1
from importer.cli import main
main()
"""


@dataclass(frozen=True)
class Job:
    """An import to be disturbed. ``contents`` is what must arrive for each order."""

    mapping: Path
    folder: Path
    contents: dict[str, str]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Order lines, shuffled over the files: nearly every order has lines in all of them."""
    chance = random.Random(1)  # noqa: S311 - for variety
    numbers = [number % ORDERS for number in range(LINES)]
    chance.shuffle(numbers)
    lines = [(f"{number:06}", f"s{index}", index % 100, f"c{number % 7}") for index, number in enumerate(numbers)]
    groups: dict[str, list[tuple[str, str, int, str]]] = {}
    for line in lines:
        if line[2] > 0:
            groups.setdefault(line[0], []).append(line)
    folder = tmp_path / "exports"
    folder.mkdir()
    for index in range(FILES):
        rows = lines[index * LINES // FILES : (index + 1) * LINES // FILES]
        frame = pl.DataFrame(rows, schema=["order_id", "sku", "price", "customer"], orient="row")
        frame.write_csv(folder / f"lines-{index}.csv")
    (tmp_path / "lines.yaml").write_text(MAPPING)
    return Job(tmp_path / "lines.yaml", folder, {order: _content(rows) for order, rows in groups.items()})


def _content(lines: list[tuple[str, str, int, str]]) -> str:
    """What must arrive for an order, computed on a path of its own."""
    event = {
        "event_name": "purchase",
        "id": lines[0][0],
        "value": sum(line[2] for line in lines),
        "items": [{"id": line[1]} for line in lines],
        "user": {"id": lines[0][3]},
        "context": {"event_timestamp": 1704164645000},
    }
    return content_hash(event)


@dataclass
class Disturber:
    """Lets an import run until a random moment, and sends a signal then."""

    job: Job
    importer: Importer
    oracle: RunningOracle
    wait_until: Callable[[Callable[[], bool]], None]
    chance: random.Random

    def signal_while_staging(self, number: signal.Signals) -> tuple[bool, Ended]:
        """Signal when some more run files are there."""
        goal = len(self.run_files()) + self.chance.randint(1, 4)
        return self._signal(number, lambda: len(self.run_files()) >= goal)

    def signal_while_sending(self, number: signal.Signals) -> tuple[bool, Ended]:
        """Signal when some more requests have arrived: more than can be in flight, so that some were answered."""
        record = self.oracle.record.refresh()
        goal = len(record.arrivals) + self.chance.randint(CONCURRENCY + 1, 3 * CONCURRENCY)
        return self._signal(number, lambda: len(record.refresh().arrivals) >= goal)

    def run(self) -> Ended:
        """Run the import to its end, undisturbed."""
        return self.start().wait()

    def run_files(self) -> list[Path]:
        """The files of all stages."""
        return list(self.importer.state_dir.glob("*.stage-*/run-??????"))

    def start(self) -> Running:
        """As :meth:`Importer.start`, with the stage in small pieces."""
        number = len(self.importer.started)
        output, words = (self.importer.folder / f"{name}-{number}" for name in ("stdout", "stderr"))
        command = [sys.executable, "-c", PROGRAM, "run", self.job.mapping, self.job.folder, "--url", self.oracle.url]
        command += ["--site", "1234", "--state-dir", self.importer.state_dir, "--yes", "--json", *OPTIONS]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("IMPORTER_")}
        environment |= {"IMPORTER_SOURCE_KEY": SOURCE_KEY, "PYTHONPATH": str(ROOT)}
        with output.open("wb") as stdout, words.open("wb") as stderr:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        self.importer.started.append(Running(process, output, words))
        return self.importer.started[-1]

    def _signal(self, number: signal.Signals, condition: Callable[[], bool]) -> tuple[bool, Ended]:
        running = self.start()
        self.wait_until(lambda: condition() or running.process.poll() is not None)
        return running.send(number), running.wait()


@pytest.fixture
def disturber(
    job: Job,
    importer: Importer,
    start_oracle: Callable[[float], RunningOracle],
    wait_until: Callable[[Callable[[], bool]], None],
) -> Disturber:
    seed = random.SystemRandom().randrange(2**32)
    print(f"the moments come from seed {seed}")  # noqa: T201 - pytest shows it with a failure
    return Disturber(job, importer, start_oracle(0.05), wait_until, random.Random(seed))  # noqa: S311 - replayable


class Silent:
    """A progress that nobody sees."""

    def update(self, snapshot: Snapshot) -> None:
        """Show nothing."""


def _clean_digest(job: Job) -> int:
    """The digest of a run that nothing stops, with blocks of their usual size."""
    report = Report()
    validate(plan(job.mapping, [str(job.folder)], RunSettings()), report, Silent(), Stop())
    return report.digest


def _check_everything_arrived(disturber: Disturber, final: Ended) -> Record:
    job, record = disturber.job, disturber.oracle.record.refresh()
    assert final.code == 0, final.stderr
    assert {arrival.status for arrival in record.arrivals} == {200}
    distinct = set(record.events)
    assert Counter(event.order_id for event in distinct) == Counter(job.contents.keys())
    assert {event.order_id: event.content_hash for event in distinct} == job.contents
    assert len({event.event_id for event in distinct}) == len(distinct)
    rows = final.report["rows"]
    assert rows["sent"] + rows["filtered"] + rows["skipped"] == rows["read"] == LINES
    assert int(final.report["digest"], 16) == record.digest() == _clean_digest(job)
    assert list(disturber.importer.state_dir.glob("*.stage-*")) == []
    assert not disturber.importer.secret_places()
    return record


def _check_second_run(disturber: Disturber) -> None:
    before = len(disturber.oracle.record.refresh().arrivals)
    job, importer = disturber.job, disturber.importer
    again = importer.run_here(job.mapping, job.folder, disturber.oracle.url, *OPTIONS)
    assert (again.code, again.report["status"], again.report["requests"]) == (0, "nothing_new", 0), again.stderr
    assert len(disturber.oracle.record.refresh().arrivals) == before


def test_after_kills_every_group_arrives_whole(disturber: Disturber) -> None:
    moments = [disturber.signal_while_staging] * KILLS_WHILE_STAGING
    kept: set[Path] = set()
    for kill in [*moments, *[disturber.signal_while_sending] * KILLS_WHILE_SENDING]:
        _, ended = kill(signal.SIGKILL)
        assert ended.code == -signal.SIGKILL, ended.stderr
        assert kept <= set(disturber.run_files())  # what was staged once is never staged again
        kept = set(disturber.run_files())
    record = _check_everything_arrived(disturber, disturber.run())
    in_flight = CONCURRENCY * max(len(arrival.events) for arrival in record.arrivals)
    assert record.repeats() <= KILLS_WHILE_SENDING * in_flight
    _check_second_run(disturber)


def test_a_graceful_stop_of_staging_and_of_sending_repeats_nothing(disturber: Disturber) -> None:
    for stop in (disturber.signal_while_staging, disturber.signal_while_sending):
        _, ended = stop(signal.SIGTERM)
        assert ended.code == 128 + signal.SIGTERM, ended.stderr
        assert ended.report["status"] == "interrupted"
        assert "Traceback" not in ended.stderr
        assert disturber.run_files()
    record = _check_everything_arrived(disturber, disturber.run())
    assert record.repeats() == 0
