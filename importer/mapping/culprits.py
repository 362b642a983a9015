"""Rows that Polars cannot compute, such as a division of a decimal by zero or a time outside of its calendar.

It gives up the whole chunk for one of them. They are found by halving, so that they are rejected and the others sent.
A block that is tried is as large as the last distance between two of them: few are found in few steps, and where all
rows are bad each of them is tried about once.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.sql_tree import first_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.mapping.compiled import RowPlan

UNCOMPUTABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What Polars raises; the second of them is no ``Exception``."""


def culprits(compute: Callable[[int, int], object], count: int) -> dict[int, str]:
    """Which of ``count`` units, rows or groups, cannot be computed, each with what Polars says about it.

    ``compute`` takes the first unit and the one behind the last. What fails without any is no fault of the data and
    is raised.
    """
    compute(0, 0)
    found: dict[int, str] = {}
    start, size = 0, count
    while start < count:
        stop = min(start + size, count)
        reason = _failure(compute, start, stop)
        if reason is None:
            start, size = stop, size * 2
            continue
        unit = _first(compute, start, stop)
        if stop - start > 1:  # what was said may be about other units than this one
            reason = _failure(compute, unit, unit + 1)
        if reason is not None:
            found[unit] = reason
        start, size = unit + 1, unit + 1 - start  # the next one is probably as far away
    return found


def sql_culprits(plan: RowPlan, frame: pl.DataFrame) -> dict[int, str]:
    """The same for the rows of ``frame`` and each SQL expression of ``plan`` alone.

    It is much faster than to compute all of an event again and again. What else fails is not found.
    """
    try:
        for expr in plan.parsed:
            frame = frame.with_columns(expr)
        frame = frame.with_columns(value.expr.alias(name) for name, value in plan.typed)
    except UNCOMPUTABLE:
        return {}
    found: dict[int, str] = {}
    for _, expr in plan.prepared:
        names = set(expr.meta.root_names())
        if not names or not frame.schema.keys() >= names:  # then it has not failed for a row of this frame
            continue
        compute = partial(_computed, frame.select(names), expr)
        if _failure(compute, 0, frame.height) is not None:
            found = culprits(compute, frame.height) | found
    return found


def _computed(frame: pl.DataFrame, expr: pl.Expr, start: int, stop: int) -> pl.DataFrame:
    return frame.slice(start, stop - start).select(expr)


def _first(compute: Callable[[int, int], object], start: int, stop: int) -> int:
    """The first unit with which those from ``start`` on cannot be computed any more."""
    low, high = start, stop
    while high - low > 1:
        middle = (low + high) // 2
        if _failure(compute, low, middle) is None:
            low = middle
        else:
            high = middle
    return low


def _failure(compute: Callable[[int, int], object], start: int, stop: int) -> str | None:
    """What Polars says about these units, ``None`` if it computes them."""
    try:
        compute(start, stop)
    except UNCOMPUTABLE as error:
        return first_line(error).replace("\x01", "")
    return None
