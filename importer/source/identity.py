"""Is this the file that the checkpoint knows?"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from importer.errors import SourceChanged
from importer.source.opening import reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from importer.source.file import SourceFile

WHOLE_BYTES = 64 * 1024 * 1024
EDGE_BYTES = 1024 * 1024
SAMPLE_BYTES = 64 * 1024
SAMPLES = 64
_FOOTER_TAIL_BYTES = 8  # a Parquet file ends with the length of its footer (4 bytes, little endian) and PAR1
_STEP_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Identity:
    """What makes a file the same file: ``size`` in bytes, ``mtime_ns``, and ``hash``, SHA-256 in hex.

    All are of the file as it lies on disk, compressed or not. Below 64 MB the hash covers every byte. Above, it covers
    the first and last megabyte, 64 evenly spaced samples of 64 KB and the footer of a Parquet file: a change of the
    same length that touches none of them is not seen. The hash begins with the columns that folders give to the rows:
    the same bytes in another partition are other events.
    """

    size: int
    mtime_ns: int
    hash: str

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary for the checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Identity:
        """The identity that :meth:`to_json` wrote."""
        return cls(data["size"], data["mtime_ns"], data["hash"])


def identify(file: SourceFile) -> Identity:
    """The identity of ``file`` now.

    Raises:
        SourceUnreadable: The file cannot be read.
        SourceChanged: It changed while it was read.
    """
    digest = hashlib.sha256(json.dumps(file.partitions).encode() if file.partitions else b"")
    with reading(file) as handle:
        before = os.fstat(handle.fileno())
        for start, stop in _ranges(handle, before.st_size, file.format):
            for data in _pieces(handle, start, stop):
                digest.update(data)
        after = os.fstat(handle.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceChanged(f"{file.name}: changed while it was read.", "Wait until it is completely written.")
    return Identity(before.st_size, before.st_mtime_ns, digest.hexdigest())


def _ranges(handle: BinaryIO, size: int, file_format: str) -> list[tuple[int, int]]:
    if size <= WHOLE_BYTES:
        return [(0, size)]
    gap = (size - SAMPLE_BYTES) // (SAMPLES - 1)
    samples = [(index * gap, index * gap + SAMPLE_BYTES) for index in range(SAMPLES)]
    ranges = [(0, EDGE_BYTES), *samples, (size - EDGE_BYTES, size)]
    if file_format == "parquet":
        handle.seek(size - _FOOTER_TAIL_BYTES)
        footer_bytes = int.from_bytes(handle.read(4), "little")
        ranges.append((max(0, size - _FOOTER_TAIL_BYTES - footer_bytes), size))
    return ranges


def _pieces(handle: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    handle.seek(start)
    while start < stop and (data := handle.read(min(_STEP_BYTES, stop - start))):
        start += len(data)
        yield data
