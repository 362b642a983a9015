"""Columns that the folders of a file are named after, as Hive, Spark and others write them: ``date=2026-11-22/``.

The folders ``name=value`` right above a file count, however the file was named on the command line, so that its rows
give the same events whether the whole tree, one day of it or the one file was meant. Names and values are
percent-decoded; ``__HIVE_DEFAULT_PARTITION__`` and nothing mean null. The columns are text, behind those of the file.

A file may have a column of the same name itself. Its own values are used then, and where the mapping uses the column
every row must agree with the folder: which of two values is meant nobody can know, and tools differ in what they take.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import polars as pl

from importer.errors import SourceUnreadable
from importer.records import Span

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from importer.source.chunk import Anchor, Chunk, Reader
    from importer.source.file import SourceFile

Partitions = tuple[tuple[str, str | None], ...]
"""Names and values of the folders of a file, the outermost first."""

_FOLDER = re.compile(r"(?!\.)([^=]+)=(.*)", re.DOTALL)
_NULLS = {"", "__HIVE_DEFAULT_PARTITION__"}


def is_partition(folder: Path) -> bool:
    """Whether a folder is named ``name=value``."""
    return _FOLDER.fullmatch(folder.name) is not None


def partitions_of(path: Path) -> Partitions:
    """The columns that the folders right above ``path`` give to its rows.

    Raises:
        SourceUnreadable: Two of them have the same name, or one is no UTF-8.
    """
    pairs: list[tuple[str, str | None]] = []
    for folder in Path(os.path.abspath(path)).parents:  # noqa: PTH100  (Path.resolve would follow links)
        match = _FOLDER.fullmatch(folder.name)
        if match is None:
            break
        name, value = (_decoded(path, folder.name, part) for part in match.groups())
        if name in dict(pairs):
            raise SourceUnreadable(f"{path}: two of its folders are named `{name}=`.", "Rename one of them.")
        pairs.append((name, None if value in _NULLS else value))
    return tuple(reversed(pairs))


def _decoded(path: Path, folder: str, text: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
        decoded.encode()  # a name on disk that is no UTF-8 comes with surrogates
    except UnicodeError as error:
        message = f"{path}: the name of its folder {folder!r} is no UTF-8."
        raise SourceUnreadable(message, "Rename the folder.") from error
    return decoded


class PartitionedReader:
    """``reader`` of ``file``, with the columns of its folders. ``columns`` are those that the mapping uses."""

    def __init__(self, reader: Reader, file: SourceFile, number: int, columns: Collection[str] | None) -> None:
        """Compare the first row with the folders, so that most conflicts are found before anything is sent.

        Raises:
            SourceUnreadable: It does not agree, or cannot be read.
        """
        self._reader = reader
        self._file = file
        self._added = [(name, value) for name, value in file.partitions if name not in reader.schema]
        own = [(name, value) for name, value in file.partitions if name in reader.schema]
        self._compared = [(name, value) for name, value in own if columns is not None and name in columns]
        self.schema = dict(reader.schema) | {name: pl.String() for name, _ in self._added}
        if self._compared:
            next(self.chunks([Span(number, 1, 2)]), None)

    @property
    def total_rows(self) -> int | None:
        """As the reader inside."""
        return self._reader.total_rows

    def chunks(self, missing: Sequence[Span], anchors: Sequence[Anchor] = ()) -> Iterator[Chunk]:
        """As the reader inside.

        Raises:
            SourceUnreadable: A row does not agree with the name of its folder.
        """
        columns = [pl.lit(value, dtype=pl.String).alias(name) for name, value in self._added]
        for chunk in self._reader.chunks(missing, anchors):
            for name, value in self._compared:
                self._compare(chunk, name, value)
            yield replace(chunk, frame=chunk.frame.with_columns(columns))

    def _compare(self, chunk: Chunk, name: str, value: str | None) -> None:
        own = chunk.frame[name]
        if all(_agrees(found, value) for found in own.unique()):
            return
        index, found = next((index, found) for index, found in enumerate(own) if not _agrees(found, value))
        raise SourceUnreadable(
            f"{self._file.name}, row {chunk.rows[index]}: column `{name}` is {_shown(found)} in the file and "
            f"{_shown(value)} in the name of its folder.",
            "Nobody can know which is meant: rename the column or the folder, and map the one that is.",
        )


def _agrees(own: object, value: str | None) -> bool:
    """Whether a value of the file is what the name of its folder says. Numbers may be written in several ways."""
    if own is None or value is None:
        return own is value
    if isinstance(own, bool):
        return str(own).lower() == value.lower()
    if isinstance(own, int | float | Decimal):
        try:
            return Decimal(value) == Decimal(str(own))
        except ArithmeticError:
            return False
    return str(own) == value


def _shown(value: object) -> str:
    return "empty" if value is None else f"`{value}`"
