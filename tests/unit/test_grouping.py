"""Mappings with ``group_by``: many rows make one event."""

import hashlib
from typing import Any

import polars as pl
import pytest
from encoding import Result, document, run, staged

from importer.encoder import ChunkInput, Encoder
from importer.errors import MappingInvalid, Problem, SourceUnreadable
from importer.mapping.compile import compile_mapping
from importer.records import Piece, Place, Span

HEAD = "version: 1\nevent: purchase\ngroup_by: order\nsource: {columns: {price: number, qty: integer}}\n"
ORDERS = {
    "order": ["A", "B", "A", "C", "A"],
    "price": ["1.50", "2", "0.25", "3", None],
    "qty": ["1", "1", "4", "2", "1"],
    "sku": ["s", "t", "POST", "POST", "u"],
    "who": ["x", "y", "x", "z", "x"],
}


def group(fields: str, head: str = HEAD, *, max_item_bytes: int = 32_000, **columns: object) -> Result:
    """Encode the orders, with other columns, as a CSV."""
    data: dict[str, Any] = ORDERS | columns
    return run(fields, data, head=head, is_text=True, max_item_bytes=max_item_bytes)


def problems(fields: str, head: str = HEAD, **columns: pl.DataType) -> list[Problem]:
    schema = {name: pl.String() for name in ORDERS} | columns
    with pytest.raises(MappingInvalid) as error:
        compile_mapping(document(fields, head), schema, is_text=True)
    return error.value.problems


def rejects(result: Result) -> dict[int, str]:
    return {row: code for row, (code, _) in result.rejects.items()}


def test_rows_of_a_group_become_one_event_wherever_they_stand() -> None:
    result = group(
        '  id: order\n  value: {sql: "SUM(price * qty)", round: 2}\n  items: {each: {id: sku, quantity: qty}}\n'
    )
    assert result.values("id") == ["A", "B", "C"]
    assert result.values("value") == [2.5, 2.0, 6.0]
    assert result.values("items")[0] == [
        {"id": "s", "quantity": 1},
        {"id": "POST", "quantity": 4},
        {"id": "u", "quantity": 1},
    ]
    assert (result.rejects, result.warnings) == ({}, {})


def test_an_event_knows_its_rows_and_where_they_stand() -> None:
    encoded = group("  id: order\n").encoded
    assert [encoded.rows_of(i) for i in range(3)] == [range(1, 4), range(4, 5), range(5, 6)]
    assert [encoded.place(row) for row in (1, 2, 3)] == [Place("f.csv", row, row + 1) for row in (1, 3, 5)]
    assert Piece(encoded, 0, 2).source_rows == 4


def test_the_columns_of_group_by_are_the_key() -> None:
    result = group("  id: order\n", HEAD.replace("order", "[order, who]"))
    expected = [hashlib.sha256(f"1:18:purchase1:{o}1:{w}".encode()).hexdigest()[:32] for o, w in ("Ax", "By", "Cz")]
    assert result.values("context.event_id") == expected
    assert group("  id: order\n", f"{HEAD}key: who\n").values("context.event_id")[0] != expected[0]


def test_members_stand_in_the_order_of_the_mapping() -> None:
    (event, *_) = group("  items: {each: {id: sku}}\n  a: {sql: COUNT(*)}\n  id: order\n").events
    assert list(event) == ["event_name", "items", "a", "id", "context", "user"]


def test_one_row_is_a_group_too_and_its_bytes_are_those_of_a_row() -> None:
    fields = "  id: order\n  items: {each: {id: sku, in.price: {column: price, type: number}}}\n  user.id: who\n"
    lines = {name: values[1:2] for name, values in ORDERS.items()}
    alone = run(fields, lines, head=HEAD.replace("group_by", "key"), is_text=True)
    assert group(fields).texts[1] == alone.texts[0]


def test_outside_each_a_column_is_the_cell_of_the_first_row_null_included() -> None:
    result = group("  coupon: c\n  mine: {sql: UPPER(c)}\n", c=["a", None, "b", "c", "a"])
    assert result.values("coupon") == ["a", None, "c"]
    assert result.values("mine") == ["A", None, "C"]


def test_rows_that_disagree_are_counted_once_an_event_with_both_values() -> None:
    result = group("  coupon: c\n  mine: {sql: UPPER(c)}\n  id: order\n", c=["a", None, None, "c", "b"])
    rule = "column 'c' differs within its group; the first line's value is used"
    assert result.warnings == {rule: 1}
    (example,) = result.findings[rule].examples
    assert (example.order, example.file) == ((0, 3), "f.csv")
    assert example.message == "column 'c' is empty, and \"a\" in f.csv:1"


def test_a_null_before_a_value_disagrees_and_an_empty_text_is_a_null() -> None:
    assert list(group("  coupon: c\n", c=[None, "x", "a", "x", None]).warnings.values()) == [1]
    assert group("  coupon: c\n", c=[None, "x", "", "x", None]).warnings == {}


def test_what_is_not_sent_is_not_warned_about() -> None:
    result = group("  coupon: c\n  value: price\n", c=["a", "x", "b", "x", "x"], price=["x", "1", "1", "1", "1"])
    assert rejects(result) == {1: "type", 3: "type", 5: "type"}
    assert result.warnings == {}


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1.5, 2.5], pl.Float64),
        ([True, None], pl.Boolean),
        ([[1], [2]], pl.List(pl.Int64)),
        ([{"a": 1}, {"a": 2}], None),
    ],
)
def test_cells_of_every_type_are_compared(values: list[object], dtype: object) -> None:
    frame = pl.DataFrame({"order": ["A"] * 3, "c": pl.Series([*values, values[0]], dtype=dtype)})
    column = "{sql: c.a}" if dtype is None else "c"
    result = run(f"  mine: {column}\n", frame, head="version: 1\nevent: p\ngroup_by: order\n")
    assert list(result.warnings.values()) == [1]


def test_a_condition_outside_each_is_of_the_group() -> None:
    fields = "  many: {value: 1, when: 'COUNT(*) > 1'}\n  kind: {column: who, when: \"who = 'x'\"}\n"
    result = group(fields + "  items: {when: SUM(qty) > 1, each: {id: sku}}\n")
    assert result.values("many") == [1, None, None]
    assert result.values("kind") == ["x", None, None]
    assert [items and len(items) for items in result.values("items")] == [3, None, 1]


def test_a_condition_inside_each_is_of_the_row() -> None:
    result = group("  items: {each: {id: sku, gift: {value: true, when: qty > 1}}}\n")
    assert result.values("items")[0] == [{"id": "s"}, {"id": "POST", "gift": True}, {"id": "u"}]


def test_entries_are_filtered_and_a_list_without_any_is_omitted() -> None:
    result = group("  items: {where: sku <> 'POST', each: {id: sku, quantity: qty}}\n", qty=["1", "1", "x", "1", "1"])
    assert result.values("items") == [
        [{"id": "s", "quantity": 1}, {"id": "u", "quantity": 1}],
        [{"id": "t", "quantity": 1}],
        None,
    ]
    assert result.rejects == {}
    empty = group("  items: {each: {id: c}}\n", c=[None, "", "a", None, None])
    assert empty.values("items") == [[{"id": "a"}], None, None]


def test_a_row_in_which_the_condition_of_an_entry_cannot_be_computed_rejects_its_event() -> None:
    result = group("  items: {where: price > 1, each: {id: sku}}\n", price=["2", "1", "x", "2", None])
    assert rejects(result) == {1: "group_rejected", 3: "type", 5: "group_rejected"}
    assert result.rejects[3][1] == "items.where: column 'price' is \"x\", which is not a number"
    assert result.values("items") == [None, [{"id": "POST"}]]


def test_a_bad_row_rejects_its_event_and_the_others_name_it() -> None:
    result = group("  items: {each: {quantity: qty}}\n", qty=["1", "1", "x", "1", "y"])
    reason = "items[].quantity: column 'qty' is \"{}\", which is not a number"
    assert result.rejects == {
        1: ("group_rejected", f"its event is rejected because of f.csv:3: {reason.format('x')}"),
        3: ("type", reason.format("x")),
        5: ("type", reason.format("y")),
    }
    assert [(reject.number, reject.row, reject.line) for reject in result.encoded.rejects] == [
        (1, 1, 2), (2, 3, 4), (3, 5, 6),
    ]  # fmt: skip
    sources = [reject.source_row for reject in result.encoded.rejects]
    assert sources == [
        {"order": "A", "qty": qty} | {k: ORDERS[k][i] for k in ("price", "sku", "who")}
        for i, qty in ((0, "1"), (2, "x"), (4, "y"))
    ]


def test_a_typed_cell_is_checked_in_every_row_where_its_field_applies() -> None:
    fields = "  value: {sql: SUM(price), when: \"who = 'x'\"}\n  tax: {sql: price + 1, when: \"who = 'z'\"}\n"
    result = group(fields, price=["1", "x", "z", "y", None])
    assert rejects(result) == {1: "group_rejected", 3: "type", 5: "group_rejected", 4: "type"}
    assert result.values("value") == [None]


def test_a_row_is_not_blamed_for_a_cell_that_its_event_does_not_need() -> None:
    fields = "  value: {sql: SUM(price), when: \"who = 'y'\"}\n  tax: {sql: SUM(qty)}\n"
    result = group(fields, price=["x", "1", "1", "1", "1"], qty=["1", "1", "x", "1", "1"])
    assert rejects(result) == {1: "group_rejected", 3: "type", 5: "group_rejected"}


def test_a_cast_inside_an_aggregate_rejects_where_the_event_depends_on_it() -> None:
    fields = "  value: {sql: \"CASE WHEN who = 'x' THEN SUM(CAST(c AS DOUBLE)) ELSE 0 END\"}\n"
    result = group(fields, c=["1", "bad", "worse", None, "2"])
    assert rejects(result) == {1: "group_rejected", 3: "cast", 5: "group_rejected"}
    assert result.rejects[3][1] == 'value: a CAST in its SQL cannot convert "worse" (c)'
    assert result.values("value") == [0, 0]


def test_a_cast_outside_an_aggregate_is_of_the_group() -> None:
    result = group("  value: {sql: CAST(c AS DOUBLE) + COUNT(*)}\n", c=["1", "bad", "worse", None, "2"])
    assert rejects(result) == {2: "cast"}
    assert result.values("value") == [4.0, None]
    (problem,) = {
        message for _, message in group("  a: {sql: \"CAST(STRING_AGG(sku, '') AS INT)\"}\n").rejects.values()
    }
    assert problem == "a: a CAST in its SQL cannot convert what it is given"


def test_what_the_group_as_a_whole_fails_is_said_for_all_of_its_rows() -> None:
    result = group("  user.id: c\n", c=[None, "x", "a", "x", "b"])
    assert {row: result.rejects[row] for row in (1, 3, 5)} == dict.fromkeys(
        (1, 3, 5), ("user_missing", "user: the event has no user: user.id are all empty")
    )


def test_a_bad_row_and_a_bad_group_are_both_said() -> None:
    result = group(
        "  user.id: c\n  value: {sql: SUM(price)}\n", c=[None, "x", "a", "x", "b"], price=["1", "1", "x", "1", "1"]
    )
    assert rejects(result) == {1: "group_rejected", 3: "type", 5: "group_rejected"}
    assert "f.csv:3: value: column 'price' is \"x\"" in result.rejects[1][1]
    assert "the event has no user" in result.rejects[1][1]


def test_the_name_of_an_event_may_not_differ() -> None:
    head = HEAD.replace("purchase", "{column: kind, map: {O: purchase, R: refund}}")
    result = group("  id: order\n", head, kind=["O", "R", "R", "O", None])
    assert result.values("event_name") == ["refund", "purchase"]
    message = "event_name: column 'kind' gives the name of the event, and the rows of this event have several: {}"
    assert set(result.rejects.values()) == {("event_name_varies", message.format('"O, R, empty"'))}
    in_sql = HEAD.replace("purchase", "{sql: \"CASE WHEN SUM(qty) > 2 THEN 'purchase' ELSE 'refund' END\"}")
    assert group("  id: order\n", in_sql).values("event_name") == ["purchase", "refund", "refund"]


def test_the_key_of_an_event_may_not_differ() -> None:
    result = group("  id: order\n", f"{HEAD}key: [order, k]\n", k=["1", "1", "1", "1", "2"])
    assert set(rejects(result).items()) == {(1, "key_varies"), (3, "key_varies"), (5, "key_varies")}
    assert result.rejects[1][1].endswith("the key column 'k' has several values in the rows of this event: \"1, 2\"")
    assert result.encoded.count == 2


def test_an_event_that_is_too_large_is_rejected_with_all_its_rows() -> None:
    result = group("  items: {each: {id: c}}\n", c=["é" * 50, "a", "b" * 90, "c", "d"], max_item_bytes=300)
    size = len(group("  items: {each: {id: c}}\n", c=["é" * 50, "a", "b" * 90, "c", "d"]).texts[0].encode())
    message = f"the event of 3 rows has {size} bytes, and the API takes 300"
    assert result.rejects == dict.fromkeys((1, 3, 5), ("too_large", message))
    assert {reject.stage for reject in result.encoded.rejects} == {"encode"}
    assert [reject.source_row["c"][0] for reject in result.encoded.rejects] == ["é", "b", "d"]
    assert [result.encoded.rows_of(i) for i in range(2)] == [range(4, 5), range(5, 6)]


def test_where_comes_before_the_groups() -> None:
    head = f"{HEAD}where: sku <> 'POST'\n"
    result = group("  id: order\n  n: {sql: COUNT(*)}\n", head)
    assert list(zip(result.values("id"), result.values("n"), strict=True)) == [("A", 2), ("B", 1)]


def test_a_row_in_which_where_cannot_be_computed_passes_and_rejects_its_event() -> None:
    head = f"{HEAD}where: price > 1 AND sku <> 'POST'\n"
    columns = {"price": ["2", "x", "x", "0", None], "sku": ["s", "t", "POST", "s", "s"]}
    mapping = compile_mapping(document("  id: order\n", head), {name: pl.String() for name in ORDERS}, is_text=True)
    assert mapping.passing(pl.DataFrame(ORDERS | columns)).to_list() == [True, True, False, False, False]
    result = group("  id: order\n", head, **columns)
    assert result.values("id") == ["A"]
    assert result.rejects == {2: ("type", "where: column 'price' is \"x\", which is not a number")}


def test_without_where_all_rows_pass() -> None:
    mapping = compile_mapping(document("  id: order\n", HEAD), {name: pl.String() for name in ORDERS}, is_text=True)
    assert mapping.passing(pl.DataFrame(ORDERS)).to_list() == [True] * 5


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["7", "", None], ["7", None, None]),
        ([7, 10**18, None], ["7", "1000000000000000000", None]),
        (pl.Series(["2024-01-02", None]).str.to_date(), ["2024-01-02", None]),
        (pl.Series(["a", None], dtype=pl.Categorical), ["a", None]),
        ([True, None], ["true", None]),
    ],
)
def test_the_group_key_is_text(values: object, expected: list[object]) -> None:
    frame = pl.DataFrame({"k": values})
    head = "version: 1\nevent: p\ngroup_by: [k]\n"
    (part,) = compile_mapping(document("  id: {value: 1}\n", head), frame.schema, is_text=False).group_key or ()
    assert frame.select(part.alias("k"))["k"].to_list() == expected


def test_a_declared_type_decides_what_is_one_group() -> None:
    head = HEAD.replace("{price", "{order: integer, price")
    result = group("  n: {sql: COUNT(*)}\n", head, order=["007", "8", "7", "x", " 7"])
    assert result.values("n") == [3, 1]
    assert result.rejects == {4: ("type", "group_by order: column 'order' is \"x\", which is not a whole number")}
    assert result.values("context.event_id")[0] == hashlib.sha256(b"1:18:purchase1:7").hexdigest()[:32]


def test_a_cell_that_does_not_fit_the_type_of_its_group_key_has_a_group_of_its_own() -> None:
    head = HEAD.replace("{price", "{order: integer, price")
    mapping = compile_mapping(document("  id: order\n", head), {name: pl.String() for name in ORDERS}, is_text=True)
    (part,) = mapping.group_key or ()
    frame = pl.DataFrame({"order": ["007", "x", "", None]})
    assert frame.select(part.alias("k"))["k"].to_list() == ["7", "x", None, None]


def test_there_is_no_group_key_without_group_by() -> None:
    mapping = compile_mapping(document("  id: a\n"), {"a": pl.String()}, is_text=True)
    assert (mapping.group_key, mapping.grouping) == (None, None)


@pytest.mark.parametrize("dtype", [pl.Float64(), pl.Binary(), pl.List(pl.String), pl.Struct({"a": pl.String})])
def test_what_cannot_be_a_group_key_is_a_problem_with_its_place(dtype: pl.DataType) -> None:
    (problem,) = problems("  id: {value: x}\n", HEAD.replace("order", "[order, k]"), k=dtype)
    assert (problem.line, problem.column, problem.path) == (3, 19, "group_by[1]")


def test_a_column_of_group_by_that_is_not_there_is_the_fault_of_the_source() -> None:
    with pytest.raises(SourceUnreadable, match="did you mean `order`"):
        compile_mapping(
            document("  id: sku\n", HEAD.replace("order", "oder")), {n: pl.String() for n in ORDERS}, is_text=True
        )


def test_columns_that_are_read_and_those_that_are_not() -> None:
    schema = {name: pl.String() for name in (*ORDERS, "state", "k", "unused")}
    head = HEAD + "where: state = 'x'\nkey: k\n"
    fields = "  value: {sql: SUM(price)}\n  items: {where: qty > 1, each: {id: sku}}\n"
    mapping = compile_mapping(document(fields, head), schema, is_text=True)
    assert mapping.columns == ("order", "price", "qty", "sku", "state", "k")
    assert mapping.unused == ("who", "unused")


@pytest.mark.parametrize(
    ("fields", "path", "said"),
    [
        ("  items: {each: {n: {sql: COUNT(*)}}}\n", "fields.items.each.n.sql", "cannot stand in `each`"),
        ("  items: {where: COUNT(*) > 1, each: {id: sku}}\n", "fields.items.where", "cannot stand in `each`"),
        (
            "  items: {each: {id: {column: sku, when: COUNT(*) > 1}}}\n",
            "fields.items.each.id.when",
            "move it to a field",
        ),
        ("  v: {sql: SUM(sku)}\n", "fields.v.sql", 'source: {columns: {"sku": number}}'),
        ("  v: {sql: SUM(nope)}\n  w: {sql: sku + 1}\n", "fields.w.sql", "cannot be computed with"),
        ("  v: {sql: SUM(price) > 1, when: who}\n", "fields.v.when", "must be true or false"),
        ("  v: {sql: ARRAY_AGG(price), type: string}\n", "fields.v.type", "text"),
    ],
)
def test_problems_have_their_place(fields: str, path: str, said: str) -> None:
    found = {problem.path: problem.message for problem in problems(fields)}
    assert said in found[path]


def test_where_sees_one_row_at_a_time() -> None:
    (problem,) = problems("  id: order\n", f"{HEAD}where: COUNT(*) > 1\n")
    assert (problem.path, problem.line, problem.column) == ("where", 5, 8)
    assert "before there are groups" in problem.message


def test_lists_of_values_are_gathered_from_the_rows() -> None:
    result = group(
        '  user.consent_categories: {sql: "ARRAY_AGG(DISTINCT c)"}\n  user.id: who\n', c=["b", None, "a", "", "b"]
    )
    assert result.values("user.consent_categories") == [["b", "a"], None, None]


def test_times_are_noted_over_the_events_that_are_encoded() -> None:
    fields = "  context.event_timestamp: {column: t, unit: s}\n  items: {each: {id: sku}}\n"
    times = ["1700000000", "1600000000", "1500000000", "x", "1700000000"]
    result = group(fields, t=times)
    assert (result.oldest_ms, result.newest_ms) == (1_600_000_000_000, 1_700_000_000_000)
    assert rejects(result) == {4: "type"}
    nothing = group(fields, t=["x"] * 5)
    assert (nothing.oldest_ms, nothing.newest_ms) == (None, None)


def test_clocks_are_counted_once_an_event() -> None:
    fields = "  context.event_timestamp: {column: t, timezone: Europe/Paris}\n"
    result = group(fields, t=["2024-10-27 02:30"] * 5)
    assert result.warnings == {"time_ambiguous": 3}


def test_a_chunk_without_lines_has_no_events() -> None:
    result = group("  value: {sql: SUM(price)}\n  items: {each: {id: sku}}\n", f"{HEAD}where: sku = 'none'\n")
    assert (result.encoded.count, result.encoded.rejects) == (0, ())


def test_groups_with_numbers_from_anywhere_and_frames_of_many_pieces() -> None:
    fields = "  value: {sql: SUM(price)}\n  items: {each: {id: sku}}\n"
    frame = pl.DataFrame(ORDERS)
    mapping = compile_mapping(document(fields, HEAD), frame.schema, is_text=True)
    chunk = staged(mapping, frame)
    whole = Encoder(mapping, b",", 32_000).encode(chunk)
    pieces = pl.concat([chunk.frame[:1], chunk.frame[1:4], chunk.frame[4:]], rechunk=False)
    groups = pl.Series([7, 7, 7, 9, 1_000], dtype=pl.UInt32)
    other = ChunkInput(Span(0, 1, 6), "f", "/f", pieces, chunk.rows, (), chunk.place_of, groups)
    assert bytes(Encoder(mapping, b",", 32_000).encode(other).body) == bytes(whole.body)


def test_a_grouped_mapping_refuses_rows_that_nobody_has_grouped() -> None:
    mapping = compile_mapping(document("  id: order\n", HEAD), {name: pl.String() for name in ORDERS}, is_text=True)
    chunk = staged(mapping, pl.DataFrame(ORDERS))
    loose = ChunkInput(chunk.span, "f", "/f", chunk.frame, chunk.rows, (), chunk.place_of)
    with pytest.raises(ValueError, match="chunks of groups"):
        Encoder(mapping, b",", 32_000).encode(loose)


def orders(fields: str, frame: pl.DataFrame, more: str = "") -> Result:
    return run(fields, frame, head=f"version: 1\nevent: purchase\ngroup_by: k\n{more}")


def test_a_sum_of_whole_numbers_does_not_wrap_around() -> None:
    frame = pl.DataFrame({"k": ["a", "b", "a"], "n": [2**63 - 1, 7, 1]})
    result = orders("  v: {sql: SUM(n)}\n", frame)
    assert result.values("v") == [7]
    assert rejects(result) == {1: "overflow", 3: "overflow"}
    assert "does not fit 64 bits" in result.rejects[1][1]


def test_a_product_in_a_sum_that_does_not_fit_names_its_line() -> None:
    frame = pl.DataFrame({"k": ["a", "b", "a"], "n": [1, 7, 2**62]})
    result = orders("  v: {sql: SUM(n * 2)}\n", frame)
    assert result.values("v") == [14]
    assert rejects(result) == {1: "group_rejected", 3: "overflow"}


def test_a_group_that_cannot_be_computed_is_rejected_whole_and_the_others_keep_their_rows() -> None:
    frame = pl.DataFrame({"k": ["a", "b", "b", "c", "c"], "b": [b"x", b"y", b"\xff", b"z", b"z"]})
    result = orders("  v: {sql: \"STRING_AGG(CAST(b AS VARCHAR), '')\"}\n", frame)
    assert result.values("v") == ["x", "zz"]
    assert rejects(result) == {2: "cannot_compute", 3: "cannot_compute"}
    assert [result.encoded.rows_of(i) for i in range(2)] == [range(1, 2), range(4, 6)]


def test_rows_that_a_condition_cannot_be_computed_for_reach_the_rejects() -> None:
    frame = pl.DataFrame({"k": ["a", "b", "c"], "c": ["4", "1", "1"], "d": ["1", "0", "2"]})
    result = orders("  v: k\n", frame.with_columns(pl.col("c", "d").cast(pl.Decimal(9, 2))), "where: c / d > 1\n")
    assert (result.values("v"), rejects(result)) == (["a"], {2: "cannot_compute"})


def test_a_member_of_a_struct_is_judged_and_not_the_whole_struct() -> None:
    frame = pl.DataFrame({"k": ["a", "a", "b", "b"], "s": [{"city": "x", "n": n, "d": {"e": n % 2}} for n in range(4)]})
    assert orders("  v: {sql: s.city}\n", frame).warnings == {}
    result = orders("  v: {sql: s.city}\n  w: {sql: s.d.e}\n", frame)
    rule = "column 's.d.e' differs within its group; the first line's value is used"
    assert result.warnings == {rule: 2}
    assert result.findings[rule].examples[0].message == 'column \'s.d.e\' is "1", and "0" in f.csv:1'


def test_a_member_that_names_the_event_is_constant_in_a_group() -> None:
    frame = pl.DataFrame({"k": ["a", "a", "b"], "s": [{"kind": "purchase", "n": n} for n in range(3)]})
    named = "version: 1\nevent: {sql: s.kind}\ngroup_by: k\n"
    assert run("  v: k\n", frame, head=named).rejects == {}
    other = frame.with_columns(pl.Series("s", [{"kind": kind} for kind in ("purchase", "refund", "refund")]))
    code, message = run("  v: k\n", other, head=named).rejects[1]
    assert code == "event_name_varies"
    assert "column 's.kind' gives the name" in message
    assert '"purchase, refund"' in message


KEYED = "version: 1\nevent: purchase\ngroup_by: k\nkey: j\nsource: {columns: {j: integer, k: integer}}\n"


def keyed(keys: list[str], head: str = KEYED) -> Result:
    frame = pl.DataFrame({"k": ["1", "01", "2"], "j": keys})
    return run("  v: {value: x}\n", frame, head=head, is_text=True)


def test_an_explicit_key_has_its_declared_type_as_group_by_has() -> None:
    result = keyed(["007", "7", "7"])
    expected = hashlib.sha256(b"1:18:purchase1:7").hexdigest()[:32]
    assert result.values("context.event_id") == [expected, expected]
    assert (result.rejects, result.warnings) == ({}, {})


def test_a_key_of_the_columns_of_group_by_agrees_as_they_do() -> None:
    result = keyed(["1", "1", "1"], KEYED.replace("key: j", "key: k"))
    expected = [hashlib.sha256(f"1:18:purchase1:{k}".encode()).hexdigest()[:32] for k in "12"]
    assert (result.values("context.event_id"), result.rejects) == (expected, {})


def test_a_cell_of_a_key_that_does_not_fit_its_type_says_so() -> None:
    result = keyed(["7", "7", "x"])
    assert result.rejects == {3: ("type", "key j: column 'j' is \"x\", which is not a whole number")}
    assert rejects(keyed(["7", "8", "9"])) == {1: "key_varies", 2: "key_varies"}
