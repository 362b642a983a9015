"""Changes of the sources in memory and, within a transaction, of their rows in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.checkpoint.sources import (
    ACKNOWLEDGED,
    AMBIGUOUS,
    ANNOUNCED,
    FORGOTTEN,
    Anchor,
    Candidate,
    Source,
    StoredIdentity,
    load,
    save,
    save_progress,
)
from importer.errors import Imbalance

if TYPE_CHECKING:
    from importer.checkpoint.ranges import Change, Ranges
    from importer.checkpoint.store import Store
    from importer.checkpoint.tally import Tally
    from importer.records import Span

_NOTHING = StoredIdentity(0, 0, "")


class Ledger:
    """The sources of an import. Call its methods within a transaction, and :meth:`write` as the last one.

    Changes of spans are collected until then: of many that merge in one transaction only the result reaches the disk.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.sources = load(store)
        self.by_path = {source.path: source for source in self.sources}
        self._changed: set[int] = set()
        self._spans: dict[tuple[int, str, int], int | None] = {}

    def admit(self, path: str, candidate: Candidate, fingerprint: int, *, again: bool) -> Source:
        """The source at the real ``path``: the known one as it is, or one without any history."""
        identity = StoredIdentity(candidate.identity.size, candidate.identity.mtime_ns, candidate.identity.hash)
        known = self.by_path.get(path)
        if known and not known.pristine and not again:
            known.name, known.identity = candidate.name, identity
            save(self._store, known)
            return known
        number = known.number if known else len(self.sources)
        source = Source(number, path, candidate.name, identity, candidate.dialect, fingerprint)
        self.sources[number : number + 1] = [source]
        self.by_path[path] = source
        self._store.remove("span", number)
        self._store.remove("anchor", number)
        save(self._store, source)
        save_progress(self._store, source)
        if again:
            self._forget_older(source)
        return source

    def _forget_older(self, source: Source) -> None:
        """All files of ``source`` are sent again: what became of them in other stages and in replays counts no more."""
        paths = {file.path for file in source.known().files()}
        for old in self.sources:
            if old.number == source.number or old.path not in self.by_path:
                continue
            known = old.known()
            originals = {file.replay["file"] if file.replay else file.path for file in known.files()}
            if (known.is_stage or known.is_replay) and originals <= paths:
                self._forget(old, source.fingerprint)

    def _forget(self, old: Source, fingerprint: int) -> None:
        """Leave nothing of a source but its number."""
        gone = f"{old.path}#{old.number}"
        self.sources[old.number] = Source(
            old.number, gone, old.name, _NOTHING, {FORGOTTEN: True}, fingerprint, total_rows=0
        )
        del self.by_path[old.path]
        self._store.remove("span", old.number)
        self._store.remove("anchor", old.number)
        save(self._store, self.sources[old.number])
        save_progress(self._store, self.sources[old.number])

    def announce(self, span: Span) -> None:
        """The rows of ``span`` are about to be sent."""
        self._note(span.source, ANNOUNCED, self._rows(span, ANNOUNCED).add(span.start, span.stop))

    def doubt(self, span: Span) -> None:
        """The rows of ``span`` may have been sent, except those that have their fate."""
        for gap in self._rows(span, ACKNOWLEDGED).gaps(span.start, span.stop):
            self._note(span.source, AMBIGUOUS, self._rows(span, AMBIGUOUS).add(*gap))

    def acknowledge(self, span: Span) -> None:
        """The rows of ``span`` have their fate."""
        source = self.sources[span.source]
        if source.rows[ACKNOWLEDGED].within(span.start, span.stop):
            raise Imbalance(f"Rows {span.start} to {span.stop - 1} of {source.name} would be acknowledged twice.")
        self._note(span.source, ACKNOWLEDGED, source.rows[ACKNOWLEDGED].add(span.start, span.stop))
        for kind in (ANNOUNCED, AMBIGUOUS):
            self._note(span.source, kind, source.rows[kind].discard(span.start, span.stop))
        self._changed.add(span.source)

    def count(self, number: int, tally: Tally) -> None:
        """Add ``tally`` to what is known of source ``number``."""
        self.sources[number].tally += tally
        self._changed.add(number)

    def finish(self, number: int, total_rows: int) -> None:
        """Source ``number`` has ``total_rows`` rows: its end was read."""
        self.sources[number].total_rows = total_rows
        self._changed.add(number)

    def place(self, anchor: Anchor) -> None:
        """Remember where reading can start again. Anchors come in the order of the file; known ones are kept."""
        anchors = self.sources[anchor.source].anchors
        if not anchors or anchors[-1].row < anchor.row:
            anchors.append(anchor)
            self._store.put("anchor", *anchor)

    def close_window(self, *, carry: bool) -> None:
        """Empty the announced spans; with ``carry`` they become ambiguous."""
        for source in self.sources:
            for start, stop in list(source.rows[ANNOUNCED]):
                if carry:
                    self._note(source.number, AMBIGUOUS, source.rows[AMBIGUOUS].add(start, stop))
                self._note(source.number, ANNOUNCED, source.rows[ANNOUNCED].discard(start, stop))

    def write(self) -> None:
        """Write the changed spans and counts. Raises :class:`Imbalance` where they do not add up."""
        for (number, kind, start), stop in self._spans.items():
            if stop is None:
                self._store.remove("span", number, kind, start)
            else:
                self._store.put("span", number, kind, start, stop)
        for number in self._changed:
            source = self.sources[number]
            _balance(source)
            save_progress(self._store, source)
            if source.complete and source.anchors:
                source.anchors.clear()
                self._store.remove("anchor", number)
        self._spans.clear()
        self._changed.clear()

    def _rows(self, span: Span, kind: str) -> Ranges:
        return self.sources[span.source].rows[kind]

    def _note(self, number: int, kind: str, change: Change) -> None:
        for start, _ in change.removed:
            self._spans[number, kind, start] = None
        for start, stop in change.added:
            self._spans[number, kind, start] = stop


def _balance(source: Source) -> None:
    acknowledged = source.rows[ACKNOWLEDGED]
    if source.tally.rows != acknowledged.rows:
        raise Imbalance(f"{source.name}: {acknowledged.rows} rows acknowledged, but {source.tally.rows} have a fate.")
    end = max((stop for _, stop in acknowledged), default=1) - 1
    if source.total_rows is not None and end > source.total_rows:
        raise Imbalance(f"{source.name}: row {end} acknowledged, but the file has only {source.total_rows} rows.")
