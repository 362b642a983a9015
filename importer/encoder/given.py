"""Which column of the values of events holds which target: what rules need to know of a compiled mapping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.tree import Constant, Leaf, Member
from importer.rules import EventNames, Given

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from importer.mapping.compiled import CompiledMapping, EntryList

LIST_MARK = "[]"
"""In front of the name of a column that holds a list of objects as JSON."""


def names_of(mapping: CompiledMapping) -> EventNames:
    """The names that the events of ``mapping`` can have."""
    is_constant = any(isinstance(member, Constant) and member.name == "event_name" for member in mapping.plan.members)
    return EventNames(mapping.event_names, is_constant)


def events_given(members: Iterable[Member], schema: Mapping[str, pl.DataType]) -> dict[str, Given]:
    """What events of ``members`` have, by target, over values with the types of ``schema``."""
    return dict(_given(members, schema, ""))


def entries_given(item: EntryList, schema: Mapping[str, pl.DataType]) -> dict[str, Given]:
    """What the entries of a list have, by full target, over the values of entries."""
    return dict(_given(item.plan.members, schema, f"{item.name.removeprefix(LIST_MARK)}{LIST_MARK}."))


def _given(members: Iterable[Member], schema: Mapping[str, pl.DataType], prefix: str) -> Iterator[tuple[str, Given]]:
    for member in members:
        path = f"{prefix}{member.name}"
        if isinstance(member, Leaf):
            yield path, Given(pl.col(member.column), schema[member.column], member.raw)
        elif isinstance(member, Constant):
            yield path, Given(None, constant=member.value)
        elif member.is_list:
            inner = dict(_given(member.children, schema, f"{path}{LIST_MARK}."))
            yield path, _whole(inner)
            yield from inner.items()
        else:
            yield from _given(member.children, schema, f"{path}.")


def _whole(inner: Mapping[str, Given]) -> Given:
    """A list of one entry: there where one of its members is."""
    columns = [given.expr for given in inner.values() if given.expr is not None]
    if len(columns) < len(inner):
        return Given(None, constant=[])
    is_there = pl.any_horizontal(column.is_not_null() for column in columns)
    return Given(pl.when(is_there).then(pl.lit(value=True)), pl.Boolean())
