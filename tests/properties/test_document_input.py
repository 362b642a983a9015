"""Whatever stands in a mapping file: it is a document, or a list of problems with places. Never anything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.errors import MappingInvalid, Problem, SourceUnreadable
from importer.mapping.compile import compile_mapping
from importer.mapping.document import Document, Mapping, parse_document

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA = dict.fromkeys(["a", "a.b", "order_id", "qty", "user.id", "timestamp"], pl.String())
FULL = (Path(__file__).parents[1] / "data" / "mappings" / "full.yaml").read_text()
WORDS = [
    "version", "event", "key", "fields", "source", "columns", "each", "from", "column", "value", "sql", "map", "type",
    "format", "unit", "timezone", "hash", "round", "default", "clean", "split", "when", "where", "group_by", "user.id",
    "context.event_timestamp", "position", "timestamp", "sha256", "a.b", "a", "<field>", "<each>", "",
]  # fmt: skip

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.sampled_from(WORDS), st.text(max_size=5)
)
keys = st.sampled_from(WORDS) | st.text(max_size=3)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=25,
)
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def outcome(text: str) -> Document | MappingInvalid:
    try:
        return parse_document(text, "m.yaml")
    except MappingInvalid as error:
        invalid = error
    lines = 1 + sum(map(text.count, "\n\r\x85\u2028\u2029"))
    assert invalid.problems
    for problem in [*invalid.problems, *invalid.warnings, *problems_with_columns(invalid)]:
        assert 1 <= problem.line <= lines
        assert problem.column >= 1
        assert problem.message.isprintable()
        assert problem.path.isprintable()
    return invalid


def problems_with_columns(invalid: MappingInvalid) -> Sequence[Problem]:
    """What is said about the rest of a broken document beside columns: nothing that was said before."""
    if invalid.remainder is None:
        return ()
    try:
        compile_mapping(invalid.remainder, SCHEMA, is_text=True)
    except (MappingInvalid, SourceUnreadable) as error:
        found = error.problems
    else:
        found = ()
    assert not set(found) & set(invalid.problems)
    return found


def readable(document: Document) -> None:
    """A valid document can be used: its canonical form holds all of it, and every field has a place."""
    assert Mapping.model_validate(json.loads(document.canonical())) == document.mapping
    for target in document.mapping.fields:
        assert document.place("fields", target) >= (1, 1)


@quick
@given(st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("\n\n  ::-{}[]\"'&*!%|>#,?\t"), max_size=200))
def test_random_text(text: str) -> None:
    outcome(text)


@quick
@given(trees)
def test_random_trees(tree: object) -> None:
    outcome(yaml.safe_dump(tree, allow_unicode=True))


@quick
@given(
    st.dictionaries(
        st.sampled_from(["event", "key", "timezone", "source", "where", "group_by"]),
        trees,
        max_size=3,
    ),
    st.dictionaries(keys, trees, max_size=4),
)
def test_random_parts_in_a_document_that_is_otherwise_valid(
    parts: dict[str, object], fields: dict[str, object]
) -> None:
    required = {"user.id": "u", "context.event_timestamp": "t"}
    document = {"version": 1, "event": "e", "key": "k", "fields": required | fields} | parts
    result = outcome(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    if isinstance(result, Document):
        readable(result)


@quick
@given(st.data())
def test_a_valid_document_with_a_few_characters_changed(data: st.DataObject) -> None:
    text = FULL
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        width = data.draw(st.integers(0, 5))
        text = text[:at] + data.draw(st.text("\n :-{}[]\"'&*!%|,.#aé\t1", max_size=3)) + text[at + width :]
    result = outcome(text)
    if isinstance(result, Document):
        readable(result)
