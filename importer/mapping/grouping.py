"""Lines become groups: one row a group, with all that the fields of its event refer to.

The lines of a group are neighbours, in the order of the source. So no hash table is needed, and the groups are slices:
an aggregate sees the values of its own group and nothing else, and gives the same bits whatever stands beside it in a
chunk. (A hash aggregation of Polars adds floating point in another order when the chunk is another one.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.compiled import LINE, ROW, STOP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.mapping.compiled import Grouping
    from importer.mapping.members import Member


def as_lines(frame: pl.DataFrame, rows: pl.Series, groups: pl.Series) -> pl.DataFrame:
    """``frame`` with the row of each line (``LINE``) and that of the first line of its group (``ROW``), sorted."""
    starts = pl.col(ROW).ne_missing(pl.col(ROW).shift(1))
    numbers = pl.DataFrame({LINE: rows, ROW: groups})
    numbers = numbers.select(LINE, pl.when(starts).then(LINE).forward_fill().alias(ROW))
    return numbers.hstack(frame.get_columns())


def as_groups(lines: pl.DataFrame, grouping: Grouping) -> pl.DataFrame:
    """One row for each group of ``lines``, with the row behind its last line (``STOP``).

    It has the cells of its first line, aggregates and marks.
    """
    groups = lines.filter(pl.col(LINE) == pl.col(ROW)).select(ROW, *grouping.first)
    last = lines.filter(pl.col(ROW).ne_missing(pl.col(ROW).shift(-1)))  # of a group; not all stand in a chunk always
    groups = groups.with_columns((last[LINE] + 1).alias(STOP))
    lines = grouping.lines.with_sql(lines).with_columns(pl.col(ROW).set_sorted())
    if grouping.aggregates:
        found = lines.group_by(ROW, maintain_order=True).agg(expr.alias(name) for name, expr in grouping.aggregates)
        groups = groups.hstack(found.drop(ROW).get_columns())
    return groups.with_columns(_marked(lines, expr).alias(name) for name, expr in grouping.marks)


def _marked(lines: pl.DataFrame, mark: pl.Expr) -> pl.Expr:
    """True for the groups in which ``mark`` is true for a line."""
    rows = lines.select(pl.col(ROW).filter(mark)).to_series()
    return pl.col(ROW).is_in(rows.unique().implode()) if len(rows) else pl.lit(value=False)


def differences(lines: pl.DataFrame, part: Member) -> pl.DataFrame:
    """Where ``part`` first differs in each event in which it does: rows of event and line, both values as text."""
    cells = lines.select(ROW, LINE, value=cell_of(part, lines.schema))
    cells = cells.with_columns(first=pl.col("value").first().over(ROW))
    found = cells.filter(pl.col("value").ne_missing(pl.col("first"))).unique(ROW, keep="first", maintain_order=True)
    return found.with_columns(pl.col("value", "first").map_batches(_as_text, return_dtype=pl.String))


def _as_text(cells: pl.Series) -> pl.Series:
    """What Python prints: some types have no text in Polars."""
    return pl.Series([None if cell is None else str(cell) for cell in cells], dtype=pl.String)


def cell_of(part: Member, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """A cell as it is compared with others: an empty text is no value."""
    return pl.when(part.expr != "").then(part.expr) if part.dtype(schema) == pl.String else part.expr


def differs(cell: pl.Expr) -> pl.Expr:
    """True for a line whose ``cell`` is another one than that of the line before, in the same group."""
    return cell.ne_missing(cell.shift(1)) & (pl.col(LINE) != pl.col(ROW))
