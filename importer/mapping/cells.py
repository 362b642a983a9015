"""What the steps of a field work on: a column that is being made, and the checks that it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from importer.mapping.numbers import NumberFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.mapping.hints import Hint
    from importer.mapping.lookups import Lookups


class FieldInvalid(ValueError):  # noqa: N818  named for what it says, as every exception of the importer
    """A field cannot be built from its column; ``key`` is the entry of the field that is to blame."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class Check:
    """Rows where ``failed`` is true are rejected with ``code``; ``shown`` is the value for the {} of ``message``.

    ``hint`` says what would have read that value.
    """

    code: str
    message: str
    failed: pl.Expr
    shown: pl.Expr
    hint: Hint | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """The column of one field.

    ``raw`` columns hold JSON tokens (numbers with their own digits), not texts; their ``dtype`` is text or a list of
    it. ``counts`` are Boolean expressions that the report counts as warnings, by name.
    """

    expr: pl.Expr
    dtype: pl.DataType
    raw: bool = False
    checks: tuple[Check, ...] = ()
    counts: tuple[tuple[str, pl.Expr], ...] = ()

    def checked(self, code: str, message: str, failed: pl.Expr, shown: pl.Expr) -> Value:
        """The same value with one more check."""
        return replace(self, checks=(*self.checks, Check(code, message, failed, shown)))

    def converted(
        self, expr: pl.Expr, dtype: pl.DataType, message: str, *, raw: bool = False, hint: Hint | None = None
    ) -> Value:
        """``expr`` in place of the value, and a check that no value was lost on the way."""
        check = Check("type", message, self.expr.is_not_null() & expr.is_null(), self.expr, hint)
        return replace(self, checks=(*self.checks, check), expr=expr, dtype=dtype, raw=raw)


class Stages:
    """Columns that are computed once, before all that refers to them, in layers that depend on earlier ones only.

    ``name`` begins their names.
    """

    def __init__(self, name: str = "stage") -> None:
        self._name = name
        self._layers: list[dict[str, pl.Expr]] = []
        self._layer_of: dict[str, int] = {}

    def add(self, expr: pl.Expr) -> pl.Expr:
        """The column that will hold ``expr``."""
        layer = max((self._layer_of.get(root, -1) + 1 for root in expr.meta.root_names()), default=0)
        name = f"\x01{self._name}{len(self._layer_of)}"
        self._layer_of[name] = layer
        self._layers += [{} for _ in range(layer + 1 - len(self._layers))]
        self._layers[layer][name] = expr
        return pl.col(name)

    def layers(self) -> tuple[tuple[pl.Expr, ...], ...]:
        """The expressions to add to a frame, layer by layer."""
        return tuple(tuple(expr.alias(name) for name, expr in layer.items()) for layer in self._layers)


@dataclass(frozen=True, slots=True)
class Context:
    """What a field needs to know besides itself.

    ``timezone`` is the zone of the mapping, ``numbers`` the signs of the source, ``units`` the epoch units that were
    guessed for columns with ``unit: auto``, by label. ``stages`` collects what is computed once; there are none inside
    a list. ``kinds`` are types of targets that the mapping chose over those of the event reference. ``lookups`` are the
    files that fields look values up in, ``None`` where no field does. ``country`` is that of phone numbers without a
    plus.
    """

    timezone: str | None = None
    numbers: NumberFormat = field(default_factory=NumberFormat)
    units: dict[str, str] = field(default_factory=dict)
    stages: Stages | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    lookups: Lookups | None = None
    country: str | None = None

    def staged(self, expr: pl.Expr) -> pl.Expr:
        """``expr``, computed only once if that is possible here. For what is dear and used by value and checks."""
        return expr if self.stages is None else self.stages.add(expr)


def inner_type(dtype: pl.DataType) -> pl.DataType | None:
    """The type of the entries of a list, ``None`` for what is no list."""
    return instance(dtype.inner) if isinstance(dtype, pl.List) else None


def instance(dtype: Any) -> pl.DataType:  # noqa: ANN401  polars gives classes and instances in the same places
    """A Polars type as an instance."""
    return dtype() if isinstance(dtype, type) else dtype  # type: ignore[no-any-return]


def type_name(dtype: pl.DataType) -> str:
    """What a user calls the type."""
    if isinstance(dtype, pl.Struct):
        return "a struct"
    if isinstance(dtype, pl.List):
        return "a list"
    if dtype.is_float():
        return "floating point"
    if dtype.is_integer():
        return "whole numbers"
    names = {
        "String": "text", "Boolean": "true/false", "Date": "a date", "Binary": "binary", "Time": "a time of day",
        "Datetime": "a time", "Duration": "a length of time", "Decimal": "numbers", "Categorical": "text",
        "Enum": "text", "Null": "nothing at all", "Array": "a list",
    }  # fmt: skip
    return names.get(str(dtype.base_type()), str(dtype))


def as_text(value: Value, key: str) -> Value:
    """The value as text, for steps that work on text; ``key`` is the step."""
    if value.dtype == pl.String:
        return value
    if value.dtype.is_integer() or value.dtype in {pl.Boolean, pl.Date}:
        return replace(value, expr=value.expr.cast(pl.String), dtype=pl.String())
    raise FieldInvalid(f"`{key}` needs text, and the value is {type_name(value.dtype)}", key)
