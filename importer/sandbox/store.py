"""Which events arrived, exactly, in bounded memory: 32 bytes a record on disk, counted part by part when asked.

A record is 16 bytes of the SHA-256 of ``context.event_id`` and the 16 bytes of the XXH3 of the event's bytes. It goes
to one of 256 files by its first byte. Records of one id, and therefore of the same bytes, share a file, so that each
file can be counted alone: 50 million events are 1.6 GB on disk and a set of about 200,000 records in memory.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import xxhash

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from importer.sandbox.body import Event

PARTS = 256
HALF_BYTES = 16
RECORD_BYTES = 2 * HALF_BYTES
DIGEST_MODULUS = 1 << 128


class Tally(NamedTuple):
    """The exact count of ``events`` events, repeats included.

    ``unique_ids`` are distinct ``context.event_id``. ``repeats`` are events whose id had arrived before. ``without_id``
    are events that have none. ``distinct`` are distinct events by their bytes. ``conflicts`` are contents
    that came under an id which another content already had: always a fault of the sender. ``digest`` is the sum
    modulo 2^128 of the XXH3 (128 bits) of each distinct event's bytes: it depends neither on the order
    nor on repeats.
    """

    events: int = 0
    unique_ids: int = 0
    repeats: int = 0
    without_id: int = 0
    distinct: int = 0
    conflicts: int = 0
    digest: int = 0

    def __add__(self, other: object) -> Tally:
        if not isinstance(other, Tally):
            return NotImplemented
        total = Tally(*map(sum, zip(self, other, strict=True)))
        return total._replace(digest=total.digest % DIGEST_MODULUS)


class EventStore:
    """Records of events in the files of ``directory``, which must exist and be empty.

    No file stays open: 256 of them would be all that some systems allow a process.
    """

    def __init__(self, directory: Path, buffer_bytes: int = 4_000_000) -> None:
        self.events = 0
        self.closed = False
        self._paths = [directory / f"{part:02x}" for part in range(PARTS)]
        self._buffers = [bytearray() for _ in range(PARTS)]
        self._sizes = [0] * PARTS
        self._buffer_bytes = buffer_bytes
        self._buffered = 0

    def add(self, events: Iterable[Event]) -> None:
        """Remember ``events``. OSError, with none of them remembered, when the disk does not take earlier ones."""
        if self._buffered >= self._buffer_bytes:
            self.flush()
        count = 0
        for event in events:
            record = _record(event)
            self._buffers[record[0]] += record
            count += 1
        self._buffered += count * RECORD_BYTES
        self.events += count

    def flush(self) -> None:
        """Write what is buffered. A part that fails (OSError) stays buffered; its next try overwrites the torn end."""
        for part, buffer in enumerate(self._buffers):
            if buffer:
                with self._paths[part].open("r+b" if self._sizes[part] else "wb") as file:
                    file.seek(self._sizes[part])
                    file.write(buffer)
                self._sizes[part] += len(buffer)
                self._buffered -= len(buffer)
                buffer.clear()

    def sizes(self) -> list[int]:
        """Bytes on disk of each part: what :meth:`count` is to count, while further events arrive."""
        return list(self._sizes)

    def count(self, sizes: list[int]) -> Tally:
        """The exact tally of the first ``sizes`` bytes of each part. Safe in a thread. Partial once ``closed``."""
        total = Tally()
        for path, size in zip(self._paths, sizes, strict=True):
            if self.closed:
                break
            if size:
                with path.open("rb") as file:
                    total += _tally(file.read(size))
        return total

    def clear(self) -> None:
        """Forget everything."""
        for part, path in enumerate(self._paths):
            path.unlink(missing_ok=True)
            self._buffers[part].clear()
            self._sizes[part] = 0
        self._buffered = self.events = 0


def _record(event: Event) -> bytes:
    """Hash of the id, hash of the bytes. Without an id the second stands twice, which no id can bring about."""
    content = xxhash.xxh3_128_digest(event.body)
    if event.id is None:
        return content + content
    # "\ud800" is a valid JSON text and no valid UTF-8
    return hashlib.sha256(event.id.encode("utf-8", "surrogatepass")).digest()[:HALF_BYTES] + content


def _tally(records: bytes) -> Tally:
    every = range(0, len(records), RECORD_BYTES)
    distinct = {records[start : start + RECORD_BYTES] for start in every}
    anonymous = {record for record in distinct if record[:HALF_BYTES] == record[HALF_BYTES:]}
    ids = {record[:HALF_BYTES] for record in distinct} - {record[:HALF_BYTES] for record in anonymous}
    without_id = 0
    if anonymous:
        without_id = sum(records[start : start + RECORD_BYTES] in anonymous for start in every)
    return Tally(
        events=len(every),
        unique_ids=len(ids),
        repeats=len(every) - without_id - len(ids),
        without_id=without_id,
        distinct=len(distinct),
        conflicts=len(distinct) - len(anonymous) - len(ids),
        digest=sum(int.from_bytes(record[HALF_BYTES:]) for record in distinct) % DIGEST_MODULUS,
    )
