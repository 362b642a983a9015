"""Progress on stderr: one bar on a terminal, a plain line every ten seconds elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, NoReturn

from importer.cli.console import console, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tqdm import tqdm

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
            say("progress", _sentence(snapshot), **snapshot._asdict())


class Bar:
    """One tqdm bar on stderr at a time: each phase has its own, which starts at what earlier runs have done."""

    def __init__(self) -> None:
        self._bar: tqdm[NoReturn] | None = None
        self._phase = ""

    def update(self, snapshot: Snapshot) -> None:
        """Move the bar to ``snapshot``."""
        bar = self._bar
        if bar is None or snapshot.phase != self._phase:
            bar = self._begin(snapshot)
        bar.total = snapshot.rows_total
        bar.set_postfix(events=f"{snapshot.events:,}", rejected=f"{snapshot.rejected:,}", refresh=False)
        bar.update(snapshot.rows_done - bar.n)

    def close(self) -> None:
        """Leave the line of the terminal."""
        console.aside = nullcontext
        if self._bar is not None:
            self._bar.close()

    def _begin(self, snapshot: Snapshot) -> tqdm[NoReturn]:
        from tqdm import tqdm

        self.close()
        self._phase = snapshot.phase
        self._bar = tqdm(
            desc=snapshot.phase or None,
            total=snapshot.rows_total,
            initial=snapshot.rows_done,
            unit=" rows",
            unit_scale=True,
            file=sys.stderr,
            dynamic_ncols=True,
            mininterval=0.2,
        )
        console.aside = lambda: tqdm.external_write_mode(file=sys.stderr)
        return self._bar


class Named:
    """Progress of a phase that does not name itself."""

    def __init__(self, progress: Progress, phase: str) -> None:
        self._progress = progress
        self._phase = phase

    def update(self, snapshot: Snapshot) -> None:
        """Show ``snapshot`` under the name."""
        self._progress.update(snapshot._replace(phase=snapshot.phase or self._phase))


@contextmanager
def shown(*, quiet: bool) -> Iterator[Progress]:
    """The progress that fits where stderr goes."""
    if quiet:
        yield Silent()
    elif sys.stderr.isatty() and not console.is_json:
        bar = Bar()
        try:
            yield bar
        finally:
            bar.close()
    else:
        yield Lines()


def _sentence(snapshot: Snapshot) -> str:
    phase = f"{snapshot.phase}: " if snapshot.phase else ""
    total = f" of {snapshot.rows_total:,}" if snapshot.rows_total is not None else ""
    return f"{phase}{snapshot.rows_done:,}{total} rows, {snapshot.events:,} events, {snapshot.rejected:,} rejected"
