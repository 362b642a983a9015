"""The columns that expressions of a mapping may name, and what is built from them: of a row, or of a list's entry."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import polars as pl

from importer import reference
from importer.mapping.cells import Check, Context, FieldInvalid, Stages, Value
from importer.mapping.compiled import FailedCheck, RowPlan
from importer.mapping.models import FieldSpec
from importer.mapping.nearest import did_you_mean
from importer.mapping.sql import SqlExpression, SqlInvalid, UnknownColumn, compile_sql
from importer.mapping.tree import Leaf, Tree, to_json
from importer.mapping.values import build

if TYPE_CHECKING:
    from collections.abc import Iterable

Path = tuple[str, ...]
_SMALL_INTEGERS = frozenset({pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32})
_SCALAR_TYPES = frozenset({"string", "number", "integer", "boolean", "date", "timestamp"})


class Problems(Protocol):
    """Takes what is wrong, with its path in the document; ``missing`` when the source lacks a column."""

    def __call__(self, path: Path, message: str, *, missing: bool = False) -> None:
        """Note a problem; the pass goes on to find the others."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a field goes: ``name`` inside its object, ``full`` from the root. ``path`` is its place in the document."""

    name: str
    full: str
    path: Path


class Scope:
    """Fields and SQL over the columns of ``schema``. ``untyped`` are those whose text nobody has given a type."""

    def __init__(
        self, schema: dict[str, pl.DataType], context: Context, problem: Problems, *, untyped: Iterable[str] = ()
    ) -> None:
        self.schema = schema
        self.used: set[str] = set()
        self.values: dict[str, pl.Expr] = {}
        self.checks: list[FailedCheck] = []
        self._stages = Stages()
        self._context = replace(context, stages=self._stages)
        self._problem = problem
        self._untyped = set(untyped)
        self._typed = {
            name: Value(pl.col(name).cast(pl.Int64), pl.Int64())  # SQL would let small integers overflow in silence
            for name, dtype in schema.items()
            if dtype in _SMALL_INTEGERS
        }
        self._prepared: dict[str, tuple[pl.Expr, pl.DataType]] = {}
        self._counts: list[tuple[str, pl.Expr]] = []
        self._in_sql: set[str] = set()

    def declare(self, name: str, kind: str, path: Path) -> None:
        """Give a column the type that SQL sees."""
        source = self.column(name, path)
        if source is None:
            return
        try:
            value = build(FieldSpec(column=name), kind, source, replace(self._context, stages=None), f"column {name!r}")
        except FieldInvalid as error:
            self._problem(path, str(error))
            return
        self.used.discard(name)
        self._untyped.discard(name)
        self._typed[name] = _computable(value, kind)

    def plan(self, members: Tree) -> RowPlan:
        """All that was built, for the event or entry of ``members``."""
        return RowPlan(
            typed=tuple((name, value) for name, value in self._typed.items() if name in self._in_sql),
            prepared=tuple((name, expr) for name, (expr, _) in self._prepared.items()),
            stages=self._stages.layers(),
            values=tuple(self.values.items()),
            checks=tuple(self.checks),
            counts=tuple(self._counts),
            members=members.members(),
        )

    def column(self, name: str, path: Path) -> Value | None:
        """A column of the source as it is."""
        if name not in self.schema:
            self._problem(path, f"no column {name!r} in the source{self._hint(name, path)}", missing=True)
            return None
        self.used.add(name)
        return Value(pl.col(name), self.schema[name])

    def _hint(self, name: str, path: Path) -> str:
        if isinstance(self.schema.get(name.partition(".")[0]), pl.Struct):
            return f"; a part of a struct is written {{sql: {json.dumps(name)}}}"
        hint = did_you_mean(name, self.schema)
        is_field = path[0] == "fields"
        return hint or (f"; for a constant write {{value: {json.dumps(name)}}}" if is_field else "")

    def condition(self, text: str | None, *path: str) -> str | None:
        """Prepare a condition in SQL; the name of its column."""
        name = None if text is None else self.sql(text, *path)
        if name is not None and (dtype := self._prepared[name][1]) not in {pl.Boolean, pl.Null}:
            self._problem(path, f"is a condition and must be true or false, but it gives {dtype}")
        return name

    def sql(self, text: str, *path: str) -> str | None:
        """Prepare an expression in SQL; the name of its column in the prepared frame."""
        try:
            checked = compile_sql(text, self._sql_schema(), frozenset(self._untyped))
        except SqlInvalid as error:
            self._problem(path, str(error), missing=isinstance(error, UnknownColumn))
            return None
        name = "\x01" + ".".join(path)
        self._prepared[name] = (checked.expr, checked.dtype)
        self._guard(checked, name)
        return name

    def _sql_schema(self) -> dict[str, pl.DataType]:
        return self.schema | {name: value.dtype for name, value in self._typed.items()}

    def _guard(self, checked: SqlExpression, name: str) -> None:
        """Checks for the columns whose type the expression relies on, and for the CASTs in it."""
        target = name.removeprefix("\x01").removeprefix("fields.").removesuffix(".sql")
        self.used |= checked.columns
        self._in_sql |= checked.columns
        for column in sorted(checked.columns & self._typed.keys()):
            self.checks += [FailedCheck(target, check) for check in self._typed[column].checks]
        if checked.lost is None:
            return
        lost = f"{name}.lost"
        self._prepared[lost] = (checked.lost, pl.Boolean())
        columns = sorted(checked.columns)
        shown = pl.concat_str([_shown(pl.col(column), self.schema[column]) for column in columns], separator=", ")
        message = f"a CAST in its SQL cannot convert {{}} ({', '.join(columns)})"
        self.checks.append(FailedCheck(target, Check("cast", message, pl.col(lost), shown)))

    def value(self, spec: FieldSpec, kind: str | None, path: Path, target: str) -> Value | None:
        """The value of a field, with its checks noted."""
        source = self._source(spec, path)
        if source is None:
            return None
        label = f"column {spec.column!r}" if spec.sql is None else "the result of its SQL"
        try:
            value = build(spec, kind, source, self._context, label)
        except FieldInvalid as error:
            self._problem((*path, error.key) if error.key else path, str(error))
            return None
        self.checks += [FailedCheck(target, check) for check in value.checks]
        self._counts += value.counts
        return value

    def _source(self, spec: FieldSpec, path: Path) -> Value | None:
        if spec.sql is None:
            return self.column(spec.column or "", (*path, "column"))
        name = self.sql(spec.sql, *path, "sql")
        return None if name is None else Value(pl.col(name), self._prepared[name][1])

    def field(
        self, members: Tree, target: Target, spec: FieldSpec, event: str | None, condition: str | None = None
    ) -> None:
        """Add a field to ``members``. ``condition`` is the column of a condition of the list that it is in."""
        first_check, first_count = len(self.checks), len(self._counts)
        conditions = [name for name in (condition, self.condition(spec.when, *target.path, "when")) if name]
        own_checks = len(self.checks)
        applies = pl.all_horizontal(pl.col(name).fill_null(value=False) for name in conditions) if conditions else None
        if "value" in spec.model_fields_set:
            self._constant(members, target, spec.value, applies)
            return
        value = self._typed_value(spec, target, event)
        if value is None:
            return
        if applies is not None:
            value = replace(value, expr=pl.when(applies).then(value.expr))
            self.checks[own_checks:] = [_only_where(applies, item) for item in self.checks[own_checks:]]
            self._counts[first_count:] = [(name, expr & applies) for name, expr in self._counts[first_count:]]
        if condition is not None:
            own = pl.col(condition).fill_null(value=False)
            self.checks[first_check:own_checks] = [
                _only_where(own, item) for item in self.checks[first_check:own_checks]
            ]
        self.add(members, target, value)

    def _typed_value(self, spec: FieldSpec, target: Target, event: str | None) -> Value | None:
        """The value as the type that the event reference has for the target."""
        found = reference.find(event, target.full)
        kind = (found.item_type if found.type == "array" else found.type) if found else None
        value = self.value(spec, kind if kind in _SCALAR_TYPES else None, target.path, target.full)
        if value is None or found is None:
            return value
        is_list = isinstance(value.dtype, pl.List)
        if found.type == "array" and not is_list:
            message = f"`{target.full}` is a list in the event reference: say how to cut the text, e.g. `split: '|'`"
            self._problem(target.path, message)
        if found.type in _SCALAR_TYPES and is_list:
            self._problem(
                target.path, f"`{target.full}` is one {found.type} in the event reference, and this is a list"
            )
        return value

    def _constant(self, members: Tree, target: Target, constant: object, applies: pl.Expr | None) -> None:
        if applies is None:
            if not members.add_constant(tuple(target.name.split(".")), constant):
                self._problem(target.path, f"`{target.full}` gives a member that another target gives too")
            return
        if constant not in ({}, []):
            token = pl.when(applies).then(pl.lit(to_json(constant)))
            self.add(members, target, Value(token, pl.String(), raw=True))

    def add(self, members: Tree, target: Target, value: Value) -> None:
        """Put a value into the event."""
        expr = value.expr
        if value.raw and isinstance(value.dtype, pl.List):
            expr = "[" + expr.list.join(",") + "]"
        path = tuple(target.name.split("."))
        self.values[target.full] = expr
        if not members.add(path, Leaf(path[-1], target.full, value.raw)):
            self._problem(target.path, f"`{target.full}` cannot be added: a part of it is given as a value already")

    def require(self, target: str, code: str, message: str) -> None:
        """Reject rows in which a target is empty."""
        if target in self.values:
            self.checks.append(FailedCheck(target, Check(code, message, self.values[target].is_null(), pl.lit(None))))


def _only_where(applies: pl.Expr, item: FailedCheck) -> FailedCheck:
    return replace(item, check=replace(item.check, failed=item.check.failed & applies))


def _shown(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    is_plain = not (dtype.is_nested() or isinstance(dtype, pl.Binary | pl.Object | pl.Duration))
    return column.cast(pl.String).fill_null("empty") if is_plain else pl.lit("…")


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
