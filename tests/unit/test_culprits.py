import polars as pl
import pytest

from importer.mapping.culprits import culprits


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
