"""A stage: the rows of several files, partitioned on disk so that each event can be made of all its rows.

A stage is a directory of run files. Its name says of which files, in which state and by which mapping it was made, so
that a run that finds it there can go on with it, whatever stopped the one before.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import polars as pl

from importer.checkpoint import OPEN_END
from importer.durable import check_space, sync
from importer.errors import SourceUnreadable
from importer.records import Span
from importer.report import Snapshot
from importer.source import Anchor
from importer.staging.partition import Partitioner, State, unpacked
from importer.staging.reader import StageReader
from importer.staging.space import estimated_size, parts_for
from importer.staging.spool import append_run, read_runs, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from importer.checkpoint import KnownFile
    from importer.mapping.compiled import CompiledMapping
    from importer.report import Progress
    from importer.source import Chunk, Reader, SourceFile
    from importer.staging.spool import RunFile

PHASE = "grouping"
_SHOWN_RECORDS = 5
_NAME_DIGITS = 16
_FORMAT = 1  # of the stage: another way of partitioning or ordering must not go on with an old one


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a stage: what it is known by, and how it is opened (with its number there)."""

    file: KnownFile
    open: Callable[[int], Reader]
    source: SourceFile


class Stage:
    """The rows of the files ``names`` by group, in ``directory``.

    ``schema`` has at least the types of the columns that are staged: those that ``mapping`` reads.
    """

    def __init__(
        self, directory: Path, names: Sequence[str], mapping: CompiledMapping, schema: Mapping[str, pl.DataType]
    ) -> None:
        self.directory = directory
        self.mapping = mapping
        self._names = names
        self._schema = {name: schema[name] for name in mapping.columns}
        self._runs: list[RunFile] = []

    @property
    def name(self) -> str:
        """How messages call it."""
        others = len(self._names) - 1
        return f"{self._names[0]} and {others:,} more, grouped" if others else f"{self._names[0]}, grouped"

    @property
    def is_complete(self) -> bool:
        """Whether all rows are in their parts."""
        return bool(self._runs) and self._runs[-1].state["complete"]

    @property
    def rows(self) -> list[int]:
        """The rows of each file."""
        return list(self._runs[-1].state["rows"])

    def open(self) -> None:
        """Find out what is there. Raises :class:`StateUnusable` if a file of the stage is missing or damaged."""
        try:
            self.directory.mkdir(mode=0o700, exist_ok=True)
            for draft in self.directory.glob("*.draft"):
                draft.unlink()
            sync(self.directory.parent)
        except OSError as error:
            raise unusable(self.directory, f"cannot be used: {error.strerror}") from error
        self._runs = read_runs(self.directory)

    def fill(
        self, members: Sequence[Member], progress: Progress, check: Callable[[], None], *, accept_broken: bool
    ) -> None:
        """Read ``members`` to their end, or go on where an earlier call was stopped.

        ``check`` raises when the run shall stop. ``accept_broken`` lets groups be made although there are records that
        cannot be read, and that may belong to them.

        Raises:
            SourceUnreadable: a member cannot be read, or has broken records that nobody accepted.
            StateUnusable: the disk is full, or cannot be written.
        """
        if self.is_complete:
            return
        partitioner = self._partitioner(members, check)
        state = partitioner.state
        for chunk in _chunks(members, state):
            check()
            if (run := partitioner.add(chunk, self.mapping)) is not None:
                append_run(self._runs, run)
            progress.update(Snapshot(sum(state.rows), total_rows_of(members), 0, sum(state.rejected), PHASE))
        if state.broken and not accept_broken:
            if not self._runs or self._runs[-1].state != state.to_json():  # the same failure every night adds no file
                append_run(self._runs, partitioner.flush())
            self.refuse_broken()
        state.complete = True
        append_run(self._runs, partitioner.flush())

    def refuse_broken(self) -> None:
        """Raise :class:`SourceUnreadable` if there are records that nobody knows the events of."""
        if count := self._runs[-1].state["broken"]:
            raise self._broken(count)

    def reader(self, number: int) -> StageReader:
        """The complete stage as source ``number`` of the import."""
        return StageReader(number, self._runs, self._names, self.mapping, self._schema)

    def remove(self) -> None:
        """Delete the directory. What a kill leaves of it is deleted by the next run."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _partitioner(self, members: Sequence[Member], check: Callable[[], None]) -> Partitioner:
        if self._runs:
            last = self._runs[-1]
            return Partitioner(self.directory, len(last.slots) - 1, len(self._runs), State(**last.state))
        memory_bytes = disk_bytes = 0
        for member in members:
            check()
            size = estimated_size(member.source, member.open(0), self.mapping.columns)
            memory_bytes, disk_bytes = memory_bytes + size.memory_bytes, disk_bytes + size.disk_bytes
        check_space(self.directory, disk_bytes, "Grouping")
        return Partitioner(self.directory, parts_for(memory_bytes), 0, State.of(len(members)))

    def _broken(self, count: int) -> SourceUnreadable:
        shown = "".join(f"\n  {line}" for line in islice(self._broken_records(), _SHOWN_RECORDS))
        more = f"\n  and {count - _SHOWN_RECORDS:,} more" if count > _SHOWN_RECORDS else ""
        records = "1 record" if count == 1 else f"{count:,} records"
        return SourceUnreadable(
            f"{records} cannot be read, and nobody knows which events they belong to. Nothing was sent.{shown}{more}",
            "Correct them in the export, or go on with --accept-incomplete-groups: those events will lack lines.",
        )

    def _broken_records(self) -> Iterator[str]:
        for run in self._runs:
            table = run.table(-1)
            for member, row, line, text in pl.DataFrame(table).iter_rows() if table is not None else ():
                stage, _, message, _ = unpacked(text)
                if stage == "source":
                    yield f"{self._names[member]}:{row} (line {line}): {message}"


def _chunks(members: Sequence[Member], state: State) -> Iterator[Chunk]:
    """The rows that are still to be staged. ``state`` moves on to the next member when one is read to its end."""
    for member in members[state.member :]:
        anchors = (Anchor(*state.anchor),) if state.anchor else ()
        yield from member.open(state.member).chunks([Span(state.member, state.row, OPEN_END)], anchors)
        state.member, state.row, state.anchor = state.member + 1, 1, None


def total_rows_of(members: Sequence[Member]) -> int | None:
    """The rows of all ``members``, ``None`` if one of them does not say so."""
    rows = [member.file.rows for member in members]
    return None if None in rows else sum(row for row in rows if row is not None)


def stage_name(files: Sequence[KnownFile], fingerprint: Mapping[str, Any]) -> str:
    """A name that two stages share exactly when the same files make the same events in both."""
    known = [(file.path, file.identity.size, file.identity.hash, dict(file.dialect)) for file in files]
    text = json.dumps([_FORMAT, known, fingerprint], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_NAME_DIGITS]
