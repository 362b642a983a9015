"""Lookups: what is found, what is missing, what is wrong with a file, and that the files decide about the bytes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from encoding import HEAD, document, run

from importer import lookups
from importer.cli.progress import Silent
from importer.errors import ExitCode, MappingInvalid, SourceUnreadable
from importer.explain import explain, plan_for
from importer.frames import encode_frame
from importer.lookups import check_lookups, read_lookups
from importer.mapping import lookups as tables
from importer.mapping.compile import compile_mapping
from importer.mapping.document import load_document, parse_document
from importer.mapping.trace_event import TracedField, TracedList
from importer.plan import plan
from importer.settings import RunSettings

PRODUCTS = "sku,label,price,active,since\n7,Shoe,12.50,yes,2024-01-02\n8,,3,no,\n007,Bond,1.005,yes,\n"
GROUPED = "version: 1\nevent: purchase\ngroup_by: order\n"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("products.csv").write_text(PRODUCTS, encoding="utf-8")


def lookup(take: str = "label", more: str = "", file: str = "products.csv", on: str = "sku", behind: str = "") -> str:
    return f"{{lookup: {{file: {file}, on: {on}, take: {take}{more}}}{behind}}}"


def problems(fields: str, schema: dict[str, Any], head: str = HEAD) -> list[tuple[int, int, str, str]]:
    mapped = document(fields, head)
    with pytest.raises(MappingInvalid) as caught:
        compile_mapping(mapped, pl.DataFrame(schema=schema).schema, is_text=True, lookups=read_lookups(mapped))
    return [(item.line, item.column, item.path, item.message) for item in caught.value.problems]


# --- what is found


def test_keys_are_compared_as_text() -> None:
    field = f"  mine: {lookup()}\n"
    assert run(field, {"sku": ["7", "007"]}).values("mine") == ["Shoe", "Bond"]
    assert run(field, {"sku": pl.Series([7, 8], dtype=pl.Int16)}).values("mine") == ["Shoe", None]
    pl.DataFrame({"sku": [7, 8], "label": ["seven", "eight"]}).write_parquet("p.parquet")
    found = run(f"  mine: {lookup(file='p.parquet')}\n", {"sku": ["7", "007"]})
    assert (found.values("mine"), list(found.rejects)) == (["seven"], [2])


def test_a_key_that_is_empty_has_no_row_and_is_not_missing() -> None:
    Path("products.csv").write_text("sku,label\n,nothing\n7,Shoe\n", encoding="utf-8")
    found = run(f"  mine: {lookup(behind=', default: none')}\n", {"sku": ["7", None, ""]})
    assert (found.values("mine"), found.rejects) == (["Shoe", "none", "none"], {})
    parts = pl.DataFrame({"sku": ["", None, "7", "7"], "label": ["x", "y", "", None]})
    parts.write_parquet("p.parquet")
    assert run(f"  mine: {lookup(file='p.parquet')}\n", {"sku": ["7", ""]}).values("mine") == [None, None]


def test_the_columns_may_have_other_names_and_the_key_may_be_taken() -> None:
    found = run(
        f"  mine: {lookup(on='{article: sku}')}\n  same: {lookup('sku', on='{article: sku}')}\n", {"article": ["7"]}
    )
    assert (found.values("mine"), found.values("same")) == (["Shoe"], ["7"])


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_table_may_have_any_number_of_rows(rows: int) -> None:
    Path("t.csv").write_text("sku,label\n" + "".join(f"{row},l{row}\n" for row in range(rows)), encoding="utf-8")
    found = run(f"  mine: {lookup(file='t.csv', more=', missing: null')}\n", {"sku": ["0", "1", "2", "3"]})
    assert found.values("mine") == [f"l{row}" if row < rows else None for row in range(4)]


def test_what_was_found_takes_the_usual_steps_and_the_type_of_its_target() -> None:
    found = run(
        f"  value: {lookup('price', behind=', round: 2')}\n"
        f"  flag: {lookup('active', behind=', type: boolean')}\n"
        f"  mapped: {lookup(behind=', clean: lower, map: {shoe: S, bond: B}, default: X')}\n"
        f"  user.name_sha256: {lookup(behind=', hash: sha256')}\n"
        f"  user.birthdate: {lookup('since')}\n  user.id: sku\n",
        {"sku": ["7", "8", "007"]},
    )
    assert found.values("value") == [12.5, 3, 1.01]
    assert found.values("flag") == [True, False, True]
    assert found.values("mapped") == ["S", "X", "B"]
    assert [value and len(value) for value in found.values("user.name_sha256")] == [64, None, 64]
    assert found.values("user.birthdate") == ["2024-01-02", None, None]
    message = run(f"  mine: {lookup(behind=', type: number')}\n", {"sku": ["7"]}).rejects[1]
    assert message == ("type", "mine: 'label' of products.csv is \"Shoe\", which is not a number")


def test_files_with_the_same_columns_are_not_mixed_up() -> None:
    Path("others.csv").write_text("sku,label\n7,Boot\n", encoding="utf-8")
    found = run(f"  a: {lookup()}\n  b: {lookup(file='others.csv')}\n  c: {lookup('price', on='{x: sku}')}\n",
                {"sku": ["7"], "x": ["8"]})  # fmt: skip
    assert [found.values(name) for name in "abc"] == [["Shoe"], ["Boot"], ["3"]]


def test_types_of_parquet_stay() -> None:
    frame = pl.DataFrame({"sku": ["7"], "tags": [["a", "b"]], "n": [1.5], "more": [{"a": 1}]})
    frame.write_parquet("p.parquet")
    found = run(f"  a: {lookup('tags', file='p.parquet')}\n  b: {lookup('n', file='p.parquet')}\n", {"sku": ["7"]})
    assert (found.values("a"), found.values("b")) == ([["a", "b"]], [1.5])
    ((_, _, path, message),) = problems(f"  a: {lookup('more', file='p.parquet')}\n", {"sku": pl.String})
    assert (path, message[:39]) == ("fields.a", "'more' of p.parquet is a struct, which ")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "\ufeffsku;label\n7;é\n".encode()),
        ("a.tsv", "label\tsku\né\t7\n".encode()),
        ("a.csv.gz", gzip.compress('sku,label\n7,"é"\n'.encode())),
        ("day=2024-01-02/a.csv", "sku,label\n7,é\n".encode()),
    ],
    ids=["semicolons", "tabs", "gz", "partition"],
)
def test_a_csv_is_recognised_as_sources_are(name: str, content: bytes) -> None:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_bytes(content)
    assert run(f"  mine: {lookup(file=name)}\n", {"sku": ["7"]}).values("mine") == ["é"]


def test_texts_in_it_mean_what_the_source_says() -> None:
    Path("t.csv").write_text("sku;label;price\n7;NULL;1.250,50\n", encoding="utf-8")
    head = f"{HEAD}source: {{null_values: [\"NULL\"], decimal: ',', thousands: '.', encoding: latin-1}}\n"
    fields = f"  a: {lookup(file='t.csv')}\n  value: {lookup('price', file='t.csv')}\n"
    found = run(fields, {"sku": ["7"]}, head=head, is_text=True)
    assert (found.values("a"), found.values("value")) == ([None], [1250.5])


def test_folders_give_a_file_no_columns() -> None:
    Path("day=2024-01-02").mkdir()
    Path("day=2024-01-02/a.csv").write_text("sku,day\n7,2023\n", encoding="utf-8")
    assert run(f"  mine: {lookup('day', file='day=2024-01-02/a.csv')}\n", {"sku": ["7"]}).values("mine") == ["2023"]


# --- what is missing


def test_a_missing_key_rejects_its_row_even_with_a_default() -> None:
    found = run(f"  mine: {lookup(behind=', default: none')}\n", {"sku": ["7", "9", "8"]})
    assert found.rejects == {2: ("lookup_missing", "mine: column 'sku' is \"9\", which is not in products.csv")}
    assert found.values("mine") == ["Shoe", "none"]
    other = run(f"  mine: {lookup(on='{article: sku}')}\n", {"article": ["9"]}).rejects[1][1]
    assert other == "mine: column 'article' is \"9\", which is not in column 'sku' of products.csv"


@pytest.mark.parametrize("word", ["null", '"null"'])
def test_null_leaves_the_member_out_and_counts_the_rows(word: str) -> None:
    found = run(f"  mine: {lookup(more=f', missing: {word}')}\n", {"sku": ["7", "9", "9", "", "8"]})
    assert (found.values("mine"), found.rejects) == (["Shoe", None, None, None, None], {})
    rule = "lookup_missing: values of column 'sku' are not in products.csv, so 'label' is not known; it is left out"
    assert found.warnings == {rule: 2}


def test_default_stands_for_a_missing_key_and_counts_the_rows() -> None:
    found = run(f"  mine: {lookup(more=', missing: default', behind=', default: none')}\n", {"sku": ["7", "9", "8"]})
    assert found.values("mine") == ["Shoe", "none", "none"]
    assert [(rule[-19:], count) for rule, count in found.warnings.items()] == [("the default is sent", 1)]


def test_missing_keys_of_times_are_counted_beside_what_is_odd_about_the_times() -> None:
    Path("t.csv").write_text("sku,at\n7,2024-10-27 02:30\n", encoding="utf-8")
    field = lookup("at", more=", missing: null", file="t.csv", behind=", type: timestamp, timezone: Europe/Paris")
    found = run(f"  mine: {field}\n", {"sku": ["7", "9"]})
    assert [rule[:14] for rule in found.warnings] == ["lookup_missing", "time_ambiguous"]


def test_a_condition_decides_before_a_key_is_missed() -> None:
    data = {"sku": ["7", "9", "9"], "kind": ["O", "O", "X"]}
    when = ", when: \"kind = 'O'\""
    assert list(run(f"  mine: {lookup(behind=when)}\n", data).rejects) == [2]
    counted = run(f"  mine: {lookup(more=', missing: null', behind=when)}\n", data)
    assert list(counted.warnings.values()) == [1]


# --- lists and groups


def test_in_a_list_of_structs_the_key_is_a_member_of_the_struct() -> None:
    lines = [[{"sku": "7"}, {"sku": "007"}], [{"sku": "9"}], None]
    found = run(f"  items: {{from: lines, each: {{id: sku, product.name: {lookup()}}}}}\n", {"lines": lines})
    names = [[item["product"]["name"] for item in items or ()] for items in found.values("items")]
    assert names == [["Shoe", "Bond"], []]
    assert found.rejects[2][0] == "lookup_missing"


def test_in_one_entry_of_a_row_it_is_as_in_a_field() -> None:
    found = run(f"  items: {{each: {{product.name: {lookup()}}}}}\n", {"sku": ["7", "9"]})
    assert found.values("items") == [[{"product": {"name": "Shoe"}}]]
    assert found.rejects[2][1].startswith("items[].product.name: column 'sku'")


def test_with_groups_lines_are_looked_up_in_lists_and_the_first_one_outside() -> None:
    fields = f"  first: {lookup()}\n  items: {{each: {{name: {lookup('price', more=', missing: null')}}}}}\n"
    data = {"order": ["a", "a", "b", "b"], "sku": ["7", "9", "8", "8"]}
    found = run(fields, data, head=GROUPED, is_text=True)
    assert found.values("first") == ["Shoe", None]
    assert found.values("items") == [[{"name": "12.50"}], [{"name": "3"}, {"name": "3"}]]
    assert sorted(found.warnings.values()) == [1, 1]
    assert "column 'sku' differs within its group; the first line's value is used" in found.warnings


def test_with_groups_a_line_that_is_not_found_rejects_its_event() -> None:
    fields = f"  items: {{each: {{name: {lookup()}}}}}\n"
    found = run(fields, {"order": ["a", "a", "b"], "sku": ["7", "9", "7"]}, head=GROUPED, is_text=True)
    assert [code for code, _ in found.rejects.values()] == ["group_rejected", "lookup_missing"]
    assert found.values("items") == [[{"name": "Shoe"}]]


# --- what is wrong


def test_all_problems_are_said_at_once_at_their_places() -> None:
    Path("twice.csv").write_text(
        "sku,label\n1,a\n1,b\n2,a\n2,a\n3,a\n3,\n3,b\n4,b\n5,x\n4,a\n5,y\n6,1\n6,2\n", encoding="utf-8"
    )
    pl.DataFrame({"sku": [1.5], "label": ["x"]}).write_parquet("f.parquet")
    fields = (
        f"  a: {lookup(file='product.csv')}\n"
        f"  b: {lookup('lable')}\n"
        f"  c: {lookup(on='{sku: skuu}')}\n"
        f"  d: {lookup(on='{skv: sku}')}\n"
        f"  e: {lookup(file='twice.csv')}\n"
        f"  f: {lookup(file='f.parquet')}\n"
        f"  g: {lookup(file='.')}\n"
        f"  h: {lookup(file='no/where.csv')}\n"
        f"  items: {{each: {{id: {lookup('lable')}}}}}\n"
    )
    twice = (
        'twice.csv has several values of \'label\' for one key: "1" has "a" in row 1 and "b" in row 2; '
        '"3" has "a" in row 5 and empty in row 6; "4" has "b" in row 8 and "a" in row 10; so have 2 more. '
        "Keep one row for each key"
    )
    floats = "f.parquet: column 'sku' is floating point and cannot be a key: 7 and 7.0 would differ"
    nowhere = "there is no file no/where.csv, nor a folder no: relative paths are seen from the mapping file"
    assert problems(fields, {"sku": pl.String}) == [
        (5, 22, "fields.a.lookup.file", "there is no file product.csv; did you mean `products.csv`?"),
        (6, 51, "fields.b.lookup.take", "no column 'lable' in products.csv; did you mean `label`?"),
        (7, 40, "fields.c.lookup.on", "no column 'skuu' in products.csv; did you mean `sku`?"),
        (8, 40, "fields.d.lookup.on", "no column 'skv' in the source; did you mean `sku`?"),
        (9, 37, "fields.e.lookup.on", twice),
        (10, 37, "fields.f.lookup.on", floats),
        (11, 22, "fields.g.lookup.file", ". is a folder: name one file in it"),
        (12, 22, "fields.h.lookup.file", nowhere),
        (13, 67, "fields.items.each.id.lookup.take", "no column 'lable' in products.csv; did you mean `label`?"),
    ]


def test_a_source_column_of_floating_point_is_no_key() -> None:
    ((*_, path, message),) = problems(f"  a: {lookup()}\n", {"sku": pl.Float64})
    assert path == "fields.a.lookup.on"
    assert message == "column 'sku' is floating point and cannot be a key: 7 and 7.0 would differ"


def test_a_column_that_only_the_source_lacks_is_a_fault_of_the_source() -> None:
    mapped = document(f"  a: {lookup()}\n")
    with pytest.raises(SourceUnreadable, match="no column 'sku' in the source\n"):
        compile_mapping(mapped, {"x": pl.String()}, is_text=True, lookups=read_lookups(mapped))


def test_repeated_rows_that_agree_are_no_problem() -> None:
    Path("twice.csv").write_text("sku,label,other\n1,a,x\n1,a,y\n", encoding="utf-8")
    assert run(f"  a: {lookup(file='twice.csv')}\n", {"sku": ["1"]}).values("a") == ["a"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"sku,label\n7,Shoe\n8\n9,x\n", "a.csv: row 2 cannot be read: The record has 1 field, the header 2"),
        (b"", "a.csv: is empty (0 bytes)"),
        (b"PAR1 garbage", "a.csv: is a Parquet file, not CSV"),
        (
            "sku,label\n7,\u00e9\n".encode("latin-1"),
            "a.csv: row 1 cannot be read: The record has bytes that are not valid",
        ),
    ],
)
def test_a_damaged_file_is_said_at_the_place_of_the_lookup(content: bytes, says: str) -> None:
    Path("a.csv").write_bytes(content)
    mapped = document(f"  a: {lookup(file='a.csv')}\n")
    with pytest.raises(SourceUnreadable) as caught:
        compile_mapping(mapped, {"sku": pl.String()}, is_text=True, lookups=read_lookups(mapped))
    assert f"\n  line 5, column 22: fields.a.lookup.file: {says}" in caught.value.message
    assert caught.value.exit_code == ExitCode.SOURCE
    assert "UTF-8" in caught.value.hint
    both = problems(f"  a: {lookup(file='a.csv')}\n  b: {lookup('nothing')}\n", {"sku": pl.String})
    assert [path for _, _, path, _ in both] == ["fields.a.lookup.file", "fields.b.lookup.take"]


@pytest.mark.parametrize(("limit", "fits"), [("MAX_ROWS", 3), ("MAX_BYTES", 200)])
def test_a_file_that_is_too_large_is_refused_before_it_fills_memory(
    limit: str, fits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, limit, fits)
    assert not read_lookups(document(f"  a: {lookup()}\n")).problems
    monkeypatch.setattr(lookups, limit, 2)
    ((_, _, path, message),) = problems(f"  a: {lookup()}\n", {"sku": pl.String})
    assert path == "fields.a.lookup.file"
    assert message.startswith("products.csv is too large to look values up in: of a lookup file at most ")


@pytest.mark.parametrize(
    ("field", "says"),
    [
        (lookup(more=", missing: default"), "`missing: default` sends the `default` of the field: write one beside"),
        (lookup(more=", missing: null", behind=", default: x"), "`missing: null` leaves the member out, and `default`"),
        (lookup(on="{a: b, c: d}"), "must be the name of a column, or one pair `{column of the source: column"),
        (lookup(on="[a]"), "must be the name of a column, or one pair `{column of the source: column of the file}`"),
        (lookup(more=", missing: rejct"), "`rejct` is not one of `reject`, `null`, `default`; did you mean `reject`?"),
    ],
)
def test_what_a_lookup_gets_wrong_by_itself(field: str, says: str) -> None:
    with pytest.raises(MappingInvalid) as caught:
        document(f"  a: {field}\n")
    assert [item.message[: len(says)] for item in caught.value.problems] == [says]


def test_a_mapping_cannot_be_compiled_without_its_files() -> None:
    with pytest.raises(ValueError, match="compiled with their files"):
        compile_mapping(document(f"  a: {lookup()}\n"), {"sku": pl.String()}, is_text=True)


# --- how files are read


def test_a_path_is_seen_from_the_mapping_or_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("conf").mkdir()
    Path("conf/mine.csv").write_text("sku,label\n7,mine\n", encoding="utf-8")
    text = f"{HEAD}fields:\n  user.id: sku\n  context.event_timestamp: {{value: 1}}\n"
    Path("conf/m.yaml").write_text(
        f"{text}  a: {lookup(file='mine.csv')}\n  b: {lookup(file=str(tmp_path / 'products.csv'))}\n", encoding="utf-8"
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert not read_lookups(load_document(Path("../conf/m.yaml"))).problems
    of_text = read_lookups(parse_document(f"{text}  a: {lookup(file='mine.csv')}\n", "m.yaml")).problems
    assert [item.path for item in of_text] == [("fields", "a", "lookup", "file")]


def test_a_file_that_changes_while_it_is_read_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def written_on(file: Any) -> str:  # noqa: ANN401
        file.path.write_text(f"{PRODUCTS}9,Late,1,yes,\n", encoding="utf-8")
        return "hash of other bytes"

    monkeypatch.setattr(lookups, "_sha256", written_on)
    ((_, message, is_damage),) = read_lookups(document(f"  a: {lookup()}\n")).problems
    assert (message[:40], is_damage) == ("products.csv: changed while it was read ", True)


def test_a_file_is_read_once_and_a_key_is_searched_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    whole = lookups._rows

    def counted(*arguments: Any) -> pl.DataFrame:  # noqa: ANN401
        opened.append(arguments[0].name)
        return whole(*arguments)

    monkeypatch.setattr(lookups, "_rows", counted)
    one = document(f"  a: {lookup()}\n")
    three = document(f"  a: {lookup()}\n  b: {lookup('price')}\n  c: {lookup('active', more=', missing: null')}\n")
    stages = []
    for mapped in (one, three):
        compiled = compile_mapping(mapped, {"sku": pl.String()}, is_text=True, lookups=read_lookups(mapped))
        stages.append(sum(map(len, compiled.plan.stages)))
    assert opened == ["products.csv"] * 2
    assert stages[0] == stages[1]


def test_keys_with_the_same_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def weak(texts: Any, seed: int) -> Any:  # noqa: ANN401
        return texts.str.len_bytes().cast(pl.UInt64) if seed == 0 else texts.hash(seed)

    monkeypatch.setattr(tables, "_hashed", weak)
    found = run(f"  a: {lookup('price', more=', missing: null')}\n", {"sku": ["7", "8", "9", "007"]})
    assert found.values("a") == ["12.50", "3", None, "1.005"]


def test_a_key_with_the_hash_of_another_one_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_hashed", lambda texts, _: texts.str.len_bytes().cast(pl.UInt64))
    Path("t.csv").write_text("sku,label\n7,Shoe\n007,Bond\n", encoding="utf-8")
    found = run(f"  a: {lookup(file='t.csv')}\n", {"sku": ["7", "8", "009", "0"]})
    assert (found.values("a"), list(found.rejects)) == (["Shoe"], [2, 3, 4])


# --- in a run


def planned(fields: str, data: str = "id,sku,other\n1,7,x\n2,9,x\n", head: str = HEAD) -> Any:  # noqa: ANN401
    body = f"{head}fields:\n{fields}  user.id: id\n  context.event_timestamp: {{value: 1700000000000}}\n"
    Path("m.yaml").write_text(body, encoding="utf-8")
    Path("o.csv").write_text(data, encoding="utf-8")
    return plan(Path("m.yaml"), ["o.csv"], RunSettings())


def test_the_plan_says_what_it_read_and_which_columns_are_used() -> None:
    found = planned(f"  a: {lookup()}\n")
    assert 'products.csv is looked up in: 3 rows, separator `,`, quote `"`, encoding utf-8' in found.notes
    assert "columns that the mapping does not use: other" in found.warnings


def test_the_content_of_the_files_decides_about_the_bytes() -> None:
    first = planned(f"  a: {lookup()}\n").fingerprint()
    Path("products.csv").touch()
    assert planned(f"  a: {lookup()}\n").fingerprint() == first
    Path("products.csv").write_text(PRODUCTS.replace("no", "NO"), encoding="utf-8")
    second = planned(f"  a: {lookup()}\n").fingerprint()
    assert [name for name in first if first[name] != second[name]] == ["lookup files"]
    assert list(second["lookup files"]) == ["products.csv"]
    assert "lookup files" not in planned("  a: sku\n").fingerprint()


def test_a_damaged_lookup_is_not_blamed_on_the_source() -> None:
    Path("products.csv").write_text("sku,label\n1\n", encoding="utf-8")
    with pytest.raises(SourceUnreadable, match=r"^m\.yaml looks values up"):
        planned(f"  a: {lookup()}\n")


def test_without_a_source_the_files_are_checked_as_well() -> None:
    check_lookups(document(f"  a: {lookup()}\n"))
    Path("damaged.csv").write_text("sku,label\n1\n", encoding="utf-8")
    with pytest.raises(SourceUnreadable, match=r"line 5, column 22: fields\.a\.lookup\.file: damaged"):
        check_lookups(document(f"  a: {lookup(file='damaged.csv')}\n"))
    with pytest.raises(MappingInvalid, match="2 problems"):
        check_lookups(document(f"  a: {lookup(file='damaged.csv')}\n  b: {lookup('lable')}\n"))


def test_a_frame_is_encoded_with_the_files() -> None:
    frame = pl.DataFrame({"id": [1, 2], "sku": [7, 9]})
    mapped = document(f"  a: {lookup()}\n", HEAD.replace("position", "id"))
    found = encode_frame(frame, mapped, None, 32_000)
    assert b'"a":"Shoe"' in found.events[0]
    assert [(reject.row, reject.code) for reject in found.rejects] == [(2, "lookup_missing")]


def steps_of(item: TracedField | TracedList) -> list[tuple[str, str, Any, str | None]]:
    fields = [item] if isinstance(item, TracedField) else [field for entry in item.entries for field in entry.fields]
    return [tuple(step) for field in fields for step in field.steps]


def explained(fields: str, row: int, head: str = HEAD, data: str = "id,sku\n1,7\n2,9\n") -> list[tuple[Any, ...]]:
    planned(fields, data, head)
    found, number = plan_for(Path("m.yaml"), "o.csv", [], RunSettings())
    return next(steps_of(item) for item in explain(found, number, row, Silent()).targets if item.target in "ab")


def test_explain_shows_the_key_the_file_and_the_value() -> None:
    where = "'label' of products.csv by 'sku'"
    upper = f"  a: {lookup(behind=', clean: upper')}\n"
    assert explained(upper, 1) == [
        ("column", "sku", "7", None),
        ("lookup", where, "Shoe", None),
        ("clean", "upper", "SHOE", None),
    ]
    reason = "column 'sku' is \"9\", which is not in products.csv"
    assert explained(upper, 2)[1] == ("lookup", f"{where}: not there", None, reason)
    left_out = f"  a: {lookup(more=', missing: null')}\n"
    assert explained(left_out, 2) == [("column", "sku", "9", None), ("lookup", f"{where}: not there", None, None)]


def test_explain_shows_lookups_of_groups_and_their_lines() -> None:
    head = GROUPED.replace("order", "id")
    fields = f"  a: {lookup()}\n"
    (column, found) = explained(fields, 1, head, "id,sku\n1,7\n1,8\n")
    assert (column[1], found[2]) == ("sku (of the first row; others differ)", "Shoe")
    lines = explained(f"  b: {{each: {{n: {lookup()}}}}}\n", 1, head, "id,sku\n1,7\n1,8\n")
    assert [(name, value) for name, _, value, _ in lines] == [
        ("column", "7"), ("lookup", "Shoe"), ("column", "8"), ("lookup", None),
    ]  # fmt: skip
