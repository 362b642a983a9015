"""No way to the server, or none that may be gone, or somebody else at its end: rows 11 to 13 of the scoreboard."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import trustme
from base import assert_no_secret, assert_sums, make_job
from faults import HTML_BODY, HTML_HEADERS, Fault, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from base import Job, Trial

CONCURRENCY = 4
BODY = ("--max-item-bytes", "2000", "--max-body-bytes", "4000", "--concurrency", str(CONCURRENCY))

PATIENCE = {"request_timeout_seconds": 20, "patience_seconds": 20}  # for whom follows a redirect into the trap


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return make_job(tmp_path, 300, *BODY)


# row 11: no way there


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return authority


def certificate(authority: trustme.CA, folder: Path, name: str = "127.0.0.1", *, expired: bool = False) -> str:
    """The path of a certificate with its key."""
    file = folder / f"{name}-{expired}.pem"
    issued = authority.issue_cert(name, not_after=datetime(2001, 1, 1, tzinfo=UTC) if expired else None)
    issued.private_key_and_cert_chain_pem.write_to_path(file)
    return str(file)


@pytest.mark.parametrize(
    ("name", "expired", "trusted", "words"),
    [
        ("127.0.0.1", False, False, "local issuer"),
        ("127.0.0.1", True, True, "expired"),
        ("elsewhere.test", False, True, "mismatch"),
    ],
)
def test_who_cannot_prove_its_name_gets_no_byte_of_payload(
    name: str, words: str, job: Job, authority: trustme.CA, begin: Callable[..., Trial], *, expired: bool, trusted: bool
) -> None:
    folder = job.source.parent
    known = replace(job, options=(*BODY, "--ca-file", str(folder / "ca.pem")))
    trial = begin(known if trusted else job, "--certificate", certificate(authority, folder, name, expired=expired))
    ended = trial.run()
    assert (ended.code, ended.report["status"], ended.report["rows"]["sent"]) == (6, "refused", 0)
    assert words in ended.stderr
    assert not trial.record.arrivals

    trial.end_server()
    trial.job = known
    with trial.reborn("--certificate", certificate(authority, folder)):
        trial.run()
        assert trial.ended[1].report["events"]["resent"] == 0
        trial.assert_base(repeats=0, unseen_requests=ended.report["requests"])


def test_a_name_that_nobody_knows_ends_the_patience(job: Job, begin: Callable[..., Trial]) -> None:
    trial = begin(job, patience_seconds=1, connect_timeout_seconds=3)  # where there is no resolver, nobody answers
    ended = trial.importer.run_here(job.mapping, job.source, "http://nowhere.invalid", *job.options)
    assert (ended.code, ended.report["status"]) == (5, "incomplete")
    assert ended.report["seconds"] >= 1
    assert "nowhere.invalid was not found" in ended.stderr or "nowhere.invalid within 3 s" in ended.stderr
    assert (ended.report["rows"]["sent"], ended.report["rows"]["pending"] > 0) == (0, True)
    assert_sums(ended)
    assert_no_secret(trial.importer, [ended])


def test_a_port_where_nobody_listens_ends_the_patience_and_the_same_command_goes_on(
    job: Job, begin: Callable[..., Trial]
) -> None:
    trial = begin(job, patience_seconds=1)
    trial.end_server()
    with socket.socket() as holder:  # nobody else gets the port
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", urlsplit(trial.oracle.url).port or 0))
        ended = trial.run()
    assert (ended.code, ended.report["rows"]["sent"]) == (5, 0)
    assert ended.report["seconds"] >= 1
    assert "connection refused" in ended.stderr

    with trial.reborn():
        trial.run()
        assert trial.ended[1].report["events"]["resent"] == 0
        trial.assert_base(repeats=0, unseen_requests=ended.report["requests"])


# row 12: redirects


@contextmanager
def trap() -> Iterator[str]:
    """A URL to which nobody may connect."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.setblocking(False)  # noqa: FBT003
        with pytest.raises(BlockingIOError):
            listener.accept()


def assert_refused(trial: Trial, status: str) -> None:
    """It stopped at once, said why, and marked nothing of that as sent."""
    ended = trial.ended[-1]
    rows = ended.report["rows"]
    assert (ended.code, ended.report["status"]) == (6, "refused")
    assert status in ended.stderr
    assert "--url" in ended.stderr
    assert 1 <= len(trial.record.struck()) <= CONCURRENCY
    assert rows["sent"] == len(trial.record.acknowledged)
    assert rows["pending"] > 0


@pytest.mark.parametrize(
    ("status", "where", "first"),
    [(301, "same", 1), (302, "other", 1), (303, "other", 6), (307, "http", 1), (308, "same", 6)],
)
def test_a_redirect_is_never_followed(
    status: int, where: str, first: int, job: Job, authority: trustme.CA, begin: Callable[..., Trial]
) -> None:
    if where == "http":
        ca_file = str(job.source.parent / "ca.pem")
        options = ("--certificate", certificate(authority, job.source.parent))
        trial = begin(replace(job, options=(*BODY, "--ca-file", ca_file)), *options, **PATIENCE)
    else:
        trial = begin(job, **PATIENCE)
    with trap() as other:
        place = trial.oracle.url if where == "same" else other
        headers = {"Location": f"{place}/events/batch?{{query}}"}
        trial.plan(Schedule((Fault("answer", at="read", status=status, headers=headers, first=first),)))
        trial.run()
    assert_refused(trial, f"{status} redirect")
    assert len(trial.record.arrivals) == len(trial.record.struck()) + first - 1

    trial.calm()
    trial.run()
    trial.assert_base(repeats=0)


# row 13: 200, and yet not


@pytest.mark.parametrize(("headers", "first"), [(HTML_HEADERS, 1), ({}, 6), ({"Content-Type": "text/plain"}, 1)])
def test_a_page_is_no_answer_of_the_api(
    headers: dict[str, str], first: int, job: Job, begin: Callable[..., Trial]
) -> None:
    trial = begin(job)
    trial.plan(Schedule((Fault("answer", at="read", status=200, headers=headers, body=HTML_BODY, first=first),)))
    trial.run()
    assert_refused(trial, "HTML page")

    trial.calm()
    trial.run()
    trial.assert_base(repeats=0)


@pytest.mark.parametrize(("status", "body"), [(200, ""), (204, ""), (202, "thanks")])
def test_an_empty_answer_is_an_answer(status: int, body: str, job: Job, begin: Callable[..., Trial]) -> None:
    trial = begin(job)
    trial.plan(Schedule((Fault("answer", at="stored", status=status, body=body),)))
    trial.run()
    trial.assert_base(repeats=0)
