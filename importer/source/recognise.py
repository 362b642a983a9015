"""What one file is: told by its name, checked against its first bytes."""

from __future__ import annotations

import stat
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import SourceUnreadable
from importer.source.compression import SUFFIXES as COMPRESSIONS
from importer.source.compression import Decompressed, compressed_with
from importer.source.encoding import is_wide
from importer.source.file import SourceFile
from importer.source.magic import HEAD_BYTES, foreign, is_parquet
from importer.source.opening import stamp_of
from importer.source.partitions import partitions_of

if TYPE_CHECKING:
    from importer.source.compression import Compression
    from importer.source.options import Format, SourceOptions

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_REFUSED_COMPRESSIONS = {".bz2", ".xz", ".zip", ".lz4"}
_UNPACK = "Decompress it first: Parquet is compressed in itself, and cannot be read from its beginning to its end."
_EMPTY = "A file needs at least a header. Was the export complete?"


def looks_usable(path: Path) -> bool:
    """Whether a file in a folder is meant. Compressed ones that are refused are, so that they are not passed over."""
    is_compressed = path.suffix.lower() in COMPRESSIONS.keys() | _REFUSED_COMPRESSIONS
    suffix = (Path(path.stem) if is_compressed else path).suffix.lower()
    return suffix in SUFFIXES and suffix != ".txt"  # that may be a read-me: such a file has to be named


def recognise(path: Path, options: SourceOptions) -> SourceFile:
    """The file at ``path``, ready to be read.

    Raises:
        SourceUnreadable: It is no regular file, is empty, or holds something else than its name or the mapping says.
    """
    head, compression, stamp = _head(path)
    named = COMPRESSIONS.get(path.suffix.lower())
    suffix = (Path(path.stem) if named else path).suffix.lower()
    suggested = options.format or SUFFIXES.get(suffix)
    partitions = partitions_of(path)
    if is_parquet(head):
        _refuse_if(compression is not None, f"{path}: is a Parquet file compressed with {compression}.", _UNPACK)
        _refuse_if(suggested == "csv", f"{path}: is a Parquet file, not CSV.", _other_format(options, "parquet"))
        return SourceFile(path, str(path), "parquet", None, partitions, stamp)
    if other := foreign(head, wide=is_wide(options.encoding)):
        inside = f" inside of {compression}" if compression else ""
        raise SourceUnreadable(f"{path}: is {other[0]}{inside}.", other[1])
    _refuse_if(suggested is None, f"{path}: its name does not say what it is.", _name_format(suffix))
    _refuse_if(suggested == "parquet", f"{path}: is not a Parquet file.", _other_format(options, "csv"))
    if named != compression:
        raise _misnamed(path, named, compression)
    return SourceFile(path, str(path), "csv", compression, partitions, stamp)


def _refuse_if(wrong: bool, message: str, hint: str) -> None:  # noqa: FBT001  (reads as a sentence)
    if wrong:
        raise SourceUnreadable(message, hint)


def _other_format(options: SourceOptions, actual: Format) -> str:
    if options.format:
        return f"The mapping declares `format: {options.format}` under `source`: correct it, or name other files."
    return f"Rename it, or declare `format: {actual}` under `source` in the mapping if that is what it is."


def _name_format(suffix: str) -> str:
    close = get_close_matches(suffix, [*SUFFIXES, *COMPRESSIONS], n=1)
    meant = f"Did you mean {close[0]}? " if close else ""
    return f"{meant}If it is text with separators, declare `format: csv` under `source` in the mapping."


def _misnamed(path: Path, named: Compression | None, found: Compression | None) -> SourceUnreadable:
    base = path.stem if named else path.name
    if found is None:
        return SourceUnreadable(
            f"{path}: is not compressed with {named} as its name says.",
            f"Some downloads decompress on their way: rename it to `{base}` then.",
        )
    suffix = next(suffix for suffix, compression in COMPRESSIONS.items() if compression == found)
    message = f"{path}: is compressed with {found}, and its name does not say so."
    return SourceUnreadable(message, f"Rename it to `{base}{suffix}`.")


def _head(path: Path) -> tuple[bytes, Compression | None, tuple[int, int, int]]:
    """The first bytes of the text, how the file is compressed by its own, and its stamp before they were read."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise SourceUnreadable(
                f"{path}: is not a regular file.", "Pipes and devices cannot be read twice: write the data to a file."
            )
        with path.open("rb") as handle:
            head = handle.read(HEAD_BYTES)
            _refuse_if(not head, f"{path}: is empty (0 bytes).", _EMPTY)
            if compression := compressed_with(head):
                handle.seek(0)
                head = Decompressed(handle, compression, str(path)).read(HEAD_BYTES)
                _refuse_if(not head, f"{path}: is empty: 0 bytes of text in {compression}.", _EMPTY)
    except OSError as error:
        raise SourceUnreadable(
            f"{path}: cannot be read: {error.strerror}.", "Check the path and permissions."
        ) from error
    return head, compression, stamp_of(found)
