"""The sources of an import and how far each one is: in memory, and read back from the store with every check."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from importer.checkpoint.ranges import Range, Ranges
from importer.checkpoint.store import Store, damaged
from importer.checkpoint.tally import Tally
from importer.records import Span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OPEN_END = sys.maxsize
"""``stop`` of the last missing span while the number of rows is unknown."""

MEMBERS = "members"
"""Entry of the dialect of a stage: the files whose rows it holds."""
FORGOTTEN = "forgotten"
"""Entry of the dialect of a source of which nothing is left but its number: its files were sent again."""
REPLAY = "replay"
"""Entry of the dialect of rows that were rejected before: which rows of which file they are."""

ACKNOWLEDGED, ANNOUNCED, AMBIGUOUS = KINDS = "acknowledged", "announced", "ambiguous"


class Identity(Protocol):
    """What makes a file the same file: size in bytes, modification time in ns, hash of its content or samples of it."""

    @property
    def size(self) -> int: ...  # noqa: D102 - described above
    @property
    def mtime_ns(self) -> int: ...  # noqa: D102 - described above
    @property
    def hash(self) -> str: ...  # noqa: D102 - described above


class StoredIdentity(NamedTuple):
    """The identity of a file as the checkpoint remembers it."""

    size: int
    mtime_ns: int
    hash: str


class Anchor(NamedTuple):
    """Where reading can start again: record ``row`` begins at byte ``offset``, on physical line ``line``."""

    source: int
    row: int
    offset: int
    line: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that a run names: real path, name for messages, identity, and how it is read (JSON, guesses included)."""

    path: str
    name: str
    identity: Identity
    dialect: Mapping[str, Any] = field(default_factory=dict)


class KnownFile(NamedTuple):
    """A file that a source stands for. ``path`` is what the checkpoint knows it by, ``rows`` its rows if known."""

    name: str
    path: str
    identity: StoredIdentity
    dialect: Mapping[str, Any]
    rows: int | None

    @property
    def replay(self) -> Mapping[str, Any] | None:
        """Of a replay of rejected rows: which rows of which file they are."""
        return self.dialect.get(REPLAY)

    def to_json(self) -> dict[str, Any]:
        """As a member of the dialect of the source that stands for it."""
        return self._asdict()

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> KnownFile:
        """The file that :meth:`to_json` wrote."""
        return cls(**{**body, "identity": StoredIdentity(*body["identity"])})


@dataclass(frozen=True, slots=True)
class KnownSource:
    """One source and how far it is, at one moment. ``total_rows`` is ``None`` until its end was reached once.

    ``pristine``: nothing was done with it yet, so that nothing has to agree with that.
    """

    number: int
    path: str
    name: str
    identity: StoredIdentity
    dialect: Mapping[str, Any]
    total_rows: int | None
    acknowledged_rows: int
    ambiguous_rows: int
    tally: Tally
    pristine: bool = False

    @property
    def complete(self) -> bool:
        """Whether every row has its fate."""
        return self.total_rows == self.acknowledged_rows

    @property
    def is_stage(self) -> bool:
        """Whether it is a stage of grouped rows in the place of its files."""
        return MEMBERS in self.dialect

    @property
    def is_replay(self) -> bool:
        """Whether its rows were rejected before, and are counted by another source, too."""
        return all(file.replay is not None for file in self.files())

    def files(self) -> list[KnownFile]:
        """The files that it stands for: itself, or those whose rows were grouped; none if it was forgotten."""
        if FORGOTTEN in self.dialect:
            return []
        if not self.is_stage:
            return [KnownFile(self.name, self.path, self.identity, self.dialect, self.total_rows)]
        return [KnownFile.from_json(body) for body in self.dialect[MEMBERS]]


@dataclass(slots=True)
class Source:
    """A source in memory; belongs to the checkpoint."""

    number: int
    path: str
    name: str
    identity: StoredIdentity
    dialect: Mapping[str, Any]
    fingerprint: int
    total_rows: int | None = None
    tally: Tally = field(default_factory=Tally)
    rows: dict[str, Ranges] = field(default_factory=lambda: {kind: Ranges() for kind in KINDS})
    anchors: list[Anchor] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every row has its fate."""
        return self.total_rows == self.rows[ACKNOWLEDGED].rows

    @property
    def pristine(self) -> bool:
        """Whether nothing was done with it yet, so that nothing has to agree with that."""
        return not self.complete and not any(len(rows) for rows in self.rows.values())

    def known(self) -> KnownSource:
        """What others may see of it."""
        return KnownSource(
            number=self.number,
            path=self.path,
            name=self.name,
            identity=self.identity,
            dialect=self.dialect,
            total_rows=self.total_rows,
            acknowledged_rows=self.rows[ACKNOWLEDGED].rows,
            ambiguous_rows=self.rows[AMBIGUOUS].rows,
            tally=self.tally,
            pristine=self.pristine,
        )

    def missing(self) -> list[Span]:
        """The rows without a fate."""
        stop = OPEN_END if self.total_rows is None else self.total_rows + 1
        return self.spans(self.rows[ACKNOWLEDGED].gaps(1, stop))

    def spans(self, ranges: list[Range]) -> list[Span]:
        """Ranges of rows of this source as spans."""
        return [Span(self.number, start, stop) for start, stop in ranges]


def save(store: Store, source: Source) -> None:
    """Write what changes only at the beginning of a run."""
    texts = [json.dumps(part) for part in (source.path, source.name, source.identity, source.dialect)]
    store.put("source", source.number, *texts, source.fingerprint)


def save_progress(store: Store, source: Source) -> None:
    """Write what changes with every commit, besides the spans."""
    store.put("progress", source.number, source.total_rows, json.dumps(source.tally.to_json()))


def load(store: Store) -> list[Source]:
    """All sources, by number.

    Raises :class:`StateUnusable` where rows of the file contradict each other: a damaged page may lose whole rows,
    which no checksum of a row notices.
    """
    sources = [_load_source(row) for row in store.rows("source")]
    _expect([source.number for source in sources] == list(range(len(sources))), store.path, "a source is missing")
    for number, total_rows, tally in store.rows("progress"):
        source = _of(sources, number, store.path)
        source.total_rows, source.tally = total_rows, Tally.from_json(json.loads(tally))
    for number, kind, start, stop in store.rows("span"):
        change = _of(sources, number, store.path).rows[kind].add(start, stop)
        _expect(bool(change.added) and not change.removed, store.path, "spans overlap")
    for anchor in map(Anchor._make, store.rows("anchor")):
        _of(sources, anchor.source, store.path).anchors.append(anchor)
    fingerprints = {number for number, _ in store.rows("fingerprint")}
    for source in sources:
        _verify(source, fingerprints, store.path)
    return sources


def _load_source(row: tuple[Any, ...]) -> Source:
    number, path, name, identity, dialect, fingerprint = row
    stored = StoredIdentity(*json.loads(identity))
    return Source(number, json.loads(path), json.loads(name), stored, json.loads(dialect), fingerprint)


def _of(sources: list[Source], number: int, path: Path) -> Source:
    _expect(0 <= number < len(sources), path, "a source is missing")
    return sources[number]


def _verify(source: Source, fingerprints: set[int], path: Path) -> None:
    acknowledged = source.rows[ACKNOWLEDGED]
    _expect(source.fingerprint in fingerprints, path, "a fingerprint is missing")
    _expect(acknowledged.rows == source.tally.rows, path, f"spans and counts of {source.name} disagree")
    if source.total_rows is not None:
        beyond = acknowledged.within(source.total_rows + 1, OPEN_END)
        _expect(not beyond, path, f"spans of {source.name} end behind its last row")


def _expect(condition: bool, path: Path, what: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not condition:
        raise damaged(path, what)
