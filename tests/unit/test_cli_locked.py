from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from importer.checkpoint.lock import Lock
from importer.cli.console import set_up_logging
from importer.cli.locked import IfLocked, ImportSkipped, when_free
from importer.errors import ImportLocked, Interrupted
from importer.pipeline import Stop
from importer.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def _as_text() -> None:
    """Whatever the tests before have asked for."""
    set_up_logging()


class Attempts:
    """Counts the attempts; the first ones lose the race for the lock."""

    def __init__(self, losses: int = 0) -> None:
        self.count = 0
        self._losses = losses

    def __call__(self) -> None:
        self.count += 1
        if self.count <= self._losses:
            raise ImportLocked("Another run holds this import: process 12.")


class Naps:
    """Does something in the nap of that number."""

    def __init__(self, number: int, action: Callable[[], object]) -> None:
        self.seconds: list[float] = []
        self._number, self._action = number, action

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) == self._number:
            self._action()


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    return tmp_path / "import.sqlite.lock"


def test_without_another_run_there_is_one_attempt(lock_file: Path) -> None:
    for policy in IfLocked:
        attempts = Attempts()
        when_free(policy, lock_file, attempts, Report(), Stop(), pytest.fail)
        assert attempts.count == 1
    assert not lock_file.exists()


def test_it_waits_until_the_lock_is_free_and_says_so_once(lock_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock, attempts = Lock(lock_file, "2026-01-02"), Attempts()
    naps = Naps(3, lock.release)
    when_free(IfLocked.WAIT, lock_file, attempts, Report(), Stop(), naps)
    assert (attempts.count, naps.seconds) == (1, [0.5, 0.5, 0.5])
    (line,) = capsys.readouterr().err.splitlines()
    assert "since 2026-01-02" in line


def test_who_loses_the_race_waits_again(lock_file: Path) -> None:
    attempts, naps = Attempts(losses=2), Naps(9, pytest.fail)
    when_free(IfLocked.WAIT, lock_file, attempts, Report(), Stop(), naps)
    assert (attempts.count, len(naps.seconds)) == (3, 2)


def test_a_stop_ends_the_wait(lock_file: Path) -> None:
    lock, stop = Lock(lock_file, ""), Stop()
    with pytest.raises(Interrupted):
        when_free(IfLocked.WAIT, lock_file, pytest.fail, Report(), stop, Naps(2, lambda: stop.request(signal.SIGINT)))
    lock.release()


def test_skip_attempts_nothing(lock_file: Path) -> None:
    lock = Lock(lock_file, "")
    with pytest.raises(ImportSkipped, match="--if-locked skip") as skipped:
        when_free(IfLocked.SKIP, lock_file, pytest.fail, Report(), Stop(), pytest.fail)
    lock.release()
    assert skipped.value.exit_code == 0


def test_who_loses_the_race_skips_too(lock_file: Path) -> None:
    with pytest.raises(ImportSkipped):
        when_free(IfLocked.SKIP, lock_file, Attempts(losses=1), Report(), Stop(), pytest.fail)


@pytest.mark.parametrize("policy", IfLocked)
def test_the_lock_of_something_else_is_an_error(lock_file: Path, policy: IfLocked) -> None:
    report = Report(checkpoint=Path("import.sqlite"))  # the import itself was held
    with pytest.raises(ImportLocked):
        when_free(policy, lock_file, Attempts(losses=1), report, Stop(), pytest.fail)


def test_fail_is_the_attempt_alone(lock_file: Path) -> None:
    lock, attempts = Lock(lock_file, ""), Attempts()
    when_free(IfLocked.FAIL, lock_file, attempts, Report(), Stop(), pytest.fail)
    lock.release()
    assert attempts.count == 1
    with pytest.raises(ImportLocked):
        when_free(IfLocked.FAIL, lock_file, Attempts(losses=1), Report(), Stop(), pytest.fail)
