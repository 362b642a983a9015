"""Whole numbers in SQL do not wrap around: what does not fit 64 bits is no value, and its row is rejected.

Polars computes in the type of the operands and starts again at the other end: 2^63 - 1 plus 1 is -2^63, a year as
Int32 times 10,000,000 anything, and the length of a text (UInt32) minus 5 is 4,294,967,291. Here such an operation is
done in 128 bits, which hold every sum and product of two numbers of 64, and brought back by a CAST to Int64 that is
noticed when it loses the value. Operations on floating point and decimals are left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from importer.mapping.aggregates import is_aggregate
from importer.mapping.sql_tree import FITTED, Node, SqlInvalid, dtype_of, function_name, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

_OPERATORS = frozenset({"Plus", "Minus", "Multiply"})
_SAFE: tuple[Node, ...] = ({"Sql": {"Binary": "Div"}}, {"Sql": {"Binary": "IntDiv"}}, {"Sql": {"Binary": "Rem"}})
_FUNCTIONS = frozenset({"Sql.Binary", "Abs", "Negate"})


def fitted(tree: Node, schema: Mapping[str, pl.DataType]) -> Node:
    """``tree`` with each operation on whole numbers outside aggregates so that it cannot wrap around."""
    return _Fitter(schema).outside(tree)


def fitted_lines(tree: Node, schema: Mapping[str, pl.DataType]) -> Node:
    """``tree`` with each such operation inside its aggregates, and each SUM of whole numbers."""
    return _Fitter(schema).aggregated(tree)


class _Fitter:
    def __init__(self, schema: Mapping[str, pl.DataType]) -> None:
        self._schema = schema

    def outside(self, node: Node) -> Node:
        if isinstance(node, list):
            return [self.outside(value) for value in node]
        if not isinstance(node, dict):
            return node
        kind, body = kind_of(node)
        if kind == "BinaryExpr" and body["op"] in _OPERATORS and self._are_whole(body["left"], body["right"]):
            sides = {side: _wide(self.outside(body[side])) for side in ("left", "right")}
            return _narrow({"BinaryExpr": body | sides})
        if kind == "Function" and _is_wrapping(body) and self._are_whole(*body["input"]):
            return _narrow({"Function": body | {"input": [_wide(self.outside(part)) for part in body["input"]]}})
        if kind == "Function" and function_name(body["function"]) == "Pow.Generic" and self._are_whole(*body["input"]):
            powers = [_cast(self.outside(part), "Float64", "NonStrict") for part in body["input"]]
            return {"Function": body | {"input": powers}}  # 2^-1 and 10^30 are no whole numbers of 64 bits
        return {key: self.outside(value) for key, value in node.items()}

    def aggregated(self, node: Node) -> Node:
        if isinstance(node, list):
            return [self.aggregated(value) for value in node]
        if not isinstance(node, dict):
            return node
        if not is_aggregate(node):
            return {key: self.aggregated(value) for key, value in node.items()}
        kind, body = kind_of(node)
        if kind == "Agg" and "Sum" in body and self._are_whole(body["Sum"]):
            return _narrow({"Agg": {"Sum": _wide(self.outside(body["Sum"]))}})
        return self.outside(node)

    def _are_whole(self, *nodes: Node) -> bool:
        try:
            return all(dtype_of(node, self._schema).is_integer() for node in nodes)
        except SqlInvalid:  # said with the whole expression
            return False


def _is_wrapping(body: dict[str, Any]) -> bool:
    function = body["function"]
    return function_name(function) in _FUNCTIONS and function not in _SAFE


def _wide(node: Node) -> Node:
    return _cast(node, "Int128", "NonStrict")


def _narrow(node: Node) -> Node:
    return _cast(node, "Int64", FITTED)


def _cast(node: Node, dtype: str, options: str) -> Node:
    return {"Cast": {"expr": node, "dtype": {"Literal": dtype}, "options": options}}
