"""What becomes of the types of Parquet, so that everything behind the reader has to know only a few.

Categories are text with another storage, an array is a list that is always of one length, and a map is a list of
structs of ``key`` and ``value``. Half floats are computed with as floats of 32 bits. All of this inside of lists and
structs as well.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
from polars.exceptions import PanicException, PolarsError


def polars_type(dtype: pa.DataType) -> pl.DataType:
    """The type in which a column is handed over, ``Unknown`` when it cannot be."""
    if not _is_readable(dtype):
        return pl.Unknown()
    try:
        return _plain(pl.Series(pl.from_arrow(pa.array([], dtype))).dtype)
    except (pa.ArrowException, PolarsError, PanicException, TypeError, ValueError):
        return pl.Unknown()


def _is_readable(dtype: pa.DataType) -> bool:
    """Whether Polars can be asked for the type, and what it gives can be used.

    At a decimal of more than 38 digits it panics, and prints a trace. It casts neither extension types nor durations to
    anything that an event could have.
    """
    if pa.types.is_decimal256(dtype) or pa.types.is_duration(dtype) or isinstance(dtype, pa.BaseExtensionType):
        return False
    return all(_is_readable(dtype.field(index).type) for index in range(dtype.num_fields))


def _plain(dtype: pl.DataType) -> pl.DataType:
    match dtype:
        case pl.Categorical() | pl.Enum():
            return pl.String()
        case pl.Float16():
            return pl.Float32()
        case pl.List() | pl.Array():
            return pl.List(_plain(instance(dtype.inner)))
        case pl.Map():
            return pl.List(pl.Struct({"key": _plain(instance(dtype.key)), "value": _plain(instance(dtype.value))}))
        case pl.Struct():
            return pl.Struct({field.name: _plain(instance(field.dtype)) for field in dtype.fields})
    return dtype


def instance(dtype: Any) -> pl.DataType:  # noqa: ANN401  (Polars gives classes and instances in the same places)
    """A type as an instance."""
    return dtype() if isinstance(dtype, type) else dtype  # type: ignore[no-any-return]
