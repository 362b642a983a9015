"""Exports to be imported many times: planned and encoded once, because Polars takes longer than all the rest."""

from __future__ import annotations

import csv
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import xxhash
from fakes import dice

from importer.belt import Belt
from importer.outstanding import Work
from importer.pipeline import plan
from importer.records import DIGEST_MODULUS, EncodedRows, Span, rejects_within
from importer.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from random import Random

    from importer.plan import Plan

FIRST_ORDER = datetime(2025, 6, 1, tzinfo=UTC)
PRESENT_MS = 1_772_366_400_000  # in March 2026: no order is of the future
MAPPING = """
version: 1
event: purchase
key: order_id
where: state <> 'draft'
fields:
  id: order_id
  value: {column: total, type: number}
  user.id: customer
  context.event_timestamp: ordered_at
"""


@dataclass
class Export:
    """Files with good, filtered and rejected rows; the last file, with one row, is for afterwards.

    Rows are pairs of the number of a file and of the row in it. ``orders`` are the good ones, each with its order id,
    and ``expected`` is what must arrive for that id, but for the id of the event.
    """

    plan: Plan
    fresh: Plan
    total_rows: int = 0
    filtered_rows: int = 0
    rejected: set[tuple[int, int]] = field(default_factory=set)
    orders: dict[tuple[int, int], str] = field(default_factory=dict)
    expected: dict[str, dict[str, Any]] = field(default_factory=dict)
    encoded: dict[Path, EncodedRows] = field(default_factory=dict)
    digests: dict[str, int] = field(default_factory=dict)

    @property
    def fresh_order(self) -> str:
        """The one of the last file."""
        return next(reversed(self.expected))

    def digest(self, orders: Iterable[str]) -> int:
        """The digest of these orders, computed from the bytes of each."""
        return sum(self.digests[order] for order in orders) % DIGEST_MODULUS


def make_export(folder: Path, seed: int) -> Export:
    """Some hundred rows in one to three files."""
    chance = dice(seed)
    folder.mkdir()
    (folder / "orders.yaml").write_text(MAPPING)
    sizes = [chance.randint(20, 120) for _ in range(chance.randint(1, 3))]
    files = [folder / f"orders-{number}.csv" for number in range(len(sizes))]
    rows = [[_row(chance, f"{number}-{row}") for row in range(1, size + 1)] for number, size in enumerate(sizes)]
    rows.append([["fresh", "paid", "1.5", "c1", FIRST_ORDER.isoformat()]])
    for file, content in zip([*files, folder / "fresh.csv"], rows, strict=True):
        _write(file, content)
    settings = RunSettings()
    names = [[str(file) for file in files], [str(folder / "fresh.csv")]]
    export = Export(*(plan(folder / "orders.yaml", some, settings) for some in names))
    _expect(export, rows)
    _encode(export)
    return export


def _row(chance: Random, order: str) -> list[str]:
    state = "draft" if chance.random() < 0.1 else "paid"
    total = "a lot" if chance.random() < 0.05 else f"{chance.randint(1, 10_000) / 100:g}"
    at = FIRST_ORDER + timedelta(seconds=chance.randint(0, 10**6))
    return [order, state, total, f"c{chance.randint(1, 99)}", at.isoformat()]


def _write(file: Path, rows: list[list[str]]) -> None:
    with file.open("w", newline="") as lines:
        csv.writer(lines).writerows([["order_id", "state", "total", "customer", "ordered_at"], *rows])


def _expect(export: Export, files: list[list[list[str]]]) -> None:
    """Note what has to become of each row, on a path that shares nothing with the importer's."""
    for number, rows in enumerate(files):
        for row, (order, state, total, customer, at) in enumerate(rows, 1):
            if state == "draft":
                export.filtered_rows += 1
            elif total == "a lot":
                export.rejected.add((number, row))
            else:
                milliseconds = round(datetime.fromisoformat(at).timestamp() * 1000)
                export.orders[number, row] = order
                export.expected[order] = {
                    "event_name": "purchase",
                    "id": order,
                    "value": float(total),
                    "user": {"id": customer},
                    "context": {"event_timestamp": milliseconds},
                }
        export.total_rows += len(rows)


def _encode(export: Export) -> None:
    """Let the real belt read and encode every file."""
    sources = [(export.plan, source) for source in export.plan.sources] + [(export.fresh, export.fresh.sources[0])]
    for number, (planned, source) in enumerate(sources):
        work = Work(source, number, [Span(number, 1, 10**9)])
        (encoded,) = Belt(planned, [work], PRESENT_MS)._encoded(work)
        export.encoded[source.path] = encoded
        for index, row in enumerate(encoded.rows):
            start, stop = encoded.offsets[index], encoded.offsets[index + 1] - encoded.separator_bytes
            export.digests[export.orders[number, row]] = xxhash.xxh3_128_intdigest(encoded.body[start:stop])


class RememberedBelt(Belt):
    """The belt with chunks that were encoded before, cut into new ones of at most ``chunk_rows``."""

    def __init__(
        self, encoded: dict[Path, EncodedRows], chunk_rows: int, *arguments: object, **options: object
    ) -> None:
        super().__init__(*arguments, **options)
        self._remembered = encoded
        self._chunk_rows = chunk_rows

    def _encoded(self, work: Work) -> Iterator[EncodedRows]:
        whole = self._remembered[work.source.path]
        for missing in work.missing:
            stop = min(missing.stop, whole.span.stop)
            for start in range(missing.start, stop, self._chunk_rows):
                chunk = _cut(whole, Span(work.number, start, min(start + self._chunk_rows, stop)))
                self._count(chunk.span)
                yield chunk
        self.ended[work.number] = whole.span.rows


def _cut(whole: EncodedRows, span: Span) -> EncodedRows:
    """The rows of ``span`` alone. Digests are running totals, so that a part of them is as good."""
    low, high = bisect_left(whole.rows, span.start), bisect_left(whole.rows, span.stop)
    return replace(
        whole,
        span=span,
        offsets=whole.offsets[low : high + 1],
        rows=whole.rows[low:high],
        digests=tuple(totals[low : high + 1] for totals in whole.digests),
        rejects=rejects_within(whole.rejects, span.start, span.stop),
    )
