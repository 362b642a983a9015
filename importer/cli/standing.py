"""Where an import stands, in one object for machines from which the text for people is written too."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.cli.destination import SANDBOX
from importer.errors import ExitCode, StateUnusable
from importer.settings import DEFAULT_URL

if TYPE_CHECKING:
    from importer.checkpoint import ImportStatus, KnownSource, RunRecord
    from importer.records import Span

STATE_FOLDER = ".importer"
MEANINGS: dict[int, str] = {
    ExitCode.DONE: "done",
    ExitCode.BUG: "a bug of the importer",
    ExitCode.INVALID: "usage, mapping or settings invalid",
    ExitCode.ROWS_REJECTED: "done, some rows rejected",
    ExitCode.SOURCE: "a source is unreadable or has changed",
    ExitCode.UNAVAILABLE: "destination unavailable",
    ExitCode.REFUSED: "destination refused",
    ExitCode.STATE: "checkpoint or disk damaged or full",
    ExitCode.TOO_MANY_REJECTS: "stopped by --max-rejects, --strict or --ambiguous",
    ExitCode.LOCKED: "another run held it",
    ExitCode.SIGINT: "interrupted by SIGINT",
    ExitCode.SIGTERM: "interrupted by SIGTERM",
}
_FIRST_DO: dict[int, str] = {
    ExitCode.BUG: "report the bug, then ",
    ExitCode.INVALID: "correct command or mapping, then ",
    ExitCode.SOURCE: "put the file right, then ",
    ExitCode.REFUSED: "check source key, site and --url, then ",
    ExitCode.STATE: "make room on the disk, then ",
    ExitCode.TOO_MANY_REJECTS: "read what stopped it, then ",
}
_KILLED = "killed: it never ended"
_COMPLETE = {ExitCode.DONE, ExitCode.ROWS_REJECTED}
_NAMED_FILES = 3
_BLOCK_BYTES = 1 << 20


def standing(item: ImportStatus, now: datetime) -> dict[str, Any]:
    """The object of ``importer status --json`` for one import at the time ``now``. Fields are only ever added."""
    from importer.checkpoint import overall

    total, fates, state = item.total, overall(item.sources), _state(item)
    files = [_rejects_file(Path(path), length) for path, length in item.rejects.items() if _counts(item, path, length)]
    freshness = _freshness(item, now)
    next_step, command = _next(item, state, fates.rejected, files)
    return {
        "checkpoint": str(item.path),
        "mapping": str(item.key.mapping),
        "destination": item.key.destination,
        "site": item.key.site,
        "test_code": item.key.test_code,
        "status": state,
        "rows": {
            "sent": fates.sent,
            "filtered": fates.filtered,
            "rejected": fates.rejected,
            "duplicate": fates.duplicate,
            "pending": _pending(item),
            "ambiguous": sum(span.rows for span in item.ambiguous),
        },
        "events": {"accepted": total.accepted, "rejected": total.refused, "resent": total.resent},
        "digest": f"{total.digest:032x}",
        "sources": [_source(source, item.ambiguous) for source in item.sources if source.files()],
        "rejects": list(item.rejects),
        "rejects_files": files,
        "last_run": _last_run(item.runs[-1], state) if item.runs else None,
        **freshness,
        "holder": {"pid": item.holder.pid, "host": item.holder.host, "since": item.holder.since}
        if item.holder
        else None,
        "next": next_step,
        "command": command,
    }


def damaged(path: Path, error: StateUnusable) -> dict[str, Any]:
    """The same for a checkpoint that cannot be read."""
    return {
        "checkpoint": str(path),
        "status": "damaged",
        "error": {"type": type(error).__name__, "message": error.message, "hint": error.hint},
        "next": error.hint,
        "command": None,
    }


def _state(item: ImportStatus) -> str:
    if item.holder is not None:
        return "running"
    return "complete" if item.complete else "incomplete"


def _pending(item: ImportStatus) -> int | None:
    """Rows without a fate; ``None`` while the end of a file was never read."""
    if any(source.total_rows is None for source in item.sources):
        return None
    return sum((source.total_rows or 0) - source.acknowledged_rows for source in item.sources)


def _source(source: KnownSource, ambiguous: tuple[Span, ...]) -> dict[str, Any]:
    spans = [span for span in ambiguous if span.source == source.number]
    return {
        "file": source.path,
        "name": source.name,
        "rows": source.total_rows,
        "acknowledged": source.acknowledged_rows,
        "ambiguous": sum(span.rows for span in spans),
        "ambiguous_rows": [{"first": span.start, "last": span.stop - 1} for span in spans],
        "complete": source.complete,
        "replay": source.is_replay,
        "files": len(source.files()),
    }


def _counts(item: ImportStatus, path: str, length: int) -> bool:
    """Whether something in the rejects file was written after its sources were last sent again."""
    numbers = [source.number for source in item.sources if source.files() and not source.is_replay]
    return length > min((item.before_again.get(number, {}).get(path, 0) for number in numbers), default=0)


def _rejects_file(path: Path, length: int) -> dict[str, Any]:
    """``lines`` are ``None`` when the file was taken away; those that a run is about to write do not count."""
    try:
        with path.open("rb") as file:
            lines, left = 0, length
            while block := file.read(min(left, _BLOCK_BYTES)):
                lines += block.count(b"\n")
                left -= len(block)
    except OSError:
        return {"path": str(path), "lines": None}
    return {"path": str(path), "lines": lines}


def _last_run(run: RunRecord, state: str) -> dict[str, Any]:
    meaning = _KILLED if run.exit_code is None else MEANINGS.get(run.exit_code, "of a later version")
    if run.ended is None and state == "running":
        meaning = "running"
    return {"started": run.started, "ended": run.ended, "exit_code": run.exit_code, "meaning": meaning}


def _freshness(item: ImportStatus, now: datetime) -> dict[str, Any]:
    """When a run last did all that there was to do: not a retry, and none with ``--limit``."""
    whole = [run for run in item.runs if not run.details.get("limit") and not run.details.get("retry")]
    ended = [run.ended for run in whole if run.exit_code in _COMPLETE]
    if not ended or ended[-1] is None:
        return {"last_complete": None, "seconds_since_complete": None}
    seconds = (now - datetime.fromisoformat(ended[-1])).total_seconds()
    return {"last_complete": ended[-1], "seconds_since_complete": max(round(seconds, 3), 0.0)}


def _next(item: ImportStatus, state: str, rejected: int, files: list[dict[str, Any]]) -> tuple[str, str | None]:
    """What to do, in words, and as a command where that is known."""
    code = item.runs[-1].exit_code if item.runs else None
    if state == "running":
        return f"nothing: {item.holder} imports", None
    if item.key.destination == SANDBOX:
        return "nothing: a sandbox is empty each time it starts, and gets everything again", None
    if state == "incomplete" or code not in _COMPLETE:
        first = _FIRST_DO.get(code, "") if code is not None else ""
        return f"{first}run the same command again; it goes on where it stopped", _run_command(item)
    if rejected:
        found = [file for file in files if file["lines"] == rejected] or [file for file in files if file["lines"]]
        words = "look into the rejects, correct the mapping, then send those rows again"
        return words, _command("retry", item, [found[0]["path"]]) if len(found) == 1 else None
    return "nothing: the same command imports what is new", None


def _run_command(item: ImportStatus) -> str | None:
    """The command for the files that are not done, ``None`` if they are gone or too many to name."""
    open_sources = [source for source in item.sources if not source.complete]
    paths = [file.path for source in open_sources for file in source.files()]
    if not 0 < len(paths) <= _NAMED_FILES or not all(Path(path).is_file() for path in paths):
        return None
    return _command("run", item, paths)


def _command(name: str, item: ImportStatus, paths: list[str]) -> str:
    """A command for a shell. The source key comes from the environment, as always."""
    key = item.key
    words = ["importer", name, str(key.mapping), *paths, "--site", key.site]
    words += ["--url", key.destination] if key.destination != DEFAULT_URL else []
    words += ["--test-code", key.test_code] if key.test_code else []
    state_dir = item.path.parent.resolve()
    words += ["--state-dir", str(state_dir)] if state_dir != key.mapping.parent / STATE_FOLDER else []
    return shlex.join(words)
