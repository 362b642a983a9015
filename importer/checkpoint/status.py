"""Looking at imports without taking part: no lock, no write, also while a run goes on."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from importer.checkpoint.lock import Holder, read_holder
from importer.checkpoint.place import SUFFIX, ImportKey
from importer.checkpoint.ranges import Ranges
from importer.checkpoint.runs import RunRecord, load_runs
from importer.checkpoint.sources import AMBIGUOUS, ANNOUNCED, KnownSource, Source, load
from importer.checkpoint.store import Store, damaged
from importer.checkpoint.tally import Tally, total
from importer.errors import StateUnusable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from importer.records import Span


BEFORE_AGAIN = "rejects before again:"
"""Beginning of the names of entries about a source that was sent again; the number of the source follows."""


@dataclass(frozen=True, slots=True)
class ImportStatus:
    """Where one import stands. ``holder`` is who runs it now; ``rejects`` are paths and bytes of its rejects files.

    ``ambiguous`` are rows that a run which was killed may have sent and never saw the answer of: an upper bound.
    ``before_again`` says how long the rejects files were when a source was last sent again, by its number: what they
    said of it before counts no more.
    """

    path: Path
    key: ImportKey
    holder: Holder | None
    sources: tuple[KnownSource, ...]
    runs: tuple[RunRecord, ...]
    rejects: Mapping[str, int]
    ambiguous: tuple[Span, ...] = ()
    before_again: Mapping[int, Mapping[str, int]] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether there are sources, and every row of them has its fate."""
        return bool(self.sources) and all(source.complete for source in self.sources)

    @property
    def total(self) -> Tally:
        """The sum over all sources."""
        return total(source.tally for source in self.sources)


def list_imports(directory: Path) -> list[Path]:
    """The checkpoint files in ``directory``, by name; none if it does not exist. StateUnusable if it cannot be read."""
    try:
        return sorted(path for path in directory.iterdir() if path.name.endswith(SUFFIX))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StateUnusable(f"The state directory {directory} cannot be read: {error.strerror}.") from error


def peek(path: Path) -> ImportStatus:
    """Read the checkpoint file at ``path``. Raises :class:`StateUnusable` if it is damaged or cannot be read."""
    store = Store(path, read_only=True)
    try:
        with store.snapshot():
            holder, sources = read_holder(lock_path(path)), load(store)
            return ImportStatus(
                path=path,
                key=_key(store),
                holder=holder,
                sources=tuple(source.known() for source in sources),
                runs=tuple(load_runs(store)),
                rejects={json.loads(name): length for name, length in store.rows("rejects_file")},
                before_again={
                    int(name.removeprefix(BEFORE_AGAIN)): json.loads(body)
                    for name, body in store.rows("meta")
                    if name.startswith(BEFORE_AGAIN)
                },
                ambiguous=tuple(span for source in sources for span in _ambiguous(source, is_running=bool(holder))),
            )
    finally:
        store.close()


class Overall(NamedTuple):
    """Where all rows of an import stand: ``rows`` were read so far; a reject that was sent later counts as sent."""

    rows: int
    sent: int
    filtered: int
    rejected: int
    duplicate: int


def overall(sources: Iterable[KnownSource]) -> Overall:
    """The balance over first runs and replays of their rejects."""
    known = list(sources)
    tally = total(source.tally for source in known)
    replayed = sum(source.acknowledged_rows for source in known if source.is_replay)
    rows = sum(source.acknowledged_rows for source in known) - replayed
    return Overall(rows, tally.sent, tally.filtered, tally.rejected_rows - replayed, tally.duplicate)


def check_key(store: Store, key: ImportKey) -> None:
    """Raise :class:`StateUnusable` unless ``store`` belongs to ``key``."""
    stored = _key(store)
    if stored.parts() != key.parts():
        raise damaged(store.path, f"it belongs to another import: {stored}")


def lock_path(path: Path) -> Path:
    """The lock file beside the checkpoint file at ``path``, by whatever link that is named."""
    return Path(f"{os.path.realpath(path)}.lock")


def _ambiguous(source: Source, *, is_running: bool) -> list[Span]:
    """What a run that was killed left in doubt: its window is still there until the next run begins."""
    rows = Ranges()
    for kind in (AMBIGUOUS,) if is_running else (AMBIGUOUS, ANNOUNCED):
        for start, stop in source.rows[kind]:
            rows.add(start, stop)
    return source.spans(list(rows))


def _key(store: Store) -> ImportKey:
    meta = dict(store.rows("meta"))
    if "key" not in meta:
        raise damaged(store.path, "it does not say which import it belongs to")
    mapping, destination, site, test_code = json.loads(meta["key"])
    return ImportKey(Path(mapping), destination, site, test_code)
