"""YAML with the scalars of JSON, read into nodes that know their place.

Plain ``true``, ``false``, ``null``, nothing at all and JSON numbers mean what JSON says; all else is text: ``NO``,
``010``, ``12:30:45``, ``2024-01-01`` and ``~`` too. Keys are always text. Anchors, aliases and tags are refused.

The nodes are built from the stream of parser events, not by PyYAML's composer: that one recurses without a limit
(a RecursionError in Python, a crash of the interpreter in C).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from importer.errors import Problem
from importer.mapping.nearest import printable, shown
from importer.mapping.yaml_errors import MAX_DEPTH, TOO_DEEP, forbidden_character, syntax_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NODES = 20_000
MAX_PROBLEMS = 200

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<fraction>\.[0-9]+)?(?P<exponent>[eE][+-]?[0-9]+)?")
_WORDS = {"": None, "null": None, "true": True, "false": False}
_YAML_TAG = "tag:yaml.org,2002:"  # written `!!`
_LONGEST_NUMBER = 400
_INTEGERS = range(-(1 << 63), 1 << 64)

NodePath = tuple[str | int, ...]


class Place(NamedTuple):
    """Where something stands in the text. Both count from 1, columns in characters."""

    line: int
    column: int


class Entry(NamedTuple):
    """One ``key: value`` of a mapping, without the key's text."""

    key_place: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the document: a JSON scalar, a tuple of nodes (a list), or a dict of entries (a mapping).

    ``is_void`` is one that could not be read, which is a problem of YAML and said there; its value means nothing.
    """

    place: Place
    value: Any
    is_void: bool = False

    def get(self, *path: str | int) -> Node | None:
        """The node at ``path`` below this one, ``None`` where there is none."""
        node: Node | None = self
        for part in path:
            node = node.child(part) if node else None
        return node

    def child(self, part: str | int) -> Node | None:
        """The value of a key, or an entry of a list by its index."""
        if isinstance(self.value, dict):
            entry = self.value.get(part)
            return entry.node if entry else None
        if isinstance(self.value, tuple) and isinstance(part, int) and 0 <= part < len(self.value):
            item: Node = self.value[part]
            return item
        return None

    def names(self) -> tuple[str, ...]:
        """The keys of a mapping, in order; of anything else none."""
        return tuple(self.value) if isinstance(self.value, dict) else ()

    def plain(self) -> Any:  # noqa: ANN401 - JSON has no narrower type in Python
        """The value as str, int, float, bool, None, list and dict."""
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        return self.value


def place_of(root: Node, path: NodePath, *, of_key: bool = False) -> Place:
    """The place of the value at ``path`` (or of its key), else of the nearest parent that exists."""
    node, place = root, root.place
    for part in path:
        child = node.child(part)
        if child is None:
            return place
        place = node.value[part].key_place if of_key and isinstance(node.value, dict) else child.place
        node = child
    return place


def dotted(path: NodePath) -> str:
    """A path as messages show it: ``fields.items.each.id``, ``key[1]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{printable(part)}" for part in path)
    return text.removeprefix(".")


def compose(text: str) -> tuple[Node | None, list[Problem]]:
    """The root node of the one document in ``text``, and what is wrong with it as YAML.

    The node is ``None`` when the text is empty, or when it is so broken that nothing can be said about its content.
    """
    if problem := forbidden_character(text):
        return None, [problem]
    composer = _Composer(yaml.parse(text, Loader=_LOADER))
    try:
        return composer.document(), composer.problems
    except _StopComposingError:
        return None, composer.problems
    except yaml.YAMLError as error:
        return None, [*composer.problems, syntax_problem(error, text)]


class _StopComposingError(Exception):
    """A limit was hit: reading on could cost more than the document is worth."""


class _Composer:
    """Builds nodes from parser events and notes problems on its way."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self.problems: list[Problem] = []
        self._events = events
        self._nodes = 0

    def document(self) -> Node | None:
        next(self._events)  # start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        root = self._node(next(self._events), ())
        next(self._events)  # end of the document
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            self._problem(
                _place(following), (), "a second document starts here: a mapping file holds one (remove `---`)"
            )
        return root

    def _node(self, event: yaml.Event, path: NodePath) -> Node:
        place = _place(event)
        self._check_limits(place, path)
        if isinstance(event, yaml.AliasEvent):
            message = f"`*{printable(event.anchor or '')}` repeats a value, which is not supported: write it out"
            self._problem(place, path, f"{message} (a text that begins with `*` needs quotes)")
            return Node(place, "", is_void=True)
        self._refuse_decoration(event, place, path)
        if isinstance(event, yaml.MappingStartEvent):
            return Node(place, self._entries(path))
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(place, self._items(path))
        if isinstance(event, yaml.ScalarEvent):
            known = len(self.problems)
            value = self._scalar(event, place, path)
            return Node(place, value, is_void=len(self.problems) > known)
        raise TypeError(f"no node begins with {event!r}")

    def _entries(self, path: NodePath) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key_place, key = _place(event), self._key(event, path)
            value_event = next(self._events)
            node = self._node(value_event, (*path, key))
            if _is_nothing(value_event):
                node = Node(key_place, None)
            if key in entries:
                first = entries[key].key_place
                message = f"duplicate key {shown(key)}: it stands in line {first.line}, column {first.column} already"
                self._problem(key_place, (*path, key), message)
            else:
                entries[key] = Entry(key_place, node)
        return entries

    def _key(self, event: yaml.Event, path: NodePath) -> str:
        if isinstance(event, yaml.ScalarEvent):
            self._check_limits(_place(event), path)
            self._refuse_decoration(event, _place(event), path)
            return self._text(event.value, _place(event), path)
        if not isinstance(event, yaml.AliasEvent):  # that is a problem of its own
            message = "this key is a list or a mapping: a key must be a text (in quotes if it begins with `[` or `{`)"
            self._problem(_place(event), path, message)
        return shown(str(self._node(event, path).plain()))

    def _items(self, path: NodePath) -> tuple[Node, ...]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return tuple(items)

    def _scalar(self, event: yaml.ScalarEvent, place: Place, path: NodePath) -> str | float | bool | None:
        text = self._text(event.value, place, path)
        if event.style:  # quoted or a block: always text
            return text
        if text in _WORDS:
            return _WORDS[text]
        if match := _NUMBER.fullmatch(text):
            number = _number(match)
            if number is None:
                message = f"the number {shown(text)} cannot be kept to its last digit: write it in quotes, as text"
                self._problem(place, path, message)
            return number or 0
        return text

    def _text(self, text: str, place: Place, path: NodePath) -> str:
        if any("\ud800" <= char <= "\udfff" for char in text):
            self._problem(place, path, f"{shown(text)} contains half of a surrogate pair, which is no character")
            return ""
        return text

    def _refuse_decoration(self, event: yaml.Event, place: Place, path: NodePath) -> None:
        if tag := getattr(event, "tag", None):
            name = shown(tag.replace(_YAML_TAG, "!!"))
            message = f"the tag {name} is not supported: remove it (a text that begins with `!` needs quotes)"
            self._problem(place, path, message)
        if anchor := getattr(event, "anchor", None):
            message = f"the anchor `&{printable(anchor)}` is not supported: remove it"
            self._problem(place, path, f"{message} (a text that begins with `&` needs quotes)")

    def _check_limits(self, place: Place, path: NodePath) -> None:
        self._nodes += 1
        if len(path) > MAX_DEPTH:
            self._problem(place, path[:3], TOO_DEEP)
            raise _StopComposingError
        if self._nodes > MAX_NODES:
            self._problem(place, path[:3], f"more than {MAX_NODES:,} values in one mapping file")
            raise _StopComposingError

    def _problem(self, place: Place, path: NodePath, message: str) -> None:
        self.problems.append(Problem(*place, dotted(path), message))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _StopComposingError


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def _is_nothing(event: yaml.Event) -> bool:
    """Whether nothing was written at all: libraries disagree about where such a value stands."""
    return isinstance(event, yaml.ScalarEvent) and not event.style and not event.value


def _number(match: re.Match[str]) -> int | float | None:
    """The number, ``None`` where neither 64 bits nor a double hold it exactly as it is written."""
    text = match.group()
    if len(text) > _LONGEST_NUMBER:
        return None
    if not match["fraction"] and not match["exponent"]:
        return int(text) if int(text) in _INTEGERS else None
    number = float(text)
    return number if math.isfinite(number) and Decimal(repr(number)) == Decimal(text) else None
