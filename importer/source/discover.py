"""From the arguments of a command to the files that they mean, in a fixed order."""

from __future__ import annotations

import glob
import os
import re
import stat
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import SourceUnreadable, UsageInvalid
from importer.source.encoding import is_wide
from importer.source.magic import HEAD_BYTES, foreign, is_parquet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.source.options import Format, SourceOptions

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_COMPRESSED = {".gz", ".zst", ".bz2", ".xz", ".zip"}
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True)
class SourceFile:
    """A file to read. ``name`` is how messages and rejects call it: the path as the user wrote it."""

    path: Path
    name: str
    format: Format


def discover(arguments: Sequence[str], options: SourceOptions) -> list[SourceFile]:
    """The files that ``arguments`` (files, folders, globs) mean: in the order of the arguments, then by path.

    A folder means its own files with a known suffix; hidden ones and subfolders are left out. A path that exists is
    taken literally, whatever brackets or stars are in it. A file that is meant twice counts once.

    Raises:
        UsageInvalid: An argument is a URI or ``-``.
        SourceUnreadable: A path does not exist, is no regular file, or holds something else than CSV or Parquet.
    """
    found: dict[str, SourceFile] = {}
    for argument in arguments:
        for path in _paths(argument):
            real = os.path.realpath(path)
            if real not in found:
                found[real] = _source_file(path, options)
    return list(found.values())


def _paths(argument: str) -> list[Path]:
    path = Path(argument)
    if argument and os.path.lexists(path):
        return _folder(path) if path.is_dir() else [path]
    if argument == "-":
        raise UsageInvalid(
            "`-`: reading from standard input is not built yet.", "Write the data to a file and name it."
        )
    if _URI.match(argument):
        raise UsageInvalid(f"{argument}: reading from a URI is not built yet.", "Download the file and name its path.")
    if glob.has_magic(argument):
        return _glob(argument)
    raise SourceUnreadable(f"{argument or '(empty path)'}: no such file or folder.", _nearest(path))


def _folder(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise SourceUnreadable(f"{folder}: cannot be listed: {error.strerror}.", "Check its permissions.") from error
    paths = [entry for entry in entries if _is_source(entry)]
    if not paths:
        known = ", ".join(SUFFIXES)
        raise SourceUnreadable(f"{folder}: no file in this folder ends in {known}.", "Name the files one by one.")
    return paths


def _is_source(path: Path) -> bool:
    """Whether a file in a folder is meant. Compressed exports are, so that they are refused and not passed over."""
    inner = Path(path.stem) if path.suffix.lower() in _COMPRESSED else path
    return inner.suffix.lower() in SUFFIXES and not path.name.startswith(".") and not path.is_dir()


def _glob(pattern: str) -> list[Path]:
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  (Path.glob takes no absolute pattern)
    paths = [path for path in map(Path, matches) if not path.is_dir()]
    if not paths:
        raise SourceUnreadable(f"{pattern}: no file matches.", _nearest(Path(pattern)))
    return paths


def _nearest(path: Path) -> str:
    parent = path.parent
    try:
        names = [entry.name for entry in parent.iterdir()]
    except OSError:
        return f"The folder {parent} does not exist or cannot be listed."
    close = get_close_matches(path.name, names, n=1, cutoff=0.5)
    return f"Did you mean {parent / close[0]}?" if close else f"Nothing in {parent} has a name like it."


def _source_file(path: Path, options: SourceOptions) -> SourceFile:
    head = _head(path)
    suggested = options.format or SUFFIXES.get(path.suffix.lower())
    if is_parquet(head):
        _refuse_if(suggested == "csv", f"{path}: is a Parquet file, not CSV.", _other_format(options, "parquet"))
        return SourceFile(path, str(path), "parquet")
    if other := foreign(head, wide=is_wide(options.encoding)):
        raise SourceUnreadable(f"{path}: is {other[0]}.", other[1])
    _refuse_if(suggested is None, f"{path}: its name does not say what it is.", _name_format(path.suffix))
    _refuse_if(suggested == "parquet", f"{path}: is not a Parquet file.", _other_format(options, "csv"))
    return SourceFile(path, str(path), "csv")


def _refuse_if(wrong: bool, message: str, hint: str) -> None:  # noqa: FBT001  (reads as a sentence)
    if wrong:
        raise SourceUnreadable(message, hint)


def _other_format(options: SourceOptions, actual: Format) -> str:
    if options.format:
        return f"The mapping declares `format: {options.format}` under `source`: correct it, or name other files."
    return f"Rename it, or declare `format: {actual}` under `source` in the mapping if that is what it is."


def _name_format(suffix: str) -> str:
    close = get_close_matches(suffix.lower(), SUFFIXES, n=1)
    meant = f"Did you mean {close[0]}? " if close else ""
    return f"{meant}If it is text with separators, declare `format: csv` under `source` in the mapping."


def _head(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceUnreadable(
                f"{path}: is not a regular file.", "Pipes and devices cannot be read twice: write the data to a file."
            )
        with path.open("rb") as handle:
            head = handle.read(HEAD_BYTES)
    except OSError as error:
        raise SourceUnreadable(
            f"{path}: cannot be read: {error.strerror}.", "Check the path and permissions."
        ) from error
    _refuse_if(not head, f"{path}: is empty (0 bytes).", "A file needs at least a header. Was the export complete?")
    return head
