"""A mapping document and the columns of a source become expressions. Nothing here touches a row.

One pass over the document gathers expressions and problems; all problems are reported at once, with their places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from importer.errors import ColumnsMissing, MappingInvalid, Problem
from importer.mapping.advice import advice
from importer.mapping.cells import Check, Context, Value, instance, type_name
from importer.mapping.columns import Columns, Path
from importer.mapping.compiled import CompiledMapping, EntryList, FailedCheck, Where
from importer.mapping.consent import Consent, compile_consent
from importer.mapping.essentials import EVENT_ID, EVENT_NAME, Essentials
from importer.mapping.group_scope import GroupScope
from importer.mapping.identity_checks import ONE_FOR_ALL, VISITOR
from importer.mapping.keys import KeyInvalid, event_id, key_part, position
from importer.mapping.lookups import LookupUnreadable
from importer.mapping.members import Member, named
from importer.mapping.models import EachSpec, FieldSpec
from importer.mapping.numbers import NumberFormat
from importer.mapping.payload import place_time, target_kinds
from importer.mapping.scope import Scope, Target
from importer.mapping.shape import has_form
from importer.mapping.sql import NEEDS_GROUPS, SqlInvalid, is_constant
from importer.mapping.tree import Branch, Leaf, Tree
from importer.mapping.tree import Member as EventMember
from importer.mapping.yaml_loader import dotted, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from importer.mapping.document import Document
    from importer.mapping.lookups import Lookups

__all__ = ["CompiledMapping", "compile_mapping"]

TEST_CODE = "test_code"
_NOT_IN_WHERE = "an aggregate cannot stand in `where`, which looks at one row at a time, before there are groups"
_NOT_IN_EACH = "an aggregate cannot stand in `each`, which looks at one row at a time: move it to a field outside"


def compile_mapping(
    document: Document,
    schema: Mapping[str, pl.DataType],
    *,
    is_text: bool,
    units: dict[str, str] | None = None,
    test_code: str | None = None,
    lookups: Lookups | None = None,
) -> CompiledMapping:
    """Compile for a source with the columns of ``schema``; ``is_text`` for CSV, whose cells are all text.

    ``units`` are the epoch units guessed for columns with ``unit: auto``, by label; ``test_code`` becomes the root
    property of that name (vendor: such events show in the event inspectors). ``lookups`` are the files that it looks
    values up in.

    Raises:
        MappingInvalid: with every problem of the mapping.
        SourceUnreadable: all that is wrong is that the source lacks columns, or that a lookup file cannot be read.
    """
    return _Compiler(document, dict(schema), units or {}, lookups, is_text=is_text).compile(test_code)


class _Compiler:
    """The pass over one document."""

    def __init__(
        self,
        document: Document,
        schema: dict[str, pl.DataType],
        units: dict[str, str],
        lookups: Lookups | None,
        *,
        is_text: bool,
    ) -> None:
        self._document = document
        self._mapping = document.mapping
        self._event = self._mapping.event.value
        self._problems: list[Problem] = []
        self._missing: list[Problem] = []
        self._damaged: list[Problem] = []
        for path, message, is_damage in lookups.problems if lookups is not None else ():
            (self._damaged if is_damage else self._problems).append(self._located(path, message))
        source = self._mapping.source
        numbers = NumberFormat(source.decimal, source.thousands, is_of_csv=True) if is_text else NumberFormat()
        kinds, country = target_kinds(self._mapping.payload), self._mapping.country
        self._context = Context(self._mapping.timezone, numbers, units, None, kinds, lookups, country)
        untyped = [name for name, dtype in schema.items() if is_text and dtype == pl.String]
        gaps = document.gaps
        self._columns = Columns(schema, self._context, self._problem, untyped=untyped)
        self._columns.unsure |= gaps.unsure_types(list(schema))
        is_grouped = self._mapping.group_by is not None or gaps.is_cut("group_by")
        self._groups = GroupScope(self._columns, self._context, self._problem) if is_grouped else None
        self._scope = self._groups or Scope(self._columns, self._context, self._problem)
        self._members = Tree()

    def compile(self, test_code: str | None) -> CompiledMapping:
        columns = self._columns
        for name, kind in self._mapping.source.columns.items():
            columns.declare(name, kind, ("source", "columns", name))
        where = self._where()
        consent = self._consent()
        group_key = self._group_key()
        self._add_event_name()
        if test_code is not None:
            self._members.add_constant((TEST_CODE,), test_code)
        lists = self._add_fields()
        if EVENT_ID not in self._mapping.fields:
            self._add_event_id(group_key)
        essentials = Essentials(self._scope, self._members, self._mapping, self._problem)
        is_whole = not (self._problems or self._missing or self._damaged or self._document.gaps)
        essentials.require(is_whole=is_whole)
        self._raise_problems()
        moment = essentials.moment()
        place_time(self._mapping.payload, self._scope, self._members)
        return CompiledMapping(
            plan=self._scope.plan(self._members),
            lists=tuple(lists),
            where=where,
            grouping=self._groups.grouping(group_key) if self._groups else None,
            moment=moment,
            columns=tuple(name for name in columns.schema if name in columns.used),
            unused=tuple(name for name in columns.schema if name not in columns.used),
            warnings=tuple(map(str, advice(self._document))),
            event_names=self._event_names(),
            has_own_ids=EVENT_ID not in self._mapping.fields,
            consent=consent,
        )

    def _problem(self, path: Path, message: str, *, missing: bool = False) -> None:
        if not self._document.gaps.hide(path, missing=missing):
            of_key = missing and path[0] == "source"  # its columns are keys
            (self._missing if missing else self._problems).append(self._located(path, message, of_key=of_key))

    def _located(self, path: Path, message: str, *, of_key: bool = False) -> Problem:
        return Problem(*place_of(self._document.root, path, of_key=of_key), dotted(path), message)

    def _raise_problems(self) -> None:
        if self._problems:
            problems = self._problems + self._missing + self._damaged
            raise MappingInvalid(self._document.name, problems, advice(self._document))
        if self._damaged:
            raise LookupUnreadable(self._document.name, self._damaged + self._missing)
        if self._missing:
            raise ColumnsMissing(self._document.name, self._missing, advice(self._document), self._columns.schema)

    def _line_scope(self, columns: Columns, no_aggregates: str) -> Scope:
        """A scope of its own for single rows, lines or entries."""
        return Scope(columns, self._context, self._problem, no_aggregates=no_aggregates)

    def _where(self) -> Where | None:
        if self._mapping.where is None:
            return None
        where = self._line_scope(self._columns, _NOT_IN_WHERE).where(self._mapping.where, "where")
        if where is not None and self._groups:
            self._groups.check_lines(where.plan.checks, "\x01where")
        elif where is not None:
            self._scope.checks += where.plan.checks
        return where

    def _consent(self) -> Consent | None:
        spec = self._mapping.consent
        return None if spec is None else compile_consent(spec, self._columns, self._problem)

    def _add_event_name(self) -> None:
        spec = self._mapping.event
        if spec.value is not None:
            self._members.add_constant((EVENT_NAME,), spec.value)
            return
        if not has_form(spec):
            return  # cut out
        field = FieldSpec(column=spec.column, sql=spec.sql, map=spec.map)
        value = self._scope.value(field, "string", ("event",), EVENT_NAME)
        if self._groups:
            message = "column {} gives the name of the event, and the rows of this event have several: {{}}"
            self._groups.must_not_differ(EVENT_NAME, self._groups.compared(), "event_name_varies", message)
        if value is not None:
            self._scope.add(self._members, Target(EVENT_NAME, EVENT_NAME, ("event",)), value)
            self._scope.require(EVENT_NAME, "event_name_missing", "the event has no name")

    def _event_names(self) -> tuple[str, ...] | None:
        spec = self._mapping.event
        if spec.value is not None:
            return (spec.value,)
        return tuple(dict.fromkeys(spec.map.values())) if spec.map else None

    def _add_fields(self) -> list[EntryList]:
        lists = []
        for target, spec in self._mapping.fields.items():
            path = ("fields", target)
            if isinstance(spec, FieldSpec) and not has_form(spec):
                continue  # cut out
            if not isinstance(spec, EachSpec):
                self._check_unit(spec, path)
                self._scope.field(self._members, Target(target, target, path), spec, self._event)
                if target == VISITOR and spec.sql is not None and is_constant(spec.sql):
                    self._problem((*path, "sql"), ONE_FOR_ALL)
            elif spec.from_ is not None:
                lists += self._struct_list(target, spec, spec.from_, path)
            elif self._groups:
                lists.append(self._entry_list(target, spec, path, self._columns, None))
            else:
                self._add_one_entry(target, spec, path)
        return lists

    def _check_unit(self, spec: FieldSpec, path: Path, *, in_list: bool = False) -> None:
        if spec.unit == "auto" and (in_list or spec.column is None):
            self._problem(
                (*path, "unit"), "`auto` looks at a column of the source; write the unit here: s, ms, us or ns"
            )

    def _add_one_entry(self, target: str, spec: EachSpec, path: Path) -> None:
        """A list of one object that is made of the row, or of none where a condition does not hold."""
        when = self._scope.condition(spec.when, *path, "when")
        first_check = len(self._scope.checks)
        where = self._scope.condition(spec.where, *path, "where")
        if when is not None:
            self._scope.restrict(first_check, pl.col(when).fill_null(value=False))
        conditions = tuple(name for name in (when, where) if name is not None)
        entry = Tree()
        self._add_entry_fields(self._scope, entry, target, spec, path, conditions)
        self._add_member(target, path, lambda name: Branch(name, entry.members(), is_list=True))

    def _struct_list(self, target: str, spec: EachSpec, text: str, path: Path) -> list[EntryList]:
        """A list of objects, one for each struct of a list; none if that is no column or a part of one."""
        column = named(text, self._columns.schema)
        if self._scope.column(column.column, (*path, "from")) is None:
            return []
        try:
            dtype = column.dtype(self._columns.schema)
        except SqlInvalid as error:
            self._problem((*path, "from"), str(error))
            return []
        if not (isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct)):
            self._problem((*path, "from"), f"column {text!r} is no list of structs but {type_name(dtype)}")
            return []
        schema = {field.name: instance(field.dtype) for field in dtype.inner.fields}
        return [self._entry_list(target, spec, path, Columns(schema, self._context, self._problem), column)]

    def _entry_list(
        self, target: str, spec: EachSpec, path: Path, columns: Columns, column: Member | None
    ) -> EntryList:
        """A list of objects, one for each struct of the list in ``column``, or one for each line of the group."""
        no_aggregates = NEEDS_GROUPS if column is not None else _NOT_IN_EACH
        when = self._scope.condition(spec.when, *path, "when")
        where = None
        if spec.where is not None:
            where = self._line_scope(columns, no_aggregates).where(spec.where, *path, "where")
        scope, entry = self._line_scope(columns, no_aggregates), Tree()
        self._add_entry_fields(scope, entry, target, spec, path, (), in_list=column is not None)
        values = f"[]{target}"
        self._add_member(target, path, lambda name: Leaf(name, values, raw=True))
        return EntryList(values, column, when, where, scope.plan(entry))

    def _add_entry_fields(
        self,
        scope: Scope,
        entry: Tree,
        target: str,
        spec: EachSpec,
        path: Path,
        conditions: tuple[str, ...],
        *,
        in_list: bool = False,
    ) -> None:
        for name, item in spec.each.items():
            if not has_form(item):
                continue  # cut out
            inner = Target(name, f"{target}[].{name}", (*path, "each", name))
            self._check_unit(item, inner.path, in_list=in_list)
            scope.field(entry, inner, item, self._event, conditions)

    def _add_member(self, target: str, path: Path, member: Callable[[str], EventMember]) -> None:
        parts = tuple(target.split("."))
        if not self._members.add(parts, member(parts[-1])):
            self._problem(path, f"`{target}` cannot be added: a part of it is given as a value already")

    def _group_key(self) -> dict[str, pl.Expr]:
        """The columns of ``group_by`` as texts, with the types that the mapping declares for them."""
        parts = {}
        for index, name in enumerate(self._mapping.group_by or ()):
            path = ("group_by", index)
            cell = self._columns.get(name, path)
            if cell is not None and (part := self._typed_key_part(name, cell, path)) is not None:
                parts[name] = part
        return parts

    def _typed_key_part(self, name: str, cell: Value, path: Path) -> pl.Expr | None:
        """The part of a key that a column with a declared type gives in a group; else the cell as it is."""
        typed = self._columns.plain(name) if self._groups else None
        part = self._key_part(name, typed or cell, path)
        if part is None or typed is None or self._groups is None:
            return part
        # a cell that does not fit its type is rejected by this, in a group by its own text
        self._groups.rely_on({name}, f"{path[0]} {name}")
        text = cell.expr.cast(pl.String)
        return pl.coalesce(part, pl.when(text != "").then(text))

    def _key_part(self, name: str, source: Value, path: Path) -> pl.Expr | None:
        try:
            return key_part(source, name)
        except KeyInvalid as error:
            self._problem(path, str(error))
            return None

    def _add_event_id(self, group_key: dict[str, pl.Expr]) -> None:
        name = self._event if self._event is not None else self._scope.values.get(EVENT_NAME)
        if self._mapping.key == "position":
            parts = position()
        elif self._mapping.key is None:
            parts = [self._present(column, part) for column, part in group_key.items()]
        else:
            parts = self._key_parts(self._mapping.key, group_key)
        if name is None or not parts:
            return
        self._scope.add(self._members, Target(EVENT_ID, EVENT_ID, ("key",)), Value(event_id(name, parts), pl.String()))

    def _key_parts(self, key: tuple[str, ...], group_key: dict[str, pl.Expr]) -> list[pl.Expr]:
        parts = []
        for index, name in enumerate(key):
            path = ("key", index)
            part = group_key.get(name)
            if part is None and (cell := self._scope.column(name, path)) is not None:
                part = self._typed_key_part(name, cell, path)
                if part is not None and self._groups:
                    self._groups.compare_as(name, part)
            if part is not None:
                parts.append(self._present(name, part))
        if self._groups:
            message = "the key column {} has several values in the rows of this event: {{}}"
            others = (Member(name) for name in key if name not in group_key)
            self._groups.must_not_differ(EVENT_ID, others, "key_varies", message)
        return parts

    def _present(self, name: str, part: pl.Expr) -> pl.Expr:
        """A part of a key, with a check that it is there."""
        message = f"the key column {name!r} is empty, so the event would have no id of its own"
        self._scope.checks.append(FailedCheck(EVENT_ID, Check("key_missing", message, part.is_null(), pl.lit(None))))
        return part
