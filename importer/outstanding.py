"""What there is to do: works, each a file or a stage of grouped rows, with the rows that are missing."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from importer.checkpoint import OPEN_END, KnownFile, StoredIdentity, prepare_directory
from importer.copies import Copy, are_sent, counted, settled, without_twins
from importer.records import Span
from importer.report import RowRange
from importer.staging import Member, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from importer.checkpoint import Checkpoint, KnownSource
    from importer.mapping.compile import CompiledMapping
    from importer.plan import Plan, PlannedSource
    from importer.report import Progress, Report
    from importer.source import Anchor, Reader


class Readable(Protocol):
    """What a work reads: a file, or a stage. ``path`` is what the key ``position`` names it by."""

    @property
    def name(self) -> str: ...  # noqa: D102  (described above)
    @property
    def path(self) -> Path: ...  # noqa: D102
    @property
    def mapping(self) -> CompiledMapping: ...  # noqa: D102
    def open(self, number: int) -> Reader: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Work:
    """A source, its number in the import, the rows still to do, and where reading can start."""

    source: Readable
    number: int
    missing: Sequence[Span]
    anchors: Sequence[Anchor] = ()


@dataclass(frozen=True, slots=True)
class StagedSource:
    """A complete stage in the place of the files that it was made of."""

    stage: Stage

    @property
    def name(self) -> str:
        """How messages call it."""
        return self.stage.name

    @property
    def path(self) -> Path:
        """Its directory."""
        return self.stage.directory

    @property
    def mapping(self) -> CompiledMapping:
        """The mapping that its rows were staged for."""
        return self.stage.mapping

    def open(self, number: int) -> Reader:
        """A reader of its groups."""
        return self.stage.reader(number)


@dataclass(slots=True)
class Outstanding:
    """The works of a run, and ``known``, all its sources, complete ones included. ``skipped_rows`` are done already.

    ``total_rows`` is ``None`` while a CSV was never read to its end. ``stages`` belong to this run. ``copies`` are
    files that it need not send, by their number in the import; those without rows wait for their originals. ``files``
    are the sources of a dry run, by number.
    """

    works: list[Work] = field(default_factory=list)
    known: list[KnownSource] = field(default_factory=list)
    skipped_rows: int = 0
    total_rows: int | None = None
    stages: list[Stage] = field(default_factory=list)
    copies: dict[int, Copy] = field(default_factory=dict)
    files: Mapping[int, KnownFile] = field(default_factory=dict)

    def note(self, report: Report) -> None:
        """Count in ``report`` what has its fate before the first row is read."""
        report.rows.skipped = self.skipped_rows
        for number, copy in self.copies.items():
            if copy.rows is not None:
                copy.note(report, number)

    def ambiguous(self, checkpoint: Checkpoint) -> list[RowRange]:
        """The rows of the works that earlier runs may have sent, and never saw an answer for."""
        names = {work.number: work.source.name for work in self.works}
        spans = [span for span in checkpoint.ambiguous() if span.source in names]
        return [RowRange(names[span.source], span.start, span.stop - 1) for span in spans]

    def settle(self, checkpoint: Checkpoint, report: Report) -> None:
        """At the end of a run: record and count the copies that waited for what is finished now, name the others."""
        finished = (file for known in checkpoint.sources() if known.complete for file in known.files())
        for number, copy in self._waited(finished):
            checkpoint.commit(copy.changes(number))
            copy.note(report, number)

    def settle_dry(self, ended: Mapping[int, int], report: Report) -> None:
        """As :meth:`settle` for a dry run, that has read the sources of ``ended`` to their ends: number and rows."""
        finished = (file._replace(rows=ended.get(number)) for number, file in self.files.items())
        for number, copy in self._waited(finished):
            copy.note(report, number)

    def _waited(self, finished: Iterable[KnownFile]) -> Iterable[tuple[int, Copy]]:
        waiting = {number: copy for number, copy in self.copies.items() if copy.rows is None}
        return settled(waiting, finished).items()

    def remove_finished(self, checkpoint: Checkpoint) -> None:
        """Delete the stages whose every row has its fate."""
        done = {str(work.source.path) for work in self.works if not checkpoint.missing(work.number)}
        for stage in self.stages:
            if str(stage.directory) in done:
                stage.remove()


@contextmanager
def everything(plan: Plan, progress: Progress, check: Callable[[], None]) -> Iterator[Outstanding]:
    """All rows of all sources, for a dry run. Grouping uses disk, and leaves nothing there.

    Raises what a run would raise before it sends; for broken records of a grouped import, when all else was looked at.
    """
    if plan.document.mapping.group_by is None:
        yield _every_file(plan, check)
        return
    state_dir = plan.settings.state_dir
    parent = prepare_directory(state_dir) if state_dir is not None else None
    with tempfile.TemporaryDirectory(prefix="importer-dry-run-", dir=parent) as directory:
        members, twins = without_twins(map(member_of, plan.sources), check)
        stage = opened_stage(plan, Path(directory), [member.file for member in members])
        stage.fill(members, progress, check, accept_broken=True)  # the other problems are to be found, too
        found = dict(enumerate(counted(twins, members, stage), 1))
        rows = sum(stage.rows) + sum(copy.rows or 0 for copy in found.values())
        yield Outstanding([Work(StagedSource(stage), 0, [Span(0, 1, OPEN_END)])], total_rows=rows, copies=found)
        if not plan.settings.accept_incomplete_groups:
            stage.refuse_broken()


def _every_file(plan: Plan, check: Callable[[], None]) -> Outstanding:
    files = {} if are_sent(plan) else {number: member_of(source) for number, source in enumerate(plan.sources)}
    _, twins = without_twins(files.values(), check)
    numbers = {member.file.path: number for number, member in files.items()}
    copies = {numbers[file.path]: Copy(file, original, None) for file, original in twins}
    sources = ((number, source) for number, source in enumerate(plan.sources) if number not in copies)
    works = [Work(source, number, [Span(number, 1, OPEN_END)]) for number, source in sources]
    known = {number: member.file for number, member in files.items()}
    return Outstanding(works, total_rows=plan.total_rows, copies=copies, files=known)


def opened_stage(plan: Plan, directory: Path, files: Sequence[KnownFile]) -> Stage:
    """The stage of ``files`` in ``directory``, as earlier runs left it. Raises StateUnusable if it is damaged."""
    first = plan.sources[0]
    stage = Stage(directory, [file.name for file in files], first.mapping, first.schema)
    stage.open()
    return stage


def member_of(source: PlannedSource) -> Member:
    """A planned file as a member of a stage, with its identity. Reads the file."""
    found = source.identity()
    identity = StoredIdentity(found.size, found.mtime_ns, found.hash)
    file = KnownFile(source.name, source.identifier, identity, source.dialect_json(), source.total_rows)
    return Member(file, source.open, source.file)
