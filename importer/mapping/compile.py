"""A mapping document and the columns of a source become expressions.

A :class:`CompiledMapping` is three steps over a frame: ``prepare`` (typed columns and SQL), ``values`` (one column a
target, with checks that say which rows are lost) and ``members`` (the tree in which the encoder writes them).
Nothing here touches a row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl
import polars_hash as plh

from importer import reference
from importer.errors import MappingInvalid, Problem, SourceUnreadable
from importer.mapping.document import Document, EachSpec, FieldSpec
from importer.mapping.nearest import did_you_mean
from importer.mapping.numbers import NumberFormat
from importer.mapping.sql import SqlExpression, SqlInvalid, compile_sql
from importer.mapping.values import Check, Context, FieldInvalid, Value, build

EVENT_NAME = "event_name"
EVENT_ID = "context.event_id"
EVENT_TIMESTAMP = "context.event_timestamp"
ID_VERSION = "1"
ROW = "\x01row"
"""Name of the column that carries the source row through the frames; no source can have it."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A member whose value is a column of the values frame; ``raw`` columns hold JSON tokens."""

    name: str
    column: str
    raw: bool


@dataclass(frozen=True, slots=True)
class Constant:
    """A member that is the same in every event, as JSON."""

    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Branch:
    """A member that is an object, or with ``is_list`` a list of the one object."""

    name: str
    children: tuple[Member, ...]
    is_list: bool = False


Member = Leaf | Constant | Branch


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check with the target that it guards."""

    target: str
    check: Check


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What is computed for each row of a frame (or each entry of a list of structs)."""

    typed: tuple[tuple[str, Value], ...]
    prepared: tuple[tuple[str, pl.Expr], ...]
    values: tuple[tuple[str, pl.Expr], ...]
    checks: tuple[FailedCheck, ...]
    counts: tuple[tuple[str, pl.Expr], ...]
    members: tuple[Member, ...]

    def prepare(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with the results of its SQL beside its columns. SQL sees typed columns, fields see the cells."""
        if not self.prepared:
            return frame
        typed = frame.with_columns(value.expr.alias(name) for name, value in self.typed)
        return frame.hstack(typed.with_columns(expr.alias(name) for name, expr in self.prepared).select(
            name for name, _ in self.prepared
        ))  # fmt: skip


@dataclass(frozen=True, slots=True)
class StructList:
    """A list of objects read from the list of structs in ``column``; its JSON is the values column ``name``."""

    name: str
    column: str
    when: str | None
    plan: RowPlan


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """The mapping for sources with these columns."""

    plan: RowPlan
    lists: tuple[StructList, ...]
    where: str | None
    columns: tuple[str, ...]
    unused: tuple[str, ...]
    warnings: tuple[str, ...]


def compile_mapping(
    document: Document,
    schema: MappingType[str, pl.DataType],
    *,
    is_text: bool,
    units: dict[str, str] | None = None,
    test_code: str | None = None,
) -> CompiledMapping:
    """Compile for a source with the columns of ``schema``; ``is_text`` for CSV, whose cells are all text.

    ``units`` are the epoch units guessed for columns with ``unit: auto``. Raises MappingInvalid with every problem, or
    SourceUnreadable when all that is wrong is that the source lacks columns.
    """
    return _Compiler(document, schema, is_text=is_text, units=units or {}).compile(test_code)


class _Compiler:
    """One pass over the document that gathers expressions and problems."""

    def __init__(
        self, document: Document, schema: MappingType[str, pl.DataType], *, is_text: bool, units: dict[str, str]
    ) -> None:
        self.document = document
        self.mapping = document.mapping
        self.is_text = is_text
        numbers = NumberFormat(self.mapping.source.decimal, self.mapping.source.thousands) if is_text else NumberFormat()
        self.context = Context(self.mapping.timezone, numbers, units)
        self.problems: list[Problem] = []
        self.missing: list[Problem] = []
        self.used: set[str] = set()
        self.schema = dict(schema)
        self.event = self.mapping.event.value

    def compile(self, test_code: str | None) -> CompiledMapping:
        scope = _Scope(self, self.schema, ())
        where = scope.sql(self.mapping.where, "where", boolean=True)
        members = _Tree()
        self._event_name(scope, members)
        if test_code is not None:
            members.add("test_code", Constant("test_code", _json(test_code)))
        lists = []
        for target, spec in self.mapping.fields.items():
            if isinstance(spec, EachSpec):
                lists += self._each(scope, members, target, spec)
            else:
                scope.field(members, target, spec)
        if EVENT_ID not in self.mapping.fields:
            self._event_id(scope, members)
        self._required(scope, members)
        self._raise()
        unused = tuple(name for name in self.schema if name not in self.used)
        columns = tuple(name for name in self.schema if name in self.used)
        return CompiledMapping(scope.plan(members), tuple(lists), where, columns, unused, self._odd_targets())

    def _raise(self) -> None:
        if self.problems:
            raise MappingInvalid(self.document.name, self.problems + self.missing)
        if self.missing:
            lines = "".join(f"\n  {problem}" for problem in self.missing)
            known = ", ".join(self.schema)
            raise SourceUnreadable(
                f"The source lacks columns that {self.document.name} maps:{lines}", f"Its columns are: {known}"
            )

    def problem(self, path: tuple[str, ...], message: str, *, missing: bool = False) -> None:
        line, column = self.document.place(*path)
        (self.missing if missing else self.problems).append(Problem(line, column, ".".join(path), message))

    def _event_name(self, scope: _Scope, members: _Tree) -> None:
        spec = self.mapping.event
        if spec.value is not None:
            members.add(EVENT_NAME, Constant(EVENT_NAME, _json(spec.value)))
            return
        field = FieldSpec(column=spec.column, sql=spec.sql, map=spec.map)
        value = scope.value(field, "string", ("event",), EVENT_NAME)
        if value is not None:
            scope.add(members, EVENT_NAME, value)
            scope.require(EVENT_NAME, "event_name_missing", "the event has no name")

    def _event_id(self, scope: _Scope, members: _Tree) -> None:
        """128 bits in hex of SHA-256 over the version, the event name and the parts of the key, length-prefixed."""
        name = pl.lit(self.event) if self.event is not None else scope.values.get(EVENT_NAME)
        parts = self._key_parts(scope)
        if name is None or not parts:
            return
        texts = [pl.lit(ID_VERSION), name, *parts]
        framed = pl.concat_str([pl.concat_str([text.str.len_bytes().cast(pl.String), pl.lit(":"), text]) for text in texts])
        scope.add(members, EVENT_ID, Value(plh.concat_str(framed).chash.sha2_256().str.head(32), pl.String()))
        for part, label in zip(parts, self.mapping.key or (), strict=False):
            if self.mapping.key != "position":
                message = f"the key column {label!r} is empty, so the event would have no id of its own"
                scope.checks.append(FailedCheck(EVENT_ID, Check("key_missing", message, part.is_null(), part)))

    def _key_parts(self, scope: _Scope) -> list[pl.Expr]:
        if self.mapping.key == "position":
            return [pl.col(FILE), pl.col(ROW).cast(pl.String)]
        parts = []
        for index, name in enumerate(self.mapping.key or ()):
            path = ("key", str(index))
            source = scope.column(name, path)
            if source is None:
                continue
            if source.dtype.is_float():
                self.problem(path, f"column {name!r} is floating point and cannot be a key: 7 and 7.0 would differ")
            elif source.dtype == pl.String:
                parts.append(pl.when(source.expr != "").then(source.expr))
            elif source.dtype.is_nested() or source.dtype == pl.Binary:
                self.problem(path, f"column {name!r} is a {source.dtype} and cannot be a key")
            elif isinstance(source.dtype, pl.Datetime):
                parts.append(source.expr.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if source.dtype.time_zone else "")))
            else:
                parts.append(source.expr.cast(pl.String))
        return parts

    def _each(self, scope: _Scope, members: _Tree, target: str, spec: EachSpec) -> list[StructList]:
        path = ("fields", target)
        when = scope.sql(spec.when, *path, "when", boolean=True)
        inner = _Tree()
        if spec.from_ is None:
            for name, item in spec.each.items():
                scope.field(inner, name, item, (*path, "each", name), f"{target}[].{name}", when)
            members.add(target, Branch(target.rpartition(".")[2], inner.members(), is_list=True))
            return []
        source = scope.column(spec.from_, (*path, "from"))
        if source is None:
            return []
        if not (isinstance(source.dtype, pl.List) and isinstance(source.dtype.inner, pl.Struct)):
            self.problem((*path, "from"), f"column {spec.from_!r} is no list of structs but {source.dtype}")
            return []
        schema = {field.name: _instance(field.dtype) for field in source.dtype.inner.fields}
        entries = _Scope(self, schema, (*path, "each"))
        for name, item in spec.each.items():
            entries.field(inner, name, item, (*path, "each", name), f"{target}[].{name}")
        column = f"[]{target}"
        members.add(target, Leaf(target.rpartition(".")[2], column, raw=True))
        return [StructList(column, spec.from_, when, entries.plan(inner))]

    def _required(self, scope: _Scope, members: _Tree) -> None:
        """What the API itself requires of every event (vendor: HTTP Tracking API; context.event_id since 2025-10-16)."""
        scope.require(EVENT_TIMESTAMP, "timestamp_missing", "the event has no time, and an import never invents one")
        if EVENT_ID in self.mapping.fields:
            scope.require(EVENT_ID, "event_id_missing", "the event has no id")
        user = [target for target in self.mapping.fields if target.startswith("user.")]
        if user and all(target in scope.values for target in user):
            nobody = pl.all_horizontal(scope.values[target].is_null() for target in user)
            message = f"the event has no user: {', '.join(user)} are all empty"
            scope.checks.append(FailedCheck("user", Check("user_missing", message, nobody, pl.lit(None))))

    def _odd_targets(self) -> tuple[str, ...]:
        """Targets that the reference does not know but that look like one that it knows."""
        known = reference.known_paths(self.event)
        warnings = []
        for target, spec in self.mapping.fields.items():
            paths = [f"{target}[].{name}" for name in spec.each] if isinstance(spec, EachSpec) else [target]
            for path in paths:
                if reference.find(self.event, path) is None and (hint := did_you_mean(path, known)):
                    warnings.append(f"target `{path}` is not in the event reference{hint}")
        return tuple(warnings)


FILE = "\x01file"


class _Scope:
    """The columns that expressions may name, and what was built from them: the row, or an entry of a list."""

    def __init__(self, owner: _Compiler, schema: dict[str, pl.DataType], path: tuple[str, ...]) -> None:
        self.owner = owner
        self.schema = schema
        self.is_root = not path
        self.typed: dict[str, Value] = {}
        self.prepared: dict[str, pl.Expr] = {}
        self.values: dict[str, pl.Expr] = {}
        self.checks: list[FailedCheck] = []
        self.counts: list[tuple[str, pl.Expr]] = []
        self.sql_schema = dict(schema)
        for name, kind in owner.mapping.source.columns.items() if self.is_root else ():
            self._declare(name, kind)

    def _declare(self, name: str, kind: str) -> None:
        path = ("source", "columns", name)
        source = self.column(name, path, used=False)
        if source is None:
            return
        try:
            value = build(FieldSpec(column=name), kind, source, self.owner.context, f"column {name!r}")
        except FieldInvalid as error:
            self.owner.problem(path, str(error))
            return
        if value.raw:
            whole = kind == "integer"
            dtype = pl.Int64() if whole else pl.Float64()
            value = replace(value, expr=value.expr.cast(dtype, strict=False), dtype=dtype, raw=False)
        elif kind == "timestamp":
            dtype = pl.Datetime("ms", "UTC")
            value = replace(value, expr=pl.from_epoch(value.expr, "ms").dt.replace_time_zone("UTC"), dtype=dtype)
        elif kind == "date":
            value = replace(value, expr=value.expr.str.to_date("%Y-%m-%d", strict=False), dtype=pl.Date())
        self.typed[name] = value
        self.sql_schema[name] = value.dtype

    def plan(self, members: _Tree) -> RowPlan:
        return RowPlan(
            tuple(self.typed.items()), tuple(self.prepared.items()), tuple(self.values.items()), tuple(self.checks),
            tuple(self.counts), members.members(),
        )  # fmt: skip

    def column(self, name: str, path: tuple[str, ...], *, used: bool = True) -> Value | None:
        if name not in self.schema:
            hint = did_you_mean(name, self.schema)
            constant = f"; for a constant write {{value: {json.dumps(name)}}}" if not hint and path[0] == "fields" else ""
            self.owner.problem(path, f"no column {name!r} in the source{hint}{constant}", missing=True)
            return None
        if self.is_root and used:
            self.owner.used.add(name)
        return Value(pl.col(name), self.schema[name])

    def sql(self, text: str | None, *path: str, boolean: bool = False) -> str | None:
        """Prepare an expression; the name of its column in the prepared frame."""
        if text is None:
            return None
        checked = self._compile_sql(text, path)
        if checked is None:
            return None
        if boolean and checked.dtype not in (pl.Boolean, pl.Null):
            self.owner.problem(path, f"is a condition and must be true or false, but it gives {checked.dtype}")
        name = "\x01" + ".".join(path)
        self.prepared[name] = checked.expr
        self._guard_sql(checked, ".".join(path))
        return name

    def _compile_sql(self, text: str, path: tuple[str, ...]) -> SqlExpression | None:
        untyped = frozenset(
            name for name, dtype in self.sql_schema.items()
            if self.owner.is_text and dtype == pl.String and name not in self.typed
        )  # fmt: skip
        try:
            return compile_sql(text, self.sql_schema, untyped)
        except SqlInvalid as error:
            self.owner.problem(path, str(error), missing=str(error).startswith("no column"))
            return None

    def _guard_sql(self, checked: SqlExpression, target: str) -> None:
        if self.is_root:
            self.owner.used |= checked.columns
        for name in sorted(checked.columns & self.typed.keys()):
            for check in self.typed[name].checks:
                failed = FailedCheck(f"source.columns.{name}", check)
                if failed not in self.checks:
                    self.checks.append(failed)
        if checked.lost is not None:
            lost = f"\x01lost.{target}"
            self.prepared[lost] = checked.lost
            columns = [pl.col(name).cast(pl.String) for name in sorted(checked.columns)]
            message = "a CAST in its sql cannot convert {} (" + ", ".join(sorted(checked.columns)) + ")"
            shown = pl.concat_str(columns, separator=", ", ignore_nulls=True)
            self.checks.append(FailedCheck(target, Check("cast", message, pl.col(lost).fill_null(value=False), shown)))

    def value(self, spec: FieldSpec, kind: str | None, path: tuple[str, ...], target: str) -> Value | None:
        if spec.sql is not None:
            name = self.sql(spec.sql, *path, "sql")
            if name is None:
                return None
            source, label = Value(pl.col(name), self._sql_type(spec.sql)), "the result of its sql"
        else:
            found = self.column(spec.column or "", (*path, "column"))
            if found is None:
                return None
            source, label = found, f"column {spec.column!r}"
        try:
            value = build(spec, kind, source, self.owner.context, label)
        except FieldInvalid as error:
            self.owner.problem((*path, error.key) if error.key else path, str(error))
            return None
        self.checks += [FailedCheck(target, check) for check in value.checks]
        self.counts += value.counts
        return value

    def _sql_type(self, text: str) -> pl.DataType:
        return compile_sql(text, self.sql_schema, frozenset()).dtype

    def field(
        self,
        members: _Tree,
        target: str,
        spec: FieldSpec,
        path: tuple[str, ...] = (),
        full: str = "",
        entry_when: str | None = None,
    ) -> None:
        """Add one target. ``full`` is its path from the root of the event, ``entry_when`` a condition of its list."""
        path, full = path or ("fields", target), full or target
        conditions = [name for name in (entry_when, self.sql(spec.when, *path, "when", boolean=True)) if name]
        if "value" in spec.model_fields_set:
            self._constant(members, target, full, spec, conditions)
            return
        kind, is_list = _target_type(self.owner.event, full)
        before = len(self.checks)
        value = self.value(spec, spec.type or kind, path, full)
        if value is None:
            return
        if is_list and not isinstance(value.dtype, pl.List):
            self.owner.problem(path, f"`{full}` is a list in the event reference: say how to cut the text, e.g. `split: \"|\"`")
        if conditions:
            applies = pl.all_horizontal(pl.col(name).fill_null(value=False) for name in conditions)
            value = replace(value, expr=pl.when(applies).then(value.expr))
            self.checks[before:] = [
                replace(item, check=replace(item.check, failed=item.check.failed & applies)) for item in self.checks[before:]
            ]
        self.add(members, target, value, full)

    def _constant(self, members: _Tree, target: str, full: str, spec: FieldSpec, conditions: list[str]) -> None:
        if spec.value is None or spec.value == []:
            return
        token = _json(spec.value)
        if not conditions:
            members.add(target, Constant(target.rpartition(".")[2], token))
            return
        applies = pl.all_horizontal(pl.col(name).fill_null(value=False) for name in conditions)
        self.add(members, target, Value(pl.when(applies).then(pl.lit(token)), pl.String(), raw=True), full)

    def add(self, members: _Tree, target: str, value: Value, full: str = "") -> None:
        column = full or target
        self.values[column] = value.expr
        members.add(target, Leaf(target.rpartition(".")[2], column, value.raw))

    def require(self, target: str, code: str, message: str) -> None:
        if target in self.values:
            self.checks.append(FailedCheck(target, Check(code, message, self.values[target].is_null(), pl.lit(None))))


class _Tree:
    """Members in the order of the mapping: an object stands where its first member does."""

    def __init__(self) -> None:
        self._nodes: dict[str, Member | _Tree] = {}

    def add(self, target: str, member: Member) -> None:
        head, _, rest = target.partition(".")
        if not rest:
            self._nodes[head] = member
            return
        child = self._nodes.setdefault(head, _Tree())
        if isinstance(child, _Tree):
            child.add(rest, member)

    def members(self) -> tuple[Member, ...]:
        return tuple(
            Branch(name, node.members()) if isinstance(node, _Tree) else node for name, node in self._nodes.items()
        )


def _target_type(event: str | None, path: str) -> tuple[str | None, bool]:
    """The type that the reference gives a target (of its entries, for a list), and whether it is a list."""
    found = reference.find(event, path)
    if found is None:
        return None, False
    kind = found.item_type if found.type == "array" else found.type
    return (kind if kind in {"string", "number", "integer", "boolean", "date", "timestamp"} else None), found.type == "array"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _instance(dtype: object) -> pl.DataType:
    return dtype() if isinstance(dtype, type) else dtype  # type: ignore[return-value]


def missing_columns(names: Sequence[str], schema: MappingType[str, object]) -> list[str]:
    """The columns of ``names`` that another source of the same import lacks."""
    return [name for name in names if name not in schema]
