"""A server that does not answer, or hardly: row 10 of the scoreboard.

The timeout of a request is short here, and the server hangs for ever. A machine that is slow may let a healthy request
run into that timeout too: that is one more fault, and no other result.
"""

from __future__ import annotations

import signal
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from actors import wait_until
from base import make_job
from faults import Fault, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from base import Job, Trial

ROWS = 600
CONCURRENCY = 4
BODY = ("--max-item-bytes", "2000", "--max-body-bytes", "4000", "--concurrency", str(CONCURRENCY))
TIMEOUT_SECONDS = 1.0
ESTABLISHED = "01"
needs_linux = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks into /proc")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return make_job(tmp_path, ROWS, *BODY)


def assert_base_after_timeouts(trial: Trial) -> None:
    """Only what was tried again came again, and all of it was said to be doubtful."""
    retries = sum(ended.report["retries"] for ended in trial.ended)
    requests = sum(ended.report["requests"] for ended in trial.ended)
    assert sum(ended.report["events"]["resent"] for ended in trial.ended) > 0
    most = max(len(arrival.events) for arrival in trial.record.arrivals)
    trial.assert_base(repeats=retries * most, unseen_requests=requests)


def connections(port: int) -> int:
    """How many connections to ``port`` this machine's clients have, as the kernel sees it."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[2].endswith(f":{port:04X}") and line[3] == ESTABLISHED for line in lines)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("hang", at="head", first=5, last=12),
        Fault("hang", at="body", first=5, last=12),
        Fault("hang", at="stored", first=1, last=CONCURRENCY, crowd=CONCURRENCY),
        Fault("drip", at="stored", first=5, last=12, body="{" + " " * 10_000 + "}"),
        Fault("drip", at="read", status=503, first=5, last=12, body=" " * 10_000),
    ],
    ids=lambda fault: fault.name,
)
def test_no_sender_is_stuck_beyond_its_timeout(fault: Fault, job: Job, begin: Callable[..., Trial]) -> None:
    trial = begin(job, request_timeout_seconds=TIMEOUT_SECONDS)
    trial.plan(Schedule((fault,)))
    trial.run()
    assert len(trial.record.struck()) == fault.last - fault.first + 1
    assert max(arrival.under_way for arrival in trial.record.arrivals) <= CONCURRENCY
    assert_base_after_timeouts(trial)


@needs_linux
def test_a_server_that_is_stopped_for_a_while_holds_no_more_than_was_in_flight(
    job: Job, begin: Callable[..., Trial]
) -> None:
    trial = begin(job, request_timeout_seconds=TIMEOUT_SECONDS)
    trial.oracle.answer(5)
    running = trial.importer.start(job.mapping, job.source, trial.oracle.url, *job.options)
    wait_until(lambda: len(trial.record.arrivals) > 5)
    port, seen = urlsplit(trial.oracle.url).port or 0, []

    trial.oracle.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: bool(seen.append(connections(port)) or "is down" in running.words.read_text()))
    trial.oracle.answer(ROWS)
    trial.oracle.process.send_signal(signal.SIGCONT)
    trial.ended.append(running.wait())

    assert 1 <= max(seen) <= CONCURRENCY
    assert f"no answer within {TIMEOUT_SECONDS:g} s" in trial.ended[0].stderr
    assert_base_after_timeouts(trial)


@contextmanager
def full_backlog(port: int) -> Iterator[None]:
    """A port that is listened to, and whose queue of connections is full: nobody shakes hands there any more."""
    with socket.create_server(("127.0.0.1", port), backlog=0), socket.socket() as first, socket.socket() as second:
        first.connect(("127.0.0.1", port))
        second.settimeout(0.2)
        with pytest.raises(TimeoutError):
            second.connect(("127.0.0.1", port))
        yield


def test_a_port_that_lets_nobody_in_ends_the_patience_and_nothing_was_sent(
    job: Job, begin: Callable[..., Trial]
) -> None:
    trial = begin(job, connect_timeout_seconds=0.5, patience_seconds=1)
    trial.end_server()
    with full_backlog(urlsplit(trial.oracle.url).port or 0):
        ended = trial.run()
    assert (ended.code, ended.report["status"], ended.report["rows"]["sent"]) == (5, "incomplete", 0)
    assert "no connection to 127.0.0.1 within 0.5 s" in ended.stderr

    with trial.reborn():
        trial.run()
        assert [ended.report["events"]["resent"] for ended in trial.ended] == [0, 0]
        trial.assert_base(repeats=0, unseen_requests=trial.ended[0].report["requests"])


def may_vanish() -> bool:
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.IPPROTO_TCP, 19, 1)  # TCP_REPAIR
    except PermissionError:
        return False
    return True


@pytest.mark.skipif(not may_vanish(), reason="only root makes a half-open connection")
def test_a_connection_that_only_the_importer_believes_in_is_given_up(job: Job, begin: Callable[..., Trial]) -> None:
    """As after a server lost its power: nothing comes back, not even a reset."""
    trial = begin(job, request_timeout_seconds=TIMEOUT_SECONDS)
    trial.plan(Schedule((Fault("vanish", at="stored", first=6, last=6), Fault("vanish", at="head", first=9, last=9))))
    trial.run()
    assert len(trial.record.struck()) == 2
    assert_base_after_timeouts(trial)


@needs_linux
def test_a_server_that_takes_nothing_does_not_fill_the_memory(tmp_path: Path, begin: Callable[..., Trial]) -> None:
    """Reading stops where the queue is full: of an export of 100 MB most is never read."""
    job = large_job(tmp_path)
    trial = begin(job, request_timeout_seconds=TIMEOUT_SECONDS)
    trial.plan(Schedule((Fault("hang", at="head"),)))
    running = trial.importer.start(job.mapping, job.source, trial.oracle.url, *job.options)
    wait_until(lambda: "is down" in running.words.read_text())
    folder = Path(f"/proc/{running.process.pid}")
    numbers = [fd.name for fd in (folder / "fd").iterdir() if fd.readlink() == job.source]
    assert numbers, "all of it was read"
    read = int((folder / "fdinfo" / numbers[0]).read_text().split()[1])
    peak_kb = int((folder / "status").read_text().partition("VmHWM:")[2].split()[0])

    assert 0 < read < job.source.stat().st_size / 2
    assert peak_kb < 1_000_000
    assert max(arrival.under_way for arrival in trial.record.arrivals) <= 2


def large_job(folder: Path) -> Job:
    job = make_job(folder, 1, "--concurrency", "2")
    head = job.source.read_text().partition("\n")[0]
    line = f",paid,1.00,,{'x' * 2_000},000001,1600000000\n"
    with job.source.open("w") as source:
        source.write(head + "\n")
        source.writelines(f"{number:08}{line}" for number in range(50_000))
    return job
