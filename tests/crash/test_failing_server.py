"""A server that fails, or asks for time, or breaks connections: rows 6 to 9 of the scoreboard.

A real server in a process of its own. How long backoffs last is exact in ``tests/unit/test_sender.py``, on a virtual
clock; here they are short.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from actors import wait_until
from base import make_job
from faults import Fault, Schedule

from importer.patience import DOWN_AFTER_FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from base import Job, Trial

ROWS = 900
CONCURRENCY = 4
BODY = ("--max-item-bytes", "2000", "--max-body-bytes", "4000", "--concurrency", str(CONCURRENCY))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return make_job(tmp_path, ROWS, *BODY)


def events_of(trial: Trial, *, stored: bool | None = None) -> int:
    """The events of the requests that something was done to."""
    struck = trial.record.struck()
    return sum(len(arrival.events) for arrival in struck if stored is None or arrival.stored is stored)


# row 6: 5xx


@pytest.mark.parametrize("share", [1 / 3, 0.05])
def test_of_a_share_of_failures_only_those_requests_are_repeated(
    share: float, job: Job, begin: Callable[..., Trial]
) -> None:
    trial = begin(job)
    # with eight failures in a row it would count as down, which is another row
    trial.plan(Schedule((Fault("answer", at="read", status=503, share=share),), seed=4))
    report = trial.run().report

    failures, needed = len(trial.record.struck()), report["batches"]
    assert needed > 40
    assert len(trial.record.arrivals) == needed + failures
    assert report["retries"] == failures
    assert failures / (needed + failures) == pytest.approx(share, abs=0.1)
    assert share > 0.1 or len(trial.record.arrivals) <= 1.1 * needed
    assert report["events"]["resent"] == len({event for hit in trial.record.struck() for event in hit.events})
    trial.assert_base(repeats=0)


def test_a_server_that_is_down_is_probed_by_one_at_a_time_until_it_is_back(
    job: Job, begin: Callable[..., Trial]
) -> None:
    trial = begin(job)
    trial.plan(Schedule((Fault("answer", at="read", status=500),)))
    running = trial.importer.start(job.mapping, job.source, trial.oracle.url, *job.options)
    until_down = DOWN_AFTER_FAILURES + CONCURRENCY
    wait_until(lambda: len(trial.record.arrivals) >= until_down + 10)
    probes = trial.record.arrivals[until_down:]
    # the one probe is answered, and then nobody until all senders are there again
    everybody = Fault("answer", status=200, first=2, last=1 + CONCURRENCY, crowd=CONCURRENCY)
    trial.plan(Schedule((everybody,)))
    trial.ended.append(running.wait())

    assert {probe.under_way for probe in probes} == {1}
    assert "The destination is down" in trial.ended[0].stderr
    assert "answers again" in trial.ended[0].stderr
    trial.assert_base(repeats=0)


def test_a_server_that_stays_down_ends_the_run_and_the_same_command_goes_on(
    job: Job, begin: Callable[..., Trial]
) -> None:
    trial = begin(job, patience_seconds=1)
    trial.plan(Schedule((Fault("answer", at="read", status=502, first=6),)))
    ended = trial.run()
    rows = ended.report["rows"]
    assert (ended.code, ended.report["status"]) == (5, "incomplete")
    assert rows["pending"] > 0
    assert ended.report["seconds"] >= 1
    sent = {event.order_id for event in trial.record.acknowledged}
    assert 0 < rows["sent"] == len(sent)
    doubtful = {event.order_id for failed in trial.record.struck() for event in failed.events}

    trial.calm()
    again = trial.run().report
    assert again["events"]["accepted"] == len(job.contents) - len(sent)
    assert again["events"]["resent"] == len(doubtful) > 0
    trial.assert_base(repeats=0)


# row 7: Retry-After


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [(429, "1", 1.0), (503, "{date+2}", 1.0), (503, "1e9", 1.5)],
)
def test_no_sender_sends_before_the_time(
    status: int, header: str, seconds: float, job: Job, begin: Callable[..., Trial]
) -> None:
    """All senders are told so at the same time, so that whatever comes next comes after the pause."""
    trial = begin(job, max_retry_after_seconds=1.5 if header == "1e9" else 300)
    limit = Fault(
        "answer", at="read", status=status, headers={"Retry-After": header}, last=CONCURRENCY, crowd=CONCURRENCY
    )
    trial.plan(Schedule((limit,)))
    report = trial.run().report

    times = [arrival.at for arrival in trial.record.arrivals]
    assert len(trial.record.struck()) == CONCURRENCY
    assert times[CONCURRENCY] - times[CONCURRENCY - 1] >= seconds
    assert report["retries"] == CONCURRENCY
    assert ("1.5 s are kept" in trial.ended[0].stderr) == (header == "1e9")
    # 429 says that nothing was processed, a server that fails may have done something
    assert report["events"]["resent"] == (0 if status == 429 else events_of(trial))
    trial.assert_base(repeats=0)


@pytest.mark.parametrize("headers", [{"Retry-After": "-1"}, {"Retry-After": "soon"}, {}])
def test_a_pause_that_means_nothing_is_an_ordinary_failure(
    headers: dict[str, str], job: Job, begin: Callable[..., Trial]
) -> None:
    trial = begin(job)
    trial.plan(Schedule((Fault("answer", at="read", status=429, headers=headers, first=2, last=4),)))
    report = trial.run().report
    assert (report["retries"], report["events"]["resent"]) == (3, 0)
    trial.assert_base(repeats=0)


# row 8: connections that break


@pytest.mark.parametrize(
    "fault",
    [
        Fault("reset", at="head"),
        Fault("reset", at="body"),
        Fault("reset", at="stored"),
        Fault("cut", at="read"),
        Fault("cut", at="stored", body="{" + " " * 5_000 + "}"),
        Fault("close", at="stored"),
    ],
    ids=lambda fault: fault.name,
)
def test_what_has_no_answer_counts_as_ambiguous_and_repeats_are_those_that_did_arrive(
    fault: Fault, tmp_path: Path, begin: Callable[..., Trial]
) -> None:
    job = make_job(tmp_path, ROWS, *BODY)
    trial = begin(job)
    trial.plan(Schedule((replace(fault, share=0.3),), seed=5))
    report = trial.run().report

    assert report["retries"] == len(trial.record.struck()) >= 10
    repeated = trial.record.times_by_id()
    came_again = sum(times - 1 for times in repeated.values())
    assert came_again == events_of(trial, stored=True)
    assert (came_again > 0) == (fault.at == "stored")
    if fault.at not in {"head", "body"}:  # of those the server does not know the events
        assert report["events"]["resent"] == len({event for hit in trial.record.struck() for event in hit.events})
    assert report["events"]["resent"] > 0
    trial.assert_base(repeats=came_again)


# row 9: stored, and then the server dies


def test_a_server_that_dies_before_it_answers_gets_the_same_bytes_again(job: Job, begin: Callable[..., Trial]) -> None:
    trial = begin(job, max_backoff_seconds=0.3)
    trial.plan(Schedule((Fault("die", at="stored", first=11),)))
    running = trial.importer.start(job.mapping, job.source, trial.oracle.url, *job.options)
    wait_until(lambda: trial.oracle.process.poll() is not None)

    with trial.reborn():
        trial.ended.append(running.wait())
        resent = trial.ended[0].report["events"]["resent"]
        most = CONCURRENCY * max(len(arrival.events) for arrival in trial.record.arrivals)
        assert 1 <= trial.record.repeats() <= min(resent, most)
        # what could not connect while nobody listened never came as far as the server
        trial.assert_base(repeats=most, unseen_requests=trial.ended[0].report["requests"])
