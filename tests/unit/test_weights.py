"""Events of several source rows: how records, batcher, ack and report count both."""

from __future__ import annotations

from array import array
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from fakes import digest_of, make_chunk

from importer.ack import AckWriter, tallies
from importer.batcher import Batcher
from importer.checkpoint import Candidate, Changes, Checkpoint, ImportKey, StoredIdentity, Tally
from importer.errors import Imbalance
from importer.profiles import BATCH
from importer.records import Ack, Batch, Piece, Place, Refusal, Reject, Span, rejects_within
from importer.rejects import RejectsFile, read_rejects
from importer.report import Report

if TYPE_CHECKING:
    from pathlib import Path

    from importer.records import EncodedRows


def reject(number: int, stage: str = "mapping") -> Reject:
    """Of the staged row ``number``, which stands elsewhere in its file."""
    return Reject(0, "lines.csv", 1_000 - number, 0, stage, "bad", "no", staged_row=number)


def grouped(rows: list[tuple[int, int]], stop: int, rejects: tuple[Reject, ...] = ()) -> EncodedRows:
    """Events 1, 2, 3 ... of these staged rows, in a chunk that ends before row ``stop``."""
    chunk = make_chunk([b'{"id":%d}' % number for number in range(1, len(rows) + 1)])
    starts, stops = (array("q", numbers) for numbers in zip(*rows, strict=True))
    return replace(
        chunk, span=Span(0, 1, stop), rows=memoryview(starts), stops=memoryview(stops), rejects=rejects,
        place_of=lambda row: Place("lines.csv", 1_000 - row, 0),
    )  # fmt: skip


def four() -> EncodedRows:
    """Events of 3, 1, 4 and 2 rows; rows 5 and 6 are rejected, rows 13 to 15 filtered."""
    return grouped([(1, 4), (4, 5), (7, 11), (11, 13)], 16, (reject(5), reject(6)))


def packed(encoded: EncodedRows, max_items: int) -> list[Batch]:
    batcher = Batcher(replace(BATCH, max_items=max_items))
    return [*batcher.add(encoded), *batcher.flush()]


def refusal(piece: Piece) -> Refusal:
    rows = [row for index in range(piece.start, piece.stop) for row in piece.encoded.rows_of(index)]
    return Refusal(piece, tuple(reject(row, "destination") for row in rows))


def test_an_event_knows_its_rows_and_where_they_stand() -> None:
    encoded = four()
    assert [list(encoded.rows_of(index)) for index in range(4)] == [[1, 2, 3], [4], [7, 8, 9, 10], [11, 12]]
    assert encoded.place(7) == Place("lines.csv", 993, 0)
    assert [Piece(encoded, start, stop).source_rows for start, stop in ((0, 4), (0, 1), (1, 3), (2, 2))] == [
        10,
        3,
        5,
        0,
    ]
    alone = make_chunk([b"{}"] * 3)
    assert (Piece(alone, 1, 3).source_rows, alone.place(2)) == (2, Place("orders.csv", 2, 0))


def test_a_batch_counts_rows_and_events_apart() -> None:
    encoded = four()
    batch = Batch(0, (Piece(encoded, 0, 2), Piece(encoded, 3, 4)), ())
    assert (batch.count, batch.source_rows) == (3, 6)


def test_rejects_are_found_by_their_numbers_in_the_stage() -> None:
    assert [one.row for one in rejects_within((reject(5), reject(6)), 6, 9)] == [994]


@pytest.mark.parametrize("max_items", [1, 2, 3, 4])
def test_wherever_a_batch_ends_it_settles_whole_groups_and_all_rows_between(max_items: int) -> None:
    batches = packed(four(), max_items)
    covered = [row for batch in batches for span in batch.spans for row in range(span.start, span.stop)]
    assert covered == list(range(1, 16))
    assert {span.start for batch in batches for span in batch.spans} <= {1, 4, 5, 11, 13}
    for batch in batches:
        rows = sum(span.rows for span in batch.spans)
        assert batch.source_rows + len(batch.rejects) + batch.filtered == rows
    assert (sum(batch.filtered for batch in batches), sum(len(batch.rejects) for batch in batches)) == (3, 2)


@pytest.mark.parametrize("max_items", [1, 2, 3, 4])
def test_rows_add_up_and_events_are_counted_once(max_items: int) -> None:
    whole, report = Tally(), Report()
    for batch in packed(four(), max_items):
        ack = Ack(batch, batch.digest())
        report.settle(ack)
        whole += tallies(ack, 0)[0]
    expected = Tally(sent=10, filtered=3, rejected={"mapping": 2}, accepted=4, digest=digest_of([1, 2, 3, 4]))
    assert whole == expected
    assert (report.rows.sent, report.rows.filtered, report.rows.rejected) == (10, 3, 2)
    assert (report.events.accepted, report.events.rejected) == (4, 0)


def refused(batch: Batch, encoded: EncodedRows, index: int) -> Ack:
    one = refusal(Piece(encoded, index, index + 1))
    return Ack(batch, (batch.digest() - one.piece.digest()) % (1 << 128), (one,))


def test_a_refused_event_is_one_event_and_all_of_its_rows() -> None:
    encoded = four()
    (batch,) = packed(encoded, 4)
    ack = refused(batch, encoded, 2)
    assert tallies(ack, 0) == {
        0: Tally(
            sent=6, filtered=3, rejected={"mapping": 2, "destination": 4}, accepted=3, refused=1,
            digest=digest_of([1, 2, 4]),
        )
    }  # fmt: skip
    report = Report()
    report.settle(ack)
    assert (report.rows.sent, report.rows.filtered, report.rows.rejected) == (6, 3, 6)
    assert (report.events.accepted, report.events.rejected) == (3, 1)
    assert report.reject_codes["bad"].count == 6


@pytest.mark.parametrize("left", [1, 3])
def test_a_refusal_that_forgets_a_row_is_not_counted(left: int) -> None:
    encoded = four()
    (batch,) = packed(encoded, 4)
    ack = refused(batch, encoded, 2)
    one = replace(ack.refused[0], rejects=ack.refused[0].rejects[:left])
    with pytest.raises(Imbalance):
        tallies(replace(ack, refused=(one,)), 0)


async def test_ambiguous_and_resent_count_events_and_acknowledged_rows_count_rows(tmp_path: Path) -> None:
    encoded = four()
    (batch,) = packed(encoded, 4)
    key = ImportKey(tmp_path / "m.yaml", "sandbox", "1")
    stage = Candidate(str(tmp_path / "stage"), "lines.csv, grouped", StoredIdentity(1, 0, "h"))

    def opened() -> Checkpoint:
        found = Checkpoint(tmp_path / "state", key, lambda: datetime(2026, 3, 1, tzinfo=UTC))
        found.begin([stage], {}, {})
        return found

    with opened() as checkpoint:  # a run that is killed: it announced the last two events, and saw no answer
        checkpoint.commit(Changes(announced=[Span(0, 7, 16)]))
    with opened() as checkpoint:
        assert checkpoint.ambiguous() == [Span(0, 7, 16)]
        rejects, report = RejectsFile(tmp_path / "rejects", None), Report()
        with AckWriter(checkpoint, rejects, report) as writer:
            await writer.acknowledge(refused(batch, encoded, 0))
        rejects.close()
        assert report.events.resent == 2
        assert checkpoint.ambiguous() == []
        assert checkpoint.total().rows == 15
        assert checkpoint.total().resent == 2
    lines = [(body["row"], body["stage"]) for body in read_rejects(tmp_path / "rejects")]
    assert lines == [
        (995, "mapping"),
        (994, "mapping"),
        (999, "destination"),
        (998, "destination"),
        (997, "destination"),
    ]
