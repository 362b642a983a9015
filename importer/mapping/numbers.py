"""Numbers that arrive as text leave with their own digits: a JSON number token, without a float in between."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

import polars as pl

_JSON_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
_SPACES = " \u00a0\u202f"
_DECIMAL = pl.Decimal(38, 16)  # more places than `round` may ask for
_FITS_DECIMAL = r"^-?[0-9]{1,21}(?:\.[0-9]+)?$"
_MANY_DIGITS = Context(prec=400)  # the largest finite number has 309 before the point


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """The decimal and thousands signs of a source. A blank as thousands sign stands for the no-break ones too.

    ``is_of_csv`` says that the mapping decides about them: in Parquet they are those of JSON.
    """

    decimal: str = "."
    thousands: str | None = None
    is_of_csv: bool = False

    def tokens(self, text: pl.Expr) -> pl.Expr:
        """JSON number tokens of a text column; null where the text is no finite number written in this format."""
        return text.map_batches(self._read, return_dtype=pl.String, is_elementwise=True)

    def integers(self, text: pl.Expr) -> pl.Expr:
        """As :meth:`tokens`, null too where there is a fraction other than zero."""
        tokens = self.tokens(text).str.replace(r"\.0+$", "")
        return pl.when(tokens.str.contains(r"^-?[0-9]+$")).then(tokens)

    def reads(self, text: str, *, whole: bool) -> bool:
        """Whether one text is such a number; ``whole``: without a fraction other than zero."""
        clean = text.strip()
        if not re.match(self._pattern(), clean):
            return False
        fraction = clean.partition(self.decimal)[2]
        return not whole or not fraction.strip("0")

    def _read(self, text: pl.Series) -> pl.Series:
        if self.decimal == "." and text.str.contains(_JSON_NUMBER).all():  # they are their own tokens
            return text.set(~text.cast(pl.Float64, strict=False).is_finite(), None)
        clean = text.str.strip_chars()
        clean = clean.set(~clean.str.contains(self._pattern()), None)
        for sign in self._thousands():
            clean = clean.str.replace_all(sign, "", literal=True)
        if self.decimal != ".":
            clean = clean.str.replace(self.decimal, ".", literal=True)
        return _canonical(clean.set(~clean.cast(pl.Float64, strict=False).is_finite(), None))

    def _thousands(self) -> str:
        if self.thousands is None:
            return ""
        return _SPACES if self.thousands in _SPACES else self.thousands

    def _pattern(self) -> str:
        decimal = re.escape(self.decimal)
        digits = "[0-9]+"
        if signs := self._thousands():
            group = "".join(re.escape(sign) for sign in signs)
            digits = rf"(?:[0-9]{{1,3}}(?:[{group}][0-9]{{3}})+|[0-9]+)"
        return rf"^[+-]?(?:{digits}(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?$"


def rounded(tokens: pl.Expr, digits: int) -> pl.Expr:
    """Number tokens rounded by their digits: 1.005 becomes 1.01, which its binary form would not."""
    fits = tokens.str.contains(_FITS_DECIMAL)
    # Digits that a decimal does not hold are cut off: rounded twice, 0.10499999999999999 would become 0.11.
    cut = pl.when(fits).then(tokens.str.replace(r"(\.[0-9]{16})[0-9]+$", "${1}"))
    exact = cut.cast(_DECIMAL, strict=False).round(digits, mode="half_away_from_zero").cast(pl.String)
    short = exact.str.replace(r"(\.[0-9]*?)0+$", "${1}").str.strip_suffix(".")
    rest = pl.when(~fits).then(tokens)
    return pl.coalesce(short, rest.map_batches(lambda column: _rounded_one_by_one(column, digits), pl.String))


def _rounded_one_by_one(tokens: pl.Series, digits: int) -> pl.Series:
    """The rare ones: very large, or with an exponent."""
    if tokens.null_count() == len(tokens):
        return tokens
    return pl.Series([token and _rounded_token(token, digits) for token in tokens], dtype=pl.String)


def _rounded_token(token: str, digits: int) -> str:
    if not float(token):  # also for exponents that no Decimal has
        return "0"
    number = Decimal(token).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, _MANY_DIGITS)
    return f"{number.normalize(_MANY_DIGITS):f}" if number else "0"


def _canonical(tokens: pl.Series) -> pl.Series:
    """Rewrite what JSON does not allow (``+5``, ``007``, ``.5``, ``5.``), only in a chunk that has any of it.

    The rewriting leaves all other tokens as they are, so a chunk never changes the bytes of a row.
    """
    if tokens.str.contains(_JSON_NUMBER).all():
        return tokens
    return (
        tokens.str.replace(r"^\+", "")
        .str.replace(r"^(-?)0+([0-9])", "${1}${2}")
        .str.replace(r"^(-?)\.", "${1}0.")
        .str.replace(r"\.([eE]|$)", "${1}")
    )
