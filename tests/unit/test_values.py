# ruff: noqa: DTZ001  wall clocks have no zone

import datetime as dt
import hashlib
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from importer.mapping.cells import Context, FieldInvalid, Value
from importer.mapping.models import FieldSpec
from importer.mapping.numbers import NumberFormat
from importer.mapping.values import build

PARIS = Context("Europe/Paris", NumberFormat(",", " "))


def column(
    values: object, kind: str | None = None, dtype: object = None, context: Context | None = None, **spec: object
) -> tuple[list[Any], list[int]]:
    """Values after the steps, and the rows that a check rejects."""
    series = pl.Series("c", values, dtype=dtype)
    value = build(
        FieldSpec(column="c", **spec), kind, Value(pl.col("c"), series.dtype), context or Context(), "column 'c'"
    )
    frame = series.to_frame()
    result = frame.select(v=value.expr)
    failed = (
        [
            any(row)
            for row in frame.select(
                pl.lit(value=False), *(c.failed.alias(str(i)) for i, c in enumerate(value.checks))
            ).iter_rows()
        ]
        if value.checks
        else []
    )
    assert result.schema["v"] == value.dtype
    return result["v"].to_list(), [i for i, is_failed in enumerate(failed) if is_failed]


def test_order_of_steps_clean_empty_split_map_type_default_hash() -> None:
    spec = {"clean": ("trim", "upper"), "split": "|", "map": {"A": "1", "B": "2"}, "default": [9]}
    values, failed = column([" a|b ", "  ", None, "a||b", "a|z"], "integer", **spec)
    assert values == [["1", "2"], ["9"], ["9"], ["1", "2"], ["1"]]
    assert failed == [4]


def test_default_comes_before_round_and_hash() -> None:
    assert column(["1.005", None], "number", default=2.345, round=2)[0] == ["1.01", "2.35"]
    assert column([None], "string", pl.String, default="x", hash="sha256")[0] == [hashlib.sha256(b"x").hexdigest()]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("md5", "8eb1b522f60d11fa897de1dc6351b7e8"),
        ("sha256", "836f82db99121b3481011f16b49dfa5fbc714a0d1b1b9f784a1ebbbf5b39577f"),
    ],
)
def test_hashes_of_the_vendor(name: str, expected: object) -> None:
    texts = [" John.Doe@Example.com ", None, " "]
    assert column(texts, "string", clean=("trim", "lower"), hash=name) == ([expected, None, None], [])


def test_clean() -> None:
    assert column([" +33 (0)6-12 "], clean=("digits",))[0] == ["330612"]
    assert column(["  É "], clean=("trim", "lower"))[0] == ["é"]


def test_empty_text_is_null_in_any_source() -> None:
    assert column(["", "a"])[0] == [None, "a"]
    assert column(["", "a"], dtype=pl.Categorical)[0] == [None, "a"]
    assert column(["", "a"], dtype=pl.Enum(["", "a"]))[0] == [None, "a"]
    assert column([["", "a"], [""], [], None])[0] == [["a"], None, None, None]


def test_leading_zeros_live_in_text_targets() -> None:
    assert column(["007", "0"], "string")[0] == ["007", "0"]


def test_a_column_of_nothing_is_empty_text() -> None:
    assert column([None, None], "number") == ([None, None], [])


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt64, pl.Int128])
def test_whole_numbers_stay_exact(dtype: object) -> None:
    big = {pl.Int8: 127, pl.UInt64: 2**64 - 1, pl.Int128: 2**100}[dtype]
    assert column([big], "number", dtype=dtype)[0] == [big]
    assert column([big], "string", dtype=dtype)[0] == [str(big)]


def test_decimals_keep_all_their_digits() -> None:
    number = Decimal("12345678901234567890123456789012345.678")
    assert column([number, None], "number", dtype=pl.Decimal(38, 3))[0] == [str(number), None]
    assert column([number], "string", dtype=pl.Decimal(38, 3))[0] == [str(number)]
    assert column([Decimal("12.00"), Decimal("12.50")], "integer") == (["12", None], [1])


def test_rounding_is_of_the_digits() -> None:
    texts = ["1.005", "-2.675", "12345678901234567.895", "1e3", "0.1", "7", "1e25", "-0.001"]
    expected = ["1.01", "-2.68", "12345678901234567.9", "1000", "0.1", "7"]
    values, failed = column(texts, "number", round=2)
    assert values[:6] == expected
    assert float(values[6]) == 1e25
    assert float(values[7]) == 0
    assert failed == []
    assert column([2.675, 2.5], round=0)[0] == [3.0, 3.0]


@pytest.mark.parametrize("kind", ["number", None])
def test_what_json_cannot_say_is_rejected(kind: str | None) -> None:
    assert column([1.5, float("nan"), float("inf"), None], kind)[1] == [1, 2]
    assert column([[1.5, float("nan")], [2.0]], kind)[1] == [0]


@pytest.mark.parametrize(
    ("kind", "texts", "expected", "failed"),
    [
        (
            "number",
            ["9007199254740993", "9223372036854775808", "x"],
            ["9007199254740993", "9223372036854775808", None],
            [2],
        ),
        ("integer", ["12.0", "12.5"], ["12", None], [1]),
        ("boolean", ["Yes", "0", " TRUE ", "oui"], [True, False, True, None], [3]),
        ("date", ["1980-01-31", "2000-02-30", "0024-02-01"], ["1980-01-31", None, None], [1, 2]),
    ],
)
def test_a_cell_that_does_not_fit_its_type_is_rejected(
    kind: str | None, texts: list[str], expected: object, failed: list[int]
) -> None:
    assert column(texts, kind) == (expected, failed)


def test_numbers_in_a_list_keep_their_digits() -> None:
    assert column(["9007199254740993|1.50", "x|2"], "number", split="|") == ([["9007199254740993", "1.50"], ["2"]], [1])


def test_whole_numbers_from_floats() -> None:
    assert column([3.0, 2.5, 1e300], "integer") == ([3, None, None], [1, 2])


def test_map() -> None:
    assert column(["P", "X", None], map={"P": "in_progress"}) == (["in_progress", None, None], [1])
    assert column([1, 2], map={"1": True, "2": False})[0] == [True, False]
    assert column(["a", "b"], map={"a": 1, "b": 2.5})[0] == [1.0, 2.5]
    assert column(["a", "b"], map={"a": None, "b": "x"}) == ([None, "x"], [])


def test_mapped_values_become_the_type_of_the_target() -> None:
    assert column(["a"], "string", map={"a": 1})[0] == ["1"]
    assert column(["a"], "number", map={"a": "1.50"})[0] == ["1.50"]


@pytest.mark.parametrize(
    ("values", "spec", "expected"),
    [
        ([None, "a"], {"default": "EUR"}, ["EUR", "a"]),
        ([None, 1], {"default": 2}, [2, 1]),
        ([None, 1.5], {"default": 2}, [2.0, 1.5]),
        ([None, True], {"default": False}, [False, True]),
        ([None, "1.50"], {"default": 2.5, "type": "number"}, ["2.5", "1.50"]),
        ([None, "a|b"], {"default": ["x", "y"], "split": "|"}, [["x", "y"], ["a", "b"]]),
        ([None, "1|2"], {"default": [3, 4], "split": "|", "type": "number"}, [["3", "4"], ["1", "2"]]),
        ([None, "2024-01-01T00:00:00Z"], {"default": 5, "type": "timestamp"}, [5, 1704067200000]),
        ([None, "2024-01-01"], {"default": "2000-01-01", "type": "date"}, ["2000-01-01", "2024-01-01"]),
    ],
)
def test_a_default_of_each_type(values: object, spec: dict[str, Any], expected: object) -> None:
    assert column(values, **spec)[0] == expected


@pytest.mark.parametrize(
    ("values", "spec"),
    [
        ([1], {"default": "x"}),
        ([1], {"default": True}),
        (["1"], {"default": "x", "type": "number"}),
        (["1"], {"default": True, "type": "number"}),
        (["1"], {"default": 3, "split": "|", "type": "number"}),
        (["a"], {"default": 3}),
        (["a"], {"default": ["x"]}),
        (["a"], {"default": 3, "split": "|"}),
        ([1], {"default": 2**64}),
    ],
)
def test_a_default_of_another_type_is_a_problem(values: object, spec: dict[str, Any]) -> None:
    with pytest.raises(FieldInvalid) as error:
        column(values, **spec)
    assert error.value.key == "default"


@pytest.mark.parametrize(
    ("values", "dtype", "kind", "spec"),
    [
        ([b"\xff"], None, None, {}),
        ([b"\xff"], None, "string", {}),
        ([[b"\xff"]], None, None, {}),
        ([{"a": 1}], None, None, {}),
        ([[{"a": 1}]], None, None, {}),
        ([[["a"]]], None, None, {}),
        ([dt.timedelta(1)], None, None, {}),
        ([dt.time(1)], None, None, {}),
        ([[1, 2]], pl.Array(pl.Int64, 2), None, {}),
        ([1.5], None, "string", {}),
        ([1.5], None, None, {"clean": ("trim",)}),
        ([1.5], None, None, {"hash": "md5"}),
        ([["a"]], None, None, {"hash": "md5"}),
        (["a"], None, None, {"round": 2}),
        ([True], None, "number", {}),
        ([1.5], None, "date", {}),
        ([1], None, "timestamp", {}),
        ([True], None, "timestamp", {"unit": "s"}),
        ([dt.datetime(2024, 1, 1)], None, "timestamp", {}),
        ([dt.date(2024, 1, 1)], None, "timestamp", {}),
        (["x"], None, None, {"format": ("%d/%m/%Y",)}),
        (["x"], None, None, {"format": ("%d/%m/%Y %Z",), "timezone": "UTC"}),
        (["x"], None, None, {"map": {"a": 1, "b": "x"}}),
    ],
)
def test_what_has_no_meaning_is_a_problem_and_never_a_panic(
    values: object, dtype: object, kind: str | None, spec: dict[str, Any]
) -> None:
    with pytest.raises(FieldInvalid):
        column(values, kind, dtype, **spec)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_typed_times(unit: str) -> None:
    moment = dt.datetime(2024, 7, 1, 10, 0, 0, 5000)
    series = pl.Series([moment], dtype=pl.Datetime(unit))
    assert column(series, "timestamp", context=PARIS)[0] == [1719820800005]
    aware = series.dt.replace_time_zone("UTC")
    assert column(aware, "timestamp")[0] == [1719828000005]
    assert column(series)[0] == ["2024-07-01T10:00:00.005"]
    assert column(aware.dt.convert_time_zone("Europe/Paris"), "string")[0] == ["2024-07-01T12:00:00.005+02:00"]


def test_a_time_whose_offset_has_seconds_is_given_in_utc() -> None:
    moments = pl.Series([dt.datetime(1900, 1, 1), dt.datetime(2024, 7, 1), None]).dt.replace_time_zone("UTC")
    paris = moments.dt.convert_time_zone("Europe/Paris")
    expected = ["1900-01-01T00:00:00+00:00", "2024-07-01T02:00:00+02:00", None]
    assert column(paris)[0] == expected
    assert column(pl.Series([[moment] for moment in paris[:2]]))[0] == [[text] for text in expected[:2]]


def test_dates() -> None:
    assert column([dt.date(2024, 7, 1)], "timestamp", context=PARIS)[0] == [1719784800000]
    assert column([dt.date(2024, 7, 1)], "date")[0] == ["2024-07-01"]
    assert column([dt.date(2024, 7, 1)])[0] == ["2024-07-01"]
    late = pl.Series([dt.datetime(2024, 7, 1, 23)]).dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Paris")
    assert column(late, "date")[0] == ["2024-07-02"]
    assert column(["31/01/1980"], "date", format=("%d/%m/%Y",))[0] == ["1980-01-31"]


def test_times_far_from_ours_are_rejected() -> None:
    assert column([1_700_000_000_000], unit="s") == ([None], [0])
    assert column(["01/02/24"], "timestamp", context=PARIS, format=("%d/%m/%Y",)) == ([None], [0])


def test_epochs_in_text_are_numbers_of_the_source() -> None:
    assert column(["1 700 000 000,5", "x"], context=PARIS, unit="s") == ([1_700_000_000_500, None], [1])
    assert column([5], unit="auto", context=Context(units={"column 'c'": "ms"}))[0] == [5]
