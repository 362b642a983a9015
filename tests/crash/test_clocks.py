"""Clocks that jump, start in 1970, or are in another zone: they change neither what is sent, nor when.

The jumps are real to the process: ``faketime`` (a Debian package) stands between it and the system's clock. Without it
these tests are skipped; the same is tried on a virtual clock in ``tests/properties/test_histories.py``.
"""

from __future__ import annotations

import math
import signal
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from oracle import content_hash

from importer.checkpoint import list_imports, peek

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors import Importer, RunningOracle
    from oracle import Record

pytestmark = pytest.mark.timeout(600)  # three processes, on a machine that may have much else to do
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
PARIS = ZoneInfo("Europe/Paris")
ROWS = 240
RATE = 100
OPTIONS = ("--endpoint", "single", "--concurrency", "4", "--rate", str(RATE))
FIRST_ORDER = datetime(2025, 3, 29, 22, 30)  # noqa: DTZ001 - the export has local times; an hour of them does not exist
MAPPING = """
version: 1
event: purchase
key: order_id
timezone: Europe/Paris
fields:
  id: order_id
  user.id: order_id
  context.event_timestamp: {column: ordered_at, format: "%Y-%m-%d %H:%M:%S"}
"""


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "orders.yaml"
    path.write_text(MAPPING)
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    lines = [f"{number:04},{_ordered_at(number)}" for number in range(ROWS)]
    path = tmp_path / "orders.csv"
    path.write_text("\n".join(["order_id,ordered_at", *lines]) + "\n")
    return path


def _ordered_at(number: int) -> datetime:
    return FIRST_ORDER + timedelta(minutes=number)


def _content(number: int) -> str:
    """What must arrive. A time that does not exist is the one that a clock shows which nobody has moved yet."""
    at = _ordered_at(number).replace(tzinfo=PARIS, fold=0)
    event = {"event_name": "purchase", "id": f"{number:04}", "user": {"id": f"{number:04}"}}
    return content_hash({**event, "context": {"event_timestamp": round(at.timestamp() * 1000)}})


def _assert_everything_arrived(record: Record) -> None:
    distinct = set(record.refresh().events)
    assert len(distinct) == len({event.event_id for event in distinct}) == ROWS
    assert Counter(event.content_hash for event in distinct) == Counter(map(_content, range(ROWS)))


def test_another_time_zone_changes_no_byte_and_no_state(
    mapping: Path,
    source: Path,
    importer: Importer,
    start_oracle: Callable[..., RunningOracle],
    wait_until: Callable[[Callable[[], bool]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    oracle = start_oracle()
    oracle.answer(50)
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    killed = importer.start(mapping, source, oracle.url, *OPTIONS)
    wait_until(lambda: len(oracle.record.refresh().arrivals) > 50)
    assert killed.send(signal.SIGKILL)
    killed.wait()
    oracle.answer(math.inf)
    monkeypatch.setenv("TZ", "America/St_Johns")
    ended = importer.run(mapping, source, oracle.url, *OPTIONS)

    assert ended.code == 0, ended.stderr
    assert 0 < ended.report["rows"]["skipped"] <= 50
    _assert_everything_arrived(oracle.record)
    assert int(ended.report["digest"], 16) == oracle.record.digest()


@pytest.mark.skipif(LIBRARY is None, reason="the Debian package faketime is not installed")
def test_a_clock_that_starts_in_1970_and_jumps_by_years_changes_neither_pace_nor_content(
    mapping: Path,
    source: Path,
    tmp_path: Path,
    importer: Importer,
    start_oracle: Callable[..., RunningOracle],
    wait_until: Callable[[Callable[[], bool]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    oracle, clock = start_oracle(), Clock(tmp_path / "clock")
    clock.show("@1970-01-01 00:00:10")
    for name, value in clock.environment.items():
        monkeypatch.setenv(name, value)
    running = importer.start(mapping, source, oracle.url, *OPTIONS)
    for arrivals, shown in ((60, "+400d"), (120, "-3650d"), (180, "+0")):
        wait_until(lambda goal=arrivals: len(oracle.record.refresh().arrivals) >= goal)
        clock.show(shown)
    ended = running.wait()

    assert ended.code == 0, ended.stderr
    _assert_everything_arrived(oracle.record)
    assert oracle.record.repeats() == 0
    assert oracle.record.usual_in_a_second() <= 1.05 * RATE
    (run,) = peek(list_imports(importer.state_dir)[0]).runs
    assert run.started.startswith("1970-01-01")  # the process did go by that clock
    assert run.ended is not None
    assert run.ended > "2026"


class Clock:
    """The wall clock of a process with :attr:`environment`. Its monotonic clock stays the system's."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.environment = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def show(self, text: str) -> None:
        """Set it, at once: an offset to the truth, or a moment from which it goes on."""
        draft = self._file.with_suffix(".new")
        draft.write_text(text + "\n")
        draft.rename(self._file)
