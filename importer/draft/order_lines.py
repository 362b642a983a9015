"""Whether several rows make one event: an order whose number comes again while its products differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from importer.draft.match import ITEMS, Match

if TYPE_CHECKING:
    from importer.draft.column import Column
    from importer.draft.sample import Sample


@dataclass(frozen=True, slots=True)
class OrderLines:
    """The rows of the sample as lines of orders, by the values in ``column``.

    ``largest`` is the most rows of one order; ``varying`` are the names of columns that differ within an order.
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
    frame = sample.frame.head(sample.head).select(plain).drop_nulls(key.name)
    others = [name for name in plain if name != key.name]
    groups = frame.group_by(key.name).agg(pl.len().alias("\x01rows"), pl.col(others).n_unique())
    several = groups.filter(pl.col("\x01rows") > 1)
    varying = frozenset(name for name in others if several.height and bool((several[name] > 1).any()))
    if groups.height == 1 or not varying.intersection(items):
        return None
    return OrderLines(key, groups.height, frame.height, int(groups["\x01rows"].max() or 0), varying)  # type: ignore[arg-type]


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
