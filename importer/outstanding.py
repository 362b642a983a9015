"""What of the planned sources is still to be done, by the checkpoint: file by file, or as stages of grouped rows."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from importer.checkpoint import (
    MEMBERS,
    OPEN_END,
    Candidate,
    KnownFile,
    StoredIdentity,
    prepare_directory,
    same_file,
)
from importer.records import Span
from importer.source import Anchor
from importer.staging import Member, Stage, stage_name, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from importer.checkpoint import Checkpoint, KnownSource
    from importer.mapping.compile import CompiledMapping
    from importer.plan import Plan, PlannedSource
    from importer.report import Progress
    from importer.source import Reader

_DIRECTORY = "directory"


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

    ``total_rows`` is ``None`` while a CSV was never read to its end. ``stages`` belong to this run.
    """

    works: list[Work] = field(default_factory=list)
    known: list[KnownSource] = field(default_factory=list)
    skipped_rows: int = 0
    total_rows: int | None = None
    stages: list[Stage] = field(default_factory=list)

    def remove_finished(self, checkpoint: Checkpoint) -> None:
        """Delete the stages whose every row has its fate."""
        done = {str(work.source.path) for work in self.works if not checkpoint.missing(work.number)}
        for stage in self.stages:
            if str(stage.directory) in done:
                stage.remove()


def outstanding(plan: Plan, checkpoint: Checkpoint, progress: Progress, check: Callable[[], None]) -> Outstanding:
    """Begin the run in ``checkpoint`` and say what it has to do. Grouped rows are staged before anything is begun.

    Raises what :meth:`Checkpoint.begin` and :meth:`Stage.fill` raise; ``check`` raises when the run shall stop.
    """
    if plan.document.mapping.group_by is not None:
        return _Grouping(plan, checkpoint, progress, check).begin()
    candidates = [
        Candidate(source.identifier, source.name, source.identity(), source.dialect_json()) for source in plan.sources
    ]
    known = checkpoint.begin(candidates, plan.fingerprint(), plan.details(), again=plan.settings.again)
    works = list(_works(plan.sources, known, checkpoint))
    skipped = sum(state.acknowledged_rows for state in known)
    return Outstanding(works, known, skipped, plan.total_rows)


@contextmanager
def everything(plan: Plan, progress: Progress, check: Callable[[], None]) -> Iterator[Outstanding]:
    """All rows of all sources, for a dry run. Grouping uses disk, and leaves nothing there."""
    if plan.document.mapping.group_by is None:
        works = [Work(source, number, [Span(number, 1, OPEN_END)]) for number, source in enumerate(plan.sources)]
        yield Outstanding(works, total_rows=plan.total_rows)
        return
    state_dir = plan.settings.state_dir
    parent = prepare_directory(state_dir) if state_dir is not None else None
    with tempfile.TemporaryDirectory(prefix="importer-dry-run-", dir=parent) as directory:
        members = [_member(source) for source in plan.sources]
        stage = _stage(plan, Path(directory), [member.file for member in members])
        stage.fill(members, progress, check, accept_broken=plan.settings.accept_incomplete_groups)
        yield Outstanding([Work(StagedSource(stage), 0, [Span(0, 1, OPEN_END)])], total_rows=sum(stage.rows))


def _works(sources: Iterable[Readable], known: Iterable[KnownSource], checkpoint: Checkpoint) -> Iterator[Work]:
    for source, state in zip(sources, known, strict=True):
        if state.complete:
            continue
        missing = checkpoint.missing(state.number)
        anchor = checkpoint.anchor(state.number, missing[0].start) if missing else None
        anchors = (Anchor(anchor.row, anchor.offset, anchor.line),) if anchor else ()
        yield Work(source, state.number, missing, anchors)


class _Grouping:
    """A grouped run: stages that earlier runs left unfinished, then one of all files that no stage has yet."""

    def __init__(self, plan: Plan, checkpoint: Checkpoint, progress: Progress, check: Callable[[], None]) -> None:
        self._plan = plan
        self._checkpoint = checkpoint
        self._progress = progress
        self._check = check
        self._done: dict[int, KnownSource] = {}
        self._unfinished: dict[int, KnownSource] = {}
        self._skipped_rows = 0

    def begin(self) -> Outstanding:
        members = [member for member in map(_member, self._plan.sources) if not self._is_staged(member)]
        self._checkpoint.agree([_candidate(known) for known in self._unfinished.values()], self._plan.fingerprint())
        staged = [(self._opened(known), _candidate(known)) for known in self._unfinished.values()]
        new = self._directory(members) if members else None
        self._remove_others({str(stage.directory) for stage, _ in staged} | {str(new)})
        if new is not None:
            staged.append(self._filled(new, members))
        again = self._plan.settings.again
        candidates = [candidate for _, candidate in staged]
        known = self._checkpoint.begin(candidates, self._plan.fingerprint(), self._plan.details(), again=again)
        stages = [stage for stage, _ in staged]
        works = list(_works(map(StagedSource, stages), known, self._checkpoint))
        skipped = self._skipped_rows + sum(state.acknowledged_rows for state in known)
        total = self._skipped_rows + sum(sum(stage.rows) for stage in stages)
        return Outstanding(works, [*self._done.values(), *known], skipped, total, stages)

    def _is_staged(self, member: Member) -> bool:
        """Whether an earlier run has staged the file and sent something of its stage."""
        found = None if self._plan.settings.again else self._find(member.file.path)
        if found is None:
            return False
        known, file = found
        same_file(replace(known, name=member.file.name, identity=file.identity), member.file.identity)
        if known.complete:
            self._done[known.number] = known
            self._skipped_rows += file.rows or 0
        else:
            self._unfinished[known.number] = known
        return True

    def _find(self, path: str) -> tuple[KnownSource, KnownFile] | None:
        for known in reversed(self._stages()):
            for file in () if known.pristine else known.files():
                if file.path == path:
                    return known, file
        return None

    def _stages(self) -> list[KnownSource]:
        return [known for known in self._checkpoint.sources() if known.is_stage]

    def _opened(self, known: KnownSource) -> Stage:
        """The stage that a run left unfinished. It is complete, or nothing of it would have been sent."""
        directory = self._checkpoint.path.with_name(known.dialect[_DIRECTORY])
        stage = _stage(self._plan, directory, known.files())
        if not stage.is_complete:
            stage.remove()
            raise unusable(directory, "is missing or incomplete")
        return stage

    def _directory(self, members: Sequence[Member]) -> Path:
        path = self._checkpoint.path
        name = stage_name([member.file for member in members], self._plan.fingerprint())
        return path.with_name(f"{path.stem}.stage-{name}")

    def _remove_others(self, kept: set[str]) -> None:
        """Stages that no run can go on with: of other files, or by another mapping."""
        path = self._checkpoint.path
        for directory in path.parent.glob(f"{path.stem}.stage-*"):
            if str(directory) not in kept:
                shutil.rmtree(directory, ignore_errors=True)

    def _filled(self, directory: Path, members: Sequence[Member]) -> tuple[Stage, Candidate]:
        stage = _stage(self._plan, directory, [member.file for member in members])
        accept = self._plan.settings.accept_incomplete_groups
        stage.fill(members, self._progress, self._check, accept_broken=accept)
        files = [member.file._replace(rows=rows) for member, rows in zip(members, stage.rows, strict=True)]
        dialect = {_DIRECTORY: directory.name, MEMBERS: [file.to_json() for file in files]}
        identity = StoredIdentity(sum(file.identity.size for file in files), 0, directory.name)
        return stage, Candidate(self._place(directory), stage.name, identity, dialect)

    def _place(self, directory: Path) -> str:
        """What the checkpoint knows the stage by: a stage that nothing was sent of leaves its place to the next one."""
        stages = self._stages()
        unused = [known.path for known in stages if known.pristine]
        return unused[0] if unused and not any(known.path == str(directory) for known in stages) else str(directory)


def _candidate(known: KnownSource) -> Candidate:
    return Candidate(known.path, known.name, known.identity, known.dialect)


def _stage(plan: Plan, directory: Path, files: Sequence[KnownFile]) -> Stage:
    first = plan.sources[0]
    stage = Stage(directory, [file.name for file in files], first.mapping, first.schema)
    stage.open()
    return stage


def _member(source: PlannedSource) -> Member:
    found = source.identity()
    identity = StoredIdentity(found.size, found.mtime_ns, found.hash)
    file = KnownFile(source.name, source.identifier, identity, source.dialect_json(), source.total_rows)
    return Member(file, source.open, source.file)
