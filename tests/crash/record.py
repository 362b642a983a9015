"""What arrived at the oracle: the form of its record, how a body is taken apart, and how the record is read back.

Shares no code with the importer.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import xxhash

if TYPE_CHECKING:
    from pathlib import Path

_BATCH_HEAD = re.compile(r'\s*\{\s*"batch"\s*:\s*\[')
_BATCH_TAIL = re.compile(r"\s*\]\s*\}\s*")
_COMMA = re.compile(r"\s*,\s*")
_DIGEST_BYTES = 16


class Event(NamedTuple):
    """One event as it arrived. ``order_id`` is its root ``id``; for the hashes see :func:`parse`."""

    event_id: str
    order_id: str
    bytes: int
    bytes_hash: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request: ``at`` in monotonic seconds, when its head was there; ``bytes`` of its body.

    ``status`` is what it was answered with, 0 where no whole answer was given. ``events`` were kept if it ``stored``
    them, and only understood if not. ``fault`` names what was done to it on purpose. ``under_way`` counts the requests
    that were there and had no answer when this one came, itself included.
    """

    at: float
    bytes: int
    query: str
    status: int
    events: tuple[Event, ...]
    stored: bool
    fault: str
    under_way: int

    @property
    def is_acknowledged(self) -> bool:
        """Whether the client was told that its events were taken."""
        return 200 <= self.status < 300


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice in an object")
    return members


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)


def content_hash(event: dict[str, Any]) -> str:
    """SHA-256 of what a receiver would store: an event without ``context.event_id``, whatever the order of members."""
    context = {name: value for name, value in event["context"].items() if name != "event_id"}
    text = json.dumps({**event, "context": context}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def parse(path: str, body: bytes) -> list[Event]:
    """The events of a body, each with the SHA-256 of the very bytes in which it came and of its content.

    Raises:
        ValueError: The body is not strict JSON in the shape that ``path`` asks for.
        KeyError: An event lacks its id, or has no order id.

    """
    text = body.decode()
    if path.startswith("/events/batch"):
        return _batch(text)
    if path.startswith("/events"):
        return [_event(text, _DECODER.decode(text))]
    raise ValueError(f"no such path: {path}")


def _batch(text: str) -> list[Event]:
    head = _BATCH_HEAD.match(text)
    if not head:
        raise ValueError("no batch")
    events, position = [], head.end()
    while True:
        value, end = _DECODER.raw_decode(text, position)
        events.append(_event(text[position:end], value))
        comma = _COMMA.match(text, end)
        if not comma:
            break
        position = comma.end()
    if not _BATCH_TAIL.fullmatch(text, end):
        raise ValueError("something stands behind the batch")
    return events


def _event(text: str, value: dict[str, Any]) -> Event:
    raw = text.encode()
    return Event(
        event_id=value["context"]["event_id"],
        order_id=value["id"],
        bytes=len(raw),
        bytes_hash=xxhash.xxh3_128_hexdigest(raw),
        content_hash=content_hash(value),
    )


class Record:
    """What arrived until now, read from the oracle's file; :meth:`refresh` reads what came since."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._offset = 0
        self.arrivals: list[Arrival] = []

    def refresh(self) -> Record:
        """Read the lines that are complete, and return this record."""
        with self.file.open("rb") as file:
            file.seek(self._offset)
            read = file.read()
        complete = read[: read.rfind(b"\n") + 1]
        self._offset += len(complete)
        for line in complete.splitlines():
            members = json.loads(line)
            members["events"] = tuple(Event(*event) for event in members["events"])
            self.arrivals.append(Arrival(**members))
        return self

    @property
    def events(self) -> list[Event]:
        """Every event that was kept, repeats included, whether its request was answered or not."""
        return [event for arrival in self.arrivals if arrival.stored for event in arrival.events]

    @property
    def acknowledged(self) -> list[Event]:
        """Every event that was kept and whose request was answered 2xx, repeats included."""
        told = (arrival for arrival in self.arrivals if arrival.stored and arrival.is_acknowledged)
        return [event for arrival in told for event in arrival.events]

    def struck(self, fault: str = "") -> list[Arrival]:
        """The requests to which ``fault``, or any, was done."""
        return [arrival for arrival in self.arrivals if arrival.fault and fault in {"", arrival.fault}]

    def fired(self) -> Counter[str]:
        """How often each fault was done to a request."""
        return Counter(arrival.fault for arrival in self.arrivals if arrival.fault)

    def times_by_id(self) -> Counter[str]:
        """How often each event id arrived."""
        return Counter(event.event_id for event in self.events)

    def repeats(self) -> int:
        """Arrivals beyond the first one of each id."""
        return len(self.events) - len(self.times_by_id())

    def digest(self) -> int:
        """Sum modulo 2^128 of the XXH3 of each distinct event's bytes."""
        hashes = {event.event_id: event.bytes_hash for event in self.events}
        heads = (int.from_bytes(bytes.fromhex(value)[:_DIGEST_BYTES], "big") for value in hashes.values())
        return sum(heads) % (1 << 8 * _DIGEST_BYTES)

    def usual_in_a_second(self) -> float:
        """The median number of requests that arrived in a second, over all seconds that begin with an arrival."""
        times = sorted(arrival.at for arrival in self.arrivals)
        whole = [start for start in times if start + 1 <= times[-1]]
        return median(bisect_left(times, start + 1) - index for index, start in enumerate(whole))
