"""Opening a source, and noticing that it changed under the reader."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from importer.errors import SourceChanged, SourceUnreadable
from importer.source.compression import Decompressed

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from io import BufferedReader

    from importer.source.encoding import ByteStream
    from importer.source.file import SourceFile


@contextmanager
def reading(file: SourceFile) -> Iterator[BufferedReader]:
    """The bytes of ``file``; what the system says against reading becomes a :class:`SourceUnreadable`."""
    try:
        with file.path.open("rb") as handle:
            yield handle
    except OSError as error:
        reason = error.strerror or str(error)
        raise SourceUnreadable(f"{file.name}: cannot be read: {reason}.", "Check the file and its disk.") from error


@contextmanager
def reading_text(file: SourceFile) -> Iterator[ByteStream]:
    """The text of ``file`` in its encoding, decompressed, with offsets in it. Otherwise as :func:`reading`."""
    with reading(file) as handle:
        yield handle if file.compression is None else Decompressed(handle, file.compression, file.name)


class Stability:
    """The stamp of a file when it was found, else when a reader opened it, to be compared as long as it is read."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._first = file.stamp or self._now()

    def check(self) -> None:
        """Compare.

        Raises:
            SourceChanged: The file is not the one that was found or opened.
        """
        now = self._now()
        if now != self._first:
            raise SourceChanged(
                f"{self._file.name}: changed while it was read ({self._first[0]} bytes before, {now[0]} now).",
                "Import files only when they are completely written; run the command again.",
            )

    def _now(self) -> tuple[int, int, int]:
        try:
            found = self._file.path.stat()
        except OSError as error:
            raise SourceChanged(
                f"{self._file.name}: disappeared while it was read: {error.strerror}.", "Put it back and run again."
            ) from error
        return stamp_of(found)


def stamp_of(found: os.stat_result) -> tuple[int, int, int]:
    """What the system says of a file, of which something changes when somebody writes or replaces it."""
    return found.st_size, found.st_mtime_ns, found.st_ino
