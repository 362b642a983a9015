"""Consent against a model in plain Python: what is sent, what is filtered, and what is rejected, at every cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
from encoding import chunk_of, document, staged
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.batcher import Batcher
from importer.encoder import ChunkInput, Encoder
from importer.mapping.compile import compile_mapping
from importer.profiles import PROFILES
from importer.records import Batch, EncodedRows, Span

CONSENT = 'consent: {column: c, split: "|", require: ["1", "2"]}\n'
HEAD = f"version: 1\nevent: purchase\nkey: id\nwhere: k <> 'd'\n{CONSENT}"
GROUPED = f"version: 1\nevent: purchase\ngroup_by: id\nsource: {{columns: {{n: integer}}}}\n{CONSENT}"
ROW = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a", "b", "c", "d"]),
        "k": st.sampled_from(["o", "o", "d"]),
        "n": st.sampled_from(["1", "2", "bad"]),
        "c": st.sampled_from(["1|2", "2| 1 |3", "1", "", None, "12", "1|1"]),
    }
)
ROWS = st.lists(ROW, max_size=12)
SCHEMA = {name: pl.String() for name in ("id", "k", "n", "c")}
FIELDS = "  id: id\n  n: {column: n, type: number}\n"
PLAIN = compile_mapping(document(FIELDS, HEAD), SCHEMA, is_text=True)
LINES = compile_mapping(document("  id: id\n  n: {sql: SUM(n)}\n", GROUPED), SCHEMA, is_text=True)
FEW = settings(max_examples=25, deadline=None)


def agrees(row: dict[str, Any]) -> bool:
    return {"1", "2"} <= {part.strip() for part in (row["c"] or "").split("|")}


def plain(rows: list[dict[str, Any]], first: int = 1) -> ChunkInput:
    return chunk_of(pl.DataFrame(rows, schema=SCHEMA), first)


def batches(*chunks: EncodedRows, max_body_bytes: int) -> list[Batch]:
    batcher = Batcher(PROFILES["batch"], max_body_bytes)
    return [batch for chunk in chunks for batch in batcher.add(chunk)] + list(batcher.flush())


@FEW
@given(ROWS)
def test_every_row_has_the_fate_of_the_model(rows: list[dict[str, Any]]) -> None:
    encoded = Encoder(PLAIN, b",", 32_000).encode(plain(rows))
    asked = {number: row for number, row in enumerate(rows, 1) if row["k"] != "d"}
    with_consent = {number: row for number, row in asked.items() if agrees(row)}
    assert list(encoded.without_consent) == [number for number in asked if number not in with_consent]
    assert list(encoded.rows) == [number for number, row in with_consent.items() if row["n"] != "bad"]
    assert [one.row for one in encoded.rejects] == [number for number, row in with_consent.items() if row["n"] == "bad"]


@FEW
@given(ROWS, st.data(), st.sampled_from([300, 500, 32_000]))
def test_where_a_file_is_cut_changes_no_byte_and_no_count(
    rows: list[dict[str, Any]], data: st.DataObject, max_body_bytes: int
) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    encoder = Encoder(PLAIN, b",", 32_000)
    whole, first, second = (encoder.encode(one) for one in (plain(rows), plain(rows[:cut]), plain(rows[cut:], 1 + cut)))
    assert bytes(whole.body) == bytes(first.body) + bytes(second.body)
    assert whole.rejects == first.rejects + second.rejects
    assert [*whole.without_consent] == [*first.without_consent, *second.without_consent]
    for found in (batches(whole, max_body_bytes=max_body_bytes), batches(first, second, max_body_bytes=max_body_bytes)):
        assert sum(batch.without_consent for batch in found) == len(whole.without_consent)
        assert all(batch.without_consent <= batch.filtered for batch in found)
        fates = sum(batch.filtered + batch.source_rows + len(batch.rejects) for batch in found)
        assert fates == len(rows)


@FEW
@given(ROWS, st.data())
def test_a_group_is_sent_whole_or_not_at_all(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    chunk = staged(LINES, pl.DataFrame(rows, schema=SCHEMA))
    encoder = Encoder(LINES, b",", 32_000)
    whole = encoder.encode(chunk)
    refusing = {row["id"] for row in rows if not agrees(row)}
    bad = {row["id"] for row in rows if row["n"] == "bad"} - refusing
    ids = chunk.frame["id"].to_list()
    assert [ids[number - 1] for number in whole.without_consent] == [one for one in ids if one in refusing]
    assert [ids[one.number - 1] for one in whole.rejects] == [one for one in ids if one in bad]
    assert [ids[number - 1] for number in whole.rows] == [
        one for one in dict.fromkeys(ids) if one not in refusing and one not in bad
    ]
    assert chunk.groups is not None
    groups = chunk.groups.to_list()
    borders = [i for i in range(len(groups) + 1) if i in {0, len(groups)} or groups[i] != groups[i - 1]]
    cut = data.draw(st.sampled_from(borders))
    parts = [encoder.encode(lines(chunk, start, stop)) for start, stop in ((0, cut), (cut, len(groups)))]
    assert bytes(whole.body) == b"".join(bytes(part.body) for part in parts)
    assert [*whole.without_consent] == [number for part in parts for number in part.without_consent]


def lines(chunk: ChunkInput, start: int, stop: int) -> ChunkInput:
    """Lines ``start`` to ``stop - 1`` of a chunk."""
    assert chunk.groups is not None
    first = chunk.span.start
    frame, rows, groups = chunk.frame[start:stop], chunk.rows[start:stop], chunk.groups[start:stop]
    return replace(chunk, span=Span(0, first + start, first + stop), frame=frame, rows=rows, groups=groups)
