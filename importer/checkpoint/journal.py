"""The checkpoint of one import, open for one run."""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.checkpoint.agreement import same_bytes, same_file
from importer.checkpoint.ledger import Ledger
from importer.checkpoint.lock import Lock
from importer.checkpoint.place import ImportKey, prepare_directory
from importer.checkpoint.runs import RunRecord, load_runs, save_run
from importer.checkpoint.sources import AMBIGUOUS, Anchor, Candidate, KnownSource, Source
from importer.checkpoint.status import BEFORE_AGAIN, check_key, lock_path, overall
from importer.checkpoint.store import Store, create
from importer.checkpoint.tally import Tally, total
from importer.errors import ExitCode, UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Self

    from importer.records import Span


_REJECTED_BEFORE = "rejected_before"
_TELLING = {ExitCode.DONE, ExitCode.ROWS_REJECTED, ExitCode.TOO_MANY_REJECTS}


@dataclass(slots=True)
class Changes:
    """What one transaction records.

    ``announced`` spans are about to be sent. ``acknowledged`` spans have their fate, and ``tallies`` say per source
    which. ``total_rows`` of a source is known when its end was read. ``rejects`` are path and durable length in bytes
    of the rejects file.
    """

    announced: list[Span] = field(default_factory=list)
    acknowledged: list[Span] = field(default_factory=list)
    tallies: dict[int, Tally] = field(default_factory=dict)
    total_rows: dict[int, int] = field(default_factory=dict)
    anchors: list[Anchor] = field(default_factory=list)
    rejects: tuple[str, int] | None = None


class Checkpoint:
    """What survives a crash of one import. Holds its lock until :meth:`close`.

    One thread at a time: the caller's until the writer of the run takes over, and again after it has ended. Every
    method raises :class:`StateUnusable` when the file or its disk fails, and from then on.
    """

    def __init__(self, directory: Path, key: ImportKey, now: Callable[[], datetime]) -> None:
        """Open the checkpoint of ``key`` in ``directory``; both are created where missing. ``now`` gives aware times.

        Raises:
            UsageInvalid: the directory is not writable, or on a network file system.
            ImportLocked: another run holds this import.
            StateUnusable: the file is damaged or cannot be used.
        """
        self._now = now
        self._opened = self._timestamp()
        self._has_begun = False
        named = prepare_directory(directory) / key.file_name()
        self.path = Path(os.path.realpath(named))  # what belongs to it lies beside it, by whatever link it is named
        self._lock = Lock(lock_path(self.path), self._opened)
        try:
            if not os.path.lexists(named):
                create(self.path, {"key": json.dumps(key.parts()), "created": json.dumps(self._timestamp())})
            self._store = Store(self.path)
        except BaseException:
            self._lock.release()
            raise
        try:
            self._load(key)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and free the import. Without :meth:`end` before, what was announced counts as ambiguous."""
        self._store.close()
        self._lock.release()

    @property
    def created(self) -> str:
        """When it was created: what tells it from another one that has its place later."""
        return str(dict(self._store.rows("meta"))["created"])

    def sources(self) -> list[KnownSource]:
        """All sources that this import has ever seen, by number."""
        return [source.known() for source in self._sources]

    def find(self, path: str) -> KnownSource | None:
        """The source at ``path``, if it is known: its dialect was frozen when it was first read."""
        source = self._ledger.by_path.get(os.path.realpath(path))
        return source.known() if source else None

    def begin(
        self,
        candidates: Sequence[Candidate],
        fingerprint: Mapping[str, Any],
        details: Mapping[str, Any],
        *,
        again: bool = False,
    ) -> list[KnownSource]:
        """Begin a run over ``candidates``; all or nothing. Returns their sources in the same order.

        ``fingerprint`` is JSON, in named parts, of all that changes bytes besides the dialects; ``details`` is only
        recorded. ``again`` forgets what is known of the candidates. What a killed run had announced becomes ambiguous.

        Raises:
            SourceChanged: a known file has other content.
            UsageInvalid: a file is named twice, or one is unfinished and fingerprint or dialect differ from its own.
        """
        if not again:
            self.agree(candidates, fingerprint)
        named = _by_real_path(candidates)
        with self._store.transaction():
            number = self._fingerprint_number(fingerprint)
            admitted = [self._ledger.admit(path, candidate, number, again=again) for path, candidate in named.items()]
            if again:
                for source in admitted:
                    self._store.put("meta", f"{BEFORE_AGAIN}{source.number}", json.dumps(self._rejects))
            self._drop_unused_fingerprints()
            self._ledger.close_window(carry=True)
            self._ledger.write()
            counted = {**details, _REJECTED_BEFORE: overall(self.sources()).rejected}
            self._save_run(RunRecord(self._next_run(), self._timestamp(), None, None, counted))
        self._has_begun = True
        return [source.known() for source in admitted]

    def agree(self, candidates: Sequence[Candidate], fingerprint: Mapping[str, Any]) -> None:
        """Raise what :meth:`begin` would raise, and begin nothing."""
        for path, candidate in _by_real_path(candidates).items():
            self._agree(self._ledger.by_path.get(path), candidate, fingerprint)

    def missing(self, source: int) -> list[Span]:
        """The rows without a fate, in order; up to ``OPEN_END`` while the number of rows is unknown."""
        return self._sources[source].missing()

    def ambiguous(self) -> list[Span]:
        """Rows that may have been sent by a run that never saw the answer, and have no fate yet: an upper bound."""
        return [span for source in self._sources for span in source.spans(list(source.rows[AMBIGUOUS]))]

    def ambiguous_within(self, span: Span) -> list[Span]:
        """The part of :meth:`ambiguous` that is in ``span``."""
        source = self._sources[span.source]
        return source.spans(source.rows[AMBIGUOUS].within(span.start, span.stop))

    def anchor(self, source: int, row: int) -> Anchor | None:
        """The last known place in the file at or before ``row``."""
        anchors = self._sources[source].anchors
        index = bisect_right(anchors, row, key=lambda anchor: anchor.row)
        return anchors[index - 1] if index else None

    def rejects_length(self, path: str) -> int | None:
        """Durable bytes of the rejects file at the real ``path``; ``None`` if this import never wrote there."""
        return self._rejects.get(path)

    def total(self, sources: Iterable[int] | None = None) -> Tally:
        """The sum over ``sources``, by default over all of them."""
        chosen = self._sources if sources is None else [self._sources[number] for number in sources]
        return total(source.tally for source in chosen)

    def untold_rejects(self) -> int:
        """Rows that are rejected since a run ended whose exit code could say so: those of runs that were killed."""
        rejected = overall(self.sources()).rejected
        untold = takewhile(lambda run: run.exit_code not in _TELLING, reversed(self._runs[:-1]))
        return max((rejected - run.details.get(_REJECTED_BEFORE, rejected) for run in untold), default=0)

    def commit(self, changes: Changes) -> None:
        """Make ``changes`` durable, all or nothing.

        Raises :class:`Imbalance` if a row gets a second fate, or the tallies do not add up to the acknowledged rows.
        """
        ledger = self._ledger
        with self._store.transaction():
            for span in changes.announced:
                ledger.announce(span)
            for span in changes.acknowledged:
                ledger.acknowledge(span)
            for number, tally in changes.tallies.items():
                ledger.count(number, tally)
            for number, rows in changes.total_rows.items():
                ledger.finish(number, rows)
            for anchor in changes.anchors:
                ledger.place(anchor)
            ledger.write()
            if changes.rejects:
                path, length = changes.rejects
                self._rejects[path] = length
                self._store.put("rejects_file", json.dumps(path), length)

    def end(self, exit_code: int, doubtful: Iterable[Span] = ()) -> None:
        """End the run gracefully. Only rows of ``doubtful``, of which something may be stored, become ambiguous.

        A run that ended before :meth:`begin` is recorded all the same, and leaves what an earlier one had announced.
        """
        with self._store.transaction():
            if not self._has_begun:
                self._save_run(RunRecord(self._next_run(), self._opened, self._timestamp(), exit_code, {}))
                return
            self._ledger.close_window(carry=False)
            for span in doubtful:
                self._ledger.doubt(span)
            self._ledger.write()
            self._save_run(replace(self._runs.pop(), ended=self._timestamp(), exit_code=exit_code))

    @property
    def _sources(self) -> list[Source]:
        self._store.ensure_usable()  # after a failure the memory may be ahead of the disk
        return self._ledger.sources

    def _load(self, key: ImportKey) -> None:
        with self._store.snapshot():
            check_key(self._store, key)
            self._ledger = Ledger(self._store)
            self._runs = load_runs(self._store)
            self._fingerprints: dict[int, dict[str, Any]] = {
                number: json.loads(body) for number, body in self._store.rows("fingerprint")
            }
            self._rejects = {json.loads(path): length for path, length in self._store.rows("rejects_file")}

    def _agree(self, known: Source | None, candidate: Candidate, fingerprint: Mapping[str, Any]) -> None:
        if known is None or known.pristine:
            return
        same_file(known, candidate.identity)
        if not known.complete:
            before = {**self._fingerprints[known.fingerprint], "source": known.dialect}
            same_bytes(known, before, {**fingerprint, "source": candidate.dialect})

    def _fingerprint_number(self, fingerprint: Mapping[str, Any]) -> int:
        body = json.dumps(fingerprint, sort_keys=True)
        for known, parts in self._fingerprints.items():
            if json.dumps(parts, sort_keys=True) == body:
                return known
        number: int = max(self._fingerprints, default=-1) + 1
        self._fingerprints[number] = json.loads(body)
        self._store.put("fingerprint", number, body)
        return number

    def _drop_unused_fingerprints(self) -> None:
        for number in self._fingerprints.keys() - {source.fingerprint for source in self._ledger.sources}:
            del self._fingerprints[number]
            self._store.remove("fingerprint", number)

    def _next_run(self) -> int:
        return self._runs[-1].number + 1 if self._runs else 1

    def _save_run(self, run: RunRecord) -> None:
        self._runs.append(run)
        save_run(self._store, run)

    def _timestamp(self) -> str:
        return self._now().isoformat(timespec="milliseconds")


def _by_real_path(candidates: Iterable[Candidate]) -> dict[str, Candidate]:
    named: dict[str, Candidate] = {}
    for candidate in candidates:
        path = os.path.realpath(candidate.path)
        if path in named:
            raise UsageInvalid(f"{named[path].name} and {candidate.name} are the same file.", "Name it once.")
        named[path] = candidate
    return named
