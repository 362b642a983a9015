"""From the text of a mapping and a frame to events, for the tests of mapping, encoder and batcher."""

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from importer.encoder import ChunkInput, Encoder
from importer.lookups import read_lookups
from importer.mapping.compile import CompiledMapping, compile_mapping
from importer.mapping.document import Document, parse_document
from importer.records import EncodedRows, Piece, Place, Reject, Span
from importer.report import Findings

HEAD = "version: 1\nevent: purchase\nkey: position\n"
TIME = "  context.event_timestamp: {value: 1700000000000}\n"
USER = "  user.id: {value: u}\n"


def document(fields: str, head: str = HEAD) -> Document:
    """A mapping of ``fields`` (lines of YAML) with all that the API requires."""
    body = fields if "  context.event_timestamp" in fields or "  context:" in fields else fields + TIME
    body = body if "  user" in body else body + USER
    return parse_document(f"{head}fields:\n{body}", "m.yaml")


@dataclass(frozen=True)
class Result:
    encoded: EncodedRows
    findings: Findings
    oldest_ms: int | None = None
    newest_ms: int | None = None

    @property
    def texts(self) -> list[str]:
        encoded = self.encoded
        return [Piece(encoded, i, i + 1).event(i).decode() for i in range(encoded.count)]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.texts]

    def values(self, path: str) -> list[Any]:
        """What stands at a dotted path of each event, ``None`` where nothing does."""
        found = []
        for event in self.events:
            value: Any = event
            for part in path.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            found.append(value)
        return found

    @property
    def warnings(self) -> dict[str, int]:
        return {rule: finding.count for rule, finding in self.findings.items()}

    @property
    def rejects(self) -> dict[int, tuple[str, str]]:
        return {reject.row: (reject.code, reject.message) for reject in self.encoded.rejects}


def chunk_of(frame: pl.DataFrame, first_row: int = 1, rejects: tuple[Reject, ...] = (), source: int = 0) -> ChunkInput:
    span = Span(source, first_row, first_row + frame.height)
    rows = pl.Series(range(span.start, span.stop), dtype=pl.Int64)
    return ChunkInput(span, "f.csv", "/data/f.csv", frame, rows, rejects, lambda row: Place("f.csv", row, row + 1))


def run(
    fields: str,
    data: pl.DataFrame | dict[str, Any],
    *,
    head: str = HEAD,
    is_text: bool = False,
    max_item_bytes: int = 32_000,
    units: dict[str, str] | None = None,
    test_code: str | None = None,
) -> Result:
    """Encode ``data`` (a frame, or columns) by a mapping; with ``group_by`` as it comes from the stage."""
    frame = data if isinstance(data, pl.DataFrame) else pl.DataFrame(data)
    mapped = document(fields, head)
    mapping = compile_mapping(
        mapped, frame.schema, is_text=is_text, units=units, test_code=test_code, lookups=read_lookups(mapped)
    )
    encoder = Encoder(mapping, b",", max_item_bytes)
    chunk = chunk_of(frame) if mapping.grouping is None else staged(mapping, frame)
    return Result(encoder.encode(chunk), encoder.findings, encoder.oldest_ms, encoder.newest_ms)


def staged(mapping: CompiledMapping, frame: pl.DataFrame, first_row: int = 1) -> ChunkInput:
    """The lines of ``frame`` as a stage gives them: what ``where`` passes, group by group, with new numbers.

    Row ``n`` of the frame is row ``n`` of f.csv, on line ``n + 1``.
    """
    key = pl.concat_str([pl.concat_str([part.str.len_bytes(), part]) for part in mapping.group_key or ()])
    passing = frame.with_row_index("row", 1).filter(mapping.passing(frame))
    lines = passing.with_columns(key=key).sort("key", maintain_order=True)
    places = [Place("f.csv", row, row + 1) for row in lines["row"]]
    rows = pl.Series(range(first_row, first_row + lines.height), dtype=pl.Int64)
    return ChunkInput(
        Span(0, first_row, first_row + lines.height),
        "f.csv",
        "/data/f.csv",
        lines.select(frame.columns),
        rows,
        (),
        lambda row: places[row - first_row],
        lines["key"].rle_id(),
    )
