"""Endpoints as data. What differs between single and batch stands here and nowhere else.

Facts: the vendor's page on the HTTP Tracking API. One event: 32KB a request. Batch: ``{"batch": [...]}``, 500KB a
request and 32KB an event. The page does not say whether a KB is 1000 or 1024 bytes, so the smaller reading is the
default. It advises at most 500 requests a second and documents two answers: 200, and 400 for invalid JSON or a
request that is too large. All other answers are judged by what HTTP says about them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus

from importer.records import Response

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

    ``retry_after_seconds`` is what the server asked for, uncapped, ``None`` when it asked for nothing usable.
    ``reason`` is a sentence for the user; ``hint`` says what to check.
    """

    action: Action
    reason: str = ""
    hint: str = ""
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Framing:
    """How events become a body: ``prefix``, events joined by ``separator``, ``suffix``."""

    prefix: bytes
    separator: bytes
    suffix: bytes


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


_ACCEPTED = {HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT}
_SPLIT = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
_RETRY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_HINTS = {
    401: "Check the source key in IMPORTER_SOURCE_KEY.",
    403: "Check the source key and that it belongs to the site of --site.",
    404: "Check --url. If single events work and batches do not, try --endpoint single.",
}


def collect_verdict(response: Response, now: datetime) -> Verdict:
    """The meaning of an answer of the collect API at the time ``now`` (aware; for ``Retry-After`` dates)."""
    status = response.status
    if status in _ACCEPTED:
        if "html" in response.headers.get("content-type", "").lower() or _looks_like_html(response.text):
            hint = "Something between here and the API answers with a page. Check --url and any proxy."
            return Verdict(Action.REFUSE, f"{status} with an HTML page instead of the API's answer", hint)
        return Verdict(Action.ACCEPT)
    if status in _SPLIT:
        return Verdict(Action.SPLIT, f"{status} {_phrase(status)}")
    if status in _RETRY or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = retry_after_seconds(response.headers.get("retry-after"), now)
        return Verdict(Action.RETRY, f"{status} {_phrase(status)}", retry_after_seconds=wait)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        hint = "Redirects are never followed, because they lose the body. Put the final address into --url."
        return Verdict(Action.REFUSE, f"{status} redirect", hint)
    hint = _HINTS.get(status, "This is no answer that the API documents. Check --url.")
    return Verdict(Action.REFUSE, f"{status} {_phrase(status)}", hint)


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks for (RFC 9110: seconds or an HTTP date), ``None`` if it is unusable."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max((when - now).total_seconds(), 0.0)


def _looks_like_html(text: str) -> bool:
    return text.lstrip().lower().startswith(("<!doctype html", "<html"))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(no standard status)"


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
