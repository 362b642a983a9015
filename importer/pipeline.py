"""The whole path of the data, and the only wiring: files -> batches in a thread, batches -> answers in the event loop.

    for each source: chunks -> encoder -> batcher (belt) -> announced -> bounded queue -> senders (wire) -> acknowledged

:func:`validate` runs the column half alone, to the same bytes. :func:`run` runs both.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.ack import AckWriter
from importer.beginning import outstanding
from importer.belt import Belt, personal_data_found
from importer.checkpoint import Checkpoint, ImportKey, overall, peek
from importer.dedupe import can_repeat, first_pass, ids_directory, note_repeats
from importer.duplicates import Identities
from importer.errors import DeliveryAmbiguous, Imbalance, ImporterError, StateUnusable
from importer.outstanding import everything
from importer.plan import Plan, plan
from importer.records import Ack
from importer.rejects import RejectsFile
from importer.replay import plan_replay
from importer.stop import Stop
from importer.wire import PROGRESS_SECONDS, Outside, Wire, check_destination, check_rejects, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from datetime import datetime

    from importer.mapping.document import Document
    from importer.outstanding import Outstanding
    from importer.report import Progress, Report
    from importer.settings import Destination, RunSettings

__all__ = ["Plan", "Stop", "is_known", "plan", "plan_retry", "run", "validate"]

WAKE_SECONDS = 0.1
REAL = Outside()
RESUME = "This is a bug of the importer. Nothing is lost: run the same command to go on, and report it."


def validate(
    plan: Plan, report: Report, progress: Progress, stop: Stop, *, now: Callable[[], datetime] = utc_now
) -> None:
    """The dry run: every row to the very bytes that a run would send, counted in ``report``; no state, no wire.

    Raises:
        ImporterError: what would stop the run.
    """
    started = time.monotonic()
    report.begin(plan.profile.max_body_bytes, plan.notes, plan.warnings)
    try:
        with everything(plan, progress, stop.check) as todo:
            todo.note(report)
            _dry_run(plan, todo, _milliseconds(now()), report, progress, stop)
    finally:
        report.seconds = time.monotonic() - started
    report.requests = report.batches
    report.balance()
    progress.update(report.snapshot(report.rows.read))
    if plan.settings.strict and report.personal:
        raise personal_data_found(report.warnings, report.personal)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _dry_run(plan: Plan, todo: Outstanding, now_ms: int, report: Report, progress: Progress, stop: Stop) -> None:
    left_out = first_pass(plan, todo, now_ms, report, progress, stop.check)
    with Identities(ids_directory(plan)) as identities:
        looks_for_repeats = left_out is None and can_repeat(plan.document.mapping)
        belt = Belt(plan, todo.works, now_ms, identities=identities if looks_for_repeats else None, left_out=left_out)
        _settle_all(plan, todo, belt, report, progress, stop)
        note_repeats(report, identities.repeats(), todo.works, is_left_out=False)


def _settle_all(plan: Plan, todo: Outstanding, belt: Belt, report: Report, progress: Progress, stop: Stop) -> None:
    """What would be sent, as if every request had been answered."""
    shown = time.monotonic()
    try:
        for batch in belt.batches():
            stop.check()
            report.settle(Ack(batch, batch.digest()))
            if batch.pieces:
                report.pack(plan.profile.framing.body_bytes(batch))
            if time.monotonic() - shown > PROGRESS_SECONDS:
                shown = time.monotonic()
                progress.update(report.snapshot(todo.total_rows))
    finally:
        belt.note(report)
        todo.settle_dry(belt.ended, report)
        report.rows.read = report.copied_rows + belt.rows_read
        report.rows.pending = report.rows.read - report.rows.settled


def is_known(plan: Plan, destination: Destination, state_dir: Path) -> bool:
    """Whether this mapping was ever imported into this destination from that state directory."""
    key = ImportKey(plan.document.path or Path(), destination.name, destination.site, plan.settings.test_code)
    return (state_dir / key.file_name()).exists()


def plan_retry(
    mapping: Path | Document, rejects: Path, destination: Destination, state_dir: Path, settings: RunSettings
) -> Plan:
    """The plan that sends the rows of the rejects file ``rejects`` that are good now: for :func:`run`.

    Raises:
        MappingInvalid: the mapping has problems.
        SourceUnreadable: the rejects are not of this import, or a file that they name has changed.
    """
    file = mapping if isinstance(mapping, Path) else mapping.path or Path()
    path = state_dir / ImportKey(file, destination.name, destination.site, settings.test_code).file_name()
    return plan_replay(mapping, rejects, peek(path) if path.exists() else None, settings)


def run(
    plan: Plan,
    destination: Destination,
    state_dir: Path,
    report: Report,
    progress: Progress,
    stop: Stop,
    *,
    outside: Outside = REAL,
) -> None:
    """Import what ``plan`` names and the checkpoint does not know as done; all that happened is in ``report``.

    Raises:
        ImporterError: what stopped the run. The checkpoint is true in every case, and the same call resumes.
    """
    started = time.monotonic()
    report.begin(plan.profile.max_body_bytes, plan.notes, plan.warnings)
    check_destination(plan, destination)
    key = ImportKey(plan.document.path or Path(), destination.name, destination.site, plan.settings.test_code)
    try:
        with Checkpoint(state_dir, key, outside.now) as checkpoint:
            report.checkpoint = checkpoint.path
            with _recorded(checkpoint, report, plan.settings):
                _import(plan, destination, checkpoint, report, progress, stop, outside)
    finally:
        report.seconds = time.monotonic() - started


@contextlib.contextmanager
def _recorded(checkpoint: Checkpoint, report: Report, settings: RunSettings) -> Iterator[None]:
    """Record how the run ended. What stopped it matters more than that this could not be written."""
    try:
        yield
        report.conclude()
        check_rejects(report, settings, at_end=True)
    except ImporterError as error:
        with contextlib.suppress(StateUnusable):
            checkpoint.end(int(error.exit_code), report.doubtful)
        raise
    checkpoint.end(int(report.exit_code))


def _import(
    plan: Plan,
    destination: Destination,
    checkpoint: Checkpoint,
    report: Report,
    progress: Progress,
    stop: Stop,
    outside: Outside,
) -> None:
    now_ms = _milliseconds(outside.now())
    todo = outstanding(plan, checkpoint, progress, stop.check)
    todo.note(report)
    report.ambiguous = todo.ambiguous(checkpoint)
    if report.ambiguous and plan.settings.ambiguous == "stop":
        report.rows.read = report.rows.skipped + report.copied_rows
        raise DeliveryAmbiguous(_in_doubt(report))
    continued = [source for source in todo.known if not source.complete]
    report.continued_rows = sum(source.acknowledged_rows for source in continued)
    report.rejected_earlier = sum(source.tally.rejected_rows for source in continued)
    report.rejected_untold = checkpoint.untold_rejects()
    report.accepted_earlier = sum(source.tally.accepted for source in continued)
    report.digest = checkpoint.total([source.number for source in todo.known]).digest
    path = plan.settings.rejects or checkpoint.path.with_suffix(".rejects.ndjson")
    rejects = RejectsFile(path, checkpoint.rejects_length(os.path.realpath(path)))
    report.rejects = rejects.path
    try:
        left_out = first_pass(plan, todo, now_ms, report, progress, stop.check, checkpoint)
    except BaseException:
        rejects.close()
        raise
    belt = Belt(plan, todo.works, now_ms, is_guarded=plan.settings.strict, left_out=left_out)
    try:
        with AckWriter(checkpoint, rejects, report) as writer:
            wire = Wire(plan, destination, belt, writer, report, progress, stop, todo.total_rows)
            _carry(wire.carry(outside), stop, outside)
    finally:
        rejects.close()
        belt.note(report)
        with contextlib.suppress(StateUnusable):  # it fails again when the end of the run is recorded
            todo.settle(checkpoint, report)
        report.rows.read = report.rows.skipped + report.copied_rows + belt.rows_read
        with contextlib.suppress(StateUnusable):  # what broke it is on its way to the user already
            report.rows.pending = _pending(checkpoint, belt)
            report.overall = overall(checkpoint.sources())._asdict()
            todo.remove_finished(checkpoint)
    report.balance()
    if report.is_limited:
        stop.check()
    else:
        _check_nothing_missing(checkpoint, belt, stop)


def _in_doubt(report: Report) -> str:
    where = f"{report.ambiguous[0]}{' and others' if len(report.ambiguous) > 1 else ''}"
    return f"{report.ambiguous_rows:,} rows at most were sent by an earlier run that saw no answer ({where})"


def _carry(work: Coroutine[Any, Any, None], stop: Stop, outside: Outside) -> None:
    """Do ``work`` in a thread of its own: the caller may be in an event loop already, as in a notebook."""
    with ThreadPoolExecutor(1, thread_name_prefix="importer-wire") as pool:
        carried = pool.submit(outside.run_loop, work)
        try:
            _await(carried)
        except KeyboardInterrupt:  # only where nobody handles the signal, as in a notebook
            stop.request(signal.SIGINT)
            _await(carried)  # what is under way gets its answer first


def _await(carried: Future[None]) -> None:
    """Wait for the end. Raises what ended it."""
    while not carried.done():  # Polars puts a handler around that of SIGINT, and then a signal does not end a wait
        wait([carried], WAKE_SECONDS)
    carried.result()


def _check_nothing_missing(checkpoint: Checkpoint, belt: Belt, stop: Stop) -> None:
    """A run that nothing stopped has settled every row of its sources; rows that nobody read would not unbalance it.

    A stop that was wished for when all was settled already stopped nothing.
    """
    for work in belt.works:
        if missing := checkpoint.missing(work.number):
            stop.check()
            gap = missing[0]
            raise Imbalance(f"{work.source.name}: rows from {gap.start:,} on were never read.", RESUME)


def _pending(checkpoint: Checkpoint, belt: Belt) -> int:
    """Rows that were read and have no fate in the checkpoint: counted there, so that the balance compares two books."""
    pending = 0
    for work in belt.works:
        read = belt.read_spans(work.number)
        missing = checkpoint.missing(work.number)
        pending += sum(
            max(0, min(gap.stop, span.stop) - max(gap.start, span.start)) for span in read for gap in missing
        )
    return pending
