"""From nodes to the typed mapping: whatever does not have the shape of the models, said in plain words.

A word that is nearly right is taken for the one that was meant; what else is wrong is cut out and the rest is validated
again. So :mod:`importer.mapping.checks`, and whoever knows the columns of a file, can look at everything that does make
sense, and a document gets all its problems in one go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from importer.mapping.models import (
    UNION_TAGS,
    ConsentSpec,
    EachSpec,
    EventSpec,
    FieldSpec,
    LookupSpec,
    Mapping,
    Model,
    PayloadSpec,
    SourceSpec,
)
from importer.mapping.nearest import did_you_mean, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic_core import ErrorDetails

    from importer.mapping.yaml_loader import Node, NodePath, Place

EVENT_FORMS = ("column", "value", "sql")
FORMS = (*EVENT_FORMS, "lookup", "id_from")
WRONG_VERSION = "`version` must be the number 1: this importer knows no other"
_ENTRY_DEPTH = 4  # ("fields", target, "each", target)
_CUTS = 8  # deeper than any path of the models
_EXPECTED: dict[NodePath, str] = {
    ("event",): "the name of the event, or a mapping with `column` or `sql`",
    ("key",): "the name of a column, a list of such names, or the word `position`",
    ("lookup",): "a mapping of `file`, `on` and `take`",  # of any field
    ("on",): "the name of a column, or one pair `{column of the source: column of the file}`",
}
_FIELD_KEYS = frozenset({*FieldSpec.model_fields, "from", "each"})
_PLACEHOLDER = {"version": 1, "event": {}, "fields": {"": {}}}


class Finding(NamedTuple):
    """A problem before its place is looked up; ``of_key``: it is about the key at the end of the path.

    ``place`` is given where the document that is looked into has another path there. ``meant`` is the word, key or
    value, that was most likely meant. Without a message it only follows from what is said elsewhere.
    """

    path: NodePath
    message: str
    of_key: bool = False
    place: Place | None = None
    meant: str | None = None


class Shape(NamedTuple):
    """What could be read of a document, ``None`` if nothing; what is wrong; and the paths of what is left out of it."""

    mapping: Mapping | None
    findings: list[Finding]
    cut: frozenset[NodePath]


def keys_of(model: type[Model]) -> tuple[str, ...]:
    """The keys of ``model`` as a document spells them."""
    return tuple(info.alias or name for name, info in model.model_fields.items())


def is_spec(path: NodePath) -> bool:
    """Whether a path leads to the value of a target."""
    return path[:1] == ("fields",) and (len(path) == 2 or (len(path) == _ENTRY_DEPTH and path[2] == "each"))  # noqa: PLR2004 - ("fields", target)


def has_form(spec: FieldSpec | EventSpec) -> bool:
    """Whether something says where the value comes from: always, but in what is left of a broken document."""
    return not spec.model_fields_set.isdisjoint(FORMS)


def specs(root: Node) -> Iterator[tuple[NodePath, Node]]:
    """Path and node of every field, those inside ``each`` behind the one that holds them."""
    fields = root.get("fields")
    for target in fields.names() if fields else ():
        node = root.get("fields", target)
        if node is None:
            continue
        yield ("fields", target), node
        each = node.get("each")
        for inner in each.names() if each else ():
            if entry := node.get("each", inner):
                yield ("fields", target, "each", inner), entry


def is_nested(node: Node) -> bool:
    """Whether a field is really a mapping of further targets: ``user: {id: x}``."""
    valid = {*keys_of(FieldSpec), *keys_of(EachSpec)}
    unknown = [key for key in node.names() if key not in valid]
    has_form = any(key in (*FORMS, "each") for key in node.names())
    return not has_form and any(nearest(key, valid) is None for key in unknown)


def read_shape(root: Node, known: Iterable[Finding] = ()) -> Shape:
    """The mapping without its ill-shaped parts, and what is wrong with those; ``known`` is wrong already."""
    if not isinstance(root.value, dict):
        hint = "is this the mapping file? The command line takes MAPPING first, then SOURCE"
        return Shape(None, [Finding((), f"a mapping file is a list of `name: value` lines; {hint}")], frozenset({()}))
    findings = [*known, *_voids(root, ())]
    said = {finding.path for finding in findings}
    findings += (finding for finding in _nulls(root, ()) if finding.path not in said)
    data = root.plain()
    for finding in findings:
        _cut(data, finding.path)
    mapping, more = _validated(data, root)
    findings += more
    mapping = mapping or _remainder(data, more, root)
    cut = frozenset(finding.path for finding in findings if finding.meant is None)
    return Shape(mapping, [finding for finding in findings if finding.message], cut)


def misspelled_keys(root: Node) -> list[Finding]:
    """Keys that nobody knows but that resemble one, each with the one that was meant."""
    nested = {path for path, node in specs(root) if is_nested(node)}
    _, findings = _validated(root.plain(), root) if isinstance(root.value, dict) else (None, [])
    return [finding for finding in findings if finding.of_key and finding.meant and finding.path[:-1] not in nested]


def _remainder(data: dict[str, Any], findings: list[Finding], root: Node) -> Mapping | None:
    """What is left of ``data`` once everything ill-shaped is cut out, and then what that left empty, and so on up."""
    for _ in range(_CUTS):
        for finding in findings:
            if finding.meant is not None and not finding.of_key:
                _put(data, finding.path, finding.meant)
            else:
                _cut(data, finding.path)
        mapping, findings = _validated(_PLACEHOLDER | data, root)
        if mapping:
            return mapping
    return None


def _put(data: Any, path: NodePath, meant: str) -> None:  # noqa: ANN401 -- any JSON
    """Write what was meant at ``path``, where a text stood alone or, as an entry of a list, for the list of it.

    Nothing is written where what holds it was cut out already.
    """
    for part in path[:-1]:
        if isinstance(data, dict) and part not in data:
            return
        if isinstance(data[part], str):
            data[part] = meant
            return
        data = data[part]
    data[path[-1]] = meant


def _validated(data: dict[str, Any], root: Node) -> tuple[Mapping | None, list[Finding]]:
    try:
        return Mapping.model_validate(data, by_alias=True, by_name=False), []
    except ValidationError as errors:
        return None, [_finding(error, root) for error in errors.errors(include_url=False)]


def _cut(data: dict[str, Any], path: NodePath) -> None:
    """Remove the value at ``path``, if it is still there.

    A list goes as a whole, because its other entries would move. So does the field around an ``each``, because the
    rest of it would look like another kind of field. Of a field its target is left, with nothing in it.
    """
    way = path[:-1] if path[-1] == "each" and is_spec(path[:-1]) else path
    parent: Any = data
    for depth, part in enumerate(way, start=1):
        if part not in parent:
            if depth == len(way) > 1:  # it is missing, and without it the rest means nothing
                _cut(data, way[:-1])
            return
        if depth == len(way) or not isinstance(parent[part], dict):
            if is_spec(way) and parent[part] != {}:
                parent[part] = {}  # its target is still known
            else:
                del parent[part]
            return
        parent = parent[part]


def _voids(node: Node, path: NodePath) -> Iterator[Finding]:
    """What could not be read as YAML, which is said already."""
    if node.is_void:
        yield Finding(path, "")
    elif isinstance(node.value, tuple):
        for index, item in enumerate(node.value):
            yield from _voids(item, (*path, index))
    elif isinstance(node.value, dict):
        for key, entry in node.value.items():
            yield from _voids(entry.node, (*path, key))


def _nulls(node: Node, path: NodePath) -> Iterator[Finding]:
    if path[-2:] == ("lookup", "missing"):
        return  # there null is one of the words
    if node.value is None:
        yield Finding(path, _null_message(path), of_key=True)
    elif isinstance(node.value, tuple):
        for index, item in enumerate(node.value):
            yield from _nulls(item, (*path, index))
    elif not (path[-1:] == ("map",) and is_spec(path[:-1])):  # there null means: leave the member out
        before = None
        for key, entry in node.value.items() if isinstance(node.value, dict) else ():
            yield from _nulls(entry.node, (*path, key))
            if entry.node.value is None and is_spec(path) and key not in _FIELD_KEYS and before:
                yield Finding((*path, before), "")  # was cut at the comma
            before = key


def _null_message(path: NodePath) -> str:
    if any(part == "value" and is_spec(path[:depth]) for depth, part in enumerate(path)):
        return "a null is never sent: leave it out"
    if isinstance(path[-1], int):
        return "this entry of the list is empty"
    if path == ("fields",):
        return "`fields` has no value: targets stand below it, indented by two blanks"
    if is_spec(path[:-1]) and path[-1] not in _FIELD_KEYS and path[-2] != "each":
        return f"{shown(path[-1])} has no value: a text with a `,` in it needs quotes between `{{` and `}}`"
    if is_spec(path):
        return f"{shown(path[-1])} has no value: write the name of a column, or `{{value: ...}}` for a constant"
    return f"{shown(path[-1])} has no value: write one, or remove the line"


def _finding(error: ErrorDetails, root: Node) -> Finding:  # noqa: PLR0911  one line for each kind of error
    """The error of pydantic in our words; without words when it only follows from a problem that is said already."""
    path = _without_tag(error["loc"])
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        message, meant = _unknown_key(path, root)
        return Finding(path, message, of_key=True, meant=meant)
    if kind == "missing":
        return Finding(path, _missing(path, root), of_key=True)
    if path == ("version",):
        return Finding(path, WRONG_VERSION)
    if is_spec(path):
        return Finding(path, _no_field(value))
    if kind == "too_short" and (node := root.get(*path)) and node.value:
        return Finding(path, "")  # emptied by cutting
    context = error.get("ctx", {})
    if kind == "literal_error" and isinstance(value, str):
        return _wrong_word(value, _words(context), path)
    return Finding(path, _wrong_value(kind, value, context, path))


def _without_tag(loc: NodePath) -> NodePath:
    """The path of the document: pydantic says between two parts of it which branch of a union was tried."""
    at = {"fields": 2, "key": 1}.get(str(loc[0]), len(loc))
    return loc[:at] + loc[at + 1 :] if loc[at : at + 1] and loc[at] in UNION_TAGS else loc


def _unknown_key(path: NodePath, root: Node) -> tuple[str, str | None]:
    """What is wrong with a key that nobody knows, and the one that was meant."""
    key, parent = str(path[-1]), path[:-1]
    if not parent and "." in key:
        return f"{shown(key)} looks like a target: targets stand under `fields`, indented by two blanks", None
    if is_spec(parent):
        return _unknown_in_field(key, parent, root)
    models: dict[NodePath, type[Model]] = {
        ("event",): EventSpec,
        ("source",): SourceSpec,
        ("consent",): ConsentSpec,
        ("payload",): PayloadSpec,
    }
    model = LookupSpec if parent[-1:] == ("lookup",) else models.get(parent, Mapping)
    return _unknown(key, keys_of(model))


def _unknown_in_field(key: str, parent: NodePath, root: Node) -> tuple[str, str | None]:
    if key == "each":
        return "an `each` inside an `each` is not supported: lists go one level deep", None
    if root.get(*parent, "each"):
        if key in keys_of(FieldSpec):
            return f"{shown(key)} cannot stand beside `each`: it belongs to the fields inside", None
        return _unknown(key, keys_of(EachSpec))
    if key == "from":
        return "`from` needs an `each` beside it, with the fields of an entry", None
    return _unknown(key, (*keys_of(FieldSpec), "each"))


def _unknown(key: str, valid: tuple[str, ...]) -> tuple[str, str | None]:
    return f"unknown key {shown(key)}{did_you_mean(key, valid)}", nearest(key, valid)


def _missing(path: NodePath, root: Node) -> str:
    if root.get(*path):
        return ""  # there was one, and it is cut out
    key = str(path[-1])
    example = {"version": "version: 1", "event": "event: purchase"}.get(key, f"{key}:")
    return f"{shown(key)} is missing: add `{example}`"


def _no_field(value: object) -> str:
    if isinstance(value, (bool, int, float)):
        text = _json_word(value)
        return f"a field is the name of a column, not {_kind(value)}: write `{{value: {text}}}` for a constant"
    return f"a field is the name of a column or a mapping such as `{{column: name}}`, not {_kind(value)}"


def _wrong_word(word: str, valid: list[str], path: NodePath) -> Finding:
    meant = nearest(word, valid)
    if path[-1] == "hash":  # the target says which
        meant = next((name for name in valid if str(path[-2]).endswith(f"_{name}")), meant)
    hint = f"; did you mean `{meant}`?" if meant else ""
    return Finding(path, f"{shown(word)} is not one of {', '.join(map(shown, valid))}{hint}", meant=meant)


def _wrong_value(kind: str, value: object, context: dict[str, Any], path: NodePath) -> str:
    if kind == "literal_error":
        return f"must be one of {', '.join(map(shown, _words(context)))}, not {_kind(value)}"
    if kind in ("string_too_short", "too_short"):
        return "must not be empty"
    if kind == "string_type":
        quotes = f': write "{_json_word(value)}" in quotes' if isinstance(value, (bool, int, float)) else ""
        return f"must be a text, not {_kind(value)}{quotes}"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"must be a whole number {'from 0 to 15' if path[-1] == 'round' else 'of 0 or more'}, not {value}"
    by_kind = {
        "bool_type": "true or false",
        "int_type": "a whole number",
        "tuple_type": "a text or a list of texts",
    }
    expected = _EXPECTED.get(path) or _EXPECTED.get(path[-1:]) or by_kind.get(kind, "a mapping of `name: value`")
    hint = "; is a space missing behind the `:`?" if isinstance(value, str) and ":" in value else ""
    if kind == "tuple_type" and isinstance(value, (bool, int, float)):
        hint = f': write "{_json_word(value)}" in quotes'
    return f"must be {expected}, not {_kind(value)}{hint}"


def _words(context: dict[str, Any]) -> list[str]:
    """The words that are valid where another one stands."""
    return re.findall("'([^']*)'", context["expected"])


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return f"`{_json_word(value)}`"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "a mapping" if isinstance(value, dict) else f"the text {shown(str(value))}"


def _json_word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
