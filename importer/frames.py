"""Frames in memory instead of files: the rows that a Parquet file would have, to the bytes that a run would send."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from importer.duplicates import Identities
from importer.encoder import ChunkInput, Encoder
from importer.errors import UsageInvalid
from importer.left_out import LeftOut
from importer.lookups import read_lookups
from importer.mapping.compile import compile_mapping
from importer.plan import guess_units
from importer.records import Place, Reject, Span
from importer.source.calendar import Calendar
from importer.source.chunk import MAX_CHUNK_ROWS, Chunk
from importer.source.parquet_types import polars_type
from importer.staging import group_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from importer.mapping.compiled import CompiledMapping
    from importer.mapping.document import Document
    from importer.records import EncodedRows
    from importer.source import Anchor

NAME = "frame"
"""How rejects call the frame."""
_AT = "\x01at"


@dataclass(frozen=True, slots=True)
class Encoded:
    """What becomes of the rows of a frame.

    ``events`` are UTF-8 JSON, one object each, in the order of their first rows. ``rejects`` are the rows that are not
    sent, by their number in the frame (from 1), and why. ``filtered`` is how many rows ``where`` and ``consent`` of the
    mapping leave out, ``without_consent`` how many of them lack the consent. ``duplicates`` are rows of events that
    ``dedupe`` leaves out. Without ``group_by``, events, rejects, filtered rows and duplicates add up to the rows of the
    frame.
    """

    events: list[bytes]
    rejects: tuple[Reject, ...]
    filtered: int
    without_consent: int = 0
    duplicates: int = 0


def encode_frame(
    frame: pl.DataFrame | pa.Table, document: Document, test_code: str | None, max_item_bytes: int
) -> Encoded:
    """The events of the rows of ``frame`` by the mapping of ``document``.

    Raises:
        MappingInvalid: the mapping does not fit the columns.
        SourceUnreadable: a column that is mapped is missing.
        UsageInvalid: the key is ``position``, or the frame cannot be read.
    """
    if document.mapping.key == "position":
        raise UsageInvalid(
            f"{document.name}: `key: position` means a file and a row in it, and a frame is no file.",
            "Name the columns that make an event unique: `key: order_id`.",
        )
    table = _normal(frame)
    units = guess_units(document, _Frame(table))
    lookups = read_lookups(document)
    mapping = compile_mapping(document, table.schema, is_text=False, units=units, test_code=test_code, lookups=lookups)
    is_deduped = document.mapping.dedupe
    encoder = Encoder(mapping, b"", max_item_bytes, tells_ids=is_deduped)
    found = _Found(mapping, table)
    chunks = list(found.chunks())
    encoded = [encoder.encode(chunk) for chunk in chunks]
    if is_deduped:
        encoded = _of_firsts(encoder, chunks, encoded)
    events = [event for part in encoded for event in _events(part)]
    rejects = [reject for part in encoded for reject in part.rejects] + found.rejects
    sent = sum(len(part.rows_of(index)) for part in encoded for index in range(part.count))
    by_row = sorted(rejects, key=lambda reject: reject.row)
    without_consent = sum(len(part.without_consent) for part in encoded)
    duplicates = sum(len(part.duplicates) for part in encoded)
    filtered = table.height - sent - len(rejects) - duplicates
    return Encoded(events, tuple(by_row), filtered, without_consent, duplicates)


def _of_firsts(encoder: Encoder, chunks: Sequence[ChunkInput], encoded: Sequence[EncodedRows]) -> list[EncodedRows]:
    """The chunks once more, without the events that repeat an id."""
    with Identities(None) as identities:
        for part in encoded:
            identities.add(0, part)
        left_out = LeftOut({0: identities.repeats(keeps_rows=True).rows(0)["row"]})
    return [encoder.encode(replace(chunk, repeats=left_out.within(chunk.span))) for chunk in chunks]


def _normal(frame: pl.DataFrame | pa.Table) -> pl.DataFrame:
    """The frame with the types that a Parquet file of it would have. Columns without such a type are left out."""
    if isinstance(frame, pl.DataFrame):
        try:
            frame = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        except pa.ArrowInvalid as error:
            raise UsageInvalid(
                f"The frame has a column of a type that Arrow does not have ({error}).",
                "Cast 128 bits to text, or to pl.Decimal(38, 0).",
            ) from error
    if not isinstance(frame, pa.Table):
        raise UsageInvalid(f"A {type(frame).__name__} is no frame.", "Give a polars DataFrame or a pyarrow Table.")
    types = {item.name: polars_type(item.type) for item in frame.schema}
    readable = [name for name, dtype in types.items() if dtype != pl.Unknown]
    columns = pl.DataFrame(frame.select(readable))
    return columns.cast({name: types[name] for name in readable})


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame as a reader, for whoever wants to look at its first rows."""

    frame: pl.DataFrame

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """The type of each column."""
        return dict(self.frame.schema)

    @property
    def total_rows(self) -> int:
        """Its height."""
        return self.frame.height

    def chunks(self, missing: Sequence[Span], anchors: Sequence[Anchor] = ()) -> Iterator[Chunk]:  # noqa: ARG002
        """The rows of the first span."""
        part = self.frame[missing[0].start - 1 : missing[0].stop - 1]
        rows = pl.int_range(1, part.height + 1, dtype=pl.Int64, eager=True)
        yield Chunk(Span(0, 1, part.height + 1), part, rows)


class _Found:
    """The rows of a frame as chunks for the encoder, and in ``rejects`` those that cannot come so far."""

    def __init__(self, mapping: CompiledMapping, frame: pl.DataFrame) -> None:
        self.rejects: list[Reject] = []
        self._mapping = mapping
        strays = Calendar({name: frame.schema[name] for name in mapping.columns})
        # Of a file no other columns are read. What they hold may have no form in Python.
        rows = frame.select(pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True).alias(_AT), *mapping.columns)
        is_stray = strays.strays(rows)
        for message, values in strays.explain(rows.filter(is_stray)) if is_stray.any() else ():
            row = values.pop(_AT)
            self.rejects.append(Reject(0, NAME, row, 0, "source", "time_range", message, values))
        self._rows = rows.filter(~is_stray)

    def chunks(self) -> Iterator[ChunkInput]:
        """The rows; with ``group_by`` all groups at once."""
        if self._mapping.group_key is not None:
            yield self._groups()
            return
        for part in self._rows.iter_slices(MAX_CHUNK_ROWS):
            yield self._chunk(part, part[_AT], None)

    def _groups(self) -> ChunkInput:
        passing = self._rows.filter(self._mapping.passing(self._rows))
        has_key = self._mapping.keys_of(passing).select(pl.all_horizontal(pl.all().is_not_null())).to_series()
        message = "group_by: the key is empty, so nobody knows which event this row belongs to"
        for values in passing.filter(~has_key).iter_rows(named=True):
            row = values.pop(_AT)
            self.rejects.append(Reject(0, NAME, row, 0, "mapping", "group_key_missing", message, values))
        rows, starts = group_rows(passing.filter(has_key), self._mapping, 1)
        numbers = pl.int_range(1, rows.height + 1, dtype=pl.Int64, eager=True)
        return self._chunk(rows, numbers, starts.search_sorted(numbers, side="right"))

    def _chunk(self, part: pl.DataFrame, rows: pl.Series, groups: pl.Series | None) -> ChunkInput:
        at, first = part[_AT], int(rows[0]) if len(rows) else 1
        return ChunkInput(
            span=Span(0, first, first + len(rows)),
            file=NAME,
            path=NAME,
            frame=part.select(self._mapping.columns),
            rows=rows,
            rejects=(),
            place_of=lambda row: Place(NAME, at[row - first] if groups is not None else row, 0),
            groups=groups,
        )


def _events(encoded: EncodedRows) -> Iterator[bytes]:
    return (bytes(encoded.body[start:stop]) for start, stop in pairwise(encoded.offsets))
