"""A chunk of columns becomes JSON bytes. No Python object is made for a row that is sent.

Polars encodes. Neighbouring members that have no null in this chunk are encoded as one struct; the others are encoded
alone and joined between them, so that a null leaves nothing behind. The order is that of the mapping either way, and a
value is always written by the same function, so a chunk's nulls never change a byte:
``encode(a + b) == encode(a) + encode(b)`` at every cut.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl
import polars_hash as plh

from importer.mapping.compile import FILE, ROW, Branch, CompiledMapping, Constant, FailedCheck, Leaf, Member, RowPlan
from importer.mapping.compile import StructList
from importer.records import EncodedRows, Reject, Span

_DIGEST_LIMBS = 4
_LIMB_HEX_DIGITS = 8
_EVENT = "\x01event"


@dataclass(frozen=True, slots=True)
class ChunkInput:
    """What the encoder needs of a chunk: good rows and their numbers, earlier rejects, and how to find a line."""

    span: Span
    file: str
    path: str
    frame: pl.DataFrame
    rows: pl.Series
    rejects: tuple[Reject, ...]
    line_of: Callable[[int], int]


class Encoder:
    """Encodes chunks for one endpoint. ``separator`` goes behind each event; ``warnings`` counts what was noticed."""

    def __init__(self, mapping: CompiledMapping, separator: bytes, max_item_bytes: int) -> None:
        self._mapping = mapping
        self._separator = separator.decode()
        self._max_item_bytes = max_item_bytes
        self.warnings: Counter[str] = Counter()
        self.sizes: Counter[int] = Counter()

    def encode(self, chunk: ChunkInput) -> EncodedRows:
        """The events of ``chunk``, and a reject for every row that is neither sent nor filtered."""
        plan = self._mapping.plan
        frame = chunk.frame.with_columns(chunk.rows.alias(ROW), pl.lit(chunk.path).alias(FILE))
        frame = self._filter(plan.prepare(frame), plan)
        failures = _Failures()
        frame = frame.hstack([self._list(frame, item, failures) for item in self._mapping.lists])
        failed = _failed(frame, plan.checks) | frame[ROW].is_in(failures.rows())
        bad, good = (frame.filter(failed), frame.filter(~failed)) if failed.any() else (frame.clear(), frame)
        rejects = [*chunk.rejects, *self._rejects(chunk, bad, failures)]
        for name, expr in plan.counts:
            self.warnings[name] += int(good.select(expr.sum()).item() or 0)
        events = self._events(good)
        events, large = self._split_large(events)
        self.sizes.update(dict(events[_EVENT].str.len_bytes().value_counts().iter_rows()))
        rejects += self._too_large(chunk, good, large)
        rejects.sort(key=lambda reject: reject.row)
        return self._encoded(chunk, events, tuple(rejects))

    def _filter(self, frame: pl.DataFrame, plan: RowPlan) -> pl.DataFrame:
        """Drop what ``where`` does not pass, but keep rows whose condition could not be computed: they are rejects."""
        if self._mapping.where is None:
            return frame
        unknown = [item.check.failed for item in plan.checks if item.target.startswith(("source.columns.", "where"))]
        return frame.filter(pl.any_horizontal(pl.col(self._mapping.where).fill_null(value=False), *unknown))

    def _events(self, frame: pl.DataFrame) -> pl.DataFrame:
        plan = self._mapping.plan
        values = frame.select(
            ROW, *(expr.alias(name) for name, expr in plan.values), *(item.name for item in self._mapping.lists)
        )
        return values.select(ROW, _object(values, plan.members).alias(_EVENT))

    def _split_large(self, events: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        large = events[_EVENT].str.len_bytes() > self._max_item_bytes
        return (events.filter(~large), events.filter(large)) if large.any() else (events, events.clear())

    def _encoded(self, chunk: ChunkInput, events: pl.DataFrame, rejects: tuple[Reject, ...]) -> EncodedRows:
        text = events[_EVENT].rechunk()
        framed = events.select(pl.concat_str(_EVENT, pl.lit(self._separator))).to_series() if self._separator else text
        arrow = framed.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
        _, offsets, body = arrow.buffers()
        if arrow.offset or len(text) == 0:
            offsets = memoryview(bytes(8)).cast("q")
            body_view = memoryview(b"")
        else:
            offsets = memoryview(offsets).cast("q")[: len(text) + 1]
            body_view = memoryview(body) if body is not None else memoryview(b"")
        return EncodedRows(
            span=chunk.span,
            file=chunk.file,
            body=body_view,
            offsets=offsets,
            rows=_view(events[ROW], "q"),
            digests=_digests(text),
            separator_bytes=len(self._separator),
            rejects=rejects,
        )

    def _list(self, frame: pl.DataFrame, item: StructList, failures: _Failures) -> pl.Series:
        """The JSON of a list of structs for each row, null where it has no entry."""
        column = pl.col(item.column)
        if item.when is not None:
            column = pl.when(pl.col(item.when).fill_null(value=False)).then(column)
        entries = frame.select(ROW, column.alias(item.column)).explode(item.column, empty_as_null=True).drop_nulls(item.column)
        entries = item.plan.prepare(entries.unnest(item.column))
        failed = _failed(entries, item.plan.checks)
        if failed.any():
            failures.add(entries.filter(failed), item.plan.checks)
        values = entries.select(ROW, *(expr.alias(name) for name, expr in item.plan.values))
        texts = values.select(ROW, entry=_object(values, item.plan.members)).filter(pl.col("entry") != "{}")
        lists = texts.group_by(ROW, maintain_order=True).agg(pl.col("entry").str.join(","))
        joined = frame.select(ROW).join(lists, on=ROW, how="left", maintain_order="left")
        return joined.select(("[" + pl.col("entry") + "]").alias(item.name)).to_series()

    def _rejects(self, chunk: ChunkInput, bad: pl.DataFrame, failures: _Failures) -> Iterable[Reject]:
        if bad.is_empty():
            return
        own = _Failures()
        own.add(bad, self._mapping.plan.checks)
        own.merge(failures)
        for values in bad.select(ROW, *chunk.frame.columns).iter_rows(named=True):
            row = values.pop(ROW)
            code, message = own.of(row)
            yield Reject(chunk.span.source, chunk.file, row, chunk.line_of(row), "mapping", code, message, values)

    def _too_large(self, chunk: ChunkInput, frame: pl.DataFrame, large: pl.DataFrame) -> Iterable[Reject]:
        for row, event in large.iter_rows():
            source_row = frame.filter(pl.col(ROW) == row).select(chunk.frame.columns).row(0, named=True)
            size = len(event.encode())
            message = f"the event has {size:,} bytes, and the API takes {self._max_item_bytes:,}"
            yield Reject(
                chunk.span.source, chunk.file, row, chunk.line_of(row), "encode", "too_large", message, source_row
            )


class _Failures:
    """Why rows are rejected: a code and a sentence for each, all that is wrong with a row in one sentence."""

    def __init__(self) -> None:
        self._by_row: dict[int, tuple[str, dict[str, str]]] = {}

    def rows(self) -> list[int]:
        return list(self._by_row)

    def of(self, row: int) -> tuple[str, str]:
        code, messages = self._by_row[row]
        return code, "; ".join(f"{target}: {message}" for target, message in messages.items())

    def add(self, bad: pl.DataFrame, checks: tuple[FailedCheck, ...]) -> None:
        flags = bad.select(ROW, *(item.check.failed.alias(str(i)) for i, item in enumerate(checks)))
        shown = bad.select(item.check.shown.cast(pl.String).alias(str(i)) for i, item in enumerate(checks))
        for (row, *failed), texts in zip(flags.iter_rows(), shown.iter_rows(), strict=True):
            for item, is_failed, text in zip(checks, failed, texts, strict=True):
                if is_failed:
                    self._note(row, item, text)

    def _note(self, row: int, item: FailedCheck, text: str | None) -> None:
        quoted = json.dumps(text, ensure_ascii=False) if text is not None else "empty"
        # the first check of a target says why; that it is missing afterwards is no news
        _, messages = self._by_row.setdefault(row, (item.check.code, {}))
        messages.setdefault(item.target, item.check.message.replace("{}", quoted))

    def merge(self, other: _Failures) -> None:
        for row, (code, messages) in other._by_row.items():
            self._by_row.setdefault(row, (code, {}))[1].update(messages)


def _failed(frame: pl.DataFrame, checks: tuple[FailedCheck, ...]) -> pl.Series:
    if not checks:
        return pl.repeat(value=False, n=frame.height, dtype=pl.Boolean, eager=True)
    # with_columns, because an expression of constants alone would give one row
    any_failed = pl.any_horizontal(item.check.failed.fill_null(value=False) for item in checks)
    return frame.with_columns(any_failed.alias("\x01failed"))["\x01failed"]


def _object(values: pl.DataFrame, members: tuple[Member, ...]) -> pl.Expr:
    """The JSON object of ``members`` for each row of ``values``; ``{}`` where all of them are null."""
    nullable = {name for name in values.columns if values[name].null_count()}
    parts, is_sure = _parts(members, nullable)
    if is_sure:
        return pl.concat_str([pl.lit("{"), *parts, pl.lit("}")])
    return pl.concat_str([pl.lit("{"), pl.concat_str(parts).str.slice(1), pl.lit("}")])


def _parts(members: tuple[Member, ...], nullable: set[str]) -> tuple[list[pl.Expr], bool]:
    """Texts that concatenate to the members of an object, none of them null.

    Where the first member is there in every row (the second result) the commas are in their places; otherwise every
    member that is there brings a comma before it, and the caller cuts the first one off.
    """
    is_sure = bool(members) and _is_solid(members[0], nullable)
    parts: list[pl.Expr] = []
    run: list[Leaf | Branch] = []
    for member in members:
        if not isinstance(member, Constant) and _is_native(member, nullable):
            run.append(member)
            continue
        parts += _run(run, is_first=is_sure and not parts)
        run = []
        comma = "" if is_sure and not parts else ","
        parts += _single(member, nullable, comma)
    parts += _run(run, is_first=is_sure and not parts)
    return parts, is_sure


def _is_native(member: Member, nullable: set[str]) -> bool:
    """Whether Polars can encode the member inside a struct: no null in this chunk, no token, no constant."""
    if isinstance(member, Leaf):
        return not member.raw and member.column not in nullable
    return isinstance(member, Branch) and all(_is_native(child, nullable) for child in member.children)


def _is_solid(member: Member, nullable: set[str]) -> bool:
    """Whether the member is there in every row of this chunk."""
    if isinstance(member, Branch):
        return any(_is_solid(child, nullable) for child in member.children)
    return isinstance(member, Constant) or member.column not in nullable


def _native(member: Leaf | Branch) -> pl.Expr:
    if isinstance(member, Leaf):
        return pl.col(member.column).alias(member.name)
    struct = pl.struct(_native(child) for child in member.children if not isinstance(child, Constant))
    return (pl.concat_list(struct) if member.is_list else struct).alias(member.name)


def _run(run: list[Leaf | Branch], *, is_first: bool) -> list[pl.Expr]:
    if not run:
        return []
    text = pl.struct(_native(member) for member in run).struct.json_encode()
    inner = text.str.slice(1).str.head(-1)
    return [inner] if is_first else [pl.lit(","), inner]


def _single(member: Member, nullable: set[str], comma: str) -> list[pl.Expr]:
    key = f"{comma}{json.dumps(member.name, ensure_ascii=False)}:"
    if isinstance(member, Constant):
        return [pl.lit(key + member.token)]
    if isinstance(member, Branch):
        return _branch(member, nullable, key)
    if member.raw:
        present = [pl.lit(key), pl.col(member.column)]
    else:
        encoded = pl.struct(pl.col(member.column).alias(member.name)).struct.json_encode()
        present = [*([pl.lit(comma)] if comma else []), encoded.str.slice(1).str.head(-1)]
    if member.column not in nullable:
        return present
    return [pl.when(pl.col(member.column).is_not_null()).then(pl.concat_str(present)).otherwise(pl.lit(""))]


def _branch(member: Branch, nullable: set[str], key: str) -> list[pl.Expr]:
    before, after = (f"{key}[{{", "}]") if member.is_list else (f"{key}{{", "}")
    parts, is_sure = _parts(member.children, nullable)
    if is_sure:
        return [pl.lit(before), *parts, pl.lit(after)]
    inner = pl.concat_str(parts)
    text = pl.concat_str([pl.lit(before), inner.str.slice(1), pl.lit(after)])
    if _is_solid(member, nullable):
        return [text]
    return [pl.when(inner != "").then(text).otherwise(pl.lit(""))]


def _digests(text: pl.Series) -> tuple[memoryview, memoryview, memoryview, memoryview]:
    hashed = text.to_frame(_EVENT).select(plh.col(_EVENT).chash.sha2_256()).to_series()
    first, second, third, fourth = (
        _view(
            pl.concat(
                [
                    pl.Series([0], dtype=pl.UInt64),
                    hashed.str.slice(limb * _LIMB_HEX_DIGITS, _LIMB_HEX_DIGITS)
                    .str.to_integer(base=16, dtype=pl.UInt32)
                    .cast(pl.UInt64)
                    .cum_sum(),
                ]
            ),
            "Q",
        )
        for limb in range(_DIGEST_LIMBS)
    )
    return first, second, third, fourth


def _view(series: pl.Series, letter: str) -> memoryview:
    if len(series) == 0:
        return memoryview(b"").cast(letter)  # type: ignore[call-overload,no-any-return]
    buffer = series.rechunk().to_arrow().buffers()[1]
    return memoryview(buffer).cast(letter)[: len(series)]  # type: ignore[call-overload,no-any-return]
