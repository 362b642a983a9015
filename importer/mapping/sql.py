"""SQL of a mapping as Polars expressions, with an allow-list on the expression and CASTs that never fail a chunk.

Polars parses the text; this module looks at the parsed tree. What is not on the list (windows, the clock, randomness,
sub-queries) is refused by name, so that one row of the source, or one group of them, always gives the same value,
wherever chunks are cut.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.aggregates import Aggregate, Loss, lift
from importer.mapping.cells import type_name
from importer.mapping.members import Member, check_members, members
from importer.mapping.nearest import did_you_mean
from importer.mapping.sql_check import Allowed, check_text
from importer.mapping.sql_probe import check_computable
from importer.mapping.sql_tree import (
    Lost,
    Node,
    SqlInvalid,
    TypesInvalid,
    columns,
    dtype_of,
    expression,
    first_line,
    lost_values,
    never_fail,
    parse,
)
from importer.mapping.sql_words import call_without_arguments, syntax_problem, unlisted_calls
from importer.mapping.whole_numbers import fitted, fitted_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NEEDS_GROUPS", "SqlExpression", "SqlInvalid", "UnknownColumn", "compile_sql", "is_constant"]

NEEDS_GROUPS = "an aggregate needs several lines: add `group_by` to the mapping; without it an event is made of one row"
_NESTED = "an aggregate inside an aggregate is not allowed: there is one level of groups"
_SUBQUERY = "_POLARS_TMP_SQL"  # begins the name of the column that Polars puts for one
_NUMBERS_ONLY = frozenset({"SUM", "AVG", "MEDIAN"})
_SMALL_INTEGERS = frozenset({pl.UInt8, pl.UInt16, pl.UInt32, pl.Int8, pl.Int16, pl.Int32})


class UnknownColumn(SqlInvalid):
    """It reads a column that the source does not have."""


@dataclass(frozen=True, slots=True)
class SqlExpression:
    """A checked expression: its value, the columns or members that it reads, its type, and where it lost a value."""

    expr: pl.Expr
    members: frozenset[Member]
    dtype: pl.DataType
    lost: Lost | None

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it reads."""
        return frozenset(member.column for member in self.members)


@dataclass(frozen=True, slots=True)
class GroupExpression:
    """A checked expression over a group: ``rest`` is computed last, and its columns are those of the first line.

    Before it the ``arguments`` are computed for each line and the ``aggregates`` of them for each group, by the names
    of their columns. ``line_columns`` are what the arguments read; ``losses`` are the CASTs in them.
    """

    rest: SqlExpression
    arguments: dict[str, pl.Expr]
    aggregates: dict[str, pl.Expr]
    line_columns: frozenset[str]
    losses: tuple[Loss, ...]


def compile_sql(
    text: str, schema: Mapping[str, pl.DataType], untyped: frozenset[str], no_aggregates: str = NEEDS_GROUPS
) -> SqlExpression:
    """Check ``text`` against the columns of ``schema`` and turn it into an expression over one row.

    ``untyped`` are CSV columns that are text because the mapping declares no type for them. ``no_aggregates`` says why
    there are none here. Raises ``SqlInvalid``.
    """
    tree = _parsed(text)
    unknown = _unknown_columns(text, tree, schema)
    allowed = Allowed(untyped, no_aggregates, unlisted_calls(text))
    try:
        allowed.check(tree)
    except SqlInvalid as error:
        raise SqlInvalid(*unknown, *error.messages) from None
    if unknown:
        raise UnknownColumn(*unknown)
    allowed.require_types()
    return _over_one_row(tree, schema)


def compile_group_sql(
    text: str, schema: Mapping[str, pl.DataType], untyped: frozenset[str], prefix: str
) -> GroupExpression:
    """As :func:`compile_sql`, over a group of lines: a column has the value of the first one, aggregates see them all.

    ``prefix`` begins the names of the columns that this needs. Raises ``SqlInvalid``.
    """
    tree = _parsed(text)
    if unknown := _unknown_columns(text, tree, schema):
        raise UnknownColumn(*unknown)
    tree, aggregates, losses = lift(fitted_lines(tree, schema), prefix)
    allowed = Allowed(untyped, _NESTED, unlisted_calls(text))
    for aggregate in aggregates:
        allowed.check_aggregate(aggregate)
    allowed.check(tree)
    allowed.require_types()
    arguments = {argument.name: argument for aggregate in aggregates for argument in aggregate.arguments}
    types = {name: _dtype(argument.node, schema) for name, argument in arguments.items()}
    exprs, result_types = {}, {}
    for item in aggregates:
        exprs[item.name], result_types[item.name] = _aggregate(item, types)
    rest = _over_one_row(tree, {**schema, **result_types})
    return GroupExpression(
        replace(rest, members=frozenset(member for member in rest.members if member.column not in exprs)),
        {name: argument.expr for name, argument in arguments.items()},
        exprs,
        frozenset(name for argument in arguments.values() for name in columns(argument.node)),
        tuple(losses),
    )


def is_constant(text: str) -> bool:
    """Whether ``text`` is SQL that reads no column, and gives the same in every row."""
    try:
        return not list(columns(_parsed(text)))
    except SqlInvalid:
        return False


def _parsed(text: str) -> Node:
    check_text(text)
    if name := call_without_arguments(text):  # of which Polars makes a panic
        raise SqlInvalid(f"{name} has nothing in its brackets")
    try:
        return parse(text)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
        raise SqlInvalid(syntax_problem(text, first_line(error))) from None


def _unknown_columns(text: str, tree: Node, schema: Mapping[str, pl.DataType]) -> list[str]:
    """What is said about each column that is not in ``schema``."""
    said = []
    for name in sorted(set(columns(tree)).difference(schema)):
        if name.startswith(_SUBQUERY):
            raise SqlInvalid("a SELECT inside an expression is not allowed in a mapping")
        near = did_you_mean(name, schema)
        quotes = " (a text stands in single quotes)" if not near or f'"{name}"' in text else ""
        said.append(f"no column {name!r} in the source{near}{quotes}")
    return said


def _over_one_row(tree: Node, schema: Mapping[str, pl.DataType]) -> SqlExpression:
    check_members(tree, schema)
    tree = fitted(tree, schema)
    dtype = _dtype(tree, schema)
    return SqlExpression(expression(never_fail(tree)), frozenset(members(tree)), dtype, lost_values(tree))


def _aggregate(item: Aggregate, types: Mapping[str, pl.DataType]) -> tuple[pl.Expr, pl.DataType]:
    """The expression and the type of an aggregate over arguments of these ``types``."""
    for argument in item.arguments[:1]:
        dtype = types[argument.name]
        if item.function in _NUMBERS_ONLY and not (dtype.is_numeric() or dtype in {pl.Boolean, pl.Null}):
            raise TypesInvalid(columns(argument.node), f"{item.function} needs numbers, and this is {type_name(dtype)}")
        if item.function in {"MIN", "MAX"} and dtype.is_nested():
            message = f"{item.function} needs values that have an order, and this is {type_name(dtype)}"
            raise TypesInvalid(columns(argument.node), message)
    lines = pl.DataFrame(schema=dict(types))
    dtype = lines.group_by(pl.lit(0).alias("")).agg(value=item.expr).schema["value"]
    # SQL would let small integers overflow in silence: COUNT(x) - 5 must not become 4294967291
    return (item.expr.cast(pl.Int64), pl.Int64()) if dtype in _SMALL_INTEGERS else (item.expr, dtype)


def _dtype(tree: Node, schema: Mapping[str, pl.DataType]) -> pl.DataType:
    """The type of ``tree``, which can be computed over columns of these types. Raises ``SqlInvalid``."""
    check_members(tree, schema)
    dtype = dtype_of(tree, schema)
    check_computable(tree, schema)
    return dtype
