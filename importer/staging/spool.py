"""Run files of a stage: for each part of it a piece of columns, written at once and never changed.

A run file is complete or it is not there: it is written under another name, synced and renamed. Its end says where each
piece lies and how far the sources were read when it was written, so that the last run file is also the state of the
stage. Every piece carries a checksum, because a stage may wait for days on a disk.
"""

from __future__ import annotations

import json
import os
import re
import zlib
from array import array
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from importer.durable import create, sync
from importer.errors import StateUnusable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

MAGIC = b"importer-run-1"
_TAIL_BYTES = 8 + 4 + len(MAGIC)  # length of the index, its CRC-32, and the mark
_NAME = re.compile(r"run-(\d{6,})")
_COMPRESSION = pa.ipc.IpcWriteOptions(compression="lz4")


class Slot(NamedTuple):
    """Where the piece of one part lies in its run file. All are 0 where the part got no row."""

    offset: int
    length: int
    crc: int
    rows: int


class Slots:
    """The slots of a run file as plain numbers: objects for thousands of parts and files would fill the memory."""

    def __init__(self, slots: Iterable[Iterable[int]]) -> None:
        self._numbers = array("q", chain.from_iterable(slots))

    def __len__(self) -> int:
        return len(self._numbers) // len(Slot._fields)

    def __getitem__(self, part: int) -> Slot:
        first = range(len(self))[part] * len(Slot._fields)
        return Slot(*self._numbers[first : first + len(Slot._fields)])


@dataclass(frozen=True, slots=True)
class RunFile:
    """A complete run file: the slots of its parts, and ``state`` as JSON, as it was when the file was written.

    Behind it another one may follow; then ``state`` is out of date, and empty.
    """

    path: Path
    slots: Slots
    state: dict[str, Any]

    def table(self, part: int) -> pa.Table | None:
        """The rows of ``part``, ``None`` if there are none. Raises :class:`StateUnusable` if they are damaged."""
        slot = self.slots[part]
        if not slot.rows:
            return None
        try:
            with self.path.open("rb") as file:
                file.seek(slot.offset)
                data = file.read(slot.length)
        except OSError as error:
            raise unusable(self.path, f"cannot be read: {error.strerror}") from error
        if zlib.crc32(data) != slot.crc:
            raise unusable(self.path, "is damaged")
        return pa.ipc.open_stream(data).read_all()


def write_run(directory: Path, number: int, tables: Sequence[pa.Table], state: dict[str, Any]) -> RunFile:
    """Write ``tables``, one for each part, as run file ``number``.

    Raises:
        StateUnusable: the disk is full or cannot be written. Nothing of the file is left.
    """
    path = directory / f"run-{number:06}"
    draft = path.with_suffix(".draft")
    try:
        slots = _write(draft, tables, state)
        draft.rename(path)
        sync(directory)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise unusable(path, f"cannot be written: {error.strerror}") from error
    return RunFile(path, Slots(slots), state)


def _write(path: Path, tables: Sequence[pa.Table], state: dict[str, Any]) -> list[Slot]:
    slots = []
    with create(path) as file:
        for table in tables:
            data = _serialized(table) if table.num_rows else b""
            slots.append(Slot(file.tell(), len(data), zlib.crc32(data), table.num_rows))
            file.write(data)
        index = json.dumps({"slots": slots, "state": state}).encode()
        file.write(index + len(index).to_bytes(8, "little") + zlib.crc32(index).to_bytes(4, "little") + MAGIC)
        file.flush()
        os.fsync(file.fileno())
    return slots


def _serialized(table: pa.Table) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_COMPRESSION) as writer:
        writer.write_table(table)
    return memoryview(sink.getvalue())


def read_runs(directory: Path) -> list[RunFile]:
    """The run files in ``directory``, in order.

    Raises:
        StateUnusable: one of them is damaged, or one is missing, or the directory cannot be read.
    """
    try:
        found = {int(match[1]): path for path in directory.iterdir() if (match := _NAME.fullmatch(path.name))}
    except OSError as error:
        raise unusable(directory, f"cannot be read: {error.strerror}") from error
    if sorted(found) != list(range(1, len(found) + 1)):
        raise unusable(directory, "lacks one of its files")
    runs: list[RunFile] = []
    for number in sorted(found):
        append_run(runs, _opened(found[number]))
    return runs


def append_run(runs: list[RunFile], run: RunFile) -> None:
    """Put the next run file behind ``runs``. From now on its state is that of the stage."""
    if runs:
        runs[-1] = replace(runs[-1], state={})
    runs.append(run)


def _opened(path: Path) -> RunFile:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            tail = file.read()
            length = int.from_bytes(tail[:8], "little")
            if tail[12:] != MAGIC or length > size - _TAIL_BYTES:
                raise unusable(path, "is damaged")
            file.seek(size - _TAIL_BYTES - length)
            index = file.read(length)
    except OSError as error:
        raise unusable(path, f"cannot be read: {error.strerror}") from error
    if zlib.crc32(index) != int.from_bytes(tail[8:12], "little"):
        raise unusable(path, "is damaged")
    body = json.loads(index)
    return RunFile(path, Slots(body["slots"]), body["state"])


def unusable(path: Path, what: str) -> StateUnusable:
    """The error for a stage that cannot be used."""
    hint = "Make room or put the disk right and run the same command to resume; --again groups and sends all anew."
    return StateUnusable(f"The stage of grouped rows {path} {what}.", hint)
