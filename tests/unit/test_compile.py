# ruff: noqa: DTZ001  wall clocks have no zone

import datetime as dt
import hashlib
from decimal import Decimal

import polars as pl
import pytest
from encoding import document, run

from importer.errors import MappingInvalid, Problem, SourceUnreadable
from importer.mapping.compile import compile_mapping

KEYED = "version: 1\nevent: purchase\nkey: [k]\n"


def problems(
    fields: str,
    schema: dict[str, type[pl.DataType]],
    *,
    is_text: bool = False,
    head: str = "version: 1\nevent: purchase\nkey: position\n",
) -> list[Problem]:
    with pytest.raises(MappingInvalid) as error:
        compile_mapping(
            document(fields, head), {name: pl.Series([], dtype=t).dtype for name, t in schema.items()}, is_text=is_text
        )
    return error.value.problems


def ids(values: object, head: str = KEYED, **columns: object) -> list[str | None]:
    return run("  id: {value: x}\n", pl.DataFrame({"k": values, **columns}), head=head).values("context.event_id")


def by_hand(*parts: str) -> str:
    text = "".join(f"{len(part.encode())}:{part}" for part in ("1", *parts))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def test_the_id_is_what_the_documentation_says() -> None:
    assert ids(["0042", "é"]) == [by_hand("purchase", "0042"), by_hand("purchase", "é")]
    assert by_hand("purchase", "0042") == hashlib.sha256(b"1:18:purchase4:0042").hexdigest()[:32]


def test_parts_of_a_key_stand_apart_and_in_order() -> None:
    head = "version: 1\nevent: purchase\nkey: [k, l]\n"
    assert ids(["ab", "a"], head=head, l=["c", "bc"]) == [
        by_hand("purchase", "ab", "c"),
        by_hand("purchase", "a", "bc"),
    ]
    assert ids(["x"], head=head.replace("[k, l]", "[l, k]"), l=["y"]) == [by_hand("purchase", "y", "x")]


def test_7_and_text_7_agree_and_007_differs() -> None:
    assert (
        ids([7]) == ids(["7"]) == ids([Decimal(7)]) == ids(pl.Series([7], dtype=pl.UInt8)) == [by_hand("purchase", "7")]
    )
    assert ids(["007"]) != ids(["7"])


def test_dates_and_times_of_a_key_are_iso() -> None:
    assert ids([dt.date(2024, 1, 2)]) == [by_hand("purchase", "2024-01-02")]
    moment = dt.datetime(2024, 1, 2, 3, 4, 5)
    assert (
        ids([moment])
        == ids(pl.Series([moment], dtype=pl.Datetime("ms")))
        == [by_hand("purchase", "2024-01-02T03:04:05")]
    )
    utc = pl.Series([moment]).dt.replace_time_zone("UTC")
    expected = [by_hand("purchase", "2024-01-02T03:04:05+00:00")]
    assert ids(utc) == ids(utc.dt.convert_time_zone("Europe/Paris")) == expected


def test_the_position_is_path_and_row() -> None:
    assert run("  id: {value: x}\n", {"a": [1, 2]}).values("context.event_id") == [
        by_hand("purchase", "/data/f.csv", "1"),
        by_hand("purchase", "/data/f.csv", "2"),
    ]


@pytest.mark.parametrize("values", [[None, "a"], ["", "a"]])
def test_an_empty_part_of_a_key_rejects(values: object) -> None:
    result = run("  id: {value: x}\n", {"k": values}, head=KEYED)
    assert list(result.rejects) == [1]
    assert result.rejects[1][0] == "key_missing"
    assert "'k'" in result.rejects[1][1]


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Binary, pl.List(pl.String), pl.Duration])
def test_what_cannot_be_a_key_is_a_problem_with_its_place(dtype: object) -> None:
    (problem,) = problems("  id: {value: x}\n", {"k": dtype}, head=KEYED)
    assert (problem.line, problem.path) == (3, "key[0]")


def test_a_mapped_id_goes_out_as_it_is_and_an_empty_one_rejects() -> None:
    result = run("  context.event_id: k\n", {"k": ["abc", None]}, head="version: 1\nevent: purchase\n")
    assert result.values("context.event_id") == ["abc"]
    assert result.rejects[2][0] == "event_id_missing"


def test_three_forms_of_the_event() -> None:
    data = {"kind": ["O", "R", None, "X"], "k": ["1", "2", "3", "4"]}
    mapped = "version: 1\nevent: {column: kind, map: {O: purchase, R: refund}}\nkey: k\n"
    result = run("  id: k\n", data, head=mapped)
    assert result.values("event_name") == ["purchase", "refund"]
    assert {row: code for row, (code, _) in result.rejects.items()} == {3: "event_name_missing", 4: "map"}
    assert result.values("context.event_id") == [by_hand("purchase", "1"), by_hand("refund", "2")]
    in_sql = "version: 1\nevent: {sql: \"CASE WHEN kind = 'O' THEN 'purchase' ELSE 'refund' END\"}\nkey: k\n"
    assert run("  id: k\n", data, head=in_sql).values("event_name") == ["purchase", "refund", "refund", "refund"]
    assert run("  id: k\n", data, head=mapped.replace(", map: {O: purchase, R: refund}", "")).values("event_name") == [
        "O",
        "R",
        "X",
    ]


def test_the_reference_decides_about_types() -> None:
    data = {"v": ["12.50"], "q": ["2"], "z": [7], "c": ["1|2"], "b": ["1980-01-31"]}
    fields = "  value: v\n  id: z\n  items: {each: {id: z, quantity: q}}\n  user.birthdate: b\n"
    result = run(fields + '  user.consent_categories: {column: c, split: "|"}\n', data)
    assert '"value":12.50' in result.texts[0]
    assert result.events[0]["id"] == "7"
    assert result.events[0]["items"] == [{"id": "7", "quantity": 2}]
    assert result.events[0]["user"]["birthdate"] == "1980-01-31"
    assert result.events[0]["user"]["consent_categories"] == ["1", "2"]


def test_an_own_target_has_the_natural_type_and_type_overrides() -> None:
    result = run("  mine: v\n  other: {column: v, type: number}\n", {"v": ["007"]})
    assert result.values("mine") == ["007"]
    assert result.values("other") == [7]


def test_a_list_target_wants_a_list_and_a_single_one_a_single_value() -> None:
    (problem,) = problems("  user.consent_categories: c\n", {"c": pl.String})
    assert "split" in problem.message
    (problem,) = problems("  id: c\n", {"c": pl.List(pl.String)})
    assert "one string" in problem.message


def test_binary_is_a_problem_of_the_mapping_with_its_place() -> None:
    (problem,) = problems("  id: {value: x}\n  mine: b\n", {"b": pl.Binary})
    assert (problem.line, problem.path) == (6, "fields.mine")
    assert "binary" in problem.message


def test_naive_times_without_a_zone_are_a_problem_with_its_place() -> None:
    (problem,) = problems("  context.event_timestamp: t\n", {"t": pl.Datetime("us")})
    assert (problem.line, problem.path) == (5, "fields.context.event_timestamp")
    assert "timezone" in problem.message


def test_bad_sql_has_line_and_column() -> None:
    first, second = problems('  id: {sql: "SUM(a)"}\n  mine:\n    sql: a +\n', {"a": pl.Int64})
    assert (first.line, first.column) == (5, 13)
    assert (second.line, second.column) == (7, 10)


def test_all_problems_come_at_once_and_missing_columns_with_them() -> None:
    found = problems("  id: nope\n  mine: b\n  other: {sql: 'NOW()'}\n", {"b": pl.Binary})
    assert [problem.line for problem in found] == [5, 6, 7]


def test_only_missing_columns_are_the_fault_of_the_source() -> None:
    with pytest.raises(SourceUnreadable) as error:
        compile_mapping(document("  id: order_di\n  mine: {sql: 'x + 1'}\n"), {"order_id": pl.String()}, is_text=True)
    assert "did you mean `order_id`" in str(error.value)
    assert "'x'" in str(error.value)
    assert "line 5" in str(error.value)


def test_a_part_of_a_struct_is_reached_by_sql() -> None:
    data = {"address": [{"city": "Lyon", "geo": {"lat": 1.5}}, None]}
    result = run("  user.city: {sql: address.city}\n  lat: {sql: address.geo.lat}\n  id: {value: x}\n", data)
    assert result.values("lat") == [1.5]
    assert result.values("user.city") == ["Lyon"]
    assert result.rejects[2][0] == "user_missing"
    with pytest.raises(SourceUnreadable, match="a part of a struct"):
        compile_mapping(document("  mine: address.city\n"), {"address": pl.Struct({"city": pl.String})}, is_text=False)


def test_typed_columns_are_for_sql_and_fields_see_the_cells() -> None:
    head = "version: 1\nevent: purchase\nkey: position\nsource: {columns: {p: number, q: integer}}\n"
    fields = "  id: p\n  value: {sql: p * q, round: 2}\n"
    result = run(fields, {"p": ["1.005", "x", None], "q": ["2", "2", "2"]}, head=head, is_text=True)
    assert result.values("id") == ["1.005", None]
    assert result.values("value") == [2.01, None]
    assert result.rejects == {2: ("type", "value: column 'p' is \"x\", which is not a number")}


def test_a_typed_column_that_only_a_condition_relies_on_rejects_only_there() -> None:
    head = "version: 1\nevent: purchase\nkey: position\nsource: {columns: {p: number}}\n"
    fields = "  value: {sql: p * 2, when: \"kind = 'a'\"}\n  tax: {sql: p + 1, when: \"kind = 'b'\"}\n"
    result = run(fields, {"p": ["1", "x", "x"], "kind": ["a", "a", "c"]}, head=head, is_text=True)
    assert list(result.rejects) == [2]
    assert result.values("value") == [2.0, None]


def test_a_declared_whole_number_that_is_too_large_to_compute_with_is_rejected() -> None:
    head = "version: 1\nevent: purchase\nkey: position\nsource: {columns: {q: integer}}\n"
    result = run(
        "  value: {sql: q + 0}\n", {"q": ["9223372036854775807", "9223372036854775808"]}, head=head, is_text=True
    )
    assert result.values("value") == [2**63 - 1]
    assert result.rejects == {
        2: ("type", "value: column 'q' is \"9223372036854775808\", which is too large to compute with")
    }


def test_a_declared_number_whose_digits_floating_point_does_not_have_is_rejected() -> None:
    head = "version: 1\nevent: purchase\nkey: position\nsource: {columns: {q: number}}\n"
    cells = ["9007199254740993", "9007199254740992", "-9007199254740993", "9" * 50, "1e22", "9007199254740992.5", "0.1"]
    result = run("  value: {sql: q + 0}\n", {"q": cells}, head=head, is_text=True)
    assert result.values("value") == [2.0**53, 1e22, 2.0**53, 0.1]
    assert list(result.rejects) == [1, 3, 4]
    assert '9007199254740993", which is too large to compute with' in result.rejects[1][1]


def test_aggregates_are_refused_where_there_are_no_groups() -> None:
    fields = "  v: {sql: SUM(a)}\n  items: {each: {n: {sql: COUNT(*)}}}\n  l: {from: l, each: {n: {sql: MAX(a)}}}\n"
    found = problems(fields, {"a": pl.Int64, "l": pl.List(pl.Struct({"a": pl.Int64}))})
    assert [problem.path for problem in found] == ["fields.v.sql", "fields.items.each.n.sql", "fields.l.each.n.sql"]
    assert all("add `group_by`" in problem.message for problem in found)


def test_small_integers_do_not_overflow_in_sql() -> None:
    frame = pl.DataFrame({"q": pl.Series([100], dtype=pl.Int8)})
    assert run("  value: {sql: q * q}\n", frame).values("value") == [10_000]


def test_where_comes_first_and_null_is_filtered() -> None:
    head = "version: 1\nevent: purchase\nkey: position\nwhere: state <> 'draft'\n"
    result = run("  value: v\n", {"state": ["ok", "draft", None], "v": ["1", "x", "x"]}, head=head)
    assert result.values("value") == [1]
    assert result.rejects == {}


def test_a_condition_that_cannot_be_computed_rejects_and_does_not_filter() -> None:
    head = "version: 1\nevent: purchase\nkey: position\nsource: {columns: {p: number}}\nwhere: p > 1 AND state = 'ok'\n"
    data = {"p": ["2", "x", "x", "0", None], "state": ["ok", "ok", "draft", "ok", "ok"]}
    result = run("  value: {sql: p * 2}\n", data, head=head, is_text=True)
    assert result.encoded.rows.tolist() == [1]
    assert list(result.rejects) == [2]


def test_when() -> None:
    data = {"kind": ["O", "X", None], "c": ["a", "b", "c"]}
    fields = "  coupon: {column: c, when: \"kind = 'O'\"}\n  mine: {value: 1, when: \"kind = 'X'\"}\n"
    result = run(fields, data)
    assert result.values("coupon") == ["a", None, None]
    assert result.values("mine") == [None, 1, None]


def test_a_condition_is_true_or_false() -> None:
    (problem,) = problems("  id: {column: c, when: c}\n", {"c": pl.String})
    assert "true or false" in problem.message
    assert problem.path == "fields.id.when"


def test_a_field_that_does_not_apply_does_not_reject() -> None:
    result = run("  value: {column: v, when: \"kind = 'O'\"}\n", {"kind": ["O", "X"], "v": ["x", "x"]})
    assert list(result.rejects) == [1]


def test_constants_of_every_type_and_their_nulls() -> None:
    fields = "  a: {value: {b: [1, 2.5], d: {}}}\n  f: {value: true}\n  h: {value: []}\n"
    event = run(fields, {"x": [1]}).events[0]
    assert event["a"] == {"b": [1, 2.5]}
    assert event["f"] is True
    assert "h" not in event


def test_an_object_that_is_constant_takes_the_id() -> None:
    result = run("  context: {value: {event_timestamp: 5, device: {timezone: UTC}}}\n", {"k": ["a"]}, head=KEYED)
    assert list(result.events[0]["context"]) == ["event_timestamp", "device", "event_id"]


@pytest.mark.parametrize(
    "fields",
    [
        "  context.event_timestamp: {value: null}\n",
        "  context.event_timestamp: {value: now}\n",
        "  context.event_timestamp: {each: {a: b}}\n",
        "  context.event_id: {value: x}\n",
        "  user: {value: {}}\n",
        "  context: {column: b}\n",
    ],
)
def test_what_would_leave_an_event_without_time_id_or_user_is_a_problem(fields: str) -> None:
    assert problems(fields, {"b": pl.String})


def test_an_event_without_user_is_rejected_whatever_its_members_are() -> None:
    fields = "  user.id: u\n  user.tags: {from: l, each: {a: a}}\n  user.x: {each: {b: u}}\n"
    frame = pl.DataFrame({"u": ["a", None, None], "l": [None, [{"a": 1}], [{"a": None}]]})
    result = run(fields, frame)
    assert [code for code, _ in result.rejects.values()] == ["user_missing"]
    assert list(result.rejects) == [3]


def test_unused_columns_and_odd_targets() -> None:
    mapping = compile_mapping(document("  valeu: a\n"), {"a": pl.String(), "b": pl.String()}, is_text=False)
    assert (mapping.columns, mapping.unused) == (("a",), ("b",))
    hint = "line 5, column 3: fields.valeu: target `valeu` is not in the event reference; did you mean `value`?"
    assert mapping.warnings == (hint,)


def test_a_guess_of_the_unit_needs_a_column() -> None:
    (problem,) = problems("  context.event_timestamp: {sql: a, unit: auto}\n", {"a": pl.Int64})
    assert problem.path == "fields.context.event_timestamp.unit"
    result = run(
        "  context.event_timestamp: {column: a, unit: auto}\n", {"a": [1_700_000_000_000]}, units={"column 'a'": "ms"}
    )
    assert result.values("context.event_timestamp") == [1_700_000_000_000]


def test_from_wants_a_list_of_structs() -> None:
    (problem,) = problems("  items: {from: l, each: {id: a}}\n", {"l": pl.List(pl.String)})
    assert problem.path == "fields.items.from"


def test_test_code_is_a_root_property() -> None:
    assert run("  id: {value: x}\n", {"a": [1]}, test_code='T"1').values("test_code") == ['T"1']


def test_the_nights_of_the_clock_are_counted_for_what_is_sent() -> None:
    head = "version: 1\nevent: purchase\nkey: position\ntimezone: Europe/Paris\n"
    times = ["2024-10-27 02:30", "2024-03-31 02:30", "2024-10-27 02:40", "2024-01-01 00:00"]
    result = run("  context.event_timestamp: t\n  value: v\n", {"t": times, "v": ["1", "2", "x", "4"]}, head=head)
    assert result.warnings == {"time_ambiguous": 1, "time_nonexistent": 1}


def test_a_time_without_a_zone_in_text_says_what_to_set() -> None:
    result = run("  context.event_timestamp: t\n", {"t": ["2024-01-01 10:00"]})
    assert "timezone" in result.rejects[1][1]
    assert '"2024-01-01 10:00"' in result.rejects[1][1]
