"""A mapping document and the columns of a source become expressions. Nothing here touches a row.

One pass over the document gathers expressions and problems; all problems are reported at once, with their places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from importer import reference
from importer.errors import MappingInvalid, Problem, SourceUnreadable
from importer.mapping.cells import Check, Context, Value, instance
from importer.mapping.compiled import CompiledMapping, FailedCheck, StructList
from importer.mapping.keys import KeyInvalid, event_id, key_part, position
from importer.mapping.models import EachSpec, FieldSpec
from importer.mapping.nearest import did_you_mean
from importer.mapping.numbers import NumberFormat
from importer.mapping.scope import Path, Scope, Target
from importer.mapping.tree import Branch, Constant, Leaf, Member, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from importer.mapping.document import Document

__all__ = ["CompiledMapping", "compile_mapping"]

EVENT_NAME = "event_name"
EVENT_ID = "context.event_id"
EVENT_TIMESTAMP = "context.event_timestamp"
TEST_CODE = "test_code"


def compile_mapping(
    document: Document,
    schema: Mapping[str, pl.DataType],
    *,
    is_text: bool,
    units: dict[str, str] | None = None,
    test_code: str | None = None,
) -> CompiledMapping:
    """Compile for a source with the columns of ``schema``; ``is_text`` for CSV, whose cells are all text.

    ``units`` are the epoch units guessed for columns with ``unit: auto``, by label; ``test_code`` becomes the root
    property of that name (vendor: such events show in the event inspectors).

    Raises:
        MappingInvalid: with every problem of the mapping.
        SourceUnreadable: all that is wrong is that the source lacks columns.
    """
    return _Compiler(document, dict(schema), units or {}, is_text=is_text).compile(test_code)


class _Compiler:
    """The pass over one document."""

    def __init__(
        self, document: Document, schema: dict[str, pl.DataType], units: dict[str, str], *, is_text: bool
    ) -> None:
        self._document = document
        self._mapping = document.mapping
        self._event = self._mapping.event.value
        self._problems: list[Problem] = []
        self._missing: list[Problem] = []
        source = self._mapping.source
        numbers = NumberFormat(source.decimal, source.thousands) if is_text else NumberFormat()
        self._context = Context(self._mapping.timezone, numbers, units)
        untyped = [name for name, dtype in schema.items() if is_text and dtype == pl.String]
        self._scope = Scope(schema, self._context, self._problem, untyped=untyped)
        self._members = Tree()

    def compile(self, test_code: str | None) -> CompiledMapping:
        scope = self._scope
        for name, kind in self._mapping.source.columns.items():
            scope.declare(name, kind, ("source", "columns", name))
        where = scope.condition(self._mapping.where, "where")
        where_checks = tuple(scope.checks)
        self._add_event_name()
        if test_code is not None:
            self._members.add_constant((TEST_CODE,), test_code)
        lists = self._add_fields()
        if EVENT_ID not in self._mapping.fields:
            self._add_event_id()
        self._require_essentials()
        self._raise_problems()
        used = [name for name in scope.schema if name in scope.used]
        unused = [name for name in scope.schema if name not in scope.used]
        return CompiledMapping(
            plan=scope.plan(self._members),
            lists=tuple(lists),
            where=where,
            where_checks=where_checks,
            columns=tuple(used),
            unused=tuple(unused),
            warnings=self._odd_targets(),
        )

    def _problem(self, path: Path, message: str, *, missing: bool = False) -> None:
        line, column = self._document.place(*path)
        (self._missing if missing else self._problems).append(Problem(line, column, ".".join(path), message))

    def _raise_problems(self) -> None:
        if self._problems:
            raise MappingInvalid(self._document.name, self._problems + self._missing)
        if self._missing:
            lines = "".join(f"\n  {problem}" for problem in self._missing)
            known = ", ".join(self._scope.schema)
            raise SourceUnreadable(
                f"The source lacks columns that {self._document.name} maps:{lines}", f"Its columns are: {known}"
            )

    def _add_event_name(self) -> None:
        spec = self._mapping.event
        if spec.value is not None:
            self._members.add_constant((EVENT_NAME,), spec.value)
            return
        field = FieldSpec(column=spec.column, sql=spec.sql, map=spec.map)
        value = self._scope.value(field, "string", ("event",), EVENT_NAME)
        if value is not None:
            self._scope.add(self._members, Target(EVENT_NAME, EVENT_NAME, ("event",)), value)
            self._scope.require(EVENT_NAME, "event_name_missing", "the event has no name")

    def _add_fields(self) -> list[StructList]:
        lists = []
        for target, spec in self._mapping.fields.items():
            path = ("fields", target)
            if not isinstance(spec, EachSpec):
                self._check_unit(spec, path)
                self._scope.field(self._members, Target(target, target, path), spec, self._event)
            elif spec.from_ is None:
                self._add_one_entry(target, spec, path)
            elif (found := self._struct_list(target, spec, spec.from_, path)) is not None:
                lists.append(found)
        return lists

    def _check_unit(self, spec: FieldSpec, path: Path, *, in_list: bool = False) -> None:
        if spec.unit == "auto" and (in_list or spec.column is None):
            self._problem(
                (*path, "unit"), "`auto` looks at a column of the source; write the unit here: s, ms, us or ns"
            )

    def _add_one_entry(self, target: str, spec: EachSpec, path: Path) -> None:
        """A list of one object that is made of the row."""
        condition = self._scope.condition(spec.when, *path, "when")
        entry = Tree()
        for name, item in spec.each.items():
            inner = Target(name, f"{target}[].{name}", (*path, "each", name))
            self._check_unit(item, inner.path)
            self._scope.field(entry, inner, item, self._event, condition)
        self._add_member(target, path, lambda name: Branch(name, entry.members(), is_list=True))

    def _struct_list(self, target: str, spec: EachSpec, column: str, path: Path) -> StructList | None:
        """A list of objects, one for each struct of a list column."""
        condition = self._scope.condition(spec.when, *path, "when")
        source = self._scope.column(column, (*path, "from"))
        if source is None:
            return None
        dtype = source.dtype
        if not (isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct)):
            self._problem((*path, "from"), f"column {column!r} is no list of structs but {dtype}")
            return None
        schema = {field.name: instance(field.dtype) for field in dtype.inner.fields}
        scope, entry = Scope(schema, self._context, self._problem), Tree()
        for name, item in spec.each.items():
            inner = Target(name, f"{target}[].{name}", (*path, "each", name))
            self._check_unit(item, inner.path, in_list=True)
            scope.field(entry, inner, item, self._event)
        values = f"[]{target}"
        self._add_member(target, path, lambda name: Leaf(name, values, raw=True))
        return StructList(values, column, condition, scope.plan(entry))

    def _add_member(self, target: str, path: Path, member: Callable[[str], Member]) -> None:
        parts = tuple(target.split("."))
        if not self._members.add(parts, member(parts[-1])):
            self._problem(path, f"`{target}` cannot be added: a part of it is given as a value already")

    def _add_event_id(self) -> None:
        name = pl.lit(self._event) if self._event is not None else self._scope.values.get(EVENT_NAME)
        parts = position() if self._mapping.key == "position" else self._key_parts()
        if name is None or not parts:
            return
        self._scope.add(self._members, Target(EVENT_ID, EVENT_ID, ("key",)), Value(event_id(name, parts), pl.String()))

    def _key_parts(self) -> list[pl.Expr]:
        parts = []
        for index, name in enumerate(self._mapping.key or ()):
            source = self._scope.column(name, ("key", str(index)))
            if source is None:
                continue
            try:
                part = key_part(source, name)
            except KeyInvalid as error:
                self._problem(("key", str(index)), str(error))
                continue
            message = f"the key column {name!r} is empty, so the event would have no id of its own"
            check = Check("key_missing", message, part.is_null(), pl.lit(None))
            self._scope.checks.append(FailedCheck(EVENT_ID, check))
            parts.append(part)
        return parts

    def _require_essentials(self) -> None:
        """What the API itself requires of every event (vendor: event reference; ``context.event_id`` since 2025-10)."""
        self._require_moment()
        if EVENT_ID in self._mapping.fields:  # a derived one is missing only with its parts, which is said there
            self._scope.require(EVENT_ID, "event_id_missing", "the event has no id")
        if isinstance(self._members.find(("context", "event_id")), Constant):
            self._problem(("fields", EVENT_ID), "a constant id would make all events one")
        user = self._members.find(("user",))
        if user is None:
            self._problem(("fields",), "no member of `user` is left: the API requires a user with at least one")
            return
        nobody = self._absent(user)
        if nobody is not None:
            targets = ", ".join(target for target in self._mapping.fields if target.partition(".")[0] == "user")
            message = f"the event has no user: {targets} are all empty"
            self._scope.checks.append(FailedCheck("user", Check("user_missing", message, nobody, pl.lit(None))))

    def _require_moment(self) -> None:
        moment = self._members.find(("context", "event_timestamp"))
        is_number = isinstance(moment, Constant) and type(moment.value) is int
        if not (is_number or isinstance(moment, Leaf)) and not (self._problems or self._missing):
            message = "the time of an event is one whole number of milliseconds, and an import never invents it"
            self._problem(("fields", EVENT_TIMESTAMP), message)
        self._scope.require(
            EVENT_TIMESTAMP, "timestamp_missing", "the event has no time, and an import never invents one"
        )

    def _absent(self, member: Member) -> pl.Expr | None:
        """Where a member leaves nothing in the event; ``None`` when that cannot be."""
        if isinstance(member, Leaf):
            return self._scope.values.get(member.column, pl.col(member.column)).is_null()
        if isinstance(member, Constant):
            return None
        children = [self._absent(child) for child in member.children]
        found = [child for child in children if child is not None]
        return pl.all_horizontal(found) if len(found) == len(children) else None

    def _odd_targets(self) -> tuple[str, ...]:
        """Targets that the reference does not know but that look like one that it knows."""
        known = reference.known_paths(self._event)
        warnings = []
        for target, spec in self._mapping.fields.items():
            paths = [f"{target}[].{name}" for name in spec.each] if isinstance(spec, EachSpec) else [target]
            unknown = [path for path in paths if reference.find(self._event, path) is None]
            hints = [(path, did_you_mean(path, known)) for path in unknown]
            warnings += [f"target `{path}` is not in the event reference{hint}" for path, hint in hints if hint]
        return tuple(warnings)
