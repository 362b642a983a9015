"""Compressed text as a stream of the text itself, in bounded memory.

gzip is read by the standard library and zstd by pyarrow. Both go on behind the first member or frame, compare the
checksums that the file has, and say so when it stops early or when something else stands behind its end. What no
reader can see: a file that was cut exactly between two members, and damage in zstd that was written without checksums.
"""

from __future__ import annotations

import gzip
import zlib
from io import UnsupportedOperation
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from importer.errors import SourceUnreadable

if TYPE_CHECKING:
    from io import BufferedIOBase

Compression = Literal["gzip", "zstd"]

SUFFIXES: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}
_SIGNATURES: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_SKIPPABLE = b"\x2a\x4d\x18"
"""Behind a byte of 0x50 to 0x5f: a frame without content, as pzstd puts at the beginning (RFC 8878, 3.1.2)."""
_STEP_BYTES = 1024 * 1024
_FAILURES = (EOFError, OSError, zlib.error, pa.ArrowException)


def compressed_with(head: bytes) -> Compression | None:
    """The compression that the first bytes of a file show."""
    if head[1:4] == _SKIPPABLE and head[0] & 0xF0 == 0x50:  # noqa: PLR2004  (the bytes of the signature)
        return "zstd"
    return next((found for signature, found in _SIGNATURES.items() if head.startswith(signature)), None)


class Decompressed:
    """The text of the compressed file ``raw``, from its beginning on, with offsets in the text.

    There is no index in such a file: a seek reads all that lies before its target, without looking at it. That takes
    two seconds of a core for a gigabyte of text in gzip, and half a second in zstd: a resume of compressed CSV is
    slower than one of plain CSV, not different.
    ``name`` is for messages. ``raw`` may be closed as soon as nothing refers to this any more.
    """

    def __init__(self, raw: BufferedIOBase, compression: Compression, name: str) -> None:
        self._compression: Compression = compression
        self._name = name
        self._offset = 0
        self._text: gzip.GzipFile | pa.CompressedInputStream
        if compression == "gzip":
            self._text = gzip.GzipFile(fileobj=raw, mode="rb")
        else:
            self._text = pa.CompressedInputStream(raw, "zstd")

    def read(self, size: int, /) -> bytes:
        """The next ``size`` bytes, fewer only before the end of the file, none at its end.

        Raises:
            SourceUnreadable: The file is damaged, or ends before its text does.
            OSError: The system cannot read it.
        """
        try:
            data: bytes = self._text.read(size)
        except _FAILURES as error:
            if isinstance(error, OSError) and error.errno is not None:  # the disk, not the data
                raise
            raise self._unreadable(error) from error
        self._offset += len(data)
        return data

    def tell(self) -> int:
        """The offset of what :meth:`read` gives next."""
        return self._offset

    def seek(self, offset: int, /) -> int:
        """Go on at ``offset``, which lies further on, or at the end of a text that is shorter.

        Raises what :meth:`read` does.
        """
        if offset < self._offset:
            raise UnsupportedOperation("compressed text is read forwards only")
        while self._offset < offset and self.read(min(_STEP_BYTES, offset - self._offset)):
            pass
        return self._offset

    def _unreadable(self, error: Exception) -> SourceUnreadable:
        """The libraries have no types for what went wrong, only words."""
        reason = str(error).splitlines()[0].rstrip(".")
        check = f"`{self._compression} -t` checks a file."
        if isinstance(error, EOFError) or "Truncated" in reason:
            what, hint = "ends in the middle of its {} data", f"Was it completely copied? Copy it again; {check}"
        elif "Not a gzipped file" in reason or "Unknown frame descriptor" in reason:
            what, hint = "has something else behind its {} data", f"Was something appended to it? {check}"
        elif "too much memory" in reason:
            what = "was compressed by {} with a window of more than 128 MB"
            hint = "Compress it again without --long and --ultra, or decompress it."
        else:
            what, hint = f"its {{}} data is damaged ({reason})", f"Copy or export it again; {check}"
        return SourceUnreadable(f"{self._name}: {what.format(self._compression)}.", hint)
