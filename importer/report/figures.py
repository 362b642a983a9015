"""Parts of a report that grow with the variety of what they see, never with its number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

_EXAMPLES = 3
_EXACT_BYTES = 1 << 16
_LONGEST_MESSAGE = 500


class Snapshot(NamedTuple):
    """How far a run is. ``rows_total`` is ``None`` while nobody knows it.

    ``phase`` names what is counted before events are sent, such as ``grouping``; each phase counts from its own start.
    """

    rows_done: int
    rows_total: int | None
    events: int
    rejected: int
    phase: str = ""


class Progress(Protocol):
    """Whatever shows progress."""

    def update(self, snapshot: Snapshot) -> None:
        """Show ``snapshot``; called a few times a second."""


class Example(NamedTuple):
    """A row that shows what was found. ``order`` is its source and row, for sorting."""

    order: tuple[int, int]
    file: str
    message: str

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"file": self.file, "row": self.order[1], "message": self.message}


@dataclass(slots=True)
class Finding:
    """How often something was found, and its first rows in the order of the sources."""

    count: int = 0
    examples: list[Example] = field(default_factory=list)

    def add(self, count: int, examples: Iterable[Example]) -> None:
        """Add ``count`` more, with some of their rows."""
        self.count += count
        self.examples = sorted({*self.examples, *examples})[:_EXAMPLES]

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"count": self.count, "examples": [example.to_json() for example in self.examples]}


class Findings(dict[str, Finding]):
    """Findings by a stable word: the code of a reject, the rule of a warning."""

    def note(self, code: str, examples: Iterable[Example], count: int = 1) -> None:
        """Count ``code``, with rows that show it."""
        short = [example._replace(message=example.message[:_LONGEST_MESSAGE]) for example in examples]
        self.setdefault(code, Finding()).add(count, short)

    def count(self, code: str, count: int) -> None:
        """Count ``code`` without a row that shows it; nothing for 0."""
        if count:
            self.setdefault(code, Finding()).count += count

    def merge(self, other: Findings) -> None:
        """Add all of ``other``."""
        for code, finding in other.items():
            self.setdefault(code, Finding()).add(finding.count, finding.examples)

    def most_frequent(self) -> list[tuple[str, Finding]]:
        """Codes and findings, the most frequent first."""
        return sorted(self.items(), key=lambda item: (-item[1].count, item[0]))


class SizeHistogram:
    """Sizes of events in bytes: exact quantiles below 64 KiB, and the largest always."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.largest = 0

    def add(self, sizes: Iterable[tuple[int, int]]) -> None:
        """Add pairs of a size in bytes and how many events have it."""
        for size, count in sizes:
            self._counts[min(size, _EXACT_BYTES)] += count
            self.largest = max(self.largest, size)

    def merge(self, other: SizeHistogram) -> None:
        """Add all of ``other``."""
        self._counts.update(other._counts)
        self.largest = max(self.largest, other.largest)

    def quantile(self, share: float) -> int:
        """The smallest size such that at least ``share`` of the events are not larger; 0 without events."""
        wanted, seen = share * self._counts.total(), 0
        for size, count in sorted(self._counts.items()):
            seen += count
            if seen >= wanted:
                return size if size < _EXACT_BYTES else self.largest
        return 0

    def to_json(self) -> dict[str, int]:
        """As JSON, in bytes."""
        return {"median": self.quantile(0.5), "p99": self.quantile(0.99), "largest": self.largest}
