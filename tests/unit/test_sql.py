import math
from typing import Any

import polars as pl
import pytest

from importer.mapping.sql import SqlInvalid, UnknownColumn, compile_group_sql, compile_sql

SCHEMA = {
    "a": pl.String(), "b": pl.String(), "x": pl.Float64(), "n": pl.Int64(), "d": pl.Datetime("us"),
    "s": pl.Struct({"city": pl.String, "zip": pl.Int64}), "a b": pl.String(),
}  # fmt: skip
ROWS = {"a": ["1", "zz", None], "b": ["x", None, "z"], "x": [1.0, 2.0, None], "n": [3, 4, None], "d": [None] * 3}
FRAME = pl.DataFrame({**ROWS, "s": [{"city": "Lyon", "zip": 1}, None, None], "a b": ["q"] * 3}, schema=SCHEMA)


def values(text: str) -> list[Any]:
    return FRAME.with_columns(v=compile_sql(text, SCHEMA, frozenset()).expr)["v"].to_list()


def lost(text: str) -> list[bool] | None:
    found = compile_sql(text, SCHEMA, frozenset()).lost
    return None if found is None else FRAME.with_columns(v=found.where.fill_null(value=False))["v"].to_list()


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
        ("RANDOM()", "there is no function `RANDOM`"),
        ("x +", "SQL"),
        ("a; b", "SQL"),
        ("REGEXP_LIKE(a, b)", "pattern"),
        ("REGEXP_LIKE(a, '(')", "regex"),
        ("a[1] || x[1]", "does not fit"),
        ("STRPTIME(a, '%Y')", "the function STRPTIME"),
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


GROUPS = pl.DataFrame(
    {
        "g": [1, 1, 1, 2, 2, 3],
        "a": ["p", None, "q", None, None, "p"],
        "x": [0.1, 0.2, None, None, None, -1.5],
        "n": [3, 4, 4, None, None, 250],
        "flag": [True, False, None, None, None, True],
    },
    schema_overrides={"n": pl.UInt8},
)
TYPES = dict(GROUPS.schema) | {"n": pl.Int64()}


def of_groups(text: str) -> list[Any]:
    """The value for each group, computed in the three steps."""
    found = compile_group_sql(text, TYPES, frozenset(), "p")
    lines = GROUPS.with_columns(pl.col("n").cast(pl.Int64)).with_columns(**found.arguments)
    groups = lines.group_by("g", maintain_order=True).agg(pl.exclude(found.arguments).first(), **found.aggregates)
    result = groups.with_columns(v=found.rest.expr)
    assert result.schema["v"] == found.rest.dtype
    return result["v"].to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SUM(x)", [0.1 + 0.2, None, -1.5]),  # the sum of nothing is nothing
        ("SUM(n)", [11, None, 250]),
        ("SUM(x * n)", [0.1 * 3 + 0.2 * 4, None, -375.0]),
        ("-SUM(n)", [-11, None, -250]),
        ("COUNT(*)", [3, 2, 1]),
        ("COUNT(x)", [2, 0, 1]),
        ("COUNT(x) - 5", [-3, -5, -4]),
        ("SUM(flag) - 5", [-4, None, -4]),
        ("COUNT(DISTINCT n)", [2, 0, 1]),
        ("MIN(n)", [3, None, 250]),
        ("MAX(a)", ["q", None, "p"]),
        ("AVG(n)", [11 / 3, None, 250.0]),
        ("MEDIAN(n)", [4.0, None, 250.0]),
        ("FIRST(a)", ["p", None, "p"]),
        ("LAST(a)", ["q", None, "p"]),
        ("STRING_AGG(a, '+')", ["p+q", None, "p"]),
        ("STRING_AGG(DISTINCT CAST(n AS VARCHAR), '+')", ["3+4", None, "250"]),
        ("ARRAY_AGG(n)", [[3, 4, 4], [None, None], [250]]),
        ("ARRAY_AGG(DISTINCT n)", [[3, 4], [None], [250]]),
        ("SUM(DISTINCT n)", [7, None, 250]),
        ("SUM(x) FILTER (WHERE n > 3)", [0.2, None, -1.5]),
        ("COUNT(*) FILTER (WHERE n > 3)", [2, 0, 1]),
        ("FIRST(a) FILTER (WHERE n = 4)", [None, None, None]),
        ("LAST(a) FILTER (WHERE n = 4)", ["q", None, None]),
        ("SUM(CASE WHEN flag THEN n END)", [3, None, 250]),
        ("a || '-' || COUNT(*)", ["p-3", None, "p-1"]),
        ("n + SUM(n)", [14, None, 500]),
        ("CASE WHEN COUNT(*) > 1 THEN 'many' ELSE a END", ["many", "many", "p"]),
        ("SUM(x) / COUNT(*)", [(0.1 + 0.2) / 3, None, -1.5]),
        ("UPPER(a)", ["P", None, "P"]),
        ("7", [7, 7, 7]),
    ],
)
def test_aggregates_see_all_lines_and_columns_are_those_of_the_first(text: str, expected: list[object]) -> None:
    assert of_groups(text) == expected


@pytest.mark.parametrize("text", ["MIN(x)", "MAX(x)", "SUM(x)", "AVG(x)"])
def test_a_nan_is_not_passed_over(text: str) -> None:
    found = compile_group_sql(text, TYPES, frozenset(), "p")
    lines = pl.DataFrame({"x": [1.0, float("nan"), 2.0]}).with_columns(**found.arguments)
    value = lines.select(**found.aggregates).select(v=found.rest.expr).item()
    assert math.isnan(value)


def lost_lines(text: str) -> list[tuple[list[int], list[int]]]:
    """For each CAST inside an aggregate: the lines that lost a value, and the groups whose value depends on it."""
    found = compile_group_sql(text, TYPES, frozenset(), "p")
    lines = GROUPS.with_row_index("line").with_columns(**found.arguments)
    groups = lines.group_by("g", maintain_order=True).agg(pl.exclude(found.arguments).first(), **found.aggregates)
    return [
        (lines.filter(loss.lost.where)["line"].to_list(), groups.filter(loss.decides)["g"].to_list())
        for loss in found.losses
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SUM(CAST(a AS DOUBLE))", [([0, 2, 5], [1, 2, 3])]),
        ("SUM(TRY_CAST(a AS DOUBLE))", []),
        ("SUM(CAST(a AS DOUBLE)) FILTER (WHERE n > 3)", [([2, 5], [1, 2, 3])]),
        ("CASE WHEN a = 'p' THEN SUM(CAST(a AS DOUBLE)) ELSE 0 END", [([0, 2, 5], [1, 3])]),
        ("CASE WHEN COUNT(*) = 1 THEN 0 ELSE SUM(CAST(a AS DOUBLE)) END", [([0, 2, 5], [1, 2])]),
        (
            "CASE WHEN flag THEN SUM(CAST(a AS DOUBLE)) ELSE MAX(CAST(a AS INT)) END",
            [([0, 2, 5], [1, 3]), ([0, 2, 5], [2])],
        ),
        ("CAST(SUM(n) AS VARCHAR)", []),
    ],
)
def test_a_cast_inside_an_aggregate_loses_values_line_by_line(
    text: str, expected: list[tuple[list[int], list[int]]]
) -> None:
    assert lost_lines(text) == expected


def test_a_cast_outside_an_aggregate_loses_values_group_by_group() -> None:
    found = compile_group_sql("CAST(a AS DOUBLE) + COUNT(*)", TYPES, frozenset(), "p")
    assert found.rest.lost is not None
    assert found.losses == ()
    firsts = pl.DataFrame({"a": ["1", "p", None], next(iter(found.aggregates)): [1, 1, 1]})
    assert firsts.select(v=found.rest.lost.where)["v"].to_list() == [False, True, False]


def test_columns_of_lines_and_of_groups_are_told_apart() -> None:
    found = compile_group_sql("SUM(x * n) - x", TYPES, frozenset(), "p")
    assert (found.rest.columns, found.line_columns) == ({"x"}, {"x", "n"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SUM(MAX(x))", "an aggregate inside an aggregate"),
        ("SUM(x) FILTER (WHERE COUNT(*) > 1)", "an aggregate inside an aggregate"),
        ("SUM(x) OVER ()", "window"),
        ("COUNT(*) OVER (PARTITION BY a)", "window"),
        ("ROW_NUMBER() OVER (ORDER BY x)", "window"),
        ("LAST_VALUE(a)", "write LAST(…)"),
        ("FIRST_VALUE(a)", "write FIRST(…)"),
        ("TOTAL(x)", "write SUM(…)"),
        ("SUM(1)", "SUM of a constant"),
        ("MAX('x')", "MAX of a constant"),
        ("STRING_AGG(a, ',' ORDER BY x)", "lines have the order of the source"),
        ("ARRAY_AGG(a LIMIT 2)", "not allowed"),
        ("STDDEV(x)", "STD is not allowed"),
        ("QUANTILE_CONT(x, 0.5)", "not allowed"),
        ("UNNEST(a)", "not allowed"),
        ("SUM(a || 'x')", "SUM needs numbers"),
        ("AVG(nope)", "no column 'nope'"),
        ("SUM(x) + a", "does not fit"),
        ("SUM(NOW())", "NOW"),
        ("SUM(x", "SQL"),
    ],
)
def test_what_is_refused_over_groups_says_why(text: str, said: str) -> None:
    with pytest.raises(SqlInvalid) as error:
        compile_group_sql(text, TYPES, frozenset(), "p")
    assert said in str(error.value)


@pytest.mark.parametrize(
    "text", ["SUM(a)", "AVG(a)", "MEDIAN(a)", "MIN(a)", "MAX(DISTINCT a)", "SUM(a * 2)", "MAX(a) FILTER (WHERE n > 1)"]
)
def test_aggregates_of_untyped_text_show_the_line_to_add(text: str) -> None:
    with pytest.raises(SqlInvalid) as error:
        compile_group_sql(text, TYPES, frozenset({"a"}), "p")
    assert 'source: {columns: {"a": number}}' in str(error.value)


@pytest.mark.parametrize("text", ["COUNT(a)", "FIRST(a)", "STRING_AGG(a, ',')", "COUNT(DISTINCT a)"])
def test_what_does_not_compare_takes_untyped_text(text: str) -> None:
    assert compile_group_sql(text, TYPES, frozenset({"a"}), "p").line_columns == {"a"}


@pytest.mark.parametrize("text", ["SUM(DISTINCT x)", "AVG(DISTINCT x)", "STRING_AGG(DISTINCT a, '+')"])
def test_distinct_keeps_the_order_of_the_lines(text: str) -> None:
    """Without that, floating point would be added in any order, and only now and then give another digit."""
    trees = [
        expr.meta.serialize(format="json")
        for expr in compile_group_sql(text, TYPES, frozenset(), "p").aggregates.values()
    ]
    assert any('"Unique":true' in tree for tree in trees)
    assert not any('"Unique":false' in tree for tree in trees)


WHOLE = pl.DataFrame(
    {"i": [2**63 - 1, -(2**63), 5, None], "u": [2**64 - 1, 3, 0, None], "y": [2, 200, 4, 5], "d": ["é"] * 4},
    schema={"i": pl.Int64, "u": pl.UInt64, "y": pl.UInt8, "d": pl.String},
)


def fitted(text: str) -> tuple[list[Any], list[int]]:
    """The values, and the rows in which one does not fit."""
    found = compile_sql(text, dict(WHOLE.schema), frozenset())
    values = WHOLE.with_columns(v=found.expr)
    assert values.schema["v"] == found.dtype
    assert found.lost is not None
    assert found.lost.code == "overflow"
    return values["v"].to_list(), WHOLE.with_row_index().filter(found.lost.where)["index"].to_list()


@pytest.mark.parametrize(
    ("text", "expected", "without"),
    [
        ("i + 1", [None, -(2**63) + 1, 6, None], [0]),
        ("i - 1", [2**63 - 2, None, 4, None], [1]),
        ("-i", [-(2**63) + 1, None, -5, None], [1]),
        ("ABS(i)", [2**63 - 1, None, 5, None], [1]),
        ("i * 3 - i * 2", [None, None, 5, None], [0, 1]),
        ("i * i", [None, None, 25, None], [0, 1]),
        ("u * u", [None, 9, 0, None], [0]),
        ("u + 1", [None, 4, 1, None], [0]),
        ("u - 5", [None, -2, -5, None], [0]),
        ("y * y", [4, 40_000, 16, 25], []),
        ("LENGTH(d) - 5", [-4] * 4, []),
        ("CASE WHEN y = 2 THEN 0 ELSE i + 1 END", [0, -(2**63) + 1, 6, None], []),
    ],
)
def test_a_whole_number_never_wraps_around(text: str, expected: list[object], without: list[int]) -> None:
    assert fitted(text) == (expected, without)


@pytest.mark.parametrize(("text", "expected"), [("POW(i, 2)", 25.0), ("POW(y, -1)", 0.25), ("i / 2", 2.5)])
def test_what_is_no_whole_number_is_floating_point(text: str, expected: float) -> None:
    assert WHOLE.select(v=compile_sql(text, dict(WHOLE.schema), frozenset()).expr)["v"][2] == expected


def test_a_column_of_unsigned_numbers_stays_as_it_is() -> None:
    found = compile_sql("COALESCE(u, i)", dict(WHOLE.schema), frozenset())
    assert found.lost is None
    assert WHOLE.select(v=found.expr)["v"].to_list() == [2**64 - 1, 3, 0, None]


def test_a_cast_and_a_sum_that_lose_values_are_told_apart() -> None:
    both = compile_sql("CAST(d AS BIGINT) + i", dict(WHOLE.schema), frozenset()).lost
    assert both is not None
    assert (both.code, "CAST" in both.message, "64 bits" in both.message) == ("cast", True, True)


@pytest.mark.parametrize(
    "text", ["CAST(d AS BOOLEAN)", "SPLIT_PART(n, '-', 1)", "CAST(d AS DECIMAL(10, 2))", "CAST(s AS BOOLEAN)"]
)
def test_what_fails_with_any_value_is_refused(text: str) -> None:
    with pytest.raises(SqlInvalid, match="does not fit the types of its columns"):
        compile_sql(text, SCHEMA, frozenset())


@pytest.mark.parametrize("text", ["CAST(1 AS DECIMAL(9, 2)) / (CAST(n AS DECIMAL(9, 2)) - 1)", "n // (n - 7)"])
def test_what_fails_with_some_value_is_not_refused(text: str) -> None:
    assert compile_sql(text, SCHEMA, frozenset()).columns == {"n"}


def test_a_name_with_a_line_feed_stays_on_one_line() -> None:
    schema = {"line\nfeed": pl.String(), "s": pl.Struct({"new\nname": pl.String()})}
    for text in ('"line\nfeed".n', "s.newname", "s.x"):
        with pytest.raises(SqlInvalid) as error:
            compile_sql(text, schema, frozenset())
        assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s.ctiy", "the struct `s` has no member 'ctiy'; did you mean `city`?"),
        ("UPPER(s.b)", "the struct `s` has no member 'b'; it has city, zip"),
        ("s.city.name", "`s.city` has no members: it is text"),
    ],
)
def test_a_member_that_a_struct_does_not_have_is_named_with_the_nearest(text: str, said: str) -> None:
    for compiled in (
        lambda: compile_sql(text, SCHEMA, frozenset()),
        lambda: compile_group_sql(f"COUNT({text})", SCHEMA, frozenset(), "p"),
    ):
        with pytest.raises(SqlInvalid) as error:
            compiled()
        assert said in str(error.value)
