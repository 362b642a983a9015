"""The other way where the vendor's pages contradict each other: golden events, byte by byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from encoding import document, run

import importer
from importer.cli.explain import _json, _text
from importer.cli.progress import Silent
from importer.errors import MappingInvalid
from importer.explain import Explanation, explain, plan_for
from importer.mapping.document import parse_document
from importer.mapping.trace_event import TracedField
from importer.reference import CONTRADICTIONS
from importer.settings import RunSettings

HEAD = "version: 1\nevent: purchase\nkey: id\n"
GROUPED = "version: 1\nevent: purchase\ngroup_by: [id]\nsource: {columns: {t: timestamp}}\n"
FIELDS = """\
  id: id
  context.page.url: url
  value: {column: n, type: number}
  context.event_timestamp: t
  context.device.ip: ip
  user.consent_categories: {column: c, split: "|"}
"""
ROW = {"id": ["7"], "url": ["u"], "n": ["1.50"], "t": ["2023-11-14T22:13:20Z"], "ip": ["::1"], "c": ["1|2"]}


def head(payload: str, of: str = HEAD) -> str:
    return f"{of}payload: {{{payload}}}\n"


def one(payload: str, fields: str = FIELDS, **columns: list[Any]) -> str:
    """The event of one row, without what makes up its id."""
    result = run(fields, ROW | columns, head=head(payload), is_text=True)
    assert result.rejects == {}
    (text,) = result.texts
    before, _, after = text.partition('"event_id":"')
    return f"{before}ID{after[33:]}"


GOLDEN = {
    "timestamp_place: context": '{"event_name":"purchase","id":"7","context":{"page":{"url":"u"},'
    '"event_timestamp":1700000000000,"device":{"ip":"::1"},ID},"value":1.50,"user":{"consent_categories":["1","2"]}}',
    "timestamp_place: root": '{"event_name":"purchase","id":"7","context":{"page":{"url":"u"},'
    '"device":{"ip":"::1"},ID},"event_timestamp":1700000000000,"value":1.50,"user":{"consent_categories":["1","2"]}}',
    "timestamp_place: both": '{"event_name":"purchase","id":"7","context":{"page":{"url":"u"},'
    '"event_timestamp":1700000000000,"device":{"ip":"::1"},ID},"event_timestamp":1700000000000,"value":1.50,'
    '"user":{"consent_categories":["1","2"]}}',
    "timestamp_type: text": '{"event_name":"purchase","id":"7","context":{"page":{"url":"u"},'
    '"event_timestamp":"1700000000000","device":{"ip":"::1"},ID},"value":1.50,"user":{"consent_categories":["1","2"]}}',
    "timestamp_place: root, timestamp_type: iso8601, consent_type: integer": '{"event_name":"purchase","id":"7",'
    '"context":{"page":{"url":"u"},"device":{"ip":"::1"},ID},"event_timestamp":"2023-11-14T22:13:20.000Z",'
    '"value":1.50,"user":{"consent_categories":[1,2]}}',
    "timestamp_place: both, timestamp_type: text": '{"event_name":"purchase","id":"7","context":{"page":{"url":"u"},'
    '"event_timestamp":"1700000000000","device":{"ip":"::1"},ID},"event_timestamp":"1700000000000","value":1.50,'
    '"user":{"consent_categories":["1","2"]}}',
}


@pytest.mark.parametrize("payload", GOLDEN)
def test_golden_events(payload: str) -> None:
    assert one(payload) == GOLDEN[payload]


def times(payload: str, fields: str, **columns: list[Any]) -> list[Any]:
    data = {"id": [str(row) for row in range(len(next(iter(columns.values()))))]} | columns
    result = run(fields, data, head=head(payload))
    assert result.rejects == {}
    place = "event_timestamp" if "root" in payload else "context.event_timestamp"
    return result.values(place)


def test_iso_has_three_decimals_always() -> None:
    cells = [
        "2023-11-14T22:13:20Z",
        "2024-02-29T01:00:00.5+01:00",
        "1969-12-31T23:59:59.999Z",
        "9999-12-31T23:59:59.999999Z",
    ]
    found = times("timestamp_type: iso8601", "  context.event_timestamp: t\n", t=cells)
    assert found == [
        "2023-11-14T22:13:20.000Z", "2024-02-29T00:00:00.500Z", "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z",
    ]  # fmt: skip


SOURCES = {
    "epoch": ("{column: t, unit: s}", [1_700_000_000]),
    "a typed column": ("t", pl.Series(["2023-11-14 22:13:20"]).str.to_datetime("%Y-%m-%d %H:%M:%S", time_zone="UTC")),
    "sql": ("{sql: t}", pl.Series(["2023-11-14 22:13:20"]).str.to_datetime("%Y-%m-%d %H:%M:%S", time_zone="UTC")),
    "a default": ("{column: t, default: 1700000000000}", pl.Series([None], dtype=pl.String)),
    "a constant": ("{value: 1700000000000}", [1]),
    "a constant with a condition": ("{value: 1700000000000, when: t = 1}", [1]),
    "a column with a condition": ("{column: t, unit: s, when: t > 1}", [1_700_000_000]),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("form", "expected"),
    [("integer", 1_700_000_000_000), ("text", "1700000000000"), ("iso8601", "2023-11-14T22:13:20.000Z")],
)
def test_every_source_of_a_time_follows(source: str, form: str, expected: Any) -> None:  # noqa: ANN401
    field, cells = SOURCES[source]
    data = {"id": ["a"], "t": cells}
    result = run(
        f"  context.event_timestamp: {field}\n", data, head=head(f"timestamp_place: both, timestamp_type: {form}")
    )
    assert result.rejects == {}
    assert result.values("context.event_timestamp") == result.values("event_timestamp") == [expected]
    assert (result.oldest_ms, result.newest_ms) == (1_700_000_000_000, 1_700_000_000_000)


def test_a_constant_object_that_holds_the_time_follows() -> None:
    fields = "  context: {value: {event_timestamp: 1700000000000, app: {name: x}}}\n  user.id: id\n"
    result = run(fields, {"id": ["a"]}, head=head("timestamp_place: root, timestamp_type: text"))
    assert result.texts[0].startswith('{"event_name":"purchase","context":{"app":{"name":"x"},"event_id":"')
    assert result.texts[0].endswith('},"event_timestamp":"1700000000000","user":{"id":"a"}}')


@pytest.mark.parametrize("payload", ["timestamp_type: text", "timestamp_place: root, timestamp_type: iso8601"])
def test_a_missing_or_bad_time_is_rejected_in_every_form(payload: str) -> None:
    data = {"id": ["a", "b", "c"], "t": ["2023-11-14T22:13:20Z", None, "soon"]}
    result = run("  context.event_timestamp: t\n", data, head=head(payload))
    assert {row: code for row, (code, _) in result.rejects.items()} == {2: "timestamp_missing", 3: "type"}
    assert result.encoded.count == 1


def test_groups_follow_too() -> None:
    data = {"id": ["a", "a", "b"], "t": ["2023-11-14T22:13:20Z", "2023-11-14T22:13:21Z", "2023-11-14T22:13:22Z"]}
    fields = '  context.event_timestamp: {sql: "MAX(t)"}\n'
    result = run(fields, data, head=head("timestamp_place: root, timestamp_type: iso8601", GROUPED), is_text=True)
    assert result.values("event_timestamp") == ["2023-11-14T22:13:21.000Z", "2023-11-14T22:13:22.000Z"]
    assert result.values("context.event_timestamp") == [None, None]


# Categories


def categories(field: str, cells: Any, payload: str = "consent_type: integer") -> tuple[list[Any], dict[int, str]]:  # noqa: ANN401
    frame = pl.DataFrame({"id": [str(row) for row in range(len(cells))], "c": cells})
    result = run(f"  user.consent_categories: {field}\n  user.id: id\n", frame, head=head(payload))
    return result.values("user.consent_categories"), {row: message for row, (_, message) in result.rejects.items()}


def test_categories_as_whole_numbers() -> None:
    cells = ["1|2", " 3 | 07|", "", None, "1|x", "1.5", "1.0"]
    values, rejects = categories("{column: c, split: '|'}", cells)
    assert values == [[1, 2], [3, 7], None, None, [1]]
    assert rejects[5] == "user.consent_categories: column 'c' is \"x\", which is not a whole number"
    assert set(rejects) == {5, 6}


def test_lists_of_numbers_and_of_texts_go_either_way() -> None:
    assert categories("c", [[1, 2], None])[0] == [[1, 2], None]
    assert categories("c", [["1", "2"], []])[0] == [[1, 2], None]
    assert categories("c", [[1, 2]], "consent_type: text")[0] == [["1", "2"]]
    assert categories("{column: c, type: string}", [["1", "x"]])[0] == [["1", "x"]]
    assert categories("{column: c, type: integer}", [["1"]], "consent_type: text")[0] == [[1]]
    assert categories("{column: c, map: {A: '1', B: '2'}, split: ','}", ["A,B"])[0] == [[1, 2]]
    assert categories("{column: c, split: ',', default: [4]}", [None, "5"])[0] == [[4], [5]]


def problems(text: str) -> list[str]:
    with pytest.raises(MappingInvalid) as caught:
        parse_document(text, "m.yaml")
    return [str(problem) for problem in caught.value.problems]


def whole(payload: str, *fields: str) -> str:
    lines = ["  user.id: id", *(f"  {field}" for field in fields)]
    if not any(field.startswith("context.event_timestamp") for field in fields):
        lines.append("  context.event_timestamp: t")
    return f"{head(payload)}fields:\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("payload", "field", "says"),
    [
        ("consent_type: integer", 'user.consent_categories: {value: ["1", "2"]}',
         "[1, 2], without quotes, or change `consent_type`"),
        ("consent_type: integer", 'user.consent_categories: {column: c, split: "|", default: ["1"]}',
         "line 7, column 61: fields.user.consent_categories.default:"),
        ("consent_type: integer", 'user.consent_categories: {column: c, split: "|", default: [1.5]}', "1.5 is not"),
        ("consent_type: integer", "user.consent_categories: {value: [true]}", "true is not what"),
        ("consent_type: text", "user.consent_categories: {value: [1, 2]}",
         '1 is not what `payload: {consent_type: text}` says: write the categories as ["1", "2"], in quotes'),
        ("timestamp_place: root", "event_timestamp: t",
         "line 7, column 3: fields.event_timestamp: `payload: {timestamp_place: root}` writes `event_timestamp`: map"),
        ("timestamp_place: both", "event_timestamp.x: t", "`payload: {timestamp_place: both}` writes"),
        ("timestamp_type: text", "context.event_timestamp: {column: t, type: string}",
         "fields.context.event_timestamp.type: `type: string` and `payload: {timestamp_type: text}` both say"),
        ("timestamp_type: text", "context.event_timestamp: {column: t, type: integer}", "write `unit: ms`"),
        ("timestamp_type: iso8601", 'context.event_timestamp: {value: "2023-11-14T22:13:20Z", when: "id = 1"}',
         "is made of milliseconds: write the time as a whole number, such as 1700000000000"),
        ("timestamp_type: text", "context.event_timestamp: {value: true}", "is made of milliseconds"),
        ("timestamp_type: iso8601", "context.event_timestamp: {value: 999999999999999}", "is no time between"),
        ("timestamp_type: iso8601", "context.event_timestamp: {column: t, default: -62000000000000}",
         "-62000000000000 ms since 1970 is no time between the years 1000 and 9999"),
        ("timestamp_place: rot", "x: y", "`rot` is not one of `context`, `root`, `both`; did you mean `root`?"),
        ("timestamp_typ: text", "x: y", "unknown key `timestamp_typ`; did you mean `timestamp_type`?"),
    ],
)  # fmt: skip
def test_problems(payload: str, field: str, says: str) -> None:
    found = problems(whole(payload, field))
    assert len(found) == 1
    assert says in found[0]


def test_a_constant_object_with_categories_is_looked_into() -> None:
    text = f'{head("consent_type: integer")}fields:\n  user: {{value: {{id: u, consent_categories: ["1"]}}}}\n'
    (found,) = problems(text + "  context.event_timestamp: t\n")
    assert "line 6, column" in found
    assert 'fields.user.value.consent_categories: "1" is not what' in found


def test_a_problem_with_a_constant_shows_its_place_and_the_way_out() -> None:
    (found,) = problems(whole("consent_type: integer", 'user.consent_categories: {value: ["1", "2"]}'))
    says = '"1" is not what `payload: {consent_type: integer}` says: write the categories as [1, 2], without quotes'
    assert found == f"line 7, column 36: fields.user.consent_categories.value: {says}, or change `consent_type`"


@pytest.mark.parametrize(
    "field",
    ["{value: [1, 2]}", '{value: ["1"], type: string}', '{column: c, split: "|", type: string, default: ["x"]}'],
)
def test_what_agrees_with_the_option_or_has_a_type_of_its_own_is_fine(field: str) -> None:
    parse_document(whole("consent_type: integer", f"user.consent_categories: {field}"), "m.yaml")


def test_without_the_option_constants_are_sent_as_they_are() -> None:
    result = run("  user.consent_categories: {value: [1]}\n", {"id": ["a"]}, head=HEAD)
    assert result.values("user.consent_categories") == [[1]]


def test_payload_is_a_part_of_the_fingerprint_unless_it_says_the_usual() -> None:
    usual = document(FIELDS, HEAD).canonical()
    assert document(FIELDS, head("timestamp_place: context, consent_type: text")).canonical() == usual
    assert '"payload":{"timestamp_place":"root"}' in document(FIELDS, head("timestamp_place: root")).canonical()


def test_contradictions_name_the_option_that_chooses_the_other_way() -> None:
    options = {item.name: item.option for item in CONTRADICTIONS if item.option}
    assert options == {
        "timestamp_location": "payload.timestamp_place",
        "timestamp_type": "payload.timestamp_type",
        "consent_type": "payload.consent_type",
    }


# Shown


def explained(payload: str, time: str) -> Explanation:
    fields = f"  user.id: id\n  user.consent_categories: {{column: c, split: '|'}}\n  context.event_timestamp: {time}\n"
    Path("m.yaml").write_text(f"{head(payload)}fields:\n{fields}", encoding="utf-8")
    Path("a.csv").write_text("id,t,c\n1,2023-11-14T22:13:20Z,1|2\n2,soon,1\n", encoding="utf-8")
    planned, number = plan_for(Path("m.yaml"), "a.csv", (), RunSettings())
    return explain(planned, number, 1, Silent())


def steps_of(found: Explanation, target: str) -> list[tuple[str, str, Any]]:
    (steps,) = [item.steps for item in found.targets if isinstance(item, TracedField) and item.target == target]
    return [tuple(step[:3]) for step in steps]


def test_explain_shows_how_the_time_is_written_and_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = explained("timestamp_place: root, timestamp_type: iso8601, consent_type: integer", "t")
    iso = "2023-11-14T22:13:20.000Z"
    assert steps_of(found, "context.event_timestamp")[-1] == ("payload", "iso8601 at the root", iso)
    assert steps_of(found, "user.consent_categories")[-1] == ("type", "integer", ["1", "2"])
    text = "\n".join(_text(found))
    assert f'  event_timestamp = "{iso}"\n' in text
    assert "left out" not in text
    assert '"places": {"context.event_timestamp": ["event_timestamp"]}' in _json(found)


@pytest.mark.parametrize("time", ["{value: 1700000000000}", "{value: 1700000000000, when: \"id = '1'\"}"])
def test_explain_shows_constants_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, time: str) -> None:
    monkeypatch.chdir(tmp_path)
    found = explained("timestamp_place: both", time)
    assert steps_of(found, "context.event_timestamp")[-1] == (
        "payload",
        "integer in context and at the root",
        1700000000000,
    )
    assert "  context.event_timestamp = 1700000000000\n  event_timestamp = 1700000000000" in "\n".join(_text(found))


def test_explain_of_a_bad_time_stops_at_the_bad_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    explained("timestamp_type: text", "t")
    planned, number = plan_for(Path("m.yaml"), "a.csv", (), RunSettings())
    found = explain(planned, number, 2, Silent())
    assert found.fate == "rejected"
    assert steps_of(found, "context.event_timestamp")[-1][0] == "type"


def test_frames_follow() -> None:
    mapping = (
        f"{head('timestamp_place: root, timestamp_type: text')}fields: {{user.id: id, context.event_timestamp: t}}\n"
    )
    frame = pl.DataFrame({"id": ["a"], "t": ["2023-11-14T22:13:20Z"]})
    (event,) = importer.encode(frame, mapping).events
    assert event.endswith(b'"},"event_timestamp":"1700000000000"}')
