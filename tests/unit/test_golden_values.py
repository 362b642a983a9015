"""Scoreboard row 18, the golden table: what one cell becomes in JSON, for each type that its target may have.

Each line is a promise. What stands here is the very text of the member; ``REJECT`` is a row that is not sent, and
``None`` a member that is left out.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from encoding import HEAD, run

REJECT = "rejected"
FRENCH = HEAD + 'source: {decimal: ",", thousands: " "}\n'
Texts = list[str | None]


def sent(column: pl.Series, field: str = "{column: c}", head: str = HEAD) -> Texts:
    """What the member ``order.x`` is for each cell, after a look at each whole event with a strict reader."""
    result = run(f"  order.x: {field}\n", column.alias("c").to_frame(), head=head, is_text=column.dtype == pl.String)
    found: dict[int, str | None] = dict.fromkeys(result.rejects, REJECT)
    for row, text in zip(result.encoded.rows, result.texts, strict=True):
        event = strict_json(text)
        _, has_member, rest = text.partition('"order":{"x":')
        found[int(row)] = rest[: rest.index('},"context"')] if has_member else None
        assert has_member or "order" not in event
    return [found[row] for row in sorted(found)]


def strict_json(text: str) -> Any:  # noqa: ANN401  any JSON
    """JSON as its standard has it: no NaN, no member twice, no half of a character; numbers with all their digits."""
    json.loads(text).__repr__().encode()
    return json.loads(text, parse_constant=_refuse, parse_float=Decimal, object_pairs_hook=_once)


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


# A cell of a CSV file; as type: number, as type: integer. As text, it is always itself.
NUMBERS: list[tuple[str, str | None, str | None]] = [
    ("NaN", REJECT, REJECT),
    ("nan", REJECT, REJECT),
    ("inf", REJECT, REJECT),
    ("-Infinity", REJECT, REJECT),
    ("1e400", REJECT, REJECT),
    ("-1e400", REJECT, REJECT),
    ("1.7976931348623157e308", "1.7976931348623157e308", REJECT),
    ("1.7976931348623159e308", REJECT, REJECT),
    ("5e-324", "5e-324", REJECT),
    ("1e-400", "1e-400", REJECT),  # nearly nothing is not nothing: its own digits
    ("0", "0", "0"),
    ("-0", "-0", "-0"),
    ("-0.0", "-0.0", "-0"),
    ("9007199254740993", "9007199254740993", "9007199254740993"),  # 2^53 + 1
    ("9223372036854775807", "9223372036854775807", "9223372036854775807"),
    ("9223372036854775808", "9223372036854775808", "9223372036854775808"),  # 2^63
    ("-9223372036854775809", "-9223372036854775809", "-9223372036854775809"),
    ("1" * 42, "1" * 42, "1" * 42),
    ("99999999999999999999999999999999999999.99", "99999999999999999999999999999999999999.99", REJECT),
    ("0.30000000000000004", "0.30000000000000004", REJECT),
    ("0.1", "0.1", REJECT),
    ("1.50", "1.50", REJECT),
    ("12.0", "12.0", "12"),
    ("1e5", "1e5", REJECT),  # digits are not moved about
    ("1E+05", "1E+05", REJECT),
    ("007", "7", "7"),
    ("-007", "-7", "-7"),
    ("00", "0", "0"),
    ("+7", "7", "7"),
    (".5", "0.5", REJECT),
    ("5.", "5", "5"),
    (" 7 ", "7", "7"),
    ("7\n", "7", "7"),
    ("", None, None),
    ("  ", REJECT, REJECT),  # blanks are a value: `clean: trim` makes them nothing
    ("1,5", REJECT, REJECT),
    ("1 000", REJECT, REJECT),
    ("1_000", REJECT, REJECT),
    ("0x1F", REJECT, REJECT),
    ("1.0.0", REJECT, REJECT),
    ("--1", REJECT, REJECT),
    ("\u22125", REJECT, REJECT),  # a minus sign of typographers
    ("\u0663", REJECT, REJECT),  # a digit of another script
    ("\uff11\uff12", REJECT, REJECT),
    ("5\0", REJECT, REJECT),
    ("\ufeff5", REJECT, REJECT),
    ("10%", REJECT, REJECT),
    ("5\u20ac", REJECT, REJECT),
    ("true", REJECT, REJECT),
    ("null", REJECT, REJECT),
]
CELLS = pl.Series([cell for cell, *_ in NUMBERS], dtype=pl.String)


@pytest.mark.parametrize(("kind", "place"), [("number", 1), ("integer", 2)])
def test_a_cell_of_a_csv_as_a_number(kind: str, place: int) -> None:
    expected = [line[place] for line in NUMBERS]
    field = f"{{column: c, type: {kind}}}"
    assert sent(CELLS, field) == expected
    assert [sent(CELLS[row : row + 1], field)[0] for row in range(len(CELLS))] == expected, "neighbours change nothing"


@pytest.mark.parametrize("field", ["{column: c}", "{column: c, type: string}", "{sql: c}"])
def test_a_cell_of_a_csv_as_text_is_itself_with_all_its_zeros(field: str) -> None:
    texts = sent(CELLS, field)
    assert [text and json.loads(text) for text in texts] == [cell or None for cell in CELLS]


def test_with_a_decimal_comma_a_point_is_no_number() -> None:
    cells = pl.Series(["1,5", "1 000,50", "1\u00a0000", "1\u202f000", "1.5", "1,000.5", "1 00", "10 00,5", ",5", "5,"])
    expected = ["1.5", "1000.50", "1000", "1000", REJECT, REJECT, REJECT, REJECT, "0.5", "5"]
    assert sent(cells, "{column: c, type: number}", FRENCH) == expected


def test_a_cell_that_is_computed_with_is_a_double_or_rejected() -> None:
    cells = pl.Series(["NaN", "1e400", "9007199254740993", "9223372036854775808", "1e-400", "-0", "0.10", "007", "1,5"])
    number = HEAD + "source: {columns: {c: number}}\n"
    assert sent(cells, "{sql: c}", number) == [
        REJECT, REJECT, REJECT, "9.223372036854776e+18", "0.0", "-0.0", "0.1", "7.0", REJECT,
    ]  # fmt: skip
    integer = HEAD + "source: {columns: {c: integer}}\n"
    assert sent(cells, "{sql: c}", integer) == [
        REJECT, REJECT, "9007199254740993", REJECT, REJECT, "0", REJECT, "7", REJECT,
    ]  # fmt: skip


D38 = pl.Decimal(38, 2)
FLOATS = [float("nan"), float("inf"), -float("inf"), -0.0, 2.0**53, 2.0**63, 1e300, 0.1, 12.0, 5e-324, None]
FLOAT_TEXTS: Texts = [
    REJECT, REJECT, REJECT, "-0.0", "9007199254740992.0", "9.223372036854776e+18", "1e+300", "0.1", "12.0", "5e-324",
    None,
]  # fmt: skip
FLOATS_AS_INTEGERS: Texts = [
    REJECT, REJECT, REJECT, "0", "9007199254740992", REJECT, REJECT, REJECT, "12", REJECT, None,
]  # fmt: skip
SIGNED = {pl.Int8(): 7, pl.Int16(): 15, pl.Int32(): 31, pl.Int64(): 63, pl.Int128(): 127}
UNSIGNED = {pl.UInt8(): 8, pl.UInt16(): 16, pl.UInt32(): 32, pl.UInt64(): 64}
# A column of Parquet; its values, and what they become by themselves or as type: number, and as type: integer.
TYPED: list[tuple[Any, list[Any], Texts, Texts]] = [
    (pl.Float64(), FLOATS, FLOAT_TEXTS, FLOATS_AS_INTEGERS),
    (pl.Float32(), [0.1, 2.0**24, float("nan")], ["0.1", "16777216.0", REJECT], [REJECT, "16777216", REJECT]),
    (
        D38,
        [Decimal("9" * 36 + ".99"), Decimal("12.00"), Decimal("-0.50"), None],
        ["9" * 36 + ".99", "12.00", "-0.50", None],
        [REJECT, "12", REJECT, None],
    ),
    (pl.Decimal(38, 38), [Decimal("0." + "1" * 38)], ["0." + "1" * 38], [REJECT]),
    *(
        (dtype, [2**bits - 1, None], [str(2**bits - 1), None], [str(2**bits - 1), None])
        for dtype, bits in (SIGNED | UNSIGNED).items()
    ),
    *((dtype, [-(2**bits)], [str(-(2**bits))], [str(-(2**bits))]) for dtype, bits in SIGNED.items()),
]


@pytest.mark.parametrize(("dtype", "values", "number", "integer"), TYPED, ids=[str(line[0]) for line in TYPED])
def test_a_number_of_parquet(dtype: Any, values: list[Any], number: Texts, integer: Texts) -> None:  # noqa: ANN401
    column = pl.Series(values, dtype=dtype)
    assert sent(column) == number
    assert sent(column, "{column: c, type: number}") == number
    assert sent(column, "{column: c, type: integer}") == integer


@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt64, pl.Int128, D38])
def test_a_whole_number_of_parquet_is_text_by_its_digits(dtype: Any) -> None:  # noqa: ANN401  a type
    column = pl.Series([7, 2**53 + 1], dtype=pl.Int64).cast(dtype)
    point = ".00" if dtype is D38 else ""
    assert sent(column, "{column: c, type: string}") == [f'"7{point}"', f'"{2**53 + 1}{point}"']


def test_any_other_value_of_parquet_is_text_true_or_false() -> None:
    assert sent(pl.Series([True, False, None])) == ["true", "false", None]
    assert sent(pl.Series(["007", "", None], dtype=pl.Categorical)) == ['"007"', None, None]
    assert sent(pl.Series([["007", None, ""], [], None])) == ['["007"]', None, None]
    assert sent(pl.Series([[1.5, float("nan")], [float("inf")], [0.5]])) == [REJECT, REJECT, "[0.5]"]
    assert sent(pl.Series([[2**64 - 1, None], [None]], dtype=pl.List(pl.UInt64))) == [f"[{2**64 - 1}]", None]
