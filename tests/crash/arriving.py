"""Whole imports of files that nobody chose: what must arrive is what independent readers make of them."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import csv_files
import csv_readers
import polars as pl
import random_columns
import random_mappings
from oracle import content_hash

if TYPE_CHECKING:
    from random import Random

    from actors import Ended, Importer, RunningOracle
    from csv_files import Writing
    from csv_readers import Record
    from oracle import Arrival

AT_MS = 1_700_000_000_000
NO_ID = "-"
BROKEN = 0.15  # the share of mappings that are broken on purpose
FATES = ("sent", "filtered", "rejected", "duplicate", "skipped", "pending")


def mapping_for(writing: Writing, *, declared: bool = True) -> str:
    """A mapping that sends every column, each cell as it is."""
    fields: dict[str, Any] = {f"cell{number}": name for number, name in enumerate(writing.names)}
    fields["id"] = {"column": writing.names[0], "default": NO_ID}
    fields |= {"user.id": {"value": "u"}, "context.event_timestamp": {"value": AT_MS}}
    source = {"separator": writing.separator, "quote": writing.quote, "skip_rows": writing.skip_rows}
    source |= {"encoding": writing.encoding} if declared else {}
    document = {"version": 1, "event": "purchase", "key": "position", "source": source, "fields": fields}
    return json.dumps(document, ensure_ascii=False)


def content_of(cells: tuple[str | None, ...]) -> str:
    """What must arrive for a row, on a path that shares no code with the importer."""
    members = {f"cell{number}": cell for number, cell in enumerate(cells) if cell is not None}
    event = {"event_name": "purchase", "id": cells[0] or NO_ID, **members, "user": {"id": "u"}}
    return content_hash(event | {"context": {"event_timestamp": AT_MS}})


def damaged_file(chance: Random, folder: Path, importer: Importer, oracle: RunningOracle) -> Counter[str]:
    """Import a random file after random damage, and check the base and that each broken record is told."""
    file = csv_files.draw(chance, most_records=40)
    data, done = csv_files.damage(chance, file)
    text = csv_readers.text_of(data, file.writing.encoding)
    records = list(csv_readers.by_letters(file.writing, text, len(file.header), file.header.count("\n") + 1))
    mapping, source = folder / "m.yaml", folder / "x.csv"
    mapping.write_text(mapping_for(file.writing), encoding="utf-8")
    source.write_bytes(data)
    shutil.rmtree(importer.state_dir, ignore_errors=True)
    before = len(oracle.record.refresh().arrivals)
    dry = importer.command_here("validate", str(mapping), str(source), "--json")
    ended = importer.run_here(mapping, source, oracle.url)
    arrived = oracle.record.refresh().arrivals[before:]
    check_arrived(ended, arrived, Counter(content_of(r.cells) for r in records if r.cells is not None))
    _check_rejects(ended, records)
    assert (dry.code, dry.report["rows"], dry.report["digest"]) == (
        ended.code,
        ended.report["rows"],
        ended.report["digest"],
    )
    assert not importer.secret_places()
    return Counter(done) + Counter(
        files=1, rejected=ended.report["rows"]["rejected"], sent=ended.report["rows"]["sent"]
    )


def any_mapping(chance: Random, folder: Path, importer: Importer, oracle: RunningOracle) -> Counter[str]:
    """Validate and run a random mapping over random columns: the dry run is the run, and the base holds."""
    rows, source = random_columns.frame(chance), folder / f"x{chance.choice(['.csv', '.parquet', '.parquet'])}"
    if source.suffix == ".csv":
        rows = rows.select(pl.col(pl.String))
        rows.write_csv(source)
    else:
        rows.write_parquet(source)
    document = random_mappings.mapping(chance, rows.schema)
    document = random_mappings.broken(chance, document) if chance.random() < BROKEN else document
    mapping = folder / "m.yaml"
    mapping.write_text(random_mappings.text_of(document), encoding="utf-8")
    shutil.rmtree(importer.state_dir, ignore_errors=True)
    before = len(oracle.record.refresh().arrivals)
    dry = importer.command_here("validate", str(mapping), str(source), "--json")
    ended = importer.run_here(mapping, source, oracle.url)
    arrivals = oracle.record.refresh().arrivals[before:]
    assert "Traceback" not in dry.stderr + ended.stderr, ended.stderr
    same = ("rows", "events", "digest", "warnings")
    assert [dry.code, *map(dry.report.get, same)] == [ended.code, *map(ended.report.get, same)]
    assert ended.code in {0, 2, 3, 4, 6}, ended.stderr
    check_counts(ended, arrivals)
    return Counter({f"exit {ended.code}": 1, "imported": 1, "events": ended.report["events"]["accepted"]})


def check_counts(ended: Ended, arrivals: list[Arrival]) -> None:
    """The sums are right, and the report has the counts and the bytes of the server."""
    rows, events = ended.report["rows"], [event for arrival in arrivals for event in arrival.events]
    assert rows["read"] == sum(rows[fate] for fate in FATES)
    assert rows["pending"] == 0 or ended.code not in {0, 3}
    assert ended.report["events"]["accepted"] == len(events)
    # An attempt that a stalled machine made in vain did not arrive, and is counted as a retry.
    assert 0 <= ended.report["requests"] - len(arrivals) <= ended.report["retries"], ended.report
    assert all(arrival.status == 200 for arrival in arrivals)
    heads = {event.event_id: int(event.bytes_hash[:32], 16) for event in events}
    assert int(ended.report["digest"] or "0", 16) == sum(heads.values()) % 2**128


def check_arrived(ended: Ended, arrivals: list[Arrival], contents: Counter[str]) -> None:
    """The base: exactly ``contents`` arrived, the sums are right, and the report has the server's counts."""
    rows, events = ended.report["rows"], [event for arrival in arrivals for event in arrival.events]
    assert "Traceback" not in ended.stderr
    assert Counter(event.content_hash for event in events) == contents
    assert len({event.event_id for event in events}) == len(events)
    assert (rows["sent"], rows["pending"]) == (len(events), 0)
    check_counts(ended, arrivals)
    assert ended.code == (3 if rows["rejected"] else 0), ended.stderr


def _check_rejects(ended: Ended, records: list[Record]) -> None:
    """The rejects file has each broken record, with its row, its line and its text."""
    rows = ended.report["rows"]
    broken = {row: record for row, record in enumerate(records, 1) if record.cells is None and not record.blank}
    assert rows["rejected"] == len(broken)
    assert rows["read"] == len(records), (rows, len(records))
    written = Path(ended.report["rejects"]).read_text().splitlines() if broken else []
    lines = [json.loads(line) for line in written]
    assert [(line["row"], line["line"], line["source_row"][:100]) for line in lines] == [
        (row, record.line, csv_readers.shown(record.text).rstrip("\r\n")[:100]) for row, record in broken.items()
    ]
