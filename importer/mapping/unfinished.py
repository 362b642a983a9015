"""The word TODO where a value belongs: a draft that its author still has to fill in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.mapping.nearest import printable, shown
from importer.mapping.shape import Finding, is_spec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.mapping.yaml_loader import Node, NodePath

WORD = "TODO"
_COLUMN = "write the name of a column of the source"
_SQL = "write an expression in SQL, or remove it"
_WORDS = {
    "clean": "write `trim`, `lower`, `upper`, `digits` or `e164`, or remove it",
    "column": _COLUMN,
    "country": "write two letters of ISO 3166, such as `FR`",
    "decimal": 'write "." or ","',
    "default": "write what is sent when there is no value, or remove it",
    "encoding": "write a name such as `utf-8` or `latin-1`",
    "event": "write the name of an event, such as `purchase`",
    "file": "write the path of a CSV or Parquet file",
    "format": "write how the time is written, such as `%d/%m/%Y %H:%M`",
    "from": "write the name of the column that holds the list",
    "group_by": "write the columns whose equal values make one event, such as `order_id`",
    "hash": "write `sha256` or `md5`, or remove it",
    "id_from": "write the names of columns",
    "key": "write the columns that make an event unique, such as `order_id`, or `position`",
    "on": "write the column that both files have",
    "require": "write the categories of consent that an event needs",
    "separator": 'write the character between two cells, such as ";"',
    "split": "write the sign between the values of a list",
    "sql": _SQL,
    "take": "write the column of the file whose value is sent",
    "timezone": "write a name such as `Europe/Paris`",
    "type": "write `string`, `number`, `integer`, `boolean`, `date` or `timestamp`",
    "unit": "write `s`, `ms`, `us`, `ns` or `auto`",
    "value": "write the constant that is sent",
    "version": "write the number 1",
    "when": _SQL,
    "where": _SQL,
}


def unfinished(root: Node) -> Iterator[Finding]:
    """A finding for each value of the document that is ``TODO``, or a text that begins with it."""
    return _unfinished(root, ())


def _unfinished(node: Node, path: NodePath) -> Iterator[Finding]:
    if isinstance(node.value, str) and node.value.startswith(WORD):
        yield Finding(path, f"{_name(path)} is still to be filled in ({printable(node.value)}): {_advice(path)}")
    elif isinstance(node.value, tuple):
        for index, item in enumerate(node.value):
            yield from _unfinished(item, (*path, index))
    elif isinstance(node.value, dict):
        for key, entry in node.value.items():
            yield from _unfinished(entry.node, (*path, key))


def _name(path: NodePath) -> str:
    names = [part for part in path if isinstance(part, str)]
    if not names:
        return "the mapping"
    return shown(f"map: {names[-1]}" if names[-2:-1] == ["map"] else names[-1])


def _advice(path: NodePath) -> str:
    names = tuple(part for part in path if isinstance(part, str))
    if is_spec(names):
        return f"{_COLUMN}, or `{{value: ...}}` for a constant, or remove the line"
    if names[-2:-1] == ("map",):
        return "write the name of the event that it means" if names[0] == "event" else "write the value that is sent"
    if names[:2] == ("source", "columns"):
        return _WORDS["type"]
    if names == ("event", "value"):
        return _WORDS["event"]
    if any(part == "value" and is_spec(names[:depth]) for depth, part in enumerate(names)):
        return _WORDS["value"]
    return _WORDS.get(names[-1] if names else "", "write a value, or remove the line")
