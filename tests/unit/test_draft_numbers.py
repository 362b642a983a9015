"""Decimal signs, thousands and currencies in texts."""

from __future__ import annotations

import polars as pl
import pytest

from importer.draft.numbers import cast_sql, is_like_number, numbers_of, share_of_numbers, sign_of
from importer.mapping.numbers import NumberFormat


@pytest.mark.parametrize(
    ("texts", "decimal", "thousands"),
    [
        (["1", "2"], ".", None),
        (["1.5", "22.75"], ".", None),
        (["1,5", "22,75"], ",", None),
        (["1,234.50", "7.25"], ".", ","),
        (["1.234,50", "7,25"], ",", "."),
        (["1 234,50", "7,25"], ",", " "),
        (["1\u202f234,50", "7,25"], ",", " "),
        (["1'234.50", "7.25"], ".", "'"),
        (["1 234.50", "7.25"], ".", " "),
    ],
)
def test_the_format_that_reads_all_of_them(texts: list[str], decimal: str, thousands: str | None) -> None:
    found = numbers_of([pl.Series(texts)])
    assert (found.format, found.other) == (NumberFormat(decimal, thousands), None)


@pytest.mark.parametrize("texts", [["1,234", "5,678"], ["1.234", "5.678"]])
def test_what_may_be_decimals_or_thousands_stays_open(texts: list[str]) -> None:
    assert numbers_of([pl.Series(texts)]).other is not None


def test_one_telling_number_of_another_column_settles_it() -> None:
    assert numbers_of([pl.Series(["1,234", "5,678"]), pl.Series(["0,5"])]).other is None


def test_the_example_is_a_number_and_no_telephone() -> None:
    found = numbers_of([pl.Series(["06 97 53 59 00"]), pl.Series(["1 249,50", "1 000,00"])])
    assert (found.format, found.example) == (NumberFormat(",", " "), "1 249,50")


def test_a_few_texts_among_numbers_are_errors_of_the_data() -> None:
    values, counts = pl.Series(["1", "2", "two"]), pl.Series([50, 49, 1])
    assert share_of_numbers(values, counts, NumberFormat()) == 0.99


def test_what_looks_like_a_number() -> None:
    assert is_like_number(pl.Series(["1 234,5", "-7", "1e5", ".5"]))
    assert not is_like_number(pl.Series(["12/2024", "A1"]))


@pytest.mark.parametrize(
    ("texts", "sign"), [(["12,50 €", "3 €"], "€"), (["$1.50"], "$"), (["1 CHF"], "CHF"), (["1.5"], None)]
)
def test_signs_of_currencies(texts: list[str], sign: str | None) -> None:
    assert sign_of(pl.Series(texts)) == sign


@pytest.mark.parametrize(
    ("cell", "sign", "item", "number"),
    [
        ("12,50 €", "€", NumberFormat(","), 12.5),
        ("1\u00a0234,50 €", "€", NumberFormat(",", " "), 1234.5),
        ("$1,234.50", "$", NumberFormat(".", ","), 1234.5),
        ("1'234.50 CHF", "CHF", NumberFormat(".", "'"), 1234.5),
    ],
)
def test_sql_for_numbers_with_a_sign(cell: str, sign: str, item: NumberFormat, number: float) -> None:
    value = pl.sql_expr(cast_sql("price", sign, item))
    assert pl.DataFrame({"price": [cell]}).select(value).item() == number
