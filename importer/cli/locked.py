"""``--if-locked``: what to do while another run holds the import."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING

from importer.cli.console import say
from importer.errors import ExitCode, ImporterError, ImportLocked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from importer.pipeline import Stop
    from importer.report import Report

POLL_SECONDS = 0.5
"""So long may a free lock, or a signal, stay unnoticed."""


class IfLocked(Enum):
    """What to do while another run holds the import."""

    FAIL = "fail"
    WAIT = "wait"
    SKIP = "skip"


class ImportSkipped(ImporterError):  # noqa: N818 -- named by its consequence
    """Another run holds the import, and that is fine."""

    exit_code = ExitCode.DONE


def when_free(
    policy: IfLocked,
    lock_file: Path,
    attempt: Callable[[], None],
    report: Report,
    stop: Stop,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Call ``attempt``, which raises ImportLocked when another run holds the import, as ``policy`` wants it.

    The lock is looked at before the attempt: who skips reads no file, and who waits plans afterwards, when the files
    of the other run are done. An attempt that loses the race for the lock waits again. ``report`` is the attempt's.

    Raises:
        ImportLocked: ``policy`` is to fail, or another import writes the same rejects file.
        ImportSkipped: ``policy`` is to skip.
        Interrupted: a stop was requested while it waited.
    """
    is_told = False
    while True:
        try:
            if policy is not IfLocked.FAIL:
                _look_at(lock_file)
            return attempt()
        except ImportLocked as error:
            if policy is IfLocked.FAIL or report.checkpoint is not None:
                raise  # with a checkpoint it held the import: then the lock is that of the rejects file
            if policy is IfLocked.SKIP:
                raise ImportSkipped(f"{error.message} Nothing is done here (--if-locked skip).") from None
            if not is_told:
                say("waiting", f"{error.message} Waiting for its end (--if-locked wait).")
                is_told = True
        sleep(POLL_SECONDS)
        stop.check()


def _look_at(lock_file: Path) -> None:
    """Raise ImportLocked if another run holds ``lock_file``.

    Only the lock itself tells: its text may name a process that was killed, and whose number another one has now.
    """
    from importer.checkpoint.lock import Lock

    if lock_file.exists():
        Lock(lock_file, datetime.now(UTC).isoformat(timespec="milliseconds")).release()
