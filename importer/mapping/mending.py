"""What is nearly right is taken for what was meant, so that what stands in it is looked at as well, in the same run.

Nodes keep their places: whatever is found in the mended document stands where its author wrote it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from importer.mapping.models import ConsentSpec, EachSpec, EventSpec, FieldSpec, LookupSpec, Mapping, SourceSpec
from importer.mapping.nearest import nearest, shown
from importer.mapping.shape import Finding, is_nested, keys_of, misspelled_keys, specs
from importer.mapping.yaml_loader import Entry, Node, Place, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from importer.mapping.yaml_loader import NodePath

_ROUNDS = 4  # misspelled keys lie inside others: under `fields`, a target, `lookup`
_MODELS = (Mapping, EventSpec, SourceSpec, ConsentSpec, FieldSpec, EachSpec, LookupSpec)
_KEYS = frozenset(key for model in _MODELS for key in keys_of(model))


def mended(root: Node) -> tuple[Node, list[Finding]]:
    """The document as it was meant, and what is wrong with it as it was written.

    A key is left as it is where the one that was meant stands beside it.
    """
    if not isinstance(root.value, dict):
        return root, []
    findings: list[Finding] = []
    for mend in (_with_blanks, _with_targets_in_fields, _with_right_keys, _with_dotted_targets):
        root, found = mend(root)
        findings += found
    return root, findings


def _with_blanks(root: Node) -> tuple[Node, list[Finding]]:
    """``{column:total}`` is a key with nothing behind it for YAML."""
    findings: list[Finding] = []
    for path, key, place in _glued(root, ()):
        name, _, text = key.partition(":")
        message = f"a space is missing behind the `:` of {shown(name)}"
        findings.append(Finding((*path, key), message, of_key=True, place=place, meant=name))
        value = Node(Place(place.line, place.column + len(name) + 1), int(text) if text.isdecimal() else text)
        root = _changed(root, path, _replaced(key, {name: Entry(place, value)}))
    return root, findings


def _glued(node: Node, path: NodePath) -> Iterator[tuple[NodePath, str, Place]]:
    for key, entry in node.value.items() if isinstance(node.value, dict) else ():
        name, colon, text = key.partition(":")
        if entry.node.value is None and colon and text and name in _KEYS and name not in node.value:
            yield path, key, entry.key_place
        yield from _glued(entry.node, (*path, key))


def _with_targets_in_fields(root: Node) -> tuple[Node, list[Finding]]:
    """Targets that have lost their indentation stand beside ``fields``."""
    fields = root.get("fields")
    is_empty = fields is not None and fields.value is None
    known = keys_of(Mapping)
    lost = [key for key in root.value if "." in key or (is_empty and key not in known and not nearest(key, known))]
    if not lost or fields is None or not (is_empty or isinstance(fields.value, dict)):
        return root, []
    hint = "looks like a target: targets stand under `fields`, indented by two blanks"
    entries = {key: root.value[key] for key in lost}
    findings = [
        Finding((key,), f"{shown(key)} {hint}", of_key=True, place=entry.key_place, meant=key)
        for key, entry in entries.items()
    ]
    moved = replace(fields, value=entries | (fields.value or {}))
    rest = {key: entry for key, entry in root.value.items() if key not in entries}
    rest["fields"] = rest["fields"]._replace(node=moved)
    return replace(root, value=rest), findings


def _with_right_keys(root: Node) -> tuple[Node, list[Finding]]:
    """The keys that were most likely meant in place of those that nobody knows."""
    findings: list[Finding] = []
    for _ in range(_ROUNDS):
        count = len(findings)
        for finding in misspelled_keys(root):
            *parent, key = finding.path
            node = root.get(*parent)
            if node is not None and finding.meant is not None and finding.meant not in node.names():
                findings.append(finding._replace(place=place_of(root, finding.path, of_key=True)))
                entry = node.value[key]
                root = _changed(root, tuple(parent), _replaced(str(key), {finding.meant: entry}))
        if len(findings) == count:
            break
    return root, findings


def _with_dotted_targets(root: Node) -> tuple[Node, list[Finding]]:
    """``user: {id: x}`` as ``user.id: x``."""
    findings: list[Finding] = []
    for path, node in [*specs(root)]:
        if is_nested(node):
            inner, entry = next(iter(node.value.items()))
            example = entry.node.value if isinstance(entry.node.value, str) else "..."
            message = f"targets are not nested: write them dotted, as in {shown(f'{path[-1]}.{inner}: {example}')}"
            place = place_of(root, path, of_key=True)
            findings.append(Finding(path, message, of_key=True, place=place, meant=str(path[-1])))
            root = _changed(root, path[:-1], _replaced(str(path[-1]), dict(_dotted(str(path[-1]), node))))
    return root, findings


def _dotted(name: str, node: Node) -> Iterator[tuple[str, Entry]]:
    for key, entry in node.value.items():
        if is_nested(entry.node):
            yield from _dotted(f"{name}.{key}", entry.node)
        else:
            yield f"{name}.{key}", entry


def _replaced(key: str, others: dict[str, Entry]) -> Callable[[dict[str, Entry]], dict[str, Entry]]:
    """``others`` in the place of ``key``; what stands there already is kept."""

    def replaced(entries: dict[str, Entry]) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for name, entry in entries.items():
            if name == key:
                found |= {other: entry for other, entry in others.items() if other not in entries}
            else:
                found[name] = entry
        return found

    return replaced


def _changed(node: Node, path: NodePath, change: Callable[[dict[str, Entry]], dict[str, Entry]]) -> Node:
    """``node`` with other entries in the mapping at ``path``."""
    if not path:
        return replace(node, value=change(node.value))
    head, *rest = path
    entry: Entry = node.value[head]
    inner = entry._replace(node=_changed(entry.node, tuple(rest), change))
    return replace(node, value={**node.value, head: inner})
