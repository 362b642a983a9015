"""Parts of a report that grow with the variety of what they see, never with its number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_EXAMPLES = 3
_EXACT_BYTES = 1 << 16
_LONGEST_MESSAGE = 500
_COUNTED_VALUES, _LISTED_VALUES = 1_000, 100


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


class RowRange(NamedTuple):
    """Rows of a file, or of a stage of several; ``last`` is one of them."""

    file: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.file}: rows {self.first:,} to {self.last:,}"


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
    """How often something was found, and its first rows in the order of the sources.

    ``values`` counts the values that it was found in, where that helps. If there are more than a thousand different
    ones, some are left out, and the counts of the others may be too low. ``valid`` are the values that would have been
    right.
    """

    count: int = 0
    examples: list[Example] = field(default_factory=list)
    values: Counter[str] = field(default_factory=Counter)
    valid: tuple[str, ...] = ()

    def add(self, count: int, examples: Iterable[Example], values: Mapping[str, int] | None = None) -> None:
        """Add ``count`` more, with some of their rows."""
        self.count += count
        self.examples = sorted({*self.examples, *examples})[:_EXAMPLES]
        for value, times in (values or {}).items():
            if value in self.values or len(self.values) < _COUNTED_VALUES:
                self.values[value] += times

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        values = {"values": dict(self.values.most_common(_LISTED_VALUES))} if self.values else {}
        return {"count": self.count, "examples": [example.to_json() for example in self.examples], **values}


class Findings(dict[str, Finding]):
    """Findings by a stable word: the code of a reject, the rule of a warning."""

    def note(
        self,
        code: str,
        examples: Iterable[Example],
        count: int = 1,
        values: Mapping[str, int] | None = None,
        valid: tuple[str, ...] = (),
    ) -> None:
        """Count ``code``, with rows that show it."""
        short = [example._replace(message=example.message[:_LONGEST_MESSAGE]) for example in examples]
        self.setdefault(code, Finding(valid=valid)).add(count, short, values)

    def count(self, code: str, count: int) -> None:
        """Count ``code`` without a row that shows it; nothing for 0."""
        if count:
            self.setdefault(code, Finding()).count += count

    def merge(self, other: Findings) -> None:
        """Add all of ``other``."""
        for code, finding in other.items():
            self.setdefault(code, Finding(valid=finding.valid)).add(finding.count, finding.examples, finding.values)

    def most_frequent(self) -> list[tuple[str, Finding]]:
        """Codes and findings, the most frequent first."""
        return sorted(self.items(), key=lambda item: (-item[1].count, item[0]))


class Coverage:
    """How many events have a value at each target; inside a list, how many of its entries.

    ``filled`` is by target (``items[].id``), ``entries`` by list (``items``).
    """

    def __init__(self) -> None:
        self.events = 0
        self.filled: Counter[str] = Counter()
        self.entries: Counter[str] = Counter()

    def add(self, events: int, filled: Mapping[str, int], entries: Mapping[str, int]) -> None:
        """Add ``events`` more."""
        self.events += events
        self.filled.update(filled)
        self.entries.update(entries)

    def shares(self) -> Iterator[tuple[str, int, int]]:
        """Target, how often it has a value, and of how many events or entries; in the order of the mapping."""
        for target, count in self.filled.items():
            head, bracket, _ = target.partition("[]")
            yield target, count, self.entries[head] if bracket and head in self.entries else self.events

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            target: {"count": count, "share": round(count / of, 6) if of else None}
            for target, count, of in self.shares()
        }


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
