import json
import sys

import polars as pl
import pytest
import xxhash
from encoding import HEAD, chunk_of, document, run

from importer.encoder import Encoder
from importer.errors import MappingInvalid
from importer.mapping.compile import compile_mapping
from importer.mapping.tree import to_json
from importer.records import DIGEST_MODULUS, Piece, Place, Reject

NASTY = '\x00\x01\b\t\n\x0b\f\r\x1f\x7f\x85\u2028\u2029"\\/é😀\U0010ffff</script>'


WRITABLE = '\b\t\n\f\r\x1f"\\/é😀</script>'


def test_any_text_comes_back() -> None:
    result = run("  id: t\n", {"t": [NASTY, "plain"]})
    assert result.values("id") == [NASTY, "plain"]


def test_a_text_has_the_same_bytes_beside_a_null_or_not_and_as_a_constant() -> None:
    fields = f"  before: n\n  id: t\n  constant: {{value: {json.dumps(WRITABLE, ensure_ascii=False)}}}\n"
    alone = run(fields, {"t": [WRITABLE], "n": ["x"]}).texts
    beside = run(fields, {"t": [WRITABLE, None], "n": ["x", None]}).texts
    assert beside[0] == alone[0]
    assert to_json(WRITABLE) == alone[0].partition('"id":')[2].partition(',"constant"')[0]


def test_every_character_is_escaped_as_the_constants_are() -> None:
    texts = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    frame = pl.DataFrame({"a": texts}).select(pl.struct("a").struct.json_encode())
    assert frame.to_series().to_list() == [f'{{"a":{to_json(text)}}}' for text in texts]


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a/b", "é😀", "a b", "</x>"])
def test_odd_names_of_targets_have_the_same_bytes_in_every_chunk(name: str) -> None:
    key = json.dumps(name, ensure_ascii=False)
    fields = f"  {key}: a\n  {key[:-1]}2.{key[1:]}: b\n"
    full, part = {"a": ["x"], "b": ["y"]}, {"a": ["x", None], "b": ["y", None]}
    assert run(fields, full).texts[0] == run(fields, part).texts[0]
    assert run(fields, full).events[0][name] == "x"
    assert run(fields, full).events[0][f"{name}2"] == {name: "y"}


def test_members_stand_in_the_order_of_the_mapping() -> None:
    fields = "  z: a\n  b.y: a\n  a: {value: 1}\n  b.x: a\n"
    event = run(fields, {"a": ["1"]}).events[0]
    assert list(event) == ["event_name", "z", "b", "a", "context", "user"]
    assert list(event["b"]) == ["y", "x"]


def test_nulls_and_the_objects_that_they_leave_are_omitted() -> None:
    fields = "  a.b.c: x\n  a.b.d: y\n  e: {each: {f: x}}\n  g: y\n"
    result = run(fields, {"x": ["1", None, None], "y": [None, "2", None]})
    assert [{k: v for k, v in event.items() if k in "aeg"} for event in result.events] == [
        {"a": {"b": {"c": "1"}}, "e": [{"f": "1"}]},
        {"a": {"b": {"d": "2"}}, "g": "2"},
        {},
    ]


def test_numbers_from_parquet_are_exact() -> None:
    frame = pl.DataFrame(
        {
            "i": pl.Series([2**100], dtype=pl.Int128),
            "u": pl.Series([2**64 - 1], dtype=pl.UInt64),
            "d": pl.Series(["1234567890123456789012345678901234.5678"]).cast(pl.Decimal(38, 4)),
            "t": ["9007199254740993"],
        }
    )
    text = run("  i: i\n  u: u\n  d: d\n  t: {column: t, type: number}\n", frame).texts[0]
    for token in (
        f'"i":{2**100}',
        f'"u":{2**64 - 1}',
        '"d":1234567890123456789012345678901234.5678',
        '"t":9007199254740993',
    ):
        assert token in text


def test_lists() -> None:
    frame = pl.DataFrame({"l": [["a", None, ""], [], None, [None]], "n": [[1.5, None], None, [], [2.0]]})
    result = run("  user.consent_categories: l\n  n: n\n", frame.with_columns(id=pl.lit("x")))
    assert result.rejects.keys() == {2, 3, 4}  # the list is the only member of user
    assert result.values("user.consent_categories") == [["a"]]
    assert result.values("n") == [[1.5]]


LINES = [
    [{"sku": "a", "price": 1.5, "p": {"n": "x"}}, {"sku": None, "price": None, "p": None}, None],
    [{"sku": None, "price": 2.0, "p": {"n": None}}],
    [{"sku": None, "price": None, "p": None}],
    [],
    None,
    [None],
]


def test_a_list_of_structs() -> None:
    fields = "  items: {from: lines, each: {id: sku, product.price: price, product.name: {sql: p.n}}}\n"
    result = run(fields, pl.DataFrame({"lines": LINES}))
    first, second = [{"id": "a", "product": {"price": 1.5, "name": "x"}}], [{"product": {"price": 2.0}}]
    assert result.values("items") == [first, second, None, None, None, None]


def test_a_list_of_structs_with_a_condition() -> None:
    fields = "  items: {from: lines, when: \"k = 'y'\", each: {id: sku}}\n"
    result = run(fields, pl.DataFrame({"lines": LINES[:1] * 3, "k": ["y", "n", None]}))
    assert result.values("items") == [[{"id": "a"}], None, None]


def test_a_bad_entry_rejects_its_row_with_the_value() -> None:
    lines = [[{"q": "1"}, {"q": "x"}], [{"q": "2"}]]
    result = run("  items: {from: lines, each: {quantity: q}}\n", pl.DataFrame({"lines": lines}))
    assert result.values("items") == [[{"quantity": 2}]]
    assert '"x"' in result.rejects[1][1]
    assert result.encoded.rejects[0].source_row == {"lines": [{"q": "1"}, {"q": "x"}]}


def test_several_lists_in_one_event() -> None:
    frame = pl.DataFrame({"l": [[{"a": 1}, {"a": 2}], None], "m": [None, [{"b": "x"}]]})
    result = run(
        "  one: {from: l, each: {a: a}}\n  two: {from: m, each: {b: b}}\n  three: {from: l, each: {c: a}}\n", frame
    )
    assert result.values("one") == [[{"a": 1}, {"a": 2}], None]
    assert result.values("two") == [None, [{"b": "x"}]]
    assert result.values("three") == [[{"c": 1}, {"c": 2}], None]


def test_each_of_one_row_with_a_condition() -> None:
    result = run("  items: {when: \"k = 'y'\", each: {id: a, type: {value: t}}}\n", {"k": ["y", "n"], "a": ["1", "2"]})
    assert result.values("items") == [[{"id": "1", "type": "t"}], None]


def test_the_one_entry_of_a_row_that_its_condition_does_not_pass_is_dropped() -> None:
    fields = "  items: {where: a <> 'POST', when: \"k = 'y'\", each: {id: a, type: {value: t}}}\n  id: a\n"
    result = run(fields, {"k": ["y", "y", "y", "n"], "a": ["1", "POST", None, "4"]})
    assert result.values("items") == [[{"id": "1", "type": "t"}], None, None, None]
    assert result.values("id") == ["1", "POST", None, "4"]


def test_a_condition_of_an_entry_that_cannot_be_computed_rejects_where_there_would_be_an_entry() -> None:
    fields = "  items: {where: CAST(n AS INT) > 1, when: \"k = 'y'\", each: {id: n}}\n"
    result = run(fields, {"k": ["y", "y", "y", "n"], "n": ["2", "1", "x", "x"]})
    assert result.rejects == {3: ("cast", 'items.where: a CAST in its SQL cannot convert "x" (n)')}
    assert result.values("items") == [[{"id": "2"}], None, None]


def test_entries_of_a_list_of_structs_are_filtered() -> None:
    lines = [[{"sku": "a", "n": "2"}, {"sku": "POST", "n": "x"}, {"sku": "b", "n": None}], [{"sku": "POST", "n": "1"}]]
    fields = "  items: {from: lines, where: sku <> 'POST', each: {id: sku, quantity: n}}\n"
    assert run(fields, pl.DataFrame({"lines": lines})).values("items") == [
        [{"id": "a", "quantity": 2}, {"id": "b"}],
        None,
    ]


def test_a_condition_on_a_struct_that_cannot_be_computed_rejects_its_row() -> None:
    lines = [[{"n": "2"}, {"n": "x"}], [{"n": "1"}, {"n": "3"}]]
    result = run("  items: {from: lines, where: CAST(n AS INT) > 1, each: {id: n}}\n", pl.DataFrame({"lines": lines}))
    assert result.values("items") == [[{"id": "3"}]]
    assert result.rejects == {1: ("cast", 'items.where: a CAST in its SQL cannot convert "x" (n)')}


def test_the_members_of_a_struct_may_be_called_like_its_column() -> None:
    frame = pl.DataFrame({"l": [[{"l": 1}, {"l": 2}]]})
    assert run("  items: {from: l, each: {quantity: l}}\n", frame).values("items") == [
        [{"quantity": 1}, {"quantity": 2}]
    ]


@pytest.mark.parametrize("field", ["{column: t, unit: ms}", "{column: t, type: number}"])
def test_the_first_and_the_last_time_of_what_is_encoded(field: str) -> None:
    fields = f"  context.event_timestamp: {field}\n  id: a\n"
    data = {"t": ["1700000000000", "1500000000000", "1600000000000", "1400000000000"], "a": ["x", "y" * 400, "z", "w"]}
    result = run(fields, data, max_item_bytes=300, head=f"{HEAD}where: a <> 'w'\n")
    assert (result.oldest_ms, result.newest_ms) == (1_600_000_000_000, 1_700_000_000_000)
    constant = run("  id: a\n", {"a": ["x"]})
    assert (constant.oldest_ms, constant.newest_ms) == (1_700_000_000_000, 1_700_000_000_000)
    nothing = run("  id: a\n", {"a": ["x"]}, head=f"{HEAD}where: a <> 'x'\n")
    assert (nothing.oldest_ms, nothing.newest_ms) == (None, None)


def test_only_what_is_encoded_counts_with_its_size() -> None:
    frame = pl.DataFrame({"a": ["x", "y" * 400, "z", "zz"]})
    encoder = Encoder(compile_mapping(document("  id: a\n"), frame.schema, is_text=False), b",\n", 300)
    encoded = encoder.encode(chunk_of(frame))
    size = len(Piece(encoded, 0, 1).event(0))
    assert encoder.sizes == {size: 2, size + 1: 1}


def test_times_and_findings_of_several_chunks_come_together() -> None:
    frame = pl.DataFrame({"t": ["2024-10-27T02:30", "2024-10-26T02:30"]})
    fields = "  context.event_timestamp: {column: t, timezone: Europe/Paris}\n"
    encoder = Encoder(compile_mapping(document(fields), frame.schema, is_text=False), b",", 32_000)
    for start in (0, 1, 0):
        encoder.encode(chunk_of(frame[start : start + 1], 1 + start))
    assert (encoder.oldest_ms, encoder.newest_ms) == (1_729_902_600_000, 1_729_989_000_000)
    assert {rule: (found.count, found.examples) for rule, found in encoder.findings.items()} == {
        "time_ambiguous": (2, [])
    }


def test_sql_that_is_a_constant() -> None:
    assert run('  a: {sql: "7"}\n  b: {sql: "\'x\'"}\n', {"c": [1, 2]}).values("a") == [7, 7]


def test_checks_that_show_nothing_work_for_several_rows() -> None:
    result = run("  user.id: u\n", {"u": pl.Series([None, None, 1], dtype=pl.Int64)})
    assert [code for code, _ in result.rejects.values()] == ["user_missing", "user_missing"]


def test_a_reject_names_all_that_is_wrong_once_and_carries_the_row() -> None:
    result = run("  value: v\n  tax_amount: v\n  revenue: w\n", {"v": ["x"], "w": ["y"], "unused": ["z"]})
    (reject,) = result.encoded.rejects
    assert (reject.row, reject.line, reject.stage, reject.code) == (1, 2, "mapping", "type")
    assert reject.message == (
        "value: column 'v' is \"x\", which is not a number; revenue: column 'w' is \"y\", which is not a number"
    )
    assert reject.source_row == {"v": "x", "w": "y", "unused": "z"}


def test_an_event_that_is_too_large_is_rejected_with_its_size() -> None:
    result = run("  id: t\n", {"t": ["é" * 10, "é" * 500, "x"]}, max_item_bytes=400)
    (reject,) = result.encoded.rejects
    size = len(run("  id: t\n", {"t": ["é" * 500]}).texts[0].encode())
    assert (reject.row, reject.stage, reject.code) == (2, "encode", "too_large")
    assert f"{size:,} bytes" in reject.message
    assert result.encoded.rows.tolist() == [1, 3]


def test_the_limit_is_of_the_event_without_its_separator() -> None:
    size = len(run("  id: t\n", {"t": ["abc"]}).texts[0])
    assert run("  id: t\n", {"t": ["abc"]}, max_item_bytes=size).encoded.count == 1
    assert run("  id: t\n", {"t": ["abc"]}, max_item_bytes=size - 1).encoded.count == 0


@pytest.mark.parametrize("separator", [b"", b",", b"\r\n"])
def test_separator_and_digest(separator: bytes) -> None:
    mapping = compile_mapping(document("  id: t\n"), {"t": pl.String()}, is_text=False)
    encoded = Encoder(mapping, separator, 32_000).encode(chunk_of(pl.DataFrame({"t": [NASTY, "b", "c"]})))
    piece = Piece(encoded, 0, 3)
    events = [piece.event(i) for i in range(3)]
    assert bytes(encoded.body) == b"".join(event + separator for event in events)
    digests = [xxhash.xxh3_128_intdigest(event) for event in events]
    assert piece.digest() == sum(digests) % DIGEST_MODULUS
    assert Piece(encoded, 1, 2).digest() == digests[1]


@pytest.mark.parametrize("where", ["", "where: t = 'nothing'\n"])
def test_a_chunk_without_events(where: str) -> None:
    frame = pl.DataFrame({"t": ["a"] if where else []}, schema={"t": pl.String})
    encoded = run("  id: t\n", frame, head=HEAD + where).encoded
    assert (encoded.count, encoded.offsets.tolist(), bytes(encoded.body)) == (0, [0], b"")
    assert Piece(encoded, 0, 0).digest() == 0


def test_earlier_rejects_are_kept_in_row_order() -> None:
    frame = pl.DataFrame({"v": ["1", "x", "3"]})
    chunk = chunk_of(frame)
    early = tuple(Reject(0, "f.csv", row, row, "source", "short", "m") for row in (5, 8))
    chunk = type(chunk)(
        chunk.span, "f.csv", "f", frame, pl.Series([1, 7, 9]), early, lambda row: Place("f.csv", row, row)
    )
    mapping = compile_mapping(document("  value: v\n"), frame.schema, is_text=False)
    encoded = Encoder(mapping, b",", 32_000).encode(chunk)
    assert [reject.row for reject in encoded.rejects] == [5, 7, 8]
    assert encoded.rows.tolist() == [1, 9]


def test_a_mapping_that_reads_no_column() -> None:
    frame = pl.DataFrame({"a": ["x", "y"]})
    mapping = compile_mapping(document("  id: {value: 1}\n"), frame.schema, is_text=False)
    chunk = chunk_of(frame)
    empty = type(chunk)(chunk.span, "f", "f", pl.DataFrame(), chunk.rows, (), chunk.place_of)
    assert mapping.columns == ()
    assert Encoder(mapping, b",", 32_000).encode(empty).count == 2


def test_a_row_that_cannot_be_computed_is_rejected_alone() -> None:
    result = run("  v: {sql: CAST(b AS VARCHAR)}\n", pl.DataFrame({"b": [b"a", b"\xff", b"c", b"\xfe"]}))
    assert result.values("v") == ["a", "c"]
    assert {row: code for row, (code, _) in result.rejects.items()} == {2: "cannot_compute", 4: "cannot_compute"}
    assert "utf8" in result.rejects[2][1]
    assert result.encoded.rejects[0].source_row == {"b": b"\xff"}


def test_what_is_counted_is_counted_once_where_a_row_cannot_be_computed() -> None:
    frame = pl.DataFrame({"t": ["2021-10-31 02:30:00"] * 3, "b": [b"a", b"\xff", b"c"]})
    fields = "  v: {sql: CAST(b AS VARCHAR)}\n  at: {column: t, type: timestamp, timezone: Europe/Paris}\n"
    result = run(fields, frame)
    assert result.warnings == {"time_ambiguous": 2}
    assert len(result.rejects) == 1


def test_a_condition_that_cannot_be_computed_rejects_its_row_and_filters_others() -> None:
    frame = pl.DataFrame({"c": ["4", "1", "1"], "d": ["1", "0", "2"]}).with_columns(
        pl.col("c", "d").cast(pl.Decimal(9, 2))
    )
    result = run("  id: {value: x}\n", frame, head=f"{HEAD}where: c / d > 1\n")
    assert (list(result.encoded.rows), list(result.rejects)) == ([1], [2])


def test_a_fault_of_the_mapping_is_not_blamed_on_rows() -> None:
    mapping = compile_mapping(document("  id: a\n"), {"a": pl.String()}, is_text=True)
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        Encoder(mapping, b",", 32_000).encode(chunk_of(pl.DataFrame({"other": ["x"]})))


def test_a_rejected_row_with_a_time_that_python_does_not_have() -> None:
    late = pl.Series([2**62]).cast(pl.Datetime("ms", "UTC"))
    (reject,) = run(
        "  user.id: u\n", pl.DataFrame({"u": [None], "t": late}, schema_overrides={"u": pl.String})
    ).encoded.rejects
    assert reject.source_row == {"u": None, "t": 2**62}


def test_a_list_in_a_struct() -> None:
    frame = pl.DataFrame({"p": [{"lines": [{"sku": "a"}, {"sku": "b"}]}, None, {"lines": []}]})
    assert run("  items: {from: p.lines, each: {id: sku}}\n", frame).values("items") == [
        [{"id": "a"}, {"id": "b"}],
        None,
        None,
    ]
    dotted = frame.with_columns(pl.Series("p.lines", [[{"sku": "own"}]] * 3))
    assert run("  items: {from: p.lines, each: {id: sku}}\n", dotted).values("items")[1] == [{"id": "own"}]


def test_a_list_in_a_struct_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(MappingInvalid) as error:
        run("  items: {from: p.linse, each: {id: sku}}\n", pl.DataFrame({"p": [{"lines": [{"sku": "a"}]}]}))
    (problem,) = error.value.problems
    assert problem.message == "the struct `p` has no member 'linse'; did you mean `lines`?"
    assert (problem.line, problem.column) == (5, 17)


def test_hours_that_exist_twice_or_not_at_all_are_counted_in_lists_once_an_event() -> None:
    twice, never, plain = {"t": "2021-10-31 02:30:00"}, {"t": "2021-03-28 02:30:00"}, {"t": "2021-05-05 05:00:00"}
    frame = pl.DataFrame({"l": [[twice, twice, plain], [plain], [never], [twice, {"t": "no time"}]]})
    fields = "  items: {from: l, each: {at: {column: t, type: timestamp, timezone: Europe/Paris}}}\n"
    result = run(fields, frame)
    assert result.warnings == {"time_ambiguous": 1, "time_nonexistent": 1}
    assert list(result.rejects) == [4]
