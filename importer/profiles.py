"""Endpoints as data. What differs between single and batch stands here and nowhere else.

Facts: the vendor's page on the HTTP Tracking API. One event: 32KB a request. Batch: ``{"batch": [...]}``, 500KB a
request and 32KB an event. The page does not say whether a KB is 1000 or 1024 bytes, so the smaller reading is the
default. It advises at most 500 requests a second and documents two answers: 200, and 400 for invalid JSON or a
request that is too large. All other answers are judged by what HTTP says about them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.records import Batch, Response

MAX_ITEM_BYTES = 32_000
MAX_BODY_BYTES = 500_000
MAX_ITEMS = 2_000
ADVISED_REQUESTS_PER_SECOND = 500.0


class Action(Enum):
    """What the sender does next."""

    ACCEPT = "accept"
    SPLIT = "split"
    RETRY = "retry"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The meaning of one response.

    ``reason`` is for the user and safe to print; ``hint`` says what to check. ``code`` is a stable word for machines.
    ``retry_after_seconds`` is what the server asked for, uncapped, ``None`` when it asked for nothing usable.
    ``ambiguous``: the events may have been stored although the answer is a failure.
    """

    action: Action
    reason: str = ""
    hint: str = ""
    code: str = ""
    retry_after_seconds: float | None = None
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Framing:
    """How events become a body: ``prefix``, events joined by ``separator``, ``suffix``."""

    prefix: bytes
    separator: bytes
    suffix: bytes

    def body_bytes(self, batch: Batch) -> int:
        """The size of the body that ``batch`` becomes."""
        events = sum(piece.body_bytes for piece in batch.pieces)
        return len(self.prefix) + events - len(self.separator) + len(self.suffix)


@dataclass(frozen=True, slots=True)
class EndpointProfile:
    """An endpoint: where requests go, how a body is framed, its limits, and how an answer is read.

    ``path`` is appended to the base URL; ``site_parameter`` and ``key_parameter`` name the query parameters that
    carry site id and source key. Limits are in bytes of UTF-8, envelope and separators included.
    """

    name: str
    method: str
    path: str
    site_parameter: str
    key_parameter: str
    framing: Framing
    max_item_bytes: int
    max_body_bytes: int
    max_items: int
    requests_per_second: float
    concurrency: int
    verdict: Callable[[Response, datetime], Verdict]


_ACCEPT = Verdict(Action.ACCEPT)
_ACCEPTED = {HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT}
_SPLIT = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
_RETRY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_HINTS = {
    401: "Check the source key in IMPORTER_SOURCE_KEY.",
    403: "Check the source key and that it belongs to the site of --site.",
    404: "Check --url. If single events work and batches do not, try --endpoint single.",
    407: "The proxy wants credentials. Check --proxy.",
}
_EXCERPT_CHARACTERS = 200


def collect_verdict(response: Response, now: datetime) -> Verdict:
    """The meaning of an answer of the collect API at the time ``now`` (aware; for ``Retry-After`` dates)."""
    status = response.status
    is_page = "html" in response.headers.get("content-type", "").lower() or _looks_like_html(response.text)
    if status in _ACCEPTED and not is_page:
        return _ACCEPT
    code = f"http_{status}"
    if status in _ACCEPTED:
        hint = "Something between here and the API answers with a page. Check --url and any proxy."
        return Verdict(Action.REFUSE, f"{status} with an HTML page instead of the API's answer", hint, code)
    if status in _SPLIT:
        return Verdict(Action.SPLIT, _reason(response), code=code)
    if status in _RETRY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = retry_after_seconds(response.headers.get("retry-after"), now)
        # 429 says that nothing was processed; a server that fails may have stored the events before it did.
        ambiguous = status != HTTPStatus.TOO_MANY_REQUESTS
        return Verdict(Action.RETRY, _reason(response), code=code, retry_after_seconds=wait, ambiguous=ambiguous)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        hint = "Redirects are never followed, because they lose the body. Put the final address into --url."
        return Verdict(Action.REFUSE, f"{status} redirect", hint, code)
    hint = _HINTS.get(status, "This is no answer that the API documents. Check --url.")
    return Verdict(Action.REFUSE, _reason(response), hint, code)


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, ``None`` if it is unusable.

    RFC 9110 knows whole seconds and HTTP dates. Fractions and exponents are understood too: a server that writes
    ``1e9`` wants to be left alone.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        return _seconds_until(value, now)
    return seconds if seconds >= 0 else None  # neither negative nor NaN


def printable(text: str, limit: int = _EXCERPT_CHARACTERS) -> str:
    """The beginning of a foreign text on one line, without anything that could steer a terminal or a log."""
    cleaned = "".join(character if character.isprintable() else " " for character in text[: 4 * limit])
    words = " ".join(cleaned.split())
    return words if len(words) <= limit else words[: limit - 1] + "…"


def _seconds_until(http_date: str, now: datetime) -> float | None:
    try:
        when = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):  # the latter for a year of twenty digits
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max((when - now).total_seconds(), 0.0)


def _looks_like_html(text: str) -> bool:
    return text.lstrip("\ufeff \t\r\n").lower().startswith(("<!doctype html", "<html"))


def _reason(response: Response) -> str:
    """Status, its standard phrase and what the server said about it."""
    try:
        said = f"{response.status} {HTTPStatus(response.status).phrase}"
    except ValueError:
        said = f"{response.status} (no standard status)"
    excerpt = "an HTML page" if _looks_like_html(response.text) else printable(response.text)
    return f"{said}: {excerpt}" if excerpt else said


BATCH = EndpointProfile(
    name="batch",
    method="POST",
    path="/events/batch",
    site_parameter="tc_s",
    key_parameter="token",
    framing=Framing(prefix=b'{"batch":[', separator=b",", suffix=b"]}"),
    max_item_bytes=MAX_ITEM_BYTES,
    max_body_bytes=MAX_BODY_BYTES,
    max_items=MAX_ITEMS,
    requests_per_second=ADVISED_REQUESTS_PER_SECOND,
    concurrency=16,
    verdict=collect_verdict,
)

SINGLE = EndpointProfile(
    name="single",
    method="POST",
    path="/events",
    site_parameter="tc_s",
    key_parameter="token",
    framing=Framing(prefix=b"", separator=b"", suffix=b""),
    max_item_bytes=MAX_ITEM_BYTES,
    max_body_bytes=MAX_ITEM_BYTES,
    max_items=1,
    requests_per_second=ADVISED_REQUESTS_PER_SECOND,
    concurrency=64,
    verdict=collect_verdict,
)

PROFILES = {profile.name: profile for profile in (BATCH, SINGLE)}
