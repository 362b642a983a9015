"""What was measured, in values that go to JSON and back. Standard library only."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = "events/s"
ROWS = "rows/s"
PEAKS = "MB"


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one contender.

    ``figure`` is what is compared, in the unit of its comparison. ``seconds`` and ``cpu_seconds`` (user and system) are
    of the whole process, start-up included. ``peak_bytes`` is its largest resident memory. What the server counted is
    in ``requests`` and ``sent_bytes`` (of bodies); both are 0 where nothing is sent.
    """

    figure: float
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    events: int = 0
    requests: int = 0
    sent_bytes: int = 0
    server_cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Ratio:
    """``one`` divided by ``other``, round by round. ``target`` is the least that is asked for."""

    one: str
    other: str
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, lowest and highest of several rounds."""

    median: float
    lowest: float
    highest: float


@dataclass(slots=True)
class Comparison:
    """Contenders that ran in turns: ``rounds`` has a sample of each, by name.

    ``unit`` is that of the figures. ``at_most`` are limits of figures by contender, ``notes`` what a reader
    has to know.
    """

    scenario: str
    title: str
    unit: str
    rounds: list[dict[str, Sample]]
    ratios: list[Ratio] = field(default_factory=list)
    at_most: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The contenders in the order in which they ran."""
        return list(self.rounds[0])

    def spread(self, name: str, of: Callable[[Sample], float] = lambda sample: sample.figure) -> Spread:
        """Median, lowest and highest of what ``of`` takes from the samples of a contender."""
        return _spread([of(samples[name]) for samples in self.rounds])

    def ratio(self, ratio: Ratio) -> Spread:
        """Of the figures, round by round: numbers of different rounds never stand in one ratio."""
        return _spread([samples[ratio.one].figure / samples[ratio.other].figure for samples in self.rounds])

    def cpu_ratio(self, ratio: Ratio) -> Spread | None:
        """The same of events by CPU second, which other work on the machine moves less; ``None`` without events."""
        pairs = [(samples[ratio.one], samples[ratio.other]) for samples in self.rounds]
        if not all(one.events and other.events for one, other in pairs):
            return None
        return _spread(
            [(one.events / one.cpu_seconds) / (other.events / other.cpu_seconds) for one, other in pairs],
        )

    def of_peaks(self, at_most: dict[str, float]) -> Comparison:
        """The same samples, with peaks of memory in MB (of 1,000,000 bytes) for figures."""
        rounds = [
            {name: replace(sample, figure=sample.peak_bytes / 1e6) for name, sample in samples.items()}
            for samples in self.rounds
        ]
        return Comparison(self.scenario, f"{self.title}: peak of memory", PEAKS, rounds, at_most=at_most)

    def to_json(self) -> dict[str, Any]:
        """All samples, and what is made of them."""
        summary = {name: asdict(self.spread(name)) for name in self.names}
        ratios = [asdict(ratio) | asdict(self.ratio(ratio)) for ratio in self.ratios]
        return asdict(self) | {"ratios": ratios, "summary": summary}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Comparison:
        """What :meth:`to_json` wrote."""
        return cls(
            scenario=document["scenario"],
            title=document["title"],
            unit=document["unit"],
            rounds=[{name: Sample(**sample) for name, sample in samples.items()} for samples in document["rounds"]],
            ratios=[Ratio(ratio["one"], ratio["other"], ratio["target"]) for ratio in document["ratios"]],
            at_most=document["at_most"],
            notes=document["notes"],
        )


def _spread(numbers: list[float]) -> Spread:
    return Spread(statistics.median(numbers), min(numbers), max(numbers))
