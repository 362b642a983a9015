"""How times and categories are written, against Python, and that a cut changes no byte of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from encoding import chunk_of, document
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.encoder import Encoder
from importer.mapping.compile import compile_mapping
from importer.mapping.timestamps import MAX_MILLISECONDS, MIN_MILLISECONDS
from importer.records import EncodedRows, Piece

FIELDS = """
  id: id
  context.page.url: id
  context.event_timestamp: {column: t, unit: ms}
  user.consent_categories: {column: c, split: "|"}
  user.id: {value: u}
"""
SCHEMA = {"id": pl.String(), "t": pl.Int64(), "c": pl.String()}
FORMS = ["timestamp_place: root, timestamp_type: iso8601", "timestamp_place: both, timestamp_type: text"]
MAPPINGS = {
    form: compile_mapping(
        document(FIELDS, f"version: 1\nevent: purchase\nkey: position\npayload: {{{form}, consent_type: integer}}\n"),
        SCHEMA,
        is_text=False,
    )
    for form in FORMS
}
ROW = st.fixed_dictionaries(
    {
        "id": st.none() | st.sampled_from(["a", "b"]),
        "t": st.none() | st.integers(MIN_MILLISECONDS - 1, MAX_MILLISECONDS + 1),
        "c": st.none() | st.text("12x| ", max_size=4),
    }
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode(rows: list[dict[str, Any]], form: str, first: int = 1) -> EncodedRows:
    return Encoder(MAPPINGS[form], b",", 32_000).encode(chunk_of(pl.DataFrame(rows, schema=SCHEMA), first))


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=12, deadline=None)
@given(rows=st.lists(ROW, max_size=8), data=st.data())
def test_where_a_file_is_cut_changes_no_byte(form: str, rows: list[dict[str, Any]], data: st.DataObject) -> None:
    whole = encode(rows, form)
    cut = data.draw(st.integers(0, len(rows)))
    first, second = encode(rows[:cut], form), encode(rows[cut:], form, 1 + cut)
    assert bytes(whole.body) == bytes(first.body) + bytes(second.body)
    assert whole.rejects == first.rejects + second.rejects
    texts = [Piece(whole, index, index + 1).event(index) for index in range(whole.count)]
    for number, text in zip(whole.rows, texts, strict=True):
        at = rows[number - 1]["t"]
        iso = (EPOCH + timedelta(milliseconds=at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        sent = f'"event_timestamp":"{iso if "iso" in form else at}"'.encode()
        assert text.count(sent) == (2 if "both" in form else 1)
