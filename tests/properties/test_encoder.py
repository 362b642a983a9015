"""The encoder against a model in plain Python: one dict a row, written by the rules of the mapping."""

import hashlib
import json
from typing import Any

import polars as pl
import xxhash
from encoding import HEAD, chunk_of, document
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.encoder import Encoder
from importer.mapping.compile import compile_mapping
from importer.records import DIGEST_MODULUS, EncodedRows, Piece

FIELDS = """
  id: text
  deep.whole: whole
  deep.deeper.real: real
  deep.deeper.flag: flag
  constant: {value: [1, {a: b}]}
  number: {column: digits, type: number}
  coupon: {column: text, when: "flag"}
  filled: {column: whole, default: 7}
  one: {each: {name: text, in.real: real}}
  lines: {from: lines, each: {sku: sku, in.qty: qty}}
  tags: tags
  user.id: text
  user.parts: {column: cell, split: "|"}
  user.always: {value: u}
  context.event_timestamp: {value: 1700000000000}
"""
SCHEMA = {
    "text": pl.String,
    "whole": pl.Int64,
    "real": pl.Float64,
    "flag": pl.Boolean,
    "digits": pl.String,
    "lines": pl.List(pl.Struct({"sku": pl.String, "qty": pl.Int32})),
    "tags": pl.List(pl.String),
    "cell": pl.String,
}
NUMBERS = {"1.50": 1.5, "9007199254740993": 2**53 + 1, "007": 7, "+5": 5, "-0": 0, "1E5": 1e5}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ENTRY = st.none() | st.fixed_dictionaries({"sku": st.none() | TEXT, "qty": st.none() | st.integers(-5, 5)})
ROW = st.fixed_dictionaries(
    {
        "text": st.none() | TEXT,
        "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
        "real": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "flag": st.none() | st.booleans(),
        "digits": st.none() | st.sampled_from(["", "bad", *NUMBERS]),
        "lines": st.none() | st.lists(ENTRY, max_size=3),
        "tags": st.none() | st.lists(st.none() | TEXT, max_size=3),
        "cell": st.none() | st.text("ab|", max_size=5),
    }
)
ROWS = st.lists(ROW, max_size=12)
MAPPING = compile_mapping(
    document(FIELDS, HEAD), {k: pl.Series(dtype=v).dtype for k, v in SCHEMA.items()}, is_text=False
)
PLAIN = settings(max_examples=60, deadline=None)


def encode(rows: list[dict[str, Any]], first_row: int = 1) -> EncodedRows:
    encoder = Encoder(MAPPING, b",", 32_000)
    return encoder.encode(chunk_of(pl.DataFrame(rows, schema=SCHEMA), first_row))


def pruned(value: object) -> object:
    """Without nulls, empty texts, and what this leaves empty."""
    if isinstance(value, dict):
        return {name: kept for name, item in value.items() if (kept := pruned(item)) is not None} or None
    if isinstance(value, list):
        return [kept for item in value if (kept := pruned(item)) is not None] or None
    return None if value == "" else value


def model(row: dict[str, Any], number: int) -> object:
    """The event of a row, or ``None`` for a reject."""
    if row["digits"] == "bad":
        return None
    key = "".join(f"{len(part)}:{part}" for part in ("1", "purchase", "/data/f.csv", str(number)))
    event = {
        "event_name": "purchase",
        "id": row["text"],
        "deep": {"whole": row["whole"], "deeper": {"real": row["real"], "flag": row["flag"]}},
        "constant": [1, {"a": "b"}],
        "number": NUMBERS.get(row["digits"]),
        "coupon": row["text"] if row["flag"] else None,
        "filled": 7 if row["whole"] is None else row["whole"],
        "one": [{"name": row["text"], "in": {"real": row["real"]}}],
        "lines": [{"sku": e["sku"], "in": {"qty": e["qty"]}} for e in row["lines"] or [] if e],
        "tags": row["tags"],
        "user": {"id": row["text"], "parts": (row["cell"] or "").split("|"), "always": "u"},
        "context": {"event_timestamp": 1700000000000, "event_id": hashlib.sha256(key.encode()).hexdigest()[:32]},
    }
    return pruned(event)


@PLAIN
@given(ROWS, st.data())
def test_where_a_file_is_cut_changes_no_byte(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    whole = encode(rows)
    cut = data.draw(st.integers(0, len(rows)))
    first, second = encode(rows[:cut]), encode(rows[cut:], 1 + cut)
    assert bytes(whole.body) == bytes(first.body) + bytes(second.body)
    assert whole.rows.tolist() == first.rows.tolist() + second.rows.tolist()
    assert whole.rejects == first.rejects + second.rejects


@PLAIN
@given(ROWS)
def test_each_row_alone_gives_the_same_bytes(rows: list[dict[str, Any]]) -> None:
    assert bytes(encode(rows).body) == b"".join(bytes(encode([row], i).body) for i, row in enumerate(rows, 1))


@PLAIN
@given(ROWS)
def test_events_are_those_of_the_model(rows: list[dict[str, Any]]) -> None:
    encoded = encode(rows)
    texts = [Piece(encoded, i, i + 1).event(i) for i in range(encoded.count)]
    expected = {i: model(row, i) for i, row in enumerate(rows, 1)}
    assert dict(zip(encoded.rows, map(json.loads, texts), strict=True)) == {i: e for i, e in expected.items() if e}
    assert [reject.row for reject in encoded.rejects] == [i for i, event in expected.items() if event is None]
    assert [list(json.loads(text)) for text in texts] == [list(event) for event in expected.values() if event]


@PLAIN
@given(ROWS, st.data())
def test_digests_are_those_of_xxhash(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    encoded = encode(rows)
    start = data.draw(st.integers(0, encoded.count))
    stop = data.draw(st.integers(start, encoded.count))
    piece = Piece(encoded, start, stop)
    each = (xxhash.xxh3_128_intdigest(piece.event(i)) for i in range(start, stop))
    assert piece.digest() == sum(each) % DIGEST_MODULUS
