"""A whole event step by step, in the order of the mapping: its fields, its lists, the sums over its rows, its key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from importer.mapping.aggregates import lift
from importer.mapping.cells import Value
from importer.mapping.compiled import LINE, ROW
from importer.mapping.essentials import EVENT_TIMESTAMP
from importer.mapping.keys import key_part
from importer.mapping.models import EachSpec, FieldSpec
from importer.mapping.payload import described, written_one
from importer.mapping.sql_tree import parse
from importer.mapping.trace import FieldTracer, Path, Step, condition, first_reasons, holds, messages, sql_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from importer.mapping.compiled import CompiledMapping, EntryList, FailedCheck
    from importer.mapping.members import Member
    from importer.mapping.models import Mapping


class TracedField(NamedTuple):
    """A target and its steps, from the column, the SQL or the constant on."""

    target: str
    steps: tuple[Step, ...]


class Entry(NamedTuple):
    """One entry of a list: number of the line that it is made of (else its place in the list), conditions, fields."""

    number: int
    conditions: tuple[Step, ...]
    fields: tuple[TracedField, ...]


class TracedList(NamedTuple):
    """A target that is a list of objects, its conditions and its entries."""

    target: str
    conditions: tuple[Step, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class EventTracer:
    """Traces one event.

    ``frame`` has one row, the event as the encoder prepares it, and ``rows`` what that is made of: the row, or the
    lines of the group.
    """

    mapping: Mapping
    compiled: CompiledMapping
    fields: FieldTracer
    frame: pl.DataFrame
    rows: pl.DataFrame

    def targets(self) -> Iterator[TracedField | TracedList]:
        """The name of the event, then all targets in the order of the mapping."""
        event = self.mapping.event
        is_constant = event.value is not None
        named = (
            FieldSpec(value=event.value)
            if is_constant
            else FieldSpec(column=event.column, sql=event.sql, map=event.map)
        )
        yield self._of_event("event_name", named, ("event",))
        lists = {item.name: item for item in self.compiled.lists}
        for target, spec in self.mapping.fields.items():
            path = ("fields", target)
            if not isinstance(spec, EachSpec):
                yield self._of_event(target, spec, path)
            elif item := lists.get(f"[]{target}"):
                yield self._list(target, spec, item, path)
            else:
                yield self._one_entry(target, spec, path)

    def key_parts(self, names: Iterable[str]) -> dict[str, str | None]:
        """The texts of the columns ``names`` in the id of the event."""
        parts = {name: key_part(Value(pl.col(name), self.frame.schema[name]), name) for name in names}
        return self.frame.select(expr.alias(name) for name, expr in parts.items()).row(0, named=True)

    def _of_event(self, target: str, spec: FieldSpec, path: Path) -> TracedField:
        (traced,) = self._traced(self.frame, target, spec, path, self.compiled.plan.checks)
        if target == EVENT_TIMESTAMP:
            traced = traced._replace(steps=(*traced.steps, *self._as_sent(traced.steps)))
        if self.compiled.grouping is None:
            return traced
        found: list[Step] = []
        for step in traced.steps:
            found += self._aggregates(spec, path) if step.name == "sql" else ()
            found.append(self._of_first_row(step) if step.name in {"column", "id_from"} else step)
        return TracedField(target, tuple(found))

    def _as_sent(self, steps: Sequence[Step]) -> Iterator[Step]:
        """How the time is written, if ``payload`` asks for another way than the usual one."""
        payload = self.mapping.payload
        detail, value = described(payload), steps[-1].value if steps else None
        if detail and value is not None and holds(step for step in steps if step.name == "when"):
            form = payload.timestamp_type
            yield Step("payload", detail, value if form == "integer" else written_one(int(value), form))

    def _of_first_row(self, step: Step) -> Step:
        differing = self.compiled.grouping.differing if self.compiled.grouping else ()
        marks = {str(part): mark for part, mark in differing}
        columns = step.detail.split(", ") if step.name == "id_from" else [step.detail]
        if any(name in marks and self.frame[marks[name]].item() for name in columns):
            return step._replace(detail=f"{step.detail} (of the first row; others differ)")
        return step

    def _traced(
        self, frame: pl.DataFrame, target: str, spec: FieldSpec, path: Path, checks: Sequence[FailedCheck]
    ) -> list[TracedField]:
        """The field for each row of ``frame``. Of ``checks``, those of its SQL and its presence become steps, too."""
        found = []
        failures = self._failures(frame, checks, path, also=target)
        for steps, failed in zip(self.fields.steps(frame, target, spec, path), failures, strict=True):
            is_said = any(step.rejected for step in steps)  # that the target is missing then is no news
            found.append(TracedField(target, steps if is_said else (*steps, *failed)))
        return found

    def _failures(
        self, frame: pl.DataFrame, checks: Iterable[FailedCheck], path: Path, also: str = ""
    ) -> list[tuple[Step, ...]]:
        """What those of ``checks`` say that guard ``path``: its SQL and conditions, or ``also``, its target.

        For each row of ``frame``; of the lines, where they look at these.
        """
        dotted = ".".join(path).removeprefix("fields.")
        names = {dotted, f"{dotted}.when", f"{dotted}.where", also}
        found: list[dict[str, None]] = [{} for _ in range(frame.height)]
        for item in checks:
            if item.target not in names:
                continue
            if not set(item.check.shown.meta.root_names()) <= set(frame.columns):
                continue  # the several values of a column are put together for rejects only, which say this themselves
            for number, message in enumerate(messages(frame, item.check)):
                if message is not None:
                    of_lines = messages(self._lines(), item.of_lines) if item.of_lines is not None else [message]
                    found[number] |= dict.fromkeys(filter(None, of_lines))
        return [tuple(Step("check", "", None, reason) for reason in reasons) for reasons in found]

    def _lines(self) -> pl.DataFrame:
        """The lines of the group, with the arguments of aggregates."""
        return self.compiled.grouping.lines.with_sql(self.rows) if self.compiled.grouping else self.rows

    def _aggregates(self, spec: FieldSpec, path: Path) -> Iterator[Step]:
        """What each aggregate of the SQL was given by each line, and what it made of that."""
        lines, seen = self._lines(), set()
        for aggregate in lift(parse(spec.sql), sql_column((*path, "sql")))[1] if spec.sql is not None else ():
            for argument in aggregate.arguments:
                if argument.name not in seen:
                    text = re.sub(r'col\("([^"]*)"\)', r"\1", str(argument.expr))
                    yield Step("each row", text, lines[argument.name].to_list())
                seen.add(argument.name)
            yield Step("aggregate", aggregate.function, self.frame[aggregate.name].item())

    def _one_entry(self, target: str, spec: EachSpec, path: Path) -> TracedList:
        """A list of one object that is made of the row."""
        (when,), (where,) = (
            condition(self.frame, text, (*path, name)) for name, text in (("when", spec.when), ("where", spec.where))
        )
        conditions = when + where
        (failed,) = self._failures(self.frame, self.compiled.plan.checks, path)
        entries = self._entries(self.frame, [1], target, spec, path, self.compiled.plan.checks, [()])
        return TracedList(target, conditions + failed, entries if holds(conditions) else ())

    def _list(self, target: str, spec: EachSpec, item: EntryList, path: Path) -> TracedList:
        """A list with an entry for each struct of a column, or for each line of the group."""
        (conditions,) = condition(self.frame, spec.when, (*path, "when"))
        (failed,) = self._failures(self.frame, self.compiled.plan.checks, path)
        if not holds(conditions):
            return TracedList(target, conditions + failed, ())
        frame = self.rows if item.column is None else _structs(self.frame, item.column)
        numbers = frame[LINE].to_list() if item.column is None else list(range(1, frame.height + 1))
        if item.where is not None:
            frame = item.where.plan.with_sql(frame)
        frame = item.plan.with_stages(item.plan.with_sql(frame))
        own = condition(frame, spec.where, (*path, "where"))
        entries = self._entries(frame, numbers, target, spec, path, item.checks, own)
        return TracedList(target, conditions + failed, entries)

    def _entries(
        self,
        frame: pl.DataFrame,
        numbers: Sequence[int],
        target: str,
        spec: EachSpec,
        path: Path,
        checks: Sequence[FailedCheck],
        conditions: Sequence[tuple[Step, ...]],
    ) -> tuple[Entry, ...]:
        """An entry for each row of ``frame``; of one that its condition leaves out, only that."""
        fields = [
            self._traced(frame, f"{target}[].{name}", item, (*path, "each", name), checks)
            for name, item in spec.each.items()
        ]
        failures = self._failures(frame, checks, path) if any(conditions) else [()] * frame.height
        return tuple(
            Entry(number, own + failed, tuple(field[index] for field in fields) if holds(own) else ())
            for index, (number, own, failed) in enumerate(zip(numbers, conditions, failures, strict=True))
        )


def _structs(frame: pl.DataFrame, column: Member) -> pl.DataFrame:
    """The structs of a list column as rows."""
    entries = frame.select(ROW, column.expr.alias("")).explode("", empty_as_null=True)
    return entries.drop_nulls("").unnest("")


def where(compiled: CompiledMapping, row: pl.DataFrame, text: str) -> Step:
    """The condition ``text`` on rows, for the one of ``row``."""
    assert compiled.where is not None  # noqa: S101  (``text`` is what it was compiled from)
    row = compiled.where.plan.with_sql(row)
    (reason,) = first_reasons(row, [item.check for item in compiled.where.plan.checks])
    return Step("where", text, row[compiled.where.name].item(), reason)


def group_key(compiled: CompiledMapping, names: Iterable[str], row: pl.DataFrame) -> dict[str, str | None]:
    """The texts by which the one row of ``row`` finds its group, by the columns ``names`` of ``group_by``."""
    parts = row.select(expr.alias(str(number)) for number, expr in enumerate(compiled.group_key or ())).row(0)
    return dict(zip(names, parts, strict=True))
