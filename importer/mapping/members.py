"""Members of structs in SQL: ``address.city``, and ``order.address.city`` in depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from importer.mapping.cells import instance, type_name
from importer.mapping.nearest import did_you_mean, printable, shown
from importer.mapping.sql_tree import Node, SqlInvalid, children, column_name, function_name, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Member(NamedTuple):
    """A part of a column: the names below it, none for the column itself."""

    column: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.column, *self.names))

    @property
    def expr(self) -> pl.Expr:
        """Its values."""
        expr = pl.col(self.column)
        for name in self.names:
            expr = expr.struct.field(name)
        return expr

    def dtype(self, schema: Mapping[str, pl.DataType]) -> pl.DataType:
        """Its type in ``schema``. Raises ``SqlInvalid`` when a struct has no such member."""
        dtype = schema[self.column]
        for depth, name in enumerate(self.names):
            dtype = _below(dtype, name, str(Member(self.column, self.names[:depth])))
        return dtype


def named(text: str, schema: Mapping[str, pl.DataType]) -> Member:
    """The column that is called ``text``, or the member of a struct: ``order.lines``."""
    head, *names = text.split(".")
    is_member = text not in schema and isinstance(schema.get(head), pl.Struct)
    return Member(head, tuple(names)) if is_member else Member(text)


def member_of(node: Node) -> Member | None:
    """What part of a column ``node`` is, ``None`` if it is computed."""
    if (column := column_name(node)) is not None:
        return Member(column)
    kind, body = kind_of(node)
    if kind == "Function" and function_name(body["function"]) == "StructExpr.FieldByName":
        of = member_of(body["input"][0])
        return of and Member(of.column, (*of.names, body["function"]["StructExpr"]["FieldByName"]))
    return None


def members(tree: Node) -> Iterator[Member]:
    """The columns and members that a tree reads, not what they are a part of."""
    if isinstance(tree, dict) and (found := member_of(tree)) is not None:
        yield found
        return
    for child in children(tree):
        yield from members(child)


def check_members(tree: Node, schema: Mapping[str, pl.DataType]) -> None:
    """Raises ``SqlInvalid`` for a member that its struct does not have."""
    for member in members(tree):
        member.dtype(schema)


def _below(dtype: pl.DataType, name: str, of: str) -> pl.DataType:
    if not isinstance(dtype, pl.Struct):
        raise SqlInvalid(f"{shown(of)} has no members: it is {type_name(dtype)}, and no struct that has a {name!r}")
    types = {field.name: instance(field.dtype) for field in dtype.fields}
    if name not in types:
        hint = did_you_mean(name, types) or f"; it has {', '.join(map(printable, types))}"
        raise SqlInvalid(f"the struct {shown(of)} has no member {name!r}{hint}")
    return types[name]
