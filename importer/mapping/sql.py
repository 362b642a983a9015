"""SQL of a mapping as Polars expressions, with an allow-list on the expression and CASTs that never fail a chunk.

Polars parses the text; this module looks at the parsed tree. What is not on the list (windows, aggregates, the clock,
randomness, sub-queries) is refused by name, so that one row of the source always gives the same value, wherever
chunks are cut.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

import polars as pl

from importer.mapping.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OPERATORS = frozenset(
    {"Eq", "NotEq", "EqValidity", "NotEqValidity", "Lt", "LtEq", "Gt", "GtEq", "And", "Or", "LogicalAnd", "LogicalOr"}
)
_ARITHMETIC = frozenset({"Plus", "Minus", "Multiply", "Divide", "TrueDivide", "FloorDivide", "RustDivide", "Modulus"})
_FUNCTIONS = frozenset(
    {
        "Coalesce", "MaxHorizontal", "MinHorizontal", "Abs", "Negate",
        "Sql.Round", "Sql.Binary", "Sql.ToFloat",
        "Round", "Truncate", "Floor", "Ceil", "Sign", "Pow.Generic", "Pow.Sqrt",
        "Boolean.Not", "Boolean.IsNull", "Boolean.IsNotNull", "Sql.IsIn", "Boolean.IsIn", "Boolean.IsBetween",
        "StringExpr.Lowercase", "StringExpr.Uppercase", "StringExpr.Slice", "StringExpr.Head", "StringExpr.Tail",
        "StringExpr.LenChars", "StringExpr.LenBytes", "StringExpr.Contains", "StringExpr.StartsWith",
        "StringExpr.EndsWith", "StringExpr.ConcatHorizontal", "StringExpr.Replace", "StringExpr.StripChars",
        "StringExpr.StripCharsStart", "StringExpr.StripCharsEnd", "StringExpr.Titlecase", "StringExpr.Reverse",
        "StringExpr.Find", "StringExpr.PadStart", "StringExpr.PadEnd", "StringExpr.Split", "ListExpr.Get", "FillNull",
        "TemporalExpr.Year", "TemporalExpr.Month", "TemporalExpr.Day", "TemporalExpr.Hour", "TemporalExpr.Minute",
        "TemporalExpr.Second", "TemporalExpr.WeekDay", "TemporalExpr.ToString", "TemporalExpr.Date",
        "StructExpr.FieldByName",
    }
)  # fmt: skip
_TRUE = {"Literal": {"Scalar": {"Boolean": True}}}
_PATTERNS = frozenset({"StringExpr.Contains", "StringExpr.Replace", "StringExpr.Find"})
_NUMBERS = frozenset({"Dyn", "Decimal", "Int", "Float", "Int32", "Int64", "Float64"})
# Polars has turned the clock into a constant before there is a tree to look at, so that its names are looked for in the
# text: with comments and literals taken out, and also where a name is quoted and called.
_NOT_CODE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|(\"(?:[^\"]|\"\")*\")", re.DOTALL)
_CLOCK = re.compile(
    r"(?<![\w\"])(?:CURRENT_(?:TIMESTAMP|DATE|TIME)|LOCALTIME(?:STAMP)?)(?![\w\"])"
    r"|\b(?:NOW|TODAY|CURRENT_(?:TIMESTAMP|DATE|TIME)|LOCALTIME(?:STAMP)?)\"?\s*\(",
    re.IGNORECASE,
)


class SqlInvalid(ValueError):  # noqa: N818  named for what it says, as every exception of the importer
    """The SQL of a mapping cannot be used; the message says why and what to write instead."""


class UnknownColumn(SqlInvalid):
    """It reads a column that the source does not have."""


@dataclass(frozen=True, slots=True)
class SqlExpression:
    """A checked expression: its value, the columns that it reads, its type, and where a CAST of it lost a value."""

    expr: pl.Expr
    columns: frozenset[str]
    dtype: pl.DataType
    lost: pl.Expr | None


def compile_sql(text: str, schema: Mapping[str, pl.DataType], untyped: frozenset[str]) -> SqlExpression:
    """Check ``text`` against the columns of ``schema`` and turn it into an expression.

    ``untyped`` are CSV columns that are text because the mapping declares no type for them. Raises ``SqlInvalid``.
    """
    if clock := _CLOCK.search(_NOT_CODE.sub(lambda match: match[1] or " ", text)):
        name = re.sub(r"\W", "", clock[0])
        raise SqlInvalid(f"{name} is not allowed: the same row would give another event on a resume")
    tree = _parse(text)
    columns = frozenset(_columns(tree))
    if unknown := [name for name in sorted(columns) if name not in schema]:
        raise UnknownColumn(f"no column {unknown[0]!r} in the source{did_you_mean(unknown[0], schema)}")
    _check(tree, untyped)
    lost = [_expression(node) for node in _lost_values(tree, None)]
    expr = _expression(_never_fail(tree))
    return SqlExpression(expr, columns, _dtype(expr, schema), pl.any_horizontal(lost) if lost else None)


def _parse(text: str) -> Any:  # noqa: ANN401  a tree of JSON, as everywhere below
    try:
        return json.loads(pl.sql_expr(text).meta.serialize(format="json"))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
        raise SqlInvalid(f"cannot be read as SQL: {_first_line(error)}") from None


def _expression(tree: Any) -> pl.Expr:  # noqa: ANN401  a tree
    return pl.Expr.deserialize(StringIO(json.dumps(tree)), format="json")


def _dtype(expr: pl.Expr, schema: Mapping[str, pl.DataType]) -> pl.DataType:
    try:
        return pl.DataFrame(schema=dict(schema)).select(value=expr).schema["value"]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SqlInvalid(f"does not fit the types of its columns: {_first_line(error)}") from None


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _children(node: Any) -> Iterator[Any]:  # noqa: ANN401  a tree
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list) and not all(isinstance(value, int) for value in node):
        yield from node


def _columns(node: Any) -> Iterator[str]:  # noqa: ANN401  a tree
    if isinstance(node, dict) and isinstance(node.get("Column"), str):
        yield node["Column"]
    for child in _children(node):
        yield from _columns(child)


def _function_name(function: Any) -> str:  # noqa: ANN401  a tree
    if isinstance(function, str):
        return function
    name, inner = next(iter(function.items()))
    if isinstance(inner, dict):
        inner = next(iter(inner), "")
    return f"{name}.{inner}" if isinstance(inner, str) else str(name)


def _check(node: Any, untyped: frozenset[str]) -> None:  # noqa: ANN401  a tree
    """Refuse what is not on the list. Every node of the tree is an expression here."""
    kind, body = next(iter(node.items())) if isinstance(node, dict) else (str(node), {})
    if kind in {"Column", "Literal"}:
        return
    if kind == "Cast":
        _check(body["expr"], untyped)
    elif kind == "BinaryExpr":
        _check_operator(body, untyped)
    elif kind == "Ternary":
        for part in ("predicate", "truthy", "falsy"):
            _check(body[part], untyped)
    elif kind == "Function":
        _check_function(_function_name(body["function"]), body, untyped)
    else:
        _refuse(kind)


def _check_function(name: str, body: dict[str, Any], untyped: frozenset[str]) -> None:
    if name.startswith("Range."):
        _refuse("Over")
    if name not in _FUNCTIONS:
        raise SqlInvalid(f"the function {name.rpartition('.')[2]} is not allowed in a mapping")
    if name in _PATTERNS and "Literal" not in body["input"][1]:
        raise SqlInvalid("a pattern must be a text in quotes: one from a column could be invalid in some row")
    if name == "Sql.Binary":
        _check_arithmetic(body["input"], untyped)
    for part in body["input"]:
        _check(part, untyped)


def _refuse(kind: str) -> None:
    if kind in {"Agg", "Len"}:
        raise SqlInvalid("aggregates need group_by, which comes in a later version: an event is made of one row")
    if kind == "Over":
        raise SqlInvalid("window functions are not allowed: their value would depend on where the file is cut")
    raise SqlInvalid(f"{kind} is not allowed in a mapping: write an expression over the columns of one row")


def _check_operator(body: dict[str, Any], untyped: frozenset[str]) -> None:
    operands = [body["left"], body["right"]]
    if body["op"] in _ARITHMETIC:
        _check_arithmetic(operands, untyped)
    elif body["op"] not in _OPERATORS:
        raise SqlInvalid(f"the operator {body['op']} is not allowed in a mapping")
    elif any(_is_number(operand) for operand in operands):
        _check_arithmetic(operands, untyped)
    for operand in operands:
        _check(operand, untyped)


def _is_number(node: Any) -> bool:  # noqa: ANN401  a tree
    literal = node.get("Literal") if isinstance(node, dict) else None
    if not isinstance(literal, dict):
        return False
    scalar = literal.get("Scalar")
    return not _NUMBERS.isdisjoint(literal) or (isinstance(scalar, dict) and not _NUMBERS.isdisjoint(scalar))


def _check_arithmetic(operands: list[Any], untyped: frozenset[str]) -> None:
    for operand in operands:
        name = operand.get("Column") if isinstance(operand, dict) else None
        if name in untyped:
            raise SqlInvalid(
                f"column {name!r} is text here and cannot be computed with; "
                f"declare its type:  source: {{columns: {{{json.dumps(name)}: number}}}}"
            )


def _never_fail(node: Any) -> Any:  # noqa: ANN401  a tree
    if isinstance(node, dict):
        copy = {key: _never_fail(value) for key, value in node.items()}
        return copy | {"options": "NonStrict"} if copy.get("options") == "Strict" else copy
    return [_never_fail(value) for value in node] if isinstance(node, list) else node


def _lost_values(node: Any, guard: Any) -> Iterator[Any]:  # noqa: ANN401  a tree
    """A Boolean tree for every CAST: its input has a value and its output has none, in the branch that is taken.

    TRY_CAST is left alone: there the user has asked for the null.
    """
    if not isinstance(node, dict):
        for child in _children(node):
            yield from _lost_values(child, guard)
        return
    if "Ternary" in node:
        branch = node["Ternary"]
        yield from _lost_values(branch["predicate"], guard)
        yield from _lost_values(branch["truthy"], _both(guard, branch["predicate"]))
        # a condition that is null takes the other branch too
        otherwise = {"BinaryExpr": {"left": branch["predicate"], "op": "NotEqValidity", "right": _TRUE}}
        yield from _lost_values(branch["falsy"], _both(guard, otherwise))
        return
    if "Cast" in node and node["Cast"]["options"] == "Strict":
        safe = _never_fail(node)
        had = {"Function": {"input": [safe["Cast"]["expr"]], "function": {"Boolean": "IsNotNull"}}}
        has_none = {"Function": {"input": [safe], "function": {"Boolean": "IsNull"}}}
        yield _both(guard, _both(had, has_none))
    for child in _children(node):
        yield from _lost_values(child, guard)


def _both(left: Any, right: Any) -> Any:  # noqa: ANN401  a tree
    if left is None:
        return right
    return {"BinaryExpr": {"left": _never_fail(left), "op": "And", "right": right}}
