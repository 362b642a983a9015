"""One run at a time for each import: an OS lock that its holder's death frees."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from importer.errors import ImportLocked, StateUnusable

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds an import: process id, host name, and since when (ISO 8601)."""

    pid: int
    host: str
    since: str

    @property
    def alive(self) -> bool:
        """Whether the process may still run. On another host nobody can tell, so yes."""
        if self.host != socket.gethostname():
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


class Lock:
    """An exclusive lock on the file at ``path``, which is created and never deleted.

    Deleting a lock file would let two processes lock two files of one name. Its text names the holder and is only for
    people: what counts is the lock itself.
    """

    def __init__(self, path: Path, since: str) -> None:
        """Take the lock, or raise :class:`ImportLocked` at once."""
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateUnusable(f"The lock file {path} cannot be opened: {error.strerror}.") from error
        try:
            self._take()
            self._write(json.dumps(asdict(Holder(os.getpid(), socket.gethostname(), since))))
        except BaseException:
            os.close(self._descriptor)
            raise

    def release(self) -> None:
        """Give the lock back. Without this, the end of the process does it."""
        self._write("")
        os.close(self._descriptor)

    def _take(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = read_holder(self._path) or "another process"
            hint = "Wait for it to end, or stop it. The lock goes away with the process."
            raise ImportLocked(f"Another run holds this import: {holder}.", hint) from None
        except OSError as error:
            hint = "Choose a directory on a local disk with --state-dir."
            raise StateUnusable(f"{self._path} cannot be locked: {error.strerror}.", hint) from error

    def _write(self, text: str) -> None:
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text.encode(), 0)
        except OSError:
            return  # on a full disk the name of the holder is missing; the lock holds all the same


def read_holder(path: Path) -> Holder | None:
    """Who wrote the lock file at ``path``; ``None`` when nobody did, or when that process is dead."""
    try:
        holder = Holder(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return holder if holder.alive else None
