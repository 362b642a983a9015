"""The importer from Python: what the command line does, as functions that return a report.

They may be called anywhere: in a notebook, within a running event loop, in a thread. No signal handler is touched, no
environment variable is read, nothing is printed.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from importer import pipeline
from importer.errors import ImporterError, Interrupted, UsageInvalid
from importer.frames import Encoded, encode_frame
from importer.mapping.document import Document, load_document, parse_document
from importer.mapping.nearest import did_you_mean
from importer.profiles import PROFILES
from importer.report import Report, Snapshot
from importer.settings import DEFAULT_URL, Destination, RejectLimit, RetryPolicy, RunSettings, Secret
from importer.wire import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import polars as pl
    import pyarrow as pa

    from importer.report import Progress

__all__ = ["Encoded", "Options", "PathLike", "encode", "load_mapping", "retry", "run", "validate"]

PathLike = str | os.PathLike[str]
STATE_FOLDER = ".importer"
_SANDBOX = "sandbox"
_NO_FILE = "mapping-without-a-file"
_POSITIVE = ("requests_per_second", "concurrency", "limit", "max_item_bytes", "max_body_bytes")


class Options(TypedDict, total=False):
    """Options of :func:`validate`, :func:`run` and :func:`retry`, with the meaning of those of the command line.

    ``max_rejects`` is a number of rows, or a share such as ``RejectLimit(0.5, is_percentage=True)``. ``retry`` is how
    long a destination that is down is waited for. The other fields are those of :class:`importer.settings.RunSettings`.
    """

    endpoint: str
    requests_per_second: float | None
    concurrency: int | None
    state_dir: PathLike | None
    rejects: PathLike | None
    limit: int | None
    max_rejects: RejectLimit | int | None
    test_code: str | None
    again: bool
    max_item_bytes: int | None
    max_body_bytes: int | None
    retry: RetryPolicy
    accept_incomplete_groups: bool


def load_mapping(mapping: PathLike | Document) -> Document:
    """The mapping in a file, or in a text: whatever has a newline in it is a text. A document is returned as it is.

    >>> load_mapping("version: 1\\nevent: refund\\nkey: id\\nfields: {user.id: u, context.event_timestamp: t}").name
    'mapping'

    Raises:
        UsageInvalid: there is no such file.
        MappingInvalid: the mapping has problems; ``problems`` lists all of them, each with line and column.
    """
    if isinstance(mapping, Document):
        return mapping
    text = os.fspath(mapping)
    return parse_document(text, "mapping") if "\n" in text else load_document(Path(text))


def validate(
    mapping: PathLike | Document,
    sources: PathLike | Iterable[PathLike],
    *,
    progress: Progress | None = None,
    stop: Stop | None = None,
    **options: Unpack[Options],
) -> Report:
    """The dry run: every row of ``sources`` (files, folders, globs) becomes the bytes that a run would send.

    Nothing is sent and no state is kept. ``rows``, ``events``, ``reject_codes``, ``warnings`` and ``digest`` of the
    report are those of the run. ``progress.update`` is called a few times a second, in this thread.

    Raises:
        ImporterError: what stopped it; its ``report`` has what was done until then. Rejected rows raise nothing.
    """
    settings, report, stop = _settings(options), Report(), stop or Stop()
    return _reported(report, lambda: _validate(load_mapping(mapping), sources, settings, report, progress, stop))


def _validate(
    document: Document,
    sources: PathLike | Iterable[PathLike],
    settings: RunSettings,
    report: Report,
    progress: Progress | None,
    stop: Stop,
) -> None:
    planned = pipeline.plan(document, _named(sources), settings)
    pipeline.validate(planned, report, progress or _Silent(), stop)


def run(
    mapping: PathLike | Document,
    sources: PathLike | Iterable[PathLike],
    *,
    site: str | None = None,
    source_key: str | None = None,
    url: str = DEFAULT_URL,
    proxy: str | None = None,
    ca_file: PathLike | None = None,
    sandbox: bool = False,
    progress: Progress | None = None,
    stop: Stop | None = None,
    **options: Unpack[Options],
) -> Report:
    """Import ``sources`` (files, folders, globs) into ``site``. The same call resumes what was interrupted.

    What identifies the import is the file of the mapping, ``url``, ``site`` and ``test_code``, in the state directory:
    ``state_dir``, or ``.importer`` beside the mapping. A mapping that is a text has no file, and needs ``state_dir``:
    then the directory stands for it.

    ``sandbox`` imports into a local collect server that lives as long as the call; ``site`` and ``source_key`` are not
    needed then. ``stop.request()``, from any thread, ends the run gracefully. So does Ctrl-C in the main thread: it
    raises KeyboardInterrupt when all requests under way have their answer. ``progress.update`` is called a few times a
    second, in another thread.

    Raises:
        ImporterError: what stopped it; its ``report`` has what was done until then, and ``exit_code`` is that of the
            command line. Rejected rows raise nothing: look at ``report.rows.rejected``.
    """

    def plan(document: Document, _destination: Destination, _directory: Path, settings: RunSettings) -> pipeline.Plan:
        return pipeline.plan(document, _named(sources), settings)

    where = _Where(site, source_key, url, proxy, ca_file, sandbox=sandbox)
    return _import(mapping, plan, where, _settings(options), progress, stop or Stop())


def retry(
    mapping: PathLike | Document,
    rejects: PathLike,
    *,
    site: str | None = None,
    source_key: str | None = None,
    url: str = DEFAULT_URL,
    proxy: str | None = None,
    ca_file: PathLike | None = None,
    sandbox: bool = False,
    progress: Progress | None = None,
    stop: Stop | None = None,
    **options: Unpack[Options],
) -> Report:
    """Send the rows that the rejects file ``rejects`` names and that are good now, with the ids of a first run.

    All other arguments are as for :func:`run`, and have to name the import that wrote the file. What is rejected again
    is in ``report.rejects``, a new file beside it; ``report.overall`` is the balance of the whole import.

    Raises:
        ImporterError: as :func:`run`; SourceUnreadable also for the rejects of another import.
    """

    def plan(document: Document, destination: Destination, directory: Path, settings: RunSettings) -> pipeline.Plan:
        return pipeline.plan_retry(document, Path(rejects), destination, directory, settings)

    where = _Where(site, source_key, url, proxy, ca_file, sandbox=sandbox)
    return _import(mapping, plan, where, _settings(options), progress, stop or Stop())


def encode(frame: pl.DataFrame | pa.Table, mapping: PathLike | Document, **options: Unpack[Options]) -> Encoded:
    """The events that a run would make of the rows of ``frame``, if they stood in a Parquet file.

    With ``group_by`` the rows of an event may stand anywhere in the frame; all of it is grouped in memory.

    >>> import polars as pl
    >>> mapping = "version: 1\\nevent: refund\\nkey: id\\nfields: {user.id: u, context.event_timestamp: t}"
    >>> frame = pl.DataFrame({"id": [7], "u": ["anna"], "t": ["2026-01-02T03:04:05Z"]})
    >>> encode(frame, mapping).rejects
    ()

    Raises:
        MappingInvalid: the mapping has problems, by itself or with these columns.
        UsageInvalid: its ``key`` is ``position``, and a frame is no file in which a row could have one.
        SourceUnreadable: the frame lacks a column that is mapped.
    """
    return encode_frame(frame, load_mapping(mapping), _settings(options))
