"""Progress on stderr: one bar on a terminal, a plain line every ten seconds elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from importer.report import Progress, Snapshot

LINE_SECONDS = 10.0


class Silent:
    """Shows nothing."""

    def update(self, snapshot: Snapshot) -> None:
        """Ignore ``snapshot``."""


class Lines:
    """A line every ten seconds, for logs."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = clock() + LINE_SECONDS

    def update(self, snapshot: Snapshot) -> None:
        """Write a line if the last one is long enough ago."""
        if self._clock() >= self._next:
            self._next = self._clock() + LINE_SECONDS
            total = f" of {snapshot.rows_total:,}" if snapshot.rows_total is not None else ""
            click.echo(
                f"{snapshot.rows_done:,}{total} rows, {snapshot.events:,} events, {snapshot.rejected:,} rejected",
                err=True,
            )


class Bar:
    """One tqdm bar on stderr."""

    def __init__(self) -> None:
        from tqdm import tqdm

        self._bar = tqdm(unit=" rows", unit_scale=True, file=sys.stderr, dynamic_ncols=True, mininterval=0.2)
        self._is_started = False

    def update(self, snapshot: Snapshot) -> None:
        """Move the bar to ``snapshot``; what earlier runs did is where it starts."""
        self._bar.total = snapshot.rows_total
        if not self._is_started:
            self._bar.initial = snapshot.rows_done
            self._is_started = True
        self._bar.set_postfix(events=f"{snapshot.events:,}", rejected=f"{snapshot.rejected:,}", refresh=False)
        self._bar.update(snapshot.rows_done - self._bar.n)

    def close(self) -> None:
        """Leave the line of the terminal."""
        self._bar.close()


@contextmanager
def shown(*, quiet: bool) -> Iterator[Progress]:
    """The progress that fits where stderr goes."""
    if quiet:
        yield Silent()
    elif sys.stderr.isatty():
        bar = Bar()
        try:
            yield bar
        finally:
            bar.close()
    else:
        yield Lines()
