"""Whether SQL can be computed at all: the types of an expression may fit while Polars refuses the first value.

A CAST of a date to a Boolean, or SPLIT_PART of a number, is planned without a word and fails with the first row that
has a value. So an expression is tried on harmless rows when the mapping is compiled.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from importer.mapping.cells import instance
from importer.mapping.sql_tree import Node, SqlInvalid, columns, does_not_fit, expression, lost_values, never_fail

if TYPE_CHECKING:
    from collections.abc import Mapping

_SAMPLES: dict[type[pl.DataType], tuple[Any, Any]] = {
    pl.String: ("1", "a"),
    pl.Categorical: ("1", "a"),
    pl.Binary: (b"1", b"a"),
    pl.Boolean: (True, False),
    pl.Date: (dt.date(2001, 1, 1), dt.date(2002, 2, 3)),
    pl.Datetime: (dt.datetime(2001, 1, 1), dt.datetime(2002, 2, 3, 4, 5, 6)),  # noqa: DTZ001  its zone is that of UTC
    pl.Time: (dt.time(1), dt.time(2, 3, 4)),
    pl.Duration: (dt.timedelta(1), dt.timedelta(7)),
}


def check_computable(tree: Node, schema: Mapping[str, pl.DataType]) -> None:
    """Compute ``tree``, and where it loses values, for two harmless rows, one by one. ``SqlInvalid`` if neither can be.

    Where only one can be, such as in a division by ``qty - 1``, it is for each row to fail by itself.
    """
    problems = [problem for number in (0, 1) if (problem := _problem(tree, schema, number))]
    if len(problems) == 2:  # noqa: PLR2004  both
        raise problems[0]


def _problem(tree: Node, schema: Mapping[str, pl.DataType], number: int) -> SqlInvalid | None:
    names = dict.fromkeys(columns(tree))
    row = pl.DataFrame([_sample(name, schema[name], number) for name in names])
    lost = lost_values(tree)
    try:
        row.with_columns(
            expression(never_fail(tree)).alias("\x01value"), *([lost.where.alias("\x01lost")] if lost else ())
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        return does_not_fit(error, tree, schema)
    return None


def _sample(name: str, dtype: pl.DataType, number: int) -> pl.Series:
    value = _value(dtype, number)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return pl.Series(name, [value], pl.Datetime(dtype.time_unit)).dt.replace_time_zone(dtype.time_zone)
    return pl.Series(name, [value], dtype)


def _value(dtype: pl.DataType, number: int) -> Any:  # noqa: ANN401  whatever the type holds
    if isinstance(dtype, pl.Struct):
        return {field.name: _value(instance(field.dtype), number) for field in dtype.fields}
    if isinstance(dtype, pl.List | pl.Array):
        return [_value(instance(dtype.inner), number)] * (dtype.size if isinstance(dtype, pl.Array) else 1)
    if isinstance(dtype, pl.Decimal):
        return Decimal(1 + 6 * number).scaleb(-dtype.scale)
    if dtype.is_numeric():
        return 1 + 6 * number
    return _SAMPLES.get(type(dtype), (None, None))[number]
