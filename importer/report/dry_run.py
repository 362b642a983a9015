"""What a dry run says beyond the report of a run: which targets are filled, and when the events were."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from importer.report.printable import one_line
from importer.report.times import RETENTION_MONTHS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.report.figures import Coverage
    from importer.report.report import Report
    from importer.report.times import Times

_HOURS = 24
_BARS = " ▁▂▃▄▅▆▇█"
_YEARS_A_LINE = 5
_LISTED_MONTHS = 6
_DIGITS_OF_YEAR = 4


def dry_run_lines(report: Report) -> Iterator[str]:
    """Coverage by target and the times; nothing without events."""
    if report.coverage.events:
        yield from _coverage(report.coverage)
        yield from _times(report.times)


def _coverage(coverage: Coverage) -> Iterator[str]:
    yield ""
    yield "Targets with a value"
    shares = [(one_line(target), count, of) for target, count, of in coverage.shares()]
    width = max(len(target) for target, _, _ in shares)
    for target, count, of in shares:
        inside = " of the entries" if "[]" in target else ""
        yield f"{count:>16,}  {target:{width}}  {count / of if of else 0:7.1%}{inside}"


def _times(times: Times) -> Iterator[str]:
    if not times.events:
        return
    yield ""
    yield f"When events were, in {times.timezone}"
    years = Counter[str]()
    for month, count in times.by_month.items():
        years[month[:_DIGITS_OF_YEAR]] += count
    counted = [f"{year} {count:>12,}" for year, count in sorted(years.items())]
    for start in range(0, len(counted), _YEARS_A_LINE):
        yield "  by year         " + "   ".join(counted[start : start + _YEARS_A_LINE])
    most = max(times.by_hour.values())
    bars = "".join(_BARS[-(-(len(_BARS) - 1) * times.by_hour[hour] // most)] for hour in range(_HOURS))
    yield f"  by hour       0 {bars} 23"
    if gaps := _empty_months(times):
        more = f" and {len(gaps) - _LISTED_MONTHS} more" if len(gaps) > _LISTED_MONTHS else ""
        yield f"  no event in     {', '.join(gaps[:_LISTED_MONTHS])}{more}"
    if times.older:
        share = times.older / times.events
        yield f"{times.older:>16,}  events ({share:.1%}) are from more than {RETENTION_MONTHS} months ago: the vendor"
        yield f"{'':>18}keeps conversions for {RETENTION_MONTHS} months unless your contract says otherwise. Ask first."


def _empty_months(times: Times) -> list[str]:
    """The months without an event between the first and the last that have one."""
    present = sorted(times.by_month)
    year, month = map(int, present[0].split("-"))
    gaps = []
    while (name := f"{year:04}-{month:02}") < present[-1]:
        if name not in times.by_month:
            gaps.append(name)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)  # noqa: PLR2004 -- December
    return gaps
