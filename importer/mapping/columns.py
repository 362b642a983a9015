"""The columns that expressions of a mapping may name: those of a source, or the members of a list's entry."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import polars as pl

from importer.mapping.cells import Context, FieldInvalid, Stages, Value
from importer.mapping.compiled import RowPlan
from importer.mapping.models import FieldSpec
from importer.mapping.nearest import did_you_mean, nearest, printable
from importer.mapping.values import build

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

Path = tuple[str | int, ...]
_CONSTANT = re.compile(r"[A-Z]{2,3}|.* .*")
"""What is rather a value than a name: a currency, a country, several words."""
_FIRST_INEXACT = 1 << 53
_SMALL_INTEGERS = frozenset({pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32})


class Problems(Protocol):
    """Takes what is wrong, with its path in the document; ``missing`` when the source lacks a column."""

    def __call__(self, path: Path, message: str, *, missing: bool = False) -> None:
        """Note a problem; the pass goes on to find the others."""


class Columns:
    """The columns of ``schema``, and what is known of them.

    ``untyped`` are those whose text nobody has given a type, ``typed`` the values that SQL sees where they are not the
    cells themselves, ``used`` the names that something refers to, ``unsure`` those whose type is not known because of a
    problem that is said elsewhere.
    """

    def __init__(
        self, schema: dict[str, pl.DataType], context: Context, problem: Problems, *, untyped: Iterable[str] = ()
    ) -> None:
        self.schema = schema
        self.untyped = set(untyped)
        self.typed = {
            name: Value(pl.col(name).cast(pl.Int64), pl.Int64())  # SQL would let small integers overflow in silence
            for name, dtype in schema.items()
            if dtype in _SMALL_INTEGERS
        }
        self.used: set[str] = set()
        self.unsure: set[str] = set()
        self._plain: dict[str, Value] = {}
        self._stages: dict[str, Stages] = {}
        self._context = context
        self._problem = problem

    def declare(self, name: str, kind: str, path: Path) -> None:
        """Give a column the type that SQL sees."""
        source = self.get(name, path)
        if source is None:
            self.unsure |= {near} if (near := nearest(name, self.schema)) else set()
            return
        self._stages[name] = Stages(f"parsed.{name}.")
        try:
            value = _typed(name, kind, source, replace(self._context, stages=self._stages[name]))
            self._plain[name] = _typed(name, kind, source, replace(self._context, stages=None))
        except FieldInvalid as error:
            self._problem(path, str(error))
            self.unsure.add(name)
            return
        self.used.discard(name)
        self.untyped.discard(name)
        self.typed[name] = value

    def get(self, name: str, path: Path) -> Value | None:
        """A column as it is, which is used from now on."""
        if name not in self.schema:
            self._problem(path, f"no column {name!r} in the source{self._hint(name, path)}", missing=True)
            return None
        self.used.add(name)
        return Value(pl.col(name), self.schema[name])

    def plan_of(self, names: Collection[str]) -> RowPlan:
        """What gives the columns ``names`` the types that SQL sees."""
        typed = tuple((name, value) for name, value in self.typed.items() if name in names)
        layers = (layer for name, _ in typed if name in self._stages for layer in self._stages[name].layers())
        return RowPlan(parsed=tuple(expr for layer in layers for expr in layer), typed=typed, prepared=())

    def plain(self, name: str) -> Value | None:
        """The value of a declared column over nothing but its cells; ``None`` for one that nobody has given a type."""
        return self._plain.get(name)

    def sql_schema(self) -> dict[str, pl.DataType]:
        """The types that SQL sees."""
        return self.schema | {name: value.dtype for name, value in self.typed.items()}

    def _hint(self, name: str, path: Path) -> str:
        if isinstance(self.schema.get(name.partition(".")[0]), pl.Struct):
            return f"; a part of a struct is written {{sql: {json.dumps(name)}}}"
        hint = did_you_mean(name, self.schema)
        is_same = name.lower() in map(str.lower, self.schema)
        is_field = path[0] == "fields" and path[-2:] != ("lookup", "on")
        if not is_field or is_same or (hint and not _CONSTANT.fullmatch(name)):
            return hint
        constant = f"; for a constant write {{value: {printable(json.dumps(name, ensure_ascii=False))}}}"
        return f"{hint}{constant}".replace("?;", "? Or")


def _typed(name: str, kind: str, source: Value, context: Context) -> Value:
    """A column as ``kind``, in the form that SQL computes with."""
    value = build(FieldSpec(column=name), kind, source, context, f"column {name!r}")
    if value.raw:
        dtype = pl.Int64() if kind == "integer" else pl.Float64()
        message = f"column {name!r} is {{}}, which is too large to compute with"
        number = value.expr.cast(dtype, strict=False)
        return value.converted(pl.when(~_changes(value.expr, number)).then(number), dtype, message)
    if kind == "timestamp":
        moment = pl.from_epoch(value.expr, "ms").dt.replace_time_zone("UTC")
        return replace(value, expr=moment, dtype=pl.Datetime("ms", "UTC"))
    if kind == "date":
        return replace(value, expr=value.expr.str.to_date("%Y-%m-%d", strict=False), dtype=pl.Date())
    return value


def _changes(token: pl.Expr, number: pl.Expr) -> pl.Expr:
    """Whether a whole number has become another one: above 2^53 floating point has not all of them."""
    same = token.cast(pl.Int128, strict=False) == number.cast(pl.Int128, strict=False)
    return (number.abs() >= _FIRST_INEXACT) & token.str.contains(r"^-?[0-9]+$") & ~same.fill_null(value=False)
