import itertools
import json
from array import array

from hypothesis import given
from hypothesis import strategies as st

from importer.batcher import Batcher
from importer.profiles import BATCH
from importer.records import Batch, EncodedRows, Reject, Span

LIMIT = 300
FATES = st.lists(st.sampled_from("erf") | st.integers(1, 120), max_size=60)
"""Of each row: an event (e, or one with so many bytes of filling), rejected or filtered."""


def encoded(fates: list[object], source: int, first_row: int) -> EncodedRows:
    span, body, offsets, rows, rejects = Span(source, first_row, first_row + len(fates)), b"", [0], [], []
    for row, fate in enumerate(fates, first_row):
        if fate == "r":
            rejects.append(Reject(source, "f", row, row, "source", "c", "m"))
        elif fate != "f":
            body += json.dumps([source, row, "x" * (0 if fate == "e" else fate)]).encode() + b","
            offsets.append(len(body))
            rows.append(row)
    totals = memoryview(array("Q", range(len(offsets))))
    offsets, rows = memoryview(array("q", offsets)), memoryview(array("q", rows))
    return EncodedRows(span, "f", memoryview(body), offsets, rows, (totals, totals), 1, tuple(rejects))


def pack(chunks: list[EncodedRows]) -> list[Batch]:
    batcher = Batcher(BATCH, LIMIT)
    return [batch for chunk in chunks for batch in batcher.add(chunk)] + list(batcher.flush())


def events_of(batch: Batch) -> list[tuple[int, int, str]]:
    body = batch.body(BATCH.framing.prefix, BATCH.framing.suffix)
    assert len(body) <= LIMIT
    return json.loads(body)["batch"]


@st.composite
def several_chunks(draw: st.DrawFn) -> list[EncodedRows]:
    chunks, next_row = [], {}
    for source in sorted(draw(st.lists(st.integers(0, 2), max_size=6))):
        fates = draw(FATES)
        first_row = next_row.get(source, 1)
        next_row[source] = first_row + len(fates)
        chunks.append(encoded(fates, source, first_row))
    return chunks


@given(several_chunks())
def test_every_event_once_in_order_and_every_row_in_one_span(chunks: list[EncodedRows]) -> None:
    batches = pack(chunks)
    sent = [(source, row) for batch in batches for source, row, _ in events_of(batch)]
    assert sent == [(chunk.span.source, row) for chunk in chunks for row in chunk.rows]
    covered = [(span.source, row) for batch in batches for span in batch.spans for row in range(span.start, span.stop)]
    assert covered == [(chunk.span.source, row) for chunk in chunks for row in range(chunk.span.start, chunk.span.stop)]
    assert [batch.number for batch in batches] == list(range(len(batches)))


@given(several_chunks())
def test_each_batch_balances_by_itself(chunks: list[EncodedRows]) -> None:
    for batch in pack(chunks):
        rows = {(span.source, row) for span in batch.spans for row in range(span.start, span.stop)}
        own = {(source, row) for source, row, _ in events_of(batch)}
        rejected = {(reject.source, reject.row) for reject in batch.rejects}
        assert own | rejected <= rows
        assert not own & rejected
        assert len(own) + len(rejected) + batch.filtered == len(rows)


@given(several_chunks())
def test_greedy_packing_leaves_no_room_for_the_next_event(chunks: list[EncodedRows]) -> None:
    full = [batch for batch in pack(chunks) if batch.count]
    for batch, following in itertools.pairwise(full):
        size = len(batch.body(BATCH.framing.prefix, BATCH.framing.suffix))
        piece = following.pieces[0]
        assert size + 1 + len(piece.event(piece.start)) > LIMIT


@given(several_chunks())
def test_halves_are_the_whole(chunks: list[EncodedRows]) -> None:
    for batch in pack(chunks):
        first, second = batch.part(0, batch.count // 2), batch.part(batch.count // 2, batch.count)
        assert events_of(first) + events_of(second) == events_of(batch)
        assert abs(first.count - second.count) <= 1
        assert first.digest() + second.digest() == batch.digest()


def test_bodies_are_filled_above_95_percent() -> None:
    chunks = [encoded(["f"] * 99 + [20 + i % 50], 0, 1 + 100 * i) for i in range(3000)]
    batcher = Batcher(BATCH, 20_000)
    sizes = [len(batch.body(b'{"batch":[', b"]}")) for chunk in chunks for batch in batcher.add(chunk)]
    assert len(sizes) > 5
    assert sum(sizes) / len(sizes) > 0.95 * 20_000
