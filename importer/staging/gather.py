"""A few groups without a stage: their lines from all sources, as a stage would hand them over.

Every source is read once, to its end, because the lines of a group may stand anywhere. Only lines of the wanted groups
are kept, so that this takes as much memory as those groups do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from importer.checkpoint import OPEN_END
from importer.records import Place, Reject, Span
from importer.report import Snapshot
from importer.source import Chunk
from importer.staging.partition import FILE_LINE, FILE_ROW, MEMBER, rows_without_key, staged_rows
from importer.staging.reader import GROUP, group_rows
from importer.staging.stage import total_rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.mapping.compiled import CompiledMapping
    from importer.report import Progress
    from importer.staging.stage import Member

_SHOWN_REJECTS = 5
PHASE = "gathering"
_INDEX = "\x01index"


@dataclass(frozen=True, slots=True)
class Gathered:
    """The lines of ``groups`` groups as one ``chunk``, group by group, and what was met on the way.

    Of all ``rows_read``, ``filtered`` did not pass ``where`` and ``rejected`` belong to no group: they have no key, or
    are among the ``broken`` records. The first of them are ``rejects``. Without any row there is no chunk.
    """

    chunk: Chunk | None
    groups: int
    rows_read: int
    filtered: int
    rejected: int
    broken: int
    rejects: tuple[Reject, ...]


def gather(
    members: Sequence[Member],
    mapping: CompiledMapping,
    progress: Progress,
    *,
    first: int = 0,
    of: Chunk | None = None,
) -> Gathered:
    """The groups of the ``first`` keys that pass ``where`` in the order of the files, or those of the rows of ``of``.

    Raises:
        SourceUnreadable: a file cannot be read to its end.
    """
    gathering, total = _Gathering(mapping, first, of), total_rows_of(members)
    for number, member in enumerate(members):
        for chunk in member.open(number).chunks([Span(number, 1, OPEN_END)]):
            gathering.take(chunk, number, member.file.name)
            progress.update(Snapshot(gathering.rows_read, total, 0, gathering.rejected, PHASE))
    return gathering.end([member.file.name for member in members])


class _Gathering:
    """Takes chunks in the order of the sources."""

    def __init__(self, mapping: CompiledMapping, limit: int, of: Chunk | None) -> None:
        self.rows_read = 0
        self.rejected = 0
        self._mapping = mapping
        self._limit = limit
        self._wanted = mapping.keys_of(staged_rows(of, mapping, 0)).unique() if of is not None else None
        self._kept: list[pl.DataFrame] = []
        self._filtered = 0
        self._broken = 0
        self._rejects: list[Reject] = []

    def take(self, chunk: Chunk, number: int, name: str) -> None:
        """Keep what is wanted of the next chunk of source ``number``, called ``name``."""
        lines = staged_rows(chunk, self._mapping, number)
        keys = self._mapping.keys_of(lines)
        has_key = keys.select(pl.all_horizontal(pl.all().is_not_null())).to_series()
        self._kept.append(lines.filter(self._is_wanted(keys.filter(has_key), has_key)))
        self.rows_read += chunk.span.rows
        self.rejected += len(chunk.rejects) + int((~has_key).sum())
        self._broken += len(chunk.rejects)
        self._filtered += chunk.span.rows - lines.height - len(chunk.rejects)
        if (room := _SHOWN_REJECTS - len(self._rejects)) > 0:
            without_key = rows_without_key(lines.filter(~has_key).head(room), keys.filter(~has_key).head(room), chunk)
            found = sorted([*chunk.rejects[:room], *without_key], key=lambda reject: reject.row)
            self._rejects += [replace(reject, file=name) for reject in found[:room]]

    def end(self, names: Sequence[str]) -> Gathered:
        """What was gathered; ``names`` are those of the sources."""
        return Gathered(
            chunk=self._chunk(pl.concat(self._kept), names) if self._kept else None,
            groups=self._wanted.height if self._wanted is not None else 0,
            rows_read=self.rows_read,
            filtered=self._filtered,
            rejected=self.rejected,
            broken=self._broken,
            rejects=tuple(self._rejects),
        )

    def _is_wanted(self, keys: pl.DataFrame, has_key: pl.Series) -> pl.Series:
        """Which lines are of a wanted group. The first ones of a new group make it wanted, up to the limit."""
        if self._wanted is None or self._wanted.height < self._limit:
            known = keys if self._wanted is None else pl.concat([self._wanted, keys])
            self._wanted = known.unique(maintain_order=True).head(self._limit)
        rows = keys.insert_column(0, pl.arg_where(has_key, eager=True).alias(_INDEX))
        wanted = rows.join(self._wanted, on=self._wanted.columns, how="semi")[_INDEX]
        return pl.int_range(len(has_key), eager=True).is_in(wanted.implode())

    def _chunk(self, lines: pl.DataFrame, names: Sequence[str]) -> Chunk:
        """``lines`` as a stage numbers them, from 1 on."""
        lines, _ = group_rows(lines, self._mapping, 1)
        members, at, physical = lines[MEMBER], lines[FILE_ROW], lines[FILE_LINE]
        return Chunk(
            span=Span(0, 1, lines.height + 1),
            frame=lines.select(self._mapping.columns),
            rows=pl.int_range(1, lines.height + 1, eager=True, dtype=pl.Int64).alias("row"),
            places=lambda row: Place(names[members[row - 1]], at[row - 1], physical[row - 1]),
            groups=lines[GROUP],
        )
