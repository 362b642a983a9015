"""Stages of real files, for the tests of grouping: how they are made, what must be in them, and what is."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from importer.checkpoint import OPEN_END
from importer.outstanding import member_of, opened_stage
from importer.plan import plan
from importer.records import Span
from importer.settings import RunSettings
from importer.source import blocks
from importer.source.csv_reader import CsvReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import pytest

    from importer.plan import Plan
    from importer.report import Snapshot
    from importer.staging import Stage

MAPPING = """\
version: 1
event: purchase
group_by: [order_id]
where: kind <> 'draft'
source: {columns: {price: number}}
fields:
  id: order_id
  value: {sql: "SUM(price)", round: 2}
  items: {each: {id: sku, quantity: {column: qty, type: number}}}
  user.id: {column: customer, default: nobody}
  context.event_timestamp: at
"""
COLUMNS = ("order_id", "kind", "sku", "qty", "price", "customer", "at")


class Line(NamedTuple):
    """A row of an export: an order line, or a record that is ``broken`` or blank."""

    order_id: str | None = None
    sku: str = "s"
    kind: str = "sale"
    broken: bool = False
    blank: bool = False

    def cells(self) -> dict[str, str | None]:
        """What the columns hold."""
        values = (self.order_id, self.kind, self.sku, "2", "1.25", "c1", "2024-01-02T03:04:05Z")
        return dict(zip(COLUMNS, values, strict=True))


class Staged(NamedTuple):
    """Where a row of a stage came from, and its order and article."""

    file: str
    row: int
    line: int
    order_id: str | None
    sku: str | None


@dataclass
class Found:
    """What was read of a stage: groups in their order, numbers of their rows, rejects, and rows filtered."""

    groups: list[list[Staged]]
    rejects: list[tuple[str, int, int, str]]
    filtered: int
    numbers: list[int]


class Quiet:
    """A progress that nobody sees, but that counts."""

    def __init__(self) -> None:
        self.seen: list[Snapshot] = []

    def update(self, snapshot: Snapshot) -> None:
        """Remember ``snapshot``."""
        self.seen.append(snapshot)


def small_blocks(patch: pytest.MonkeyPatch, size_bytes: int) -> None:
    """From now on CSV is read in blocks of about ``size_bytes``, so that a few rows make several chunks."""
    patch.setattr(blocks, "_FIRST_READ_BYTES", size_bytes)
    patch.setattr(blocks, "_MIN_READ_BYTES", size_bytes)
    patch.setitem(CsvReader.__init__.__kwdefaults__, "block_bytes", size_bytes)


def go_on() -> None:
    """A check that never stops anything."""


def write(path: Path, lines: Sequence[Line]) -> Path:
    """An export with these lines, in the format that the name of ``path`` says."""
    if path.suffix == ".parquet":
        rows = [line.cells() for line in lines]
        pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String)).write_parquet(path, row_group_size=3)
        return path
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for line in lines:
        if line.broken or line.blank:
            text.write("only,three,cells\n" if line.broken else "\n")
        else:
            writer.writerow(line.cells())
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def planned(folder: Path, *files: Path, mapping: str = MAPPING, **settings: Any) -> Plan:  # noqa: ANN401
    """The plan of a run over ``files``."""
    path = folder / "mapping.yaml"
    path.write_text(mapping, encoding="utf-8")
    return plan(path, [str(file) for file in files], RunSettings(**settings))


def staged(
    of: Plan,
    directory: Path,
    check: Callable[[], None] = go_on,
    *,
    accept_broken: bool = False,
    progress: Quiet | None = None,
) -> Stage:
    """A stage of the files of a plan, filled or gone on with. Its files are named without their folders."""
    members = [member_of(source) for source in of.sources]
    members = [replace(one, file=one.file._replace(name=one.source.path.name)) for one in members]
    stage = opened_stage(of, directory, [member.file for member in members])
    stage.fill(members, progress or Quiet(), check, accept_broken=accept_broken)
    return stage


def read(stage: Stage, missing: Sequence[Span] = (Span(0, 1, OPEN_END),)) -> Found:
    """All that the reader of ``stage`` gives for ``missing``. Checks what every chunk promises."""
    found = Found([], [], 0, [])
    for chunk in stage.reader(0).chunks(missing):
        assert chunk.frame.height + len(chunk.rejects) + chunk.blank == chunk.span.rows
        assert chunk.groups is not None
        assert chunk.places is not None or not chunk.frame.height
        last: Any = object()
        for number, group, cells in zip(chunk.rows, chunk.groups, chunk.frame.iter_rows(named=True), strict=True):
            if group != last:
                found.groups.append([])
            last = group
            assert chunk.places is not None
            found.groups[-1].append(Staged(*chunk.places(number), cells["order_id"], cells["sku"]))
        numbers = [*chunk.rows, *(reject.number for reject in chunk.rejects)]
        assert sorted(numbers) == numbers
        found.numbers += numbers or range(chunk.span.start, chunk.span.stop)
        found.rejects += [(reject.file, reject.row, reject.line, reject.code) for reject in chunk.rejects]
        found.filtered += chunk.blank
    return found


def model(files: Iterable[tuple[str, Sequence[Line]]], parts: int) -> tuple[list[list[Staged]], Counter[Any], int]:
    """What a stage must hold, in plain Python: its groups in their order, its rejects, and how many rows are filtered.

    Which part a group is in: the first three hexadecimal digits of the SHA-256 of its key, each part as length:text.
    """
    groups: dict[tuple[int, str], list[Staged]] = {}
    rejects: Counter[Any] = Counter()
    filtered = 0
    for name, lines in files:
        has_lines = not name.endswith(".parquet")
        at = 2
        for row, line in enumerate(lines, 1):
            place = (name, row, at if has_lines else 0)
            at += 1 + line.sku.count("\n") * (not line.broken and not line.blank)
            if line.broken:
                rejects[*place, "short"] += 1
            elif line.blank or line.kind == "draft":
                filtered += 1
            elif not line.order_id:
                rejects[*place, "group_key_missing"] += 1
            else:
                framed = f"{len(line.order_id.encode())}:{line.order_id}".encode()
                part = int(hashlib.sha256(framed).hexdigest()[:3], 16) // (4096 // parts)
                groups.setdefault((part, line.order_id), []).append(Staged(*place, line.order_id, line.sku or None))
    ordered = sorted(groups, key=lambda key: key[0])  # stable: by first appearance within a part
    return [groups[key] for key in ordered], rejects, filtered
