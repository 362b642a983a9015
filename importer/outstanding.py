"""What of the planned sources is still to be done, by the checkpoint: file by file, or as stages of grouped rows."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, count
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
from importer.copies import Contents, Copy, counted, without_twins
from importer.records import Span
from importer.source import Anchor
from importer.staging import Member, Stage, stage_name, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from importer.checkpoint import Checkpoint, KnownSource
    from importer.mapping.compile import CompiledMapping
    from importer.plan import Plan, PlannedSource
    from importer.report import Progress, Report
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

    ``total_rows`` is ``None`` while a CSV was never read to its end. ``stages`` belong to this run. ``copies`` are
    files that it need not send, by their number in the import.
    """

    works: list[Work] = field(default_factory=list)
    known: list[KnownSource] = field(default_factory=list)
    skipped_rows: int = 0
    total_rows: int | None = None
    stages: list[Stage] = field(default_factory=list)
    copies: dict[int, Copy] = field(default_factory=dict)

    def note(self, report: Report) -> None:
        """Count in ``report`` what has its fate before the first row is read."""
        report.rows.skipped = self.skipped_rows
        for number, copy in self.copies.items():
            copy.note(report, number)

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
    beginning = _Beginning(plan, checkpoint, check)
    return beginning.of_files() if plan.document.mapping.group_by is None else beginning.of_stages(progress)


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
        members, twins = without_twins(map(_member, plan.sources), check)
        stage = _stage(plan, Path(directory), [member.file for member in members])
        stage.fill(members, progress, check, accept_broken=plan.settings.accept_incomplete_groups)
        found = dict(enumerate(counted(twins, members, stage), 1))
        rows = sum(stage.rows) + sum(copy.rows for copy in found.values())
        yield Outstanding([Work(StagedSource(stage), 0, [Span(0, 1, OPEN_END)])], total_rows=rows, copies=found)


class _Beginning:
    """How a run begins: what earlier runs have finished is skipped, what they left unfinished goes on.

    A file belongs to the source that stands for it: to itself, or to a stage that its rows were grouped into.
    """

    def __init__(self, plan: Plan, checkpoint: Checkpoint, check: Callable[[], None]) -> None:
        self._plan = plan
        self._checkpoint = checkpoint
        self._check = check
        self._again = plan.settings.again
        self._sources = checkpoint.sources()
        self._begun = {} if self._again else _by_path(self._sources)
        self._done: dict[int, KnownSource] = {}
        self._unfinished: dict[int, KnownSource] = {}
        self._done_rows = 0

    def of_files(self) -> Outstanding:
        """Every file is a source. Those that were grouped before are done, or the mapping has to be that again."""
        pairs = [(source, _member(source).file) for source in self._plan.sources]
        pairs = [(source, file) for source, file in pairs if not self._is_begun(file, stages_only=True)]
        self._agree()
        found = self._copies([file for _, file in pairs if file.path not in self._begun])
        self._remove_stages(None)
        begun, numbered = self._begin([_candidate_of(file) for _, file in pairs], found)
        works = list(_works([source for source, _ in pairs], begun, self._checkpoint))
        skipped = self._done_rows + sum(known.acknowledged_rows for known in begun)
        return Outstanding(works, [*self._done.values(), *begun], skipped, self._plan.total_rows, [], numbered)

    def of_stages(self, progress: Progress) -> Outstanding:
        """Stages that earlier runs left unfinished, then one of all files that no stage has yet."""
        fresh = [member for member in map(_member, self._plan.sources) if not self._is_begun(member.file)]
        self._agree()
        staged = [(self._opened(known), _candidate(known)) for known in self._unfinished.values()]
        found = self._copies([member.file for member in fresh])
        members, twins = without_twins((one for one in fresh if one.file.path not in found), self._check)
        new = self._directory(members) if members else None
        self._remove_stages(new)
        if new is not None:
            staged.append(self._filled(new, members, progress))
            found |= {copy.file.path: copy for copy in counted(twins, members, staged[-1][0])}
        candidates = [*(candidate for _, candidate in staged), *(_candidate_of(copy.file) for copy in found.values())]
        begun, numbered = self._begin(candidates, found)
        stages = [stage for stage, _ in staged]
        works = list(_works(map(StagedSource, stages), begun, self._checkpoint))
        skipped = self._done_rows + sum(known.acknowledged_rows for known in begun)
        rows = [self._done_rows, *chain(*(stage.rows for stage in stages)), *(copy.rows for copy in found.values())]
        return Outstanding(works, [*self._done.values(), *begun], skipped, sum(rows), stages, numbered)

    def _is_begun(self, file: KnownFile, *, stages_only: bool = False) -> bool:
        """Whether an earlier run has sent something of ``file``. Raises SourceChanged if it was another file then."""
        if file.path not in self._begun:
            return False
        known, before = self._begun[file.path]
        if stages_only and not known.is_stage:
            return False
        same_file(replace(known, name=file.name, identity=before.identity), file.identity)
        if known.complete:
            self._done[known.number] = known
            self._done_rows += before.rows or 0
        else:
            self._unfinished[known.number] = known
        return True

    def _agree(self) -> None:
        self._checkpoint.agree([_candidate(known) for known in self._unfinished.values()], self._plan.fingerprint())

    def _copies(self, files: Iterable[KnownFile]) -> dict[str, Copy]:
        """Those of ``files`` that have the bytes of a file that this import has finished, by path.

        By the key ``position``, the same row of another file is another event.
        """
        if self._again or self._plan.document.mapping.key == "position":
            return {}
        finished = (file for known in self._sources if known.complete for file in known.files())
        contents = Contents((file for file in finished if file.rows is not None), self._check)
        found = ((file, contents.original_of(file)) for file in files)
        return {file.path: Copy(file, known, known.rows or 0) for file, known in found if known is not None}

    def _begin(
        self, candidates: Sequence[Candidate], found: Mapping[str, Copy]
    ) -> tuple[list[KnownSource], dict[int, Copy]]:
        """The sources of ``candidates`` as the run finds them, and by number those whose rows are duplicates."""
        begun = self._checkpoint.begin(candidates, self._plan.fingerprint(), self._plan.details(), again=self._again)
        numbered = {known.number: found[known.path] for known in begun if known.path in found}
        for number, copy in numbered.items():
            self._checkpoint.commit(copy.changes(number))
        return begun, numbered

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

    def _remove_stages(self, new: Path | None) -> None:
        """Delete stages that no run can go on with: of other files, or by another mapping. ``new`` may be half filled.

        With ``--again`` that one, too: it may be what is damaged.
        """
        path = self._checkpoint.path
        open_stages = [known for known in self._sources if known.is_stage and not (known.complete or known.pristine)]
        kept = {known.dialect[_DIRECTORY] for known in open_stages}
        if new is not None:
            kept = kept - {new.name} if self._again else kept | {new.name}
        for directory in path.parent.glob(f"{path.stem}.stage-*"):
            if directory.name not in kept:
                shutil.rmtree(directory, ignore_errors=True)

    def _filled(self, directory: Path, members: Sequence[Member], progress: Progress) -> tuple[Stage, Candidate]:
        stage = _stage(self._plan, directory, [member.file for member in members])
        accept = self._plan.settings.accept_incomplete_groups
        stage.fill(members, progress, self._check, accept_broken=accept)
        files = [member.file._replace(rows=rows) for member, rows in zip(members, stage.rows, strict=True)]
        dialect = {_DIRECTORY: directory.name, MEMBERS: [file.to_json() for file in files]}
        identity = StoredIdentity(sum(file.identity.size for file in files), 0, directory.name)
        return stage, Candidate(self._place(directory), stage.name, identity, dialect)

    def _place(self, directory: Path) -> str:
        """What the checkpoint knows the stage by: the place that the same stage had, or one that was never used.

        A stage that nothing was sent of leaves its place to the next one.
        """
        stages = [known for known in self._sources if known.is_stage]
        same = [known.path for known in stages if known.dialect[_DIRECTORY] == directory.name]
        unused = [known.path for known in stages if known.pristine]
        taken = {known.path for known in stages}
        names = chain([str(directory)], (f"{directory}#{number}" for number in count(2)))
        return next(chain(same, unused, (name for name in names if name not in taken)))


def _by_path(sources: Iterable[KnownSource]) -> dict[str, tuple[KnownSource, KnownFile]]:
    """The files that runs have begun with, and which source stands for each: an unfinished one, else the latest."""
    ordered = sorted(sources, key=lambda known: not known.complete)
    begun = (known for known in ordered if not known.pristine)
    return {file.path: (known, file) for known in begun for file in known.files()}


def _works(sources: Iterable[Readable], known: Iterable[KnownSource], checkpoint: Checkpoint) -> Iterator[Work]:
    """What is missing of ``sources``, which are the first of ``known``."""
    for source, state in zip(sources, known, strict=False):
        missing = checkpoint.missing(state.number)
        if missing:
            anchor = checkpoint.anchor(state.number, missing[0].start)
            anchors = (Anchor(anchor.row, anchor.offset, anchor.line),) if anchor else ()
            yield Work(source, state.number, missing, anchors)


def _candidate(known: KnownSource) -> Candidate:
    return Candidate(known.path, known.name, known.identity, known.dialect)


def _candidate_of(file: KnownFile) -> Candidate:
    return Candidate(file.path, file.name, file.identity, file.dialect)


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
