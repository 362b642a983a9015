"""The checkpoint of one import, open for one run."""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from importer.checkpoint.agreement import same_bytes, same_file
from importer.checkpoint.lock import Holder, Lock, read_holder
from importer.checkpoint.place import SUFFIX, ImportKey, prepare_directory
from importer.checkpoint.runs import RunRecord, load_runs, save_run
from importer.checkpoint.sources import (
    ACKNOWLEDGED,
    AMBIGUOUS,
    ANNOUNCED,
    Anchor,
    Candidate,
    KnownSource,
    Source,
    StoredIdentity,
    load,
    save,
    save_progress,
)
from importer.checkpoint.store import Store, create, damaged
from importer.checkpoint.tally import Tally, total
from importer.errors import Imbalance, UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from typing import Self

    from importer.checkpoint.ranges import Change
    from importer.records import Span


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

    One thread at a time: the caller's until the writer of the run takes over, and again after it has ended. Every method
    raises :class:`StateUnusable` when the file or its disk fails, and from then on.
    """

    def __init__(self, directory: Path, key: ImportKey, now: Callable[[], datetime]) -> None:
        """Open the checkpoint of ``key`` in ``directory``; both are created where missing. ``now`` gives aware times.

        Raises:
            UsageInvalid: the directory is not writable, or on a network file system.
            ImportLocked: another run holds this import.
            StateUnusable: the file is damaged or cannot be used.
        """
        self._now = now
        self.path = prepare_directory(directory) / key.file_name()
        self._lock = Lock(_lock_path(self.path), self._timestamp())
        try:
            if not os.path.lexists(self.path):
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

    def sources(self) -> list[KnownSource]:
        """All sources that this import has ever seen, by number."""
        return [source.known() for source in self._sources]

    def find(self, path: str) -> KnownSource | None:
        """The source at ``path``, if it is known: its dialect was frozen when it was first read."""
        source = self._by_path.get(os.path.realpath(path))
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
        recorded. ``again`` forgets what is known of the candidates. What a run that was killed had announced becomes ambiguous.

        Raises:
            SourceChanged: a known file has other content.
            UsageInvalid: a file is named twice, or one is unfinished and fingerprint or dialect differ from its own.
        """
        paths = [os.path.realpath(candidate.path) for candidate in candidates]
        for index, path in enumerate(paths):
            if path in paths[:index]:
                raise UsageInvalid(f"{candidates[index].name} is named twice.", "Name every file once.")
            if (known := self._by_path.get(path)) and known.started_or_complete and not again:
                self._agree(known, candidates[index], fingerprint)
        with self._store.transaction():
            chosen = self._fingerprint_number(fingerprint)
            admitted = [
                self._admit(path, candidate, chosen, again=again)
                for path, candidate in zip(paths, candidates, strict=True)
            ]
            self._end_window()
            number = self._runs[-1].number + 1 if self._runs else 1
            self._runs.append(RunRecord(number, self._timestamp(), None, None, details))
            save_run(self._store, self._runs[-1])
        return [source.known() for source in admitted]
