"""A mapping that is being drafted: what will stand in it, with the comments that say why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Todo:
    """A value that only the user knows: ``what`` it is. ``stand_in`` makes the draft complete for a trial."""

    what: str
    stand_in: Any = None


@dataclass(slots=True)
class Field:
    """A target and what fills it: a spec as in the mapping, with :class:`Todo` in it.

    ``notes`` stand above it as comments. ``refused`` says why it cannot be used: then it is a comment itself.
    """

    target: str
    spec: Any
    notes: list[str] = field(default_factory=list)
    refused: str = ""


@dataclass(slots=True)
class Setting:
    """A key at the top of the mapping, or under ``source``."""

    key: str
    value: Any
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """A mapping as it will be written.

    ``settings`` stand at the top, ``source`` under that key, ``entries`` inside of ``items`` (from the list ``from_``,
    where it is not ``None``). ``user_notes`` stand above all that is about the user. ``missing`` are targets that the
    reference wants and no column gives, each with a spec as text and the reason, ``missing_entries`` those of entries;
    ``unused`` are columns, each with an example.
    """

    source_name: str
    head: list[str] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    source: list[Setting] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)
    entries: list[Field] = field(default_factory=list)
    from_: str | None = None
    user_notes: list[str] = field(default_factory=list)
    missing: list[tuple[str, str, str]] = field(default_factory=list)
    missing_entries: list[tuple[str, str, str]] = field(default_factory=list)
    unused: list[tuple[str, str]] = field(default_factory=list)

    def todos(self) -> list[tuple[str, str]]:
        """Where a ``TODO`` stands, and what it asks for."""
        named = [(setting.key, setting.value) for setting in (*self.settings, *self.source)]
        targets = [(item.target, item.spec) for item in (*self.fields, *self.entries) if not item.refused]
        return [(name, todo.what) for name, value in (*named, *targets) for todo in _inside(value)]


def _inside(value: Any) -> list[Todo]:  # noqa: ANN401  (any JSON)
    if isinstance(value, Todo):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [todo for part in parts for todo in _inside(part)]
