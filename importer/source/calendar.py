"""Times that no calendar has.

Parquet counts times from 1970 on in 32 or 64 bits, and most of what fits there lies outside of the years 1 to 9999:
a wrong unit, garbage, or infinity as some databases write it. Polars panics at some of these values and Python has no
dates for them, so they are found here, by their numbers, before anything looks at them as times.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polars._typing import SchemaDict

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_LARGEST_OFFSET = timedelta(hours=14)  # of a clock from UTC, anywhere
_UNITS = {"ms": ("milliseconds", timedelta(milliseconds=1)), "us": ("microseconds", timedelta(microseconds=1))}


class Calendar:
    """Checks the columns of ``schema``: which rows of a frame have only times of the years 1 to 9999."""

    def __init__(self, schema: SchemaDict) -> None:
        pass
