"""The step ``type or format``: a column as the type that its target wants, in the form that JSON has for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from importer.mapping import timestamps
from importer.mapping.cells import Check, Context, FieldInvalid, Value, as_text, inner_type, type_name
from importer.mapping.hints import number_hint, time_hint
from importer.mapping.timestamps import Clock

if TYPE_CHECKING:
    from importer.mapping.hints import Hint
    from importer.mapping.models import FieldSpec

_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_SHAPELESS = (pl.Binary, pl.Object, pl.Struct, pl.Array, pl.Duration, pl.Time)


def convert(  # noqa: PLR0911  one line a type
    spec: FieldSpec, kind: str | None, value: Value, context: Context, label: str
) -> Value:
    """``value`` as ``kind`` (a target type, ``None`` for the natural one of the column). Raises FieldInvalid."""
    if spec.unit or (spec.format and kind != "date"):
        kind = "timestamp"
    if isinstance(value.dtype, pl.List):
        return _entries(spec, kind, value, context, label)
    if isinstance(value.dtype, _SHAPELESS):
        raise FieldInvalid(f"{label} is {type_name(value.dtype)}, which has no form in JSON; {_way_out(value.dtype)}")
    match kind:
        case "timestamp":
            return _timestamp(spec, value, context, label)
        case "date":
            return _date(spec, value, context, label)
        case "boolean":
            return _boolean(value, label)
        case "number" | "integer":
            return _number(kind, value, context, label)
        case "string":
            return _string(value, label)
    return _natural(value, label)


def _way_out(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Struct):
        return 'take a part of it, e.g. {sql: "address.city"}'
    if isinstance(dtype, pl.Time):
        return "write it as text or as a number in the export"
    return "write it as text in the export"


def _entries(spec: FieldSpec, kind: str | None, value: Value, context: Context, label: str) -> Value:
    """Each entry of a list converted; entries that are null are left out, and so is a list of none."""
    inner = inner_type(value.dtype)
    if isinstance(inner, pl.List):
        raise FieldInvalid(f"{label} is a list of lists, which no event has")
    if isinstance(inner, pl.Struct):
        raise FieldInvalid(f"{label} is a list of structs: write {{from: …, each: {{…}}}} to say what of it is sent")
    element = convert(spec, kind, Value(pl.element(), inner or pl.String()), replace(context, stages=None), label)
    kept = value.expr.list.eval(element.expr.drop_nulls())
    checks = tuple(_of_list(check, value) for check in element.checks)
    return replace(
        value,
        expr=pl.when(kept.list.len() > 0).then(kept),
        dtype=pl.List(element.dtype),
        raw=element.raw,
        checks=(*value.checks, *checks),
    )


def _of_list(check: Check, value: Value) -> Check:
    """A check of the entries as a check of the row, which shows the entries that failed."""
    failed = value.expr.list.eval(check.failed).list.any().fill_null(value=False)
    shown = value.expr.list.eval(pl.element().filter(check.failed).cast(pl.String)).list.join("|")
    return replace(check, failed=failed, shown=shown)


def _timestamp(spec: FieldSpec, value: Value, context: Context, label: str) -> Value:
    if spec.unit:
        return _epoch(spec.unit, value, context, label)
    for item in spec.format:
        if problem := timestamps.format_problem(item):
            raise FieldInvalid(f"{item!r} {problem}", "format")
    clock = Clock(spec.timezone or context.timezone, spec.ambiguous, spec.nonexistent)
    if clock.timezone is None and timestamps.needs_zone(value.dtype, spec.format):
        message = (
            f"{label} has times without a zone: say which clock they were read from, e.g. `timezone: Europe/Paris`"
        )
        raise FieldInvalid(message, "format" if spec.format else "")
    if value.dtype == pl.String:
        instant = timestamps.fields_of(context.staged(timestamps.from_text(value.expr, spec.format, clock)))
    elif isinstance(value.dtype, pl.Datetime) and value.dtype.time_zone is not None:
        instant = timestamps.from_instant(value.expr)
    elif isinstance(value.dtype, pl.Datetime | pl.Date):
        instant = timestamps.fields_of(context.staged(timestamps.from_wall_clock(value.expr, clock)))
    else:
        raise FieldInvalid(f"{label} holds {type_name(value.dtype)}: say what it counts, e.g. `unit: ms`", "unit")
    counts = [("time_ambiguous", instant.ambiguous), ("time_nonexistent", instant.nonexistent)]
    message = _unreadable(spec, value, clock, label)
    converted = value.converted(_sane(instant.milliseconds), pl.Int64(), message, hint=_time_hint(spec, value))
    found = ((name, expr) for name, expr in counts if expr is not None)
    return replace(converted, counts=(*value.counts, *found))


def _time_hint(spec: FieldSpec, value: Value, *, is_date: bool = False) -> Hint | None:
    return time_hint(spec.format, spec.unit, is_date=is_date) if value.dtype == pl.String else None


def _unreadable(spec: FieldSpec, value: Value, clock: Clock, label: str) -> str:
    message = f"{label} is {{}}, which is not a time that can be read"
    if spec.format:
        return f"{message} by {' or '.join(map(repr, spec.format))}"
    if value.dtype == pl.String and clock.timezone is None:
        return f"{message}: it wants ISO 8601 with an offset; for times without one, set `timezone` in the mapping"
    return message


def _epoch(unit: str, value: Value, context: Context, label: str) -> Value:
    if not (value.dtype == pl.String or value.dtype.is_numeric()):
        raise FieldInvalid(f"`unit` counts numbers, and {label} holds {type_name(value.dtype)}", "unit")
    if unit == "auto":
        unit = context.units.get(label, "s")
    number = context.staged(context.numbers.tokens(value.expr)) if value.dtype == pl.String else value.expr
    instant = timestamps.from_epoch(number, unit)
    message = f"{label} is {{}}, which is no time when it counts {unit} since 1970"
    hint = time_hint((), unit) if value.dtype == pl.String or value.dtype.is_integer() else None
    return value.converted(_sane(instant.milliseconds), pl.Int64(), message, hint=hint)


def _sane(milliseconds: pl.Expr) -> pl.Expr:
    return pl.when(milliseconds.is_between(timestamps.MIN_MILLISECONDS, timestamps.MAX_MILLISECONDS)).then(milliseconds)


def _date(spec: FieldSpec, value: Value, context: Context, label: str) -> Value:
    wanted = " or ".join(spec.format) or "YYYY-MM-DD"
    if value.dtype == pl.String:
        dates = context.staged(timestamps.parse_date(value.expr, spec.format))
    elif isinstance(value.dtype, pl.Datetime):
        dates = value.expr.dt.date()  # of its own clock; a cast would take that of UTC
    elif value.dtype == pl.Date:
        dates = value.expr
    else:
        raise FieldInvalid(f"{label} holds {type_name(value.dtype)}, which is not a date", "type")
    sane = pl.when(dates.dt.year().is_between(timestamps.MIN_YEAR, timestamps.MAX_YEAR)).then(dates)
    return value.converted(
        sane.dt.strftime("%Y-%m-%d"),
        pl.String(),
        f"{label} is {{}}, which is not a date like {wanted}",
        hint=_time_hint(spec, value, is_date=True),
    )


def _boolean(value: Value, label: str) -> Value:
    if value.dtype == pl.Boolean:
        return value
    text = as_text(value, "type").expr.str.strip_chars().str.to_lowercase()
    flags = [True] * len(_TRUE) + [False] * len(_FALSE)
    expr = text.replace_strict([*_TRUE, *_FALSE], flags, default=None, return_dtype=pl.Boolean)
    return value.converted(expr, pl.Boolean(), f"{label} is {{}}, which is neither true nor false")


def _number(kind: str, value: Value, context: Context, label: str) -> Value:
    message = f"{label} is {{}}, which is not {'a whole number' if kind == 'integer' else 'a number'}"
    if value.dtype == pl.String:
        read = context.numbers.integers if kind == "integer" else context.numbers.tokens
        hint = number_hint(context.numbers, whole=kind == "integer")
        return value.converted(context.staged(read(value.expr)), pl.String(), message, raw=True, hint=hint)
    if isinstance(value.dtype, pl.Decimal):
        tokens = value.expr.cast(pl.String)
        if kind == "integer":
            whole = tokens.str.replace(r"\.0+$", "")
            tokens = pl.when(~whole.str.contains(".", literal=True)).then(whole)
        return value.converted(tokens, pl.String(), message, raw=True)
    if not value.dtype.is_numeric():
        raise FieldInvalid(f"{label} holds {type_name(value.dtype)}, which is not a number", "type")
    if not value.dtype.is_float():
        return value
    if kind == "integer":
        whole = value.expr.cast(pl.Int64, strict=False)
        return value.converted(pl.when(whole == value.expr).then(whole), pl.Int64(), message)
    return _finite(value, label)


def _finite(value: Value, label: str) -> Value:
    failed = value.expr.is_finite().not_().fill_null(value=False)
    return value.checked("type", f"{label} is {{}}, which JSON cannot say", failed, value.expr)


def _string(value: Value, label: str) -> Value:
    if value.dtype.is_float():
        raise FieldInvalid(
            f"{label} holds floating point, and this target is text: an id 12431 would become '12431.0'. "
            'Say what you mean, e.g. {sql: "CAST(… AS BIGINT)"} or `type: number`',
            "type",
        )
    if isinstance(value.dtype, pl.Datetime):
        return _natural(value, label)
    return replace(value, expr=value.expr.cast(pl.String), dtype=pl.String()) if value.dtype != pl.String else value


def _natural(value: Value, label: str) -> Value:
    """The JSON form of a column whose target declares no type."""
    dtype = value.dtype
    if isinstance(dtype, pl.Decimal):
        return replace(value, expr=value.expr.cast(pl.String), dtype=pl.String(), raw=True)
    if isinstance(dtype, pl.Datetime):
        return replace(value, expr=timestamps.iso_text(value.expr, dtype), dtype=pl.String())
    if dtype == pl.Date:
        return replace(value, expr=value.expr.dt.strftime("%Y-%m-%d"), dtype=pl.String())
    return _finite(value, label) if dtype.is_float() else value
