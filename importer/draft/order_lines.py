"""Whether several rows make one event: an order whose number comes again while its products differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from importer.draft.match import ITEMS, Match

if TYPE_CHECKING:
    from importer.draft.column import Column
    from importer.draft.sample import Sample

_SOME = 0.1
"""Share of the orders of several lines up to which a difference within an order is taken for a mistake in the data."""
_MANY = 0.1
"""Share of empty cells from which on an id is looked for in another column."""


@dataclass(frozen=True, slots=True)
class OrderLines:
    """The rows of the sample as lines of orders, by the values in ``column``.

    ``largest`` is the most rows of one order; ``varying`` are the names of columns that differ within many of them.
    """

    column: Column
    orders: int
    rows: int
    largest: int
    varying: frozenset[str]


def order_lines(found: Match, sample: Sample, columns: list[Column]) -> OrderLines | None:
    """The orders in ``sample``, ``None`` where every row is an event of its own."""
    key = found.get("id")
    items = [column.name for target, column in found.columns.items() if target.startswith(ITEMS) and column.sql is None]
    if key is None or key.sql is not None or key.is_unique or not items:
        return None
    plain = [column.name for column in columns if column.sql is None and not column.dtype.is_nested()]
    frame = sample.frame.head(sample.head).select(plain)
    if key.empty_share > _MANY:
        key = _full_key(key, [column for column in columns if column.name in plain], frame) or key
    frame = frame.drop_nulls(key.name)
    others = [name for name in plain if name != key.name]
    groups = frame.group_by(key.name).agg(pl.len().alias("\x01rows"), pl.col(others).n_unique())
    several = groups.filter(pl.col("\x01rows") > 1)
    varying = frozenset(name for name in others if int((several[name] > 1).sum()) > _SOME * several.height)
    if groups.height == 1 or not varying.intersection(items):
        return None
    return OrderLines(key, groups.height, frame.height, int(groups["\x01rows"].max() or 0), varying)  # type: ignore[arg-type]


def _full_key(key: Column, columns: list[Column], frame: pl.DataFrame) -> Column | None:
    """A column that stands for ``key`` on each line, where ``key`` itself is on the first line of an order only."""
    for column in columns:
        if column.empty_share or column is key or len(column.values) != len(key.values):
            continue
        keys = frame.group_by(column.name).agg(pl.col(key.name).drop_nulls().n_unique())
        if bool((keys[key.name] == 1).all()):
            return column
    return None


@dataclass(frozen=True, slots=True)
class Signs:
    """Events whose quantities (or amounts) are all below zero, and those where only some are."""

    negative: int
    mixed: int


def signs_of(values: pl.Series, keys: pl.Series | None) -> Signs:
    """The signs of ``values`` (numbers), in the events that ``keys`` number; each row is one without them."""
    frame = pl.DataFrame({"key": keys if keys is not None else range(len(values)), "value": values})
    groups = frame.group_by("key").agg(low=pl.col("value").min(), high=pl.col("value").max())
    below = groups.filter(pl.col("low") < 0)
    negative = below.filter(pl.col("high") <= 0).height
    return Signs(negative, below.height - negative)
