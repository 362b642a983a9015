"""Fixtures of real processes: what they are is in ``actors.py``."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# pytest's importlib mode puts no test folder on the path
sys.path.insert(0, str(Path(__file__).parent))

import actors
from actors import Importer, RunningOracle, running_oracle
from base import HastyImporter, Trial
from hasty import QUICK
from jobs import Scene, make_job
from nursery import Nursery, why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from base import Job


@pytest.fixture
def importer(tmp_path: Path) -> Iterator[Importer]:
    starter = Importer(tmp_path)
    yield starter
    starter.kill()


@pytest.fixture
def start_oracle(tmp_path: Path) -> Iterator[Callable[..., RunningOracle]]:
    with contextlib.ExitStack() as running:

        def start(latency_seconds: float = 0.0, *options: str) -> RunningOracle:
            number = len(list(tmp_path.glob("oracle-*.ndjson")))
            oracle = running_oracle(tmp_path / f"oracle-{number}.ndjson", str(latency_seconds), *options)
            return running.enter_context(oracle)

        yield start


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    return actors.wait_until


@pytest.fixture
def begin(tmp_path: Path, start_oracle: Callable[..., RunningOracle]) -> Iterator[Callable[..., Trial]]:
    """Begins a trial of a job: with an oracle of its own, and an importer that waits as the policy says."""
    importers: list[Importer] = []

    def start(job: Job, *oracle_options: str, **policy: float) -> Trial:
        importer = HastyImporter(tmp_path, policy=QUICK | policy)
        importers.append(importer)
        oracle = start_oracle(0.0, *oracle_options)
        if "--certificate" in oracle_options:
            oracle.url = oracle.url.replace("http:", "https:")
        return Trial(job, importer, oracle)

    yield start
    for importer in importers:
        importer.kill()


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    started = Nursery(tmp_path_factory.mktemp("nursery"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def strace() -> None:
    """Where it cannot be had its tests are skipped, or fail if IMPORTER_TEST_STRACE says that it has to be there."""
    if reason := why_not():
        (pytest.fail if os.environ.get("IMPORTER_TEST_STRACE") == "required" else pytest.skip)(reason)


@pytest.fixture
def make_scene(
    nursery: Nursery, tmp_path: Path, start_oracle: Callable[..., RunningOracle]
) -> Callable[..., Callable[[], Scene]]:
    """From a kind of import to a maker of scenes: one job and one server, and a new state for each scene."""

    def scenes(kind: str, rows: int = 24) -> Callable[[], Scene]:
        seed = random.SystemRandom().randrange(2**32)
        print(f"{kind}: the rows come from seed {seed}")  # noqa: T201 - pytest shows it with a failure
        job, oracle = make_job(kind, tmp_path, random.Random(seed), rows), start_oracle()  # noqa: S311 - replayable
        numbers = itertools.count()
        return lambda: Scene(job, nursery, oracle, tmp_path / f"state-{next(numbers)}")

    return scenes
