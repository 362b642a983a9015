"""``importer status``: where imports stand, also while one runs."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.console import out
from importer.cli.options import option
from importer.cli.standing import STATE_FOLDER, damaged, standing
from importer.errors import ExitCode, StateUnusable, UsageInvalid
from importer.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 5
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def state_directory(state_dir: Path | None, mapping: Path | None) -> Path:
    """The state directory: the option, else ``.importer`` beside the mapping, else in the current folder."""
    if state_dir is not None:
        return state_dir
    return (mapping.parent if mapping else Path()) / STATE_FOLDER


@click.command()
@click.argument("mapping", type=click.Path(path_type=Path), required=False)
@option(
    "--state-dir",
    type=click.Path(path_type=Path),
    default=None,
    help="Where the state is.  [default: .importer beside MAPPING]",
)
@option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def status(mapping: Path | None, state_dir: Path | None, *, as_json: bool) -> None:
    """Show where the imports of MAPPING stand (of every mapping in the state directory, without it).

    Exit code 7 when a checkpoint is damaged; the others are shown all the same.
    """
    from importer.checkpoint import list_imports

    directory = state_directory(state_dir, mapping)
    if mapping is not None and not mapping.exists():
        raise UsageInvalid(f"There is no mapping file {mapping}.")
    now = datetime.now(UTC)
    imports = [body for path in list_imports(directory) if (body := _look_at(path, mapping, now))]
    if as_json:
        out(json.dumps({"state_dir": str(directory), "imports": imports}))
    else:
        texts = ["\n".join(_text(item)) for item in imports]
        out(printable("\n".join(texts) or f"No import has been started here: {directory} holds none."))
    if any(item["status"] == "damaged" for item in imports):
        raise click.exceptions.Exit(int(ExitCode.STATE))


def _look_at(path: Path, mapping: Path | None, now: datetime) -> dict[str, Any] | None:
    """Where the import at ``path`` stands; ``None`` if it is one of another mapping."""
    from importer.checkpoint import peek

    try:
        item = peek(path)
    except StateUnusable as error:
        return damaged(path, error)
    if mapping is not None and os.path.realpath(item.key.mapping) != os.path.realpath(mapping):
        return None
    return standing(item, now)


def _text(item: dict[str, Any]) -> Iterator[str]:
    if item["status"] == "damaged":
        yield f"{item['checkpoint']}: damaged"
        yield f"  {item['error']['message']}"
    else:
        yield f"{item['mapping']} -> {item['destination']}, site {item['site']}{_test(item)}: {item['status']}"
        yield from (f"  {label:<10} {text}" for label, text in _facts(item))
    yield f"  {'next':<10} {item['next']}"
    if item["command"]:
        yield f"  {'':<10} {item['command']}"


def _facts(item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    rows, sources = item["rows"], item["sources"]
    files = [source for source in sources if not source["replay"]]
    done = sum(source["files"] for source in files if source["complete"])
    yield "files", f"{done:,} of {sum(source['files'] for source in files):,} complete"
    fates = [f"{rows[fate]:,} {fate}" for fate in ("sent", "filtered", "rejected")]
    fates += [f"{rows[fate]:,} {fate}" for fate in ("duplicate", "pending") if rows[fate]]
    yield "rows", ", ".join(fates)
    yield from _listed("open", [_progress(source) for source in sources if not source["complete"]])
    if rows["ambiguous"]:
        words = "rows at most were sent without an answer before a crash; they are sent again"
        yield "ambiguous", f"{rows['ambiguous']:,} {words}"
        yield from _listed("", [_place(source) for source in sources if source["ambiguous_rows"]])
    if item["holder"]:
        yield "running", "process {pid} on {host}, since {since}".format(**item["holder"])
    yield "fresh", _freshness(item)
    if last := item["last_run"]:
        ended = f", ended {last['ended']} with exit code {last['exit_code']}" if last["ended"] else ""
        yield "last run", f"started {last['started']}{ended}: {last['meaning']}"
    for file in item["rejects_files"]:
        count = file["lines"]
        lines = "it was taken away" if count is None else "1 line" if count == 1 else f"{count:,} lines"
        yield "rejects", f"{file['path']}: {lines}"


def _listed(label: str, texts: list[str]) -> Iterator[tuple[str, str]]:
    """The first of ``texts``, one a line."""
    more = [f"and {len(texts) - _SHOWN:,} more files"] if len(texts) > _SHOWN else []
    for number, text in enumerate([*texts[:_SHOWN], *more]):
        yield ("" if number else label), text


def _test(item: dict[str, Any]) -> str:
    return f", test code {item['test_code']}" if item["test_code"] else ""


def _progress(source: dict[str, Any]) -> str:
    total = f" of {source['rows']:,}" if source["rows"] is not None else ""
    what = "rejected rows, sent again, are" if source["replay"] else "rows"
    return f"{source['name']}: {source['acknowledged']:,}{total} {what} settled"


def _place(source: dict[str, Any]) -> str:
    spans = [f"{span['first']:,} to {span['last']:,}" for span in source["ambiguous_rows"]]
    more = f" and {len(spans) - _SHOWN:,} more ranges" if len(spans) > _SHOWN else ""
    return f"{source['name']}: rows {', '.join(spans[:_SHOWN])}{more}"


def _freshness(item: dict[str, Any]) -> str:
    if item["last_complete"] is None:
        return "no run is known that did everything"
    return f"{_ago(item['seconds_since_complete'])} ago a run had done everything ({item['last_complete']})"


def _ago(seconds: float) -> str:
    for unit, name in ((_DAY, "days"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{int(seconds // unit)} {name}"
    return f"{int(seconds)} s"
