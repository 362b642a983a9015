"""Text encodings: raw bytes of a file in, UTF-8 out, and the way back to an offset in the file.

Bytes that are not valid in the encoding become lone surrogates (U+DC00 plus the byte) which are then written like any
other character. The result is not valid UTF-8 at exactly these places, so that one check finds the broken records of
every encoding, and nothing is ever replaced by U+FFFD.
"""

from __future__ import annotations

import codecs
import re
from difflib import get_close_matches
from typing import Protocol

from importer.errors import UsageInvalid

UTF8 = "utf-8"
BOM = codecs.BOM_UTF8
_KEEP = "importer.keep"
_KEPT = re.compile("[\udc00-\udcff]")
_HALF = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
_COMMON = ("utf-8", "utf-16", "latin-1", "cp1252", "iso-8859-15", "mac-roman", "cp1250", "cp1251", "shift-jis", "gbk")
# A byte means something else depending on what came before it, so that no offset but the first can be resumed from.
_STATEFUL = ("utf-7", "iso2022", "hz", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "unicode-escape")


def _keep(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_KEEP, _keep)


def canonical(name: str) -> str:
    """The one name of an encoding.

    Raises:
        UsageInvalid: Python does not know it, or a file in it cannot be resumed in the middle.
    """
    try:
        found = codecs.lookup(name).name
        "a".encode(found)
    except (LookupError, UnicodeError) as error:
        close = get_close_matches(name.lower(), _COMMON, n=1)
        hint = f"Did you mean `{close[0]}`?" if close else f"Common ones: {', '.join(_COMMON)}."
        raise UsageInvalid(f"`encoding: {name}` is not known.", hint) from error
    if found.startswith(_STATEFUL):
        raise UsageInvalid(f"`encoding: {name}` cannot be read in blocks.", "Convert the file to UTF-8 (`iconv`).")
    return UTF8 if found == "utf-8-sig" else found


def is_wide(name: str | None) -> bool:
    """Whether the encoding takes two or four bytes for every character."""
    return name is not None and canonical(name).startswith(("utf-16", "utf-32"))


def with_byte_order(name: str, head: bytes) -> str:
    """``utf-16`` and ``utf-32`` with the byte order that the first bytes of the file show; others as they are."""
    if name not in {"utf-16", "utf-32"}:
        return name
    big = head.startswith((codecs.BOM_UTF16_BE, b"\0"))  # a header begins with ASCII
    return f"{name}-{'be' if big else 'le'}"


class ByteStream(Protocol):
    """The part of a binary file that is needed to read text."""

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes, none at the end only."""
        ...

    def seek(self, offset: int, /) -> int:
        """Go on at a byte offset."""
        ...

    def tell(self) -> int:
        """The offset of what :meth:`read` gives next."""
        ...


class TextStream:
    """A binary file read as UTF-8, from any offset at which a character starts."""

    def __init__(self, handle: ByteStream, encoding: str) -> None:
        self._handle = handle
        self._encoding = encoding
        self._decoder: codecs.IncrementalDecoder | None = None
        if encoding != UTF8:
            self._decoder = codecs.getincrementaldecoder(encoding)(errors=_KEEP)

    def seek(self, offset: int) -> None:
        """Go on at a byte offset of the raw file."""
        self._handle.seek(offset)
        if self._decoder:
            self._decoder.reset()

    def read(self, size: int) -> bytes:
        """UTF-8 of about ``size`` raw bytes; empty at the end of the file only."""
        decoder = self._decoder
        if decoder is None:
            return self._handle.read(size)
        while raw := self._handle.read(size):
            if text := decoder.decode(raw):
                return text.encode(UTF8, "surrogatepass")
        return decoder.decode(b"", final=True).encode(UTF8, "surrogatepass")

    @property
    def offset(self) -> int:
        """Byte offset in the raw file of what :meth:`read` gives next."""
        return self._handle.tell() - (len(self._decoder.getstate()[0]) if self._decoder else 0)

    def raw_length(self, utf8: bytes) -> int:
        """The number of raw bytes that gave ``utf8``."""
        if self._decoder is None:
            return len(utf8)
        text = utf8.decode(UTF8, "surrogatepass")
        valid = _KEPT.sub("", text)
        return len(text) - len(valid) + len(valid.encode(self._encoding))

    def shown(self, utf8: bytes) -> str:
        r"""``utf8`` as text for people, raw bytes that are not valid written as ``\x..``.

        It may have been cut anywhere: half a character at the end, which no decoder gives, is left out.
        """
        if self._decoder is not None:
            utf8 = _HALF.sub(b"", utf8)
        errors = _KEEP if self._decoder is None else "surrogatepass"
        return _KEPT.sub(lambda kept: f"\\x{ord(kept[0]) - 0xDC00:02x}", utf8.decode(UTF8, errors))
