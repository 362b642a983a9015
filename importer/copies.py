"""Files with the bytes of another one: an export that arrives twice, under another name, is the same rows once more."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from importer.checkpoint import Changes, Tally
from importer.records import Span
from importer.report import Example
from importer.source.identity import WHOLE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from importer.checkpoint import KnownFile, KnownSource
    from importer.plan import Plan
    from importer.report import Report
    from importer.staging import Member, Stage

SAME_BYTES = "file has the same bytes as another one; its rows are duplicates"
WAITS = "file has the same bytes as an unfinished one; it waits for that"
_STEP_BYTES = 1024 * 1024


class Copy(NamedTuple):
    """A file whose ``rows`` are not sent, because ``original`` has the same bytes.

    ``rows`` are ``None`` while the original is unfinished. The copy waits then, and nothing is recorded of it: only
    rows that were sent once can be duplicates.
    """

    file: KnownFile
    original: KnownFile
    rows: int | None

    def changes(self, number: int) -> Changes:
        """What the checkpoint records of it as source ``number``: every row is a duplicate. Nothing while it waits."""
        if self.rows is None:
            return Changes()
        spans = [Span(number, 1, self.rows + 1)] if self.rows else []
        tallies = {number: Tally(duplicate=self.rows)}
        return Changes(acknowledged=spans, tallies=tallies, total_rows={number: self.rows})

    def note(self, report: Report, number: int) -> None:
        """Count the rows in ``report``, and say which file has the same bytes."""
        name = self.original.name
        if self.rows is None:
            rule = WAITS
            report.waiting += 1
            message = f"has the bytes of {name}, which is unfinished: it waits (finish {name}, or --again sends it)"
        else:
            rule = SAME_BYTES
            message = f"has the same bytes as {name}: its {self.rows:,} rows are not sent (--again sends it)"
            report.rows.duplicate += self.rows
            report.copied_rows += self.rows
        report.warnings.note(rule, [Example((number, 1), self.file.name, message)])


class Contents:
    """Files by their bytes and the way in which they are read. ``check`` raises when the run shall stop."""

    def __init__(self, files: Iterable[KnownFile], check: Callable[[], None]) -> None:
        self._check = check
        self._files: dict[tuple[int, str, str], list[KnownFile]] = {}
        for file in files:
            self.add(file)

    def add(self, file: KnownFile) -> None:
        """From now on ``file`` can be the original of others."""
        self._files.setdefault(_content(file), []).append(file)

    def original_of(self, file: KnownFile) -> KnownFile | None:
        """The first file with the bytes of ``file``, ``None`` if there is none.

        The hash of a large file is one of samples, so that such files are compared whole. One that is gone, or was
        touched since its identity was taken, cannot be compared and is the original of nothing.
        """
        found = self._files.get(_content(file), [])
        is_hashed_whole = file.identity.size <= WHOLE_BYTES
        return next((known for known in found if is_hashed_whole or self._equal(known, file)), None)

    def _equal(self, known: KnownFile, file: KnownFile) -> bool:
        try:
            with open(known.path, "rb") as ours, open(file.path, "rb") as theirs:  # noqa: PTH123  (paths are texts)
                now = os.fstat(ours.fileno())
                if (now.st_size, now.st_mtime_ns) != known.identity[:2]:
                    return False
                while (data := ours.read(_STEP_BYTES)) == theirs.read(_STEP_BYTES):
                    self._check()
                    if not data:
                        return True
        except OSError:
            return False  # reading the file itself will say what is wrong with it
        return False


def are_sent(plan: Plan) -> bool:
    """Whether a file with the bytes of another one is sent all the same: by wish, or as other events.

    By the key ``position``, the same row of another file is another event.
    """
    return plan.settings.again or plan.document.mapping.key == "position"


def settled(waiting: Mapping[int, Copy], finished: Iterable[KnownFile]) -> dict[int, Copy]:
    """``waiting`` at the end of a run: those whose originals are among the ``finished`` files have their rows now."""
    rows = {(file.path, *_content(file)): file.rows for file in finished}
    originals = {number: (copy.original.path, *_content(copy.original)) for number, copy in waiting.items()}
    return {number: copy._replace(rows=rows.get(originals[number])) for number, copy in waiting.items()}


def _content(file: KnownFile) -> tuple[int, str, str]:
    return file.identity.size, file.identity.hash, json.dumps(file.dialect, sort_keys=True)


def without_twins(
    members: Iterable[Member], check: Callable[[], None]
) -> tuple[list[Member], list[tuple[KnownFile, KnownFile]]]:
    """``members`` without those that have the bytes of one before them, and those pairs: file and original.

    In one stage, rows that come twice would double the lines of their groups.
    """
    contents, kept, twins = Contents([], check), [], []
    for member in members:
        if (original := contents.original_of(member.file)) is not None:
            twins.append((member.file, original))
            continue
        contents.add(member.file)
        kept.append(member)
    return kept, twins


def counted(twins: Iterable[tuple[KnownFile, KnownFile]], members: Sequence[Member], stage: Stage) -> Iterator[Copy]:
    """``twins`` with the rows of their originals, which are ``members`` of ``stage``."""
    rows = {member.file.path: rows for member, rows in zip(members, stage.rows, strict=True)}
    return (Copy(file, original, rows[original.path]) for file, original in twins)


def rest_is_duplicate(stage: KnownSource, missing: Sequence[Span]) -> Changes:
    """What the checkpoint records of a stage whose ``missing`` rows are sent as a part of another one."""
    total = sum(file.rows or 0 for file in stage.files())
    spans = [Span(stage.number, span.start, min(span.stop, total + 1)) for span in missing if span.start <= total]
    tallies = {stage.number: Tally(duplicate=sum(span.rows for span in spans))}
    return Changes(acknowledged=spans, tallies=tallies, total_rows={stage.number: total})
