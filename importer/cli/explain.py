"""``importer explain``: one row, or with ``group_by`` its group, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.console import out
from importer.cli.event_text import indented, parse
from importer.cli.options import option
from importer.cli.rows import as_json as row_as_json
from importer.cli.rows import cell_lines, count, heading, json_line, shown, tell_gathered
from importer.cli.session import set_up_logging, tell_notes
from importer.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from importer.explain import Explanation
    from importer.mapping.trace import Step
    from importer.mapping.trace_event import Entry, TracedField, TracedList
    from importer.records import Reject
    from importer.source.rows import SourceRow

_SHOWN = 20
_INDENT = "  "


@click.command()
@click.argument("mapping", type=click.Path(path_type=Path))
@click.argument("place", metavar="FILE:ROW")
@click.argument("sources", nargs=-1)
@option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def explain(mapping: Path, place: str, sources: tuple[str, ...], *, as_json: bool) -> None:
    """Show step by step what MAPPING makes of one row: the third record behind the header is FILE:3. Sends nothing.

    With group_by it is the whole group of the row. Its other lines are looked for in FILE and in SOURCES: name there
    all files of the import, in the order of the run.
    """
    from importer.cli.progress import shown as shown_progress
    from importer.explain import explain as explained
    from importer.explain import parse_place, plan_for
    from importer.settings import RunSettings

    set_up_logging()
    file, row = parse_place(place)
    planned, number = plan_for(mapping, file, sources, RunSettings())
    tell_notes(planned)
    with shown_progress(quiet=False) as progress:
        found = explained(planned, number, row, progress)
    _tell(found, len(planned.sources))
    out(_json(found) if as_json else "\n".join(_text(found)))


def _tell(found: Explanation, files: int) -> None:
    if (gathered := found.gathered) is not None:
        what = f"the {count(len(found.rows), 'line')} of this group"
        tell_gathered(gathered.rows_read, files, what, gathered.broken, found.twins)


def _text(found: Explanation) -> Iterator[str]:
    yield from _rows(found)
    if found.where is not None:
        yield from ("", *_steps([found.where], ""))
    if found.group is not None:
        key = ", ".join(f"{name} {shown(part)}" for name, part in found.group.items())
        rows = f": {count(len(found.rows), 'row')}" if found.gathered else ""
        yield from ("", printable(f"group {key}{rows}"))
    event = parse(found.event) if found.event is not None else None
    if found.consent is not None:
        yield from ("", *_steps([found.consent], ""))
    for item in found.targets:
        yield from ("", *_target(item, found), *_results(item.target, found, event))
    yield ""
    if event is None:
        yield from _no_event(found)
        return
    yield f"event of {len(found.event or b''):,} bytes"
    yield indented(event)
    yield from ("", *_event_id(event, found.key))
    if found.warnings:
        yield from ("", "warnings", *(printable(f"  {warning}") for warning in found.warnings))


def _rows(found: Explanation) -> Iterator[str]:
    if not found.rows:
        yield printable(f"{found.file}:{found.row}") + (f" (line {found.line})" if found.line else "")
    if found.record is not None:
        yield f"  {shown(found.record)}"
    for index, row in enumerate(found.rows):
        if _is_shown(index, found):
            yield heading(row) + ("  <- this row" if len(found.rows) > 1 and _is_asked_for(row, found) else "")
            yield from cell_lines(row.cells)
    if len(found.rows) > _SHOWN:
        yield f"and {len(found.rows) - _SHOWN:,} more rows"


def _is_asked_for(row: SourceRow, found: Explanation) -> bool:
    return (row.file, row.row) == (found.file, found.row)


def _is_shown(index: int, found: Explanation) -> bool:
    """Whether row ``index`` is one of the first, or the one that was asked for."""
    return index < _SHOWN or _is_asked_for(found.rows[index], found)


def _target(item: TracedField | TracedList, found: Explanation) -> Iterator[str]:
    from importer.mapping.trace_event import TracedList

    yield printable(item.target)
    if not isinstance(item, TracedList):
        yield from _steps(item.steps, _INDENT)
        return
    yield from _steps(item.conditions, _INDENT)
    of_rows = found.group is not None
    shown_entries = [
        one for one in item.entries if one.number <= _SHOWN or (of_rows and _is_shown(one.number - 1, found))
    ]
    for entry in shown_entries:
        yield _INDENT + (heading(found.rows[entry.number - 1]) if of_rows else f"entry {entry.number}")
        yield from _steps(entry.conditions, _INDENT * 2)
        for field in entry.fields:
            yield f"{_INDENT * 2}{printable(field.target.partition('[].')[2])}"
            yield from _steps(field.steps, _INDENT * 3)
    if len(item.entries) > len(shown_entries):
        yield f"{_INDENT}and {len(item.entries) - len(shown_entries):,} more entries"


def _steps(steps: Iterable[Step], margin: str) -> Iterator[str]:
    """One line a step, its value behind an arrow, and why it rejects."""
    for step in steps:
        what = printable(f"{step.name} {step.detail}".rstrip()).replace("\n", " ")
        if step.name != "check":
            yield f"{margin}{what:<{40 - len(margin)}} -> {shown(step.value)}"
        if step.rejected:
            yield printable(f"{margin}  REJECTED: {step.rejected}")


def _results(target: str, found: Explanation, event: Any) -> Iterator[str]:  # noqa: ANN401 -- any JSON
    """What ``target`` is in the event: at its own path, or where ``payload`` puts it."""
    places = found.places.get(target)
    if places is None:
        yield from _result(target, event)
        return
    for place in places:
        yield from (f"{_INDENT}{place} {line.strip()}" for line in _result(place, event))


def _result(target: str, event: Any) -> Iterator[str]:  # noqa: ANN401 -- any JSON
    """What stands at ``target`` in the event."""
    if event is None:
        return
    for part in target.split("."):
        if not isinstance(event, dict) or part not in event:
            yield f"{_INDENT}= left out"
            return
        event = event[part]
    yield f"{_INDENT}= {shown(event)}"


def _no_event(found: Explanation) -> Iterator[str]:
    if found.fate == "filtered" or not found.rejects:
        yield printable(f"{found.fate}: {found.reason}")
    for reject in found.rejects[:_SHOWN]:
        yield printable(f"rejected: {reject.file}:{reject.row}: {reject.message} ({reject.code})")
    if len(found.rejects) > _SHOWN:
        yield f"and {len(found.rejects) - _SHOWN:,} more rows of the same event"


def _event_id(event: Any, key: dict[str, str | None] | None) -> Iterator[str]:  # noqa: ANN401 -- any JSON
    yield f"context.event_id {event['context']['event_id']}"
    if key is None:
        yield f"{_INDENT}given by the mapping"
        return
    parts = ", ".join(f"{name} {shown(part)}" for name, part in key.items())
    yield printable(f"{_INDENT}the first 32 digits of the SHA-256 of {_hashed(event['event_name'], key)}")
    yield printable(f"{_INDENT}from the event's name and {parts}")


def _hashed(name: str, key: dict[str, str | None]) -> str:
    """What is hashed, as documented for keys: version, name and parts, each behind its length in bytes."""
    return "".join(f"{len(text.encode())}:{text}" for text in ("1", name, *(part or "" for part in key.values())))


def _json(found: Explanation) -> str:
    from importer.mapping.trace_event import TracedList

    targets = [
        {
            "target": item.target,
            "conditions": _as_json(item.conditions),
            "entries": [_entry(one) for one in item.entries],
        }
        if isinstance(item, TracedList)
        else _field(item)
        for item in found.targets
    ]
    fields = {
        "file": found.file,
        "row": found.row,
        "line": found.line or None,
        "fate": found.fate,
        "reason": found.reason or None,
        "record": found.record,
        "source_rows": [row_as_json(row) for row in found.rows],
        "where": found.where and _as_json([found.where])[0],
        "group": found.group,
        "consent": found.consent and _as_json([found.consent])[0],
        "targets": targets,
        "rejects": [_reject(reject) for reject in found.rejects],
        "key": found.key,
        "warnings": found.warnings,
        "places": {target: list(found_at) for target, found_at in found.places.items()},
        "bytes": len(found.event) if found.event is not None else None,
    }
    return json_line(fields, found.event.decode() if found.event is not None else None)


def _entry(entry: Entry) -> dict[str, Any]:
    fields = [_field(field) for field in entry.fields]
    return {"number": entry.number, "conditions": _as_json(entry.conditions), "fields": fields}


def _field(field: TracedField) -> dict[str, Any]:
    return {"target": field.target, "steps": _as_json(field.steps)}


def _as_json(steps: Iterable[Step]) -> list[dict[str, Any]]:
    return [step._asdict() for step in steps]


def _reject(reject: Reject) -> dict[str, Any]:
    place = {"file": reject.file, "row": reject.row, "line": reject.line or None}
    return {**place, "stage": reject.stage, "code": reject.code, "message": reject.message}
