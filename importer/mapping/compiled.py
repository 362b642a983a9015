"""What compiling a mapping gives: expressions in the order in which they are computed, and the shape of an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from importer.mapping.cells import Check, Value
    from importer.mapping.tree import Member

ROW = "\x01row"
"""Name of the column that carries the source row through the frames; no source can have it."""
FILE = "\x01file"
"""Name of the column that carries the path of the source."""


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check with the target that it guards."""

    target: str
    check: Check


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What is computed for each row of a frame, or for each entry of a list of structs.

    ``typed`` are the columns as SQL sees them, ``prepared`` the results of SQL, ``stages`` what several expressions
    share, ``values`` one column a target, ``counts`` what the report counts as warnings, ``members`` the event.
    """

    typed: tuple[tuple[str, Value], ...]
    prepared: tuple[tuple[str, pl.Expr], ...]
    stages: tuple[tuple[pl.Expr, ...], ...]
    values: tuple[tuple[str, pl.Expr], ...]
    checks: tuple[FailedCheck, ...]
    counts: tuple[tuple[str, pl.Expr], ...]
    members: tuple[Member, ...]

    def with_sql(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with the results of its SQL beside its columns. SQL sees typed columns, fields see the cells."""
        if not self.prepared:
            return frame
        typed = frame.with_columns(value.expr.alias(name) for name, value in self.typed)
        results = typed.with_columns(expr.alias(name) for name, expr in self.prepared)
        return frame.hstack(results.select(name for name, _ in self.prepared))

    def with_stages(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with what values and checks share, computed once."""
        for layer in self.stages:
            frame = frame.with_columns(layer)
        return frame


@dataclass(frozen=True, slots=True)
class StructList:
    """A list of objects read from the list of structs in ``column``; its JSON is the values column ``name``.

    ``when`` is the column of its condition, if it has one.
    """

    name: str
    column: str
    when: str | None
    plan: RowPlan


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """The mapping for sources with these columns.

    ``where`` is the column of the condition on rows, and ``where_checks`` say in which rows it could not be computed.
    ``columns`` of the source are read, ``unused`` ones are not; ``warnings`` are sentences about the mapping.
    """

    plan: RowPlan
    lists: tuple[StructList, ...]
    where: str | None
    where_checks: tuple[FailedCheck, ...]
    columns: tuple[str, ...]
    unused: tuple[str, ...]
    warnings: tuple[str, ...]
