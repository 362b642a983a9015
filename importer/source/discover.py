"""From the arguments of a command to the files that they mean, in a fixed order."""

from __future__ import annotations

import glob
import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from importer.errors import SourceUnreadable, UsageInvalid
from importer.source.compression import SUFFIXES as COMPRESSIONS
from importer.source.partitions import is_partition
from importer.source.recognise import SUFFIXES, looks_usable, recognise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from importer.source.file import SourceFile
    from importer.source.options import SourceOptions

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SHOWN_NAMES = 3


class _Found(NamedTuple):
    """The files that an argument means, and what else stands in its folders."""

    files: list[Path]
    others: list[Path]


def discover(arguments: Sequence[str], options: SourceOptions) -> list[SourceFile]:
    """The files that ``arguments`` (files, folders, globs) mean: in the order of the arguments, then by path.

    A folder means its own files with a known suffix and those in its folders ``name=value``, at any depth. All else is
    left out (see :func:`left_out`), and so is what is hidden. A path that exists is taken literally, whatever brackets
    or stars are in it. A file that is meant twice counts once.

    Raises:
        UsageInvalid: An argument is a URI or ``-``.
        SourceUnreadable: A path does not exist, is no regular file, or holds something else than CSV or Parquet.
    """
    found: dict[str, SourceFile] = {}
    for argument in arguments:
        for path in _found(argument).files:
            real = os.path.realpath(path)
            if real not in found:
                found[real] = recognise(path, options)
    return list(found.values())


def left_out(arguments: Sequence[str]) -> str | None:
    """A note on what stands in the folders of ``arguments`` and is not read, ``None`` when there is nothing.

    Hidden files are not mentioned. Raises what :func:`discover` does.
    """
    others = [path for argument in arguments for path in _found(argument).others]
    return f"left out: {_listed([_shown(path) for path in dict.fromkeys(others)])}" if others else None


def _found(argument: str) -> _Found:
    path = Path(argument)
    if argument and os.path.lexists(path):
        return _folder(path) if _is_folder(path) else _Found([path], [])
    if argument == "-":
        raise UsageInvalid(
            "`-`: reading from standard input is not built yet.", "Write the data to a file and name it."
        )
    if _URI.match(argument):
        raise UsageInvalid(f"{argument}: reading from a URI is not built yet.", "Download the file and name its path.")
    if glob.has_magic(argument):
        return _glob(argument)
    raise SourceUnreadable(f"{argument or '(empty path)'}: no such file or folder.", _nearest(path))


def _folder(folder: Path) -> _Found:
    found = _sorted_out(_entries(folder, set()))
    if not found.files:
        known = f"{', '.join(SUFFIXES)} (text also with {' or '.join(COMPRESSIONS)} behind it)"
        holds = _listed([str(path.relative_to(folder)) + "/" * _is_folder(path) for path in found.others])
        raise SourceUnreadable(
            f"{folder}: no file in this folder ends in {known}.", f"It holds {holds or 'nothing'}. Name the files."
        )
    return found


def _glob(pattern: str) -> _Found:
    """Files that match, and what stands in folders ``name=value`` that do."""
    matches = sorted(map(Path, glob.glob(pattern, recursive=True)))  # noqa: PTH207  (Path.glob takes no absolute pattern)
    files = [path for path in matches if not _is_folder(path)]
    seen: set[str] = set()
    inside = [entry for path in matches if _is_folder(path) and is_partition(path) for entry in _entries(path, seen)]
    found = _sorted_out(inside)
    if not files and not found.files:
        raise SourceUnreadable(f"{pattern}: no file matches.", _nearest(Path(pattern)))
    return _Found(sorted({*files, *found.files}), found.others)


def _entries(folder: Path, seen: set[str]) -> Iterator[Path]:
    """What is in ``folder`` and, in place of themselves, in its folders ``name=value``.

    ``seen`` are real paths: a link that leads upwards ends there.
    """
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        entries = [(entry, _is_folder(entry)) for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise SourceUnreadable(f"{folder}: cannot be listed: {error.strerror}.", "Check its permissions.") from error
    for entry, is_folder in sorted(entries):
        if is_folder and is_partition(entry):
            yield from _entries(entry, seen)
        else:
            yield entry


def _sorted_out(entries: Iterator[Path] | list[Path]) -> _Found:
    found = _Found([], [])
    for path in entries:
        is_meant = looks_usable(path) and not _is_folder(path)
        (found.files if is_meant else found.others).append(path)
    return found


def _is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder. What may not be looked at is none, and is refused when it is read."""
    return os.path.isdir(path)  # noqa: PTH112  (Path.is_dir raises there)


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def _shown(path: Path) -> str:
    return f"{path}{'/' if _is_folder(path) else ''}"


def _nearest(path: Path) -> str:
    parent = path.parent
    try:
        names = [entry.name for entry in parent.iterdir()]
    except OSError:
        return f"The folder {parent} does not exist or cannot be listed."
    close = get_close_matches(path.name, names, n=1, cutoff=0.5)
    return f"Did you mean {parent / close[0]}?" if close else f"Nothing in {parent} has a name like it."
