"""What is said about a mapping beside columns, without them, and what is not said because it only follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from importer import api
from importer.errors import ColumnsMissing, ExitCode, ImporterError, MappingInvalid, Problem
from importer.mapping.advice import advice, document_warnings
from importer.mapping.compile import compile_mapping
from importer.mapping.document import parse_document
from importer.mapping.sql_words import FUNCTIONS, syntax_problem
from importer.plan import plan
from importer.settings import RunSettings

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "version: 1\nevent: purchase\nkey: order_id\ntimezone: Europe/Paris\n"
FIELDS = "fields:\n  user.id: customer\n  context.event_timestamp: at\n"
CSV = "order_id,customer,at,total,qty,label\n1,c,2024-01-02,3.5,2,Tea\n"


@pytest.fixture
def said(tmp_path: Path) -> Said:
    (tmp_path / "a.csv").write_text(CSV)
    return Said(tmp_path)


class Said:
    """Messages about a mapping beside files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def error(self, text: str, *names: str) -> ImporterError:
        (self.folder / "m.yaml").write_text(text)
        with pytest.raises(ImporterError) as caught:
            plan(self.folder / "m.yaml", [str(self.folder / name) for name in names or ("a.csv",)], RunSettings())
        return caught.value

    def __call__(self, text: str, *names: str) -> list[str]:
        error = self.error(text, *names)
        assert isinstance(error, MappingInvalid | ColumnsMissing)
        return [problem.message for problem in error.problems]


def test_a_missing_column_beside_a_problem_of_the_document_is_one_of_them(said: Said) -> None:
    error = said.error(HEAD + FIELDS + "  value: {column: totl, rond: 2}\n")
    assert isinstance(error, MappingInvalid)
    assert error.exit_code is ExitCode.INVALID
    assert [(problem.line, problem.column, problem.path) for problem in error.problems] == [
        (8, 19, "fields.value.column"),
        (8, 25, "fields.value.rond"),
    ]


def test_missing_columns_alone_are_those_of_the_source(said: Said) -> None:
    error = said.error(HEAD.replace("order_id", "ordr_id") + FIELDS.replace("customer", "custmer") + "  valeu: total\n")
    assert isinstance(error, ColumnsMissing)
    assert error.exit_code is ExitCode.SOURCE
    assert [problem.line for problem in error.problems] == [3, 6]
    assert str(error.message).splitlines()[1:] == [
        "  line 3, column 6: key[0]: no column 'ordr_id' in the source; did you mean `order_id`?",
        "  line 6, column 12: fields.user.id.column: no column 'custmer' in the source; did you mean `customer`?",
        "and 1 warning in the mapping",
        "  line 8, column 3: fields.valeu: target `valeu` is not in the event reference; did you mean `value`?",
    ]


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "groub_by: order_id\n" + FIELDS + "  value: {sql: SUM(CAST(total AS DOUBLE))}\n",
        HEAD + "group_by: 7\n" + FIELDS + "  value: {sql: SUM(CAST(total AS DOUBLE))}\n",
        HEAD.replace("Europe/Paris", "TODO") + FIELDS.replace("at\n", '{column: at, format: "%Y-%m-%d"}\n'),
        HEAD + "source: {columns: {total: money}}\n" + FIELDS + "  value: {sql: total * 2, round: 2}\n",
        HEAD + "source: {columns: {total: money}}\n" + FIELDS + "  a: {sql: total, round: 2}\n",
        HEAD + FIELDS + "  user: {id: nope}\n",
        HEAD + FIELDS + '  a: "\\uD800"\n',
        HEAD + "source: [a]\n" + FIELDS + "  value: {sql: total * qty}\n  a: {column: label, when: qty > 1}\n",
        HEAD + FIELDS + "  a: {column: label, typ_: number, round: 2}\n",
        HEAD.replace("purchase", "TODO") + FIELDS,
        HEAD + FIELDS.replace("customer", "TODO"),
        HEAD + FIELDS.replace("customer", "[a]"),
        HEAD + FIELDS + "  a: {column: label, default: }\n  b: {from: lines}\n"[:35] + "\n",
        HEAD + FIELDS.replace("user.id: customer", "user.id: customer\n  user: label"),
    ],
)
def test_what_follows_from_a_problem_is_not_said(said: Said, text: str) -> None:
    assert len(said(text)) == 1


def test_two_things_in_one_place_are_both_said(said: Said) -> None:
    assert said(HEAD + FIELDS + "  a: {sql: ACOS(totl)}\n") == [
        "no column 'totl' in the source; did you mean `total`?",
        "the function ACOS is not allowed in a mapping",
    ]
    assert len(said(HEAD + FIELDS + "  user.email: {column: label, hash: sha1}\n")) == 2
    assert said(HEAD.replace("order_id", "[nope, nope]") + FIELDS) == [
        "no column 'nope' in the source",
        "the column `nope` stands in `key` twice",
    ]


def test_a_column_that_cannot_have_its_type_is_said_once() -> None:
    text = HEAD + "source: {columns: {s: number}}\n" + FIELDS + "  value: {sql: s * 2}\n"
    schema = {"order_id": pl.Int64(), "customer": pl.String(), "at": pl.String(), "s": pl.Struct({"a": pl.Int64})}
    with pytest.raises(MappingInvalid) as caught:
        compile_mapping(parse_document(text, "m"), schema, is_text=False)
    assert [problem.path for problem in caught.value.problems] == ["source.columns.s"]


def test_a_type_of_a_misspelled_column_is_taken_for_that_of_the_right_one(said: Said) -> None:
    text = HEAD + "source: {columns: {totl: number}}\n" + FIELDS + "  value: {sql: total * 2}\n"
    assert said(text) == ["no column 'totl' in the source; did you mean `total`?"]


def test_what_stands_under_a_misspelled_or_misplaced_key_is_looked_at(said: Said) -> None:
    text = HEAD + "soruce: {colums: {totl: nubmer}}\nuser.email: mail\n" + FIELDS
    assert [message.partition(";")[0] for message in said(text)] == [
        "unknown key `soruce`",
        "unknown key `colums`",
        "no column 'totl' in the source",
        "`nubmer` is not one of `string`, `number`, `integer`, `boolean`, `date`, `timestamp`",
        "`user.email` looks like a target: targets stand under `fields`, indented by two blanks",
        "no column 'mail' in the source",
    ]


def test_the_first_file_that_can_be_read_is_looked_at(said: Said) -> None:
    (said.folder / "0.csv").write_bytes(b"")
    (said.folder / "b.csv").write_text("x\n1\n")
    text = HEAD + FIELDS + "  a: {column: lable, rond: 2}\n"
    assert len(said(text, "0.csv", "a.csv", "b.csv")) == 2
    assert len(said(text, "b.csv", "a.csv")) == 1 + 4  # nothing in this one but x


def test_a_source_that_cannot_be_read_is_told_beside(said: Said) -> None:
    error = said.error(HEAD + FIELDS + "  a: {rond: 2}\n", "none.csv")
    assert isinstance(error, MappingInvalid)
    assert len(error.problems) == 2
    assert error.hint.startswith("Its columns were not looked at. ")
    assert "none.csv: no such file" in error.hint


def test_columns_are_not_missed_where_the_way_to_read_is_wrong(said: Said) -> None:
    (said.folder / "s.csv").write_text("a title\nand a line\n" + CSV)
    skip = HEAD + "source: {skip_rows: two}\n" + FIELDS
    assert said(skip, "s.csv") == ["must be a whole number, not the text `two`"]
    assert len(said(skip.replace("customer", "custmer"), "a.csv")) == 2


def test_what_is_not_yaml_is_said_alone(said: Said) -> None:
    assert said(HEAD + FIELDS + '  a: "b\n') == ["the quote that opens here is never closed"]


def test_python_gets_the_same(said: Said) -> None:
    text = HEAD + FIELDS + "  value: {column: totl, rond: 2}\n"
    with pytest.raises(MappingInvalid) as caught:
        api.validate(text, (str(said.folder / name) for name in ("a.csv",)))
    assert len(caught.value.problems) == 2
    report = api.validate(HEAD + FIELDS + "  valeu: total\n", [said.folder / "a.csv"])
    first, second = report.mapping_warnings
    assert first.startswith("line 8, column 3:")
    assert second.startswith("columns that the mapping does not use")
    assert report.to_json()["mapping_warnings"] == report.mapping_warnings


def test_a_list_of_which_nothing_is_left_is_no_user(said: Said) -> None:
    text = "version: 1\nevent: e\nkey: k\nfields:\n  user.id: {each: {version: null}}\n  context.event_timestamp: t\n"
    with pytest.raises(MappingInvalid) as caught:
        api.validate(text, [said.folder / "a.csv"])
    assert "fields.user.id.each.version" in [problem.path for problem in caught.value.problems]


def test_warnings_have_a_place_and_no_false_friends() -> None:
    text = (
        "version: 1\nkey: a\nevent: {column: kind, map: {O: purchas, X: my_event}}\nfields:\n"
        "  context.event_timestamp: t\n  user.emial: e\n  userid: u\n  tags: t\n  title: t\n  d: t\n  user.created: t\n"
        "  items: {each: {product.nmae: n, sku: s}}\n"
    )
    document = parse_document(text, "m")
    assert [problem.message for problem in advice(document)] == [
        "event `purchas` is not in the event reference; did you mean `purchase`?",
        "target `user.emial` is not in the event reference; did you mean `user.email`?",
        "target `userid` is not in the event reference; did you mean `user.id`?",
        "target `items[].product.nmae` is not in the event reference; did you mean `items[].product.name`?",
    ]
    assert document_warnings(document)[0].startswith("line 3, column 32: event.map.O: ")


def test_a_misspelled_event_has_the_targets_of_the_right_one() -> None:
    text = HEAD.replace("purchase", "purchse") + FIELDS + "  shipping_amount: total\n  shiping_amount: total\n"
    assert [problem.line for problem in advice(parse_document(text, "m"))] == [2, 9]


def test_an_error_lists_its_warnings_in_order() -> None:
    error = MappingInvalid("m", [Problem(2, 1, "", "b"), Problem(1, 1, "", "a")], [Problem(1, 9, "x", "odd")])
    assert str(error) == (
        "m: 2 problems in the mapping\n  line 1, column 1: a\n  line 2, column 1: b\n"
        "and 1 warning in the mapping\n  line 1, column 9: x: odd"
    )


@pytest.mark.parametrize(
    ("where", "advice_about_it"),
    [
        ("timezone: TODO", "`timezone` is still to be filled in (TODO): write a name such as `Europe/Paris`"),
        ("country: TODO", "write two letters"),
        ("group_by: [a, TODO]", "write the columns whose equal values make one event"),
        (
            "where: TODO what is a draft?",
            "`where` is still to be filled in (TODO what is a draft?): write an expression",
        ),
        ("source: {encoding: TODO}", "such as `utf-8` or `latin-1`"),
        ("source: {columns: {total: TODO}}", "`total` is still to be filled in (TODO): write `string`, `number`"),
        ("consent: TODO", "write a value, or remove the line"),
        ("dedupe: TODO", "`dedupe` is still to be filled in"),
        ("payload: {timestamp_place: TODO}", "`timestamp_place` is still"),
    ],
)
def test_todo_is_one_problem_wherever_it_stands(where: str, advice_about_it: str) -> None:
    text = f"version: 1\nevent: purchase\nkey: order_id\n{where}\n{FIELDS}"
    with pytest.raises(MappingInvalid) as caught:
        parse_document(text, "m")
    (problem,) = caught.value.problems
    assert problem.line == 4
    assert advice_about_it in problem.message


def test_a_document_that_is_only_todo() -> None:
    with pytest.raises(MappingInvalid, match="is this the mapping file"):
        parse_document("TODO", "m")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_offered_as_a_function_is_one(name: str) -> None:
    misspelled = f"{name}X" if len(name) > 3 else name
    said = syntax_problem(f"{misspelled}(a)", f"unsupported function '{misspelled.lower()}'")
    assert f"did you mean `{name}`?" in said
