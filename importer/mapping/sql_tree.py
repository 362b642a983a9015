"""The tree that Polars makes of SQL, as JSON: what stands in it, and where a CAST in it loses a value.

A node is a dict with one key, its kind, or the bare name of a kind; a list holds nodes.
"""

from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from importer.mapping.sql_words import types_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Node = Any  # a tree of JSON

_TRUE: Node = {"Literal": {"Scalar": {"Boolean": True}}}

FITTED = "Fitted"
"""The option of a CAST that is ours: it brings the result of an operation on whole numbers back to 64 bits."""
_LOSING = ("Strict", FITTED)  # TRY_CAST is not among them: there the user has asked for the null


class SqlInvalid(ValueError):  # noqa: N818  named for what it says, as every exception of the importer
    """The SQL of a mapping cannot be used; the message says why and what to write instead.

    ``columns`` are those whose types it is about; with other types it might be right.
    """

    columns: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return "; ".join(self.messages)

    @property
    def messages(self) -> tuple[str, ...]:
        """What is said, one for each thing that is wrong."""
        return self.args


class TypesInvalid(SqlInvalid):
    """The types of its ``columns`` are not those that it needs."""

    def __init__(self, columns: Iterable[str], *messages: str) -> None:
        super().__init__(*messages)
        self.columns = frozenset(columns)


class Lost(NamedTuple):
    """Where values are lost: true in the expression ``where``. ``code`` and ``message`` say how, {} is the input."""

    where: pl.Expr
    code: str
    message: str


def parse(text: str) -> Node:
    """The tree of an expression. Raises what Polars raises, and ``ValueError``."""
    return json.loads(pl.sql_expr(text).meta.serialize(format="json"))


def expression(tree: Node) -> pl.Expr:
    """A tree as an expression again."""
    return pl.Expr.deserialize(StringIO(json.dumps(tree)), format="json")


def dtype_of(tree: Node, schema: Mapping[str, pl.DataType]) -> pl.DataType:
    """The type of a tree over columns of these types. Raises ``SqlInvalid``."""
    try:
        return pl.DataFrame(schema=dict(schema)).select(value=expression(never_fail(tree))).schema["value"]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise does_not_fit(error, tree, schema) from None


def does_not_fit(error: BaseException, tree: Node, schema: Mapping[str, pl.DataType]) -> TypesInvalid:
    """What Polars says about the types of ``tree``, in a sentence."""
    names = list(columns(tree))
    return TypesInvalid(names, types_problem(first_line(error), names, schema))


def first_line(error: BaseException) -> str:
    """The first line of what Polars says, which is for people; the others show its plan."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def children(node: Node) -> Iterator[Node]:
    """The nodes right below ``node``, and what else stands there."""
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list) and not all(isinstance(value, int) for value in node):
        yield from node


def column_name(node: Node) -> str | None:
    """The name of the column that ``node`` is, if it is one."""
    name = node.get("Column") if isinstance(node, dict) else None
    return name if isinstance(name, str) else None


def columns(node: Node) -> Iterator[str]:
    """The columns that a tree reads."""
    if name := column_name(node):
        yield name
    for child in children(node):
        yield from columns(child)


def kind_of(node: Node) -> tuple[str, Node]:
    """Kind and body of a node."""
    return next(iter(node.items())) if isinstance(node, dict) else (str(node), {})


def function_name(function: Node) -> str:
    """``Boolean.IsNull`` of ``{"Boolean": "IsNull"}``, and so on."""
    if isinstance(function, str):
        return function
    name, inner = next(iter(function.items()))
    if isinstance(inner, dict):
        inner = next(iter(inner), "")
    return f"{name}.{inner}" if isinstance(inner, str) else str(name)


def never_fail(node: Node) -> Node:
    """The same with each CAST as one that gives null where it cannot convert."""
    if isinstance(node, dict):
        copy = {key: never_fail(value) for key, value in node.items()}
        return copy | {"options": "NonStrict"} if copy.get("options") in _LOSING else copy
    return [never_fail(value) for value in node] if isinstance(node, list) else node


def guarded(node: Node, guard: Node = None) -> Iterator[tuple[Node, Node]]:
    """Every node, with the condition under which its value is used (``None``: always)."""
    yield node, guard
    if isinstance(node, dict) and "Ternary" in node:
        branch = node["Ternary"]
        yield from guarded(branch["predicate"], guard)
        yield from guarded(branch["truthy"], both(guard, branch["predicate"]))
        # a condition that is null takes the other branch too
        otherwise = {"BinaryExpr": {"left": branch["predicate"], "op": "NotEqValidity", "right": _TRUE}}
        yield from guarded(branch["falsy"], both(guard, otherwise))
    elif isinstance(node, dict) and "Filter" in node:
        chosen = node["Filter"]
        yield from guarded(chosen["by"], guard)
        yield from guarded(chosen["input"], both(guard, chosen["by"]))
    else:
        for child in children(node):
            yield from guarded(child, guard)


def lost_values(tree: Node) -> Lost | None:
    """Where a CAST has an input and no output, in the branch that is taken; ``None`` without such a CAST."""
    lost, kinds = [], set()
    for node, guard in guarded(tree):
        if isinstance(node, dict) and "Cast" in node and node["Cast"]["options"] in _LOSING:
            kinds.add(node["Cast"]["options"])
            safe = never_fail(node)
            had = {"Function": {"input": [safe["Cast"]["expr"]], "function": {"Boolean": "IsNotNull"}}}
            has_none = {"Function": {"input": [safe], "function": {"Boolean": "IsNull"}}}
            lost.append(expression(both(guard, both(had, has_none))))
    if not lost:
        return None
    code, message = _HOW_LOST[frozenset(kinds)]
    return Lost(pl.any_horizontal(lost), code, message)


_NO_FIT = "a whole number in its SQL does not fit 64 bits"
_HOW_LOST = {
    frozenset({"Strict"}): ("cast", "a CAST in its SQL cannot convert {}"),
    frozenset({FITTED}): ("overflow", f"{_NO_FIT}, computed from {{}}"),
    frozenset(_LOSING): ("cast", f"a CAST in its SQL cannot convert {{}}, or {_NO_FIT}"),
}


def any_guard(guards: Iterable[Node]) -> pl.Expr:
    """True where one of the conditions holds."""
    return pl.any_horizontal(pl.lit(value=True) if guard is None else expression(never_fail(guard)) for guard in guards)


def both(left: Node, right: Node) -> Node:
    """``left AND right``; ``left`` may be ``None`` for always."""
    if left is None:
        return right
    return {"BinaryExpr": {"left": never_fail(left), "op": "And", "right": right}}
