"""Lists of objects in an event: the JSON of each, from a list of structs or from the lines of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.compiled import LINE, ROW, any_failed
from importer.mapping.json_text import json_objects

if TYPE_CHECKING:
    from importer.mapping.compiled import EntryList
    from importer.mapping.failures import Failures

_ENTRY = "\x01entry"


def list_of_structs(
    events: pl.DataFrame, item: EntryList, failures: Failures, entries_of: dict[str, pl.DataFrame]
) -> list[pl.Series]:
    """The JSON of a list for each row of ``events``, null where it has no entry, and what is counted in its entries.

    The first is the column of its name, the others are those of ``count_names``. Failed entries go to ``failures``, and
    the values of all entries, with the row of their event, to ``entries_of``, by the name of the list.
    """
    column = item.column.expr if item.column else pl.lit(None)
    if item.when is not None:
        column = pl.when(pl.col(item.when).fill_null(value=False)).then(column)
    rows = events.select(ROW, column.alias(_ENTRY))
    entries = rows.explode(_ENTRY, empty_as_null=True).drop_nulls(_ENTRY).unnest(_ENTRY)
    return _joined(events, entries, item, failures, ROW, entries_of)


def list_of_lines(
    events: pl.DataFrame, lines: pl.DataFrame, item: EntryList, failures: Failures, entries_of: dict[str, pl.DataFrame]
) -> list[pl.Series]:
    """The same with the lines of each event as entries."""
    if item.when is not None:
        chosen = events.filter(pl.col(item.when).fill_null(value=False))[ROW]
        lines = lines.filter(pl.col(ROW).is_in(chosen.implode()))
    return _joined(events, lines, item, failures, LINE, entries_of)


def _joined(
    events: pl.DataFrame,
    entries: pl.DataFrame,
    item: EntryList,
    failures: Failures,
    number: str,
    entries_of: dict[str, pl.DataFrame],
) -> list[pl.Series]:
    """Entries as JSON, joined by event; ``number`` is the column that tells in which row an entry has failed."""
    if item.where is not None:
        entries = item.where.filtered(entries)
    entries = item.plan.with_stages(item.plan.with_sql(entries))
    failed = entries.filter(any_failed(item.checks))
    if failed.height:
        failures.add(failed, item.checks, number)
    values = entries.select(ROW, *(expr.alias(name) for name, expr in item.plan.values))
    texts = values.select(ROW, pl.Series(_ENTRY, json_objects(values, item.plan.members)))
    is_something = texts[_ENTRY] != "{}"
    entries_of[item.name] = values.filter(is_something)
    lists = texts.filter(is_something).group_by(ROW, maintain_order=True).agg(pl.col(_ENTRY).str.join(","))
    joined = events.select(ROW).join(lists, on=ROW, how="left", maintain_order="left")
    counted = [
        events[ROW].is_in(entries.filter(expr)[ROW].unique().implode()).alias(name)
        for name, (_, expr) in zip(item.count_names, item.plan.counts, strict=True)
    ]
    return [joined.select(("[" + pl.col(_ENTRY) + "]").alias(item.name)).to_series(), *counted]
