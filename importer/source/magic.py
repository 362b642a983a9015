"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

HEAD_BYTES = 4096

_TWICE = "It was compressed twice: decompress it once."
_EXPORT = "Export it as CSV (UTF-8) or Parquet."
_UTF16 = "If this is text, declare `encoding: utf-16` under `source` in the mapping."
_UTF32 = "If this is text, declare `encoding: utf-32` under `source` in the mapping."
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"PARE", "a Parquet file with an encrypted footer", "Export it without encryption."),
    (b"\x1f\x8b", "compressed with gzip", _TWICE),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _TWICE),
    (b"BZh", "compressed with bzip2", "Decompress it first (`bunzip2`)."),
    (b"\xfd7zXZ\x00", "compressed with xz", "Decompress it first (`unxz`)."),
    (b"\x04\x22\x4d\x18", "compressed with lz4", "Decompress it first (`unlz4`)."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Extract it first."),
    (b"Rar!", "a RAR archive", "Extract it first."),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (.xls)", _EXPORT),
    (b"%PDF", "a PDF document", _EXPORT),
    (b"ORC", "an ORC file", _EXPORT),
    (b"Obj\x01", "an Avro file", _EXPORT),
    (b"ARROW1", "an Arrow (Feather) file", _EXPORT),
    (b"SQLite format 3\x00", "a SQLite database", _EXPORT),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "Fetch the file with `git lfs pull`."),
    (b"\xff\xfe\x00\x00", "text in UTF-32", _UTF32),
    (b"\x00\x00\xfe\xff", "text in UTF-32", _UTF32),
    (b"\xff\xfe", "text in UTF-16", _UTF16),
    (b"\xfe\xff", "text in UTF-16", _UTF16),
)
_TAR, _TAR_OFFSET = b"ustar", 257
_MARKUP = (b"<!doctype html", b"<html", b"<?xml")


def is_parquet(head: bytes) -> bool:
    """Whether the first bytes are those of a Parquet file."""
    return head.startswith(b"PAR1")


def foreign(head: bytes, *, wide: bool) -> tuple[str, str] | None:
    """What ``head`` is when it is neither CSV nor Parquet: (what it is, what to do), else ``None``.

    ``wide`` says that an encoding of two or four bytes a character was declared, so that its signs are no surprise.
    """
    if archive := _archive(head):
        return archive
    for signature, what, hint in _SIGNATURES:
        if head.startswith(signature) and not (wide and hint in {_UTF16, _UTF32}):
            return what, hint
    if head.lstrip().lower().startswith(_MARKUP):
        return "an HTML or XML page", "Was a login or an error page saved in place of the export? Download it again."
    if head.lstrip().startswith((b'{"', b'[{"')):
        return "JSON", _EXPORT
    if not wide and _every_second_byte_is_zero(head):
        return "text in UTF-16 without a mark", "Declare `encoding: utf-16` under `source` in the mapping."
    return None


def _archive(head: bytes) -> tuple[str, str] | None:
    if head.startswith(_TAR, _TAR_OFFSET):
        return "a tar archive", "Extract it first (`tar -xf`)."
    if not head.startswith(b"PK\x03\x04"):
        return None
    if b"[Content_Types].xml" in head or b"xl/" in head:
        return "an Excel workbook (.xlsx)", _EXPORT
    if b"opendocument" in head:
        return "an OpenDocument file", _EXPORT
    return "a zip archive", "Extract it first."


def _every_second_byte_is_zero(head: bytes) -> bool:
    for first in (0, 1):
        sample = head[first:64:2]
        if len(sample) > 1 and not any(sample) and any(head[1 - first : 64 : 2]):
            return True
    return False
