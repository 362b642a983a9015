"""The members of an event as JSON texts, for all rows of a chunk at once.

A column gives a text without quotes where JSON needs none or no character needs an escape, which is looked for in all
of its bytes at once; any other is encoded by Polars, alone. All texts and what stands between them are then joined in
one pass. Null leaves nothing behind: neither its name nor a comma. A value always becomes the same bytes, whatever
else is in its chunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.tree import Branch, Constant, Leaf, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from importer.mapping.tree import Member

Part = str | Any
"""What an object is joined of: text that is the same in every row, or an array of one for each, null where none is."""

_TEXT = pa.large_string()
_NOTHING = pa.scalar("", _TEXT)
_FIRST_PRINTABLE = ord(" ")
_ENCODED_START = len('{"":')


def json_objects(values: pl.DataFrame, members: Sequence[Member], end: str = "") -> pa.LargeStringArray:
    """The JSON object of ``members`` for each row of ``values``, with ``end`` behind it; {} where all are null."""
    columns = _Columns(values, members)
    parts = columns.without_first_comma(columns.members(members))
    return columns.joined(["{", *parts, "}" + end])


class _Columns:
    """The columns of a frame as parts of JSON."""

    def __init__(self, values: pl.DataFrame, members: Sequence[Member]) -> None:
        self._height = values.height
        self._nullable = {name for name in values.columns if values[name].null_count()}
        self._texts = _texts(values, list(_leaves(members)))

    def members(self, members: Iterable[Member]) -> list[Part]:
        """Parts that join to ``members``, each of them with a comma before it."""
        return [part for member in members for part in self._member(member)]

    def without_first_comma(self, parts: list[Part]) -> list[Part]:
        """``parts`` without the comma before the first member that is there."""
        if parts and isinstance(parts[0], str):
            return [parts[0][1:], *parts[1:]]
        return [pc.utf8_slice_codeunits(self.joined(parts), 1)] if parts else []

    def joined(self, parts: Iterable[Part], *, is_whole: bool = False) -> pa.LargeStringArray:
        """One text of all parts in every row, null where one of them is null if it must be ``is_whole``."""
        merged: list[Part] = []
        for part in parts:
            if isinstance(part, str) and merged and isinstance(merged[-1], str):
                merged[-1] += part
            else:
                merged.append(part)
        inputs = [pa.scalar(part, _TEXT) if isinstance(part, str) else part for part in merged]
        if all(isinstance(part, str) for part in merged):
            return pa.repeat(inputs[0], self._height)
        # Arrow leaves a row out, and all others move up, where every part is null: hence one more that never is
        never_null, separator = _NOTHING, _NOTHING
        return pc.binary_join_element_wise(
            *inputs, never_null, separator, null_handling="emit_null" if is_whole else "skip"
        )

    def _member(self, member: Member) -> list[Part]:
        key = f",{to_json(member.name)}:"
        if isinstance(member, Constant):
            return [key + member.token]
        if isinstance(member, Branch):
            return self._branch(member, key)
        quote, text = self._texts[member.column]
        parts: list[Part] = [key + quote, text, quote]
        return [self.joined(parts, is_whole=True)] if member.column in self._nullable else parts

    def _branch(self, member: Branch, key: str) -> list[Part]:
        before, after = (f"{key}[{{", "}]") if member.is_list else (f"{key}{{", "}")
        parts = self.members(member.children)
        if any(isinstance(part, str) for part in parts):  # a member that is always there
            return [before, *self.without_first_comma(parts), after]
        inner = self.joined(parts)
        is_there = pc.not_equal(inner, _NOTHING)
        return [pc.if_else(is_there, self.joined([before, *self.without_first_comma([inner]), after]), None)]


def _leaves(members: Sequence[Member]) -> Iterator[Leaf]:
    for member in members:
        if isinstance(member, Branch):
            yield from _leaves(member.children)
        elif isinstance(member, Leaf):
            yield member


def _texts(values: pl.DataFrame, leaves: Sequence[Leaf]) -> dict[str, tuple[str, pa.LargeStringArray]]:
    """For each column of ``leaves`` what stands around its texts, and these."""
    written = _as_they_are_written(values, [leaf.column for leaf in leaves])
    own = {leaf.column: leaf.raw for leaf in leaves if values[leaf.column].dtype == pl.String}
    texts = {name: _arrow(column) for name, column in (values.select(*own, *written)).to_dict().items()}
    tokens = {name: ("", texts[name]) for name in texts if own.get(name, True)}
    plain = _plain({name: texts[name] for name, is_token in own.items() if not is_token})
    tokens |= {name: ('"', texts[name]) for name in plain}
    others = [leaf.column for leaf in leaves if leaf.column not in tokens]
    return tokens | {name: ("", _arrow(_encoded(values[name]))) for name in others}


def _as_they_are_written(values: pl.DataFrame, names: Iterable[str]) -> list[pl.Expr]:
    """Those columns whose texts are their JSON: truth values, whole numbers, and floats without one that JSON lacks."""
    kinds = {name: values[name].dtype for name in names}
    floats = [name for name, dtype in kinds.items() if dtype.is_float()]
    finite = values.select(pl.col(floats).is_finite().all()).row(0, named=True) if floats else {}
    wanted = (name for name, dtype in kinds.items() if dtype.is_integer() or dtype == pl.Boolean or finite.get(name))
    return [pl.col(name).cast(pl.String) for name in wanted]


def _encoded(column: pl.Series) -> pl.Series:
    """Each value as Polars encodes it, null for null."""
    member = pl.struct(pl.col("")).struct.json_encode().str.slice(_ENCODED_START).str.head(-1)
    return column.to_frame("").select(pl.when(pl.col("").is_not_null()).then(member)).to_series()


def _arrow(texts: pl.Series) -> pa.LargeStringArray:
    return texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())


def _plain(texts: dict[str, pa.LargeStringArray]) -> list[str]:
    """Those columns that have no character that JSON escapes."""
    contents = {name: text.buffers()[2].to_pybytes() for name, text in texts.items()}
    if _has_control(b"".join(contents.values())):
        contents = {name: content for name, content in contents.items() if not _has_control(content)}
    return [name for name, content in contents.items() if b'"' not in content and b"\\" not in content]


def _has_control(content: bytes) -> bool:
    column = pl.Series(pa.Array.from_buffers(pa.uint8(), len(content), [None, pa.py_buffer(content)]))
    return (column < _FIRST_PRINTABLE).any()
