"""A draft as the text of a commented mapping."""

from __future__ import annotations

import json
import re
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from importer.draft.model import Todo
from importer.mapping.nearest import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from importer.draft.model import Draft, Field, Setting

_PLAIN = re.compile(r"[^\W\d][\w.-]*(?: [\w.-]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "todo"})
_WIDTH = 118
_COMMENT_WIDTH = 112
_TWO_BYTES = 0xFFFF
_KEEP: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False, "replace_whitespace": False}
_MISSING = "No column looks like these, and the reference wants them. Fill in those that you can:"


def render(draft: Draft, *, filled: bool = False) -> str:
    """The text of ``draft``. ``filled`` writes the stand-in of each ``TODO`` in its place, for a trial."""
    return "\n".join(_Writer(draft, filled=filled).lines()) + "\n"


class _Writer:
    def __init__(self, draft: Draft, *, filled: bool) -> None:
        self._draft = draft
        self._filled = filled

    def lines(self) -> Iterator[str]:
        draft = self._draft
        yield from _comments(draft.head, "")
        yield "version: 1"
        for setting in draft.settings:
            yield ""
            yield from self._setting(setting, "")
        if draft.source:
            yield from ("", "source:")
            for setting in draft.source:
                yield from self._setting(setting, "  ")
        yield from ("", "fields:")
        yield from self._fields()
        if draft.missing:
            yield ""
            yield from _comments([_MISSING], "  ")
        yield from _missing(draft.missing, "  ")
        yield from _unused(draft.unused)

    def _setting(self, setting: Setting, indent: str) -> Iterator[str]:
        yield from _comments(setting.notes, indent)
        yield from self._entry(setting.key, setting.value, indent)

    def _fields(self) -> Iterator[str]:
        before = [item for item in self._draft.fields if not item.target.startswith(("user.", "context."))]
        after = [item for item in self._draft.fields if item.target.startswith(("user.", "context."))]
        yield from self._list(before, "  ")
        if self._draft.entries:
            live = any(not item.refused for item in self._draft.entries)
            mark = "" if live else "# "
            yield ""
            yield from _comments(
                ["One entry for each struct of the list." if self._draft.from_ else "One entry a row."], "  "
            )
            yield f"  {mark}items:"
            if self._draft.from_:
                yield f"  {mark}  from: {quoted(self._draft.from_)}"
            yield f"  {mark}  each:"
            yield from self._list(self._draft.entries, "      ")
            yield from _missing(self._draft.missing_entries, "      ")
            yield ""
        yield from _comments(self._draft.user_notes, "  ")
        yield from self._list(after, "  ")

    def _list(self, items: Iterable[Field], indent: str) -> Iterator[str]:
        for item in items:
            yield from _comments(item.notes, indent)
            lines = list(self._entry(item.target, item.spec, indent))
            if item.refused:
                yield from _comments([f"left out: {item.refused}"], indent)
                lines = [f"{indent}# {line[len(indent) :]}" for line in lines]
            yield from lines

    def _entry(self, key: str, value: Any, indent: str) -> Iterator[str]:  # noqa: ANN401  (any JSON)
        """``key: value`` on one line where it fits, else in a block."""
        line = f"{indent}{quoted(key)}: {self._flow(value)}"
        if len(line) <= _WIDTH or not isinstance(value, dict):
            yield line
            return
        yield f"{indent}{quoted(key)}:"
        for inner, part in value.items():
            yield from self._entry(inner, part, f"{indent}  ")

    def _flow(self, value: Any) -> str:  # noqa: ANN401  (any JSON)
        if isinstance(value, Todo):
            return self._flow(value.stand_in) if self._filled else "TODO"
        if isinstance(value, dict):
            return "{" + ", ".join(f"{quoted(key)}: {self._flow(part)}" for key, part in value.items()) + "}"
        if isinstance(value, list | tuple):
            return "[" + ", ".join(map(self._flow, value)) + "]"
        return quoted(value) if isinstance(value, str) else json.dumps(value)


def quoted(text: str) -> str:
    """``text`` as a scalar of YAML that is text for this loader and for any other."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return "".join(
        character if character.isprintable() else _escape(character)
        for character in json.dumps(text, ensure_ascii=False)
    )


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= _TWO_BYTES else f"\\U{code:08x}"


def _comments(notes: Iterable[str], indent: str) -> Iterator[str]:
    for note in notes:
        for number, line in enumerate(wrap(safe(note), _COMMENT_WIDTH - len(indent), **_KEEP)):
            yield f"{indent}# {'  ' if number else ''}{line}"


def safe(text: str) -> str:
    """``text`` for a comment: on one line, and without a character that YAML forbids."""
    return "".join(character if character.isprintable() else printable(character) for character in text)


def _missing(missing: list[tuple[str, str, str]], indent: str) -> Iterator[str]:
    for target, spec, why in missing:
        yield f"{indent}# {target}: {spec}   # {safe(why)}"


def _unused(unused: list[tuple[str, str]]) -> Iterator[str]:
    if unused:
        yield ""
        yield from _comments(["Columns that are not used. A target of your own is fine, too: my_name: column"], "  ")
    for name, example in unused:
        yield f"  #   {safe(name)}: {safe(example)}"
