"""The rejects file: one JSON object a line for each row that was not sent, and reading it back.

The file only grows, and only up to the length that the checkpoint knows does it count: what a crash left behind that is
cut off on opening. JSON keeps any text exactly, also cells that begin with ``= + - @``; characters that could steer a
terminal are escaped.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
from datetime import date, datetime, time
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.durable import sync
from importer.errors import ImporterError, ImportLocked, SourceUnreadable, StateUnusable, UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from importer.records import Reject

# JSON escapes C0 itself. Here: DEL and C1, marks of direction, line separators, byte order mark, lone surrogates.
_STEERING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_OTHER_FILE = "Name another file with --rejects, or move this one away."


class RejectsFile:
    """The rejects file of one run, open for appending and locked against other runs.

    ``path`` is its real path, under which the checkpoint keeps ``length``, the durable length in bytes.
    """

    def __init__(self, path: Path, committed: int | None) -> None:
        """Open the file at ``path``, with mode 0600 if it is new, and cut it to its ``committed`` length in bytes.

        ``committed`` is ``None`` if this import never wrote there: then the file must be absent or empty. A file that
        is gone or was emptied was taken by its reader, and a new one begins.

        Raises:
            UsageInvalid: the path cannot be written, is no regular file, or holds something else.
            ImportLocked: another run writes this file.
            StateUnusable: it is shorter than what was committed, or not what was written.
        """
        self.path = Path(os.path.realpath(path))
        self._descriptor = _open_locked(self.path)
        try:
            self.length = _recover(self._descriptor, self.path, committed)
        except OSError as error:
            self.close()
            raise _unusable(self.path, error) from error
        except ImporterError:
            self.close()
            raise

    def append(self, rejects: Iterable[Reject]) -> None:
        """Write ``rejects`` and wait until they are on disk. After an error ``length`` is what it was."""
        data = memoryview("".join(map(encode, rejects)).encode())
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._descriptor, data[written:], self.length + written)
            os.fsync(self._descriptor)
            gone = os.fstat(self._descriptor).st_nlink == 0
        except OSError as error:
            raise _unusable(self.path, error) from error
        if gone:
            raise StateUnusable(f"The rejects file {self.path} was deleted during the run.", "Run the command again.")
        self.length += written

    def close(self) -> None:
        """Close the file and free it for others."""
        os.close(self._descriptor)


def encode(reject: Reject) -> str:
    """The line of ``reject``, with its newline. Values that JSON does not have become text."""
    body = {
        "file": reject.file,
        "row": reject.row,
        "line": reject.line,
        "stage": reject.stage,
        "code": reject.code,
        "message": reject.message,
        "source_row": plain(reject.source_row),
        "event": reject.event,
    }
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def read_rejects(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a rejects file, in order: see :func:`located_rejects`."""
    return (body for _, body in located_rejects(path))


def located_rejects(path: Path, length: int | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a rejects file, in order, with the members that :func:`encode` writes, each with its first byte.

    ``length`` is how many bytes of it count, by default all: behind them may stand what a crash left.

    Raises :class:`SourceUnreadable` naming the line, if one is not such an object, and for a file that cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a FIFO would be waited for, a device has no end
            raise SourceUnreadable(f"The rejects file {path} is not a regular file.", "Give one as a run wrote it.")
        with path.open("rb") as lines:
            start = 0
            for number, line in enumerate(lines, 1):
                if length is not None and start + len(line) > length:
                    return
                yield start, _decode(line, f"{path}:{number}")
                start += len(line)
    except OSError as error:
        raise SourceUnreadable(f"The rejects file {path} cannot be read: {error.strerror}.") from error


def _decode(line: bytes, place: str) -> dict[str, Any]:
    hint = "Give a rejects file as a run wrote it. While a run goes on, its last line may be incomplete."
    try:
        body = json.loads(line)
    except ValueError as error:
        raise SourceUnreadable(f"{place}: not a line of a rejects file: {error}.", hint) from error
    if not isinstance(body, dict) or not isinstance(body.get("file"), str) or type(body.get("row")) is not int:
        raise SourceUnreadable(f"{place}: not a line of a rejects file: it names no file and row.", hint)
    return body


def plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """``value`` as JSON has it: times as ISO 8601, bytes in hexadecimal, what JSON does not have as text."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


def _open_locked(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not block
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise UsageInvalid(f"The rejects file {path} cannot be written: {error.strerror}.", _OTHER_FILE) from error
    try:
        _lock(descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _lock(descriptor: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise UsageInvalid(f"The rejects file {path} is not a regular file.", _OTHER_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        hint = "Name another file with --rejects, or wait for that run to end."
        raise ImportLocked(f"Another run writes the rejects file {path}.", hint) from None
    except OSError as error:
        raise UsageInvalid(f"The rejects file {path} cannot be locked: {error.strerror}.", _OTHER_FILE) from error


def _recover(descriptor: int, path: Path, committed: int | None) -> int:
    size = os.fstat(descriptor).st_size
    if committed is None and size:
        raise UsageInvalid(f"{path} is not empty, and this import did not write it.", _OTHER_FILE)
    length = committed or 0
    if 0 < size < length:
        message = f"The rejects file {path} has {size:,} bytes, but {length:,} were written."
        raise StateUnusable(message, "Put it back as it was, or move it away and a new one begins.")
    if size and length and os.pread(descriptor, 1, length - 1) != b"\n":
        message = f"The rejects file {path} is not what the import wrote: no line ends at byte {length:,}."
        raise StateUnusable(message, "Put it back as it was, or move it away and a new one begins.")
    os.ftruncate(descriptor, min(size, length))
    os.fsync(descriptor)
    sync(path.parent)
    return min(size, length)


def _unusable(path: Path, error: OSError) -> StateUnusable:
    hint = "Make room or put the disk right, then run the same command to resume."
    return StateUnusable(f"The rejects file {path} cannot be written: {error.strerror}.", hint)
