import polars as pl
import pytest
from encoding import chunk_of, document

from importer.encoder import Encoder
from importer.mapping.compile import compile_mapping
from importer.mapping.culprits import culprits
from importer.mapping.failures import Failures


class Fails:
    """Fails for ``bad`` units, and with ``always`` for none at all, too."""

    def __init__(self, *bad: int, always: bool = False) -> None:
        self.bad, self.always, self.calls = bad, always, 0

    def __call__(self, start: int, stop: int) -> None:
        self.calls += 1
        if self.always or any(start <= unit < stop for unit in self.bad):
            raise pl.exceptions.ComputeError("first\x01 line\nsecond")


@pytest.mark.parametrize("bad", [(), (0,), (9,), (3, 4), tuple(range(10))])
def test_exactly_the_units_that_fail_are_found_in_order(bad: tuple[int, ...]) -> None:
    assert list(culprits(Fails(*bad), 10).items()) == [(unit, "first line") for unit in bad]


def test_one_among_many_is_found_by_halving() -> None:
    compute = Fails(70_000)
    assert list(culprits(compute, 100_000)) == [70_000]
    assert compute.calls < 40


def test_where_all_are_bad_each_is_tried_about_once() -> None:
    compute = Fails(*range(1_000))
    assert list(culprits(compute, 1_000)) == list(range(1_000))
    assert compute.calls < 1_050


def test_few_among_many_take_few_steps() -> None:
    compute = Fails(*range(50, 10_000, 100))
    assert len(culprits(compute, 10_000)) == 100
    assert compute.calls < 100 * 20


def test_each_is_given_its_own_reason() -> None:
    def compute(start: int, stop: int) -> None:
        for unit in (2, 5, 6):
            if start <= unit < stop:
                raise pl.exceptions.ComputeError(f"{unit} of {start}")

    assert culprits(compute, 9) == {unit: f"{unit} of {unit}" for unit in (2, 5, 6)}


def test_only_the_sql_that_fails_is_computed_again() -> None:
    """The JSON of events, hashes and the like cost a hundred times as much as one division."""
    rows = pl.DataFrame({"a": ["1"] * 200, "b": ["0", "2"] * 100}).with_columns(pl.all().cast(pl.Decimal(9, 2)))
    mapping = compile_mapping(document("  v: {sql: a / b}\n  w: {sql: b * 2}\n"), rows.schema, is_text=False)
    encoder = Counting(mapping, b",", 32_000)
    encoded = encoder.encode(chunk_of(rows))
    assert list(encoded.rows) == list(range(2, 201, 2))
    assert [reject.row for reject in encoded.rejects] == list(range(1, 201, 2))
    assert encoder.calls == 2


class Counting(Encoder):
    """Counts how often rows are prepared."""

    calls = 0

    def prepared(self, rows: pl.DataFrame, failures: Failures, entries: dict[str, pl.DataFrame]) -> pl.DataFrame:
        self.calls += 1
        return super().prepared(rows, failures, entries)


def test_what_fails_without_any_row_is_raised_at_once() -> None:
    compute = Fails(always=True)
    with pytest.raises(pl.exceptions.ComputeError):
        culprits(compute, 100_000)
    assert compute.calls == 1


def test_a_panic_of_polars_is_one_of_a_row_too() -> None:
    def compute(start: int, stop: int) -> None:
        if start <= 1 < stop:
            raise pl.exceptions.PanicException("out of range")

    assert culprits(compute, 3) == {1: "out of range"}
