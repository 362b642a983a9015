from array import array
from collections.abc import Sequence
from dataclasses import replace

import pytest

from importer.batcher import Batcher
from importer.profiles import BATCH, SINGLE, EndpointProfile
from importer.records import Batch, EncodedRows, Reject, Span

NO_DIGESTS = memoryview(array("Q"))


def chunk(
    span: Span,
    rows: Sequence[int],
    event: bytes = b'{"a":1}',
    separator: bytes = b",",
    rejects: tuple[Reject, ...] = (),
) -> EncodedRows:
    offsets = array("q", [i * len(event + separator) for i in range(len(rows) + 1)])
    return EncodedRows(
        span, "f", memoryview((event + separator) * len(rows)), memoryview(offsets), memoryview(array("q", rows)),
        (NO_DIGESTS, NO_DIGESTS), len(separator), rejects,
    )  # fmt: skip


def reject(row: int) -> Reject:
    return Reject(0, "f", row, row, "source", "c", "m")


def body(batch: Batch, profile: EndpointProfile = BATCH) -> bytes:
    return batch.body(profile.framing.prefix, profile.framing.suffix)


def test_a_body_is_filled_to_the_last_byte() -> None:
    limit = len(b'{"batch":[') + 3 * 7 + 2 + len(b"]}")
    for room, count in ((limit, 3), (limit - 1, 2)):
        first = next(Batcher(BATCH, room).add(chunk(Span(0, 1, 9), range(1, 9))))
        assert first.count == count
        assert len(body(first)) <= room


def test_at_most_so_many_events() -> None:
    batches = list(Batcher(replace(BATCH, max_items=3)).add(chunk(Span(0, 1, 9), range(1, 9))))
    assert [batch.count for batch in batches] == [3, 3]


def test_what_does_not_fill_a_body_is_carried_over_chunks_and_files() -> None:
    batcher = Batcher(BATCH)
    assert not list(batcher.add(chunk(Span(0, 1, 3), [1, 2])))
    assert not list(batcher.add(chunk(Span(0, 3, 4), [3])))
    assert not list(batcher.add(chunk(Span(1, 1, 2), [1])))
    (batch,) = batcher.flush()
    assert batch.spans == (Span(0, 1, 4), Span(1, 1, 2))
    assert body(batch) == b'{"batch":[' + b",".join([b'{"a":1}'] * 4) + b"]}"
    assert not list(batcher.flush())


def test_filtered_and_rejected_rows_belong_to_the_batch_around_them() -> None:
    batcher = Batcher(replace(BATCH, max_items=2))
    (first,) = batcher.add(chunk(Span(0, 1, 10), [2, 4, 7], rejects=(reject(3), reject(9))))
    (second,) = batcher.flush()
    assert (first.spans, first.filtered, [r.row for r in first.rejects]) == ((Span(0, 1, 5),), 1, [3])
    assert (second.spans, second.filtered, [r.row for r in second.rejects]) == ((Span(0, 5, 10),), 3, [9])


def test_rows_without_events_are_acknowledged_at_once() -> None:
    batcher = Batcher(BATCH)
    (batch,) = batcher.add(chunk(Span(0, 1, 10), [], rejects=(reject(3),)))
    assert (batch.pieces, batch.spans, batch.filtered, len(batch.rejects)) == ((), (Span(0, 1, 10),), 8, 1)


def test_an_open_body_does_not_gather_rejects_without_bound() -> None:
    batcher = Batcher(BATCH)
    rejects = tuple(reject(row) for row in range(2, 5_003))
    (batch,) = batcher.add(chunk(Span(0, 1, 5_003), [1], rejects=rejects))
    assert (batch.count, len(batch.rejects)) == (1, 5_001)


def test_single_events() -> None:
    batches = list(Batcher(SINGLE).add(chunk(Span(0, 1, 4), [1, 2, 3], separator=b"")))
    assert [body(batch, SINGLE) for batch in batches] == [b'{"a":1}'] * 2  # the third waits for what may follow
    assert [batch.number for batch in batches] == [0, 1]


def test_an_event_larger_than_a_request_is_a_bug_and_said() -> None:
    with pytest.raises(ValueError, match="row 1"):
        list(Batcher(BATCH, 15).add(chunk(Span(0, 1, 2), [1])))
