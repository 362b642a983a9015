"""Lines of a group that differ where its event takes the value of the first: a warning, or the breach of a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from importer.encoder.inspector import Broken
from importer.mapping.compiled import ROW
from importer.mapping.failures import quoted
from importer.mapping.grouping import differences
from importer.report import Example
from importer.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.encoder.chunk import ChunkInput
    from importer.mapping.compiled import Grouping
    from importer.mapping.members import Member
    from importer.report import Findings

_EXAMPLES = 3


def note(chunk: ChunkInput, lines: pl.DataFrame, values: pl.DataFrame, grouping: Grouping, findings: Findings) -> None:
    """Count in ``findings`` the events of ``values`` whose ``lines`` differ, with the first rows that do."""
    for part, events in _events(values, grouping):
        examples = [_example(chunk, lines, event, part) for event in events.head(_EXAMPLES)]
        rule = f"column {str(part)!r} differs within its group; the first line's value is used"
        findings.note(rule, examples, len(events))


def broken(chunk: ChunkInput, lines: pl.DataFrame, values: pl.DataFrame, grouping: Grouping) -> Iterator[Broken]:
    """The same as a rule for each column, and the events that break it."""
    for part, events in _events(values, grouping):
        found = differences(lines.filter(pl.col(ROW).is_in(events.implode())), part)
        shown = [_words(chunk, part, event, value, first) for event, _, value, first in found.iter_rows()]
        yield Broken(Rule("differs", str(part), "{}", pl.lit(value=True)), found[ROW], pl.Series(shown), is_told=True)


def _events(values: pl.DataFrame, grouping: Grouping) -> Iterator[tuple[Member, pl.Series]]:
    """Columns, or members of structs, that differ in some events, and these."""
    for part, mark in grouping.differing:
        events = values.filter(pl.col(mark))[ROW]
        if len(events):
            yield part, events


def _example(chunk: ChunkInput, lines: pl.DataFrame, event: int, part: Member) -> Example:
    """The first row of an event whose value of a column is not that of the first row of all."""
    _, line, value, first = differences(lines.filter(pl.col(ROW) == event), part).row(0)
    place = chunk.place_of(line)
    return Example((chunk.span.source, place.row), place.file, _words(chunk, part, event, value, first))


def _words(chunk: ChunkInput, part: Member, event: int, value: str | None, first: str | None) -> str:
    start = chunk.place_of(event)
    return f"column {str(part)!r} is {quoted(value)}, and {quoted(first)} in {start.file}:{start.row}"
