"""What the server saw: counters that cost nothing to keep, and the exact tally beside them. No I/O."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importer.sandbox.body import Parsed
    from importer.sandbox.store import Tally

MAX_NAMES = 100
LAST_EVENTS = 20
NO_ANSWER = "none"
OTHER_NAMES = "(other names)"
NO_NAME = "(no event_name)"


class Received:
    """Counters over all requests to ``/events`` and ``/events/batch`` since the start or the last reset. Bounded."""

    def __init__(self) -> None:
        self.requests = 0
        self.answers: Counter[str] = Counter()
        self.events = 0
        self.bytes = 0
        self.largest_body_bytes = 0
        self.largest_event_bytes = 0
        self.warnings: Counter[str] = Counter()
        self.not_stored: Counter[str] = Counter()
        self.names: Counter[str] = Counter()
        self.last_events: deque[bytes] = deque(maxlen=LAST_EVENTS)
        self.most_requests_in_one_second = 0
        self._last_second: deque[float] = deque()
        self._batches = 0
        self._batch_fill = 0.0

    def arrived(self, now: float) -> None:
        """Count a request whose headers were read at ``now`` (monotonic seconds). Windows are [t, t + 1)."""
        self.requests += 1
        window = self._last_second
        window.append(now)
        while now - window[0] >= 1.0:
            window.popleft()
        self.most_requests_in_one_second = max(self.most_requests_in_one_second, len(window))

    def read(self, body_bytes: int) -> None:
        """Count a body that came in whole, whatever is answered to it."""
        self.bytes += body_bytes
        self.largest_body_bytes = max(self.largest_body_bytes, body_bytes)

    def stored(self, parsed: Parsed) -> None:
        """Count what a stored request held."""
        self.not_stored += parsed.not_stored
        self.events += len(parsed.events)
        for event in parsed.events:
            name = event.name or NO_NAME
            self.names[name if name in self.names or len(self.names) < MAX_NAMES else OTHER_NAMES] += 1
            self.largest_event_bytes = max(self.largest_event_bytes, len(event.body))
        self.last_events.extend(event.body for event in parsed.events[-LAST_EVENTS:])

    def filled(self, fill: float) -> None:
        """Count a stored batch whose body took the share ``fill`` of its limit."""
        self._batches += 1
        self._batch_fill += fill

    def to_json(self, tally: Tally) -> dict[str, Any]:
        """Everything as ``GET /received`` says it. ``tally`` may be older than the counters: see ``counted_events``."""
        return {
            "requests": self.requests,
            "answers": dict(self.answers),
            "events": self.events,
            "counted_events": tally.events,
            "unique_ids": tally.unique_ids,
            "repeats": tally.repeats,
            "without_id": tally.without_id,
            "distinct": tally.distinct,
            "conflicts": tally.conflicts,
            "digest": f"{tally.digest:032x}",
            "bytes": self.bytes,
            "largest_body_bytes": self.largest_body_bytes,
            "largest_event_bytes": self.largest_event_bytes,
            "mean_batch_fill": round(self._batch_fill / self._batches, 4) if self._batches else None,
            "most_requests_in_one_second": self.most_requests_in_one_second,
            "warnings": dict(self.warnings),
            "not_stored": dict(self.not_stored),
            "events_by_name": dict(self.names),
            "last_events": [event.decode() for event in reversed(self.last_events)],
        }
