"""One source key for all tests, and a search for it in everything that they leave behind.

The key has characters that change in a URL, in JSON and in HTML. ``conftest.py`` searches, for each test, the files of
its folder, what it printed and logged, and what its processes wrote. Files that a test itself writes the key into have
names that begin with ``key`` or ``oracle``: a key file, and what an independent server saw.
"""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from pathlib import Path

SOURCE_KEY = "f00d-key/with+odd_chars&=é"
_OF_THE_TEST = ("key", "oracle")


def spellings(key: str) -> set[bytes]:
    """The bytes of ``key``, as they are and in every encoding that somebody may have put them into."""
    raw, urls = key.encode(), (quote(key, safe=""), quote(key), quote_plus(key))
    texts = {key, *urls, *map(str.lower, urls), html.escape(key), ascii(key)[1:-1]}
    texts |= {json.dumps(key)[1:-1], json.dumps(key).replace("/", r"\/")[1:-1], raw.hex(), raw.hex().upper()}
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")[(offset * 8 + 5) // 6 : -1]
        texts |= {coded, coded.translate(str.maketrans("+/", "-_"))}
    return {text.encode() for text in texts} | {key.encode("latin-1"), key.encode("utf-16-le")}


_LARGEST_BYTES = 64 * 1024 * 1024  # larger ones are made by tests of size, and are sparse
_SPELLINGS = spellings(SOURCE_KEY)


def shows_key(data: bytes | str) -> bool:
    """Whether the source key of the tests stands somewhere in ``data``."""
    searched = data.encode(errors="surrogateescape") if isinstance(data, str) else data
    return any(spelling in searched for spelling in _SPELLINGS)


def files_with_key(folder: Path) -> list[Path]:
    """The files below ``folder`` that show the key in their bytes or in their names."""
    return [file for file in folder.rglob("*") if _is_searched(file) and _shows_key(file)]


def _is_searched(file: Path) -> bool:
    return not file.name.startswith(_OF_THE_TEST) and not file.is_symlink()


def _shows_key(file: Path) -> bool:
    is_small = file.is_file() and file.stat().st_size <= _LARGEST_BYTES
    return shows_key(file.name) or (is_small and shows_key(file.read_bytes()))
