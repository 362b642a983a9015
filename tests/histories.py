"""Histories: an import with all that can happen to it, on virtual time, from a seed.

The pipeline, the sender, its limiter and patience, the writer, the checkpoint in SQLite and the rejects file are the
real ones. The destination is drawn from the seed, as is when the process is killed or asked to stop, with how many
senders, at which rate and in which batches each run goes on. In the end all has to be as if nothing had happened.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import traceback
from bisect import bisect_left
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from exports import Export, RememberedBelt, make_export
from fakes import VirtualClock, dice, run_virtual
from mortal import Died, Kill, MortalCheckpoint, MortalRejects, VirtualWriter, Witness
from weather import Connection, Destination, Wall, Weather, draw_weather

from importer.errors import DestinationRefused, DestinationUnavailable, Interrupted
from importer.pipeline import Stop, run
from importer.records import Response
from importer.report import Report
from importer.settings import Destination as Address
from importer.settings import RetryPolicy, RunSettings, Secret
from importer.wire import Outside

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from typing import Any

    from importer.plan import Plan

KEY = "s3cret-source-key-of-the-histories"
ADDRESS = Address("https://collect.example", "1234", Secret(KEY), "https://collect.example")
EXPORTS = 1_000
MOST_RUNS = 60
PATIENCE_SECONDS = 900
MOST_BACKOFF_SECONDS = 30
GRACE_SECONDS = 5 + 60 + 2  # of a stop: to settle what is half done, for an answer under way, for the disk
CLEAR = Weather(0, 0, ["500"], [], [], Response(401), frozenset(), 0.01)


class _Silent:
    def update(self, _: object) -> None:
        """Nobody looks."""


class History:
    """One import, from its first run to the one that leaves nothing to do."""

    def __init__(self, seed: int, export: Export, folder: Path) -> None:
        self.chance = dice(seed)
        self.export = export
        self.state_dir = folder / "state"
        self.clock = VirtualClock()
        self.counted: Counter[str] = Counter(histories=1)
        orders = list(export.expected)[:-1]
        weather = self._weather(orders)
        self.destination = Destination(weather, self.chance, self.clock, self._wall())
        self.witness = Witness(export, self.destination)
        self.valid = {*orders} - weather.poison
        self.kills = self.chance.choice([0, 0, 1, 2, 4])
        self.stops = self.chance.choice([0, 0, 1, 2])
        self.allowed_repeats = 0

    def _weather(self, orders: list[str]) -> Weather:
        return draw_weather(self.chance, self.clock.seconds, orders)

    def _wall(self) -> Wall:
        """A wall clock that is right, or wrong by years, and that jumps now and then."""
        begin = self.chance.choice([datetime(2026, 3, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)])
        times = [1_000 + self.chance.expovariate(1 / 30) for _ in range(self.chance.choice([0, 0, 1, 4]))]
        jumps = [(at, timedelta(days=self.chance.uniform(0, 400))) for at in sorted(times)]
        return Wall(self.clock, begin, jumps)

    def live(self) -> Counter[str]:
        """Play it. What happened, counted; AssertionError where a promise was broken."""
        is_done = False
        while not is_done:
            assert self.counted["runs"] < MOST_RUNS, "no end"
            is_done = self._run(self.export.plan)
            self.clock.seconds += self.chance.uniform(1, 300)
        self._check_end()
        self.destination.weather, self.kills, self.stops = CLEAR, 0, 0
        assert self._run(self.export.fresh), "a new file is not imported"
        assert self.destination.stored[self.export.fresh_order] == 1
        repeated = sum(copies > 1 for copies in self.destination.stored.values())
        assert repeated <= self.witness.known.resent
        self.counted["seconds on the virtual clock"] = round(self.clock.seconds)
        self.counted["requests"] = sum(self.destination.seen.values())
        return self.counted

    def _run(self, plan: Plan) -> bool:
        """One process, from its beginning to whatever end. Whether nothing is left to do."""
        plan = self._drawn(plan)
        kill, stop, report = self._kill(), Stop(), Report()
        connection = Connection(self.destination, kill, self.witness.announced, stop, self._draw_stop())
        outside = Outside(lambda *_: connection, self._run_loop, self.destination.wall.now, self.chance.random)
        self.counted["runs"] += 1
        try:
            with self._replaced(kill):
                run(plan, ADDRESS, self.state_dir, report, _Silent(), stop, outside=outside)
        except (Died, Interrupted, DestinationUnavailable, DestinationRefused) as error:
            self._check_stopped(error, kill, connection, plan)
            ended = type(error).__name__
        else:
            ended = "done"
            self._check_done(report, connection)
        self.counted[ended] += 1
        self._check_pace(connection, plan)
        if not kill.is_dead:
            assert report.requests == len(connection.times)
            assert report.retries <= connection.failures
            if self.destination.weather.is_mild:
                self.counted["requests when well"] += report.requests
                self.counted["needed when well"] += report.batches
        kill.bury()
        return ended == "done"

    def _drawn(self, plan: Plan) -> Plan:
        """The same import with other figures, as another run may have."""
        draw = self.chance.choice
        settings = RunSettings(requests_per_second=draw([None, 2, 10, 500]), concurrency=draw([1, 3, 16]))
        policy = RetryPolicy(patience_seconds=PATIENCE_SECONDS, max_backoff_seconds=MOST_BACKOFF_SECONDS)
        profile = replace(plan.profile, max_items=draw([3, 10, 30, 100]))
        return replace(plan, settings=replace(settings, retry=policy), profile=profile)

    def _kill(self) -> Kill:
        at, self.kills = 0, self.kills - 1
        if self.kills >= 0:
            at = self.chance.randint(1, self.chance.choice([8, 80, 300]))
        return Kill(self.state_dir, at)

    def _draw_stop(self) -> float | None:
        if self.stops == 0:
            return None
        self.stops -= 1
        return self.chance.choice([0.0, self.chance.random(), self.chance.expovariate(1 / 20)])

    def _run_loop(self, coroutine: Coroutine[Any, Any, None]) -> None:
        run_virtual(lambda: coroutine, self.clock)

    @contextmanager
    def _replaced(self, kill: Kill) -> Iterator[None]:
        """The parts of the pipeline that can die, and those that would take real time."""
        parts = {
            "Checkpoint": partial(MortalCheckpoint, kill, self.witness),
            "RejectsFile": partial(MortalRejects, kill),
            "AckWriter": partial(VirtualWriter, self.chance.random),
            "Belt": partial(RememberedBelt, self.export.encoded, self.chance.choice([10, 50, 1_000])),
        }
        with patch.multiple("importer.pipeline", **parts), patch("importer.wire.PROGRESS_SECONDS", 3_600):
            yield

    def _check_stopped(self, error: BaseException, kill: Kill, connection: Connection, plan: Plan) -> None:
        """Whatever stopped the run did happen; and how much it may make a later one repeat."""
        most_in_flight = plan.settings.concurrency * plan.profile.max_items
        open_orders = connection.answered - self.witness.settled
        if isinstance(error, Died):
            assert kill.is_dead
            self.allowed_repeats += most_in_flight
            self.counted[f"killed {kill.place}"] += 1
            return
        assert len(open_orders) <= most_in_flight
        assert not open_orders or self.destination.weather.poison, "answered, but not acknowledged"
        self.allowed_repeats += len(open_orders)
        if isinstance(error, Interrupted):
            assert connection.stopped_at is not None
            assert connection.ended - connection.stopped_at <= GRACE_SECONDS
        elif isinstance(error, DestinationUnavailable):
            assert connection.failing_since is not None
            waited = connection.ended - connection.failing_since
            assert PATIENCE_SECONDS - 1e-6 <= waited <= PATIENCE_SECONDS + GRACE_SECONDS
        else:
            assert connection.was_refused, error

    def _check_done(self, report: Report, connection: Connection) -> None:
        """A run that nothing stopped has left nothing, and tells what the destination tells."""
        self.report = report
        rows = report.rows
        assert (rows.pending, rows.settled + rows.skipped) == (0, rows.read)
        assert report.events.accepted == len(connection.answered)
        assert not connection.answered - self.witness.settled

    def _check_pace(self, connection: Connection, plan: Plan) -> None:
        """No second holds more requests than the rate, and no time is lost but for waits that have a reason."""
        times, rate = connection.times, plan.settings.requests_per_second
        if rate and times:
            assert max(bisect_left(times, time + 1) - index for index, time in enumerate(times)) <= rate
        seconds = connection.ended - connection.begun if connection.ended else 0
        each = connection.slowest_seconds + 1 / (rate or 1_000) + 0.2
        reasons = connection.paused_seconds + MOST_BACKOFF_SECONDS * connection.failures + each * len(times)
        assert seconds <= reasons + GRACE_SECONDS, f"{seconds:.0f} s for {len(times)} requests"
        probes = connection.requests_while_down  # after some that come faster, one in 15 s on average
        assert probes <= 20 + seconds / 3 or not connection.ended, f"{probes} requests in an outage"

    def _check_end(self) -> None:
        """As if nothing had happened, but for repeats that have a reason."""
        export, destination, poison = self.export, self.destination, self.destination.weather.poison
        assert set(destination.stored) == self.valid
        ids = {event["context"].pop("event_id") for event in destination.contents.values()}
        assert len(ids) == len(self.valid)
        assert destination.contents == {order: export.expected[order] for order in self.valid}
        repeats = sum(destination.stored.values()) - len(self.valid)
        assert repeats <= destination.in_doubt + self.allowed_repeats
        self.counted["repeats"] += repeats
        self._check_books(poison)
        written = [file.read_bytes() for file in self.state_dir.rglob("*") if file.is_file()]
        assert not any(KEY.encode() in content for content in written)

    def _check_books(self, poison: frozenset[str]) -> None:
        """Report, checkpoint and rejects file agree with what was to be expected."""
        export, report = self.export, self.report
        assert report.overall == {
            "rows": export.total_rows - 1,
            "sent": len(self.valid),
            "filtered": export.filtered_rows,
            "rejected": len(export.rejected) + len(poison),
            "duplicate": 0,
        }
        assert report.digest == export.digest(self.valid)
        assert report.rejects is not None
        lines = [json.loads(line) for line in report.rejects.read_text().splitlines()]
        names = {source.name: number for number, source in enumerate(export.plan.sources)}
        refused = {row for row, order in export.orders.items() if order in poison}
        assert Counter((names[line["file"]], line["row"]) for line in lines) == Counter(export.rejected | refused)


def check_economy(counted: Counter[str]) -> None:
    """Over many histories: a destination that is mostly well gets hardly more requests than it has to."""
    if counted["needed when well"] >= 200:
        assert counted["requests when well"] <= 1.1 * counted["needed when well"]


class Player:
    """Plays histories by their seeds, on a disk in memory where there is one. The last digits say of which export."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._exports: dict[int, Export] = {}

    def play(self, seed: int, kind: type[History] = History) -> History:
        """The history of this seed, after its end. What went wrong is told with the seed."""
        number = seed % EXPORTS
        if number not in self._exports:
            self._exports[number] = make_export(self._folder / f"export-{number}", number)
        folder = self._folder / f"history-{seed}"
        folder.mkdir()
        history = kind(seed, self._exports[number], folder)
        try:
            history.live()
        except Exception as error:
            again = f"IMPORTER_TEST_SEED={seed} python -m pytest tests/properties/test_histories.py"
            what = str(error) or traceback.extract_tb(error.__traceback__)[-1].line
            raise AssertionError(f"history {seed} went wrong: {what}; to play it alone: {again}") from error
        finally:
            shutil.rmtree(folder)
        return history


@contextmanager
def playing() -> Iterator[Player]:
    """A player with a folder of its own. The importer's warnings are not shown: there are thousands."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder with a name of its own is made in it
    logging.disable(logging.WARNING)
    try:
        with tempfile.TemporaryDirectory(prefix="importer-", dir=memory if memory.is_dir() else None) as folder:
            yield Player(Path(folder))
    finally:
        logging.disable(logging.NOTSET)


def draw_seeds(seed: int, count: int, exports: int) -> list[int]:
    """Seeds of ``count`` histories with few ``exports``, because each of those takes as long as some histories."""
    chance = dice(seed)
    numbers = chance.sample(range(EXPORTS), exports)
    return [chance.randrange(10**6) * EXPORTS + chance.choice(numbers) for _ in range(count)]
