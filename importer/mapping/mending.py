"""Keys that are nearly right are taken for those that were meant, so that what they hold is looked at as well."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from importer.mapping.shape import Finding, misspelled_keys
from importer.mapping.yaml_loader import place_of

if TYPE_CHECKING:
    from importer.mapping.yaml_loader import Node, NodePath

_ROUNDS = 4  # mended keys lie inside others: under `fields`, a target, `lookup`


def with_right_keys(root: Node) -> tuple[Node, list[Finding]]:
    """The document with the keys that were meant, and what is wrong with those that were written.

    A key is left as it is where the one that was meant stands beside it.
    """
    findings: list[Finding] = []
    for _ in range(_ROUNDS):
        count = len(findings)
        for finding in misspelled_keys(root):
            *parent, _ = finding.path
            node = root.get(*parent)
            if node is not None and finding.meant is not None and finding.meant not in node.names():
                findings.append(finding._replace(place=place_of(root, finding.path, of_key=True)))
                root = _renamed(root, finding.path, finding.meant)
        if len(findings) == count:
            break
    return root, findings


def _renamed(node: Node, path: NodePath, name: str) -> Node:
    """``node`` with another key at the end of ``path``, in the same place."""
    head, *rest = path
    entries = {}
    for key, entry in node.value.items():
        if key != head:
            entries[key] = entry
        elif rest:
            entries[key] = entry._replace(node=_renamed(entry.node, tuple(rest), name))
        else:
            entries[name] = entry
    return replace(node, value=entries)
