"""How a run begins, by the checkpoint: what is finished is skipped, what was left unfinished goes on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import chain, count
from typing import TYPE_CHECKING

from importer.checkpoint import MEMBERS, Candidate, KnownFile, StoredIdentity, same_file
from importer.copies import Contents, Copy, are_sent, counted, rest_is_duplicate, without_twins
from importer.errors import UsageInvalid
from importer.outstanding import Outstanding, StagedSource, Work, member_of, opened_stage
from importer.source import Anchor
from importer.staging import Member, Stage, stage_name, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from importer.checkpoint import Checkpoint, KnownSource
    from importer.outstanding import Readable
    from importer.plan import Plan
    from importer.records import Span
    from importer.report import Progress

_DIRECTORY = "directory"
_AGAIN = "-again"


def outstanding(plan: Plan, checkpoint: Checkpoint, progress: Progress, check: Callable[[], None]) -> Outstanding:
    """Begin the run in ``checkpoint`` and say what it has to do. Grouped rows are staged before anything is begun.

    Raises what :meth:`Checkpoint.begin` and :meth:`Stage.fill` raise; ``check`` raises when the run shall stop.
    """
    beginning = _Beginning(plan, checkpoint, check)
    return beginning.of_files() if plan.document.mapping.group_by is None else beginning.of_stages(progress)


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
        self._replaced: list[KnownSource] = []
        self._done: dict[int, KnownSource] = {}
        self._unfinished: dict[int, KnownSource] = {}
        self._done_rows = 0

    def of_files(self) -> Outstanding:
        """Every file is a source. Those that were grouped before are done, or the mapping has to be that again."""
        pairs = [(source, member_of(source)) for source in self._plan.sources]
        pairs = [(source, member) for source, member in pairs if not self._is_begun(member.file, stages_only=True)]
        self._agree()
        files = [member.file for _, member in pairs]
        self._replace_unfinished({file.path for file in files})
        found = self._copies([file for file in files if file.path not in self._begun])
        if not are_sent(self._plan):
            fresh = (one for _, one in pairs if one.file.path not in self._begun and one.file.path not in found)
            _, twins = without_twins(fresh, self._check)
            found |= {file.path: Copy(file, original, None) for file, original in twins}
        begun, numbered = self._begin([_candidate_of(file) for file in files], found)
        self._remove_stages(self._needed(replaced=False))
        own = [(source, known) for (source, _), known in zip(pairs, begun, strict=True) if known.path not in found]
        works = list(_works([source for source, _ in own], [known for _, known in own], self._checkpoint))
        skipped = self._done_rows + sum(known.acknowledged_rows for known in begun)
        return Outstanding(works, [*self._done.values(), *begun], skipped, self._plan.total_rows, [], numbered)

    def of_stages(self, progress: Progress) -> Outstanding:
        """Stages that earlier runs left unfinished, then one of all files that no stage has yet."""
        fresh = [member for member in map(member_of, self._plan.sources) if not self._is_begun(member.file)]
        self._agree()
        self._replace_unfinished({member.file.path for member in fresh})
        staged = [(self._opened(known), _candidate(known)) for known in self._unfinished.values()]
        found = self._copies([member.file for member in fresh])
        members, twins = without_twins((one for one in fresh if one.file.path not in found), self._check)
        new = self._directory(members) if members else None
        # With --again the new one begins empty: what an earlier run left of it may be what is damaged.
        begun_before = {new.name} if new is not None and not self._again else set()
        self._remove_stages(self._needed(replaced=True) | begun_before)
        if new is not None:
            staged.append(self._filled(new, members, progress))
            found |= {copy.file.path: copy for copy in counted(twins, members, staged[-1][0])}
        candidates = [*(candidate for _, candidate in staged), *(_candidate_of(copy.file) for copy in found.values())]
        begun, numbered = self._begin(candidates, found)
        self._remove_stages(self._needed(replaced=False) | {stage.directory.name for stage, _ in staged})
        stages = [stage for stage, _ in staged]
        works = list(_works(map(StagedSource, stages), begun, self._checkpoint))
        skipped = self._done_rows + sum(known.acknowledged_rows for known in begun)
        rows = [
            self._done_rows,
            *chain(*(stage.rows for stage in stages)),
            *(copy.rows or 0 for copy in found.values()),
        ]
        return Outstanding(works, [*self._done.values(), *begun], skipped, sum(rows), stages, numbered)

    def _is_begun(self, file: KnownFile, *, stages_only: bool = False) -> bool:
        """Whether an earlier run has sent something of ``file``. Raises SourceChanged if it was another file then."""
        found = [pair for pair in self._begun.get(file.path, ()) if pair[0].is_stage or not stages_only]
        if not found:
            return False
        known, before = max(found, key=lambda pair: _claim(pair[0], pair[1], file))
        same_file(replace(known, name=file.name, identity=before.identity), file.identity)
        if known.complete:
            self._done[known.number] = known
            self._done_rows += before.rows or 0
        else:
            self._unfinished[known.number] = known
        return True

    def _agree(self) -> None:
        self._checkpoint.agree([_candidate(known) for known in self._unfinished.values()], self._plan.fingerprint())

    def _copies(self, files: Sequence[KnownFile]) -> dict[str, Copy]:
        """Those of ``files`` that have the bytes of a file that this import has finished or begun with, by path."""
        if are_sent(self._plan):
            return {}
        found: dict[str, Copy] = {}
        for complete in (True, False):  # a copy of both need not wait
            known = [one for one in self._sources if one.complete is complete and not one.pristine]
            contents = Contents((file for one in known for file in one.files()), self._check)
            for file in files:
                if file.path not in found and (original := contents.original_of(file)) is not None:
                    found[file.path] = Copy(file, original, original.rows if complete else None)
        return found

    def _begin(
        self, candidates: Sequence[Candidate], found: Mapping[str, Copy]
    ) -> tuple[list[KnownSource], dict[int, Copy]]:
        """The sources of ``candidates`` as the run finds them, and by number those whose rows are duplicates."""
        begun = self._checkpoint.begin(candidates, self._plan.fingerprint(), self._plan.details(), again=self._again)
        numbered = {known.number: found[known.path] for known in begun if known.path in found}
        for number, copy in numbered.items():
            self._checkpoint.commit(copy.changes(number))
        numbers = {known.number for known in begun}
        for stage in self._replaced:
            if stage.number not in numbers and (missing := self._checkpoint.missing(stage.number)):
                self._checkpoint.commit(rest_is_duplicate(stage, missing))
        return begun, numbered

    def _replace_unfinished(self, paths: set[str]) -> None:
        """With ``--again``: unfinished stages of these files are given up, for what is sent now has all their rows.

        Raises:
            UsageInvalid: a stage has other files, too, whose rows nobody would send.
        """
        for known in self._sources if self._again else ():
            files = known.files()
            if not known.is_stage or known.complete or known.pristine or paths.isdisjoint(file.path for file in files):
                continue
            if others := [file.name for file in files if file.path not in paths]:
                raise UsageInvalid(
                    f"{known.name}, is partly imported: {others[0]} was grouped together with files to be sent again.",
                    f"Name all of its files with --again: {', '.join(file.name for file in files)}.",
                )
            self._replaced.append(known)

    def _opened(self, known: KnownSource) -> Stage:
        """The stage that a run left unfinished. It is complete, or nothing of it would have been sent."""
        directory = self._checkpoint.path.with_name(known.dialect[_DIRECTORY])
        stage = opened_stage(self._plan, directory, known.files())
        if not stage.is_complete:
            stage.remove()
            raise unusable(directory, "is missing or incomplete")
        return stage

    def _directory(self, members: Sequence[Member]) -> Path:
        path = self._checkpoint.path
        name = f"{path.stem}.stage-{stage_name([member.file for member in members], self._plan.fingerprint())}"
        # Until a run with --again has begun, the next run without it goes on with the stage that is there.
        return path.with_name(name + _AGAIN if name in self._needed(replaced=True) else name)

    def _needed(self, *, replaced: bool) -> set[str]:
        """The directories of stages that were partly sent before this run; ``replaced``: also of those given up."""
        stages = [known for known in self._sources if known.is_stage and not (known.complete or known.pristine)]
        return {known.dialect[_DIRECTORY] for known in stages if replaced or known not in self._replaced}

    def _remove_stages(self, kept: set[str]) -> None:
        """Delete the stages that no run can go on with: of other files, by another mapping, or given up."""
        path = self._checkpoint.path
        for directory in path.parent.glob(f"{path.stem}.stage-*"):
            if directory.name not in kept:
                shutil.rmtree(directory, ignore_errors=True)

    def _filled(self, directory: Path, members: Sequence[Member], progress: Progress) -> tuple[Stage, Candidate]:
        stage = opened_stage(self._plan, directory, [member.file for member in members])
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
        name = directory.name.removesuffix(_AGAIN)
        same = [known.path for known in stages if known.dialect[_DIRECTORY].removesuffix(_AGAIN) == name]
        unused = [known.path for known in stages if known.pristine]
        taken = {known.path for known in stages}
        names = chain([str(directory)], (f"{directory}#{number}" for number in count(2)))
        return next(chain(same, unused, (name for name in names if name not in taken)))


def _by_path(sources: Iterable[KnownSource]) -> dict[str, list[tuple[KnownSource, KnownFile]]]:
    """The files that runs have begun with, each with the sources that stand for it: after ``--again``, maybe many."""
    found: dict[str, list[tuple[KnownSource, KnownFile]]] = {}
    for known in sources:
        for file in () if known.pristine else known.files():
            found.setdefault(file.path, []).append((known, file))
    return found


def _claim(known: KnownSource, before: KnownFile, now: KnownFile) -> tuple[bool, bool, int]:
    """Which of the sources of a file counts: an unfinished one, else one with the same bytes, else the latest."""
    is_same = (before.identity.size, before.identity.hash) == (now.identity.size, now.identity.hash)
    return not known.complete, is_same, known.number


def _works(sources: Iterable[Readable], known: Iterable[KnownSource], checkpoint: Checkpoint) -> Iterator[Work]:
    """What is missing of ``sources``, which are the first of ``known``."""
    for source, state in zip(sources, known, strict=False):
        missing = checkpoint.missing(state.number)
        if missing:
            yield Work(source, state.number, missing, _anchors(state.number, missing, checkpoint))


def _anchors(number: int, missing: Iterable[Span], checkpoint: Checkpoint) -> tuple[Anchor, ...]:
    """Where reading can start for each of ``missing``: a gap that a failed batch left may lie far before the rest."""
    found = dict.fromkeys(checkpoint.anchor(number, span.start) for span in missing)
    return tuple(Anchor(anchor.row, anchor.offset, anchor.line) for anchor in found if anchor is not None)


def _candidate(known: KnownSource) -> Candidate:
    return Candidate(known.path, known.name, known.identity, known.dialect)


def _candidate_of(file: KnownFile) -> Candidate:
    return Candidate(file.path, file.name, file.identity, file.dialect)
