"""``context.event_id`` from the natural key of an event, and other ids from columns (``id_from``).

Without ``group_by`` a key column is its cell: in a CSV 007 and 7 are two keys, whatever type ``source.columns`` gives
it for SQL. With ``group_by`` a declared type counts, in ``group_by`` and in an explicit ``key`` alike: as integers 007
and 7 are one key, written 7. (Types of ungrouped keys would change the ids of events that were sent long ago.)
For ``id_from`` a column is its cell always, so that a customer has one id in all mappings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import polars_hash as plh

from importer.mapping.cells import type_name
from importer.mapping.compiled import FILE, FILE_ROW
from importer.mapping.timestamps import iso_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from importer.mapping.cells import Value

ID_VERSION = "1"
ID_HEX_DIGITS = 32
DERIVED_ID = "id 1"  # an event id begins with its version where this stands, so that the two are never equal


class KeyInvalid(ValueError):  # noqa: N818  named for what it says, as every exception of the importer
    """A column cannot be part of a key."""


def event_id(event_name: str | pl.Expr, parts: list[pl.Expr]) -> pl.Expr:
    """128 bits in hex of the SHA-256 of ``1:1``, the event name and the parts, each as ``length:text``.

    The length is that of the text in UTF-8, in decimal digits, so that no two keys give the same bytes. For example
    the purchase with the key 0042 is hashed as ``1:18:purchase4:0042``. Null where a part is.
    """
    return _hashed([ID_VERSION, event_name, *parts])


def derived_id(parts: list[pl.Expr]) -> pl.Expr:
    """The id that ``id_from`` makes of ``parts``: as an event id, of ``4:id 1`` and the parts. Null where a part is.

    It is the same in every mapping and for every event. The customer 0042 is hashed as ``4:id 14:0042``.
    """
    return _hashed([DERIVED_ID, *parts])


def _hashed(texts: Iterable[str | pl.Expr]) -> pl.Expr:
    framed: list[pl.Expr] = []
    constant = ""
    for text in texts:
        if isinstance(text, str):
            constant += f"{len(text.encode())}:{text}"
        else:
            length = text.str.len_bytes().cast(pl.String)
            framed += [*_literal(constant), length, pl.lit(":"), text]
            constant = ""
    return plh.concat_str(pl.concat_str([*framed, *_literal(constant)])).chash.sha2_256().str.head(ID_HEX_DIGITS)


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


def _literal(text: str) -> list[pl.Expr]:
    return [pl.lit(text)] if text else []
