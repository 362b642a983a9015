import polars as pl
import pytest

from importer.mapping.numbers import NumberFormat

FRENCH = NumberFormat(",", " ")


def tokens(number_format: NumberFormat, *texts: str | None) -> list[str | None]:
    return pl.DataFrame({"t": texts}).select(number_format.tokens(pl.col("t"))).to_series().to_list()


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("12.50", "12.50"),
        ("9007199254740993", "9007199254740993"),
        ("0.1000000000000000055", "0.1000000000000000055"),
        ("-0", "-0"),
        ("1E5", "1E5"),
        (" 7 ", "7"),
        ("+5", "5"),
        ("007", "7"),
        ("-00.5", "-0.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("5.e3", "5e3"),
        ("1e-400", "1e-400"),
    ],
)
def test_a_number_keeps_its_own_digits(text: str, token: str) -> None:
    assert tokens(NumberFormat(), text) == [token]


@pytest.mark.parametrize("text", ["1,5", "1 000", "NaN", "inf", "1e400", "0x1F", "1_000", "--1", "", "1.2.3", "١٢"])
def test_what_is_no_finite_number_has_no_token(text: str) -> None:
    assert tokens(NumberFormat(), text) == [None]


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("12,5", "12.5"),
        ("1 234,50", "1234.50"),
        ("1\u00a0234", "1234"),
        ("1\u202f234\u202f567,8", "1234567.8"),
        (",5", "0.5"),
        ("1234,5", "1234.5"),
    ],
)
def test_decimal_and_thousands_signs_of_the_source(text: str, token: str) -> None:
    assert tokens(FRENCH, text) == [token]


@pytest.mark.parametrize("text", ["12.5", "1 23", "1 2345", "12,5,0", "1 234 5"])
def test_signs_in_the_wrong_place_are_no_number(text: str) -> None:
    assert tokens(FRENCH, text) == [None]


def test_a_neighbour_does_not_change_a_token() -> None:
    assert tokens(NumberFormat(), "1E5", "+5", None, "-0") == ["1E5", "5", None, "-0"]


def test_whole_numbers_may_have_a_fraction_of_zeros() -> None:
    frame = pl.DataFrame({"t": ["12", "12.0", "-3.00", "12.5", "x", "1e3"]})
    assert frame.select(NumberFormat().integers(pl.col("t"))).to_series().to_list() == [
        "12",
        "12",
        "-3",
        None,
        None,
        None,
    ]
