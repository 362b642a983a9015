"""The members of an event in the order of the mapping: an object stands where its first member does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Leaf:
    """A member whose value is a column of the values frame; ``raw`` columns hold JSON tokens."""

    name: str
    column: str
    raw: bool


@dataclass(frozen=True, slots=True)
class Constant:
    """A member that is the same in every event; ``token`` is its JSON."""

    name: str
    value: Any
    token: str


@dataclass(frozen=True, slots=True)
class Branch:
    """A member that is an object, or with ``is_list`` a list of the one object."""

    name: str
    children: tuple[Member, ...]
    is_list: bool = False


Member = Leaf | Constant | Branch


class Tree:
    """Gathers members by their paths."""

    def __init__(self) -> None:
        self._nodes: dict[str, Member | Tree] = {}

    def add(self, path: tuple[str, ...], member: Member) -> bool:
        """Put ``member`` at ``path``. False when a part of the path is a value already."""
        head, *rest = path
        if not rest:
            return self._nodes.setdefault(head, member) is member
        child = self._nodes.setdefault(head, Tree())
        return isinstance(child, Tree) and child.add(tuple(rest), member)

    def add_constant(self, path: tuple[str, ...], value: object) -> bool:
        """Put a JSON constant at ``path``, an object member by member. An empty one leaves nothing."""
        if isinstance(value, dict):
            added = [self.add_constant((*path, name), item) for name, item in value.items()]
            return all(added)
        return value == [] or self.add(path, Constant(path[-1], value, to_json(value)))

    def find(self, path: tuple[str, ...]) -> Member | None:
        """The member at ``path``; an object as a branch."""
        head, *rest = path
        node = self._nodes.get(head)
        if isinstance(node, Tree):
            return node.find(tuple(rest)) if rest else Branch(head, node.members())
        return None if rest else node

    def change(self, path: tuple[str, ...], member: Leaf | Constant | None) -> None:
        """Put ``member`` in the place of the one at ``path``, which is there; ``None`` takes it out."""
        head, *rest = path
        node = self._nodes[head]
        if isinstance(node, Tree):
            node.change(tuple(rest), member)
        elif member is None:
            del self._nodes[head]
        else:
            self._nodes[head] = member

    def add_behind(self, name: str, member: Leaf | Constant) -> None:
        """Add ``member``, whose name is new, directly behind the member ``name``."""
        nodes: dict[str, Member | Tree] = {}
        for key, node in self._nodes.items():
            nodes[key] = node
            if key == name:
                nodes[member.name] = member
        self._nodes = nodes

    def members(self) -> tuple[Member, ...]:
        """All members, in order."""
        return tuple(
            Branch(name, node.members()) if isinstance(node, Tree) else node for name, node in self._nodes.items()
        )


def to_json(value: object) -> str:
    """The JSON of a constant, escaped as Polars escapes the texts beside it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
