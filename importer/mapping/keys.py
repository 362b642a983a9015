"""``context.event_id`` from the natural key of an event.

Without ``group_by`` a key column is its cell: in a CSV 007 and 7 are two keys, whatever type ``source.columns`` gives
it for SQL. With ``group_by`` a declared type counts, in ``group_by`` and in an explicit ``key`` alike: as integers 007
and 7 are one key, written 7. (Types of ungrouped keys would change the ids of events that were sent long ago.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import polars_hash as plh

from importer.mapping.cells import type_name
from importer.mapping.compiled import FILE, FILE_ROW
from importer.mapping.timestamps import iso_text

if TYPE_CHECKING:
    from importer.mapping.cells import Value

ID_VERSION = "1"
ID_HEX_DIGITS = 32


class KeyInvalid(ValueError):  # noqa: N818  named for what it says, as every exception of the importer
    """A column cannot be part of a key."""


def event_id(event_name: pl.Expr, parts: list[pl.Expr]) -> pl.Expr:
    """128 bits in hex of the SHA-256 of ``1:1``, the event name and the parts, each as ``length:text``.

    The length is that of the text in UTF-8, in decimal digits, so that no two keys give the same bytes. For example
    the purchase with the key 0042 is hashed as ``1:18:purchase4:0042``. Null where a part is.
    """
    texts = [pl.lit(ID_VERSION), event_name, *parts]
    framed = [part for text in texts for part in (text.str.len_bytes().cast(pl.String), pl.lit(":"), text)]
    return plh.concat_str(pl.concat_str(framed)).chash.sha2_256().str.head(ID_HEX_DIGITS)


def position() -> list[pl.Expr]:
    """The key ``position``: path of the file and number of the row in it."""
    return [pl.col(FILE), pl.col(FILE_ROW).cast(pl.String)]


def key_part(source: Value, name: str) -> pl.Expr:
    """A column as text of a key: text as it is, integers as digits, dates and times in ISO 8601. Raises KeyInvalid."""
    dtype = source.dtype
    if dtype.is_float():
        raise KeyInvalid(f"column {name!r} is floating point and cannot be a key: 7 and 7.0 would differ")
    if isinstance(dtype, pl.Datetime):
        return (
            source.expr.dt.convert_time_zone("UTC").pipe(iso_text, dtype)
            if dtype.time_zone
            else iso_text(source.expr, dtype)
        )
    if dtype.is_nested() or isinstance(dtype, pl.Binary | pl.Object | pl.Duration):
        raise KeyInvalid(f"column {name!r} is {type_name(dtype)} and cannot be a key")
    text = source.expr.cast(pl.String)
    return pl.when(text != "").then(text)
