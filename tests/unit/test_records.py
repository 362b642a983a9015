import pytest
from fakes import make_chunk

from importer.records import DIGEST_MODULUS, Batch, EncodedRows, Piece, Reject, Span, rejects_within


@pytest.fixture
def chunk() -> EncodedRows:
    return make_chunk([b'{"a":1}', b'{"b":22}', b"{}"])


def test_a_span_is_half_open() -> None:
    assert Span(0, 1, 4).rows == 3


def test_a_piece_is_a_slice_and_its_events_are_bare(chunk: EncodedRows) -> None:
    piece = Piece(chunk, 1, 3)
    assert piece.count == 2
    assert bytes(piece.body()) == b'{"b":22},{},'
    assert [piece.event(i) for i in (1, 2)] == [b'{"b":22}', b"{}"]


def test_a_body_has_separators_between_events_only(chunk: EncodedRows) -> None:
    batch = Batch(0, (Piece(chunk, 0, 1), Piece(chunk, 2, 3)), ())
    assert batch.body(b"[", b"]") == b'[{"a":1},{}]'
    assert Batch(0, (), ()).body(b"[", b"]") == b"[]"


def test_digests_add_up(chunk: EncodedRows) -> None:
    parts = [Piece(chunk, i, i + 1).digest() for i in range(3)]
    batch = Batch(0, (Piece(chunk, 0, 2), Piece(chunk, 2, 3)), ())
    assert batch.digest() == sum(parts) % DIGEST_MODULUS


@pytest.mark.parametrize(
    ("start", "stop", "rows"), [(0, 9, [2, 5, 7]), (2, 5, [2]), (5, 8, [5, 7]), (3, 5, []), (8, 9, [])]
)
def test_rejects_within_a_range_of_rows(start: int, stop: int, rows: list[int]) -> None:
    rejects = tuple(Reject(0, "f", row, row, "source", "c", "m") for row in (2, 5, 7))
    assert [reject.row for reject in rejects_within(rejects, start, stop)] == rows


def test_halves_share_the_events_in_order(chunk: EncodedRows) -> None:
    batch = Batch(7, (Piece(chunk, 0, 2), Piece(chunk, 2, 3)), (Span(0, 1, 4),))
    first, second = batch.part(0, 1), batch.part(1, 3)
    assert (first.body(b"", b""), second.body(b"", b"")) == (b'{"a":1}', b'{"b":22},{}')
    assert (first.spans, second.spans, first.number) == ((), (), 7)
