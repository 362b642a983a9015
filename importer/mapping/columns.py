"""The columns that expressions of a mapping may name: those of a source, or the members of a list's entry."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import polars as pl

from importer.mapping.cells import Context, FieldInvalid, Value
from importer.mapping.models import FieldSpec
from importer.mapping.nearest import did_you_mean
from importer.mapping.values import build

if TYPE_CHECKING:
    from collections.abc import Iterable

Path = tuple[str, ...]
_SMALL_INTEGERS = frozenset({pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32})


class Problems(Protocol):
    """Takes what is wrong, with its path in the document; ``missing`` when the source lacks a column."""

    def __call__(self, path: Path, message: str, *, missing: bool = False) -> None:
        """Note a problem; the pass goes on to find the others."""


class Columns:
    """The columns of ``schema``, and what is known of them.

    ``untyped`` are those whose text nobody has given a type, ``typed`` the values that SQL sees where they are not the
    cells themselves, ``used`` the names that something refers to.
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
        self._context = context
        self._problem = problem

    def declare(self, name: str, kind: str, path: Path) -> None:
        """Give a column the type that SQL sees."""
        source = self.get(name, path)
        if source is None:
            return
        try:
            value = build(FieldSpec(column=name), kind, source, replace(self._context, stages=None), f"column {name!r}")
        except FieldInvalid as error:
            self._problem(path, str(error))
            return
        self.used.discard(name)
        self.untyped.discard(name)
        self.typed[name] = _computable(value, kind)

    def get(self, name: str, path: Path) -> Value | None:
        """A column as it is, which is used from now on."""
        if name not in self.schema:
            self._problem(path, f"no column {name!r} in the source{self._hint(name, path)}", missing=True)
            return None
        self.used.add(name)
        return Value(pl.col(name), self.schema[name])

    def sql_schema(self) -> dict[str, pl.DataType]:
        """The types that SQL sees."""
        return self.schema | {name: value.dtype for name, value in self.typed.items()}

    def _hint(self, name: str, path: Path) -> str:
        if isinstance(self.schema.get(name.partition(".")[0]), pl.Struct):
            return f"; a part of a struct is written {{sql: {json.dumps(name)}}}"
        hint = did_you_mean(name, self.schema)
        is_field = path[0] == "fields"
        return hint or (f"; for a constant write {{value: {json.dumps(name)}}}" if is_field else "")


def _computable(value: Value, kind: str) -> Value:
    """A value in the form that is sent as one that SQL computes with."""
    if value.raw:
        dtype = pl.Int64() if kind == "integer" else pl.Float64()
        return replace(value, expr=value.expr.cast(dtype, strict=False), dtype=dtype, raw=False)
    if kind == "timestamp":
        moment = pl.from_epoch(value.expr, "ms").dt.replace_time_zone("UTC")
        return replace(value, expr=moment, dtype=pl.Datetime("ms", "UTC"))
    if kind == "date":
        return replace(value, expr=value.expr.str.to_date("%Y-%m-%d", strict=False), dtype=pl.Date())
    return value
