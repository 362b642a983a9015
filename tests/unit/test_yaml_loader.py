"""YAML with the scalars of JSON, its places, its limits, and its errors in plain words."""

from __future__ import annotations

import time

import pytest
import yaml

from importer.mapping import yaml_loader
from importer.mapping.yaml_loader import compose, dotted, place_of

PARSER_WORDS = ("scanning", "parsing", "token", "block mapping", "indicator", "scalar")


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers: the one in C is not everywhere, and says the same in other words."""
    monkeypatch.setattr(yaml_loader, "_LOADER", getattr(yaml, request.param))
    return str(request.param)


def plain(text: str) -> object:
    root, problems = compose(text)
    assert problems == []
    assert root is not None
    return root.plain()


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    "text",
    [
        "NO", "no", "yes", "on", "y", "010", "0x1F", "0b1", "1_000", "12:30:45", "2024-01-01", "~", "Null", "True",
        "FALSE", ".5", "5.", "+1", ".inf", ".NaN", "-x", "1e", "1 000", "00", "0o7", "<<", "=", "\u0661",
    ],
)  # fmt: skip
def test_what_is_no_json_scalar_is_text(text: str) -> None:
    assert plain(f"- {text}\n- {{{text}: 1}}\n") == [text, {text: 1}]


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None), ("true", True), ("false", False), ("0", 0), ("-0", 0), ("10", 10), ("-7", -7), ("1.10", 1.1),
        ("1e3", 1000.0), ("-2.5E-2", -0.025), ("18446744073709551615", 2**64 - 1), ("-9223372036854775808", -(2**63)),
        ("'10'", "10"), ('"true"', "true"), ("''", ""), ('"\\t"', "\t"), ("|\n  10\n", "10\n"),
        (">-\n  null\n", "null"),
    ],
)  # fmt: skip
def test_json_scalars_mean_what_json_says_and_quotes_make_text(text: str, value: object) -> None:
    found = plain(f"a: {text}")
    assert found == {"a": value}
    assert type(found["a"]) is type(value)  # type: ignore[index]


@pytest.mark.usefixtures("loader")
def test_keys_are_always_text() -> None:
    text = "10: a\ntrue: b\nnull: c\n1.0: d\n? e\n: f\n"
    assert plain(text) == {"10": "a", "true": "b", "null": "c", "1.0": "d", "e": "f"}


@pytest.mark.parametrize(
    "text", ["18446744073709551616", "-9223372036854775809", "1e400", "0.1234567890123456789", "9" * 5000, "1e-400"]
)
def test_a_number_that_would_change_is_a_problem(text: str) -> None:
    _, problems = compose(f"a: {text}")
    assert [(problem.line, problem.column, problem.path) for problem in problems] == [(1, 4, "a")]
    assert "cannot be kept to its last digit" in problems[0].message


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "place", "fragment"),
    [
        ("a: 1\nfields:\n\tid: x\n", (3, 1), "a tab where YAML takes only spaces"),
        ("a:\n  b: 1\n\tc: 2\n", (3, 1), "a tab"),
        ("a: b: c\n", (1, 5), "a `:` is not expected here"),
        ("a: 1\n  b: 2\n", (2, 4), "a `:` is not expected here"),
        ('a: 1\nb: "abc\nc: d\n', (2, 4), "the quote that opens here is never closed"),
        ("a: 'abc\nb: c\n", (1, 4), "the quote that opens here is never closed"),
        ("a: [1, 2\nb: 3\n", (1, 4), "opens with `[`"),
        ("a: {b: 1\nc: 2\n", (1, 4), "opens with `{`"),
        ("a: {b: 1, c: 2\n", (1, 4), "opens with `{`"),
        ("a: [a #b\n", (1, 4), "opens with `[`"),
        ("{", (1, 2), "a closing bracket is missing here"),
        ("a: @x\n", (1, 4), "begins with `@` needs quotes"),
        ("-\tversion: 1\n", (1, 2), "tab"),
        ("format: %d/%m\n", (1, 9), "begins with `%` needs quotes"),
        ("a: `x`\n", (1, 4), "begins with ``` needs quotes"),
        ("a:\n  b: 1\n c: 2\n", (3, 2), "the indentation does not fit"),
        ("a: 'it's'\n", (1, 8), "put the whole text in one pair of quotes"),
        ("a: - b\n", (1, 4), "a list that uses `-`"),
        ("a: 1\nb\nc: 2\n", (2, 1), "a `:` is missing after this name"),
        ("a: ]\n", (1, 4), "a value or a closing bracket is missing here"),
        ("a: *\n", (1, 4), "begins with `*` or `&` needs quotes"),
        ("a: !x!y b\n", (1, 4), "tags are not supported"),
        ("a: |x\n", (1, 5), "the text begins on the next line"),
        ("%YAML 3.0\n---\na: 1\n", (1, 1), "only one document without directives"),
        ("a: 1\n...\nb", (3, 1), "only one document without directives"),
    ],
)
def test_a_syntax_error_is_said_in_plain_words_at_its_place(text: str, place: tuple[int, int], fragment: str) -> None:
    root, problems = compose(text)
    assert root is None
    assert [(problem.line, problem.column) for problem in problems] == [place]
    assert fragment in problems[0].message
    assert not any(word in problems[0].message for word in PARSER_WORDS)


def test_an_escape_that_yaml_does_not_know_is_explained() -> None:
    _, problems = compose('a: "\\d"\n')
    assert "write `\\\\` for a backslash" in problems[0].message


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "place", "fragment"),
    [
        ("a: &x 1\n", (1, 4), "the anchor `&x` is not supported"),
        ("a: *x\n", (1, 4), "`*x` repeats a value"),
        ("*x : 1\n", (1, 1), "`*x` repeats a value"),
        ("a: !!python/object/apply:os.system [ls]\n", (1, 4), "`!!python/object/apply:os.system`"),
        ("a: !!int '3'\n", (1, 4), "the tag `!!int` is not supported"),
        ("!t a: 1\n", (1, 1), "the tag `!t` is not supported"),
        ("? [a, b]\n: c\n", (1, 3), "a key must be a text"),
        ("a: 1\n---\nb: 2\n", (2, 1), "a second document starts here"),
        ("b: 1\na: 2\nb: 3\n", (3, 1), "duplicate key `b`: it stands in line 1, column 1 already"),
        ("x: {a: 1, 'a': 2}\n", (1, 11), "duplicate key `a`: it stands in line 1, column 5 already"),
    ],
)
def test_what_json_does_not_have_is_refused(text: str, place: tuple[int, int], fragment: str) -> None:
    _, problems = compose(text)
    assert [(problem.line, problem.column) for problem in problems] == [place]
    assert fragment in problems[0].message


@pytest.mark.usefixtures("loader")
def test_problems_that_do_not_stop_the_parser_come_together_with_the_one_that_does() -> None:
    _, problems = compose("a: &x 1\nb: *x\na: 2\nc: 'open\n")
    assert [problem.line for problem in problems] == [1, 2, 3, 4]


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("[" * 5_000 + "]" * 5_000, "more than 40 levels"),
        ("{a: " * 5_000 + "}" * 5_000, "more than 40 levels"),
        ("\n".join(" " * depth + "a:" for depth in range(500)), "more than 40 levels"),
        ("[" * 200_000, "more than 40 levels"),
        ("a: [" + "x," * 100_000 + "]", "more than 20,000 values"),
    ],
    ids=["lists", "mappings", "blocks", "open", "wide"],
)
def test_depth_and_size_have_a_limit(text: str, fragment: str) -> None:
    started = time.process_time()
    root, problems = compose(text)
    assert root is None
    assert fragment in problems[-1].message
    assert problems[-1].line > 0
    assert time.process_time() - started < 20  # the parser in Python reads 20,000 values in half a second or two


def test_an_alias_bomb_is_not_expanded() -> None:
    rows = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    started = time.process_time()
    root, problems = compose("\n".join(rows))
    assert len(problems) == 200
    assert root is None
    assert time.process_time() - started < 20  # a hundredth of a second as it is; expanded, it would never end


@pytest.mark.parametrize("text", ["a: x\0y", "a: \x1b[31m", "a: \udc80", "a: \ufffe", "a: b\ufeffc"])
def test_a_character_that_yaml_forbids_has_a_place(text: str) -> None:
    _, problems = compose(f"first: line\r\n{text}")
    assert [problem.line for problem in problems] == [2]
    assert problems[0].column > 3
    assert "U+" in problems[0].message


@pytest.mark.usefixtures("loader")
def test_half_a_surrogate_pair_by_escape_is_refused() -> None:
    _, problems = compose('a: "\\ud800"')
    assert len(problems) == 1
    problems[0].message.encode()


def test_a_value_that_is_not_there_stands_where_its_key_does() -> None:
    root, _ = compose("a:\nb: {c: , d: }\n")
    assert root is not None
    assert root.plain() == {"a": None, "b": {"c": None, "d": None}}
    assert [place_of(root, path) for path in (("a",), ("b", "c"), ("b", "d"))] == [(1, 1), (2, 5), (2, 10)]


@pytest.mark.usefixtures("loader")
def test_columns_count_characters_not_bytes() -> None:
    root, _ = compose("{é€😀: x, b: [y, z]}")
    assert root is not None
    assert place_of(root, ("b",), of_key=True) == (1, 10)
    assert place_of(root, ("b", 1)) == (1, 17)


def test_nothing_is_no_document_and_no_problem() -> None:
    assert compose("") == compose("# only words\n") == (None, [])


def test_a_path_reads_as_people_write_it() -> None:
    assert dotted(("fields", "items", "each", "id")) == "fields.items.each.id"
    assert dotted(("key", 1)) == "key[1]"
    assert dotted(()) == ""
