"""Aggregates in the SQL of a mapping with ``group_by``: each is taken out of its expression and becomes a column.

``SUM(price * qty) / COUNT(*) - discount`` is computed in three steps that each have one meaning only: the arguments
(``price * qty``) for each line, the aggregates for each group of lines, and what is left for each group, where a
column (``discount``) has the value of the first line of the group.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from importer.mapping.sql_tree import (
    Lost,
    Node,
    SqlInvalid,
    any_guard,
    columns,
    expression,
    function_name,
    guarded,
    kind_of,
    lost_values,
    never_fail,
)

if TYPE_CHECKING:
    import polars as pl

_PLAIN = frozenset({"Sum", "Mean", "Median", "First", "Last", "NUnique"})
_WITH_OPTIONS = frozenset({"Count", "Min", "Max", "Implode"})
_SQL_NAMES = {"Mean": "AVG", "NUnique": "COUNT(DISTINCT …)", "Implode": "ARRAY_AGG"}


@dataclass(frozen=True, slots=True)
class Argument:
    """What an aggregate is made of: computed for each line, into the column ``name``."""

    name: str
    node: Node

    @property
    def expr(self) -> pl.Expr:
        """The value of a line."""
        return expression(never_fail(self.node))


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One value of a group, as the column ``name`` of the groups; ``node`` refers to the columns of its arguments.

    ``function`` is its name in SQL, for messages.
    """

    name: str
    function: str
    arguments: tuple[Argument, ...]
    node: Node

    @property
    def expr(self) -> pl.Expr:
        """The value of a group."""
        return expression(self.node)


@dataclass(frozen=True, slots=True)
class Loss:
    """A CAST inside an aggregate: ``lost`` says for which lines it lost a value.

    ``decides`` is true for a group whose value depends on it, and ``columns`` are what the line shows.
    """

    name: str
    lost: Lost
    decides: pl.Expr
    columns: frozenset[str]


def is_aggregate(node: Node) -> bool:
    """Whether ``node`` makes one value of several."""
    kind, body = kind_of(node)
    return kind in {"Agg", "Len"} or (kind == "Function" and function_name(body["function"]) == "NullCount")


def lift(tree: Node, prefix: str) -> tuple[Node, list[Aggregate], list[Loss]]:
    """``tree`` with a column in place of each aggregate, the aggregates, and the CASTs inside them.

    Names of columns begin with ``prefix``. Raises ``SqlInvalid``.
    """
    lifter = _Lifter(prefix)
    rest = lifter.replaced(tree)
    return rest, list(lifter.aggregates.values()), list(lifter.losses(tree))


class _Lifter:
    """Gathers the aggregates of one expression; two that are written alike are one."""

    def __init__(self, prefix: str) -> None:
        self.aggregates: dict[str, Aggregate] = {}
        self._arguments: dict[str, Argument] = {}
        self._prefix = prefix

    def replaced(self, node: Node) -> Node:
        """``node`` with columns for its aggregates."""
        if is_aggregate(node):
            key = json.dumps(node)
            if key not in self.aggregates:
                self.aggregates[key] = self._aggregate(node, f"{self._prefix}.aggregate{len(self.aggregates)}")
            return {"Column": self.aggregates[key].name}
        if isinstance(node, dict):
            return {key: self.replaced(value) for key, value in node.items()}
        return [self.replaced(value) for value in node] if isinstance(node, list) else node

    def losses(self, tree: Node) -> list[Loss]:
        """The CASTs inside the aggregates of ``tree``, one loss for what is aggregated in several ways."""
        found: dict[str, tuple[Node, list[Node]]] = {}
        for node, guard in guarded(tree):
            if is_aggregate(node) and node != "Len":
                content = _content(node)
                found.setdefault(json.dumps(content), (content, []))[1].append(guard)
        losses: list[Loss] = []
        for content, guards in found.values():
            lost = lost_values(content)
            if lost is not None:
                decides = any_guard(None if guard is None else self.replaced(guard) for guard in guards)
                name = f"{self._prefix}.loss{len(losses)}"
                losses.append(Loss(name, lost, decides, frozenset(columns(content))))
        return losses

    def _aggregate(self, node: Node, name: str) -> Aggregate:
        if node == "Len":
            return Aggregate(name, "COUNT", (), node)
        kind = _kind(node)
        shaped, arguments = self._shaped(_content(node))
        if not any(set(columns(argument.node)) for argument in arguments):
            raise SqlInvalid(f"{_sql_name(kind)} of a constant: write the constant itself, or COUNT(*) for the lines")
        return Aggregate(name, _sql_name(kind), tuple(arguments), _with_content(node, shaped))

    def _shaped(self, node: Node) -> tuple[Node, list[Argument]]:
        """What is aggregated, with columns for its arguments: FILTER and DISTINCT choose among whole lines."""
        kind, body = kind_of(node)
        if kind == "Filter":
            chosen, arguments = self._shaped(body["input"])
            by = self._argument(body["by"])
            return {"Filter": {"input": chosen, "by": {"Column": by.name}}}, [*arguments, by]
        if kind == "Function" and function_name(body["function"]) in {"DropNulls", "Unique"}:
            chosen, arguments = self._shaped(body["input"][0])
            # without its order kept, a DISTINCT would give another order, and other bytes, each time
            function = {"Unique": True} if "Unique" in body["function"] else body["function"]
            return {"Function": {"input": [chosen], "function": function}}, arguments
        if kind == "Cast" and _is_shape(body["expr"]):
            chosen, arguments = self._shaped(body["expr"])
            return {"Cast": body | {"expr": chosen}}, arguments
        if kind == "SortBy":
            raise SqlInvalid("ORDER BY is not allowed in an aggregate: lines have the order of the source")
        argument = self._argument(node)
        return {"Column": argument.name}, [argument]

    def _argument(self, node: Node) -> Argument:
        name = f"{self._prefix}.argument{len(self._arguments)}"
        return self._arguments.setdefault(json.dumps(node), Argument(name, node))


def _kind(node: Node) -> str:
    kind, body = kind_of(node)
    return kind_of(body)[0] if kind == "Agg" else "NullCount"


def _sql_name(kind: str) -> str:
    return _SQL_NAMES.get(kind, kind.upper())


def _is_shape(node: Node) -> bool:
    kind, body = kind_of(node)
    return kind in {"Filter", "SortBy"} or (
        kind == "Function" and function_name(body["function"]) in {"DropNulls", "Unique"}
    )


def _content(node: Node) -> Any:  # noqa: ANN401  a node
    """What the aggregate ``node`` is of."""
    kind, body = kind_of(node)
    if kind == "Function":
        return body["input"][0]
    name, inner = kind_of(body)
    if name in _PLAIN:
        return inner
    if name in _WITH_OPTIONS:
        return inner["input"]
    raise SqlInvalid(f"the aggregate {name.upper()} is not allowed in a mapping")


def _with_content(node: Node, content: Node) -> Node:
    """The aggregate ``node``, of something else."""
    kind, body = kind_of(node)
    if kind == "Function":
        return {"Function": body | {"input": [content]}}
    name, inner = kind_of(body)
    if name in _PLAIN:
        return {"Agg": {name: content}}
    # a NaN among the lines rejects the event, and is not passed over in silence
    options = {"propagate_nans": True} if "propagate_nans" in inner else {}
    return {"Agg": {name: inner | options | {"input": content}}}
