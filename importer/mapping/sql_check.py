"""What SQL may say in a mapping: an allow-list, looked up in the parsed tree, and a few words in the text itself."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from importer.mapping.aggregates import is_aggregate
from importer.mapping.sql_tree import Node, SqlInvalid, TypesInvalid, column_name, function_name, kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.mapping.aggregates import Aggregate

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
        "StringExpr.Find", "StringExpr.PadStart", "StringExpr.PadEnd", "StringExpr.Split", "ListExpr.Get",
        "ListExpr.Join", "FillNull",
        "TemporalExpr.Year", "TemporalExpr.Month", "TemporalExpr.Day", "TemporalExpr.Hour", "TemporalExpr.Minute",
        "TemporalExpr.Second", "TemporalExpr.WeekDay", "TemporalExpr.ToString", "TemporalExpr.Date",
        "StructExpr.FieldByName",
    }
)  # fmt: skip
_PATTERNS = frozenset({"StringExpr.Contains", "StringExpr.Replace", "StringExpr.Find"})
_NUMBERS = frozenset({"Dyn", "Decimal", "Int", "Float", "Int32", "Int64", "Float64"})
_ORDERED = frozenset({"SUM", "AVG", "MEDIAN", "MIN", "MAX"})
_WINDOW = "window functions are not allowed: their value would depend on where the file is cut"

# Polars has turned the clock into a constant, dropped OVER () and simplified other words before there is a tree to look
# at, so that these are looked for in the text: with comments and literals taken out, and also where a name is quoted
# and called.
_NOT_CODE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|(\"(?:[^\"]|\"\")*\")", re.DOTALL)
_CLOCK = re.compile(
    r"(?<![\w\"])(?:CURRENT_(?:TIMESTAMP|DATE|TIME)|LOCALTIME(?:STAMP)?)(?![\w\"])"
    r"|\b(?:NOW|TODAY|CURRENT_(?:TIMESTAMP|DATE|TIME)|LOCALTIME(?:STAMP)?)\"?\s*\(",
    re.IGNORECASE,
)
_CALLED = re.compile(r"\b(OVER|FIRST_VALUE|LAST_VALUE|TOTAL)\"?\s*\(", re.IGNORECASE)
_INSTEAD = {
    "OVER": _WINDOW,
    "FIRST_VALUE": f"{_WINDOW}; for the first line of a group write FIRST(…)",
    "LAST_VALUE": f"{_WINDOW}; for the last line of a group write LAST(…)",
    "TOTAL": "TOTAL is not allowed: it makes 0 of nothing; write SUM(…), which is empty then",
}


def check_text(text: str) -> None:
    """Refuse what cannot be seen in the tree any more. Raises ``SqlInvalid``."""
    code = _NOT_CODE.sub(lambda match: match[1] or " ", text)
    if clock := _CLOCK.search(code):
        name = re.sub(r"\W", "", clock[0])
        raise SqlInvalid(f"{name} is not allowed: the same row would give another event on a resume")
    if called := _CALLED.search(code):
        raise SqlInvalid(_INSTEAD[called[1].upper()])


class Allowed:
    """The allow-list. ``untyped`` are columns that are text only because nobody has given them a type.

    ``no_aggregates`` says why there are no aggregates, ``calls`` are functions in the text that are not on the list.
    Each method raises ``SqlInvalid``.
    """

    def __init__(self, untyped: frozenset[str], no_aggregates: str, calls: Sequence[str] = ()) -> None:
        self._untyped = untyped
        self._no_aggregates = no_aggregates
        self._calls = calls
        self._computed: dict[str, None] = {}
        self._ordered: dict[str, str] = {}

    def require_types(self) -> None:
        """Refuse what was seen so far of columns that need a type."""
        messages = [
            f"column {name!r} is text here, and {function} needs to know what it means; declare its type "
            f"(number{', date, timestamp or string' if function in {'MIN', 'MAX'} else ''}):  {_declaration([name])}"
            for name, function in self._ordered.items()
        ]
        names = [name for name in self._computed if name not in self._ordered]
        if names:
            which = "column" if len(names) == 1 else "columns"
            listed = ", ".join(map(repr, names))
            are = "is text here and cannot be computed with; declare its type"
            if len(names) > 1:
                are = "are text here and cannot be computed with; declare their types"
            messages.append(f"{which} {listed} {are}:  {_declaration(names)}")
        if messages:
            raise TypesInvalid([*self._ordered, *names], *messages)

    def check(self, node: Node) -> None:
        """Refuse what is not on the list. Every node of the tree is an expression here."""
        kind, body = kind_of(node)
        if kind in {"Column", "Literal"}:
            return
        if is_aggregate(node):
            raise SqlInvalid(self._no_aggregates)
        if kind == "Cast":
            self.check(body["expr"])
        elif kind == "BinaryExpr":
            self._check_operator(body)
        elif kind == "Ternary":
            for part in ("predicate", "truthy", "falsy"):
                self.check(body[part])
        elif kind == "Function":
            self._check_function(function_name(body["function"]), body)
        else:
            raise SqlInvalid(_refusal(kind))

    def check_aggregate(self, aggregate: Aggregate) -> None:
        """Refuse arguments that are not on the list, and texts that are ordered or added as if they were numbers."""
        for argument in aggregate.arguments:
            self.check(argument.node)
            name = column_name(argument.node)
            if aggregate.function in _ORDERED and name is not None and name in self._untyped:
                self._ordered.setdefault(name, aggregate.function)

    def _check_function(self, name: str, body: dict[str, Any]) -> None:
        if name.startswith("Range."):
            raise SqlInvalid(_WINDOW)
        if name not in _FUNCTIONS:
            called = self._calls[0] if self._calls else name.rpartition(".")[2]
            raise SqlInvalid(f"the function {called} is not allowed in a mapping")
        if name in _PATTERNS and "Literal" not in body["input"][1]:
            raise SqlInvalid("a pattern must be a text in quotes: one from a column could be invalid in some row")
        if name == "Sql.Binary":
            self._check_arithmetic(body["input"])
        for part in body["input"]:
            self.check(part)

    def _check_operator(self, body: dict[str, Any]) -> None:
        operands = [body["left"], body["right"]]
        if body["op"] in _ARITHMETIC:
            self._check_arithmetic(operands)
        elif body["op"] not in _OPERATORS:
            raise SqlInvalid(f"the operator {body['op']} is not allowed in a mapping")
        elif any(_is_number(operand) for operand in operands):
            self._check_arithmetic(operands)
        for operand in operands:
            self.check(operand)

    def _check_arithmetic(self, operands: Sequence[Node]) -> None:
        names = (name for name in map(column_name, operands) if name is not None)
        self._computed |= dict.fromkeys(name for name in names if name in self._untyped)


def _declaration(names: Sequence[str]) -> str:
    return f"source: {{columns: {{{', '.join(f'{json.dumps(name)}: number' for name in names)}}}}}"


def _refusal(kind: str) -> str:
    if kind == "Over":
        return _WINDOW
    if kind == "Alias":
        return "cannot be read as SQL: two values stand beside each other with nothing between them, or behind AS"
    return f"{kind} is not allowed in a mapping: write an expression over the columns of one row"


def _is_number(node: Node) -> bool:
    literal = node.get("Literal") if isinstance(node, dict) else None
    if not isinstance(literal, dict):
        return False
    scalar = literal.get("Scalar")
    return not _NUMBERS.isdisjoint(literal) or (isinstance(scalar, dict) and not _NUMBERS.isdisjoint(scalar))
