"""A lookup against a dict in plain Python, whatever the keys are and however the rows are cut into chunks."""

import csv
import json
import tempfile
from pathlib import Path

import polars as pl
from encoding import HEAD, chunk_of, document
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.encoder import Encoder
from importer.lookups import read_lookups
from importer.mapping.compile import compile_mapping
from importer.records import Piece

KEYS = st.sampled_from(["", "7", "07", "007", "7.0", " 7", "é", "e\u0301", "a,b", 'a"b', "a\nb"]) | st.text(
    "01", max_size=4
)
VALUES = st.sampled_from(["", "x", "y z", ";", '"'])
SPECS = {
    "strict": "{{lookup: {{file: {file}, on: {{key: k}}, take: v}}, default: empty}}",
    "kept": "{{lookup: {{file: {file}, on: {{key: k}}, take: v, missing: null}}}}",
    "filled": "{{lookup: {{file: {file}, on: {{key: k}}, take: v, missing: default}}, default: none}}",
}


def model(table: dict[str, str], key: str) -> tuple[bool, dict[str, str]]:
    """Whether the row is rejected, and the members otherwise."""
    is_missing = key != "" and key not in table
    value = table.get(key, "") if key else ""
    members = {"strict": value or "empty", "kept": value, "filled": value or "none"}
    return is_missing, {name: text for name, text in members.items() if text}


@settings(max_examples=60)
@given(st.lists(st.tuples(KEYS, VALUES), max_size=12), st.lists(KEYS, max_size=15), st.integers(1, 15), st.booleans())
@example(rows=[], keys=["7"], cut=1, as_parquet=False)
def test_it_finds_what_a_dict_finds(rows: list[tuple[str, str]], keys: list[str], cut: int, as_parquet: bool) -> None:  # noqa: FBT001
    table = dict(reversed([(key, value) for key, value in rows if key]))
    rows = [(key, table.get(key, "?")) for key, _ in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("t.parquet" if as_parquet else "t.csv")
        if as_parquet:
            pl.DataFrame(rows, schema={"k": pl.String, "v": pl.String}, orient="row").write_parquet(path)
        else:
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([("k", "v"), *rows])
        fields = "".join(f"  {name}: {spec.format(file=path)}\n" for name, spec in SPECS.items())
        mapped = document(fields, HEAD)
        compiled = compile_mapping(mapped, {"key": pl.String()}, is_text=True, lookups=read_lookups(mapped))
    encoder = Encoder(compiled, b",", 32_000)
    frame = pl.DataFrame({"key": keys}, schema={"key": pl.String})
    encoded = [encoder.encode(chunk_of(frame[at : at + cut], at + 1)) for at in range(0, len(keys), cut)]

    expected = [model(table, key) for key in keys]
    found = [json.loads(Piece(part, at, at + 1).event(at)) for part in encoded for at in range(part.count)]
    assert [{name: event[name] for name in SPECS if name in event} for event in found] == [
        members for is_missing, members in expected if not is_missing
    ]
    rejected = [(reject.row, reject.code) for part in encoded for reject in part.rejects]
    assert rejected == [(row, "lookup_missing") for row, (is_missing, _) in enumerate(expected, 1) if is_missing]
