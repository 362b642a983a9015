"""Fixtures of real processes: what they are is in ``actors.py``."""

from __future__ import annotations

import contextlib
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
