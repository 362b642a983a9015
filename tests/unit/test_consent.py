"""Events of users who did not agree are filtered, whatever else is wrong with them, and counted apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from encoding import Result, chunk_of, document, run
from grouped import small_blocks

import importer
from importer.cli.explain import _json, _text
from importer.cli.progress import Silent
from importer.encoder import Encoder
from importer.errors import MappingInvalid, SourceUnreadable
from importer.explain import Explanation, explain, plan_for
from importer.mapping.compile import compile_mapping
from importer.mapping.document import parse_document
from importer.plan import plan
from importer.preview import preview
from importer.records import Ack, Batch, Reject, Span
from importer.report import Report, render_text
from importer.settings import RunSettings

HEAD = "version: 1\nevent: purchase\nkey: id\n"
GROUPED = "version: 1\nevent: purchase\ngroup_by: [id]\nsource: {columns: {n: number}}\n"
FIELDS = "  id: id\n  n: {column: n, type: number}\n"
SUM = "  id: id\n  n: {sql: SUM(n)}\n"
FILE = """\
fields:
  id: id
  n: {column: n, type: number}
  user.id: id
  context.event_timestamp: {value: 1700000000000}
"""


def asked(spec: str, head: str = HEAD) -> str:
    return f"{head}consent: {{column: c, {spec}}}\n"


def sent(spec: str, cells: list[Any] | pl.Series) -> list[bool]:
    """Which of the cells of column ``c`` give an event."""
    frame = pl.DataFrame({"id": [str(row) for row in range(len(cells))], "c": cells}, strict=False)
    result = run("  id: id\n", frame, head=asked(spec))
    assert result.rejects == {}
    rows = set(result.encoded.rows)
    assert set(result.encoded.without_consent) == set(range(1, frame.height + 1)) - rows
    return [row in rows for row in range(1, frame.height + 1)]


def lacking(result: Result) -> list[int]:
    return list(result.encoded.without_consent)


BOTH = 'require: ["1", "2"]'
ONE = 'require: "1"'


@pytest.mark.parametrize(
    ("spec", "cells", "expected"),
    [
        (f'split: "|", {BOTH}', ["1|2", " 2 | 1 |3", "||1||2||", "1", "12", "1|22", "", " ", "|", None],
         [True, True, True, False, False, False, False, False, False, False]),
        (f'split: ", ", {BOTH}', ["1, 2", "1,2"], [True, False]),
        (f'split: " ", {BOTH}', ["1 2", "2  1", "1"], [True, True, False]),
        (ONE, ["1", " 1 ", "01", "1|2", "1.0", "", None], [True, True, False, False, False, False, False]),
        (ONE, pl.Series([1, 11, None]), [True, False, False]),
        (ONE, pl.Series([1.0, 1.5, float("nan"), float("inf"), None]), [True, False, False, False, False]),
        (ONE, pl.Series(["1.00", "1.50"]).cast(pl.Decimal(5, 2)), [True, False]),
        ('require: "true"', pl.Series([True, False, None]), [True, False, False]),
        (ONE, pl.Series([None, None], dtype=pl.Null), [False, False]),
        (ONE, pl.Series(["1", "2"], dtype=pl.Categorical), [True, False]),
        (f'split: "|", {ONE}', pl.Series([1, 2]), [True, False]),
        (BOTH, [["1", "2"], ["2 ", None, " 1"], ["1"], [], [None], None], [True, True, False, False, False, False]),
        (BOTH, [[1, 2], [2, 1, 3], [12], [None], None], [True, True, False, False, False]),
        (BOTH, [[1.0, 2.0], [1.0, None]], [True, False]),
        (BOTH, pl.Series([[None], None], dtype=pl.List(pl.Null)), [False, False]),
        ('require: ["tcf2_1", "É"]', [["É", "tcf2_1"], ["é", "tcf2_1"]], [True, False]),
    ],
)  # fmt: skip
def test_all_categories_must_be_in_the_cell(spec: str, cells: Any, expected: list[bool]) -> None:  # noqa: ANN401
    assert sent(spec, cells) == expected


def test_a_part_of_a_struct_can_hold_them() -> None:
    frame = pl.DataFrame({"id": ["a", "b"], "user": [{"c": ["1"]}, {"c": None}]})
    result = run("  id: id\n", frame, head=f"{HEAD}consent: {{column: user.c, {ONE}}}\n")
    assert (result.values("id"), lacking(result)) == (["a"], [2])


def test_a_row_without_consent_is_filtered_even_if_it_is_wrong_and_where_comes_first() -> None:
    data = {"id": ["a", "b", None, "d", "e"], "n": ["1", "bad", "1", "1", "bad"], "c": ["1", "2", None, "2", "1"]}
    head = f"{HEAD}where: id IS NULL OR id <> 'd'\nconsent: {{column: c, {ONE}}}\n"
    result = run(FIELDS, data, head=head, is_text=True)
    assert (result.values("id"), lacking(result)) == (["a"], [2, 3])
    assert {row: code for row, (code, _) in result.rejects.items()} == {5: "type"}


def test_a_row_that_nothing_can_compute_is_filtered_too() -> None:
    price = pl.Series(["1", "2", "3"]).cast(pl.Decimal(10, 2))
    frame = pl.DataFrame({"id": ["a", "b", "c"], "p": price, "c": ["1", "2", "1"]}).with_columns(
        q=pl.Series(["1", "0", "0"]).cast(pl.Decimal(10, 2))
    )
    result = run("  id: id\n  v: {sql: p / q}\n", frame, head=asked(ONE))
    assert (result.values("id"), lacking(result), list(result.rejects)) == (["a"], [2], [3])
    where = f"{HEAD}where: p / q > 0\nconsent: {{column: c, {ONE}}}\n"
    result = run("  id: id\n", frame, head=where)
    assert (result.values("id"), lacking(result), list(result.rejects)) == (["a"], [2], [3])


def test_a_group_is_sent_when_all_its_lines_agree() -> None:
    data = {
        "id": ["a", "b", "a", "c", "b", "c"],
        "n": ["1", "2", "4", "bad", "8", "1"],
        "c": ["1", "1", "1|3", "2", "", "1"],
    }
    result = run(SUM, data, head=asked(f'split: "|", {ONE}', GROUPED), is_text=True)
    assert (result.values("id"), result.values("n")) == (["a"], [5.0])
    assert (result.rejects, lacking(result)) == ({}, [3, 4, 5, 6])  # as staged: a a b b c c


def test_a_group_that_agrees_is_rejected_as_ever() -> None:
    data = {"id": ["a", "a", "b"], "n": ["bad", "1", "2"], "c": ["1", "1", "2"]}
    result = run(SUM, data, head=asked(ONE, GROUPED), is_text=True)
    assert {row: code for row, (code, _) in result.rejects.items()} == {1: "type", 2: "group_rejected"}
    assert (result.values("id"), lacking(result)) == ([], [3])


def test_what_was_rejected_before_stays_rejected() -> None:
    frame = pl.DataFrame({"id": ["a", "b"], "c": ["2", "1"]})
    early = Reject(0, "f.csv", 3, 4, "source", "short", "too few cells")
    chunk = replace(chunk_of(frame, rejects=(early,)), span=Span(0, 1, 4))
    encoder = Encoder(compile_mapping(document("  id: id\n", asked(ONE)), frame.schema, is_text=True), b",", 32_000)
    encoded = encoder.encode(chunk)
    assert (list(encoded.rows), list(encoded.without_consent), encoded.rejects) == ([2], [1], (early,))


def test_batches_add_up_in_the_report() -> None:
    report = Report()
    for number, count in enumerate((2, 3)):
        batch = Batch(number, (), (Span(0, 10 * number + 1, 10 * number + 6),), filtered=5, without_consent=count)
        report.settle(Ack(batch, 0))
    assert (report.rows.filtered, report.without_consent) == (10, 5)


def problem_of(spec: str, dtype: pl.DataType) -> str:
    with pytest.raises(MappingInvalid) as caught:
        compile_mapping(document("  id: id\n", asked(spec)), {"id": pl.String(), "c": dtype}, is_text=False)
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize(
    ("spec", "dtype", "says"),
    [
        (f'split: "|", {ONE}', pl.List(pl.String), "line 4, column 29: consent.split: column 'c' is a list already"),
        (BOTH, pl.String(), "line 4, column 31: consent.require: without `split` a cell of column 'c' is one category"),
        (ONE, pl.Date(), "line 4, column 19: consent.column: column 'c' holds a date, and a category is text or"),
        (ONE, pl.Binary(), "consent.column: column 'c' holds binary"),
        (ONE, pl.List(pl.Struct({"a": pl.String})), "consent.column: column 'c' holds a list of a struct"),
        (ONE, pl.Struct({"a": pl.String}), "consent.column: column 'c' holds a struct"),
    ],
)
def test_columns_that_cannot_tell(spec: str, dtype: pl.DataType, says: str) -> None:
    assert says in problem_of(spec, dtype)


def test_a_column_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(SourceUnreadable, match=r"line 4, column 19: consent\.column: no column 'c' .*mean `cc`"):
        compile_mapping(document("  id: id\n", asked(ONE)), {"id": pl.String(), "cc": pl.String()}, is_text=True)
    head = f"{HEAD}consent: {{column: u.c, {ONE}}}\n"
    with pytest.raises(MappingInvalid, match=r"has no member 'c'; did you mean `cc`"):
        compile_mapping(
            document("  id: id\n", head), {"id": pl.String(), "u": pl.Struct({"cc": pl.String})}, is_text=False
        )


@pytest.mark.parametrize(
    ("require", "place", "says"),
    [
        ("1", (4, 43), 'must be a text or a list of texts, not the number 1: write "1" in quotes'),
        ("[1]", (4, 44), 'must be a text, not the number 1: write "1" in quotes'),
        ("true", (4, 43), 'not `true`: write "true" in quotes'),
        ("[]", (4, 43), "must not be empty"),
        ('["1", "2", "1"]', (4, 54), "the category `1` stands in `require` twice"),
        ('[" 1"]', (4, 44), "has a blank at its edge"),
        ('"1|2"', (4, 43), 'write a list, `require: ["1", "2"]`'),
    ],
)
def test_what_is_required_is_checked_by_itself(require: str, place: tuple[int, int], says: str) -> None:
    with pytest.raises(MappingInvalid) as caught:
        parse_document(f'{HEAD}consent: {{column: c, split: "|", require: {require}}}\n{FILE}', "m.yaml")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == place
    assert says in problem.message


def test_consent_is_a_part_of_the_fingerprint() -> None:
    with_consent = document(FIELDS, asked(ONE)).canonical()
    assert '"consent":{"column":"c","require":["1"]}' in with_consent
    assert with_consent != document(FIELDS, HEAD).canonical()


# From files

CELLS = ["1|2", "1", "", "2|1", "3", "1|2|3", "2", "1|2"]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lines = [f"{row},{'bad' if row == 2 else row},{cell}" for row, cell in enumerate(CELLS, 1)]
    Path("a.csv").write_text("\n".join(["id,n,c", *lines, ""]), encoding="utf-8")
    return mapping_of(f'split: "|", {BOTH}')


def mapping_of(spec: str, head: str = HEAD) -> Path:
    path = Path("m.yaml")
    path.write_text(asked(spec, head) + FILE, encoding="utf-8")
    return path


def said_of_consent(report: importer.Report) -> list[str]:
    return [rule for rule in report.warnings if not rule.startswith("required:")]


def test_the_report_counts_them_among_the_filtered(files: Path) -> None:
    report = importer.validate(files, "a.csv")
    assert (report.rows.sent, report.rows.filtered, report.rows.rejected, report.without_consent) == (4, 4, 0, 4)
    assert report.to_json()["filtered"] == {"consent": 4}
    assert "                       4 filtered\n                 of them 4 without consent 1, 2\n" in render_text(report)
    assert not said_of_consent(report)


def test_a_report_without_them_says_nothing(files: Path) -> None:
    files.write_text(HEAD + FILE.replace(", type: number", ""), encoding="utf-8")
    report = importer.validate(files, "a.csv")
    assert report.to_json()["filtered"] == {"consent": 0}
    assert "without consent" not in render_text(report)


@pytest.mark.parametrize(("limit", "expected"), [(1, 0), (2, 2), (3, 3), (4, 4), (None, 4)])
def test_with_a_limit_only_the_rows_that_were_taken_count(files: Path, limit: int | None, expected: int) -> None:
    report = importer.validate(files, "a.csv", limit=limit)
    assert report.without_consent == report.rows.filtered == expected


def test_chunks_side_by_side_are_counted_as_one(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{row},{row},{CELLS[row % 8]}" for row in range(400)]
    Path("a.csv").write_text("\n".join(["id,n,c", *lines, ""]), encoding="utf-8")
    whole = importer.validate(files, "a.csv")
    small_blocks(monkeypatch, 256)
    parts = importer.validate(files, "a.csv")
    assert (whole.without_consent, parts.without_consent, parts.digest) == (200, 200, whole.digest)
    mapping_of('split: ";", require: "9"')
    (finding,) = importer.validate(files, "a.csv").warnings.values()
    assert finding.count == 400
    assert '["1|2"] in 100, [] in 50, ["1"] in 50, ["1|2|3"] in 50' in finding.examples[0].message


def test_a_consent_that_filters_everything_shows_what_was_seen(files: Path) -> None:
    mapping_of('split: ";", require: ["1", "2"]')
    report = importer.validate(files, "a.csv")
    assert (report.rows.filtered, report.exit_code) == (8, 0)
    ((rule, finding),) = report.warnings.items()
    assert rule == "no row has the consent 1 and 2, so that all are filtered"
    (example,) = finding.examples
    assert (finding.count, example.file, example.order[1]) == (8, "a.csv", 1)
    seen = '["1|2"] in 2, [] in 1, ["1"] in 1, ["1|2|3"] in 1, ["2"] in 1, …'
    assert example.message == f"values seen in column 'c', by rows: {seen}"


def test_one_late_row_with_consent_is_enough_to_say_nothing(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [f"{row},{row},{'1|2' if row == 300 else '1'}" for row in range(400)]
    Path("a.csv").write_text("\n".join(["id,n,c", *cells, ""]), encoding="utf-8")
    small_blocks(monkeypatch, 256)
    report = importer.validate(files, "a.csv")
    assert report.without_consent == 399
    assert not said_of_consent(report)


@pytest.mark.usefixtures("files")
def test_of_groups_only_the_lines_that_refuse_are_shown() -> None:
    Path("a.csv").write_text("id,n,c\n7,1,1|2\n7,2,9\n", encoding="utf-8")
    (finding,) = importer.validate(mapping_of(f'split: "|", {BOTH}', GROUPED), "a.csv").warnings.values()
    assert (finding.count, finding.examples[0].message) == (2, "values seen in column 'c', by rows: [\"9\"] in 1")


def test_one_reject_is_no_filter_of_everything(files: Path) -> None:
    Path("a.csv").write_text("id,n,c\n1,bad,1|2\n2,2,1\n", encoding="utf-8")
    report = importer.validate(files, "a.csv")
    assert (report.rows.rejected, report.without_consent, dict(report.warnings)) == (1, 1, {})


def test_values_of_many_kinds_do_not_grow_the_report(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{row},{row},{'x' * 90}{row}" for row in range(1500)]
    Path("a.csv").write_text("\n".join(["id,n,c", *lines, ""]), encoding="utf-8")
    small_blocks(monkeypatch, 4096)
    (finding,) = importer.validate(files, "a.csv").warnings.values()
    assert finding.count == 1500
    assert len(finding.examples[0].message) < 500


# Shown


def explained(row: int, head: str = HEAD, spec: str = f'split: "|", {BOTH}') -> Explanation:
    planned, number = plan_for(mapping_of(spec, head), "a.csv", (), RunSettings())
    return explain(planned, number, row, Silent())


@pytest.mark.usefixtures("files")
def test_explain_says_what_the_row_has_and_what_it_needs() -> None:
    found = explained(2)
    assert (found.fate, found.reason) == ("filtered", "no consent: has 1, needs 1 and 2")
    assert (found.targets, found.rejects, found.event) == ([], (), None)
    text = "\n".join(_text(found))
    assert "consent c: needs 1 and 2" in text
    assert text.endswith("filtered: no consent: has 1, needs 1 and 2")
    assert '"consent": {"name": "consent", "detail": "c: needs 1 and 2", "value": ["1"], "rejected": null}' in _json(
        found
    )
    assert explained(3).reason == "no consent: has none, needs 1 and 2"
    assert explained(3, spec='split: "|", require: ["1", "2", "x"]').reason == "no consent: has none, needs 1, 2 and x"


@pytest.mark.usefixtures("files")
def test_explain_shows_the_consent_of_an_event_as_a_step() -> None:
    found = explained(6)
    assert found.consent is not None
    assert (found.fate, found.consent.value) == ("event", ["1", "2", "3"])


@pytest.mark.usefixtures("files")
def test_explain_names_the_line_of_a_group() -> None:
    Path("a.csv").write_text("id,n,c\n7,1,1|2\n8,2,1|2\n7,bad,2\n", encoding="utf-8")
    found = explained(1, GROUPED)
    assert (found.fate, found.reason) == ("filtered", "a.csv:3: no consent: has 2, needs 1 and 2")
    assert found.consent is not None
    assert found.consent.value == [["1", "2"], ["2"]]
    assert explained(2, GROUPED).fate == "event"


def test_preview_shows_only_who_agreed_and_counts_the_others(files: Path) -> None:
    found = preview(plan(files, ["a.csv"], RunSettings()), 2, Silent())
    assert [row.row for sample in found.samples for row in sample.rows] == [1, 4]
    assert (found.rows_read, found.filtered, found.without_consent, found.rejected) == (4, 2, 2, 0)


@pytest.mark.usefixtures("files")
def test_preview_of_groups_counts_lines() -> None:
    Path("a.csv").write_text("id,n,c\n7,1,1|2\n8,2,1|2\n7,3,2\n", encoding="utf-8")
    head = f"{GROUPED}where: n <> 9\n"
    found = preview(plan(mapping_of(f'split: "|", {BOTH}', head), ["a.csv"], RunSettings()), 3, Silent())
    assert [sample.rows[0].row for sample in found.samples] == [2]
    assert (found.rows_read, found.filtered, found.without_consent, found.rejected) == (3, 2, 2, 0)


def test_frames_are_filtered_and_counted() -> None:
    frame = pl.DataFrame({"id": ["a", "b", "a"], "n": [1, 2, 3], "c": [["1"], ["1"], []]})
    plain = importer.encode(frame, asked(ONE) + FILE)
    assert (len(plain.events), plain.rejects, plain.filtered, plain.without_consent) == (2, (), 1, 1)
    grouped = importer.encode(frame, asked(ONE, GROUPED) + FILE)
    assert (len(grouped.events), grouped.filtered, grouped.without_consent) == (1, 2, 2)
