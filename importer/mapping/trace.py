"""One field step by step, on the few rows that somebody looks at: the steps of a run, with the value after each.

The frame is one of the encoder, with the results of SQL beside its columns, and every step is the one that the compiled
mapping is made of (:func:`importer.mapping.values.steps`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from importer import reference
from importer.mapping.cells import Value
from importer.mapping.failures import sentence
from importer.mapping.keys import derived_id, key_part
from importer.mapping.lookups import Finder, key_columns, label_of
from importer.mapping.values import steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from importer.mapping.cells import Check, Context
    from importer.mapping.models import FieldSpec, LookupSpec

Path = tuple[str, ...]
_SCALAR_TYPES = frozenset({"string", "number", "integer", "boolean", "date", "timestamp"})
_FAILED, _SHOWN, _VALUE = "\x01failed", "\x01shown", "\x01value"


class Token(str):
    """A number as it will stand in the JSON."""

    __slots__ = ()


class Step(NamedTuple):
    """One step of a field: its name, what the mapping says about it, and the value after it.

    ``rejected`` says why the step rejects the row, ``None`` if it does not.
    """

    name: str
    detail: str
    value: Any
    rejected: str | None = None


@dataclass(frozen=True, slots=True)
class FieldTracer:
    """Traces fields. ``event`` is the name of the event, ``None`` if it varies from row to row."""

    event: str | None
    context: Context

    def steps(self, frame: pl.DataFrame, target: str, spec: FieldSpec, path: Path) -> list[tuple[Step, ...]]:
        """All steps of a field for each row of ``frame``; none behind a condition that is not true.

        ``target`` is its full name in the event reference, ``path`` its place in the document.
        """
        conditions = condition(frame, spec.when, (*path, "when"))
        if "value" in spec.model_fields_set:
            behind = [(Step("value", "", spec.value),)] * frame.height
            return [(*row, *(rest if holds(row) else ())) for row, rest in zip(conditions, behind, strict=True)]
        source, origins = self._origins(frame, spec, path)
        label = f"column {spec.column!r}" if spec.sql is None else "the result of its SQL"
        if spec.lookup is not None:
            label = label_of(spec.lookup)
        columns = self._columns(frame, spec, self._kind(target, path), source, label)
        rows = zip(*columns, strict=True) if columns else iter([()] * frame.height)
        return [
            (*first, *((*origin, *filter(None, rest)) if holds(first) else ()))
            for first, origin, rest in zip(conditions, origins, rows, strict=True)
        ]

    def _origins(self, frame: pl.DataFrame, spec: FieldSpec, path: Path) -> tuple[Value, list[tuple[Step, ...]]]:
        """The column that a field begins with, and for each row of ``frame`` the steps that say where it is from."""
        source, origin = _origin(spec, path, frame)
        cells = frame.select(source.expr.alias(_VALUE))[_VALUE].to_list()
        first = [origin._replace(value=value) for value in cells]
        table = self.context.lookups.table(spec.lookup) if spec.lookup and self.context.lookups else None
        if spec.lookup is None or table is None:
            return source, [(step,) for step in first]
        found = Finder().value(spec.lookup, source, table, self.context)
        return found, list(zip(first, _lookup_steps(frame, spec.lookup, found), strict=True))

    def _kind(self, target: str, path: Path) -> str | None:
        """The type that the event reference has for ``target``; the name of the event is text."""
        if path[0] == "event":
            return "string"
        found = reference.find(self.event, target)
        known = (found.item_type if found.type == "array" else found.type) if found else None
        kind = self.context.kinds.get(target, known)
        return kind if kind in _SCALAR_TYPES else None

    def _columns(
        self, frame: pl.DataFrame, spec: FieldSpec, kind: str | None, source: Value, label: str
    ) -> list[list[Step | None]]:
        """Each step for all rows. One that nobody has asked for is ``None`` where it does nothing."""
        columns, value, values = [], source, frame.select(source.expr.alias(_VALUE))[_VALUE].to_list()
        for name, step in steps(spec, kind, self.context, label):
            earlier, checks, value = values, value.checks, step(value)
            values = frame.with_columns(value.expr.alias(_VALUE))[_VALUE].to_list()
            values = [_token(item) for item in values] if value.raw else values
            reasons = first_reasons(frame, value.checks[len(checks) :])
            detail = _detail(spec, name, kind, spec.country or self.context.country)
            columns.append(
                [
                    Step(name, detail, after, reason) if detail or reason or after != before else None
                    for before, after, reason in zip(earlier, values, reasons, strict=True)
                ]
            )
        return columns


def condition(frame: pl.DataFrame, text: str | None, path: Path) -> list[tuple[Step, ...]]:
    """The condition ``text`` for each row of ``frame``, nothing where there is none."""
    if text is None:
        return [()] * frame.height
    return [(Step(path[-1], text, result),) for result in frame[sql_column(path)].to_list()]


def holds(conditions: Iterable[Step]) -> bool:
    """Whether all conditions are true. A null is not."""
    return all(step.value is True for step in conditions)


def sql_column(path: Path) -> str:
    """The column that holds the result of the SQL at ``path`` in the document."""
    return "\x01" + ".".join(path)


def messages(frame: pl.DataFrame, check: Check) -> list[str | None]:
    """What ``check`` says about each row of ``frame``, ``None`` where it is content."""
    columns = [check.failed.fill_null(value=False).alias(_FAILED), check.shown.cast(pl.String).alias(_SHOWN)]
    rows = frame.with_columns(columns).select(_FAILED, _SHOWN).iter_rows()
    return [sentence(check, shown) if failed else None for failed, shown in rows]


def first_reasons(frame: pl.DataFrame, checks: Sequence[Check]) -> list[str | None]:
    """What the first check that has failed says about each row of ``frame``, ``None`` where all are content."""
    said = [messages(frame, check) for check in checks]
    return [next(filter(None, row), None) for row in zip(*said, strict=True)] if said else [None] * frame.height


def _origin(spec: FieldSpec, path: Path, frame: pl.DataFrame) -> tuple[Value, Step]:
    """What a field begins with, and the step that says so, without its value."""
    if spec.id_from:
        parts = [key_part(Value(pl.col(name), frame.schema[name]), name) for name in spec.id_from]
        return Value(derived_id(parts), pl.String()), Step("id_from", ", ".join(spec.id_from), None)
    if spec.sql is not None:
        name, step = sql_column((*path, "sql")), Step("sql", spec.sql, None)
    else:
        name = key_columns(spec.lookup)[0] if spec.lookup is not None else spec.column or ""
        step = Step("column", name, None)
    return Value(pl.col(name), frame.schema[name]), step


def _lookup_steps(frame: pl.DataFrame, spec: LookupSpec, found: Value) -> list[Step]:
    """The step into the other file for each row of ``frame``."""
    values = frame.select(found.expr.alias(_VALUE))[_VALUE].to_list()
    reasons = first_reasons(frame, found.checks)
    unknown = [frame.select(expr.alias(_FAILED))[_FAILED].to_list() for _, expr in found.counts]
    detail = f"{label_of(spec)} by {key_columns(spec)[1]!r}"
    return [
        Step("lookup", f"{detail}: not there" if reason or any(flags) else detail, value, reason)
        for value, reason, *flags in zip(values, reasons, *unknown, strict=True)
    ]


def _token(value: Any) -> Any:  # noqa: ANN401 -- a text, a list of them, or nothing
    return Token(value) if isinstance(value, str) else value and [_token(item) for item in value]


def _detail(spec: FieldSpec, name: str, kind: str | None, country: str | None) -> str:
    """What the mapping says about the step ``name``; empty for what happens without a word of it."""
    match name:
        case "clean":
            return ", ".join(spec.clean) + (f" of {country}" if country and "e164" in spec.clean else "")
        case "empty":
            return ""
        case "map":
            return f"{len(spec.map or {})} values"
        case "type":
            said = " or ".join(spec.format) or (f"unit {spec.unit}" if spec.unit else "")
            known = "" if kind in {None, "string"} else kind
            return " ".join(filter(None, [spec.type or known or ("timestamp" if said else ""), said]))
    return json.dumps(getattr(spec, name), ensure_ascii=False)
