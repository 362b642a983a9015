"""Which events repeat the id of an earlier one: what a dry run says about them, and what ``dedupe`` leaves out.

``dedupe: true`` needs a pass over all rows before the first request, because an event is the first with its id only if
it is sent: one that is rejected or filtered does not count. The pass is the dry run's, over all files of the run, also
those that an earlier run has finished, in the order in which they were begun. So it finds the same firsts whenever it
is repeated, as after a kill, as long as the same files are named.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from importer.belt import Belt
from importer.checkpoint import OPEN_END, prepare_directory
from importer.duplicates import Identities
from importer.left_out import FIRST_ROW, FIRST_SOURCE, ROW, SCHEMA, LeftOut, is_within, read, write
from importer.outstanding import Work
from importer.records import Place, Span
from importer.report import Example, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from importer.checkpoint import Checkpoint
    from importer.duplicates import Repeat, Repeats
    from importer.mapping.document import Mapping
    from importer.outstanding import Outstanding
    from importer.plan import Plan
    from importer.report import Progress, Report

_SENT_TWICE = (
    "the event has the id and the content of {}: it would be sent twice (`dedupe: true` keeps the first)",
    "the event has the id of {}, and another content: is the `key` too short?",
)
_LEFT_OUT = (
    "the event has the id and the content of {}: it is left out",
    "the event has the id of {}, and another content: it is left out all the same; is the `key` too short?",
)
PHASE = "looking for duplicates"
_PROGRESS_SECONDS = 0.25


def can_repeat(mapping: Mapping) -> bool:
    """Whether two events can have one id: not if it is made of file and row, or of what makes them groups."""
    is_derived = "context.event_id" not in mapping.fields
    is_unique = mapping.key == "position" or (mapping.group_by is not None and mapping.key is None)
    return not (is_derived and is_unique)


def first_pass(
    plan: Plan,
    todo: Outstanding,
    now_ms: int,
    report: Report,
    progress: Progress,
    check: Callable[[], None],
    checkpoint: Checkpoint | None = None,
) -> LeftOut | None:
    """The events that this run leaves out, and in ``report`` what they repeat; ``None`` if the mapping keeps all.

    ``check`` raises when the run shall stop; ``checkpoint`` is that of a run. A replay of rejected rows does not look
    for duplicates.

    What was sent is the first with its id for ever. An event that was left out for good, because the checkpoint has its
    rows as duplicates, stands for what it repeats, even if that is in a file that is not named any more. But as long as
    what it repeats has no fate itself, it is no first: should that be gone before it is sent, the next one with the id
    is sent. So what is left out is on disk before anything of it is recorded. (A first that the destination refuses, or
    a later run with ``--strict``, is a reject: to be mended and sent by ``importer retry``.)

    Raises:
        ImporterError: as reading and encoding do; or there is no room for the ids.
    """
    is_replay = any(source.is_replay for source in plan.sources)
    if not plan.document.mapping.dedupe or not can_repeat(plan.document.mapping) or is_replay or not todo.works:
        return None
    works = _whole(plan, todo)
    memory = _Memory(checkpoint)
    settled = {work.number: memory.settled(work.number) for work in works}
    waiting = {number: memory.waiting(rows)[ROW] for number, rows in settled.items()}
    later = {order: memory.missing(work.number) for order, work in enumerate(works)}
    unlimited = replace(plan, settings=replace(plan.settings, limit=None))
    with Identities(checkpoint.path.parent if checkpoint else ids_directory(plan), later=later) as identities:
        _look(Belt(unlimited, works, now_ms, identities=identities, left_out=LeftOut(waiting)), progress, check)
        repeats = identities.repeats(keeps_rows=True)
    note_repeats(report, repeats, works, is_left_out=True)
    numbers = pl.Series([work.number for work in works], dtype=pl.Int32)
    rows = {}
    for order, work in enumerate(works):
        found = _with_sources(repeats.rows(order), numbers)
        known = settled[work.number]
        whole = pl.concat([known, found.join(known, on=ROW, how="anti")]).sort(ROW)
        rows[work.number] = whole[ROW]
        memory.keep(work.number, whole)
    return LeftOut(rows)


def _with_sources(found: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
    """``found`` with the numbers of sources in the place of their places in the run."""
    sources = numbers.gather(found["first_order"]).alias(FIRST_SOURCE)
    return found.with_columns(sources).select(SCHEMA.keys())


class _Memory:
    """What earlier runs have left out: nothing for a dry run, which has no ``checkpoint``."""

    def __init__(self, checkpoint: Checkpoint | None) -> None:
        self._checkpoint = checkpoint
        known = checkpoint.sources() if checkpoint is not None else []
        self._forgotten = {source.number for source in known if not source.files()}

    def missing(self, number: int) -> list[Span]:
        """The rows of a source without a fate; all of one whose files were sent again."""
        if number in self._forgotten:
            return [Span(number, 1, OPEN_END)]
        return self._checkpoint.missing(number) if self._checkpoint is not None else []

    def settled(self, number: int) -> pl.DataFrame:
        """The events of a source that are left out for good."""
        if self._checkpoint is None:
            return pl.DataFrame(schema=SCHEMA)
        rows = read(_file(self._checkpoint, number), self._checkpoint.created)
        return rows.filter(~is_within(pl.col(ROW), self.missing(number)))

    def waiting(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of ``rows`` that repeat an event without a fate."""
        is_waiting = pl.lit(value=False)
        for number in rows[FIRST_SOURCE].unique():
            is_waiting |= (pl.col(FIRST_SOURCE) == number) & is_within(pl.col(FIRST_ROW), self.missing(number))
        return rows.filter(is_waiting)

    def keep(self, number: int, rows: pl.DataFrame) -> None:
        """Remember what this run leaves out of a source. What is known of one that is finished stays as it is."""
        if self._checkpoint is None or not self.missing(number):
            return
        file = _file(self._checkpoint, number)
        if rows.height or file.exists():
            write(file, self._checkpoint.created, rows)


def _file(checkpoint: Checkpoint, number: int) -> Path:
    return checkpoint.path.with_suffix(f".left-out-{number}.arrow")


def ids_directory(plan: Plan) -> Path | None:
    """Where a dry run may keep ids; ``None`` for the system's temporary files."""
    return None if plan.settings.state_dir is None else prepare_directory(plan.settings.state_dir)


def _whole(plan: Plan, todo: Outstanding) -> list[Work]:
    """All rows of all sources of the run, whatever of them is done, in the order in which the import began with them.

    Not in that of the command line: a file that comes later must not take the place of one that was sent.
    """
    sources = {work.number: work.source for work in todo.works}
    if plan.document.mapping.group_by is None:
        planned = {source.identifier: source for source in plan.sources}
        finished = (known for known in todo.known if known.path in planned and known.number not in todo.copies)
        sources |= {known.number: planned[known.path] for known in finished}
    return [Work(sources[number], number, [Span(number, 1, OPEN_END)]) for number in sorted(sources)]


def _look(belt: Belt, progress: Progress, check: Callable[[], None]) -> None:
    shown = time.monotonic()
    for _ in belt.encode_all():
        check()
        if time.monotonic() - shown > _PROGRESS_SECONDS:
            shown = time.monotonic()
            progress.update(Snapshot(belt.rows_read, None, 0, 0, PHASE))


def note_repeats(report: Report, repeats: Repeats, works: Sequence[Work], *, is_left_out: bool) -> None:
    """Count ``repeats`` as warnings of ``report``, each kind with its first pairs of rows."""
    same, other = _LEFT_OUT if is_left_out else _SENT_TWICE
    for rule, count, examples, message in (
        ("duplicate_event", repeats.same, repeats.examples_same, same),
        ("duplicate_id", repeats.other, repeats.examples_other, other),
    ):
        if count:
            report.warnings.note(rule, _examples(examples, works, message), count)


def _examples(repeats: Iterable[Repeat], works: Sequence[Work], message: str) -> list[Example]:
    found = []
    repeats = list(repeats)
    places = _places(works, {(r.order, r.row) for r in repeats} | {(r.first_order, r.first_row) for r in repeats})
    for repeat in repeats:
        here, first = places[repeat.order, repeat.row], places[repeat.first_order, repeat.first_row]
        words = message.format(f"{first.file}:{first.row}")
        found.append(Example((works[repeat.order].number, here.row), here.file, words))
    return found


def _places(works: Sequence[Work], wanted: set[tuple[int, int]]) -> dict[tuple[int, int], Place]:
    """Where rows stand, by place of their source and row. Reads each source again up to its last one."""
    found = {}
    for order in sorted({order for order, _ in wanted}):
        work, rows = works[order], sorted(row for place, row in wanted if place == order)
        reader = work.source.open(work.number)
        for chunk in reader.chunks([Span(work.number, row, row + 1) for row in rows]):
            for row in range(chunk.span.start, chunk.span.stop):
                here = chunk.places(row) if chunk.places else Place(work.source.name, row, chunk.line_of(row))
                found[order, row] = here
    return found
