"""Typed settings of a run: what options and environment come down to. Standard library only."""

from __future__ import annotations

import base64
import html
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from importer.profiles import ADVISED_REQUESTS_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEFAULT_URL = "https://collect.commander1.com"
SITE_VARIABLE = "IMPORTER_SITE"
SOURCE_KEY_VARIABLE = "IMPORTER_SOURCE_KEY"
CREDENTIAL_MARKS = frozenset("@?")
"""A URL with one of these may carry a password or a key, also where a parser does not find it: ``http://me:a/b@host``."""


_PERCENT = 100
_RECOGNISABLE_CHARACTERS = 6
"""What a shorter secret is in base64 or hexadecimal could stand in any text."""


class Secret:
    """A text that cannot be printed by accident: only :meth:`reveal` gives it, and only the transport calls that."""

    __slots__ = ("_pattern", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._pattern = re.compile("|".join(map(re.escape, _spellings(text))), re.IGNORECASE)

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def conceal(self, text: str) -> str:
        """``text`` without the secret, also where it stands there as JSON, in a URL, in HTML, in base64 or in hex."""
        return self._pattern.sub("…", text) if self._text else text

    def __repr__(self) -> str:
        return "Secret('…')"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")

    def __bool__(self) -> bool:
        return bool(self._text)


def _spellings(text: str) -> list[str]:
    """``text`` as others may write it, the longest first: one may be the beginning of another."""
    quoted = (quote(text, safe=""), quote(text), quote_plus(text))
    in_json = json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]
    escaped = (html.escape(text), ascii(text)[1:-1], *in_json, *(one.replace("/", r"\/") for one in in_json))
    encoded = (text.encode().hex(), *_in_base64(text.encode())) if len(text) >= _RECOGNISABLE_CHARACTERS else ()
    return sorted({text, *quoted, *escaped, *encoded}, key=len, reverse=True)


def _in_base64(data: bytes) -> Iterator[str]:
    """What all of base64 has in common that ``data`` is somewhere in: it may begin at any of three bytes."""
    for before, first in enumerate((0, 2, 3)):
        length = (before + len(data)) * 8 // 6
        coded = base64.b64encode(bytes(before) + data).decode()[first:length]
        yield from (coded, coded.replace("+", "-").replace("/", "_"))


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """``--max-rejects``: a number of rows, or a percentage of the rows read."""

    value: float
    is_percentage: bool = False

    @classmethod
    def parse(cls, text: str) -> RejectLimit:
        """``100`` or ``0.5%``. Raises ValueError for anything else."""
        number, is_percentage = float(text.removesuffix("%")), text.endswith("%")
        if number < 0 or (is_percentage and number > _PERCENT) or (not is_percentage and not number.is_integer()):
            raise ValueError(text)
        return cls(number, is_percentage)

    def exceeded(self, rejected: int, read: int) -> bool:
        """Whether ``rejected`` of ``read`` rows are more than the limit."""
        return rejected > (read * self.value / _PERCENT if self.is_percentage else self.value)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where events go. ``name`` is what makes an import distinct: the base URL, or ``sandbox``."""

    url: str
    site: str
    source_key: Secret
    name: str
    proxy: str | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long and how often. All in seconds.

    ``patience_seconds`` counts from the last usable answer of the destination; ``max_retry_after_seconds`` caps what a
    server may ask for; a backoff is drawn uniformly from 0 to
    min(``max_backoff_seconds``, ``base_backoff_seconds`` x 2^n).
    """

    base_backoff_seconds: float = 0.5
    max_backoff_seconds: float = 30.0
    patience_seconds: float = 900.0
    max_retry_after_seconds: float = 300.0
    connect_timeout_seconds: float = 10.0
    request_timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Everything that a run needs besides mapping, sources and destination.

    ``requests_per_second`` is ``None`` for "no limit" (only the sandbox and the benchmarks use that).
    ``limit`` bounds the number of events; ``test_code`` becomes the root property ``test_code`` of each event.
    ``accept_incomplete_groups``: a broken record, whose group nobody knows, does not stop a grouped import.
    ``strict``: what breaks a rule of the event reference is rejected, and personal data where none is declared stops
    the run. ``ambiguous`` says what to do with rows that were sent and whose answer never came: ``resend``, or ``stop``
    the run.
    """

    endpoint: str = "batch"
    requests_per_second: float | None = ADVISED_REQUESTS_PER_SECOND
    concurrency: int | None = None
    state_dir: Path | None = None
    rejects: Path | None = None
    limit: int | None = None
    max_rejects: RejectLimit | None = None
    test_code: str | None = None
    again: bool = False
    max_item_bytes: int | None = None
    max_body_bytes: int | None = None
    retry: RetryPolicy = RetryPolicy()
    accept_incomplete_groups: bool = False
    strict: bool = False
    ambiguous: str = "resend"
