"""Rejects of a chunk. Python objects are made here, and for rejected rows only."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl

from importer.mapping.compiled import LINE, ROW, FailedCheck
from importer.mapping.culprits import UNCOMPUTABLE
from importer.mapping.failures import Failures
from importer.mapping.group_scope import values_of
from importer.mapping.scope import shown
from importer.records import Reject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from importer.encoder.chunk import ChunkInput
    from importer.encoder.inspector import Broken
    from importer.mapping.compiled import Grouping
    from importer.mapping.members import Member

_SHOWN_VALUES = 3


def of_rows(
    chunk: ChunkInput, bad: pl.DataFrame, checks: Sequence[FailedCheck], of_lists: Failures
) -> Iterator[Reject]:
    """A reject for each row of ``bad``, with all that ``checks`` and the entries of its lists have found."""
    failures = Failures()
    failures.add(bad, checks)
    failures.merge(of_lists)
    for row, _, values in _source_rows(chunk, bad, ROW):
        yield _reject(chunk, row, "mapping", *failures.of(row), values)


def of_groups(
    chunk: ChunkInput,
    lines: pl.DataFrame,
    bad: pl.DataFrame,
    checks: Sequence[FailedCheck],
    grouping: Grouping,
    of_lists: Failures,
) -> Iterator[Reject]:
    """A reject for each line of the groups ``bad``.

    A line that has failed says so itself, and for the others of its group it is the reason; what only the group as a
    whole has failed is said for all of its lines.
    """
    lines = lines.join(bad.select(ROW), on=ROW, how="semi", maintain_order="left")
    of_lines = _failed_lines(grouping.lines.with_sql(lines), bad, checks)
    of_lines.merge(of_lists)
    of_group = Failures()
    own_checks = [item for item in checks if item.of_lines is None]
    of_group.add(bad.hstack(_several_values(lines, grouping.constant)), own_checks)
    for row, event, values in _source_rows(chunk, lines, LINE):
        if row in of_lines:
            code, message = of_lines.of(row)
        elif event in of_lines.culprits:
            code, message = "group_rejected", _blame(chunk, of_lines, of_group, event)
        else:
            code, message = of_group.of(event)
        yield _reject(chunk, row, "mapping", code, message, values)


def breaking_rules(chunk: ChunkInput, rows: pl.DataFrame, broken: Sequence[Broken]) -> Iterator[Reject]:
    """A reject for each row of the events that break rules, with all rules that each of them breaks."""
    reasons: dict[int, list[tuple[str, str]]] = {}
    for item in broken:
        for index, event in enumerate(item.rows):
            reasons.setdefault(event, []).append((item.rule.name, item.message(index)))
    found = rows.filter(pl.col(ROW).is_in(list(reasons)))
    for row, event, values in _source_rows(chunk, found, ROW if chunk.groups is None else LINE):
        codes, messages = zip(*reasons[event], strict=True)
        yield _reject(chunk, row, "rules", codes[0], "; ".join(messages), values)


def too_large(chunk: ChunkInput, rows: pl.DataFrame, sizes: dict[int, int], limit: int) -> Iterator[Reject]:
    """A reject for each row of the events with these ``sizes`` in bytes, by the row of the event."""
    number = ROW if chunk.groups is None else LINE
    found = rows.filter(pl.col(ROW).is_in(list(sizes)))
    counts = Counter(found[ROW])
    for row, event, values in _source_rows(chunk, found, number):
        which = "the event" if chunk.groups is None else f"the event of {counts[event]:,} rows"
        message = f"{which} has {sizes[event]:,} bytes, and the API takes {limit:,}"
        yield _reject(chunk, row, "encode", "too_large", message, values)


def uncomputable(chunk: ChunkInput, reasons: Sequence[str]) -> Iterator[Reject]:
    """A reject for each row of ``chunk``, with what Polars says about it."""
    for row, source_row, reason in zip(chunk.rows, _cells(chunk.frame, chunk.rows.len()), reasons, strict=True):
        yield _reject(chunk, row, "mapping", "cannot_compute", f"its values cannot be computed: {reason}", source_row)


def _failed_lines(lines: pl.DataFrame, bad: pl.DataFrame, checks: Sequence[FailedCheck]) -> Failures:
    """The lines behind those ``checks`` of a group that are of its lines; a group may have had a reason to pass one."""
    marked = [item for item in checks if item.of_lines is not None]
    marks = bad.select(ROW, *(item.check.failed.alias(f"\x01failed{i}") for i, item in enumerate(marked)))
    lines = lines.join(marks, on=ROW, how="left", maintain_order="left")
    failures = Failures()
    failures.add(lines, [_of_line(item, f"\x01failed{i}") for i, item in enumerate(marked)], LINE)
    return failures


def _of_line(item: FailedCheck, mark: str) -> FailedCheck:
    check = item.of_lines or item.check
    return FailedCheck(item.target, replace(check, failed=check.failed & pl.col(mark)))


def _several_values(lines: pl.DataFrame, parts: Sequence[Member]) -> list[pl.Series]:
    """For each of ``parts`` and each group the first values of its lines, in words."""
    values = {values_of(part): shown(part.expr, part.dtype(lines.schema)) for part in parts}
    texts = (
        value.unique(maintain_order=True).head(_SHOWN_VALUES).str.join(", ").alias(name)
        for name, value in values.items()
    )
    return lines.group_by(ROW, maintain_order=True).agg(texts).drop(ROW).get_columns()


def _blame(chunk: ChunkInput, of_lines: Failures, of_group: Failures, event: int) -> str:
    """Why a line without a fault of its own is not sent."""
    culprit = of_lines.culprits[event]
    place = chunk.place_of(culprit)
    reasons = [of_lines.of(culprit)[1]] + ([of_group.of(event)[1]] if event in of_group else [])
    return f"its event is rejected because of {place.file}:{place.row}: {'; '.join(reasons)}"


def _source_rows(chunk: ChunkInput, rows: pl.DataFrame, number: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Number, row of the event and source columns of each row."""
    numbers = rows.select(pl.col(number).alias("row"), pl.col(ROW).alias("event"))
    values = _cells(rows.select(chunk.frame.columns), rows.height)
    for (row, event), source_row in zip(numbers.iter_rows(), values, strict=True):
        yield row, event, source_row


def _cells(frame: pl.DataFrame, height: int) -> Iterator[dict[str, Any]]:
    """The rows of ``frame``, of which there are ``height`` even if it has no column."""
    columns = {name: _python_values(frame[name]) for name in frame.columns}
    return (
        dict(zip(columns, row, strict=True))
        for row in (zip(*columns.values(), strict=True) if columns else [()] * height)
    )


def _python_values(column: pl.Series) -> list[Any]:
    """The values of a column. Python has no time behind the year 9999: such a column is shown as what it counts."""
    try:
        return column.to_list()
    except (*UNCOMPUTABLE, OverflowError, ValueError):
        return column.to_physical().to_list() if column.dtype.is_temporal() else ["…"] * len(column)


def _reject(chunk: ChunkInput, row: int, stage: str, code: str, message: str, source_row: dict[str, Any]) -> Reject:
    place = chunk.place_of(row)
    staged_row = row if chunk.is_staged else None
    return Reject(chunk.span.source, *place, stage, code, message, source_row, staged_row=staged_row)
