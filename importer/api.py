"""The importer from Python: what the command line does, as functions that return a report.

They may be called anywhere: in a notebook, within a running event loop, in a thread. No signal handler is touched, no
environment variable is read, nothing is printed.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from importer import pipeline
from importer.errors import ExitCode, ImporterError, UsageInvalid
from importer.frames import Encoded, encode_frame
from importer.mapping.document import Document, load_document, parse_document
from importer.mapping.nearest import did_you_mean
from importer.plan import told_with_columns
from importer.profiles import BATCH, PROFILES
from importer.report import Report
from importer.sandbox.process import spawn
from importer.settings import CREDENTIAL_MARKS, DEFAULT_URL, Destination, RejectLimit, RetryPolicy, RunSettings, Secret
from importer.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import polars as pl
    import pyarrow as pa

    from importer.report import Progress, Snapshot

__all__ = ["Encoded", "Options", "PathLike", "encode", "load_mapping", "retry", "run", "validate"]

PathLike = str | os.PathLike[str]
STATE_FOLDER = ".importer"
_SANDBOX = "sandbox"
_NO_FILE = "mapping-without-a-file"
_POSITIVE = ("requests_per_second", "concurrency", "limit", "max_item_bytes", "max_body_bytes")


_TYPES: dict[str, type | tuple[type, ...]] = {
    "endpoint": str, "requests_per_second": (int, float), "concurrency": int, "limit": int, "test_code": str,
    "max_item_bytes": int, "max_body_bytes": int, "again": bool, "accept_incomplete_groups": bool, "strict": bool,
    "max_rejects": (RejectLimit, int, str), "state_dir": (str, os.PathLike), "rejects": (str, os.PathLike),
}  # fmt: skip


class Options(TypedDict, total=False):
    """Options of :func:`validate`, :func:`run` and :func:`retry`, with the meaning of those of the command line.

    ``max_rejects`` is a number of rows, or a share such as ``"0.5%"``. ``retry`` is how
    long a destination that is down is waited for. The other fields are those of :class:`importer.settings.RunSettings`.
    """

    endpoint: str
    requests_per_second: float | None
    concurrency: int | None
    state_dir: PathLike | None
    rejects: PathLike | None
    limit: int | None
    max_rejects: RejectLimit | int | str | None
    test_code: str | None
    again: bool
    max_item_bytes: int | None
    max_body_bytes: int | None
    retry: RetryPolicy
    accept_incomplete_groups: bool
    strict: bool
    ambiguous: str


def load_mapping(mapping: PathLike | Document) -> Document:
    r"""The mapping in a file, or in a text: whatever has a newline in it is a text. A document is returned as it is.

    >>> load_mapping("version: 1\nevent: refund\nkey: id\nfields: {user.id: u, context.event_timestamp: t}").name
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
    settings, report, stop, names = _settings(options), Report(), stop or Stop(), _named(sources)
    return _reported(report, lambda: _validate(mapping, names, settings, report, progress, stop))


def _validate(
    mapping: PathLike | Document,
    names: list[str],
    settings: RunSettings,
    report: Report,
    progress: Progress | None,
    stop: Stop,
) -> None:
    planned = pipeline.plan(_load_beside(mapping, names), names, settings)
    pipeline.validate(planned, report, progress or _Silent(), stop)


def run(  # noqa: PLR0913 -- keywords, named as the options of the command line
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
    names = _named(sources)

    def plan(document: Document, _destination: Destination, _directory: Path, settings: RunSettings) -> pipeline.Plan:
        return pipeline.plan(document, names, settings)

    where = _Where(site, source_key, url, proxy, ca_file, sandbox=sandbox)
    load = partial(_load_beside, mapping, names)
    return _import(load, plan, where, _settings(options), progress, stop or Stop())


def retry(  # noqa: PLR0913 -- as run
    mapping: PathLike | Document,
    rejects_file: PathLike,
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
    """Send the rows that ``rejects_file`` names and that are good now, with the ids of a first run.

    All other arguments are as for :func:`run`, and have to name the import that wrote the file. What is rejected again
    is in ``report.rejects``, by default a new file beside it; ``report.overall`` is the balance of the whole import.

    Raises:
        ImporterError: as :func:`run`; SourceUnreadable also for the rejects of another import.
    """

    def plan(document: Document, destination: Destination, directory: Path, settings: RunSettings) -> pipeline.Plan:
        return pipeline.plan_retry(document, Path(rejects_file), destination, directory, settings)

    where = _Where(site, source_key, url, proxy, ca_file, sandbox=sandbox)
    return _import(partial(load_mapping, mapping), plan, where, _settings(options), progress, stop or Stop())


def encode(
    frame: pl.DataFrame | pa.Table,
    mapping: PathLike | Document,
    *,
    test_code: str | None = None,
    max_item_bytes: int = BATCH.max_item_bytes,
) -> Encoded:
    r"""The events that a run would make of the rows of ``frame``, if they stood in a Parquet file.

    With ``group_by`` the rows of an event may stand anywhere in the frame; all of it is grouped in memory.
    ``test_code`` becomes the root property of that name; larger events than ``max_item_bytes`` are rejects.

    >>> import polars as pl
    >>> mapping = "version: 1\nevent: refund\nkey: id\nfields: {user.id: u, context.event_timestamp: t}"
    >>> frame = pl.DataFrame({"id": [7], "u": ["anna"], "t": ["2026-01-02T03:04:05Z"]})
    >>> encode(frame, mapping).rejects
    ()

    Raises:
        MappingInvalid: the mapping has problems, by itself or with these columns.
        UsageInvalid: its ``key`` is ``position``, and a frame is no file in which a row could have one.
        SourceUnreadable: the frame lacks a column that is mapped.
    """
    return encode_frame(frame, load_mapping(mapping), test_code, max_item_bytes)


def _load_beside(mapping: PathLike | Document, names: list[str]) -> Document:
    """The mapping. One that has problems is told with what the columns of its sources say about the rest of it."""
    with told_with_columns(names):
        return load_mapping(mapping)


class _Silent:
    """Shows no progress."""

    def update(self, snapshot: Snapshot) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class _Where:
    """The arguments that say where to import to."""

    site: str | None
    source_key: str | None = field(repr=False)
    url: str
    proxy: str | None
    ca_file: PathLike | None
    sandbox: bool

    def destination(self, stack: ExitStack) -> Destination:
        """The destination; a sandbox is started for the time of ``stack``. Raises UsageInvalid."""
        if self.sandbox:
            return Destination(stack.enter_context(spawn()), self.site or _SANDBOX, Secret("sandbox-key"), _SANDBOX)
        if not all(isinstance(text, str | None) for text in (self.site, self.source_key, self.url)):
            raise TypeError("site, source_key and url are texts")
        key = (self.source_key or "").strip()
        if not self.site or not key:
            missing = "site" if not self.site else "source_key"
            raise UsageInvalid(f"There is no {missing}.", f"Give {missing}=..., or sandbox=True to try the import.")
        if not key.isprintable() or " " in key:
            raise UsageInvalid("The source key contains blanks or control characters.", "Copy it again.")
        url = self.url.rstrip("/")
        if set(url) & CREDENTIAL_MARKS:  # the URL is part of the name of a file
            raise UsageInvalid("url must not carry credentials or a query.", "The key goes into source_key.")
        ca_file = Path(self.ca_file) if self.ca_file is not None else None
        return Destination(url, self.site, Secret(key), url, self.proxy, ca_file)


def _import(
    load: Callable[[], Document],
    plan: Callable[[Document, Destination, Path, RunSettings], pipeline.Plan],
    where: _Where,
    settings: RunSettings,
    progress: Progress | None,
    stop: Stop,
) -> Report:
    report = Report()

    def carry_out() -> None:
        nonlocal settings
        document, directory = _placed(load(), settings.state_dir)
        with ExitStack() as stack:
            destination = where.destination(stack)
            if where.sandbox:  # it starts empty, and takes what it gets
                settings = replace(settings, again=True)
            planned = plan(document, destination, directory, settings)
            pipeline.run(planned, destination, directory, report, progress or _Silent(), stop)

    return _reported(report, carry_out)


def _placed(document: Document, state_dir: Path | None) -> tuple[Document, Path]:
    """The document, with a path that stands for it where it has none, and the state directory. Raises UsageInvalid."""
    if document.path is not None:
        return document, state_dir or document.path.parent / STATE_FOLDER
    if state_dir is None:
        raise UsageInvalid(
            "A mapping without a file needs state_dir=..., where it is kept what was sent already.",
            "Name a directory for this import alone, or save the mapping to a file.",
        )
    return replace(document, path=state_dir / _NO_FILE), state_dir


def _reported(report: Report, carry_out: Callable[[], None]) -> Report:
    """The report of ``carry_out``, or what it raises, with the report."""
    try:
        carry_out()
    except ImporterError as error:
        report.conclude(error)
        error.report = report
        if error.exit_code == ExitCode.SIGINT:  # what Python programs know Ctrl-C by, and no loop swallows
            raise KeyboardInterrupt(error.message) from error
        raise
    report.conclude()
    return report


def _settings(options: Options) -> RunSettings:
    """The settings of ``options``. Raises TypeError for an unknown one, UsageInvalid for a value that cannot be."""
    values: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    _check_types(values)
    for name in _POSITIVE:
        if name in values and not values[name] > 0:
            raise UsageInvalid(f"{name} is {values[name]!r}, and has to be more than 0.")
    if (endpoint := values.get("endpoint", "batch")) not in PROFILES:
        raise UsageInvalid(f"There is no endpoint {endpoint!r}{did_you_mean(endpoint, PROFILES)}")
    if values.get("ambiguous", "resend") not in {"resend", "stop"}:
        raise UsageInvalid(f"ambiguous is {values['ambiguous']!r}: give 'resend' or 'stop'.")
    made: dict[str, Callable[[Any], Any]] = {"state_dir": Path, "rejects": Path, "max_rejects": _limit}
    return RunSettings(**{name: made[name](value) if name in made else value for name, value in values.items()})


def _check_types(values: dict[str, Any]) -> None:
    known = [item.name for item in fields(RunSettings)]
    for name, value in values.items():
        if name not in known:
            raise TypeError(f"there is no option {name!r}{did_you_mean(name, known)}")
        if not isinstance(value, _TYPES.get(name, object)):
            raise TypeError(f"{name} is {value!r}, which is {type(value).__name__}")


def _limit(value: RejectLimit | int | str) -> RejectLimit:
    if isinstance(value, RejectLimit):
        return value
    try:
        return RejectLimit.parse(str(value))
    except ValueError:
        raise UsageInvalid(f"max_rejects is {value!r}: give a number of rows, or a share such as '0.5%'.") from None


def _named(sources: PathLike | Iterable[PathLike]) -> list[str]:
    return [os.fspath(path) for path in ([sources] if isinstance(sources, str | os.PathLike) else sources)]
