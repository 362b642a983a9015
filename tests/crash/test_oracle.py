"""The judge is judged first: what the base of all rows is asserted with can tell when it does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from base import assert_no_secret, make_job
from faults import Fault, Schedule
from secret_watch import SOURCE_KEY, spellings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from base import Job, Trial

BODY = ("--max-item-bytes", "2000", "--max-body-bytes", "10000", "--concurrency", "2")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return make_job(tmp_path, 200, *BODY)


def test_a_server_that_lies_is_found_out(job: Job, begin: Callable[..., Trial]) -> None:
    trial = begin(job)
    trial.plan(Schedule((Fault("answer", at="read", status=200, first=3, last=3),)))
    assert trial.run().code == 0  # the importer cannot know
    assert int(trial.ended[0].report["digest"], 16) != trial.record.digest()
    with pytest.raises(AssertionError, match="events are missing"):
        trial.assert_base(repeats=0)


def test_a_fault_that_did_not_happen_is_found_out(job: Job, begin: Callable[..., Trial]) -> None:
    trial = begin(job)
    trial.plan(Schedule((Fault("reset", first=1_000),)))
    trial.run()
    with pytest.raises(AssertionError, match="a fault did not happen"):
        trial.assert_base(repeats=0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda contents: contents | {"00000003": "0" * 64}, "corrupted"),
        (lambda contents: contents | {"99999999": "0" * 64}, "missing"),
        (lambda contents: {order: contents[order] for order in contents if order != "00000003"}, "should not"),
    ],
)
def test_what_is_missing_or_too_much_or_different_is_found_out(
    wrong: Callable[[dict[str, str]], dict[str, str]], words: str, job: Job, begin: Callable[..., Trial]
) -> None:
    trial = begin(job)
    trial.run()
    job.contents.update(changed := wrong(dict(job.contents)))
    for order in job.contents.keys() - changed.keys():
        del job.contents[order]
    with pytest.raises(AssertionError, match=words):
        trial.assert_base(repeats=0)


def test_repeats_beyond_the_bound_are_found_out(job: Job, begin: Callable[..., Trial]) -> None:
    trial = begin(job)
    trial.plan(Schedule((Fault("close", at="stored", first=2, last=2),)))
    trial.run()
    (struck,) = trial.record.struck()
    with pytest.raises(AssertionError, match="repeats"):
        trial.assert_base(repeats=len(struck.events) - 1)
    trial.assert_base(repeats=len(struck.events))


def test_a_secret_is_found_out_in_every_form(job: Job, begin: Callable[..., Trial]) -> None:
    trial = begin(job)
    trial.run()
    assert_no_secret(trial.importer, trial.ended)
    log = trial.importer.state_dir / "log"
    for form in spellings(SOURCE_KEY):
        log.write_bytes(b"GET /?token=" + form + b"&x")
        with pytest.raises(AssertionError, match="source key"):
            assert_no_secret(trial.importer, trial.ended)
    log.unlink()


def test_a_schedule_is_the_same_each_time() -> None:
    schedule = Schedule((Fault("reset", share=0.3, last=500), Fault("hang", first=700, share=0.5)), seed=11)
    same = Schedule.parse(schedule.render())
    chosen = [schedule.fault(number) for number in range(1, 1_001)]
    assert chosen == [same.fault(number) for number in range(1, 1_001)]
    assert 110 < sum(fault is not None for fault in chosen[:500]) < 190
    assert not any(chosen[500:699])
    other = Schedule(schedule.faults, seed=12)
    assert chosen != [other.fault(number) for number in range(1, 1_001)]
