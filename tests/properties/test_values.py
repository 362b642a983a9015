import json
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.mapping.cells import Context as Reading
from importer.mapping.cells import Value
from importer.mapping.models import FieldSpec
from importer.mapping.numbers import NumberFormat
from importer.mapping.values import build

SETTINGS = settings(max_examples=100, deadline=None)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=5)


def steps(texts: list[str], kind: str | None, context: Reading | None = None, **spec: object) -> list[Any]:
    value = build(
        FieldSpec(column="c", **spec), kind, Value(pl.col("c"), pl.String()), context or Reading(), "column 'c'"
    )
    frame = pl.DataFrame({"c": texts}, schema={"c": pl.String})
    return frame.select(v=value.expr)["v"].to_list()


@SETTINGS
@given(st.lists(st.text("0123456789.,+-eE nN", max_size=8)))
def test_a_token_is_json_and_the_same_number(texts: list[str]) -> None:
    for text, token in zip(texts, steps(texts, "number"), strict=True):
        if token is None:
            continue
        assert json.loads(token) == float(text)
        assert Decimal(token) == Decimal(text.strip())


@SETTINGS
@given(st.lists(NUMBERS))
def test_a_number_keeps_its_digits_in_any_notation(numbers: list[Decimal]) -> None:
    french = Reading(numbers=NumberFormat(",", "."))
    written = [f"{number:,f}".translate(str.maketrans(",.", ".,")) for number in numbers]
    assert steps(written, "number", french) == [f"{number:f}" for number in numbers]


LONG = st.from_regex(r"-?(0|[1-9][0-9]{0,39})(\.[0-9]{0,15}(49{1,9}|50{0,9}1?))?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


@SETTINGS
@given(st.lists(NUMBERS.map("{:f}".format) | LONG), st.integers(0, 15))
@example(["0.10499999999999999", "-0.00499999999999999999"], 2)  # rounded twice they would be 0.11 and -0.01
@example(["12345678901234567890123456789012345678.5", "99999999999999999999999999.995"], 2)
@example(["9999999999999999999999.9999999999999999", "1e-9999999999999999999", "0e9999999999999999999"], 0)
def test_rounding_is_that_of_decimal(numbers: list[str], digits: int) -> None:
    rounded = steps(numbers, "number", round=digits)
    unit, exact = Decimal(1).scaleb(-digits), Context(prec=500)
    expected = [exact_number(number).quantize(unit, ROUND_HALF_UP, exact) for number in numbers]
    assert [Decimal(token) for token in rounded] == expected
    assert "-0" not in rounded


def exact_number(text: str) -> Decimal:
    return Decimal(text) if float(text) else Decimal(0)


@SETTINGS
@given(st.lists(st.none() | st.text(max_size=6)), st.text("ab|;", min_size=1, max_size=2))
def test_split_keeps_what_is_not_empty(texts: list[str], separator: str) -> None:
    expected = [[part for part in text.split(separator) if part] or None if text else None for text in texts]
    assert steps(texts, None, split=separator) == expected


@SETTINGS
@given(st.lists(st.none() | st.text(max_size=6)))
def test_text_is_never_changed(texts: list[str]) -> None:
    assert steps(texts, "string") == [text or None for text in texts]
