"""Fields outside ``each`` of a mapping with ``group_by``: they see a group of lines as one row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.cells import Check, Context, Value
from importer.mapping.compiled import FailedCheck, Grouping
from importer.mapping.grouping import cell_of, differs
from importer.mapping.members import Member
from importer.mapping.scope import Scope
from importer.mapping.sql import SqlExpression, compile_group_sql

if TYPE_CHECKING:
    from collections.abc import Iterable

    from importer.mapping.aggregates import Loss
    from importer.mapping.columns import Columns, Path, Problems


class GroupScope(Scope):
    """Fields and SQL over groups: a column is the cell of the first line, an aggregate sees all lines.

    What fails in a line fails for its group, through a mark: a column that is true where one of the lines is.
    """

    def __init__(self, columns: Columns, context: Context, problem: Problems) -> None:
        super().__init__(columns, context, problem)
        self._bare: dict[str, None] = {}
        self._cells: dict[Member, pl.Expr] = {}
        self._to_agree: dict[Member, None] = {}
        self._line_columns: set[str] = set()
        self._line_sql: dict[str, pl.Expr] = {}
        self._aggregates: dict[str, pl.Expr] = {}
        self._marks: dict[str, pl.Expr] = {}

    def grouping(self, key: dict[str, pl.Expr]) -> Grouping:
        """All that has to be known of a group before its fields are computed; ``key`` has its parts by column."""
        differing = {part: _differing_mark(part) for part in self._cells}
        marks = self._marks | {_differing_mark(part): differs(cell) for part, cell in self._cells.items()}
        return Grouping(
            key=tuple(key.values()),
            lines=replace(self.columns.plan_of(self._line_columns), prepared=tuple(self._line_sql.items())),
            first=tuple({**self._bare, **dict.fromkeys(key)}),
            aggregates=tuple(self._aggregates.items()),
            marks=tuple(marks.items()),
            differing=tuple(differing.items()),
            constant=tuple(self._to_agree),
        )

    def column(self, name: str, path: Path) -> Value | None:
        """The cell of the first line."""
        found = super().column(name, path)
        if found is not None:
            self._take({Member(name)})
        return found

    def compare_as(self, name: str, value: pl.Expr) -> None:
        """Compare the cells of a column in a group by ``value``: 7 and 007 agree where they are numbers."""
        self._cells[Member(name)] = value

    def _take(self, parts: Iterable[Member]) -> None:
        """Note columns, and members of structs, of which a group has the value of its first line."""
        for part in sorted(parts):
            self._bare[part.column] = None
            self._cells.setdefault(part, cell_of(part, self.columns.schema))

    def check_lines(self, checks: Iterable[FailedCheck], prefix: str) -> None:
        """Fail a group where one of its lines fails one of ``checks``; ``prefix`` begins the names of the marks."""
        for number, item in enumerate(checks):
            mark = f"{prefix}.{number}"
            self._marks[mark] = item.check.failed
            of_group = replace(item.check, failed=pl.col(mark), shown=pl.lit(None))
            self.checks.append(FailedCheck(item.target, of_group, of_lines=item.check))

    def must_not_differ(self, target: str, parts: Iterable[Member], code: str, message: str) -> None:
        """Reject groups in which one of ``parts`` has several values; {} in ``message`` is its name."""
        for part in parts:
            if part in self._cells:
                self._to_agree[part] = None
                name = repr(str(part))
                check = Check(code, message.format(name), pl.col(_differing_mark(part)), pl.col(values_of(part)))
                self.checks.append(FailedCheck(target, check))

    def compared(self) -> tuple[Member, ...]:
        """What was used so far without an aggregate around it."""
        return tuple(self._cells)

    def _compiled(self, text: str, name: str, target: str) -> SqlExpression:
        found = compile_group_sql(text, self.columns.sql_schema(), frozenset(self.columns.untyped), name)
        self.columns.used |= found.line_columns
        self._line_columns |= found.line_columns
        self._line_sql |= found.arguments
        self._aggregates |= found.aggregates
        self._take(found.rest.members)
        self.rely_on(found.line_columns - found.rest.columns, target)
        for loss in found.losses:
            self._note_loss(loss, target)
        return found.rest

    def rely_on(self, names: Iterable[str], target: str) -> None:
        """Reject a group where a cell of one of its lines does not have the declared type of its column."""
        self._line_columns |= set(names)
        for name in sorted(self.columns.typed.keys() & names):
            checks = (FailedCheck(target, check) for check in self.columns.typed[name].checks)
            self.check_lines(checks, f"\x01misfit.{name}")

    def _note_loss(self, loss: Loss, target: str) -> None:
        """A check for a CAST inside an aggregate, where the value of the group depends on it."""
        decides = f"{loss.name}.decides"
        self._line_sql[loss.name] = loss.lost.where
        self._prepared[decides] = (loss.decides, pl.Boolean())
        first = len(self.checks)
        self.check_lines(
            [FailedCheck(target, self._lost_check(loss.name, loss.lost, loss.columns))], f"{loss.name}.mark"
        )
        self.restrict(first, pl.col(decides).fill_null(value=False))


def values_of(part: Member) -> str:
    """The column that lists the values of ``part`` in a group that was rejected because it has several."""
    return "\x01".join(("", "values", part.column, *part.names))


def _differing_mark(part: Member) -> str:
    return "\x01".join(("", "differs", part.column, *part.names))
