"""A request body becomes events with the exact bytes that stood in it, or a reason to refuse it. No I/O.

Nothing is serialised again: the body is walked with the JSON decoder, which tells where each event begins and ends.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn


@dataclass(frozen=True, slots=True)
class Limits:
    """The vendor's limits in bytes: 32KB an event (and a request of one), 500KB a batch request. KB read as 1000."""

    max_event_bytes: int = 32_000
    max_body_bytes: int = 500_000


class Event(NamedTuple):
    """One event: its bytes as sent, ``context.event_id`` (``None`` unless it is text), ``event_name`` (or ``""``)."""

    body: bytes
    id: str | None
    name: str


class Parsed(NamedTuple):
    """What a valid body holds: its events, and how often something in it was no event, by reason."""

    events: list[Event]
    not_stored: Counter[str]


class Refused(Exception):  # noqa: N818 - named by its consequence: the answer is 400
    """The body is invalid JSON or too large: the only two reasons for a 400. Nothing of it may be stored."""


class _Located(NamedTuple):
    start: int
    stop: int
    value: Any


def _no_constant(token: str) -> NoReturn:
    message = f"{token} is no JSON"
    raise ValueError(message)


# parse_int: int() refuses more than 4,300 digits, JSON does not. The value of a number is of no use here.
_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_int=float)
_SPACE = re.compile(r"[ \t\n\r]*")


def parse_single(body: bytes, limits: Limits) -> Parsed:
    """The event of a request to ``/events`` whose size was checked.

    Raises:
        Refused: the body is no valid JSON.
    """
    text = _text(body)
    try:
        located = _whole(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(error) from None
    return _events(body, text, [located], limits)


def parse_batch(body: bytes, limits: Limits) -> Parsed:
    """The events of a request to ``/events/batch`` whose size was checked, in order.

    Raises:
        Refused: the body is no valid JSON, or one event is over ``limits.max_event_bytes``.
    """
    text = _text(body)
    try:
        located = _batch(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(error) from None
    if located is None:
        return Parsed([], Counter({"the body has no list named batch": 1}))
    if not located:
        return Parsed([], Counter({"the batch is empty": 1}))
    return _events(body, text, located, limits)


def check_size(size_bytes: int, limit_bytes: int) -> None:
    """Raise :class:`Refused` for a body of more than ``limit_bytes``; a body of exactly the limit is fine."""
    if size_bytes > limit_bytes:
        raise Refused(f"payload too large: {size_bytes} bytes, the limit is {limit_bytes}")


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"invalid JSON: not UTF-8 at byte {error.start}") from None


def _invalid(error: Exception) -> Refused:
    if isinstance(error, RecursionError):
        return Refused("invalid JSON: nested deeper than this server reads")
    return Refused(f"invalid JSON: {error}")


def _events(body: bytes, text: str, located: list[_Located], limits: Limits) -> Parsed:
    ascii_only = len(text) == len(body)  # then places in the text are places in the bytes
    events, not_stored = [], Counter[str]()
    for start, stop, value in located:
        raw = body[start:stop] if ascii_only else text[start:stop].encode()
        if len(raw) > limits.max_event_bytes:
            raise Refused(f"event too large: {len(raw)} bytes, the limit is {limits.max_event_bytes}")
        if isinstance(value, dict):
            events.append(Event(raw, _event_id(value), _event_name(value)))
        else:
            not_stored["the event is not an object"] += 1
    return Parsed(events, not_stored)


def _event_id(event: dict[str, Any]) -> str | None:
    context = event.get("context")
    value = context.get("event_id") if isinstance(context, dict) else None
    return value if isinstance(value, str) and value else None


def _event_name(event: dict[str, Any]) -> str:
    value = event.get("event_name")
    return value if isinstance(value, str) else ""


def _whole(text: str) -> _Located:
    located = _value(text, 0)
    _end(text, located.stop)
    return located


def _batch(text: str) -> list[_Located] | None:
    """The items of the member ``batch``, ``None`` if there is no such list. Of several such members the last wins."""
    start = _skip(text, 0)
    if not text.startswith("{", start):
        _whole(text)
        return None
    items: list[_Located] | None = None
    position = _skip(text, start + 1)
    more = not text.startswith("}", position)
    while more:
        key = _value(text, position)
        if not isinstance(key.value, str):
            raise json.JSONDecodeError("Expecting property name", text, position)
        position = _skip(text, _expect(text, key.stop, ":"))
        if key.value != "batch":
            position = _value(text, position).stop
        elif text.startswith("[", position):
            items, position = _items(text, position + 1)
        else:
            items, position = None, _value(text, position).stop
        position = _skip(text, position)
        if more := text.startswith(",", position):
            position += 1
    _end(text, _expect(text, position, "}"))
    return items


def _items(text: str, position: int) -> tuple[list[_Located], int]:
    """The items of the list whose bracket was just read, and the place behind the closing one."""
    items: list[_Located] = []
    position = _skip(text, position)
    if text.startswith("]", position):
        return items, position + 1
    while True:
        item = _value(text, position)
        items.append(item)
        position = item.stop if text.startswith(",", item.stop) else _skip(text, item.stop)
        if not text.startswith(",", position):
            return items, _expect(text, position, "]")
        position += 1


def _value(text: str, position: int) -> _Located:
    start = _skip(text, position)
    value, stop = _DECODER.raw_decode(text, start)
    return _Located(start, stop, value)


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _expect(text: str, position: int, mark: str) -> int:
    position = _skip(text, position)
    if not text.startswith(mark, position):
        raise json.JSONDecodeError(f"Expecting {mark!r}", text, position)
    return position + 1


def _end(text: str, position: int) -> None:
    position = _skip(text, position)
    if position != len(text):
        raise json.JSONDecodeError("Extra data", text, position)
