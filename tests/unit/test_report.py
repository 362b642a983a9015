from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import digest_of, make_batches

from importer.errors import (
    DestinationRefused,
    DestinationUnavailable,
    ExitCode,
    Imbalance,
    ImporterError,
    ImportLocked,
    Interrupted,
    SourceChanged,
    StateUnusable,
    TooManyRejects,
    UsageInvalid,
)
from importer.records import Ack, Piece, Refusal, Reject, Span
from importer.report import Example, Findings, Report, Rows, SizeHistogram, printable, render_text


def a_reject(row: int, code: str = "bad_number", message: str = 'value: "x" is no number', source: int = 0) -> Reject:
    return Reject(source, f"{'ab'[source]}.csv", row, row, "mapping", code, message)


def a_report() -> Report:
    report = Report(max_body_bytes=1000)
    [first, second] = make_batches(8, 4)
    rejects = (a_reject(9), a_reject(10))
    wider = replace(first, filtered=2, rejects=rejects, spans=(Span(0, 1, 5), Span(0, 9, 13)))
    report.settle(Ack(wider, first.digest()))
    refusal = Refusal(
        Piece(second.pieces[0].encoded, second.pieces[0].start, second.pieces[0].start + 1), (a_reject(5, "refused"),)
    )
    report.settle(Ack(second, digest_of([6, 7, 8]), (refusal,)), resent=2)
    report.rows.read = 12
    return report


def test_batches_are_counted_by_fate() -> None:
    report = a_report()
    assert report.rows == Rows(read=12, sent=7, filtered=2, rejected=3)
    assert (report.events.accepted, report.events.rejected, report.events.resent) == (7, 1, 2)
    assert report.digest == digest_of([1, 2, 3, 4, 6, 7, 8])
    assert {code: finding.count for code, finding in report.reject_codes.items()} == {"bad_number": 2, "refused": 1}
    report.balance()


@pytest.mark.parametrize(
    "change", [{"read": 13}, {"read": 11}, {"pending": 1}, {"skipped": 1}, {"sent": 19, "filtered": -10}]
)
def test_rows_without_exactly_one_fate_are_a_bug(change: dict[str, int]) -> None:
    report = a_report()
    report.rows = replace(report.rows, **change)
    with pytest.raises(Imbalance, match="rows were read, but"):
        report.balance()


def test_pending_and_skipped_rows_are_fates() -> None:
    Report(rows=Rows(read=10, sent=1, filtered=2, rejected=1, duplicate=1, skipped=2, pending=3)).balance()


def test_examples_are_the_first_in_the_order_of_the_sources() -> None:
    findings = Findings()
    for source, row in [(1, 2), (0, 9), (0, 30), (0, 4), (1, 1), (0, 4)]:
        findings.note("bad", [Example((source, row), "ab"[source], "m" * 10_000)])
    assert findings["bad"].count == 6
    assert [example.order for example in findings["bad"].examples] == [(0, 4), (0, 9), (0, 30)]
    assert len(findings["bad"].examples[0].message) == 500


def test_the_most_frequent_comes_first() -> None:
    findings = Findings()
    for code, count in (("b", 1), ("c", 7), ("a", 1)):
        findings.note(code, [], count)
    assert [code for code, _ in findings.most_frequent()] == ["c", "a", "b"]


def test_sizes_are_exact_where_events_are() -> None:
    sizes = SizeHistogram()
    assert sizes.to_json() == {"median": 0, "p99": 0, "largest": 0}
    sizes.add((size, 1) for size in range(1, 101))
    assert sizes.to_json() == {"median": 50, "p99": 99, "largest": 100}
    sizes.add([(5_000_000, 1), (70_000, 400)])
    assert sizes.to_json() == {"median": 5_000_000, "p99": 5_000_000, "largest": 5_000_000}
    assert len(sizes._counts) == 101  # bounded, whatever comes


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (UsageInvalid("x"), 2, "invalid"),
        (SourceChanged("x"), 4, "invalid"),
        (DestinationUnavailable("x"), 5, "incomplete"),
        (DestinationRefused("x"), 6, "refused"),
        (StateUnusable("x"), 7, "incomplete"),
        (TooManyRejects("x"), 8, "incomplete"),
        (ImportLocked("x"), 11, "incomplete"),
        (Interrupted(signal.SIGINT), 130, "interrupted"),
        (Interrupted(signal.SIGTERM), 143, "interrupted"),
        (Imbalance("x"), 1, "incomplete"),
        (ZeroDivisionError("x"), 1, "incomplete"),
    ],
)
def test_what_stopped_the_run_decides_code_and_status(error: BaseException, code: int, status: str) -> None:
    report = a_report()
    report.conclude(error)
    assert (report.exit_code, report.status) == (code, status)
    assert report.error is not None
    assert report.error.type == type(error).__name__
    text = render_text(report)
    assert f"exit code   {code}" in text
    assert report.error.message in text


def test_exit_3_only_when_nothing_stopped_the_run() -> None:
    report = a_report()
    report.conclude()
    assert (report.exit_code, report.status) == (ExitCode.ROWS_REJECTED, "complete")
    clean = Report(rows=Rows(read=1, sent=1))
    clean.conclude()
    assert (clean.exit_code, clean.status) == (ExitCode.DONE, "complete")
    resumed = Report(rows=Rows(read=3, sent=1, skipped=2), rejected_earlier=1)
    resumed.conclude()
    assert resumed.exit_code == ExitCode.ROWS_REJECTED


def test_a_run_that_found_nothing_new_says_so() -> None:
    report = Report(rows=Rows(read=3, skipped=3))
    report.conclude()
    assert (report.exit_code, report.status) == (0, "nothing_new")
    assert render_text(report).startswith("Nothing new")
    pending = Report(rows=Rows(read=3, skipped=1, pending=2))
    pending.conclude()
    assert pending.status == "incomplete"


def test_json_is_one_strict_line_with_the_documented_fields() -> None:
    report = a_report()
    report.checkpoint, report.rejects = Path("/s/a.sqlite"), Path("/s/r.ndjson")
    report.reject_codes.note("evil", [Example((0, 1), "\u2028\x1b\udcff", "é\n")])
    report.conclude(DestinationRefused("401 Unauthorized", "Check the key."))
    line = report.render_json()
    assert line.isascii()
    assert "\n" not in line
    body: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    documented = (
        "status",
        "exit_code",
        "rows",
        "events",
        "warnings",
        "requests",
        "retries",
        "bytes_sent",
        "seconds",
        "digest",
        "checkpoint",
        "rejects",
        "error",
    )
    assert tuple(body)[: len(documented)] == documented
    assert body["rows"] == {
        "read": 12,
        "sent": 7,
        "filtered": 2,
        "rejected": 3,
        "duplicate": 0,
        "skipped": 0,
        "pending": 0,
    }
    assert body["events"] == {"accepted": 7, "rejected": 1, "resent": 2}
    assert body["error"] == {"type": "DestinationRefused", "message": "401 Unauthorized", "hint": "Check the key."}
    assert len(body["digest"]) == 32
    assert int(body["digest"], 16) == report.digest
    assert body["reject_codes"]["bad_number"]["examples"][0] == {
        "file": "a.csv",
        "row": 9,
        "message": 'value: "x" is no number',
    }


def test_a_run_that_did_nothing_has_a_report_too() -> None:
    body = json.loads(Report().render_json())
    assert body["digest"] == "0" * 32
    assert (body["checkpoint"], body["rejects"], body["error"], body["fill"]) == (None, None, None, None)
    assert render_text(Report())


def test_the_text_is_for_people() -> None:
    report = a_report()
    report.rows.read = report.rows.sent = 1_234_567
    report.requests, report.retries, report.bytes_sent, report.seconds = 500, 3, 440_000_000, 3725.0
    for body_bytes in (990, 970):
        report.pack(body_bytes)
    report.sizes.add([(667, 5)])
    report.conclude()
    assert render_text(report).splitlines() == [
        "Import complete",
        "",
        "rows           1,234,567 read",
        "               1,234,567 sent",
        "                       2 filtered",
        "                       3 rejected",
        "events                 7 accepted",
        "                       1 rejected by the destination",
        "                       2 at most were sent more than once, with the same ids and bytes",
        "requests             500 sent (3 of them retries), 440,000,000 bytes in 1 h 02 min",
        "batches                2 bodies, on average 98.0% full",
        "sizes                667 bytes for the median event",
        "                     667 for 99 of 100 events at most",
        "                     667 for the largest",
        "",
        "Rejects by reason",
        "               2  bad_number",
        '                  a.csv:9: value: "x" is no number',
        "               1  refused",
        '                  a.csv:5: value: "x" is no number',
        "",
        f"digest      {report.digest:032x}",
        "exit code   3",
        "",
        "Next: Look into the rejects file, correct the mapping, and give both to `importer retry`.",
    ]


def test_text_of_others_steers_no_terminal() -> None:
    report = a_report()
    report.reject_codes.note("evil", [Example((0, 1), "\x1b]0;x\x07.csv", "a\nfake line\u202e\x9b\udcff\r")])
    report.rejects = Path("/s/\x1b[2J")
    report.conclude(ImporterError("bad \x1b[31m", "do \x08 this"))
    text = render_text(report)
    assert all(character.isprintable() or character == "\n" for character in text)
    assert r"\x1b]0;x\x07.csv:1: a\nfake line\u202e\x9b\udcff\r" in text
    assert printable("é\t😀\n") == "é\t😀\n"


def test_a_snapshot_counts_what_is_done() -> None:
    report = a_report()
    report.rows.skipped = 5
    assert report.snapshot(100) == (17, 100, 7, 3, "")
