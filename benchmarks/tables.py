"""Comparisons as text for a terminal or as Markdown. Standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.results import PEAKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.results import Comparison, Sample

BODY_LIMIT_BYTES = 500_000


class Column(NamedTuple):
    """A column beside the figures: the median of ``of``, formatted by ``form``; blank where it is 0."""

    heading: str
    of: Callable[[Sample], float]
    form: str


COLUMNS = (
    Column("MB/s", lambda sample: sample.sent_bytes / sample.seconds / 1e6, ",.1f"),
    Column("bytes an event", lambda sample: sample.sent_bytes / sample.events if sample.events else 0, ",.0f"),
    Column("CPU s", lambda sample: sample.cpu_seconds, ",.2f"),
    Column("CPU µs an event", lambda sample: sample.cpu_seconds / sample.events * 1e6 if sample.events else 0, ",.2f"),
    Column("peak MB", lambda sample: sample.peak_bytes / 1e6, ",.0f"),
    Column("events", lambda sample: sample.events, ",.0f"),
    Column("requests", lambda sample: sample.requests, ",.0f"),
    Column("server CPU s", lambda sample: sample.server_cpu_seconds, ",.2f"),
)


def as_text(comparison: Comparison) -> str:
    """A table with aligned columns, and what is said below it."""
    lines = list(_cells(comparison))
    widths = [max(len(cells[index]) for cells in lines) for index in range(len(lines[0]))]
    rows = [
        cells[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(cells[1:], widths[1:], strict=True))
        for cells in lines
    ]
    return "\n".join([f"{comparison.scenario}: {comparison.title}", *rows, *_below(comparison)])


def as_markdown(comparison: Comparison) -> str:
    """The same for a page."""
    heading, *rows = [f"| {' | '.join(cells)} |" for cells in _cells(comparison)]
    rule = "|---|" + "---:|" * (heading.count("|") - 2)
    below = [f"- {line}" for line in _below(comparison)]
    return "\n".join([f"### {comparison.scenario}: {comparison.title}", "", heading, rule, *rows, "", *below, ""])


def number(value: float) -> str:
    """Three digits that count, or all of those before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _cells(comparison: Comparison) -> Iterator[Sequence[str]]:
    columns = [
        column
        for column in COLUMNS
        if comparison.unit != PEAKS and any(column.of(sample) for one in comparison.rounds for sample in one.values())
    ]
    rounds = len(comparison.rounds)
    which = f"median of {rounds}" if rounds > 1 else "one round"
    yield [which, comparison.unit, "lowest", "highest", *(column.heading for column in columns)]
    for name in comparison.names:
        spread = comparison.spread(name)
        values = [(comparison.spread(name, column.of).median, column.form) for column in columns]
        figures = [number(value) for value in (spread.median, spread.lowest, spread.highest)]
        yield [name, *figures, *(f"{value:{form}}" if value else "" for value, form in values)]


def _below(comparison: Comparison) -> Iterator[str]:
    for ratio in comparison.ratios:
        spread, by_cpu = comparison.ratio(ratio), comparison.cpu_ratio(ratio)
        text = f"{ratio.one} / {ratio.other}: {spread.median:.2f} (in single rounds {spread.lowest:.2f} to "
        text += f"{spread.highest:.2f}" + (f"; by CPU time {by_cpu.median:.2f})" if by_cpu else ")")
        if ratio.target is not None:
            text += f"; target at least {ratio.target:g}: {verdict(spread.median >= ratio.target)}"
        yield text
    for name, limit in comparison.at_most.items():
        is_met = comparison.spread(name).median <= limit
        yield f"{name}: target at most {number(limit)} {comparison.unit}: {verdict(is_met)}"
    yield from comparison.notes


def verdict(is_met: bool) -> str:  # noqa: FBT001 -- one argument that says all
    """Whether a target is met."""
    return "met" if is_met else "MISSED"
