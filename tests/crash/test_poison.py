"""Events that the server refuses, among good ones: row 14 of the scoreboard."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from base import make_job
from faults import POISON, Fault, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from base import Trial

SIZE = 2_000  # events of a full batch


def begin_poisoned(
    begin: Callable[..., Trial], folder: Path, rows: int, poison: set[int], *options: str, **more: object
) -> Trial:
    """A trial in which the orders of these numbers are refused."""
    trial = begin(make_job(folder, rows, *options, remark_bytes=4, is_filtered=False))
    trial.refused = frozenset(trial.job.orders[number] for number in poison)
    trial.plan(Schedule(poison=trial.refused, **more))
    return trial


def extra_requests(trial: Trial) -> int:
    """Requests beyond one for each batch, and beyond those that were only repeated."""
    report = trial.ended[-1].report
    return report["requests"] - report["batches"] - report["retries"]


def most_extra(culprits: int) -> float:
    return culprits * (2 * math.log2(SIZE) + 2)


def assert_isolated(trial: Trial, **base: int) -> None:
    """All others arrived exactly once, and each culprit is a reject with its row and what the server said."""
    report = trial.ended[-1].report
    lines = [json.loads(line) for line in Path(report["rejects"]).read_text().splitlines()]
    rows = {trial.job.orders.index(order) + 1 for order in trial.refused}
    assert {line["row"] for line in lines} == rows
    assert {json.loads(line["event"])["id"] for line in lines} == trial.refused
    assert {line["stage"] for line in lines} == {"destination"}
    assert len(lines) == len(rows) == report["rows"]["rejected"]
    assert len(trial.record.acknowledged) == len(set(trial.record.acknowledged))  # what was taken is not sent again
    trial.assert_base(repeats=0, code=3, **base)


@pytest.mark.parametrize(("culprit", "batches"), [(0, 1), (777, 1), (SIZE - 1, 1), (2 * SIZE - 1, 2)])
def test_one_among_2000_is_isolated_in_few_requests(
    culprit: int, batches: int, tmp_path: Path, begin: Callable[..., Trial]
) -> None:
    """Also where nothing was accepted before it: the first batch is the only one."""
    trial = begin_poisoned(begin, tmp_path, batches * SIZE, {culprit}, "--concurrency", "1")
    trial.run()
    assert max(len(arrival.events) for arrival in trial.record.struck(POISON)) == SIZE
    assert trial.ended[0].report["batches"] == batches
    assert extra_requests(trial) <= most_extra(1)
    assert_isolated(trial)


@pytest.mark.parametrize("poison", [{3, 4, 5, 6}, {0, 500, 1_000, 1_500, 1_999}])
def test_several_in_one_batch_are_isolated_each(poison: set[int], tmp_path: Path, begin: Callable[..., Trial]) -> None:
    trial = begin_poisoned(begin, tmp_path, SIZE, poison, "--concurrency", "2")
    trial.run()
    assert extra_requests(trial) <= most_extra(len(poison))
    assert_isolated(trial)


def test_they_are_isolated_by_a_server_that_fails_too(tmp_path: Path, begin: Callable[..., Trial]) -> None:
    """A failure is repeated with the part that had it, and with nothing that was taken before."""
    faults = (
        Fault("answer", at="read", status=503, share=0.15),
        Fault("reset", at="read", share=0.1),
        Fault("cut", at="read", share=0.1),
    )
    trial = begin_poisoned(begin, tmp_path, 2 * SIZE, {10, 1_500, 2_500}, "--concurrency", "2", faults=faults, seed=3)
    trial.run()
    assert extra_requests(trial) <= most_extra(3)
    assert_isolated(trial)


def test_single_events_are_refused_alone(tmp_path: Path, begin: Callable[..., Trial]) -> None:
    trial = begin_poisoned(begin, tmp_path, 200, {0, 100, 199}, "--endpoint", "single", "--concurrency", "8")
    trial.run()
    assert trial.ended[0].report["requests"] == 200
    assert_isolated(trial)


@pytest.mark.parametrize(("endpoint", "rows"), [("batch", SIZE), ("single", 300)])
def test_when_everything_is_refused_it_is_not_blamed_on_the_events(
    endpoint: str, rows: int, tmp_path: Path, begin: Callable[..., Trial]
) -> None:
    trial = begin(make_job(tmp_path, rows, "--endpoint", endpoint, remark_bytes=4))
    trial.plan(Schedule((Fault("answer", at="read", status=400),)))
    ended = trial.run()
    assert (ended.code, ended.report["status"]) == (6, "refused")
    assert "refuses every event" in ended.stderr
    assert (ended.report["rows"]["sent"], ended.report["rows"]["rejected"]) == (0, 0)
    assert ended.report["requests"] <= 200

    trial.calm()
    trial.run()
    trial.assert_base(repeats=0)


def test_when_only_what_is_refused_is_left_it_is_rejected_because_the_others_were_accepted_before(
    tmp_path: Path, begin: Callable[..., Trial]
) -> None:
    """As after a kill, or in a night with one new order: an import must not stand there for ever."""
    trial = begin_poisoned(begin, tmp_path, 50, {49}, "--endpoint", "single")
    trial.run("--limit", "49")
    trial.run()
    assert trial.ended[1].report["requests"] == 1
    assert_isolated(trial)
