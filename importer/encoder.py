"""A chunk of columns becomes JSON bytes. No Python object is made for a row that is sent.

Each step works on the whole chunk: SQL, ``where``, lists, values and their checks, JSON. How the JSON is joined depends
on which columns have a null in this chunk, its bytes do not: ``encode(a + b) == encode(a) + encode(b)`` at every cut.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Literal

import polars as pl
import polars_hash as plh

from importer.mapping.compiled import FILE, ROW
from importer.mapping.failures import Failures, any_failed
from importer.mapping.json_text import json_object
from importer.records import EncodedRows, Reject, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from importer.mapping.compiled import CompiledMapping, StructList

_EVENT = "\x01event"
_FAILED = "\x01failed"
_DIGEST_WORDS = 2
_WORD_HEX_DIGITS = 16
_LIMB = 1 << 32


@dataclass(frozen=True, slots=True)
class ChunkInput:
    """What the encoder needs of a chunk: good rows and their numbers, earlier rejects, and how to find a line.

    ``rows`` are Int64 and strictly increasing, one for each row of ``frame``. ``file`` is the source in messages and
    ``path`` what the key ``position`` names it by.
    """

    span: Span
    file: str
    path: str
    frame: pl.DataFrame
    rows: pl.Series
    rejects: tuple[Reject, ...]
    line_of: Callable[[int], int]


class Encoder:
    """Encodes chunks for one endpoint.

    ``separator`` goes behind each event, ``max_item_bytes`` is the limit of an event without it. ``warnings`` counts
    what was noticed in rows that became events, ``sizes`` events by their size in bytes.
    """

    def __init__(self, mapping: CompiledMapping, separator: bytes, max_item_bytes: int) -> None:
        self._mapping = mapping
        self._separator = separator.decode()
        self._max_item_bytes = max_item_bytes
        self.warnings: Counter[str] = Counter()
        self.sizes: Counter[int] = Counter()
        self._counting = Lock()  # chunks are encoded side by side

    def encode(self, chunk: ChunkInput) -> EncodedRows:
        """The events of ``chunk``, and a reject for every row that is neither sent nor filtered."""
        failures = Failures()
        frame = self._prepared(chunk, failures)
        values = self._values(frame)
        failed = values[_FAILED]
        if failures.rows():
            failed |= frame[ROW].is_in(failures.rows())
        rejects = list(chunk.rejects)
        if failed.any():
            rejects += self._rejects(chunk, frame.filter(failed), failures)
            values = values.filter(~failed)
        self._count_warnings(values)
        events = values.select(ROW, json_object(values, self._mapping.plan.members, self._separator).alias(_EVENT))
        large = events[_EVENT].str.len_bytes() > self._max_item_bytes + len(self._separator)
        if large.any():
            rejects += self._too_large(chunk, frame, events.filter(large))
            events = events.filter(~large)
        self._count_sizes(events)
        rejects.sort(key=lambda reject: reject.row)
        return self._encoded(chunk, events, tuple(rejects))

    def _prepared(self, chunk: ChunkInput, failures: Failures) -> pl.DataFrame:
        """The rows that ``where`` passes, with everything that values and checks refer to."""
        plan = self._mapping.plan
        rows = chunk.rows.alias(ROW).to_frame()  # first, because a mapping may read no column at all
        frame = rows.hstack(chunk.frame.get_columns()).with_columns(pl.lit(chunk.path).alias(FILE))
        frame = plan.with_stages(self._filter(plan.with_sql(frame)))
        return frame.hstack([_list(frame, item, failures) for item in self._mapping.lists])

    def _filter(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Drop what ``where`` does not pass, but keep rows in which it could not be computed: they are rejects."""
        if self._mapping.where is None:
            return frame
        passes = pl.col(self._mapping.where)
        is_unknown = passes.is_null() & any_failed(self._mapping.where_checks)
        return frame.filter(passes.fill_null(value=False) | is_unknown)

    def _values(self, frame: pl.DataFrame) -> pl.DataFrame:
        plan = self._mapping.plan
        return frame.select(
            ROW,
            *(item.name for item in self._mapping.lists),
            *(expr.alias(name) for name, expr in plan.values),
            *(expr.alias(f"\x01count{i}") for i, (_, expr) in enumerate(plan.counts)),
            any_failed(plan.checks).alias(_FAILED),
        )

    def _count_warnings(self, values: pl.DataFrame) -> None:
        for i, (name, _) in enumerate(self._mapping.plan.counts):
            if count := int(values[f"\x01count{i}"].sum()):
                with self._counting:
                    self.warnings[name] += count

    def _count_sizes(self, events: pl.DataFrame) -> None:
        sizes = events[_EVENT].str.len_bytes() - len(self._separator)
        counts = dict(sizes.value_counts().iter_rows())
        with self._counting:
            self.sizes.update(counts)

    def _rejects(self, chunk: ChunkInput, bad: pl.DataFrame, of_lists: Failures) -> Iterator[Reject]:
        failures = Failures()
        failures.add(bad, self._mapping.plan.checks)
        failures.merge(of_lists)
        for values in bad.select(ROW, *chunk.frame.columns).iter_rows(named=True):
            row = values.pop(ROW)
            code, message = failures.of(row)
            yield Reject(chunk.span.source, chunk.file, row, chunk.line_of(row), "mapping", code, message, values)

    def _too_large(self, chunk: ChunkInput, frame: pl.DataFrame, large: pl.DataFrame) -> Iterator[Reject]:
        found = frame.filter(pl.col(ROW).is_in(large[ROW].to_list())).select(chunk.frame.columns)
        for (row, event), source_row in zip(large.iter_rows(), found.iter_rows(named=True), strict=True):
            size = len(event.encode()) - len(self._separator)
            message = f"the event has {size:,} bytes, and the API takes {self._max_item_bytes:,}"
            yield Reject(
                chunk.span.source, chunk.file, row, chunk.line_of(row), "encode", "too_large", message, source_row
            )

    def _encoded(self, chunk: ChunkInput, events: pl.DataFrame, rejects: tuple[Reject, ...]) -> EncodedRows:
        framed = events[_EVENT].rechunk()
        offsets, body = _text_buffers(framed)
        return EncodedRows(
            span=chunk.span,
            file=chunk.file,
            body=body,
            offsets=offsets,
            rows=_view(events[ROW], "q"),
            digests=_digests(framed.str.head(-len(self._separator)) if self._separator else framed),
            separator_bytes=len(self._separator),
            rejects=rejects,
        )


def _list(frame: pl.DataFrame, item: StructList, failures: Failures) -> pl.Series:
    """The JSON of a list of structs for each row, null where it has no entry. Failed entries go to ``failures``."""
    column = pl.col(item.column)
    if item.when is not None:
        column = pl.when(pl.col(item.when).fill_null(value=False)).then(column)
    rows = frame.select(ROW, column.alias(item.column))
    entries = rows.explode(item.column, empty_as_null=True).drop_nulls(item.column).unnest(item.column)
    entries = item.plan.with_stages(item.plan.with_sql(entries))
    failed = entries.with_columns(any_failed(item.plan.checks).alias(_FAILED)).filter(_FAILED)
    if failed.height:
        failures.add(failed, item.plan.checks)
    values = entries.select(ROW, *(expr.alias(name) for name, expr in item.plan.values))
    texts = values.select(ROW, json_object(values, item.plan.members).alias(_EVENT)).filter(pl.col(_EVENT) != "{}")
    lists = texts.group_by(ROW, maintain_order=True).agg(pl.col(_EVENT).str.join(","))
    joined = frame.select(ROW).join(lists, on=ROW, how="left", maintain_order="left")
    return joined.select(("[" + pl.col(_EVENT) + "]").alias(item.name)).to_series()


def _digests(events: pl.Series) -> tuple[memoryview, memoryview, memoryview, memoryview]:
    """Running totals of the first 128 bits of each event's SHA-256, in four limbs of 32 bits that cannot overflow."""
    hashed = plh.col(_EVENT).chash.sha2_256()
    words = (
        events.to_frame(_EVENT)
        .select(hashed)
        .select(
            pl.col(_EVENT)
            .str.slice(_WORD_HEX_DIGITS * word, _WORD_HEX_DIGITS)
            .str.to_integer(base=16, dtype=pl.UInt64)
            .alias(str(word))
            for word in range(_DIGEST_WORDS)
        )
    )
    limbs = [part for word in words for part in (word // _LIMB, word % _LIMB)]
    first, second, third, fourth = (_view(_running_totals(limb), "Q") for limb in limbs)
    return first, second, third, fourth


def _running_totals(limb: pl.Series) -> pl.Series:
    return pl.concat([pl.Series([0], dtype=pl.UInt64), limb.cum_sum().rename("")])


def _text_buffers(texts: pl.Series) -> tuple[memoryview, memoryview]:
    """Offsets, one more than there are texts, and the bytes of the Arrow array (LargeString) of ``texts``."""
    if texts.is_empty():
        return memoryview(bytes(8)).cast("q"), memoryview(b"")
    arrow = texts.to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, body = (memoryview(buffer or b"") for buffer in arrow.buffers())
    return offsets.cast("q")[arrow.offset : arrow.offset + len(arrow) + 1], body


def _view(series: pl.Series, letter: Literal["q", "Q"]) -> memoryview:
    """The numbers of a column without nulls."""
    if series.is_empty():
        return memoryview(b"").cast(letter)
    arrow = series.rechunk().to_arrow()
    _, numbers = (memoryview(buffer or b"") for buffer in arrow.buffers())
    return numbers.cast(letter)[arrow.offset : arrow.offset + len(arrow)]
