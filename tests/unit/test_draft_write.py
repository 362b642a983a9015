"""The text of a draft: always YAML that is read as it was meant, whatever columns and values are called."""

from __future__ import annotations

import polars as pl
import pytest
from drafting import drafted

from importer.draft.model import Draft, Field, Setting, Todo
from importer.draft.write import quoted, render, safe
from importer.mapping.yaml_loader import compose


def read(text: str) -> object:
    root, problems = compose(text)
    assert root is not None
    assert not problems
    return root.plain()


@pytest.mark.parametrize(
    "text",
    [
        "a", "N° commande", "a: b", "#x", "- x", "'", '"', "it's \"so\"", "null", "yes", "TODO", "1", "1e5", "", " a ",
        "a\nb", "\u00a0",
        "\u2028", "\U0001f600", "\U000e0001", "\\n", "{a}", "[b]", "a,b", "*a", "&a", "!a", "%a", "@a",
        "`a`", "é", "~",
    ],
)  # fmt: skip
def test_a_text_is_read_as_itself(text: str) -> None:
    assert read(f"x: {{{quoted(text)}: [{quoted(text)}]}}\n{quoted(text)}: {quoted(text)}\n") == (
        {"x": {text: [text]}, text: text}
    )


def test_what_is_too_long_for_a_line_is_a_block() -> None:
    spec = {"column": "state", "map": {f"state {number}": f"value {number}" for number in range(20)}}
    text = render(Draft("f", fields=[Field("status", spec)]))
    assert max(map(len, text.splitlines())) <= 120
    assert read(text) == {"version": 1, "fields": {"status": spec}}


def test_todos_and_their_stand_ins() -> None:
    draft = Draft("f", settings=[Setting("timezone", Todo("zone", "UTC"))])
    draft.fields = [Field("a", {"map": {"x": Todo("what x is")}}), Field("b", Todo("b"), refused="no such column")]
    assert read(render(draft)) == {"version": 1, "timezone": "TODO", "fields": {"a": {"map": {"x": "TODO"}}}}
    assert read(render(draft, filled=True)) == {"version": 1, "timezone": "UTC", "fields": {"a": {"map": {"x": None}}}}
    assert draft.todos() == [("timezone", "zone"), ("a", "what x is")]
    assert "# left out: no such column\n  # b: TODO\n" in render(draft)


def test_comments_hold_what_is_no_text_of_yaml() -> None:
    assert safe("a\nb\x00\u2028c\ud800") == "a\\nb\\x00\\u2028c\\ud800"


NASTY = [
    "a: b",
    "#c",
    "it's",
    'say "x"',
    "order",
    "null",
    "tab\there",
    "ünï",
    "order.id",
    "a,b",
    " lead",
    "[x]",
    "{y}",
    "*z",
]


def test_columns_may_be_called_anything(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    for kind in ("prix unitaire", "client"):
        frame = pl.DataFrame({f"{name} {kind}": ["1.5", "2.5"] for name in NASTY})
        columns = {"order id": ["1", "1"], "date: #": ["2024-01-02T00:00:00Z"] * 2, **frame.to_dict(as_series=False)}
        draft = drafted(pl.DataFrame(columns).write_csv())
        assert draft.trial.problem == ""
        assert draft.trial.rejected == 0
