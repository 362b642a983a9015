from typing import Any

import polars as pl
import pytest

from importer.mapping.sql import SqlInvalid, UnknownColumn, compile_sql

SCHEMA = {
    "a": pl.String(), "b": pl.String(), "x": pl.Float64(), "n": pl.Int64(), "d": pl.Datetime("us"),
    "s": pl.Struct({"city": pl.String, "zip": pl.Int64}), "a b": pl.String(),
}  # fmt: skip
ROWS = {"a": ["1", "zz", None], "b": ["x", None, "z"], "x": [1.0, 2.0, None], "n": [3, 4, None], "d": [None] * 3}
FRAME = pl.DataFrame({**ROWS, "s": [{"city": "Lyon", "zip": 1}, None, None], "a b": ["q"] * 3}, schema=SCHEMA)


def values(text: str) -> list[Any]:
    return FRAME.with_columns(v=compile_sql(text, SCHEMA, frozenset()).expr)["v"].to_list()


def lost(text: str) -> list[bool] | None:
    expr = compile_sql(text, SCHEMA, frozenset()).lost
    return None if expr is None else FRAME.with_columns(v=expr.fill_null(value=False))["v"].to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x + 1", [2.0, 3.0, None]),
        ("n / 2", [1.5, 2.0, None]),
        ("CASE WHEN b = 'x' THEN 'yes' ELSE 'no' END", ["yes", "no", "no"]),
        ("COALESCE(b, 'none')", ["x", "none", "z"]),
        ("UPPER(a) || '-' || \"a b\"", ["1-q", "ZZ-q", None]),
        ("a IN ('1', 'zz')", [True, True, None]),
        ("a NOT LIKE 'z%'", [True, False, None]),
        ("n BETWEEN 3 AND 3", [True, False, None]),
        ("b IS NOT NULL", [True, False, True]),
        ("s.city", ["Lyon", None, None]),
        ("SUBSTR(a, 1, 1)", ["1", "z", None]),
        ("SPLIT_PART(a, 'z', 1)", ["1", "", None]),
        ("POW(x, 2)", [1.0, 4.0, None]),
        ("TRY_CAST(a AS INT)", [1, None, None]),
        ("REGEXP_LIKE(a, '^[0-9]+$')", [True, False, None]),
        ("'now()' || a", ["now()1", "now()zz", None]),
        ("7", [7, 7, 7]),
    ],
)
def test_values(text: str, expected: list[object] | None) -> None:
    assert values(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CAST(a AS DOUBLE)", [False, True, False]),
        ("a::int + 1", [False, True, False]),
        ("COALESCE(CAST(a AS DOUBLE), 0)", [False, True, False]),
        ("TRY_CAST(a AS DOUBLE)", None),
        ("CASE WHEN b = 'x' THEN CAST(a AS DOUBLE) ELSE 1 END", [False, False, False]),
        ("CASE WHEN b = 'x' THEN 1 ELSE CAST(a AS DOUBLE) END", [False, True, False]),  # b is null: ELSE is taken
        ("CASE WHEN a = 'zz' THEN 1 ELSE CAST(a AS DOUBLE) END", [False, False, False]),
    ],
)
def test_a_cast_that_loses_a_value_is_noticed_where_it_is_computed(text: str, expected: list[object] | None) -> None:
    assert lost(text) == expected


def test_a_cast_never_fails_a_chunk() -> None:
    assert values("CAST(a AS DOUBLE)") == [1.0, None, None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SUM(x)", "group_by"),
        ("COUNT(*)", "group_by"),
        ("FIRST(a)", "group_by"),
        ("ROW_NUMBER() OVER ()", "window"),
        ("AVG(x) OVER (PARTITION BY b)", "window"),
        ("(SELECT 1)", "not allowed"),
        ("NOW()", "NOW"),
        ('"NOW"()', "NOW"),
        ("now /* */ ()", "now"),
        ("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
        ("current_date", "current_date"),
        ("RANDOM()", "SQL"),
        ("x +", "SQL"),
        ("a; b", "SQL"),
        ("REGEXP_LIKE(a, b)", "pattern"),
        ("REGEXP_LIKE(a, '(')", "regex"),
        ("a[1] || x[1]", "does not fit"),
        ("STRPTIME(a, '%Y')", "Strptime"),
        ("a - b", "does not fit"),
    ],
)
def test_what_is_refused_says_why(text: str, said: str) -> None:
    with pytest.raises(SqlInvalid, match=r".*") as error:
        compile_sql(text, SCHEMA, frozenset())
    assert said in str(error.value)


@pytest.mark.parametrize(
    "text", ["a + 1", "a > 2", "a > 2.5", "a * x", "a / 2", "SUBSTR(b, 1, 1) || (a * 2)", "a BETWEEN 1 AND 2"]
)
def test_computing_with_untyped_text_shows_the_line_to_add(text: str) -> None:
    with pytest.raises(SqlInvalid) as error:
        compile_sql(text, SCHEMA, frozenset({"a", "b"}))
    assert 'source: {columns: {"a": number}}' in str(error.value)


def test_an_unknown_column_is_told_apart_and_the_nearest_is_named() -> None:
    with pytest.raises(UnknownColumn, match="did you mean `a b`"):
        compile_sql('"a_b" = 1', SCHEMA, frozenset())


def test_columns_and_type_are_known() -> None:
    found = compile_sql("CASE WHEN b = 'x' THEN x END", SCHEMA, frozenset())
    assert (found.columns, found.dtype) == ({"b", "x"}, pl.Float64())


def test_a_column_that_is_called_like_the_clock_is_a_column() -> None:
    assert compile_sql('"CURRENT_DATE"', {"CURRENT_DATE": pl.String()}, frozenset()).columns == {"CURRENT_DATE"}
