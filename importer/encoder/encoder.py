"""From columns to the bytes of events.

Each step works on the whole chunk: SQL, ``where``, groups, lists, values and their checks, JSON. How the JSON is joined
depends on which columns have a null in this chunk, its bytes do not: ``encode(a + b) == encode(a) + encode(b)`` at
every cut, with groups at every cut between two of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

import polars as pl

from importer.encoder import buffers, differing, rejecting
from importer.encoder.consent import ConsentSeen, Parted, parted_by
from importer.encoder.hours import Hours, hours_of
from importer.encoder.inspector import Broken, Entries, Inspector, Seen
from importer.mapping.compiled import FILE, FILE_ROW, ROW, STOP, any_failed
from importer.mapping.culprits import UNCOMPUTABLE, culprits, sql_culprits
from importer.mapping.essentials import EVENT_ID
from importer.mapping.failures import Failures
from importer.mapping.grouping import as_groups, as_lines
from importer.mapping.json_text import json_objects
from importer.mapping.lists import list_of_lines, list_of_structs
from importer.records import EncodedRows, Reject
from importer.report import Findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from importer.encoder.chunk import ChunkInput
    from importer.mapping.compiled import CompiledMapping

_FAILED = "\x01failed"
_MOMENT = "\x01moment"
_UNIT = "\x01unit"
_EXAMPLES = 3


@dataclass(slots=True)
class _Made:
    """What came of a chunk. ``events`` has a row for each, ``texts`` and ``sizes`` are theirs; ``rejects`` no order."""

    events: pl.DataFrame
    texts: pa.LargeStringArray
    sizes: pl.Series
    rejects: list[Reject]
    findings: Findings
    seen: Seen


class Encoder:
    """Encodes chunks for one endpoint.

    ``separator`` goes behind each event, ``max_item_bytes`` is the limit of an event without it. ``findings`` are what
    was noticed in rows that became events, ``sizes`` counts events by their size in bytes. ``oldest_ms`` and
    ``newest_ms`` are the first and the last ``context.event_timestamp`` of an event, ``None`` as long as there is none.
    What ``inspector`` sees is in ``seen``, and when events were in ``hours``. With ``strict``, an event that breaks a
    rule of the event reference is rejected. With ``tells_ids``, what is encoded has the ids of its events.
    ``consent`` is what was seen of the consent of rows, ``None`` if the mapping requires none.
    """

    def __init__(
        self,
        mapping: CompiledMapping,
        separator: bytes,
        max_item_bytes: int,
        inspector: Inspector | None = None,
        *,
        strict: bool = False,
        tells_ids: bool = False,
    ) -> None:
        self._mapping = mapping
        self._tells_ids = tells_ids
        self._inspector = inspector
        self._strict = strict
        self._separator = separator.decode()
        self._max_item_bytes = max_item_bytes
        self._values = list(self._value_columns())  # made once: there are many, and a chunk is over soon
        self.findings = Findings()
        self.sizes: Counter[int] = Counter()
        self.oldest_ms: int | None = None
        self.newest_ms: int | None = None
        self.seen = Seen()
        self.hours = Hours()
        self.consent = ConsentSeen(mapping.consent) if mapping.consent is not None else None
        self._counting = Lock()  # chunks are encoded side by side

    def encode(self, chunk: ChunkInput) -> EncodedRows:
        """The events of ``chunk``, and a reject for every row that is neither sent nor filtered."""
        chunk, duplicates = chunk.without_repeats()
        consent = self._mapping.consent
        parted = parted_by(consent, chunk, self._mapping) if consent is not None else None
        chunk = parted.chunk if parted is not None else chunk
        try:
            made = self._made(chunk)
        except UNCOMPUTABLE:
            made = self._made_of_the_others(chunk)
        self._note(made)
        if parted is not None:
            self._note_consent(parted, made)
        rejects = sorted(made.rejects, key=lambda reject: reject.number)
        encoded = self._encoded(chunk, made, tuple(rejects))
        without_consent = buffers.numbers(parted.without, "q") if parted is not None else ()
        return replace(encoded, without_consent=without_consent, duplicates=buffers.numbers(duplicates, "q"))

    def _made_of_the_others(self, chunk: ChunkInput) -> _Made:
        """The events of ``chunk`` without the rows, or groups, that Polars cannot compute; these are rejected."""
        units = chunk.groups.rle_id() if chunk.groups is not None else pl.int_range(chunk.rows.len(), eager=True)
        bad = self._sql_culprits(chunk, units)
        is_bad = units.is_in(list(bad))
        try:
            made = self._made(chunk.only(~is_bad))
        except UNCOMPUTABLE:
            left = ~is_bad
            count = units.n_unique()
            bad |= culprits(lambda start, stop: self._made(chunk.only((units >= start) & (units < stop) & left)), count)
            is_bad = units.is_in(list(bad))
            made = self._made(chunk.only(~is_bad))
        made.rejects += rejecting.uncomputable(chunk.only(is_bad), [bad[unit] for unit in units.filter(is_bad)])
        made.rejects += chunk.rejects
        return made

    def _sql_culprits(self, chunk: ChunkInput, units: pl.Series) -> dict[int, str]:
        """Those of ``units`` with a row for which an SQL expression over the cells of a row fails."""
        where, grouping = self._mapping.where, self._mapping.grouping
        frame = chunk.frame.with_columns(units.alias(_UNIT))
        found: dict[int, str] = {}
        if where is not None:
            found = _first_reasons(sql_culprits(where.plan, frame), frame[_UNIT])
            frame = frame.filter(~pl.col(_UNIT).is_in(list(found)))
            try:
                frame = where.filtered(frame)
            except UNCOMPUTABLE:
                return found
        plan = self._mapping.plan if grouping is None else grouping.lines
        return found | _first_reasons(sql_culprits(plan, frame), frame[_UNIT])

    def _made(self, chunk: ChunkInput) -> _Made:
        failures, entries = Failures(), Entries()
        rows = self.rows(chunk)
        frame = self.prepared(rows, failures, entries)
        values = frame.select(self._values)
        failed = values[_FAILED]
        if failures.culprits:
            failed |= frame[ROW].is_in(list(failures.culprits))
        rejects = list(chunk.rejects)
        if failed.any():
            rejects += self._rejects(chunk, rows, frame.filter(failed), failures)
            values = values.filter(~failed)
        texts = json_objects(values, self._mapping.plan.members, self._separator)
        sizes = buffers.sizes(texts) - len(self._separator)
        large = sizes > self._max_item_bytes
        if large.any():
            found = dict(zip(values.filter(large)[ROW], sizes.filter(large), strict=True))
            rejects += rejecting.too_large(chunk, rows, found, self._max_item_bytes)
            values, texts, sizes = values.filter(~large), buffers.chosen(texts, ~large), sizes.filter(~large)
        broken = self._broken(chunk, rows, values, entries)
        if self._strict and broken:
            rejects += rejecting.breaking_rules(chunk, rows, broken)
            stays = ~values[ROW].is_in(pl.concat(item.rows for item in broken).implode())
            values, texts, sizes, broken = values.filter(stays), buffers.chosen(texts, stays), sizes.filter(stays), []
        seen = self._inspector.look(chunk, values, _of(entries, values), broken) if self._inspector else Seen()
        events = values.select(ROW, *self._stop(), self._mapping.moment.alias(_MOMENT), *self._id())
        return _Made(events, texts, sizes, rejects, self._findings(chunk, rows, values), seen)

    def _broken(self, chunk: ChunkInput, rows: pl.DataFrame, values: pl.DataFrame, entries: Entries) -> list[Broken]:
        """The rules that events break. If that is asked for, lines of a group that differ break one, too."""
        broken = self._inspector.broken(values, _of(entries, values)) if self._inspector else []
        if self._mapping.grouping is not None and self._strict:
            broken += differing.broken(chunk, rows, values, self._mapping.grouping)
        return broken

    def rows(self, chunk: ChunkInput) -> pl.DataFrame:
        """The rows that ``where`` passes, or the lines of groups, with the row of their event."""
        where = self._mapping.where
        if self._mapping.grouping is not None:
            if chunk.groups is None:
                raise ValueError("a mapping with group_by needs chunks of groups")
            lines = as_lines(chunk.frame, chunk.rows, chunk.groups)
            # again: a row in which it cannot be computed was let through, to be rejected here
            return lines if where is None else where.plan.with_sql(lines)
        numbers = chunk.rows.alias(ROW).to_frame()  # first, because a mapping may read no column at all
        at = chunk.rows if chunk.file_rows is None else chunk.file_rows
        frame = numbers.hstack(chunk.frame.get_columns())
        frame = frame.with_columns(pl.lit(chunk.path).alias(FILE), at.alias(FILE_ROW))
        return where.filtered(frame) if where is not None else frame

    def prepared(self, rows: pl.DataFrame, failures: Failures, entries: Entries) -> pl.DataFrame:
        """A row for each event, with everything that values and checks refer to.

        Failed entries of lists go to ``failures``, the values of all of them to ``entries``.
        """
        plan, grouping = self._mapping.plan, self._mapping.grouping
        frame = rows if grouping is None else as_groups(rows, grouping)
        frame = plan.with_stages(plan.with_sql(frame))
        return frame.hstack(
            [
                column
                for item in self._mapping.lists
                for column in (
                    list_of_structs(frame, item, failures, entries)
                    if item.column
                    else list_of_lines(frame, rows, item, failures, entries)
                )
            ]
        )

    def _value_columns(self) -> Iterator[pl.Expr]:
        plan, grouping = self._mapping.plan, self._mapping.grouping
        in_lists = (name for item in self._mapping.lists for name in (item.name, *item.count_names))
        marks = (mark for _, mark in (grouping.differing if grouping else ()))
        yield from map(pl.col, (ROW, *self._stop(), *in_lists, *marks))
        yield from (expr.alias(name) for name, expr in plan.values)
        yield from (expr.alias(f"\x01count{i}") for i, (_, expr) in enumerate(plan.counts))
        yield any_failed(plan.checks).alias(_FAILED)

    def _id(self) -> tuple[str, ...]:
        return (EVENT_ID,) if self._tells_ids else ()

    def _stop(self) -> tuple[str, ...]:
        return (STOP,) if self._mapping.grouping else ()

    def _rejects(
        self, chunk: ChunkInput, rows: pl.DataFrame, bad: pl.DataFrame, of_lists: Failures
    ) -> Iterator[Reject]:
        if self._mapping.grouping is None:
            return rejecting.of_rows(chunk, bad, self._mapping.plan.checks, of_lists)
        return rejecting.of_groups(chunk, rows, bad, self._mapping.plan.checks, self._mapping.grouping, of_lists)

    def _findings(self, chunk: ChunkInput, rows: pl.DataFrame, values: pl.DataFrame) -> Findings:
        found = Findings()
        for i, (rule, _) in enumerate(self._mapping.plan.counts):
            found.count(rule, int(values[f"\x01count{i}"].sum()))
        for item in self._mapping.lists:
            for name, (rule, _) in zip(item.count_names, item.plan.counts, strict=True):
                found.count(rule, int(values[name].sum()))
        if self._mapping.grouping is not None:
            differing.note(chunk, rows, values, self._mapping.grouping, found)
        return found

    def _note(self, made: _Made) -> None:
        """Keep what was noticed, count the sizes of events, and look for the first and the last time among them."""
        counts = dict(made.sizes.value_counts().iter_rows())
        oldest, newest = made.events.select(pl.col(_MOMENT).min(), pl.col(_MOMENT).max().alias("newest")).row(0)
        hours = hours_of(made.events[_MOMENT])
        with self._counting:
            self.findings.merge(made.findings)
            self.seen.merge(made.seen)
            self.hours.add(hours)
            self.sizes.update(counts)
            self.oldest_ms = min((ms for ms in (self.oldest_ms, oldest) if ms is not None), default=None)
            self.newest_ms = max((ms for ms in (self.newest_ms, newest) if ms is not None), default=None)

    def _note_consent(self, parted: Parted, made: _Made) -> None:
        any_passed = made.events.height + len(made.rejects) > len(parted.chunk.rejects)
        if self.consent is not None:
            seen = ConsentSeen.of(parted, self.consent.consent, any_passed=any_passed or self.consent.any_passed)
            with self._counting:
                self.consent.merge(seen)

    def _encoded(self, chunk: ChunkInput, made: _Made, rejects: tuple[Reject, ...]) -> EncodedRows:
        events = made.events
        offsets, body = buffers.text(made.texts)
        is_grouped = self._mapping.grouping is not None
        return EncodedRows(
            span=chunk.span,
            file=chunk.file,
            body=body,
            offsets=offsets,
            rows=buffers.numbers(events[ROW], "q"),
            digests=buffers.digests(made.texts, len(self._separator)),
            separator_bytes=len(self._separator),
            rejects=rejects,
            ids=buffers.ids(events[EVENT_ID], is_hex=self._mapping.has_own_ids) if self._tells_ids else None,
            stops=buffers.numbers(events[STOP], "q") if is_grouped else None,
            place_of=chunk.place_of if chunk.is_staged else None,
        )


def _of(entries: Entries, events: pl.DataFrame) -> Entries:
    """Those ``entries`` whose event is one of ``events``."""
    return {name: frame.filter(pl.col(ROW).is_in(events[ROW].implode())) for name, frame in entries.items()}


def _first_reasons(reasons: dict[int, str], units: pl.Series) -> dict[int, str]:
    """``reasons``, which are by row, by the unit of the row: that of its first row."""
    return {units[row]: reasons[row] for row in sorted(reasons, reverse=True)}
