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

from importer.checkpoint import OPEN_END, REPLAY, same_file
from importer.errors import SourceUnreadable, UsageInvalid
from importer.mapping.document import Document, load_document
from importer.plan import Plan, PlannedSource, plan, told_with_columns
from importer.records import Place, Span
from importer.rejects import located_rejects
from importer.source import discover, identify, sniff
from importer.source.chunk import Chunk, chunk_parts

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
    """Some rows of a file, in its order, that a rejects file names. Its own rows are numbered from 1."""

    rows: tuple[int, ...]
    rejects: str
    is_replay: ClassVar[bool] = True

    @property
    def digest(self) -> str:
        """What makes it this replay: its rows, and the real path of the rejects file."""
        return digest_of(self.rejects, self.rows)

    @property
    def identifier(self) -> str:
        """What the checkpoint knows it by: the same rows of the same file, named by the same rejects file."""
        return f"{os.path.realpath(self.file.path)}#{self.digest[:16]}"

    def identity(self) -> Identity:
        """That of the file, and the rows."""
        of_file = identify(self.file)
        text = f"{of_file.hash} {self.digest}"
        return replace(of_file, hash=hashlib.sha256(text.encode()).hexdigest())

    def dialect_json(self) -> dict[str, Any]:
        """As of the file, and what is replayed."""
        file = os.path.realpath(self.file.path)
        replayed = {"file": file, "rows": len(self.rows), "digest": self.digest}
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
        for start, stop in chunk_parts(sorted(missing), 1, len(self._rows) + 1):
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


def digest_of(rejects: str, rows: Sequence[int]) -> str:
    """SHA-256 in hex over the path of a rejects file and numbers of rows, whatever their order."""
    text = " ".join([rejects, *map(str, sorted(rows))])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def plan_replay(mapping: Path | Document, rejects: Path, status: ImportStatus | None, settings: RunSettings) -> Plan:
    """The plan of a run that sends the rows that ``rejects`` names, if they are good now.

    ``status`` is the import that rejected them, ``None`` if there is none. New rejects go to a file of their own. With
    ``settings.again`` rows are sent that an earlier replay has sent.

    Raises:
        SourceUnreadable: the rejects file is not one of this import, a file changed since, or rows were sent since.
        UsageInvalid: the mapping reads the files in another way now, so that their rows have other numbers.
    """
    rows_of = _rejected_rows(rejects, status)
    names = [file.name if os.path.realpath(file.name) == file.path else file.path for file in rows_of]
    with told_with_columns(names):
        document = mapping if isinstance(mapping, Document) else load_document(mapping)
    for before, now in zip(rows_of, discover(names, document.mapping.source), strict=True):
        _check_same(before, now, document)
    planned = plan(document, names, replace(settings, rejects=_new_rejects(rejects, settings)))
    sources: list[ReplayedSource] = []
    for rows, source in zip(rows_of.values(), planned.sources, strict=True):
        sources += _replays(source, rows, os.path.realpath(rejects), status)
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
    position: int


class _Originals:
    """The files of an import by path, and by the names that rejects call them; the latest source of each."""

    def __init__(self, status: ImportStatus | None) -> None:
        self._by_path: dict[str, _Original] = {}
        self._paths: dict[str, set[str]] = {}
        for source in status.sources if status is not None else ():
            for position, file in enumerate(() if source.is_replay else source.files()):
                self._by_path[file.path] = _Original(*file, source, position)
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
    """The rows that ``rejects`` names, each once, by the file that they are of; files in the order of the import."""
    originals = _Originals(status)
    rows_of: dict[_Original, dict[int, None]] = {}
    committed_bytes = _committed_bytes(rejects, status)
    for start, line in located_rejects(rejects, committed_bytes):
        file = originals.find(line["file"], rejects)
        if not 0 < line["row"] <= (OPEN_END if file.rows is None else file.rows):
            message = f"{rejects} names row {line['row']} of {line['file']}, which is not in the file."
            raise SourceUnreadable(message, "Give a rejects file as a run wrote it.")
        if start >= _first_byte(rejects, file, status, is_as_written=committed_bytes is not None):
            rows_of.setdefault(file, {})[line["row"]] = None
    ordered = sorted(rows_of, key=lambda file: (file.source.number, file.position))
    return {file: list(rows_of[file]) for file in ordered}


def _first_byte(rejects: Path, file: _Original, status: ImportStatus | None, *, is_as_written: bool) -> int:
    """Where in ``rejects`` the lines about ``file`` begin that count: behind those from before it was sent again."""
    lengths = status.before_again.get(file.source.number) if status is not None else None
    if status is None or lengths is None:
        return 0
    path = os.path.realpath(rejects)
    if path not in lengths and path in status.rejects:
        return 0  # written since
    if not is_as_written:
        raise SourceUnreadable(
            f"{file.name} was sent again since (--again), and {rejects} is not as the import wrote it: nobody knows "
            "which of its lines are older.",
            "Give the rejects file that the last run wrote.",
        )
    return lengths[path]


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


def _check_still_rejected(
    rejects: Path, sources: Sequence[ReplayedSource], status: ImportStatus, settings: RunSettings
) -> None:
    """Raise if more rows of a source are to be sent than are rejected: then some were sent by another replay."""
    planned = {source.identifier for source in sources}
    for original in status.sources:
        paths = {file.path for file in original.files()}
        if original.is_replay or not paths:
            continue
        rows = sum(len(source.rows) for source in sources if os.path.realpath(source.file.path) in paths)
        open_rows = original.tally.rejected_rows
        for replay in status.sources:
            files = [file for file in replay.files() if file.replay and file.replay["file"] in paths]
            is_planned = {file.path for file in files} <= planned
            if not files or (is_planned and settings.again):
                continue
            open_rows -= replay.acknowledged_rows - replay.tally.rejected_rows
            rows -= replay.acknowledged_rows if is_planned else 0
        if rows > max(open_rows, 0):
            raise SourceUnreadable(
                f"{rejects} names {rows:,} rows of {original.name} that are to be sent, but only {max(open_rows, 0):,} "
                "of its rows are still rejected: an earlier retry has sent some of them.",
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


def _replays(
    source: PlannedSource, rows: list[int], rejects: str, status: ImportStatus | None
) -> Iterator[ReplayedSource]:
    """Replays of ``rows``: those that the import knows already, and one of what was rejected since."""
    known = [
        replay
        for state in (status.sources if status is not None else ())
        for file in state.files()
        if (replay := file.replay) is not None and replay["file"] == source.identifier
    ]
    while rows:
        counts = (item["rows"] for item in known if digest_of(rejects, rows[: item["rows"]]) == item["digest"])
        count = next(counts, len(rows))
        yield _replayed(source, tuple(sorted(rows[:count])), rejects)
        rows = rows[count:]


def _replayed(source: PlannedSource, rows: tuple[int, ...], rejects: str) -> ReplayedSource:
    of_file = {item.name: getattr(source, item.name) for item in fields(source)}
    return ReplayedSource(**{**of_file, "total_rows": len(rows)}, rows=rows, rejects=rejects)


def _new_rejects(rejects: Path, settings: RunSettings) -> Path:
    """Where rows go that are rejected again: ``x.retry-1.ndjson`` beside ``x.ndjson``."""
    match = _NUMBERED.fullmatch(rejects.stem)
    stem, number = (match[1], int(match[2])) if match else (rejects.stem, 0)
    path = settings.rejects or rejects.with_name(f"{stem}.retry-{number + 1}{rejects.suffix}")
    if os.path.realpath(path) == os.path.realpath(rejects):
        raise UsageInvalid(f"--rejects names {rejects}, which is what is read.", "Name another file for new rejects.")
    return path
