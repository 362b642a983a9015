"""Fields and conditions of a mapping become expressions: of a row, of a group of lines, or of a list's entry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from importer import reference
from importer.mapping.cells import Check, Context, FieldInvalid, Stages, Value, type_name
from importer.mapping.compiled import FailedCheck, RowPlan, Where
from importer.mapping.keys import KeyInvalid, derived_id, key_part
from importer.mapping.lookups import Finder, key_columns, label_of
from importer.mapping.sql import NEEDS_GROUPS, SqlExpression, SqlInvalid, UnknownColumn, compile_sql
from importer.mapping.tree import Leaf, Tree, to_json
from importer.mapping.values import build

if TYPE_CHECKING:
    from collections.abc import Iterable

    from importer.mapping.columns import Columns, Path, Problems
    from importer.mapping.models import FieldSpec, LookupSpec
    from importer.mapping.sql_tree import Lost

_SCALAR_TYPES = frozenset({"string", "number", "integer", "boolean", "date", "timestamp"})


@dataclass(frozen=True, slots=True)
class Target:
    """Where a field goes: ``name`` inside its object, ``full`` from the root. ``path`` is its place in the document."""

    name: str
    full: str
    path: Path


class Scope:
    """Fields and SQL over ``columns``. ``no_aggregates`` says why SQL has no aggregates here."""

    def __init__(
        self, columns: Columns, context: Context, problem: Problems, *, no_aggregates: str = NEEDS_GROUPS
    ) -> None:
        self.columns = columns
        self.values: dict[str, pl.Expr] = {}
        self.checks: list[FailedCheck] = []
        self._stages = Stages()
        self._context = replace(context, stages=self._stages)
        self._problem = problem
        self._no_aggregates = no_aggregates
        self._prepared: dict[str, tuple[pl.Expr, pl.DataType]] = {}
        self._counts: list[tuple[str, pl.Expr]] = []
        self._in_sql: set[str] = set()
        self._finder = Finder()

    def plan(self, members: Tree) -> RowPlan:
        """All that was built, for the event or entry of ``members``."""
        return replace(
            self.columns.plan_of(self._in_sql),
            prepared=tuple((name, expr) for name, (expr, _) in self._prepared.items()),
            stages=self._stages.layers(),
            values=tuple(self.values.items()),
            checks=tuple(self.checks),
            counts=tuple(self._counts),
            members=members.members(),
        )

    def where(self, text: str, *path: str | int) -> Where | None:
        """The condition ``text`` on rows. The scope has to be its own, so that it can be computed before all else."""
        name = self.condition(text, *path)
        return None if name is None else Where(name, self.plan(Tree()))

    def column(self, name: str, path: Path) -> Value | None:
        """A column of the source as it is."""
        return self.columns.get(name, path)

    def condition(self, text: str | None, *path: str | int) -> str | None:
        """Prepare a condition in SQL; the name of its column."""
        name = None if text is None else self.sql(text, *path)
        if name is not None and (dtype := self._prepared[name][1]) not in {pl.Boolean, pl.Null}:
            self._problem(path, f"is a condition and must be true or false, but it gives {type_name(dtype)}")
        return name

    def sql(self, text: str, *path: str | int) -> str | None:
        """Prepare an expression in SQL; the name of its column in the prepared frame."""
        place = ".".join(map(str, path))
        name = f"\x01{place}"
        target = place.removeprefix("fields.").removesuffix(".sql")
        try:
            checked = self._compiled(text, name, target)
        except SqlInvalid as error:
            if self.columns.unsure.isdisjoint(error.columns):
                for message in error.messages:
                    self._problem(path, message, missing=isinstance(error, UnknownColumn))
            return None
        if not self.columns.unsure.isdisjoint(checked.columns):
            self.columns.used |= checked.columns
            return None  # what its type would be is not known
        self._prepared[name] = (checked.expr, checked.dtype)
        self.columns.used |= checked.columns
        self._in_sql |= checked.columns
        self.rely_on(checked.columns, target)
        if checked.lost is not None:
            lost = f"{name}.lost"
            self._prepared[lost] = (checked.lost.where, pl.Boolean())
            self.checks.append(FailedCheck(target, self._lost_check(lost, checked.lost, checked.columns)))
        return name

    def _compiled(self, text: str, name: str, target: str) -> SqlExpression:  # noqa: ARG002 -- for groups
        return compile_sql(text, self.columns.sql_schema(), frozenset(self.columns.untyped), self._no_aggregates)

    def rely_on(self, names: Iterable[str], target: str) -> None:
        """Checks for the columns whose declared type an expression needs."""
        for name in sorted(self.columns.typed.keys() & names):
            self.checks += [FailedCheck(target, check) for check in self.columns.typed[name].checks]

    def _lost_check(self, name: str, lost: Lost, names: Iterable[str]) -> Check:
        """The check for values that are ``lost`` where the column ``name`` is true."""
        known = sorted(names)
        if not known:
            return Check(lost.code, lost.message.replace("{}", "what it is given"), pl.col(name), pl.lit(None))
        cells = pl.concat_str([shown(pl.col(name), self.columns.schema[name]) for name in known], separator=", ")
        message = lost.message.replace("{}", f"{{}} ({', '.join(known)})")
        return Check(lost.code, message, pl.col(name), cells)

    def value(self, spec: FieldSpec, kind: str | None, path: Path, target: str) -> Value | None:
        """The value of a field, with its checks noted."""
        source = self._source(spec, path)
        if source is None:
            return None
        label = f"column {spec.column!r}" if spec.sql is None else "the result of its SQL"
        if spec.lookup is not None:
            label = label_of(spec.lookup)
        try:
            value = build(spec, kind, source, self._context, label)
        except FieldInvalid as error:
            self._problem((*path, error.key) if error.key else path, str(error))
            return None
        self.checks += [FailedCheck(target, check) for check in value.checks]
        self._counts += value.counts
        return value

    def _source(self, spec: FieldSpec, path: Path) -> Value | None:
        if spec.lookup is not None:
            return self._looked_up(spec.lookup, (*path, "lookup"))
        if spec.id_from:
            return self._derived_id(spec.id_from, path)
        if spec.sql is None:
            return self.column(spec.column or "", (*path, "column"))
        name = self.sql(spec.sql, *path, "sql")
        return None if name is None else Value(pl.col(name), self._prepared[name][1])

    def _looked_up(self, spec: LookupSpec, path: Path) -> Value | None:
        """What the other file has for a row; ``None`` where there is a problem, which is noted by now."""
        name = key_columns(spec)[0]
        cell = self.column(name, (*path, "on"))
        if self._context.lookups is None:
            raise ValueError("a mapping with lookups has to be compiled with their files")
        table = self._context.lookups.table(spec)
        if cell is None or table is None:
            return None
        try:
            return self._finder.value(spec, cell, table, self._context)
        except KeyInvalid as error:
            self._problem((*path, "on"), str(error))
            return None

    def _derived_id(self, names: tuple[str, ...], path: Path) -> Value | None:
        """The id that ``id_from`` makes of the columns ``names``."""
        parts = []
        for index, name in enumerate(names):
            place = (*path, "id_from", index)
            cell = self.column(name, place)
            try:
                parts += [key_part(cell, name)] if cell is not None else []
            except KeyInvalid as error:
                self._problem(place, str(error))
        return Value(derived_id(parts), pl.String()) if len(parts) == len(names) else None

    def field(
        self, members: Tree, target: Target, spec: FieldSpec, event: str | None, conditions: tuple[str, ...] = ()
    ) -> None:
        """Add a field to ``members``. ``conditions`` are columns of conditions of the list that it is in."""
        first_check, first_count = len(self.checks), len(self._counts)
        own = self.condition(spec.when, *target.path, "when")
        own_checks = len(self.checks)
        outer, applies = _all(conditions), _all((*conditions, own) if own else conditions)
        if "value" in spec.model_fields_set:
            self._constant(members, target, spec.value, applies)
        elif (value := self._typed_value(spec, target, event)) is not None:
            if applies is not None:
                value = replace(value, expr=pl.when(applies).then(value.expr))
                self.restrict(own_checks, applies)
                self._counts[first_count:] = [(name, expr & applies) for name, expr in self._counts[first_count:]]
            self.add(members, target, value)
        if outer is not None:
            self.restrict(first_check, outer, own_checks)

    def restrict(self, start: int, applies: pl.Expr, stop: int | None = None) -> None:
        """Let the checks from ``start`` to ``stop`` count only where ``applies`` is true."""
        self.checks[start:stop] = [
            replace(item, check=replace(item.check, failed=item.check.failed & applies))
            for item in self.checks[start:stop]
        ]

    def _typed_value(self, spec: FieldSpec, target: Target, event: str | None) -> Value | None:
        """The value as the type that the event reference has for the target."""
        found = reference.find(event, target.full)
        known = (found.item_type if found.type == "array" else found.type) if found else None
        kind = self._context.kinds.get(target.full, known)
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
        if isinstance(constant, str | bool):
            dtype = pl.Boolean() if isinstance(constant, bool) else pl.String()
            self.add(members, target, Value(pl.when(applies).then(pl.lit(constant)), dtype))
        elif isinstance(constant, dict) and not any("." in name or not name for name in constant):
            for name, item in constant.items():
                inner = Target(f"{target.name}.{name}", f"{target.full}.{name}", target.path)
                self._constant(members, inner, item, applies)
        elif constant not in ({}, []):
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


def _all(conditions: tuple[str, ...]) -> pl.Expr | None:
    """True where all columns of ``conditions`` are; ``None`` when there are none."""
    return pl.all_horizontal(pl.col(name).fill_null(value=False) for name in conditions) if conditions else None


def shown(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A cell in words, for messages."""
    is_plain = not (dtype.is_nested() or isinstance(dtype, pl.Binary | pl.Object | pl.Duration))
    return column.cast(pl.String).fill_null("empty") if is_plain else pl.lit("…")
