"""Rejected rows read again: the rejects file says which rows of which files, the files say what is in them.

A replay is a source of the same import as the files. Its rows are the rows of one file that a rejects file names, in
that order, so that checkpoint, resume and balance work as for any source. A rejects file that has grown since it was
replayed gives another replay, of the new lines alone.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from importer.checkpoint import OPEN_END, REPLAY, overall, same_file
from importer.errors import SourceUnreadable, UsageInvalid
from importer.mapping.document import Document, load_document
from importer.plan import Plan, PlannedSource, plan
from importer.records import Place, Span
from importer.rejects import read_rejects
from importer.source import discover, identify, sniff
from importer.source.chunk import Chunk, overlaps

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from importer.checkpoint import ImportStatus, KnownSource, StoredIdentity
    from importer.settings import RunSettings
    from importer.source import Anchor, Identity, Reader, SourceFile

_NUMBER, _ROW, _LINE = "\x01number", "\x01row", "\x01line"
_NEAR_ROWS = 1_000  # reading so many rows in vain costs less than beginning anew
_NUMBERED = re.compile(r"(.+)\.retry-(\d+)")


@dataclass(frozen=True)
class ReplayedSource(PlannedSource):
    """Some rows of a file, in the order in which a rejects file names them. Its own rows are numbered from 1."""

    rows: tuple[int, ...]
    is_replay: ClassVar[bool] = True

    @property
    def identifier(self) -> str:
        """What the checkpoint knows it by: the same rows of the same file."""
        return f"{os.path.realpath(self.file.path)}#{digest_of(self.rows)[:16]}"

    def identity(self) -> Identity:
        """That of the file, and the rows."""
        of_file = identify(self.file)
        text = f"{of_file.hash} {digest_of(self.rows)}"
        return replace(of_file, hash=hashlib.sha256(text.encode()).hexdigest())

    def dialect_json(self) -> dict[str, Any]:
        """As of the file, and what is replayed."""
        file = os.path.realpath(self.file.path)
        replayed = {"file": file, "rows": len(self.rows), "digest": digest_of(self.rows)}
        return {**PlannedSource.dialect_json(self), REPLAY: replayed}

    def open(self, number: int) -> Reader:
        """A reader of the rows alone."""
        return _Replay(PlannedSource.open(self, number), number, self)


class _Replay:
    """Reads the rows of a :class:`ReplayedSource`."""

    def __init__(self, reader: Reader, number: int, source: ReplayedSource) -> None:
        self.schema: Mapping[str, Any] = reader.schema
        self.total_rows: int | None = len(source.rows)
        self._reader = reader
        self._number = number
        self._name = source.name
        self._rows = source.rows
        self._anchors: dict[int, Anchor] = {}

    def chunks(self, missing: Sequence[Span], anchors: Sequence[Anchor] = ()) -> Iterator[Chunk]:  # noqa: ARG002
        """As any reader; ``missing`` counts rows of the replay."""
        for start, stop in overlaps(sorted(missing), 1, len(self._rows) + 1):
            yield self._chunk(start, stop)

    def _chunk(self, start: int, stop: int) -> Chunk:
        number_of = {row: number for number, row in enumerate(self._rows[start - 1 : stop - 1], start)}
        frames, rejects = [], []
        for chunk in self._reader.chunks(_ranges(self._number, list(number_of)), list(self._anchors.values())):
            if chunk.anchor is not None:
                self._anchors[chunk.anchor.row] = chunk.anchor  # so that the next rows are not read for from the start
            numbers = chunk.rows.replace_strict(number_of, default=None, return_dtype=pl.Int64)
            where = [numbers.alias(_NUMBER), chunk.rows.alias(_ROW), chunk.line_numbers().alias(_LINE)]
            frames.append(chunk.frame.with_columns(where).drop_nulls(_NUMBER))
            broken = [reject for reject in chunk.rejects if reject.row in number_of]
            rejects += [replace(reject, staged_row=number_of[reject.row]) for reject in broken]
        self._check_found(sum(frame.height for frame in frames) + len(rejects), number_of)
        frame = pl.concat(frames).sort(_NUMBER)
        line_of = dict(zip(frame[_NUMBER], frame[_LINE], strict=True))
        return Chunk(
            span=Span(self._number, start, stop),
            frame=frame.drop(_NUMBER, _ROW, _LINE),
            rows=frame[_NUMBER].alias("row"),
            rejects=tuple(sorted(rejects, key=lambda reject: reject.number)),
            places=lambda number: Place(self._name, self._rows[number - 1], line_of[number]),
            file_rows=frame[_ROW],
            file_lines=frame[_LINE],
        )

    def _check_found(self, found: int, wanted: Mapping[int, int]) -> None:
        if found != len(wanted):
            raise SourceUnreadable(
                f"{self._name}: of the rejected rows {min(wanted):,} to {max(wanted):,}, {len(wanted) - found:,} are "
                "not in the file.",
                "Give a rejects file as a run wrote it.",
            )


def _ranges(number: int, rows: Sequence[int]) -> list[Span]:
    """Spans that cover ``rows``; those that are near to each other share one."""
    ordered = sorted(rows)
    borders = [index for index, (row, following) in enumerate(pairwise(ordered), 1) if following - row > _NEAR_ROWS]
    return [Span(number, ordered[low], ordered[high - 1] + 1) for low, high in pairwise([0, *borders, len(ordered)])]


def digest_of(rows: Sequence[int]) -> str:
    """SHA-256 in hex over the numbers of rows, in order."""
    return hashlib.sha256(" ".join(map(str, rows)).encode()).hexdigest()


def plan_replay(mapping: Path | Document, rejects: Path, status: ImportStatus | None, settings: RunSettings) -> Plan:
    """The plan of a run that sends the rows that ``rejects`` names, if they are good now.

    ``status`` is the import that rejected them, ``None`` if there is none. New rejects go to a file of their own. With
    ``settings.again`` rows are sent that an earlier replay has sent.

    Raises:
        SourceUnreadable: the rejects file is not one of this import, a file changed since, or rows were sent since.
        UsageInvalid: the mapping reads the files in another way now, so that their rows have other numbers.
    """
    rows_of = _rejected_rows(rejects, status)
    document = mapping if isinstance(mapping, Document) else load_document(mapping)
    names = [file.name if os.path.realpath(file.name) == file.path else file.path for file in rows_of]
    for before, now in zip(rows_of, discover(names, document.mapping.source), strict=True):
        _check_same(before, now, document)
    planned = plan(document, names, replace(settings, rejects=_new_rejects(rejects, settings)))
    sources: list[ReplayedSource] = []
    for rows, source in zip(rows_of.values(), planned.sources, strict=True):
        sources += _replays(source, rows, status)
    if status is not None:
        _check_still_rejected(rejects, sources, status, settings)
        if planned.document.mapping.group_by is not None and not settings.accept_incomplete_groups:
            _check_whole(rejects, status)
    return replace(planned, sources=tuple(sources))


@dataclass(frozen=True, eq=False)
class _Original:
    """A file that the import has read, and the source that counts its rejects."""

    name: str
    path: str
    identity: StoredIdentity
    dialect: Mapping[str, Any]
    rows: int | None
    source: KnownSource


class _Originals:
    """The files of an import by path, and by the names that rejects call them; the latest source of each."""

    def __init__(self, status: ImportStatus | None) -> None:
        self._by_path: dict[str, _Original] = {}
        self._paths: dict[str, set[str]] = {}
        for source in status.sources if status is not None else ():
            for file in () if source.is_replay else source.files():
                self._by_path[file.path] = _Original(*file, source)
                self._paths.setdefault(file.name, set()).add(file.path)

    def find(self, name: str, rejects: Path) -> _Original:
        """The file that ``rejects`` calls ``name``. Raises SourceUnreadable."""
        paths = self._paths.get(name) or {os.path.realpath(name)}
        if len(paths) > 1:
            raise SourceUnreadable(
                f"{rejects} names {name}, which this import has read from {len(paths)} folders: "
                f"{' and '.join(sorted(paths))}. Nobody knows which is meant.",
                "Write the whole path into the lines of the rejects file.",
            )
        found = self._by_path.get(next(iter(paths)))
        if found is None:
            raise SourceUnreadable(
                f"{rejects} names {name}, which this import has never read: it is of another import.",
                "Name mapping, destination, site, test code and state directory as the run that wrote it.",
            )
        return found


def _rejected_rows(rejects: Path, status: ImportStatus | None) -> dict[_Original, list[int]]:
    """The rows that ``rejects`` names, each once, by the file that they are of."""
    originals = _Originals(status)
    by_source: dict[int, dict[tuple[_Original, int], None]] = {}
    committed_bytes = _committed_bytes(rejects, status)
    for line in read_rejects(rejects, committed_bytes):
        file = originals.find(line["file"], rejects)
        if not 0 < line["row"] <= (OPEN_END if file.rows is None else file.rows):
            message = f"{rejects} names row {line['row']} of {line['file']}, which is not in the file."
            raise SourceUnreadable(message, "Give a rejects file as a run wrote it.")
        rows = by_source.setdefault(file.source.number, {})
        rows.pop((file, line["row"]), None)  # a row that was rejected twice stands where it was the last time
        rows[file, line["row"]] = None
    rows_of: dict[_Original, list[int]] = {}
    for rows in by_source.values():
        for file, row in list(rows) if committed_bytes is None else _current(list(rows)):
            rows_of.setdefault(file, []).append(row)
    return rows_of


def _committed_bytes(rejects: Path, status: ImportStatus | None) -> int | None:
    """How much of the file counts: behind it may stand what a crash left. All of it, when somebody has edited it."""
    length = status.rejects.get(os.path.realpath(rejects)) if status is not None else None
    if not length:
        return None
    try:
        with rejects.open("rb") as file:
            file.seek(length - 1)
            return length if file.read(1) == b"\n" else None
    except OSError:
        return None  # reading its lines will say why


def _current(rows: list[tuple[_Original, int]]) -> list[tuple[_Original, int]]:
    """Without what was rejected before the file was sent once more with ``--again``: such lines come first.

    That is true of what the import wrote itself. From lines that somebody has edited nothing is left out.
    """
    count = rows[0][0].source.tally.rejected_rows
    return rows[-count:] if count else []


def _check_still_rejected(
    rejects: Path, sources: Sequence[ReplayedSource], status: ImportStatus, settings: RunSettings
) -> None:
    """Raise if more rows are to be sent than are rejected: then some of them were sent by another replay."""
    planned = {source.identifier: len(source.rows) for source in sources}
    begun = {known.number: known for known in status.sources if any(file.path in planned for file in known.files())}
    rows = sum(planned.values())
    if settings.again:
        others = [known for known in status.sources if known.number not in begun]
    else:
        others = list(status.sources)
        rows -= sum(planned.get(file.path, 0) for known in begun.values() for file in known.files() if known.complete)
        rows -= sum(known.acknowledged_rows for known in begun.values() if not known.complete)
    rejected = overall(others).rejected
    if rows > rejected:
        raise SourceUnreadable(
            f"{rejects} names {rows:,} rows that are to be sent, but only {rejected:,} rows of this import are still "
            "rejected: an earlier retry has sent some of them.",
            "Give the rejects file that the last retry wrote, or leave out the lines of rows that were sent.",
        )


def _check_whole(rejects: Path, status: ImportStatus) -> None:
    """Raise unless the file is as a run wrote it: an event must not be made of some of its rows only."""
    size = rejects.stat().st_size
    known = status.rejects.get(os.path.realpath(rejects))
    if not size or (size >= known if known else size in status.rejects.values()):
        return
    raise SourceUnreadable(
        f"{rejects} is not as this import wrote it, and with group_by an event needs all of its rows.",
        "Give the rejects file that the run wrote, or go on with --accept-incomplete-groups if no event lacks a row.",
    )


def _check_same(file: _Original, found: SourceFile, document: Document) -> None:
    """Raise unless ``found`` is the file as it was, with the same numbers for its rows."""
    same_file(replace(file.source, name=file.name, identity=file.identity), identify(found))
    before = file.dialect
    now = sniff(found, document.mapping.source).to_json() if found.format == "csv" else {}
    if changed := [name for name in now if name != "null_values" and now[name] != before.get(name)]:
        raise UsageInvalid(
            f"{file.name} was read with {changed[0]} {before.get(changed[0])!r} and would now be read with "
            f"{now[changed[0]]!r}, so that its rows would have other numbers.",
            "Undo this change of the mapping, or send the whole file again with `importer run --again`.",
        )


def _replays(source: PlannedSource, rows: list[int], status: ImportStatus | None) -> Iterator[ReplayedSource]:
    """Replays of ``rows``: those that the import knows already, and one of what was rejected since."""
    known = [
        replay
        for state in (status.sources if status is not None else ())
        for file in state.files()
        if (replay := file.replay) is not None and replay["file"] == source.identifier
    ]
    while rows:
        count = next((item["rows"] for item in known if digest_of(rows[: item["rows"]]) == item["digest"]), len(rows))
        yield _replayed(source, tuple(rows[:count]))
        rows = rows[count:]


def _replayed(source: PlannedSource, rows: tuple[int, ...]) -> ReplayedSource:
    of_file = {item.name: getattr(source, item.name) for item in fields(source)}
    return ReplayedSource(**{**of_file, "total_rows": len(rows)}, rows=rows)


def _new_rejects(rejects: Path, settings: RunSettings) -> Path:
    """Where rows go that are rejected again: ``x.retry-1.ndjson`` beside ``x.ndjson``."""
    match = _NUMBERED.fullmatch(rejects.stem)
    stem, number = (match[1], int(match[2])) if match else (rejects.stem, 0)
    path = settings.rejects or rejects.with_name(f"{stem}.retry-{number + 1}{rejects.suffix}")
    if os.path.realpath(path) == os.path.realpath(rejects):
        raise UsageInvalid(f"--rejects names {rejects}, which is what is read.", "Name another file for new rejects.")
    return path
