"""Events that repeat the id of an earlier one: found exactly, and on disk where memory does not do.

An event is known here by four numbers: 128 bits of its id (a derived id is 128 bits; of another one, the first of its
SHA-256), the place of its source among those of the run, its first row, and 64 bits of the digest of its bytes. They
are gathered in columns, and written as runs in parts by id when they become many; at the end the runs are read part by
part, so that equal ids meet.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import polars as pl
import pyarrow as pa

from importer.durable import check_space
from importer.errors import StateUnusable
from importer.left_out import is_within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from importer.records import EncodedRows, Span

MEMORY_EVENTS = 250_000
"""So many events are kept in memory: some 10 MB, and four times as much while they are sorted."""
_FEW = 4  # times as many are looked at together: it is the sorting of a run that takes more
_PARTS = 256  # of runs on disk: of a billion events a part has 150 MB
_PART_SHIFT = 56  # the first byte of an id says which part it is in
_EXAMPLES = 3
_PREFIX = "importer-ids-"
_HIGH, _LOW, _ORDER, _ROW, _DIGEST = "high", "low", "order", "row", "digest"
_LATER = 1 << 30  # added to the place of a source: for events that come behind all others
_FIRST_ORDER, _FIRST_ROW, _SAME = "first_order", "first_row", "same"


class Repeat(NamedTuple):
    """An event and the first one with its id: places of their sources in the run, first rows. ``same``: same bytes."""

    order: int
    row: int
    first_order: int
    first_row: int
    same: bool


@dataclass(slots=True)
class Repeats:
    """The events that repeat an id. ``same`` of them repeat the whole event, ``other`` have other bytes.

    ``examples_same`` and ``examples_other`` are the first of each. With ``keeps_rows`` the rows of all are kept, in 20
    bytes each.
    """

    keeps_rows: bool = False

    same: int = 0
    other: int = 0
    examples_same: list[Repeat] = field(default_factory=list)
    examples_other: list[Repeat] = field(default_factory=list)
    _rows: dict[int, list[pl.DataFrame]] = field(default_factory=dict)

    def add(self, found: pl.DataFrame) -> None:
        """Add repeats of some ids."""
        found = found.with_columns(pl.col(_ORDER, _FIRST_ORDER) % _LATER)
        same = found.filter(pl.col(_SAME))
        other = found.filter(~pl.col(_SAME))
        self.same += same.height
        self.other += other.height
        self.examples_same = _first(self.examples_same, same)
        self.examples_other = _first(self.examples_other, other)
        for (order,), part in found.partition_by(_ORDER, as_dict=True).items() if self.keeps_rows else ():
            self._rows.setdefault(int(order), []).append(part.select(_ROW, _FIRST_ORDER, _FIRST_ROW))

    def rows(self, order: int) -> pl.DataFrame:
        """The events of one source that repeat an id, in order: their ``row``, ``first_order`` and ``first_row``."""
        parts = self._rows.get(order, [])
        schema = pl.Schema({_ROW: pl.Int64(), _FIRST_ORDER: pl.Int32(), _FIRST_ROW: pl.Int64()})
        return pl.concat(parts).cast(schema).sort(_ROW) if parts else pl.DataFrame(schema=schema)


class Identities:
    """Takes the ids of events. A context manager: what it has on disk is gone when it is left.

    ``directory`` is where it may use disk (``None``: where the system keeps temporary files), beyond
    ``memory_events`` events. Of two events with one id the first is that of the earlier row, or source, of the run; but
    those in the rows of ``later``, by place of their source, come behind all others.
    """

    def __init__(
        self,
        directory: Path | None,
        memory_events: int = MEMORY_EVENTS,
        later: Mapping[int, Sequence[Span]] | None = None,
    ) -> None:
        self._later = later or {}
        self._directory = directory
        self._memory_events = memory_events
        self._pending: list[pl.DataFrame] = []
        self._pending_events = 0
        self._runs: list[_Run] = []
        self._disk: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self._disk is not None:
            self._disk.cleanup()

    def add(self, order: int, encoded: EncodedRows) -> None:
        """Take the events of a chunk of the source that is number ``order`` of the run.

        Raises:
            StateUnusable: the disk is full or broken.
        """
        if not encoded.count:
            return
        self._pending.append(_known(order, encoded, self._later.get(order, ())))
        self._pending_events += encoded.count
        if self._pending_events > self._memory_events:
            self._write()

    def repeats(self, *, keeps_rows: bool = False) -> Repeats:
        """All events that repeat the id of an earlier one. Raises StateUnusable as :meth:`add`."""
        found = Repeats(keeps_rows)
        if self._runs:
            self._write()
            events = sum(run.events(0, _PARTS) for run in self._runs)
            parts = max(self._memory_events * _PARTS // events // 2, 1)  # at once: well within memory
            for first in range(0, _PARTS, parts):
                stop = min(first + parts, _PARTS)
                in_parts = sum(run.events(first, stop) for run in self._runs)
                together = max(self._memory_events * len(self._runs) // max(in_parts, 1), 1)  # runs of one reading
                pieces = [
                    partial(_read, self._runs[number : number + together], first, stop)
                    for number in range(0, len(self._runs), together)
                ]
                _add_repeats(found, pieces, is_few=in_parts <= _FEW * self._memory_events)
        elif self._pending:
            _add_repeats(found, [lambda: pl.concat(self._pending)], is_few=True)
        return found

    def _write(self) -> None:
        if not self._pending:
            return
        try:
            if self._disk is None:
                place = Path(self._directory or tempfile.gettempdir())
                _remove_what_kills_left(place)
                self._disk = tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=place)
            events = pl.concat(self._pending)
            check_space(Path(self._disk.name), int(events.estimated_size()), "Looking for duplicates")
            run = _Run.of(events, Path(self._disk.name, f"{len(self._runs):05}.arrow"))
        except OSError as error:
            where = self._directory or tempfile.gettempdir()
            message = f"The ids of events cannot be kept in {where}: {error.strerror or error}."
            raise StateUnusable(message, "Make room there, or name another place with --state-dir.") from None
        self._runs.append(run)
        self._pending, self._pending_events = [], 0


class _Run(NamedTuple):
    """Events on disk, by id: ``starts[part]`` counts those before a part, each of which is a batch of the file."""

    file: Path
    starts: list[int]

    @classmethod
    def of(cls, events: pl.DataFrame, file: Path) -> _Run:
        """Write ``events`` to ``file``."""
        ordered = events.sort(_HIGH)
        edges = pl.Series([part << _PART_SHIFT for part in range(_PARTS)], dtype=pl.UInt64)
        starts = [*ordered[_HIGH].search_sorted(edges, side="left"), ordered.height]
        table = ordered.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
        (whole,) = table.to_batches()
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            for start, stop in pairwise(starts):
                writer.write_batch(whole.slice(start, stop - start))
        return cls(file, starts)

    def events(self, first: int, stop: int) -> int:
        """How many are in the parts ``first`` to ``stop - 1``."""
        return self.starts[stop] - self.starts[first]

    def read(self, first: int, stop: int) -> pl.DataFrame:
        """Those of these parts."""
        with pa.OSFile(str(self.file)) as source:
            batches = pa.ipc.open_file(source)
            table = pa.Table.from_batches([batches.get_batch(part) for part in range(first, stop)])
            found = pl.from_arrow(table.combine_chunks())
        assert isinstance(found, pl.DataFrame)  # noqa: S101 -- of a table
        return found


def _read(runs: Sequence[_Run], first: int, stop: int) -> pl.DataFrame:
    """The events of several runs in the parts ``first`` to ``stop - 1``."""
    return pl.concat([run.read(first, stop) for run in runs])


def _remove_what_kills_left(place: Path) -> None:
    """Delete the directories of processes that were killed: their names say whose they are."""
    for directory in place.glob(f"{_PREFIX}*"):
        owner = directory.name.removeprefix(_PREFIX).partition("-")[0]
        try:
            os.kill(int(owner), 0)
        except ProcessLookupError:
            shutil.rmtree(directory, ignore_errors=True)
        except (PermissionError, ValueError):
            continue  # somebody else's, and alive; or a name that is none of ours


def _known(order: int, encoded: EncodedRows, later: Sequence[Span]) -> pl.DataFrame:
    """The events of a chunk as numbers, without a copy of what is there."""
    assert encoded.ids is not None  # noqa: S101 -- the encoder was asked for them
    high, low = (_numbers(words, pa.uint64()) for words in encoded.ids)
    totals = _numbers(encoded.digests[1], pa.uint64())  # they wrap around, and so do their differences
    columns = {_HIGH: high, _LOW: low, _ROW: _numbers(encoded.rows, pa.int64()), _DIGEST: totals[1:] - totals[:-1]}
    frame = pl.DataFrame({name: column[: encoded.count] for name, column in columns.items()})
    place = pl.lit(order, dtype=pl.Int32) + is_within(pl.col(_ROW), later).cast(pl.Int32) * _LATER
    return frame.select(_HIGH, _LOW, _ROW, _DIGEST, place.alias(_ORDER))


def _numbers(view: memoryview, dtype: pa.DataType) -> pl.Series:
    found = pl.from_arrow(pa.Array.from_buffers(dtype, len(view), [None, pa.py_buffer(view)]))
    assert isinstance(found, pl.Series)  # noqa: S101 -- of an array
    return found


def _add_repeats(found: Repeats, pieces: Sequence[Callable[[], pl.DataFrame]], *, is_few: bool) -> None:
    """Add to ``found`` what repeats an id in ``pieces``, which have all events with some ids.

    They are read one by one, twice, where they are not few.
    """
    if is_few:
        whole = pl.concat((piece() for piece in pieces), rechunk=True)
        if whole[_HIGH].n_unique() == whole.height:  # nothing to look for, and looking costs more
            return
        pieces = [lambda: whole]
    firsts = pl.DataFrame()
    for piece in pieces:
        firsts = _firsts(pl.concat([firsts, _firsts(piece())], how="diagonal"))
    for piece in pieces:
        found.add(_repeats(piece(), firsts))


def _firsts(events: pl.DataFrame) -> pl.DataFrame:
    """The first event with each id."""
    return events.sort(_ORDER, _ROW).unique([_HIGH, _LOW], keep="first")


def _repeats(events: pl.DataFrame, firsts: pl.DataFrame) -> pl.DataFrame:
    """Those of ``events`` that are not the first with their id, each with the first."""
    first = firsts.rename({_ORDER: _FIRST_ORDER, _ROW: _FIRST_ROW, _DIGEST: "first_digest"})
    joined = events.join(first, on=[_HIGH, _LOW])
    is_first = (pl.col(_ORDER) == pl.col(_FIRST_ORDER)) & (pl.col(_ROW) == pl.col(_FIRST_ROW))
    found = joined.filter(~is_first).with_columns((pl.col(_DIGEST) == pl.col("first_digest")).alias(_SAME))
    return found.select(_ORDER, _ROW, _FIRST_ORDER, _FIRST_ROW, _SAME)


def _first(known: list[Repeat], found: pl.DataFrame) -> list[Repeat]:
    lowest = found.bottom_k(_EXAMPLES, by=[_ORDER, _ROW])
    return sorted([*known, *(Repeat(*row) for row in lowest.iter_rows())])[:_EXAMPLES]
