from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.profiles import BATCH, PROFILES, SINGLE, Action, collect_verdict, printable, retry_after_seconds
from importer.records import Response

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_the_vendor_s_limits() -> None:
    """The vendor's page on the HTTP Tracking API: 32KB an event, 500KB a batch, 500 requests a second."""
    assert (BATCH.max_body_bytes, BATCH.max_item_bytes, BATCH.max_items) == (500_000, 32_000, 2_000)
    assert (SINGLE.max_body_bytes, SINGLE.max_item_bytes, SINGLE.max_items) == (32_000, 32_000, 1)
    assert (BATCH.path, SINGLE.path) == ("/events/batch", "/events")
    for name, profile in PROFILES.items():
        assert profile.name == name
        assert (profile.method, profile.site_parameter, profile.key_parameter) == ("POST", "tc_s", "token")
        assert profile.requests_per_second == 500


@pytest.mark.parametrize(
    ("statuses", "action"),
    [
        ([200, 202, 204], Action.ACCEPT),
        ([400, 413], Action.SPLIT),
        ([408, 429, 500, 501, 502, 503, 504, 520, 599], Action.RETRY),
        ([401, 403, 404, 300, 301, 302, 303, 304, 307, 308, 405, 407, 410, 415, 418, 201, 206], Action.REFUSE),
    ],
)
def test_the_table_of_verdicts(statuses: list[int], action: Action) -> None:
    for status in statuses:
        verdict = collect_verdict(Response(status), NOW)
        assert verdict.action is action, status
        if action is not Action.ACCEPT:
            assert str(status) in verdict.reason
            assert verdict.code == f"http_{status}"
        assert bool(verdict.hint) == (action is Action.REFUSE)
        assert verdict.ambiguous == (action is Action.RETRY and status != 429)


@pytest.mark.parametrize(
    ("status", "word"),
    [(401, "IMPORTER_SOURCE_KEY"), (403, "--site"), (404, "--endpoint single"), (307, "--url"), (407, "--proxy")],
)
def test_a_refusal_says_what_to_check(status: int, word: str) -> None:
    assert word in collect_verdict(Response(status), NOW).hint


@pytest.mark.parametrize("status", [200, 202, 204])
@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"content-type": "text/HTML; charset=utf-8"}, ""),
        ({"content-type": "application/xhtml+xml"}, "x"),
        ({}, "<!DOCTYPE html>"),
        ({}, "\ufeff\r\n  <html lang=en>"),
    ],
)
def test_a_page_is_no_success(status: int, headers: dict[str, str], text: str) -> None:
    assert collect_verdict(Response(status, headers, text), NOW).action is Action.REFUSE


@pytest.mark.parametrize("text", ["", "{}", "OK", '{"html": "<html>"}'])
def test_whatever_else_comes_with_200_is_a_success(text: str) -> None:
    assert collect_verdict(Response(200, {"content-type": "application/json"}, text), NOW).action is Action.ACCEPT


def test_a_reason_has_the_words_of_the_server_but_no_page() -> None:
    assert collect_verdict(Response(400, {}, '{"error":"no id"}'), NOW).reason == '400 Bad Request: {"error":"no id"}'
    assert collect_verdict(Response(502, {}, "<html>" + "x" * 900), NOW).reason == "502 Bad Gateway: an HTML page"
    assert collect_verdict(Response(599), NOW).reason == "599 (no standard status)"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 2 ", 2),
        ("0", 0),
        ("1.5", 1.5),
        ("1e9", 1e9),
        ("9" * 400, float("inf")),
        ("-1", None),
        ("nan", None),
        ("", None),
        ("soon", None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 13:00:30 +0100", 30),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2020 12:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 251_630_150_399),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == (pytest.approx(seconds) if seconds is not None else None)


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,9} [A-Z][a-z]{2} \d{1,25} \d\d:\d{2,9}:\d\d [+-]?\w{1,9}"))
def test_no_header_of_a_server_is_an_error(value: str) -> None:
    seconds = retry_after_seconds(value, NOW)
    assert seconds is None or seconds >= 0


@given(st.text(), st.integers(1, 50))
def test_foreign_text_is_printed_on_one_line(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit


def test_escape_sequences_and_direction_marks_are_taken_out() -> None:
    assert printable("a\x1b[2Jb\u202ec\x9bd\r\ne") == "a [2Jb c d e"
