"""What compiling a mapping gives: expressions in the order in which they are computed, and the shape of an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.culprits import UNCOMPUTABLE, culprits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from importer.mapping.cells import Check, Value
    from importer.mapping.consent import Consent
    from importer.mapping.members import Member
    from importer.mapping.tree import Member as EventMember

ROW = "\x01row"
"""Name of the column that carries the first source row of an event through the frames; no source can have it."""
LINE = "\x01line"
"""Name of the column that carries the source row of one line of a group."""
STOP = "\x01stop"
"""Name of the column that carries the row behind the last one of a group."""
FILE = "\x01file"
"""Name of the column that carries the path of the source."""
FILE_ROW = "\x01at"
"""Name of the column that carries the number of a row in its file: a replay of rejected rows counts otherwise."""


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check with the target that it guards.

    ``of_lines`` is the check of a single line, where a group fails because one of its lines does.
    """

    target: str
    check: Check
    of_lines: Check | None = None


def any_failed(checks: Iterable[FailedCheck]) -> pl.Expr:
    """True where one of ``checks`` has failed."""
    return pl.any_horizontal(pl.lit(value=False), *(item.check.failed.fill_null(value=False) for item in checks))


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What is computed for each row of a frame: of a source, of groups, or of the entries of a list.

    ``parsed`` is what ``typed``, the columns as SQL sees them, and their checks share; ``prepared`` are the results of
    SQL, ``stages`` what several expressions share, ``values`` one column a target, ``counts`` what the report counts as
    warnings, ``members`` the event.
    """

    parsed: tuple[pl.Expr, ...]
    typed: tuple[tuple[str, Value], ...]
    prepared: tuple[tuple[str, pl.Expr], ...]
    stages: tuple[tuple[pl.Expr, ...], ...] = ()
    values: tuple[tuple[str, pl.Expr], ...] = ()
    checks: tuple[FailedCheck, ...] = ()
    counts: tuple[tuple[str, pl.Expr], ...] = ()
    members: tuple[EventMember, ...] = ()

    def with_sql(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with the results of its SQL beside its columns. SQL sees typed columns, fields see the cells."""
        for expr in self.parsed:
            frame = frame.with_columns(expr)
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
class Where:
    """A condition on rows. ``name`` is its column among those that ``plan`` prepares."""

    name: str
    plan: RowPlan

    def passing(self) -> pl.Expr:
        """True where a row passes or the condition could not be computed; the latter fails a check of ``plan``."""
        passes = pl.col(self.name)
        return passes.fill_null(value=False) | (passes.is_null() & any_failed(self.plan.checks))

    def passed(self, frame: pl.DataFrame) -> pl.Series:
        """Whether each row passes. Raises what Polars raises."""
        return self.plan.with_sql(frame).select(passing=self.passing()).to_series()

    def filtered(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows that pass, with what the checks of ``plan`` refer to."""
        return self.plan.with_sql(frame).filter(self.passing())


@dataclass(frozen=True, slots=True)
class EntryList:
    """A list of objects; its JSON is the values column ``name``.

    An entry is a struct of the list in ``column`` (a column or a part of one), or without one a line of the group.
    ``when`` is the column of the condition on the event, ``where`` the condition on an entry.
    """

    name: str
    column: Member | None
    when: str | None
    where: Where | None
    plan: RowPlan

    @property
    def count_names(self) -> tuple[str, ...]:
        """The columns that are true for an event with an entry that is counted as a warning, one for each count."""
        return tuple(f"\x01count.{self.name}.{number}" for number in range(len(self.plan.counts)))

    @property
    def checks(self) -> tuple[FailedCheck, ...]:
        """The checks of an entry."""
        return (*(self.where.plan.checks if self.where else ()), *self.plan.checks)


@dataclass(frozen=True, slots=True)
class Grouping:
    """How lines become groups, and what is known of a group before its fields are computed.

    ``key`` is one text expression a column of ``group_by``, null where it is empty. A group has the cells of its first
    line in the columns ``first``; the ``aggregates`` of what ``lines`` prepares; and ``marks``, true where they are
    true for one of its lines. ``differing`` are the marks of columns, or members of structs, that have several values
    in the group: all are noted, and of those in ``constant`` a check is failed.
    """

    key: tuple[pl.Expr, ...]
    lines: RowPlan
    first: tuple[str, ...]
    aggregates: tuple[tuple[str, pl.Expr], ...]
    marks: tuple[tuple[str, pl.Expr], ...]
    differing: tuple[tuple[Member, str], ...]
    constant: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """The mapping for sources with these columns.

    ``plan`` makes events of rows, or with ``grouping`` of groups of lines; ``where`` comes before. ``moment`` is the
    time of an event in milliseconds since 1970, over its values. ``columns`` of the source are read, ``unused`` ones
    are not; ``warnings`` are sentences about the mapping. ``event_names`` are the names that events can have, ``None``
    if nobody knows. ``has_own_ids``: ids of events are derived, 32 hex digits, and come from no field. ``consent`` is
    what a row needs to be sent, behind ``where``.
    """

    plan: RowPlan
    lists: tuple[EntryList, ...]
    where: Where | None
    grouping: Grouping | None
    moment: pl.Expr
    columns: tuple[str, ...]
    unused: tuple[str, ...]
    warnings: tuple[str, ...]
    event_names: tuple[str, ...] | None = None
    has_own_ids: bool = True
    consent: Consent | None = None

    @property
    def group_key(self) -> tuple[pl.Expr, ...] | None:
        """One text expression a column of ``group_by``, null where it is empty; ``None`` without ``group_by``."""
        return self.grouping.key if self.grouping else None

    def keys_of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The parts of the key of each row of ``frame``, by the columns of ``group_by``."""
        return frame.select(part.alias(part.meta.root_names()[0]) for part in self.group_key or ())

    def passing(self, frame: pl.DataFrame) -> pl.Series:
        """False exactly for rows that ``where`` filters. One in which it cannot be computed passes, to be rejected."""
        if self.where is None:
            return pl.repeat(value=True, n=frame.height, dtype=pl.Boolean, eager=True)
        try:
            return self.where.passed(frame)
        except UNCOMPUTABLE:
            where = self.where
            bad = list(culprits(lambda start, stop: where.passed(frame[start:stop]), frame.height))
        passes = pl.repeat(value=True, n=frame.height, dtype=pl.Boolean, eager=True)
        good = pl.int_range(frame.height, eager=True).filter(~pl.int_range(frame.height, eager=True).is_in(bad))
        return passes.scatter(good, self.where.passed(frame[good]))
