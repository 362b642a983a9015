"""The history of the runs of an import, for ``importer status``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.checkpoint.store import Store

_KEPT_RUNS = 20


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run: times in ISO 8601, exit code, and settings that change no byte (version, rate, limits).

    ``ended`` and ``exit_code`` are ``None`` while it runs, and for ever if it was killed.
    """

    number: int
    started: str
    ended: str | None
    exit_code: int | None
    details: Mapping[str, Any]


def load_runs(store: Store) -> list[RunRecord]:
    """The last runs, oldest first."""
    return [
        RunRecord(number, started, ended, exit_code, json.loads(details))
        for number, started, ended, exit_code, details in store.rows("run")
    ]


def save_run(store: Store, run: RunRecord) -> None:
    """Write ``run`` and forget the one that is too old. Belongs into a transaction."""
    store.put("run", run.number, run.started, run.ended, run.exit_code, json.dumps(run.details))
    store.remove("run", run.number - _KEPT_RUNS)
