"""Rows that Polars cannot compute, such as a division of a decimal by zero or a time outside of its calendar.

It gives up the whole chunk for one of them. They are found by halving, so that they are rejected and the others sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.sql_tree import first_line

if TYPE_CHECKING:
    from collections.abc import Callable

UNCOMPUTABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What Polars raises; the second of them is no ``Exception``."""


def culprits(compute: Callable[[int, int], object], count: int) -> dict[int, str]:
    """Which of ``count`` units, rows or groups, cannot be computed, each with what Polars says about it.

    ``compute`` takes the first unit and the one behind the last. What fails without any is no fault of the data and
    is raised.
    """
    compute(0, 0)
    return _culprits(compute, 0, count)


def _culprits(compute: Callable[[int, int], object], start: int, stop: int) -> dict[int, str]:
    try:
        compute(start, stop)
    except UNCOMPUTABLE as error:
        if stop - start == 1:
            return {start: first_line(error).replace("\x01", "")}
    else:
        return {}
    middle = (start + stop) // 2
    return _culprits(compute, start, middle) | _culprits(compute, middle, stop)
