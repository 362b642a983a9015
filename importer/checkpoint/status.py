"""Looking at imports without taking part: no lock, no write, also while a run goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from importer.checkpoint.lock import Holder, read_holder
from importer.checkpoint.place import SUFFIX, ImportKey
from importer.checkpoint.runs import RunRecord, load_runs
from importer.checkpoint.sources import KnownSource, load
from importer.checkpoint.store import Store, damaged
from importer.checkpoint.tally import Tally, total

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ImportStatus:
    """Where one import stands. ``holder`` is who runs it now; ``rejects`` are paths and bytes of its rejects files."""

    path: Path
    key: ImportKey
    holder: Holder | None
    sources: tuple[KnownSource, ...]
    runs: tuple[RunRecord, ...]
    rejects: Mapping[str, int]

    @property
    def complete(self) -> bool:
        """Whether there are sources, and every row of them has its fate."""
        return bool(self.sources) and all(source.complete for source in self.sources)

    @property
    def total(self) -> Tally:
        """The sum over all sources."""
        return total(source.tally for source in self.sources)


def list_imports(directory: Path) -> list[Path]:
    """The checkpoint files in ``directory``, by name; none if it does not exist."""
    return sorted(directory.glob(f"*{SUFFIX}"))


def peek(path: Path) -> ImportStatus:
    """Read the checkpoint file at ``path``. Raises :class:`StateUnusable` if it is damaged or cannot be read."""
    store = Store(path, read_only=True)
    try:
        with store.snapshot():
            return ImportStatus(
                path=path,
                key=_key(store),
                holder=read_holder(lock_path(path)),
                sources=tuple(source.known() for source in load(store)),
                runs=tuple(load_runs(store)),
                rejects={json.loads(name): length for name, length in store.rows("rejects_file")},
            )
    finally:
        store.close()


def check_key(store: Store, key: ImportKey) -> None:
    """Raise :class:`StateUnusable` unless ``store`` belongs to ``key``."""
    stored = _key(store)
    if stored.parts() != key.parts():
        raise damaged(store.path, f"it belongs to another import: {stored}")


def lock_path(path: Path) -> Path:
    """The lock file beside the checkpoint file at ``path``."""
    return path.with_name(f"{path.name}.lock")


def _key(store: Store) -> ImportKey:
    meta = dict(store.rows("meta"))
    if "key" not in meta:
        raise damaged(store.path, "it does not say which import it belongs to")
    mapping, destination, site, test_code = json.loads(meta["key"])
    return ImportKey(Path(mapping), destination, site, test_code)
