"""What is offered for a value that was rejected reads that very value."""

from __future__ import annotations

import json
import re
import time
from random import Random

import polars as pl
import pytest

from importer.mapping import hints
from importer.mapping.hints import number_hint, time_hint
from importer.mapping.numbers import NumberFormat
from importer.mapping.timestamps import format_problem
from tests.encoding import HEAD, run

POINT, COMMA = NumberFormat(is_of_csv=True), NumberFormat(",", is_of_csv=True)


@pytest.mark.parametrize(
    ("text", "numbers", "offered"),
    [
        ("12,50", POINT, ['{decimal: ","}']),
        ("-1234,5", POINT, ['{decimal: ","}']),
        ("1,234", POINT, ['{decimal: ","}', '{thousands: ","}']),
        ("1,234.50", POINT, ['{thousands: ","}']),
        ("1.234,50", POINT, ['{decimal: ",", thousands: "."}']),
        ("1 234,50", POINT, ['{decimal: ",", thousands: " "}']),
        ("1\u202f234", POINT, ['{thousands: " "}']),
        ("1'234.50", POINT, ['{thousands: "\'"}']),
        ("1.234.567", POINT, ['{decimal: ",", thousands: "."}']),
        ("12.50", COMMA, ['{decimal: "."}']),
        ("1.234,50", COMMA, ['{thousands: "."}']),
        ("1,23,4", POINT, []),
        ("abc", POINT, []),
        ("-", POINT, []),
        ("9" * 5000 + "x", POINT, []),
    ],
)
def test_other_signs_are_offered_where_they_read_the_value(
    text: str, numbers: NumberFormat, offered: list[str]
) -> None:
    hint = number_hint(numbers, whole=False)
    assert hint is not None
    said = hint(text)
    assert re.findall(r"`source: (\{.*?\})`", said) == offered
    for entries in offered:
        signs = json.loads(re.sub(r"(\w+):", r'"\1":', entries.replace('"\'"', '"\'"')))
        other = NumberFormat(signs.get("decimal", numbers.decimal), signs.get("thousands", numbers.thousands))
        assert pl.select(other.tokens(pl.lit(text))).item() is not None


def test_a_whole_number_is_offered_no_decimal_sign() -> None:
    hint = number_hint(POINT, whole=True)
    assert hint is not None
    assert hint("12,50") == ""
    assert hint("1,234") == '; with `,` between thousands, write `source: {thousands: ","}`'


def test_what_stands_around_a_number_is_named() -> None:
    hint = number_hint(POINT, whole=False)
    assert hint is not None
    assert hint("€12.50").startswith("; `€` is no part of a number")
    assert hint("12,50 EUR").startswith("; `EUR` is no part of a number")


def test_parquet_has_no_signs_to_choose() -> None:
    assert number_hint(NumberFormat(), whole=False) is None


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("31/12/2024", ["%d/%m/%Y"]),
        ("03/04/2024", ["%d/%m/%Y", "%m/%d/%Y"]),
        ("12/31/2024 9:05", ["%m/%d/%Y %H:%M"]),
        ("12/31/2024 10:00:00 PM", ["%m/%d/%Y %I:%M:%S %p"]),
        ("31.12.2024 10:00:01.25", ["%d.%m.%Y %H:%M:%S%.f"]),
        ("5 Mar 2024", ["%d %b %Y"]),
        ("March 5, 2024", ["%B %d, %Y"]),
        ("31-DEC-2024", ["%d-%b-%Y"]),
        ("20241231", ["%Y%m%d"]),
        ("20241231101500", ["%Y%m%d%H%M%S"]),
        ("2024-12-31 10:00:00 +0100", ["%Y-%m-%d %H:%M:%S %z"]),
        ("31/12/24", ["%d/%m/%y"]),
        ("31/12/2024 10h15", ["%d/%m/%Y %Hh%M"]),
        ("31/02/2024", []),
        ("31/12/0024", []),
        ("2024-13-31", []),
        ("hello", []),
    ],
)
def test_a_format_is_offered_where_it_reads_the_value(text: str, offered: list[str]) -> None:
    assert re.findall(r'"(%[^"]*)"', time_hint(())(text)) == offered
    for item in offered:
        field = f"  context.event_timestamp: {{column: t, format: {json.dumps(item)}}}\n"
        result = run(field, {"t": [text]}, head=HEAD + "timezone: UTC\n", is_text=True)
        assert result.rejects == {}
        assert result.events[0]["context"]["event_timestamp"] > 1_700_000_000_000


def test_every_format_that_may_be_offered_reads_a_whole_date() -> None:
    assert [item for item in hints._FORMATS if format_problem(item)] == []


@pytest.mark.parametrize(
    ("text", "unit"),
    [("1700000000", "s"), ("1700000000000", "ms"), ("1700000000000000", "us"), ("17" + "0" * 17, "ns")],
)
def test_a_unit_is_offered_for_numbers(text: str, unit: str) -> None:
    assert time_hint(())(text) == f"; write `unit: {unit}`"
    assert time_hint((), unit)(text) == ""
    field = f"  context.event_timestamp: {{column: t, unit: {unit}}}\n"
    assert run(field, {"t": [text]}, is_text=True).rejects == {}


def test_iso_8601_needs_no_format() -> None:
    assert time_hint(("%d/%m/%Y",))("2024-12-31") == "; it is ISO 8601, which needs no `format`"
    assert time_hint((), "s")("2024-12-31T10:00:00Z") == "; it is ISO 8601, which needs no `unit`"
    assert time_hint(())("2024-12-31 10:00:00") == ""
    assert time_hint(("%d/%m/%Y",))("31/12/2024") == ""
    assert time_hint((), is_date=True)("31/12/2024") == '; write `format: "%d/%m/%Y"`'


def test_rejects_and_explain_say_it() -> None:
    fields = (
        "  value: v\n  user.birthdate: {column: d}\n"
        "  context.event_timestamp: {column: t, unit: s}\n  items: {each: {quantity: q}}\n"
    )
    data = {"v": ["12,50"], "d": ["31/12/1990"], "t": ["1700000000000"], "q": ["1,000"]}
    ((code, message),) = run(fields, data, is_text=True).rejects.values()
    assert code == "type"
    assert '"12,50", which is not a number; with a decimal comma, write `source: {decimal: ","}`' in message
    assert 'not a date like YYYY-MM-DD; write `format: "%d/%m/%Y"`' in message
    assert "which is no time when it counts s since 1970; write `unit: ms`" in message
    assert 'write `source: {thousands: ","}`' in message


def test_a_million_rejects_cost_no_minute() -> None:
    hint = time_hint(())
    texts = [
        f"{day:02}/{month:02}/{year}" for year in range(1980, 2010) for month in range(1, 13) for day in range(1, 29)
    ]
    started = time.process_time()
    assert all(map(hint, texts))
    assert (time.process_time() - started) / len(texts) < 0.000_2  # some 20 microseconds


def test_texts_that_are_answered_as_one_have_the_same_answer() -> None:
    random = Random(7)  # noqa: S311  no secret
    for _ in range(2_000):
        text = f"{random.randint(0, 33):02}{random.choice('/.-')}{random.randint(0, 33)}/{random.randint(1899, 2102)}"
        text = random.choice([text, f"{text} {random.randint(0, 25):02}:{random.randint(0, 61):02}", f"{text} 1:59 PM"])
        answer = hints._time_hint.__wrapped__((), None, False, text)  # noqa: FBT003  the cache takes no keywords
        assert time_hint(())(text) == answer, text
        number = f"{random.randint(0, 3000)}{random.choice(',. ')}{random.randint(0, 3000):03}"
        number += random.choice(["", ",00", ",10"])
        for whole in (False, True):
            hint = number_hint(POINT, whole=whole)
            assert hint is not None
            assert hint(number) == hints._number_hint.__wrapped__(POINT, whole, number), number
