"""Phone numbers in E.164: whatever the text, the country, and whatever stands beside it in a column."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.mapping.cells import Context, Stages, Value
from importer.mapping.phones import e164
from importer.reference.phones import numberings

COUNTRIES = st.sampled_from([*numberings(), None])
LIKELY = st.from_regex(r"\A(\+|00|0|)[0-9]{1,4}[ .()/-]{0,2}[0-9 .-]{4,14}\Z")
TEXTS = st.lists(LIKELY | st.text("0123456789+ ()-.x\u0660\u00a0", max_size=20) | st.none(), max_size=12)


def read(texts: list[str | None], country: str | None) -> tuple[list[str | None], list[bool]]:
    """The numbers, and where a check has failed."""
    stages = Stages()
    value = e164(Value(pl.col("c"), pl.String()), country, Context(stages=stages), "column 'c'")
    frame = pl.DataFrame({"c": texts}, schema={"c": pl.String})
    for layer in stages.layers():
        frame = frame.with_columns(layer)
    failed = pl.any_horizontal(check.failed.fill_null(value=False) for check in value.checks)
    found = frame.select(value.expr.alias("v"), failed.alias("failed"))
    return found["v"].to_list(), found["failed"].to_list()


@given(TEXTS, COUNTRIES)
@settings(max_examples=20)
def test_a_text_becomes_a_number_or_a_reject_and_a_number_stays_itself(
    texts: list[str | None], country: str | None
) -> None:
    found, failed = read(texts, country)
    for text, number, is_rejected in zip(texts, found, failed, strict=True):
        assert (number is None) == (is_rejected or not (text or "").strip())
        assert number is None or (number[0] == "+" and number[1:].isascii() and number[1:].isdigit())
        assert number is None or len(number) <= 16
    kept = [number for number in found if number is not None]
    for other in (country, None):
        assert read(kept, other) == (kept, [False] * len(kept))


@given(TEXTS, COUNTRIES, st.integers(0, 12))
@settings(max_examples=15)
def test_a_row_is_read_by_itself(texts: list[str | None], country: str | None, cut: int) -> None:
    first, second = read(texts[:cut], country), read(texts[cut:], country)
    assert read(texts, country) == (first[0] + second[0], first[1] + second[1])
