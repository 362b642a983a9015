"""``importer status``: where imports stand, also while one runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.failures import printable
from importer.cli.options import option
from importer.errors import UsageInvalid

if TYPE_CHECKING:
    from importer.checkpoint import ImportStatus, KnownSource

STATE_FOLDER = ".importer"


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
    """Show where the imports of MAPPING stand (of every mapping in the state directory, without it)."""
    from importer.checkpoint import list_imports, peek

    directory = state_directory(state_dir, mapping)
    if mapping is not None and not mapping.exists():
        raise UsageInvalid(f"There is no mapping file {mapping}.")
    imports = [peek(path) for path in list_imports(directory)]
    if mapping is not None:
        imports = [item for item in imports if os.path.realpath(item.key.mapping) == os.path.realpath(mapping)]
    if as_json:
        click.echo(json.dumps({"state_dir": str(directory), "imports": [_as_json(item) for item in imports]}))
        return
    if not imports:
        click.echo(f"No import has been started here: {directory} holds none.")
    for item in imports:
        click.echo(printable(_as_text(item)))


def _as_json(item: ImportStatus) -> dict[str, Any]:
    last = item.runs[-1] if item.runs else None
    return {
        "checkpoint": str(item.path),
        "mapping": str(item.key.mapping),
        "destination": item.key.destination,
        "site": item.key.site,
        "test_code": item.key.test_code,
        "status": _state(item),
        "rows": {
            "sent": item.total.sent,
            "filtered": item.total.filtered,
            "rejected": item.total.rejected_rows,
            "ambiguous": sum(source.ambiguous_rows for source in item.sources),
        },
        "digest": f"{item.total.digest:032x}",
        "sources": [_source(source) for source in item.sources],
        "rejects": list(item.rejects),
        "last_run": last and {"started": last.started, "ended": last.ended, "exit_code": last.exit_code},
    }


def _source(source: KnownSource) -> dict[str, Any]:
    return {
        "file": source.path,
        "rows": source.total_rows,
        "acknowledged": source.acknowledged_rows,
        "ambiguous": source.ambiguous_rows,
        "complete": source.complete,
    }


def _state(item: ImportStatus) -> str:
    if item.holder is not None and item.holder.alive:
        return "running"
    return "complete" if item.complete else "incomplete"


def _as_text(item: ImportStatus) -> str:
    total, last = item.total, item.runs[-1] if item.runs else None
    done = sum(source.complete for source in item.sources)
    lines = [
        f"{item.key.mapping} -> {item.key.destination}, site {item.key.site}: {_state(item)}",
        f"  files     {done:,} of {len(item.sources):,} complete",
        f"  rows      {total.sent:,} sent, {total.filtered:,} filtered, {total.rejected_rows:,} rejected",
    ]
    if ambiguous := sum(source.ambiguous_rows for source in item.sources):
        lines.append(
            f"  ambiguous {ambiguous:,} rows at most were sent without an answer before a crash; they are sent again"
        )
    lines += [f"            {source.name}: {_progress(source)}" for source in item.sources if not source.complete]
    if last is not None:
        ended = (
            f"ended {last.ended} with exit code {last.exit_code}"
            if last.ended
            else "never ended (killed, or still running)"
        )
        lines.append(f"  last run  started {last.started}, {ended}")
    lines += [f"  rejects   {path}" for path, length in item.rejects.items() if length]
    if _state(item) == "incomplete":
        lines.append("  next      run the same command again to go on where it stopped")
    return "\n".join(lines)


def _progress(source: KnownSource) -> str:
    total = f" of {source.total_rows:,}" if source.total_rows is not None else ""
    return f"{source.acknowledged_rows:,}{total} rows settled"
