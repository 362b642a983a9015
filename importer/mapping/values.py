"""One field of the mapping as a column: the steps from a cell to the value that is sent.

The order is fixed: clean, null if empty, split, map, type or format, default, round, hash. Every step that can lose a
value leaves a :class:`Check`, so that a row that had a value and has none after it is rejected, never sent without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl
import polars_hash as plh

from importer.mapping.casts import convert
from importer.mapping.cells import Check, Context, FieldInvalid, Value, as_text, inner_type, type_name
from importer.mapping.nearest import printable
from importer.mapping.numbers import rounded
from importer.mapping.phones import e164
from importer.mapping.tree import to_json

if TYPE_CHECKING:
    from importer.mapping.models import FieldSpec

__all__ = ["Check", "Context", "FieldInvalid", "Value", "build", "steps"]

Step = Callable[[Value], Value]
"""From the column before a step to the column after it."""


def build(spec: FieldSpec, target_type: str | None, source: Value, context: Context, label: str) -> Value:
    """The value of ``spec`` from the column ``source``.

    ``target_type`` is the type of the event reference, ``label`` names the column in messages. Raises FieldInvalid.
    """
    value = source
    for _, step in steps(spec, target_type, context, label):
        value = step(value)
    return value


def steps(spec: FieldSpec, target_type: str | None, context: Context, label: str) -> list[tuple[str, Step]]:
    """What is done to the column of ``spec``, in order, each by its name. A step raises FieldInvalid."""
    found: list[tuple[str, Step]] = [("clean", lambda value: _clean(spec, _plain(value), context, label))]
    found.append(("empty", _null_if_empty))
    if spec.split is not None:
        found.append(("split", partial(_split, spec.split)))
    if spec.map is not None:
        found.append(("map", partial(_map, spec.map, label=label)))
    found.append(("type", lambda value: convert(spec, spec.type or target_type, value, context, label)))
    if spec.default is not None:
        found.append(("default", partial(_default, spec.default)))
    if spec.round is not None:
        found.append(("round", partial(_round, spec.round)))
    if spec.hash:
        found.append(("hash", partial(_hash, spec.hash)))
    return found


def _plain(value: Value) -> Value:
    """Categories are text, and so is a column without any value, whose type nobody knows."""
    if isinstance(value.dtype, pl.Categorical | pl.Enum | pl.Null):
        return replace(value, expr=value.expr.cast(pl.String), dtype=pl.String())
    return value


def _clean(spec: FieldSpec, value: Value, context: Context, label: str) -> Value:
    for step in spec.clean:
        value = as_text(value, "clean")
        if step == "e164":
            value = e164(value, spec.country or context.country, context, label)
            continue
        expr = {
            "trim": value.expr.str.strip_chars(),
            "lower": value.expr.str.to_lowercase(),
            "upper": value.expr.str.to_uppercase(),
            "digits": value.expr.str.replace_all(r"[^0-9]", ""),
        }[step]
        value = replace(value, expr=expr)
    return value


def _null_if_empty(value: Value) -> Value:
    if inner_type(value.dtype) == pl.String:
        return replace(value, expr=_without_empty(value.expr))
    if value.dtype != pl.String:
        return value
    return replace(value, expr=pl.when(value.expr != "").then(value.expr))


def _without_empty(texts: pl.Expr) -> pl.Expr:
    entries = texts.list.eval(pl.element().filter(pl.element() != ""))
    return pl.when(entries.list.len() > 0).then(entries)


def _split(separator: str, value: Value) -> Value:
    parts = _without_empty(as_text(value, "split").expr.str.split(separator))
    return replace(value, expr=parts, dtype=pl.List(pl.String))


def _map(entries: dict[str, Any], value: Value, label: str) -> Value:
    inner = inner_type(value.dtype)
    if inner is not None:
        return _map_entries(entries, value, _map(entries, Value(pl.element(), inner), label))
    before = as_text(value, "map").expr
    known = [key for key in entries if entries[key] is not None]
    dtype = _common_type([entries[key] for key in known])
    results = pl.Series([entries[key] for key in known], dtype=dtype, strict=False)
    expr = before.replace_strict(pl.Series(known, dtype=pl.String), results, default=None, return_dtype=dtype)
    failed = before.is_not_null() & ~before.is_in(list(entries))
    mapped = value.checked("map", f"{label} is {{}}, which is not in `map`", failed, before)
    return replace(mapped, expr=expr, dtype=dtype)


def _map_entries(entries: dict[str, Any], value: Value, element: Value) -> Value:
    check = element.checks[-1]
    failed = value.expr.list.eval(check.failed).list.any().fill_null(value=False)
    unknown = value.expr.list.eval(pl.element().filter(~pl.element().is_in(list(entries)))).list.join("|")
    mapped = value.checked(check.code, check.message, failed, unknown)
    return replace(mapped, expr=value.expr.list.eval(element.expr), dtype=pl.List(element.dtype))


def _common_type(values: list[Any]) -> pl.DataType:
    kinds = {type(item) for item in values}
    for kind, dtype in ((bool, pl.Boolean()), (str, pl.String()), (int, pl.Int64())):
        if kinds <= {kind}:
            return dtype
    if kinds <= {int, float}:
        return pl.Float64()
    raise FieldInvalid("the values of `map` must all be text, all numbers or all true/false", "map")


def _default(default: Any, value: Value) -> Value:  # noqa: ANN401  any JSON
    if value.raw:
        return replace(value, expr=value.expr.fill_null(pl.lit(_raw_default(default, value))))
    numbers = default if isinstance(default, list) else [default]
    if (
        value.dtype != pl.Boolean
        and inner_type(value.dtype) != pl.Boolean
        and any(n is True or n is False for n in numbers)
    ):
        raise _unfit_default(default, value)
    try:
        constant = pl.Series([default], dtype=value.dtype, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        raise _unfit_default(default, value) from None
    is_list = isinstance(value.dtype, pl.List)
    return replace(value, expr=value.expr.fill_null(pl.lit(constant if is_list else constant.first())))


def _raw_default(default: Any, value: Value) -> Any:  # noqa: ANN401  a token, or a series with a list of them
    is_list = isinstance(value.dtype, pl.List)
    numbers = default if is_list and isinstance(default, list) else [default]
    wrong_shape = is_list != isinstance(default, list)
    if wrong_shape or any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
        kind = "list of numbers" if is_list else "number"
        raise FieldInvalid(f"`default` is {printable(to_json(default))}, and the target is a {kind}", "default")
    tokens = [json.dumps(number) for number in numbers]
    return pl.Series([tokens]) if is_list else tokens[0]


def _unfit_default(default: object, value: Value) -> FieldInvalid:
    return FieldInvalid(
        f"`default` is {printable(to_json(default))}, and the value is {type_name(value.dtype)}", "default"
    )


def _round(digits: int, value: Value) -> Value:
    if value.raw and not isinstance(value.dtype, pl.List):
        return replace(value, expr=rounded(value.expr, digits))
    if not value.dtype.is_numeric():
        raise FieldInvalid(f"`round` needs a number, and the value is {type_name(value.dtype)}", "round")
    if not value.dtype.is_float():
        return value
    return replace(value, expr=value.expr.round(digits, mode="half_away_from_zero"))


def _hash(name: str, value: Value) -> Value:
    text = plh.concat_str(as_text(value, "hash").expr)
    hashed = text.chash.sha2_256() if name == "sha256" else text.nchash.md5()
    return replace(value, expr=hashed, dtype=pl.String(), raw=False)
