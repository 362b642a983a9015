"""One row step by step: what is shown is what a run does, for every kind of row, field and list."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from importer.belt import Belt
from importer.cli.progress import Silent
from importer.errors import SourceChanged, SourceUnreadable, UsageInvalid
from importer.explain import Explanation, _Explainer, explain, parse_place, plan_for
from importer.mapping.trace import Step, Token
from importer.mapping.trace_event import TracedField, TracedList
from importer.outstanding import everything
from importer.records import Span
from importer.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.plan import Plan
    from importer.records import Reject

NOW_MS = 1_800_000_000_000
ROOT = Path(__file__).parents[2]
HEAD = "version: 1\nevent: purchase\nkey: id\nfields:\n  id: id\n  user.id: id\n"
TIME = "  context.event_timestamp: {value: 1700000000000}\n"
SAMPLES = {
    "orders_csv": ["orders.csv"],
    "orders_parquet": ["orders.parquet"],
    "order_lines": ["order_lines/till-1.csv", "order_lines/till-2.csv.gz"],
}
ROWS = (1, 4, 7, 98, 198, 298, 398, 498, 598, 698, 798, 898, 998, 1098, 1198, 1298, 1398)
"""Good, filtered and broken rows of the sample of orders; in other samples, any."""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def explained(mapping: str, text: str, row: int, others: dict[str, str] | None = None) -> Explanation:
    Path("m.yaml").write_text(mapping, encoding="utf-8")
    for name, content in {"a.csv": text, **(others or {})}.items():
        Path(name).write_text(content, encoding="utf-8")
    return at("m.yaml", "a.csv", row, *(others or {}))


def at(mapping: str | Path, file: str | Path, row: int, *others: str) -> Explanation:
    planned, number = plan_for(Path(mapping), str(file), others, RunSettings())
    return explain(planned, number, row, Silent())


def field_of(found: Explanation, target: str) -> tuple[Step, ...]:
    (steps,) = [item.steps for item in found.targets if isinstance(item, TracedField) and item.target == target]
    return steps


def list_of(found: Explanation, target: str) -> TracedList:
    (traced,) = [item for item in found.targets if isinstance(item, TracedList) and item.target == target]
    return traced


def short(steps: tuple[Step, ...]) -> list[tuple[str, Any]]:
    return [(step.name, step.value) for step in steps]


def settled(planned: Plan) -> tuple[set[bytes], dict[tuple[str, int], Reject]]:
    """All events and rejects of a run, the latter by file and row."""
    events, rejects = set(), {}
    with everything(planned, Silent(), lambda: None) as todo:
        for batch in Belt(planned, todo.works, NOW_MS).batches():
            rejects |= {(reject.file, reject.row): reject for reject in batch.rejects}
            events |= {piece.event(index) for piece in batch.pieces for index in range(piece.start, piece.stop)}
    return events, rejects


def in_event(event: Any, target: str) -> Any:  # noqa: ANN401 -- any JSON
    for part in target.split("."):
        event = event.get(part) if isinstance(event, dict) else None
    return event


def written(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    """A value of a step as it stands in JSON: numbers by their digits."""
    if isinstance(value, list):
        return [written(item) for item in value]
    if isinstance(value, dict):
        return {name: written(item) for name, item in value.items()}
    is_number = isinstance(value, Token | int | float) and not isinstance(value, bool)
    return ("number", str(value)) if is_number else value


def parsed(event: bytes) -> Any:  # noqa: ANN401 -- any JSON
    def number(text: str) -> tuple[str, str]:
        return "number", text

    return json.loads(event, parse_float=number, parse_int=number)


def last_values(found: Explanation) -> Iterator[tuple[str, Any]]:
    for item in found.targets:
        if isinstance(item, TracedField):
            is_sent = all(step.value is True for step in item.steps if step.name == "when")
            yield item.target, written(item.steps[-1].value) if is_sent else None


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_shown_is_what_a_run_does(name: str) -> None:
    mapping = ROOT / f"configs/{name}.yaml"
    files = [str(ROOT / "sample_data" / file) for file in SAMPLES[name]]
    planned, number = plan_for(mapping, files[0], files[1:], RunSettings())
    events, rejects = settled(planned)
    fates = set()
    for row in (row for row in ROWS if name == "orders_csv" or row < 500):
        found = explain(planned, number, row, Silent())
        fates.add(found.fate)
        reject = rejects.get((files[0], row))
        assert [(one.code, one.message) for one in found.rejects if (one.file, one.row) == (files[0], row)] == (
            [(reject.code, reject.message)] if reject else []
        )
        assert (found.event in events) == (found.fate == "event")
        if found.event is not None:
            event = parsed(found.event)
            assert {target: in_event(event, target) for target, _ in last_values(found)} == dict(last_values(found))
    assert fates >= ({"event", "filtered", "rejected"} if name == "orders_csv" else {"event"})


def test_every_entry_is_what_stands_in_the_event() -> None:
    found = at(ROOT / "configs/orders_parquet.yaml", ROOT / "sample_data/orders.parquet", 3)
    assert found.event is not None
    items = in_event(parsed(found.event), "items")
    entries = list_of(found, "items").entries
    assert len(entries) == len(items) == 3
    for entry, item in zip(entries, items, strict=True):
        assert entry.fields[0].target == "items[].id"
        values = {field.target.partition("[].")[2]: written(field.steps[-1].value) for field in entry.fields}
        assert {name: in_event(item, name) for name in values} == values


def test_each_step_of_a_field_is_shown_with_its_value() -> None:
    mapping = HEAD + (
        "  mail_sha256: {column: m, clean: [trim, lower], default: x, hash: sha256}\n"
        "  tags: {column: t, split: '|', map: {a: 1, b: 2}}\n"
        "  price: {column: p, type: number, round: 1}\n" + TIME
    )
    found = explained(mapping, "id,m,t,p\n1, A@B ,a|b|,2.25\n", 1)
    digest = hashlib.sha256(b"a@b").hexdigest()
    assert short(field_of(found, "mail_sha256")) == [
        ("column", " A@B "), ("clean", "a@b"), ("default", "a@b"), ("hash", digest),
    ]  # fmt: skip
    assert short(field_of(found, "tags")) == [("column", "a|b|"), ("split", ["a", "b"]), ("map", [1, 2])]
    assert short(field_of(found, "price")) == [("column", "2.25"), ("type", "2.25"), ("round", "2.3")]
    assert isinstance(field_of(found, "price")[-1].value, Token)
    assert [step.detail for step in field_of(found, "mail_sha256")] == ["m", "trim, lower", '"x"', '"sha256"']


def test_a_text_that_is_empty_after_cleaning_is_seen_to_become_nothing() -> None:
    found = explained(f"{HEAD}  note: {{column: n, clean: trim}}\n{TIME}", 'id,n\n1,"  "\n', 1)
    assert short(field_of(found, "note")) == [("column", "  "), ("clean", ""), ("empty", None)]


def test_the_step_that_rejects_says_why_and_the_later_ones_are_shown() -> None:
    found = explained(f"{HEAD}  price: {{column: p, type: number, round: 1}}\n{TIME}", "id,p\n1,abc\n", 1)
    rejected = {step.name: step.rejected for step in field_of(found, "price")}
    assert rejected == {"column": None, "type": "column 'p' is \"abc\", which is not a number", "round": None}
    assert found.fate == "rejected"
    assert [reject.message for reject in found.rejects] == [f"price: {rejected['type']}"]


def test_sql_and_the_types_that_it_relies_on() -> None:
    mapping = f"source: {{columns: {{p: number}}}}\n{HEAD}  value: {{sql: p * 2}}\n{TIME}"
    found = explained(mapping, "id,p\n1,2.5\n2,x\n", 1)
    assert short(field_of(found, "value")) == [("sql", 5.0), ("type", 5.0)]
    found = explained(mapping, "id,p\n1,2.5\n2,x\n", 2)
    assert field_of(found, "value")[-1] == Step("check", "", None, "column 'p' is \"x\", which is not a number")


def test_a_condition_that_is_not_true_ends_the_field() -> None:
    mapping = f"{HEAD}  a: {{column: p, type: number, when: \"k = 'x'\"}}\n  b: {{value: 1, when: \"k = 'x'\"}}\n{TIME}"
    text = "id,k,p\n1,x,2\n2,y,bad\n3,,bad\n"
    assert short(field_of(explained(mapping, text, 1), "a")) == [("when", True), ("column", "2"), ("type", "2")]
    assert short(field_of(explained(mapping, text, 1), "b")) == [("when", True), ("value", 1)]
    for row, result in ((2, False), (3, None)):
        found = explained(mapping, text, row)
        assert found.fate == "event"
        assert short(field_of(found, "a")) == short(field_of(found, "b")) == [("when", result)]


@pytest.mark.parametrize(("kind", "name"), [("O", "purchase"), ("R", "refund")])
def test_the_name_of_the_event_and_a_constant_one(kind: str, name: str) -> None:
    mapping = HEAD.replace("event: purchase", "event: {column: k, map: {O: purchase, R: refund}}") + TIME
    found = explained(mapping, f"id,k\n1,{kind}\n", 1)
    assert short(field_of(found, "event_name")) == [("column", kind), ("map", name)]
    assert short(field_of(explained(HEAD + TIME, "id\n1\n", 1), "event_name")) == [("value", "purchase")]


def test_a_list_of_the_row_and_its_conditions() -> None:
    fields = "  items: {where: id > '1', each: {id: id, n: {column: p, type: number}}}\n"
    text = "id,p\n1,1\n2,2\n"
    assert list_of(explained(HEAD + fields + TIME, text, 1), "items").entries == ()
    traced = list_of(explained(HEAD + fields + TIME, text, 2), "items")
    assert short(traced.conditions) == [("where", True)]
    assert [(field.target, short(field.steps)) for field in traced.entries[0].fields] == [
        ("items[].id", [("column", "2")]), ("items[].n", [("column", "2"), ("type", "2")]),
    ]  # fmt: skip


def test_structs_of_a_list_with_a_condition_and_a_bad_one() -> None:
    lines = [{"sku": "a", "n": "1"}, {"sku": "POST", "n": "x"}, {"sku": "b", "n": "x"}]
    pl.DataFrame({"id": ["1", "2"], "lines": [lines, lines[:2]]}).write_parquet("a.parquet")
    fields = "  items: {from: lines, where: sku <> 'POST', each: {id: sku, n: {column: n, type: number}}}\n"
    Path("m.yaml").write_text(HEAD + fields + TIME, encoding="utf-8")
    found = at("m.yaml", "a.parquet", 1)
    entries = list_of(found, "items").entries
    assert [short(entry.conditions) for entry in entries] == [[("where", True)], [("where", False)], [("where", True)]]
    assert [len(entry.fields) for entry in entries] == [2, 0, 2]
    assert entries[2].fields[1].steps[-1].rejected == "column 'n' is \"x\", which is not a number"
    assert found.fate == "rejected"
    assert at("m.yaml", "a.parquet", 2).fate == "event"


@pytest.mark.parametrize("key", ["id", "[id, day]", "position"])
def test_the_id_of_the_event_is_the_hash_of_the_parts_of_the_key(key: str) -> None:
    found = explained(HEAD.replace("key: id", f"key: {key}") + TIME, "id,day\n7,a\n007é,b\n", 2)
    assert found.event is not None
    assert found.key == {
        "id": {"id": "007é"}, "[id, day]": {"id": "007é", "day": "b"},
        "position": {"path": str(Path("a.csv").resolve()), "row": "2"},
    }[key]  # fmt: skip
    hashed = "".join(f"{len(part.encode())}:{part}" for part in ("1", "purchase", *map(str, found.key.values())))
    assert in_event(parsed(found.event), "context.event_id") == hashlib.sha256(hashed.encode()).hexdigest()[:32]


def test_an_id_that_a_field_gives_has_no_parts() -> None:
    found = explained(HEAD.replace("key: id\n", "") + "  context.event_id: id\n" + TIME, "id\n1\n", 1)
    assert (found.fate, found.key) == ("event", None)


def test_records_that_are_no_rows() -> None:
    mapping, text = HEAD + TIME, 'id,x\n\n1,2\n1,2,"a\nb"\n'
    blank = explained(mapping, text, 1)
    assert (blank.fate, blank.line, blank.rows, "blank" in blank.reason) == ("filtered", 2, [], True)
    broken = explained(mapping, text, 3)
    assert (broken.fate, broken.line, broken.record) == ("rejected", 4, '1,2,"a\nb"')
    assert broken.reason == "The record has 3 fields, the header 2."
    assert [reject.code for reject in broken.rejects] == ["long"]


def test_a_time_that_no_calendar_has_shows_its_row() -> None:
    frame = pl.DataFrame({"id": ["1"], "at": pl.Series([10**18], dtype=pl.Int64).cast(pl.Datetime("us"))})
    frame.write_parquet("a.parquet")
    Path("m.yaml").write_text(f"timezone: UTC\n{HEAD}  context.event_timestamp: at\n", encoding="utf-8")
    found = at("m.yaml", "a.parquet", 1)
    assert [reject.code for reject in found.rejects] == ["time_range"]
    assert found.rows[0].cells["id"] == "1"


def test_a_filtered_row_and_a_condition_that_cannot_be_computed() -> None:
    mapping = f"where: p > 1\nsource: {{columns: {{p: number}}}}\n{HEAD}{TIME}"
    text = "id,p\n1,1\n2,x\n3,2\n"
    filtered = explained(mapping, text, 1)
    assert (filtered.fate, filtered.where, filtered.targets) == ("filtered", Step("where", "p > 1", value=False), [])
    failed = explained(mapping, text, 2)
    reason = "column 'p' is \"x\", which is not a number"
    assert (failed.fate, failed.where) == ("rejected", Step("where", "p > 1", None, reason))
    passed = explained(mapping, text, 3)
    assert (passed.fate, passed.where) == ("event", Step("where", "p > 1", value=True))


GROUPED = """\
version: 1
event: purchase
group_by: [id]
where: sku <> 'draft'
source: {columns: {price: number}}
fields:
  value: {sql: "SUM(price) - COUNT(*)"}
  card: card
  items:
    where: sku <> 'POST'
    each: {id: sku, price: {column: price, type: number}}
  user.id: id
  context.event_timestamp: {value: 1700000000000}
"""
LINES = "id,sku,price,card\n1,a,1.5,x\n2,b,1,x\ndraft,draft,1,x\n1,POST,2,y\n"


def test_a_group_is_explained_with_all_its_lines() -> None:
    found = explained(GROUPED, LINES, 4, {"b.csv": "id,sku,price,card\n1,c,4,x\n,c,4,x\n3,d,2,2\n"})
    assert [row[:3] for row in found.rows] == [("a.csv", 1, 2), ("a.csv", 4, 5), ("b.csv", 1, 2)]
    assert (found.group, found.key) == ({"id": "1"}, {"id": "1"})
    assert found.gathered is not None
    assert found.gathered.rows_read == 7
    steps = field_of(found, "value")
    assert short(steps)[:3] == [("each row", [1.5, 2.0, 4.0]), ("aggregate", 3), ("aggregate", 7.5)]
    assert {(step.detail, step.value) for step in steps if step.name == "aggregate"} == {("SUM", 7.5), ("COUNT", 3)}
    assert short(steps)[-2:] == [("sql", 4.5), ("type", 4.5)]
    assert field_of(found, "card")[0] == Step("column", "card (of the first row; others differ)", "x")
    entries = list_of(found, "items").entries
    assert [(entry.number, entry.conditions[0].value, len(entry.fields)) for entry in entries] == [
        (1, True, 2), (2, False, 0), (3, True, 2),
    ]  # fmt: skip
    assert found.event is not None
    assert in_event(parsed(found.event), "items")[1]["price"] == ("number", "4")


def test_a_bad_line_rejects_its_group_and_is_named() -> None:
    found = explained(GROUPED, "id,sku,price,card\n1,a,1,x\n2,a,1,x\n1,b,bad,x\n", 1)
    assert [(reject.row, reject.code) for reject in found.rejects] == [(1, "group_rejected"), (3, "type")]
    reason = "column 'price' is \"bad\", which is not a number"
    assert field_of(found, "value")[-1] == Step("check", "", None, reason)
    assert list_of(found, "items").entries[1].fields[1].steps[-1].rejected == reason
    assert (found.event, found.fate) == (None, "rejected")


def test_a_column_that_must_agree_and_does_not() -> None:
    mapping = GROUPED.replace("event: purchase", "event: {column: card}")
    found = explained(mapping, LINES, 1)
    assert field_of(found, "event_name")[0].detail == "card (of the first row; others differ)"
    assert [reject.code for reject in found.rejects] == ["event_name_varies"] * 2


def test_sources_that_hold_the_file_say_the_order() -> None:
    Path("m.yaml").write_text(GROUPED, encoding="utf-8")
    Path("a.csv").write_text("id,sku,price,card\n1,a,1,x\n", encoding="utf-8")
    Path("b.csv").write_text("id,sku,price,card\n1,b,1,y\n", encoding="utf-8")
    assert [row.file for row in at("m.yaml", "b.csv", 1, "a.csv").rows] == ["b.csv", "a.csv"]
    assert [row.file for row in at("m.yaml", "b.csv", 1, "a.csv", "b.csv").rows] == ["a.csv", "b.csv"]
    assert [Path(row.file).name for row in at("m.yaml", "./b.csv", 1, ".").rows] == ["a.csv", "b.csv"]


def test_a_row_without_a_group_reads_no_further() -> None:
    found = explained(GROUPED, "id,sku,price,card\n,a,1,x\n", 1)
    assert (found.fate, found.group, found.gathered) == ("rejected", {"id": None}, None)
    assert found.reason.startswith("group_by: 'id' is empty")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a.csv:1", ("a.csv", 1)),
        ("a:b.csv:12", ("a:b.csv", 12)),
        ("C:/x.csv:1,234", ("C:/x.csv", 1234)),
        (":1:2", (":1", 2)),
    ],
)
def test_a_place(text: str, place: tuple[str, int]) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.csv", "which row"), ("a.csv:", "no number"), ("a.csv:x", "'x' is no number"), ("a.csv:0", "no row 0"),
        ("a.csv:-1", "no number"), ("a.csv:1.5", "no number"), ("a.csv:" + "9" * 5000, "no number"),
        ("a.csv:٣", "no number"), (":3", "no file"), ("", "row"),
    ],
)  # fmt: skip
def test_no_place(text: str, message: str) -> None:
    with pytest.raises(UsageInvalid, match=message):
        parse_place(text)


def test_a_file_whose_name_looks_like_a_place_wants_a_row() -> None:
    Path("a.csv:1").write_text("id\n1\n", encoding="utf-8")
    with pytest.raises(UsageInvalid, match="which row"):
        parse_place("a.csv:1")


@pytest.mark.parametrize(("rows", "said"), [(0, "0 rows"), (1, "1 row:"), (1_234, "1,234 rows")])
def test_a_row_beyond_the_end(rows: int, said: str) -> None:
    with pytest.raises(UsageInvalid, match=f"a.csv has {said}"):
        explained(HEAD + TIME, "id\n" + "1\n" * rows, 2_000)


def test_files_that_are_not_one() -> None:
    Path("m.yaml").write_text(HEAD + TIME, encoding="utf-8")
    for name in ("a.csv", "b.csv"):
        Path(name).write_text("id\n1\n", encoding="utf-8")
    for name in (".", "*.csv"):
        with pytest.raises(UsageInvalid, match="is not one file"):
            at("m.yaml", name, 1)
    with pytest.raises(SourceUnreadable, match="no such file"):
        at("m.yaml", "c.csv", 1)


def test_a_row_deep_in_a_file_is_found() -> None:
    text = "id\n" + "".join(f'"{number}\n"\n' for number in range(1, 60_001))
    found = explained(HEAD.replace("  id: id\n", "  id: {column: id, clean: trim}\n") + TIME, text, 50_000)
    assert (found.line, found.rows[0].cells, field_of(found, "id")[-1].value) == (100_000, {"id": "50000\n"}, "50000")


def assert_true(found: Explanation) -> None:
    """Every field ends in the value that stands in the event."""
    assert found.event is not None, [reject.message for reject in found.rejects]
    event = parsed(found.event)
    assert {target: in_event(event, target) for target, _ in last_values(found)} == dict(last_values(found))


def test_every_kind_of_text_ends_as_it_is_sent() -> None:
    mapping = (
        "timezone: Europe/Paris\nsource: {decimal: ',', thousands: ' '}\n"
        + HEAD
        + "  flag: {column: flag, type: boolean}\n"
        + "  whole: {column: n, type: integer}\n"
        + "  numbers: {column: list, split: '|', type: number, default: [1.50]}\n"
        + "  none: {column: empty, split: '|', type: number, default: [1.5, 2]}\n"
        + "  user.consent_categories: {column: list, split: '|'}\n"
        + "  user.birthdate: {column: day, format: ['%d/%m/%Y', '%Y-%m-%d']}\n"
        + "  seconds: {column: epoch, unit: s}\n"
        + "  map: {column: n, map: {'1 000': true}}\n"
        + "  context.event_timestamp: {column: at, format: '%d/%m/%Y %H:%M', ambiguous: latest}\n"
    )
    text = 'id,flag,n,list,empty,day,epoch,at\n1,No,1 000,"1,50|2",,2001-02-03,1700000000,27/10/2024 02:30\n'
    found = explained(mapping, text, 1)
    assert_true(found)
    assert in_event(parsed(found.event or b""), "numbers") == [("number", "1.50"), ("number", "2")]
    assert field_of(found, "numbers")[2].value == ["1.50", "2"]


def test_every_type_of_parquet_ends_as_it_is_sent() -> None:
    naive = pl.Series(["2024-07-01T12:00:00.5"]).str.to_datetime()
    frame = {
        "id": pl.Series(["1"], dtype=pl.Categorical), "d": pl.Series(["12.50"]).cast(pl.Decimal(10, 2)),
        "day": naive.dt.date(), "at": naive, "zoned": naive.dt.replace_time_zone("Asia/Tokyo"), "b": [False],
        "l": [["x", None, ""]], "n": [[1, 2]], "f": [0.1], "i": pl.Series([7], dtype=pl.Int8),
    }  # fmt: skip
    pl.DataFrame(frame).write_parquet("a.parquet")
    fields = "".join(f"  custom.{name}: {name}\n" for name in list(frame)[1:])
    Path("m.yaml").write_text(
        f"timezone: Europe/Paris\n{HEAD}{fields}  user.consent_categories: n\n  twice: {{sql: i * 2}}\n"
        "  context.event_timestamp: at\n",
        encoding="utf-8",
    )
    assert_true(at("m.yaml", "a.parquet", 1))


def test_a_row_that_goes_away_while_its_group_is_looked_for() -> None:
    Path("m.yaml").write_text(GROUPED, encoding="utf-8")
    Path("a.csv").write_text(LINES, encoding="utf-8")
    planned, number = plan_for(Path("m.yaml"), "a.csv", [], RunSettings())
    reader = planned.sources[number].open(0)
    (chunk,) = reader.chunks([Span(0, 1, 2)])
    Path("a.csv").write_text("id,sku,price,card\n9,a,1,x\n", encoding="utf-8")
    with pytest.raises(SourceChanged, match="changed while it was read"):
        _Explainer(planned, number, 1, chunk, NOW_MS).explain(Silent())


def test_phone_numbers_and_derived_ids_are_steps() -> None:
    mapping = (
        "version: 1\nevent: purchase\ngroup_by: id\ncountry: FR\nfields:\n"
        "  user.phone: {column: tel, clean: [trim, e164]}\n"
        "  user.consistent_anonymous_id: {id_from: [id, who]}\n" + TIME
    )
    found = explained(mapping, "id,tel,who\n1,06 12 34 56 78,a\n1,n/a,b\n", 1)
    column, clean = field_of(found, "user.phone")
    assert (column.value, clean.detail, clean.value) == ("06 12 34 56 78", "trim, e164 of FR", "+33612345678")
    (derived,) = field_of(found, "user.consistent_anonymous_id")
    assert derived.detail == "id, who (of the first row; others differ)"
    assert derived.value == hashlib.sha256(b"4:id 11:11:a").hexdigest()[:32]
    assert in_event(json.loads(found.event or b""), "user.consistent_anonymous_id") == derived.value
    rejected = field_of(explained(mapping, "id,tel,who\n1,n/a,\n", 1), "user.phone")[-1].rejected
    assert rejected is not None
    assert "which is no phone number of FR" in rejected
