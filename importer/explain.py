"""One row step by step: what each step of the mapping makes of it, up to the event or to the reason why there is none.

With ``group_by`` it is the whole group of the row. Frames, steps and event are those of a run.
No checkpoint is touched.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from importer.belt import chunk_input
from importer.copies import without_twins
from importer.encoder import Encoder, Inspector
from importer.errors import SourceChanged, UsageInvalid
from importer.mapping.cells import Context
from importer.mapping.culprits import UNCOMPUTABLE
from importer.mapping.document import load_document
from importer.mapping.failures import Failures
from importer.mapping.numbers import NumberFormat
from importer.mapping.payload import places, target_kinds
from importer.mapping.trace import FieldTracer, Step
from importer.mapping.trace_event import EventTracer, TracedField, TracedList, group_key, where
from importer.outstanding import Work, member_of
from importer.plan import Plan, PlannedSource, plan, told_with_columns
from importer.records import Piece, Reject, Span
from importer.source import discover
from importer.source.rows import SourceRow, source_rows
from importer.staging.gather import Gathered, gather

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from importer.encoder import ChunkInput
    from importer.mapping.consent import Consent
    from importer.records import EncodedRows
    from importer.report import Progress
    from importer.settings import RunSettings
    from importer.source import Chunk

_MAX_DIGITS = 18  # more than any file has rows
_EXAMPLE = "Write FILE:ROW, such as orders.csv:3 for the third record behind the header."


@dataclass(slots=True)
class Explanation:
    """All about row ``row`` of ``file``, as far as it came.

    ``fate`` is ``event``, ``filtered`` or ``rejected``, and ``reason`` why it is not the first. ``rows`` are those of
    the event; a record that cannot be read has none but its text, in ``record``. ``consent`` has the accepted
    categories of the row, or of each row of its group. ``group`` has the key of its group by column, ``gathered`` how
    its lines were found, and ``twins`` files that were left out, each with the one that has the same bytes.
    ``targets`` are in the order of the mapping, ``rejects`` has one for each rejected row. ``event`` is what a run
    sends (JSON in UTF-8); ``key`` has the parts of its id, ``None`` where a field gives the id or the row did not come
    so far. ``places`` says where in the event a target stands, if it is not at its own path. ``warnings`` say which
    rules the event breaks, although it is sent.
    """

    file: str
    row: int
    line: int = 0
    fate: str = "rejected"
    reason: str = ""
    record: str | None = None
    rows: list[SourceRow] = field(default_factory=list)
    where: Step | None = None
    consent: Step | None = None
    group: dict[str, str | None] | None = None
    gathered: Gathered | None = None
    twins: list[tuple[str, str]] = field(default_factory=list)
    targets: list[TracedField | TracedList] = field(default_factory=list)
    rejects: tuple[Reject, ...] = ()
    event: bytes | None = None
    key: dict[str, str | None] | None = None
    warnings: list[str] = field(default_factory=list)
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def parse_place(text: str) -> tuple[str, int]:
    """File and row of ``FILE:ROW``; the name of the file may have colons. Raises UsageInvalid."""
    file, colon, row = text.rpartition(":")
    if not colon or os.path.lexists(text):
        raise UsageInvalid(f"{text}: which row of it?", f"Write {text}:1 for the first record behind the header.")
    digits = row.replace(",", "").replace("_", "").replace(" ", "")
    if not file:
        raise UsageInvalid(f"{text}: there is no file before the colon.", _EXAMPLE)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        raise UsageInvalid(f"{text}: {row!r} is no number of a row.", _EXAMPLE)
    if int(digits) == 0:
        raise UsageInvalid(f"{text}: there is no row 0: rows count from 1, the header not included.", _EXAMPLE)
    return file, int(digits)


def plan_for(mapping: Path, file: str, others: Sequence[str], settings: RunSettings) -> tuple[Plan, int]:
    """The plan for ``file`` and the other sources, and the number of the file in it.

    Where the others mean the file too they are taken as they are, because a run reads them in their order.

    Raises:
        MappingInvalid: the mapping has problems, by itself or with these columns.
        SourceUnreadable: a file cannot be read, or lacks a column that is mapped.
        UsageInvalid: ``file`` is no single file.
    """
    with told_with_columns([file, *others]):
        options = load_document(mapping).mapping.source
    path = os.path.realpath(file)
    is_among_them = path in {os.path.realpath(other.path) for other in discover(others, options)}
    planned = plan(mapping, others if is_among_them else [file, *others], settings)
    for number, source in enumerate(planned.sources):
        if source.identifier == path:
            return planned, number
    raise UsageInvalid(f"{file} is not one file.", f"{_EXAMPLE} Other files of the import go behind it.")


def explain(
    plan: Plan, number: int, row: int, progress: Progress, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Explanation:
    """What the import makes of ``row`` of source ``number``. With ``group_by``, all sources are read for its group.

    Raises:
        SourceUnreadable: a source cannot be read as far as that.
        UsageInvalid: the file has no such row.
    """
    source = plan.sources[number]
    reader = source.open(number)
    chunks = list(reader.chunks([Span(number, row, row + 1)]))
    if not chunks:
        rows = "1 row" if reader.total_rows == 1 else f"{reader.total_rows or 0:,} rows"
        raise UsageInvalid(f"{source.name} has {rows}: there is no row {row:,}.", _EXAMPLE)
    now_ms = int(now().timestamp() * 1000)
    return _Explainer(plan, number, row, chunks[0], now_ms).explain(progress)


class _Explainer:
    """One row of one source on its way."""

    def __init__(self, plan: Plan, number: int, row: int, chunk: Chunk, now_ms: int) -> None:
        self._plan = plan
        self._mapping = plan.document.mapping
        self._number = number
        self._source = plan.sources[number]
        self._chunk = chunk
        self._now_ms = now_ms
        self._found = Explanation(self._source.name, row, chunk.line_of(row))

    def explain(self, progress: Progress) -> Explanation:
        if self._is_row() and self._passes():
            if self._mapping.group_by is None:
                self._make_event(self._chunk, self._source, self._number)
            elif self._has_group():
                self._make_event(self._gathered(progress), self._plan.sources[0], 0)
        return self._found

    def _is_row(self) -> bool:
        """Whether the record is a row; if not, why."""
        found = self._found
        if self._chunk.blank:
            found.fate, found.reason = "filtered", "the record is blank: it gives no event, and counts as filtered"
            return False
        if self._chunk.rejects:
            (reject,) = found.rejects = self._chunk.rejects
            found.line = reject.line
            found.reason = reject.message
            if isinstance(reject.source_row, dict):
                found.rows = [SourceRow(found.file, found.row, found.line, reject.source_row)]
            else:
                found.record = reject.source_row
            return False
        found.rows = source_rows(self._chunk, self._source.name, [found.row], self._source.mapping.columns)
        return True

    def _passes(self) -> bool:
        if self._mapping.where is None:
            return True
        self._found.where = where(self._source.mapping, self._chunk.frame, self._mapping.where)
        if self._source.mapping.passing(self._chunk.frame).item():
            return True
        self._found.fate, self._found.reason = "filtered", "`where` is not true for this row"
        return False

    def _has_group(self) -> bool:
        """Whether the row has a key; if not, that is its reject."""
        names = self._mapping.group_by or ()
        self._found.group = group_key(self._source.mapping, names, self._chunk.frame)
        empty = " and ".join(repr(name) for name, part in self._found.group.items() if part is None)
        if empty:
            self._found.reason = f"group_by: {empty} is empty, so nobody knows which event this row belongs to"
        return not empty

    def _gathered(self, progress: Progress) -> Chunk:
        """All lines of the group, from all files as a run reads them."""
        members, twins = without_twins(map(member_of, self._plan.sources), lambda: None)
        self._found.twins = [(copy.name, original.name) for copy, original in twins]
        self._found.gathered = found = gather(members, self._plan.sources[0].mapping, progress, of=self._chunk)
        if found.chunk is None or not found.chunk.span.rows:
            raise SourceChanged(f"{self._source.name}: the row was there, and is gone.", "Was the file replaced?")
        return found.chunk

    def _make_event(self, chunk: Chunk, source: PlannedSource, number: int) -> None:
        found, mapping = self._found, source.mapping
        profile = self._plan.profile
        inspector = Inspector(mapping, self._now_ms)
        encoder = Encoder(mapping, profile.framing.separator, profile.max_item_bytes, inspector)
        wanted = chunk_input(Work(source, number, ()), chunk)
        encoded = encoder.encode(wanted)
        found.rows = source_rows(chunk, source.name, chunk.rows, mapping.columns)
        found.rejects = encoded.rejects
        seen = encoder.seen.findings.values()
        found.warnings = [example.message for finding in seen for example in finding.examples]
        if mapping.consent is not None and self._lacks(mapping.consent, wanted, encoded):
            return
        if encoded.count:
            found.fate, found.event = "event", Piece(encoded, 0, 1).event(0)
        else:
            found.reason = next(reject.message for reject in found.rejects)
        with suppress(*UNCOMPUTABLE):  # then the reject says why, and there are no steps to show
            self._trace(encoder, wanted, source)

    def _lacks(self, consent: Consent, chunk: ChunkInput, encoded: EncodedRows) -> bool:
        """Whether the event is not sent because a row of it lacks the consent; which one, and what it has."""
        given = consent.given_in(chunk.frame)
        detail = f"{consent.name}: needs {consent.needs}"
        self._found.consent = Step("consent", detail, given if chunk.groups is not None else given[0])
        if not encoded.without_consent:
            return False
        index = consent.agreed(chunk.frame).arg_min() or 0
        row = self._found.rows[index]
        where = f"{row.file}:{row.row}: " if chunk.groups is not None else ""
        self._found.fate, self._found.reason = "filtered", f"{where}{consent.lacking(given[index])}"
        return True

    def _trace(self, encoder: Encoder, chunk: ChunkInput, source: PlannedSource) -> None:
        """The steps, on the very frames that the encoder makes the event of."""
        rows = encoder.rows(chunk)  # what is shown must be what the run computes
        frame = encoder.prepared(rows, Failures(), {})
        options = self._mapping.source
        is_csv = source.dialect is not None
        numbers = NumberFormat(options.decimal, options.thousands, is_of_csv=True) if is_csv else NumberFormat()
        plan, kinds = self._plan, target_kinds(self._mapping.payload)
        context = Context(
            self._mapping.timezone,
            numbers,
            plan.units,
            kinds=kinds,
            lookups=plan.lookups,
            country=self._mapping.country,
        )
        fields = FieldTracer(self._mapping.event.value, context)
        tracer = EventTracer(self._mapping, source.mapping, fields, frame, rows)
        self._found.targets = list(tracer.targets())
        self._found.places = places(self._mapping.payload)
        if "context.event_id" in self._mapping.fields:
            self._found.key = None
        elif self._mapping.key == "position":
            self._found.key = {"path": chunk.path, "row": str(self._found.row)}
        else:
            self._found.key = tracer.key_parts(self._mapping.key) if self._mapping.key else self._found.group
