"""One field of the mapping as a column: the steps from a cell to the value that is sent.

The order is fixed: clean, null if empty, split, map, type or format, default, round, hash. Every step that can lose a
value leaves a :class:`Check`, so that a row that had a value and has none after it is rejected, never sent without it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl
import polars_hash as plh

from importer.mapping import timestamps
from importer.mapping.document import FieldSpec
from importer.mapping.numbers import NumberFormat
from importer.mapping.timestamps import Clock

_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")


class FieldInvalid(ValueError):
    """A field cannot be built from its column; ``key`` is the entry of the field that is to blame."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class Check:
    """Rows where ``failed`` is true are rejected with ``code``; ``shown`` is the value that the message quotes."""

    code: str
    message: str
    failed: pl.Expr
    shown: pl.Expr


@dataclass(frozen=True, slots=True)
class Value:
    """The column of one field. ``raw`` columns hold JSON tokens (numbers with their own digits), not texts.

    ``counts`` are Boolean expressions that the report counts as warnings, by name.
    """

    expr: pl.Expr
    dtype: pl.DataType
    raw: bool = False
    checks: tuple[Check, ...] = ()
    counts: tuple[tuple[str, pl.Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What a field needs to know besides itself: zone, signs of numbers, epoch units guessed for columns."""

    timezone: str | None = None
    numbers: NumberFormat = field(default_factory=NumberFormat)
    units: dict[str, str] = field(default_factory=dict)


def build(spec: FieldSpec, target_type: str | None, source: Value, context: Context, label: str) -> Value:
    """The value of ``spec`` from the column ``source``; ``label`` names the column in messages. Raises FieldInvalid."""
    value = _null_if_empty(_clean(spec, source))
    if spec.split is not None:
        value = _split(spec.split, value)
    if spec.map is not None:
        value = _map(spec.map, value, label)
        target_type = spec.type
    value = _convert(spec, spec.type or target_type, value, context, label)
    if spec.default is not None:
        value = _default(spec.default, value)
    if spec.round is not None:
        value = _round(spec.round, value)
    return _hash(spec.hash, value) if spec.hash else value


def _clean(spec: FieldSpec, value: Value) -> Value:
    if not spec.clean:
        return value
    expr = _text(value, "clean").expr
    for step in spec.clean:
        expr = {
            "trim": expr.str.strip_chars(),
            "lower": expr.str.to_lowercase(),
            "upper": expr.str.to_uppercase(),
            "digits": expr.str.replace_all(r"[^0-9]", ""),
        }[step]
    return replace(value, expr=expr, dtype=pl.String())


def _text(value: Value, key: str) -> Value:
    if value.dtype == pl.String:
        return value
    if value.dtype.is_integer() or value.dtype == pl.Boolean or isinstance(value.dtype, pl.Categorical | pl.Enum):
        return replace(value, expr=value.expr.cast(pl.String), dtype=pl.String())
    raise FieldInvalid(f"`{key}` needs text, and the column is {_type_name(value.dtype)}", key)


def _null_if_empty(value: Value) -> Value:
    if value.dtype != pl.String:
        return value
    return replace(value, expr=pl.when(value.expr != "").then(value.expr))


def _split(separator: str, value: Value) -> Value:
    parts = _text(value, "split").expr.str.split(separator).list.eval(pl.element().filter(pl.element() != ""))
    return replace(value, expr=pl.when(parts.list.len() > 0).then(parts), dtype=pl.List(pl.String))


def _map(entries: dict[str, Any], value: Value, label: str) -> Value:
    inner = value.dtype.inner if isinstance(value.dtype, pl.List) else None
    if inner is not None:
        element = _map(entries, Value(pl.element(), _instance(inner)), label)
        mapped = value.expr.list.eval(element.expr)
        failed = value.expr.list.eval(element.checks[0].failed).list.any().fill_null(value=False)
        return replace(
            value,
            expr=mapped,
            dtype=pl.List(element.dtype),
            checks=(*value.checks, replace(element.checks[0], failed=failed, shown=value.expr.list.join("|"))),
        )
    before = _text(value, "map").expr
    known = [key for key in entries if entries[key] is not None]
    dtype = _common_type([entries[key] for key in known])
    expr = before.replace_strict(known, [entries[key] for key in known], default=None, return_dtype=dtype)
    failed = before.is_not_null() & ~before.is_in(list(entries))
    message = f"{label} is {{}}, which is not in `map`"
    return replace(value, expr=expr, dtype=dtype, checks=(*value.checks, Check("map", message, failed, before)))


def _common_type(values: list[Any]) -> pl.DataType:
    kinds = {type(item) for item in values}
    for kind, dtype in ((bool, pl.Boolean()), (str, pl.String()), (int, pl.Int64())):
        if kinds <= {kind}:
            return dtype
    if kinds <= {int, float}:
        return pl.Float64()
    raise FieldInvalid("the values of `map` must all be text, all numbers or all true/false", "map")


def _convert(spec: FieldSpec, kind: str | None, value: Value, context: Context, label: str) -> Value:  # noqa: PLR0911 -- one line a type
    if spec.unit or (spec.format and kind != "date"):
        kind = "timestamp"
    if isinstance(value.dtype, pl.List):
        return _convert_list(spec, kind, value, context, label)
    if value.dtype in (pl.Binary, pl.Object) or isinstance(value.dtype, pl.Struct | pl.Array | pl.Duration | pl.Time):
        raise FieldInvalid(f"{label} is {_type_name(value.dtype)}, which has no form in JSON; pick a part of it in sql")
    if kind == "timestamp":
        return _timestamp(spec, value, context, label)
    if kind == "date":
        return _date(spec, value, label)
    if kind == "boolean":
        return _boolean(value, label)
    if kind in ("number", "integer"):
        return _number(kind, value, context, label)
    if kind == "string":
        return _string(value, label)
    return _natural(value, label)


def _convert_list(spec: FieldSpec, kind: str | None, value: Value, context: Context, label: str) -> Value:
    inner = _instance(value.dtype.inner)  # type: ignore[attr-defined]
    element = _convert(spec, kind, Value(pl.element(), inner), context, label)
    if element.raw:  # a list is encoded whole, so its numbers are numbers there
        number = pl.Int64() if kind == "integer" else pl.Float64()
        element = replace(element, expr=element.expr.cast(number, strict=False), dtype=number, raw=False)
    value_list = value.expr.list.eval(element.expr.drop_nulls())
    checks = tuple(
        replace(
            check,
            failed=value.expr.list.eval(check.failed).list.any().fill_null(value=False),
            shown=value.expr.list.eval(pl.element().cast(pl.String)).list.join("|"),
        )
        for check in element.checks
    )
    expr = pl.when(value_list.list.len() > 0).then(value_list)
    return replace(value, expr=expr, dtype=pl.List(element.dtype), checks=(*value.checks, *checks))


def _lossy(value: Value, expr: pl.Expr, dtype: pl.DataType, message: str, *, raw: bool = False) -> Value:
    """``expr`` in place of the value, and a check that no value was lost on the way."""
    failed = value.expr.is_not_null() & expr.is_null()
    check = Check("type", message, failed, value.expr)
    return replace(value, expr=expr, dtype=dtype, raw=raw, checks=(*value.checks, check))


def _timestamp(spec: FieldSpec, value: Value, context: Context, label: str) -> Value:
    clock = Clock(spec.timezone or context.timezone, spec.ambiguous, spec.nonexistent)
    if clock.timezone is None and timestamps.needs_zone(value.dtype, spec.format):
        raise FieldInvalid(
            f"{label} has times without a zone: say which clock they were read from, e.g. `timezone: Europe/Paris`",
            "format",
        )
    message = f"{label} is {{}}, which is not a time that can be read" + (
        f" by {' or '.join(map(repr, spec.format))}" if spec.format else ""
    )
    if spec.unit:
        number = context.numbers.tokens(value.expr) if value.dtype == pl.String else value.expr
        unit = context.units.get(label, "s") if spec.unit == "auto" else spec.unit
        return _lossy(value, timestamps.from_epoch(number, unit).milliseconds, pl.Int64(), message)
    if value.dtype == pl.String:
        instant = timestamps.from_text(value.expr, spec.format, clock)
    elif isinstance(value.dtype, pl.Datetime | pl.Date):
        instant = timestamps.from_datetime(value.expr, value.dtype, clock)
    else:
        raise FieldInvalid(f"{label} holds {_type_name(value.dtype)}: say what it counts, e.g. `unit: ms`", "unit")
    counts = tuple(
        (name, expr)
        for name, expr in (("time_ambiguous", instant.ambiguous), ("time_nonexistent", instant.nonexistent))
        if expr is not None
    )
    return replace(_lossy(value, instant.milliseconds, pl.Int64(), message), counts=counts)


def _date(spec: FieldSpec, value: Value, label: str) -> Value:
    message = f"{label} is {{}}, which is not a date" + (f" like {' or '.join(spec.format)}" if spec.format else " like YYYY-MM-DD")
    if value.dtype == pl.String:
        dates = timestamps.parse_date(value.expr, spec.format)
    elif isinstance(value.dtype, pl.Datetime | pl.Date):
        dates = value.expr.cast(pl.Date)
    else:
        raise FieldInvalid(f"{label} holds {_type_name(value.dtype)}, which is not a date", "type")
    return _lossy(value, dates.dt.strftime("%Y-%m-%d"), pl.String(), message)


def _boolean(value: Value, label: str) -> Value:
    if value.dtype == pl.Boolean:
        return value
    text = _text(value, "type").expr.str.strip_chars().str.to_lowercase()
    flags = [True] * len(_TRUE) + [False] * len(_FALSE)
    expr = text.replace_strict([*_TRUE, *_FALSE], flags, default=None, return_dtype=pl.Boolean)
    return _lossy(value, expr, pl.Boolean(), f"{label} is {{}}, which is neither true nor false")


def _number(kind: str, value: Value, context: Context, label: str) -> Value:
    message = f"{label} is {{}}, which is not {'a whole number' if kind == 'integer' else 'a number'}"
    if value.dtype == pl.String:
        convert = context.numbers.integers if kind == "integer" else context.numbers.tokens
        return _lossy(value, convert(value.expr), pl.String(), message, raw=True)
    if isinstance(value.dtype, pl.Decimal):
        tokens = value.expr.cast(pl.String)
        whole = tokens.str.replace(r"\.0+$", "")
        if kind == "integer":
            tokens = pl.when(whole.str.contains(r"^-?[0-9]+$")).then(whole)
        return _lossy(value, tokens, pl.String(), message, raw=True)
    if not value.dtype.is_numeric():
        raise FieldInvalid(f"{label} holds {_type_name(value.dtype)}, which is not a number", "type")
    if not value.dtype.is_float():
        return value
    if kind == "integer":
        whole = value.expr.cast(pl.Int64, strict=False)
        return _lossy(value, pl.when(whole == value.expr).then(whole), pl.Int64(), message)
    return _finite(value, label)


def _finite(value: Value, label: str) -> Value:
    failed = value.expr.is_finite().not_().fill_null(value=False)
    return replace(value, checks=(*value.checks, Check("type", f"{label} is {{}}, which JSON cannot say", failed, value.expr)))


def _string(value: Value, label: str) -> Value:
    if value.dtype.is_float():
        raise FieldInvalid(
            f"{label} holds floating point, and this target is text: an id 12431 would become '12431.0'. "
            'Say what you mean, e.g. {sql: "CAST(… AS BIGINT)"} or `type: number`',
            "type",
        )
    return _natural(value, label) if isinstance(value.dtype, pl.Datetime) else replace(
        value, expr=value.expr if value.dtype == pl.String else value.expr.cast(pl.String), dtype=pl.String()
    )  # fmt: skip


def _natural(value: Value, label: str) -> Value:
    """The JSON form of a column whose target declares no type."""
    dtype = value.dtype
    if isinstance(dtype, pl.Decimal):
        return replace(value, expr=value.expr.cast(pl.String), dtype=pl.String(), raw=True)
    if isinstance(dtype, pl.Datetime):
        item = "%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if dtype.time_zone else "")
        return replace(value, expr=value.expr.dt.strftime(item), dtype=pl.String())
    if dtype == pl.Date:
        return replace(value, expr=value.expr.dt.strftime("%Y-%m-%d"), dtype=pl.String())
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return replace(value, expr=value.expr.cast(pl.String), dtype=pl.String())
    return _finite(value, label) if dtype.is_float() else value


def _default(default: Any, value: Value) -> Value:  # noqa: ANN401 -- any JSON
    if value.raw:
        if isinstance(default, bool) or not isinstance(default, int | float):
            raise FieldInvalid(f"`default` is {default!r}, and the target is a number", "default")
        return replace(value, expr=value.expr.fill_null(pl.lit(json.dumps(default))))
    try:
        constant = pl.Series([default], dtype=value.dtype, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        raise FieldInvalid(f"`default` is {default!r}, and the target is {_type_name(value.dtype)}", "default") from None
    return replace(value, expr=value.expr.fill_null(pl.lit(constant.first() if not isinstance(value.dtype, pl.List) else constant)))


def _round(digits: int, value: Value) -> Value:
    if value.raw:
        value = replace(value, expr=value.expr.cast(pl.Float64, strict=False), dtype=pl.Float64(), raw=False)
    if not value.dtype.is_numeric():
        raise FieldInvalid(f"`round` needs a number, and the value is {_type_name(value.dtype)}", "round")
    return replace(value, expr=value.expr.round(digits, mode="half_away_from_zero")) if value.dtype.is_float() else value


def _hash(name: str, value: Value) -> Value:
    text = _text(value, "hash").expr
    hashed = plh.concat_str(text).chash.sha2_256() if name == "sha256" else plh.concat_str(text).nchash.md5()
    return replace(value, expr=hashed, dtype=pl.String(), raw=False)


def _instance(dtype: Any) -> pl.DataType:  # noqa: ANN401
    return dtype() if isinstance(dtype, type) else dtype


def _type_name(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Struct):
        return "a struct"
    if isinstance(dtype, pl.List):
        return "a list"
    return {"String": "text", "Boolean": "true/false", "Date": "a date", "Binary": "binary"}.get(str(dtype), str(dtype))
