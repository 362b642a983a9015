"""What the encoder needs of a chunk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from importer.records import Place, Reject, Span


@dataclass(frozen=True, slots=True)
class ChunkInput:
    """Good rows and their numbers, earlier rejects, and how to find a row in its file.

    ``rows`` are Int64 and strictly increasing, one for each row of ``frame``. ``file`` is the source in messages and
    ``path`` what the key ``position`` names it by.

    For a mapping with ``group_by`` the rows are the lines of whole groups: ``rows`` are consecutive, and ``groups`` has
    an integer for each that does not decrease and is that of its neighbour exactly in the same group. What ``where``
    filters is gone already.

    ``repeats`` are the first rows of events that are left out, because an earlier one has their id.

    ``file_rows`` are the numbers of the rows in their file, where the source is not the file itself, so that ``rows``
    count something else: the key ``position`` takes them.
    """

    span: Span
    file: str
    path: str
    frame: pl.DataFrame
    rows: pl.Series
    rejects: tuple[Reject, ...]
    place_of: Callable[[int], Place]
    groups: pl.Series | None = None
    file_rows: pl.Series | None = None
    repeats: pl.Series | None = None

    def only(self, chosen: pl.Series) -> ChunkInput:
        """The rows for which ``chosen`` is true, without the earlier rejects; of a group all or none."""
        groups, file_rows = (None if part is None else part.filter(chosen) for part in (self.groups, self.file_rows))
        frame, rows = self.frame.filter(chosen), self.rows.filter(chosen)
        return replace(self, frame=frame, rows=rows, rejects=(), groups=groups, file_rows=file_rows)

    def without_repeats(self) -> tuple[ChunkInput, pl.Series]:
        """The chunk without the events of ``repeats``, and all rows of these."""
        if self.repeats is None or self.repeats.is_empty():
            return self, self.rows.clear()
        repeated = self.rows.is_in(self.repeats.implode())
        if self.groups is not None:
            repeated = self.groups.is_in(self.groups.filter(repeated).unique().implode())
        return replace(self.only(~repeated), rejects=self.rejects, repeats=None), self.rows.filter(repeated)

    @property
    def is_staged(self) -> bool:
        """Whether rows have other numbers than in their files, so that only ``place_of`` knows where they stand."""
        return self.groups is not None or self.file_rows is not None
