"""The report of a run, in the form of ``--json``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from importer.errors import ExitCode, Imbalance, ImporterError
from importer.records import DIGEST_BITS, DIGEST_MODULUS
from importer.report.figures import Coverage, Example, Findings, RowRange, SizeHistogram, Snapshot
from importer.report.times import Times

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from importer.records import Ack, Span

_STATUS = {
    ExitCode.INVALID: "invalid",
    ExitCode.SOURCE: "invalid",
    ExitCode.REFUSED: "refused",
    ExitCode.SIGINT: "interrupted",
    ExitCode.SIGTERM: "interrupted",
}


@dataclass(slots=True)
class Rows:
    """Source rows by fate. All that were ``read`` or are known have exactly one of the others.

    ``skipped`` had their fate from an earlier run; ``pending`` have none yet.
    """

    read: int = 0
    sent: int = 0
    filtered: int = 0
    rejected: int = 0
    duplicate: int = 0
    skipped: int = 0
    pending: int = 0

    @property
    def settled(self) -> int:
        """Rows that got their fate in this run."""
        return self.sent + self.filtered + self.rejected + self.duplicate


@dataclass(slots=True)
class Events:
    """Events by answer. ``resent`` were, or after a crash may have been, sent more than once."""

    accepted: int = 0
    rejected: int = 0
    resent: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """What stopped the run: name of the error, what happened, what to do."""

    type: str
    message: str
    hint: str


@dataclass(slots=True)
class Report:
    """What a run did. One part of the run writes each field; printers only read.

    ``max_body_bytes`` is the limit that the fill is measured against. ``bytes_sent`` and ``requests`` count attempts,
    ``batches`` and ``body_bytes`` what had to be sent, each batch once. ``digest`` is that of the sources of this run,
    earlier runs included. ``continued_rows`` are what earlier runs did of the sources that this run continued, and
    ``rejected_earlier`` those of them that were rejected, ``accepted_earlier`` their events that were accepted;
    ``rejected_untold`` are what runs rejected that were killed before they could say so. ``doubtful`` are rows that
    this run may have sent, and leaves without a recorded answer, ``ambiguous`` those that earlier runs left so.
    ``waiting`` counts copies of files that are unfinished; ``is_limited`` says that a limit of events left rows unread.
    ``oldest_ms`` and ``newest_ms`` are the first and the last ``context.event_timestamp`` of the events that were
    encoded, in milliseconds since 1970 (UTC). ``overall`` is the balance of the whole import, with all its runs and
    replays: rows, sent, filtered, rejected, duplicate. ``coverage`` and ``times`` are about the events that were
    encoded; ``personal`` are those ``warnings`` that are personal data where none is declared.
    ``copied_rows`` are those ``duplicate`` rows that nobody read, because their file has the bytes of another one.
    ``notes`` say what was guessed before, ``mapping_warnings`` what looks odd in the mapping. ``forecast_seconds`` is
    how long a run takes at least, after a dry run. ``without_consent`` are those of the filtered rows of this run whose
    users had not agreed to all of ``consent``, the categories that the mapping requires.
    """

    max_body_bytes: int = 0
    rows: Rows = field(default_factory=Rows)
    events: Events = field(default_factory=Events)
    warnings: Findings = field(default_factory=Findings)
    reject_codes: Findings = field(default_factory=Findings)
    sizes: SizeHistogram = field(default_factory=SizeHistogram)
    requests: int = 0
    retries: int = 0
    batches: int = 0
    body_bytes: int = 0
    bytes_sent: int = 0
    seconds: float = 0.0
    digest: int = 0
    rejected_earlier: int = 0
    rejected_untold: int = 0
    accepted_earlier: int = 0
    continued_rows: int = 0
    waiting: int = 0
    checkpoint: Path | None = None
    rejects: Path | None = None
    exit_code: int = ExitCode.DONE
    error: Failure | None = None
    doubtful: list[Span] = field(default_factory=list)
    ambiguous: list[RowRange] = field(default_factory=list)
    is_limited: bool = False
    oldest_ms: int | None = None
    newest_ms: int | None = None
    overall: dict[str, int] | None = None
    coverage: Coverage = field(default_factory=Coverage)
    times: Times = field(default_factory=Times)
    personal: set[str] = field(default_factory=set)
    copied_rows: int = 0
    notes: list[str] = field(default_factory=list)
    mapping_warnings: list[str] = field(default_factory=list)
    forecast_seconds: float | None = None
    without_consent: int = 0
    consent: tuple[str, ...] = ()

    def begin(self, max_body_bytes: int, notes: Iterable[str], mapping_warnings: Iterable[str]) -> None:
        """Take over what was decided and said before the first row."""
        self.max_body_bytes = max_body_bytes
        self.notes, self.mapping_warnings = list(notes), list(mapping_warnings)

    def settle(self, ack: Ack, resent: int = 0) -> None:
        """Every row of ``ack.batch`` has its fate; ``resent`` of its events were sent before."""
        batch, rejects = ack.batch, ack.rejects
        accepted = batch.count - len(ack.refused)
        rejected = len({(reject.source, reject.number) for reject in rejects})
        duplicate = sum(batch.duplicates.values())
        self.rows.sent += sum(span.rows for span in batch.spans) - batch.filtered - duplicate - rejected
        self.rows.filtered += batch.filtered
        self.rows.duplicate += duplicate
        self.without_consent += batch.without_consent
        self.rows.rejected += rejected
        self.events.accepted += accepted
        self.events.rejected += len(ack.refused)
        self.events.resent += resent
        self.digest = (self.digest + ack.digest) % DIGEST_MODULUS
        for reject in rejects:
            example = Example((reject.source, reject.row), reject.file, reject.message)
            self.reject_codes.note(reject.code, [example])

    def pack(self, body_bytes: int) -> None:
        """A batch with a body of ``body_bytes`` is to be sent."""
        self.batches += 1
        self.body_bytes += body_bytes

    def conclude(self, error: BaseException | None = None) -> None:
        """Set exit code and error from what stopped the run; 3 only if nothing did and rows were rejected."""
        if error is None:
            rejected = self.rows.rejected + self.rejected_before
            self.exit_code = ExitCode.ROWS_REJECTED if rejected else ExitCode.DONE
        elif isinstance(error, ImporterError):
            self.exit_code = error.exit_code
            self.error = Failure(type(error).__name__, error.message, error.hint)
        else:
            self.exit_code = ExitCode.BUG
            self.error = Failure(type(error).__name__, str(error), "This is a bug of the importer.")

    @property
    def rejected_before(self) -> int:
        """Rows that earlier runs rejected, and of which this one has to speak."""
        return max(self.rejected_earlier, self.rejected_untold)

    def balance(self) -> None:
        """Raise :class:`Imbalance` unless every row has exactly one fate."""
        rows = self.rows
        fates = rows.settled + rows.skipped + rows.pending
        if fates != rows.read or min(asdict(rows).values()) < 0:
            parts = ", ".join(f"{name} {count:,}" for name, count in asdict(rows).items())
            raise Imbalance(f"{rows.read:,} rows were read, but {fates:,} have a fate: {parts}.", _BUG_HINT)

    @property
    def status(self) -> str:
        """``complete``, ``incomplete``, ``refused``, ``interrupted``, ``nothing_new`` or ``invalid``."""
        if self.exit_code not in {ExitCode.DONE, ExitCode.ROWS_REJECTED}:
            return _STATUS.get(ExitCode(self.exit_code), "incomplete")
        if self.rows.pending or self.is_limited or self.waiting:
            return "incomplete"
        return "complete" if self.rows.settled or not self.rows.skipped else "nothing_new"

    @property
    def ambiguous_rows(self) -> int:
        """How many rows ``ambiguous`` has."""
        return sum(span.last - span.first + 1 for span in self.ambiguous)

    @property
    def fill(self) -> float | None:
        """Mean share of the largest body that was used, from 0 to 1; ``None`` without batches."""
        return self.body_bytes / (self.batches * self.max_body_bytes) if self.batches and self.max_body_bytes else None

    def snapshot(self, rows_total: int | None) -> Snapshot:
        """How far the run is, of ``rows_total``."""
        done = self.rows.settled + self.rows.skipped
        return Snapshot(done, rows_total, self.events.accepted, self.rows.rejected)

    def to_json(self) -> dict[str, Any]:
        """The object of ``--json``. Fields are only ever added."""
        return {
            "status": self.status,
            "exit_code": int(self.exit_code),
            "rows": asdict(self.rows),
            "events": asdict(self.events),
            "warnings": {rule: finding.count for rule, finding in self.warnings.most_frequent()},
            "requests": self.requests,
            "retries": self.retries,
            "bytes_sent": self.bytes_sent,
            "seconds": round(self.seconds, 3),
            "digest": f"{self.digest:0{DIGEST_BITS // 4}x}",
            "checkpoint": str(self.checkpoint) if self.checkpoint else None,
            "rejects": str(self.rejects) if self.rejects else None,
            "error": asdict(self.error) if self.error else None,
            "reject_codes": {code: finding.to_json() for code, finding in self.reject_codes.most_frequent()},
            "warning_examples": {
                rule: [example.to_json() for example in finding.examples]
                for rule, finding in self.warnings.most_frequent()
            },
            "sizes": self.sizes.to_json(),
            "batches": self.batches,
            "fill": round(self.fill, 4) if self.fill is not None else None,
            "rejected_earlier": self.rejected_before,
            "overall": self.overall,
            "warning_values": {
                rule: dict(finding.values.most_common())
                for rule, finding in self.warnings.most_frequent()
                if finding.values
            },
            "body_bytes": self.body_bytes,
            "forecast_seconds": None if self.forecast_seconds is None else round(self.forecast_seconds, 3),
            "notes": self.notes,
            "mapping_warnings": self.mapping_warnings,
            "coverage": self.coverage.to_json(),
            "times": {"oldest_ms": self.oldest_ms, "newest_ms": self.newest_ms, **self.times.to_json()},
            "filtered": {"consent": self.without_consent},
            "ambiguous": {
                "rows": self.ambiguous_rows,
                "ranges": [span._asdict() for span in self.ambiguous],
                "left": sum(span.rows for span in self.doubtful),
            },
        }

    def render_json(self) -> str:
        """The object of ``--json`` on one line of ASCII, without its newline."""
        return json.dumps(self.to_json(), allow_nan=False)


_BUG_HINT = "This is a bug of the importer. Nothing is lost: run the same command to go on, and report it."
