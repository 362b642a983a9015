"""What arrived at a server. Standard library only."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(slots=True)
class Arrivals:
    """Requests and the bytes of their bodies.

    ``first`` is when the first one was complete (seconds since 1970, 0 if there was none). ``marked`` counts how often
    the bodies have the marker that the server was given: so many events, if each has it once.
    """

    requests: int = 0
    bytes: int = 0
    marked: int = 0
    most_in_a_second: int = 0
    first: float = 0.0
    _recent: deque[float] = field(default_factory=deque)

    def add(self, body_bytes: int, now: float, marked: int = 0) -> None:
        """Count one complete request that arrived at ``now`` (seconds since 1970)."""
        self.first = self.first or now
        self.requests += 1
        self.bytes += body_bytes
        self.marked += marked
        self._recent.append(now)
        while self._recent[0] <= now - 1:
            self._recent.popleft()
        self.most_in_a_second = max(self.most_in_a_second, len(self._recent))

    @classmethod
    def of_log(cls, log: Path) -> Arrivals:
        """What a log with the lines ``TIME BYTES`` says."""
        arrivals = cls()
        with log.open() as lines:
            for line in lines:
                now, body_bytes = line.split()
                arrivals.add(int(body_bytes), float(now))
        return arrivals
