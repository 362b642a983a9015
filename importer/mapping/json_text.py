"""The members of an event as one expression that gives its JSON, for a chunk whose nulls are known.

Neighbouring members that have no null in this chunk are encoded by Polars as one struct; the others are encoded alone
and joined between them, so that a null leaves nothing behind. The order is that of the mapping either way, and a value
is always written by the same function, so a chunk's nulls never change a byte.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.tree import Branch, Constant, Leaf, Member, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

Part = str | pl.Expr
"""What an object is joined of: text that is the same in every row, or a column of texts without a null."""


def json_object(values: pl.DataFrame, members: tuple[Member, ...], end: str = "") -> pl.Expr:
    """The JSON object of ``members`` for each row of ``values``, with ``end`` behind it; {} where all are null."""
    nullable = {name for name in values.columns if values[name].null_count()}
    parts, is_sure = _members(members, nullable)
    return _joined(["{", *_without_first_comma(parts, is_sure=is_sure), "}" + end])


def _members(members: tuple[Member, ...], nullable: set[str]) -> tuple[list[Part], bool]:
    """Parts that join to the members of an object.

    Where the first member is there in every row (the second result) the commas are in their places; otherwise every
    member that is there brings a comma before it, and the first one has to be cut off.
    """
    is_sure = bool(members) and _is_solid(members[0], nullable)
    parts: list[Part] = []
    for is_run, group in groupby(
        members, lambda member: isinstance(member, Leaf | Branch) and _is_native(member, nullable)
    ):
        if is_run:
            parts += _run(list(group), "" if is_sure and not parts else ",")
            continue
        for member in group:
            parts += _single(member, nullable, "" if is_sure and not parts else ",")
    return parts, is_sure


def _is_native(member: Member, nullable: set[str]) -> bool:
    """Whether Polars can encode the member inside a struct: no null in this chunk, and no token."""
    if isinstance(member, Leaf):
        return not member.raw and member.column not in nullable
    return isinstance(member, Branch) and all(_is_native(child, nullable) for child in member.children)


def _is_solid(member: Member, nullable: set[str]) -> bool:
    """Whether the member is there in every row of this chunk."""
    if isinstance(member, Branch):
        return any(_is_solid(child, nullable) for child in member.children)
    return isinstance(member, Constant) or member.column not in nullable


def _run(run: list[Member], comma: str) -> list[Part]:
    inner = pl.struct(_native(member) for member in run).struct.json_encode().str.slice(1).str.head(-1)
    return [comma, inner]


def _native(member: Member) -> pl.Expr:
    if isinstance(member, Leaf):
        return pl.col(member.column).alias(member.name)
    if isinstance(member, Constant):
        return pl.lit(member.value).alias(member.name)
    struct = pl.struct(_native(child) for child in member.children)
    return (pl.concat_list(struct) if member.is_list else struct).alias(member.name)


def _single(member: Member, nullable: set[str], comma: str) -> list[Part]:
    key = f"{comma}{to_json(member.name)}:"
    if isinstance(member, Constant):
        return [key + member.token]
    if isinstance(member, Branch):
        return _branch(member, nullable, key)
    present: list[Part] = [key, pl.col(member.column)] if member.raw else _run([member], comma)
    if member.column not in nullable:
        return present
    return [pl.when(pl.col(member.column).is_not_null()).then(_joined(present)).otherwise(pl.lit(""))]


def _branch(member: Branch, nullable: set[str], key: str) -> list[Part]:
    before, after = (f"{key}[{{", "}]") if member.is_list else (f"{key}{{", "}")
    parts, is_sure = _members(member.children, nullable)
    inner = _without_first_comma(parts, is_sure=is_sure)
    if _is_solid(member, nullable):
        return [before, *inner, after]
    is_there = _joined(parts) != ""
    return [pl.when(is_there).then(_joined([before, *inner, after])).otherwise(pl.lit(""))]


def _without_first_comma(parts: list[Part], *, is_sure: bool) -> list[Part]:
    return parts if is_sure else [_joined(parts).str.slice(1)]


def _joined(parts: Iterable[Part]) -> pl.Expr:
    """One text of all parts; neighbours that are constant become one of them."""
    expressions: list[pl.Expr] = []
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
            continue
        expressions += [pl.lit(text), part] if text else [part]
        text = ""
    return pl.concat_str([*expressions, pl.lit(text)])
