"""The writing half of a stage: rows of the sources, filtered and sorted into parts by a hash of their group.

Equal keys always meet in one part, whatever file, chunk or run they come from: the part is the first bits of the
SHA-256 of the key. Within a part rows stay in the order in which they were read.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl
import polars_hash as plh

from importer.records import Reject
from importer.rejects import plain
from importer.staging.spool import write_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from importer.mapping.compiled import CompiledMapping
    from importer.source import Chunk
    from importer.staging.spool import RunFile

MEMBER, FILE_ROW, FILE_LINE = "\x01member", "\x01at", "\x01line"
"""Columns of a staged row besides those of its source: number of its file in the stage, row and physical line there."""
FLUSH_BYTES = 32 * 1024 * 1024
MAX_OPEN_REJECTS = 50_000
HASH_DIGITS = 3  # hexadecimal: enough for 4,096 parts
_PART = "\x01part"
_REJECT_SCHEMA = {"member": pl.Int64, "row": pl.Int64, "line": pl.Int64, "reject": pl.String}


@dataclass(slots=True)
class State:
    """How far the sources were read: the next row of ``member``, and where its block begins (row, byte, line).

    ``rows``, ``filtered`` and ``rejected`` count by member; ``broken`` counts records whose key nobody can know.
    """

    member: int = 0
    row: int = 1
    anchor: tuple[int, int, int] | None = None
    rows: list[int] = field(default_factory=list)
    filtered: list[int] = field(default_factory=list)
    rejected: list[int] = field(default_factory=list)
    broken: int = 0
    complete: bool = False

    @classmethod
    def of(cls, members: int) -> State:
        """Nothing read yet of so many members."""
        return cls(rows=[0] * members, filtered=[0] * members, rejected=[0] * members)

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


class Partitioner:
    """Takes chunks in the order of the members and writes run files. ``state`` is what the next one will say."""

    def __init__(self, directory: Path, parts: int, runs: int, state: State) -> None:
        self.state = state
        self._directory = directory
        self._hashes_a_part = 16**HASH_DIGITS // parts
        self._parts = parts
        self._runs = runs
        self._frames: list[pl.DataFrame] = []
        self._bytes = 0
        self._rejects: list[tuple[int, int, int, str]] = []

    def add(self, chunk: Chunk, mapping: CompiledMapping) -> RunFile | None:
        """Take the rows of ``chunk`` of the member at which ``state`` stands; the run file, if that filled one."""
        state, member = self.state, self.state.member
        rows = staged_rows(chunk, mapping, member)
        keys = mapping.keys_of(rows)
        has_key = keys.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
        rejects = [*chunk.rejects, *rows_without_key(rows.filter(~has_key), keys.filter(~has_key), chunk)]
        self._rejects += [(member, reject.row, reject.line, _packed(reject)) for reject in rejects]
        kept = rows.with_columns(self._part_of(keys)).filter(has_key)
        self._frames.append(kept)
        self._bytes += int(kept.estimated_size())
        state.rows[member] += chunk.span.rows
        state.rejected[member] += len(rejects)
        state.filtered[member] += chunk.span.rows - kept.height - len(rejects)
        state.broken += len(chunk.rejects)
        state.row = chunk.span.stop
        if chunk.anchor is not None:
            state.anchor = (chunk.anchor.row, chunk.anchor.offset, chunk.anchor.line)
        is_full = self._bytes >= FLUSH_BYTES or len(self._rejects) >= MAX_OPEN_REJECTS
        return self.flush() if is_full else None

    def flush(self) -> RunFile:
        """Write what was taken since the last run file as the next one."""
        self._runs += 1
        run = write_run(self._directory, self._runs, [*self._tables(), self._reject_table()], self.state.to_json())
        self._frames, self._rejects, self._bytes = [], [], 0
        return run

    def _part_of(self, keys: pl.DataFrame) -> pl.Series:
        framed = [
            part
            for name in keys.columns
            for part in (pl.col(name).str.len_bytes().cast(pl.String), pl.lit(":"), pl.col(name))
        ]
        digits = plh.concat_str(pl.concat_str(framed)).chash.sha2_256().str.head(HASH_DIGITS)
        number = digits.str.to_integer(base=16, dtype=pl.UInt32) // self._hashes_a_part
        return keys.select(number.alias(_PART)).to_series()

    def _tables(self) -> Iterator[pa.Table]:
        if not self._frames:
            yield from [pl.DataFrame().to_arrow()] * self._parts
            return
        rows = pl.concat(self._frames).sort(_PART, maintain_order=True)
        counts = dict(rows[_PART].value_counts().iter_rows())
        table = rows.drop(_PART).to_arrow(compat_level=pl.CompatLevel.oldest())
        start = 0
        for part in range(self._parts):
            yield table.slice(start, counts.get(part, 0))
            start += counts.get(part, 0)

    def _reject_table(self) -> pa.Table:
        return pl.DataFrame(self._rejects, schema=_REJECT_SCHEMA, orient="row").to_arrow()


def staged_rows(chunk: Chunk, mapping: CompiledMapping, member: int) -> pl.DataFrame:
    """The rows that ``where`` passes, with the columns that the mapping reads and where each row stands."""
    rows = chunk.rows if chunk.file_rows is None else chunk.file_rows
    frame = chunk.frame.select(mapping.columns).with_columns(
        pl.lit(member, dtype=pl.UInt32).alias(MEMBER), rows.alias(FILE_ROW), chunk.line_numbers().alias(FILE_LINE)
    )
    return frame.filter(mapping.passing(chunk.frame))


def rows_without_key(rows: pl.DataFrame, keys: pl.DataFrame, chunk: Chunk) -> Iterator[Reject]:
    """A reject for each of ``rows`` of ``chunk``, in whose ``keys`` a column is null."""
    source = chunk.span.source
    for values, key in zip(rows.drop(MEMBER).iter_rows(named=True), keys.iter_rows(named=True), strict=True):
        row, line = values.pop(FILE_ROW), values.pop(FILE_LINE)
        empty = " and ".join(repr(name) for name, part in key.items() if part is None)
        message = f"group_by: {empty} is empty, so nobody knows which event this row belongs to"
        yield Reject(source, "", row, line, "mapping", "group_key_missing", message, values)


def _packed(reject: Reject) -> str:
    return json.dumps([reject.stage, reject.code, reject.message, plain(reject.source_row)])


def unpacked(text: str) -> tuple[str, str, str, dict[str, Any] | str | None]:
    """Stage, code, message and source row of a reject that waited in a run file."""
    stage, code, message, source_row = json.loads(text)
    return stage, code, message, source_row
