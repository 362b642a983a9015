"""The mapping file: what a valid one means, and every problem of a broken one at its exact place."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from importer.errors import ExitCode, MappingInvalid, UsageInvalid
from importer.mapping.document import EachSpec, FieldSpec, Mapping, load_document, parse_document

DATA = Path(__file__).parents[1] / "data" / "mappings"

# Six lines that are valid; what a case appends begins on line 7.
BASE = """\
version: 1
event: purchase
key: order_id
fields:
  user.id: customer
  context.event_timestamp: at
"""
PYDANTIC_WORDS = ("Input should", "valid dictionary", "Extra inputs", "type=", "tuple", "literal", "instance of")

Expected = list[tuple[int, int, str]]

FIELDS: dict[str, tuple[str, Expected]] = {
    "unknown key": ("  a: {colum: x}", [(7, 7, "unknown key `colum`; did you mean `column`?")]),
    "two unknown keys": (
        "  a: {column: x, trimm: yes, defualt: 1}",
        [(7, 18, "unknown key `trimm`"), (7, 30, "did you mean `default`?")],
    ),
    "other word": ("  a: {const: 7}", [(7, 7, "did you mean `value`?")]),
    "no form": ("  a: {default: 1}", [(7, 3, "`a` needs one of `column`, `value`, `sql`, `lookup` or `id_from`")]),
    "empty": ("  a: {}", [(7, 3, "`a` needs one of")]),
    "two forms": ("  a: {column: x, sql: y}", [(7, 18, "`column` and `sql` exclude each other")]),
    "short number": ("  a: 10", [(7, 6, "not the number 10: write `{value: 10}` for a constant")]),
    "short boolean": ("  a: true", [(7, 6, "not `true`: write `{value: true}` for a constant")]),
    "short nothing": ("  a:", [(7, 3, "`a` has no value")]),
    "short null": ("  a: null", [(7, 3, "`a` has no value")]),
    "short list": ("  a: [b, c]", [(7, 6, "a field is the name of a column or a mapping")]),
    "short empty": ("  a: ''", [(7, 6, "must not be empty")]),
    "nested": ("  device: {ip: x, timezone: y}", [(7, 3, "write them dotted, as in `device.ip: x`")]),
    "nested block": ("  order:\n    id: x\n    total: y", [(7, 3, "as in `order.id: x`")]),
    "nested in each": ("  items: {each: {product: {id: sku}}}", [(7, 18, "as in `product.id: sku`")]),
    "each in each": ("  items: {each: {sub: {each: {id: x}}}}", [(7, 24, "an `each` inside an `each`")]),
    "each where nothing": ("  items: {where: , each: {id: sku}}", [(7, 11, "`where` has no value")]),
    "each where number": ("  items: {where: 1, each: {id: sku}}", [(7, 18, "must be a text, not the number 1")]),
    "where of a field": ("  a: {column: x, where: y = 1}", [(7, 18, "did you mean `when`?")]),
    "each empty": ("  items: {each: {}}", [(7, 17, "must not be empty")]),
    "each nothing": ("  items: {each: }", [(7, 11, "`each` has no value")]),
    "each list": ("  items: {each: [id]}", [(7, 17, "must be a mapping of `name: value`, not a list")]),
    "each column": ("  items: {column: x, each: {id: sku}}", [(7, 11, "`column` cannot stand beside `each`")]),
    "each typo": ("  items: {form: x, each: {id: sku}}", [(7, 11, "did you mean `from`?")]),
    "each python name": ("  items: {from_: x, each: {id: sku}}", [(7, 11, "did you mean `from`?")]),
    "from alone": ("  items: {from: lines}", [(7, 11, "`from` needs an `each`")]),
    "lookup": ("  a: {lookup: f}", [(7, 15, "must be a mapping of `file`, `on` and `take`, not the text `f`")]),
    "hash of other suffix": (
        "  user.email_sha256: {column: e, hash: md5}",
        [(7, 40, "ends in `_sha256`: write `hash: sha256`, or `user.email_md5` as target")],
    ),
    "hash of no suffix": ("  user.email: {column: e, hash: sha256}", [(7, 33, "write `user.email_sha256`")]),
    "hash in each": ("  items: {each: {id: {column: e, hash: md5}}}", [(7, 40, "write `id_md5`")]),
    "hash unknown": ("  a_sha256: {column: e, hash: sha-256}", [(7, 31, "did you mean `sha256`?")]),
    "conflict": ("  a: x\n  a.b: y", [(8, 3, "`a.b` conflicts with `a` in line 7")]),
    "conflict reversed": ("  a.b.c: x\n  a: y", [(8, 3, "`a` conflicts with `a.b.c` in line 7")]),
    "conflict with each": ("  items: {each: {id: x}}\n  items.id: x", [(8, 3, "conflicts with `items`")]),
    "conflict in each": ("  items: {each: {p: x, p.id: y}}", [(7, 24, "`p.id` conflicts with `p`")]),
    "duplicate target": ("  a: x\n  a: y", [(8, 3, "duplicate key `a`: it stands in line 7, column 3 already")]),
    "no target": ("  '': x", [(7, 3, "a target needs a name")]),
    "double dot": ("  a..b: x", [(7, 3, "`a..b` has an empty part")]),
    "first dot": ("  .a: x", [(7, 3, "`.a` has an empty part")]),
    "brackets": ("  items[0].id: x", [(7, 3, "lists are written with `each`")]),
    "blank": ("  'a .b': x", [(7, 3, "a blank at the edge")]),
    "escape sequence": ('  "a\\u001bb": x', [(7, 3, "`a\\x1bb` contains")]),
    "deep target": (f"  {'.'.join('a' * 21)}: x", [(7, 3, "at most 20 parts, this one has 21")]),
    "event_name": ("  event_name: x", [(7, 3, "written by `event`")]),
    "round 16": ("  a: {column: x, round: 16}", [(7, 25, "a whole number from 0 to 15, not 16")]),
    "round 2.5": ("  a: {column: x, round: 2.5}", [(7, 25, "a whole number, not the number 2.5")]),
    "round true": ("  a: {column: x, round: true}", [(7, 25, "a whole number, not `true`")]),
    "round a text": ("  a: {column: x, type: string, round: 2}", [(7, 32, "`round` is for numbers")]),
    "format and unit": ("  a: {column: x, format: '%F', unit: s}", [(7, 32, "exclude each other")]),
    "unit of number": ("  a: {column: x, type: number, unit: s}", [(7, 32, "`unit` is for `type: timestamp`")]),
    "format of number": ("  a: {column: x, type: number, format: '%Y'}", [(7, 32, "for `type: timestamp` or `date`")]),
    "ambiguous date": ("  a: {column: x, type: date, ambiguous: latest}", [(7, 30, "`ambiguous` is for")]),
    "java format": ('  a: {column: x, format: ["%F", dd/MM]}', [(7, 33, "`dd/MM` is no format")]),
    "java format alone": ("  a: {column: x, format: dd/MM}", [(7, 26, "`dd/MM` is no format")]),
    "format number": ("  a: {column: x, format: 7}", [(7, 26, "a text or a list of texts, not the number 7")]),
    "unit unknown": ("  a: {column: x, unit: milliseconds}", [(7, 24, "did you mean `ms`?")]),
    "ambiguous unknown": ("  a: {column: x, ambiguous: first}", [(7, 29, "`earliest`, `latest`, `reject`")]),
    "timezone": ("  a: {column: x, timezone: paris}", [(7, 28, "did you mean `Europe/Paris`?")]),
    "type unknown": ("  a: {column: x, type: int}", [(7, 24, "did you mean `integer`?")]),
    "clean unknown": ("  a: {column: x, clean: [trim, lowercase]}", [(7, 32, "did you mean `lower`?")]),
    "split empty": ("  a: {column: x, split: ''}", [(7, 25, "must not be empty")]),
    "map of lists": ("  a: {column: x, map: {A: [1]}}", [(7, 27, "a value of `map` is")]),
    "map empty": ("  a: {column: x, map: {}}", [(7, 23, "must not be empty")]),
    "map a text": ("  a: {column: x, map: y}", [(7, 23, "must be a mapping")]),
    "value null": ("  a: {value: null}", [(7, 7, "a null is never sent")]),
    "value with null": ("  a: {value: {b: [1, null]}}", [(7, 22, "a null is never sent")]),
    "default nothing": ("  a: {column: x, default: }", [(7, 18, "`default` has no value")]),
    "column number": ("  a: {column: 7}", [(7, 15, 'a text, not the number 7: write "7" in quotes')]),
    "integer too big": ("  a: {value: 123456789012345678901}", [(7, 14, "cannot be kept to its last digit")]),
    "number too long": ("  a: {value: 0.12345678901234567890123}", [(7, 14, "cannot be kept")]),
}

TOP: dict[str, tuple[str, Expected]] = {
    "timezone": ("timezone: Europe/Pari", [(7, 11, "`Europe/Pari` is no time zone; did you mean `Europe/Paris`?")]),
    "timezone offset": ("timezone: '+01:00'", [(7, 11, "write a name such as `Europe/Paris`")]),
    "timezone path": ("timezone: ../../etc/passwd", [(7, 11, "is no time zone")]),
    "where nothing": ("where:", [(7, 1, "`where` has no value")]),
    "where number": ("where: 1", [(7, 8, "must be a text, not the number 1")]),
    "target at the root": ("user.email: mail", [(7, 1, "targets stand under `fields`")]),
    "group_by twice": ("group_by: [a, b, a]", [(7, 18, "the column `a` stands in `group_by` twice")]),
    "group_by empty": ("group_by: []", [(7, 11, "must not be empty")]),
    "group_by number": ("group_by: [1]", [(7, 12, 'write "1" in quotes')]),
    "group_by mapping": ("group_by: {a: b}", [(7, 11, "a text or a list of texts, not a mapping")]),
    "group_by and from": (
        "  lines: {from: l, each: {id: a}}\ngroup_by: [a]",
        [(7, 11, "with `group_by` the entries are the rows of the group: leave out one of the two")],
    ),
    "dedupe": ("dedupe: 1", [(7, 9, "must be true or false, not the number 1")]),
    "unknown": ("soruce: {}", [(7, 1, "did you mean `source`?")]),
    "separator word": ("source:\n  separator: tab", [(8, 14, 'did you mean "\\t" in double quotes?')]),
    "separator unescaped": ("source: {separator: '\\t'}", [(7, 21, 'did you mean "\\t" in double quotes?')]),
    "separator two": ("source: {separator: ';;'}", [(7, 21, "must be one ASCII character")]),
    "separator wide": ("source: {separator: §}", [(7, 21, "must be one ASCII character")]),
    "quote": ("source: {quote: ab}", [(7, 17, "`quote` must be one ASCII character")]),
    "quote is separator": ("source: {quote: ';', separator: ';'}", [(7, 17, "are the same character")]),
    "encoding": ("source: {encoding: latin-one}", [(7, 20, "did you mean `latin-1`?")]),
    "encoding of no text": ("source: {encoding: rot13}", [(7, 20, "no encoding of text, such as")]),
    "decimal": ("source: {decimal: ;}", [(7, 19, "`;` is not one of `.`, `,`")]),
    "thousands": ("source: {decimal: ',', thousands: ','}", [(7, 35, "are both `,`")]),
    "thousands digit": ("source: {thousands: '0'}", [(7, 21, "one character, and no digit")]),
    "skip_rows": ("source: {skip_rows: -1}", [(7, 21, "of 0 or more, not -1")]),
    "column type": ("source: {columns: {a: float}}", [(7, 23, "did you mean `number`?")]),
    "columns list": ("source: {columns: [a]}", [(7, 19, "must be a mapping")]),
    "delimiter": ("source: {delimiter: ';'}", [(7, 10, "did you mean `separator`?")]),
    "parquet separator": ("source: {format: parquet, separator: ';'}", [(7, 27, "describes a CSV file")]),
    "format": ("source: {format: xlsx}", [(7, 18, "`xlsx` is not one of `csv`, `parquet`")]),
    "source text": ("source: csv", [(7, 9, "must be a mapping")]),
    "null_values": ("source: {null_values: [NULL, 7]}", [(7, 30, 'write "7" in quotes')]),
}

WHOLE: dict[str, tuple[str, Expected]] = {
    "no version": (BASE.replace("version: 1\n", ""), [(1, 1, "`version` is missing: add `version: 1`")]),
    "version 2": (BASE.replace("1", "2"), [(1, 10, "must be the number 1")]),
    "version text": (BASE.replace("1", "'1'"), [(1, 10, "must be the number 1")]),
    "version true": (BASE.replace("1", "true"), [(1, 10, "must be the number 1")]),
    "version 1.0": (BASE.replace("1", "1.0"), [(1, 10, "must be the number 1")]),
    "no event": (BASE.replace("event: purchase\n", ""), [(1, 1, "`event` is missing: add `event: purchase`")]),
    "event misspelled": (BASE.replace("event:", "evnt:"), [(2, 1, "did you mean `event`?")]),
    "event number": (BASE.replace("purchase", "7"), [(2, 8, "the name of the event")]),
    "event nothing": (BASE.replace("purchase", ""), [(2, 1, "`event` has no value")]),
    "event two forms": (BASE.replace("purchase", "{column: a, sql: b}"), [(2, 20, "exclude each other")]),
    "event map alone": (BASE.replace("purchase", "{value: a, map: {A: b}}"), [(2, 19, "write `column`")]),
    "event map number": (BASE.replace("purchase", "{column: a, map: {A: 1}}"), [(2, 29, "must be a text")]),
    "event typo": (BASE.replace("purchase", "{colum: kind}"), [(2, 9, "did you mean `column`?")]),
    "event empty": (BASE.replace("purchase", "{}"), [(2, 1, "`event` needs one of")]),
    "no key": (BASE.replace("key: order_id\n", ""), [(1, 1, "`key: position`")]),
    "key empty": (BASE.replace("order_id", "[]"), [(3, 6, "must not be empty")]),
    "key number": (BASE.replace("order_id", "[a, 1]"), [(3, 10, "must be a text, not the number 1")]),
    "key mapping": (BASE.replace("order_id", "{a: b}"), [(3, 6, "or the word `position`, not a mapping")]),
    "key twice": (BASE.replace("order_id", "[a, b, a]"), [(3, 13, "stands in `key` twice")]),
    "key position of a group": (
        BASE.replace("order_id", "position\ngroup_by: order_id"),
        [(3, 6, "an event of `group_by` has several: leave `key` out")],
    ),
    "key null": (BASE.replace("order_id", "[a, null]"), [(3, 10, "this entry of the list is empty")]),
    "no fields": ("version: 1\nevent: p\nkey: k\n", [(1, 1, "`fields` is missing")]),
    "fields list": ("version: 1\nevent: p\nkey: k\nfields: [a]\n", [(4, 9, "not a list")]),
    "fields empty": ("version: 1\nevent: p\nkey: k\nfields: {}\n", [(4, 9, "must not be empty")]),
    "fields nothing": ("version: 1\nevent: p\nkey: k\nfields:\n", [(4, 1, "`fields` has no value")]),
    "no space": (
        "version: 1\nevent: p\nkey: k\nfields:\n  id:order\n",
        [(5, 3, "is a space missing behind the `:`?")],
    ),
    "no timestamp": (
        BASE.replace("  context.event_timestamp: at\n", ""),
        [(4, 1, "add `context.event_timestamp: ordered_at`")],
    ),
    "timestamp misplaced": (
        BASE.replace("context.event", "event"),
        [(6, 3, "is `event_timestamp` meant to be it?")],
    ),
    "no user": (BASE.replace("user.id", "id"), [(4, 1, "add for example `user.id: customer_id`")]),
    "user in an entry": (
        BASE.replace("  user.id: customer", "  items: {each: {user.id: x}}"),
        [(4, 1, "no `user.` target")],
    ),
    "empty": ("", [(1, 1, "is empty: begin with `version: 1`")]),
    "comment": ("# nothing\n", [(1, 1, "is empty")]),
    "list": ("- a\n", [(1, 1, "is this the mapping file?")]),
    "data": ("order_id;total\n1;2\n", [(1, 1, "takes MAPPING first, then SOURCE")]),
}

BROKEN = (
    {f"field {name}": (f"{BASE}{text}\n", expected) for name, (text, expected) in FIELDS.items()}
    | {f"top {name}": (f"{BASE}{text}\n", expected) for name, (text, expected) in TOP.items()}
    | WHOLE
)


def problems_of(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(MappingInvalid) as caught:
        parse_document(text, "orders.yaml")
    return [(problem.line, problem.column, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize("name", BROKEN)
def test_every_problem_is_said_at_its_place_in_plain_words(name: str) -> None:
    text, expected = BROKEN[name]
    found = problems_of(text)
    assert [problem[:2] for problem in found] == [problem[:2] for problem in expected], found
    for (_, _, message), (_, _, fragment) in zip(found, expected, strict=True):
        assert fragment in message
        assert not any(word in message for word in PYDANTIC_WORDS)


def test_all_problems_of_a_document_are_said_in_one_run() -> None:
    with pytest.raises(MappingInvalid) as caught:
        load_document(DATA / "everything_wrong.yaml")
    places = [(problem.line, problem.column) for problem in caught.value.problems]
    assert places == [
        (2, 10), (3, 1), (4, 11), (5, 21), (5, 36), (5, 60), (5, 68), (5, 88), (6, 15), (7, 1), (8, 7), (9, 7), (10, 3),
        (11, 18), (12, 12), (12, 22), (13, 40), (14, 22), (14, 37), (14, 47), (15, 3), (16, 3), (17, 15), (18, 3),
        (19, 18), (19, 26), (19, 38), (19, 38), (19, 69), (20, 3),
    ]  # fmt: skip
    assert caught.value.exit_code is ExitCode.INVALID
    assert "everything_wrong.yaml: 30 problems" in str(caught.value)


def test_the_columns_of_a_group_are_its_key() -> None:
    for text in ("group_by: order_id", "group_by: [order_id]"):
        mapping = parse_document(BASE.replace("key: order_id", text), "orders.yaml").mapping
        assert (mapping.group_by, mapping.key) == (("order_id",), None)


def test_problems_of_yaml_and_of_the_mapping_come_together() -> None:
    text = BASE.replace("purchase", "!!str purchase") + "  a: &x {colum: b}\n  c: *x\n"
    assert [place[:2] for place in problems_of(text)] == [(2, 8), (7, 6), (7, 10), (8, 6)]


def test_a_problem_reads_as_line_column_path_and_message() -> None:
    with pytest.raises(MappingInvalid) as caught:
        parse_document(BASE + "  a: {colum: x}\n", "orders.yaml")
    assert str(caught.value) == (
        "orders.yaml: 1 problem in the mapping\n"
        "  line 7, column 7: fields.a.colum: unknown key `colum`; did you mean `column`?"
    )


def test_the_whole_language_is_read() -> None:
    mapping = load_document(DATA / "full.yaml").mapping
    assert mapping.event.value == "purchase"
    assert mapping.key == ("order_id",)
    assert mapping.source.null_values == ("NULL", "\\N")
    assert mapping.source.columns == {"total": "number", "qty": "integer"}
    assert mapping.fields["id"] == FieldSpec(column="order_id")
    assert mapping.fields["status"] == FieldSpec(
        column="state", map={"P": "in_progress", "S": "shipped", "NO": "010", "7": None}
    )
    items, lines = mapping.fields["items"], mapping.fields["lines"]
    assert isinstance(items, EachSpec)
    assert (items.where, items.when, items.from_) == ("sku <> 'POST'", "kind = 'O'", None)
    assert isinstance(lines, EachSpec)
    assert (lines.from_, lines.each) == ("lines", {"id": FieldSpec(column="sku")})
    timestamp = mapping.fields["context.event_timestamp"]
    assert isinstance(timestamp, FieldSpec)
    assert timestamp.format == ("%d/%m/%Y %H:%M",)
    assert list(mapping.fields)[:3] == ["id", "type", "value"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("order_id", ("order_id",)),
        ("[a, b]", ("a", "b")),
        ("position", "position"),
        ("[position]", ("position",)),
        ("007", ("007",)),
    ],
)
def test_key_is_a_column_a_list_or_the_word_position(written: str, meant: object) -> None:
    assert parse_document(BASE.replace("order_id", written), "m").mapping.key == meant


def test_a_mapped_event_id_needs_no_key() -> None:
    text = BASE.replace("key: order_id\n", "") + "  context.event_id: uuid\n"
    assert parse_document(text, "m").mapping.key is None


@pytest.mark.parametrize(
    "snippet",
    [
        "  user.email_sha256: mail",  # hashed before it came here
        "  a: {value: false}",
        "  a: {value: {b: [1, {c: x}]}}",
        "  a: {column: x, clean: trim, format: '%Y-%m-%d'}",
        "  a: {column: x, map: {A: null, B: 1}}",
        '  a: {column: x, split: "\\t"}',
        "  a: {column: x, unit: ms}",
        "  a: {column: x, type: date, format: '%Y-%m-%d'}",
        "  ab: x\n  a.b: y",
        "source: {separator: '\\'}",
        'source: {separator: "\\t", encoding: utf-16}',
        "timezone: UTC",
    ],
)
def test_what_is_fine_stays_without_a_word(snippet: str) -> None:
    parse_document(f"{BASE}{snippet}\n", "m")


def test_an_event_comes_in_three_forms() -> None:
    events = ["{value: refund}", "{column: kind, map: {O: purchase}}", "{sql: kind}", "refund"]
    values = [parse_document(BASE.replace("purchase", event), "m").mapping.event for event in events]
    assert values[0] == values[3]
    assert values[1].map == {"O": "purchase"}
    assert values[2].sql == "kind"


def test_place_knows_every_node_and_falls_back_to_the_nearest_parent() -> None:
    document = parse_document(BASE + '  value: {sql: "a * b", round: 2}\n  tags:\n    value: [x, y]\n', "m")
    assert document.place("fields", "value", "sql") == (7, 16)
    assert document.place("fields", "user.id") == (5, 12)
    assert document.place("fields", "user.id", "column") == (5, 12)
    assert document.place("fields", "tags", "value", 1) == (9, 16)
    assert document.place("fields", "tags", "value", -1) == (9, 12)
    assert document.place("fields", "nothing") == (5, 3)
    assert document.place("source", "columns") == (1, 1)
    assert document.place() == (1, 1)


def test_canonical_ignores_what_means_nothing() -> None:
    one = parse_document(BASE + "  a: {column: x, map: {A: 1, B: 2}}\nsource: {columns: {a: date, b: date}}\n", "one")
    other = parse_document(
        "# a comment\nkey: [order_id]\nevent: {value: purchase}\n"
        "source:\n  skip_rows: 0\n  columns: {b: date, a: date}\n"
        "fields:\n  user.id: {column: customer}\n  context.event_timestamp: {column: at, ambiguous: earliest}\n"
        "  a:\n    map: {B: 2, A: 1}\n    column: x\nversion: 1\n",
        "other",
    )
    assert one.canonical() == other.canonical()
    assert json.loads(one.canonical())["fields"]["a"] == {"column": "x", "map": {"A": 1, "B": 2}}


@pytest.mark.parametrize(
    "change",
    [
        (
            "  user.id: customer\n  context.event_timestamp: at\n",
            "  context.event_timestamp: at\n  user.id: customer\n",
        ),
        ("user.id: customer", "user.id: client"),
        ("order_id", "[order_id, kind]"),
        ("{b: 1, c: 2}", "{c: 2, b: 1}"),
        ("c: 2", "c: 2.0"),
        ("c: 2", "c: '2'"),
    ],
)
def test_canonical_shows_what_changes_bytes(change: tuple[str, str]) -> None:
    text = BASE + "  a: {value: {b: 1, c: 2}}\n"
    assert change[0] in text
    assert parse_document(text, "m").canonical() != parse_document(text.replace(*change), "m").canonical()


def test_a_file_is_read_with_its_byte_order_mark_and_any_line_end(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())
    document = load_document(path)
    assert (document.path, document.name) == (path, str(path))
    assert document.place("fields", "user.id") == (5, 12)
    assert document.place("version") == (1, 10)


@pytest.mark.parametrize(
    ("content", "place", "fragment"),
    [
        (BASE.encode() + b"  caf\xe9: x\n", (7, 6), "the byte 0xE9 is not UTF-8"),
        (b"\xef\xbb\xbf\xff", (1, 1), "the byte 0xFF is not UTF-8"),
        (BASE.encode("utf-16"), (1, 1), "is UTF-16: save it as UTF-8"),
        (b"a: \x1b[31m", (1, 4), "U+001B"),
        (b" " * 1_000_001, (0, 0), "1,000,001 bytes are too much"),
    ],
)
def test_a_file_that_is_no_text_is_refused(
    tmp_path: Path, content: bytes, place: tuple[int, int], fragment: str
) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(content)
    with pytest.raises(MappingInvalid) as caught:
        load_document(path)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == place
    assert fragment in problem.message


def test_a_huge_file_is_refused_by_its_size_alone(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # sparse: reading it would take minutes
    with pytest.raises(MappingInvalid, match="1,099,511,627,776 bytes"):
        load_document(path)


def test_a_missing_file_is_answered_with_its_nearest_neighbour(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").touch()
    with pytest.raises(UsageInvalid, match=r"There is no mapping file .*order\.yml") as caught:
        load_document(tmp_path / "order.yml")
    assert caught.value.hint == f"Did you mean {tmp_path / 'orders.yaml'}?"
    with pytest.raises(UsageInvalid) as caught:
        load_document(tmp_path / "zzz")
    assert caught.value.hint == "YAML files there: orders.yaml."
    with pytest.raises(UsageInvalid) as caught:
        load_document(tmp_path / "no" / "orders.yaml")
    assert caught.value.hint == f"There is no folder {tmp_path / 'no'} either."


def test_what_is_no_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, fragment in ((".", "is a folder"), ("pipe", "is not a regular file"), ("a\0b", "cannot be read")):
        with pytest.raises(UsageInvalid, match=fragment):
            load_document(tmp_path / name)


@pytest.mark.parametrize(
    "rows",
    [
        [f"  f{number}: {{x{number}: 1}}" for number in range(4_000)],
        [f"  f{number}: {{column: a, timezone: Europe/Par{number}}}" for number in range(2_500)],
        [f"  {'a.' * number}a: x" for number in range(19)],
    ],
    ids=["unknown keys", "time zones", "conflicts"],
)
def test_a_hostile_file_costs_no_time_and_no_thousand_lines(rows: list[str]) -> None:
    started = time.process_time()
    assert 100 < len(problems_of(BASE + "\n".join(rows))) <= 200
    assert time.process_time() - started < 20  # about one on a machine with nothing else to do


def test_the_schema_of_the_models_knows_the_short_forms() -> None:
    schema = Mapping.model_json_schema()
    assert {"type": "string", "minLength": 1} in schema["properties"]["fields"]["additionalProperties"]["anyOf"]
    assert {"type": "string", "minLength": 1} in schema["properties"]["event"]["anyOf"]
    assert "from" in schema["$defs"]["EachSpec"]["properties"]
