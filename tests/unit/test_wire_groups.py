"""What the belt gives is handed over in groups, soon enough also where nothing is sent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from fakes import make_batches

from importer.profiles import PROFILES
from importer.records import Batch, Reject, Span
from importer.report import Report
from importer.settings import RunSettings
from importer.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

MADE = 40


def wire_of(batches: Iterator[Batch]) -> Wire:
    plan = SimpleNamespace(settings=RunSettings(), profile=PROFILES["single"])
    anything = cast("Any", None)
    return Wire(
        cast("Any", plan),
        anything,
        cast("Any", SimpleNamespace(batches=lambda: batches)),
        anything,
        Report(),
        anything,
        anything,
        None,
    )


@pytest.mark.parametrize("is_rejected", [True, False])
def test_rows_without_events_do_not_wait_for_events(*, is_rejected: bool) -> None:
    made = []

    def batches() -> Iterator[Batch]:
        for number in range(MADE):
            reject = Reject(0, "f.csv", number + 1, 0, "mapping", "x", "y")
            made.append(number)
            yield Batch(number, (), (Span(0, number + 1, number + 2),), (reject,) if is_rejected else ())

    first = next(wire_of(batches())._groups())
    assert len(first) == len(made) < MADE / 2


def test_events_that_are_sent_alone_are_announced_many_at_a_time() -> None:
    sizes = [len(group) for group in wire_of(iter(make_batches(1_000, 1)))._groups()]
    assert sum(sizes) == 1_000
    assert min(sizes[:-1]) >= 100
