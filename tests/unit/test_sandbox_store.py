"""The store counts exactly, from records on disk, in little memory."""

from __future__ import annotations

import random
import tracemalloc
from typing import TYPE_CHECKING

import pytest
import xxhash

from importer.sandbox.body import Event
from importer.sandbox.store import EventStore, Tally

if TYPE_CHECKING:
    from pathlib import Path


def event(number: int, text: str = "", *, named: bool = True) -> Event:
    return Event(f'{{"n":{number},"t":"{text}"}}'.encode(), str(number) if named else None, "purchase")


def counted(store: EventStore) -> Tally:
    store.flush()
    return store.count(store.sizes())


def test_the_tally_agrees_with_sets_in_memory(tmp_path: Path) -> None:
    chance = random.Random(4)  # noqa: S311 - a seed, so that a failure can be repeated
    events = [event(chance.randrange(600), chance.choice("aab"), named=chance.random() < 0.8) for _ in range(3_000)]
    store = EventStore(tmp_path, buffer_bytes=1_000)
    for start in range(0, len(events), 7):
        store.add(events[start : start + 7])

    named = [event for event in events if event.id]
    bodies = {event.body for event in events if event.id is None}
    contents = {(event.id, event.body) for event in named}
    everything = [*(body for _, body in contents), *bodies]
    ids = {event.id for event in named}
    total = counted(store)
    assert total.events == store.events == 3_000
    assert total.unique_ids == len(ids)
    assert total.repeats == len(named) - len(ids) > 0
    assert total.without_id == 3_000 - len(named) > 0
    assert total.conflicts == len(contents) - len(ids) > 0
    assert total.distinct == len(everything)
    assert total.digest == sum(map(xxhash.xxh3_128_intdigest, everything)) % 2**128


def test_the_digest_is_that_of_the_definition(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    store.add([event(2), event(3), event(2)])
    # printf '{"n":2,"t":""}' | xxhsum -H2, and the same of n = 3
    first, second = 0x6ABC80EE3DC65F9403352DD6A2177E9E, 0xC419C0BDEF6DAA283A36CEF13768E1BE
    assert counted(store).digest == (first + second) % 2**128 == first + second - 2**128


def test_no_order_changes_the_digest(tmp_path: Path) -> None:
    digests = set()
    for order in ([1, 2, 3], [3, 3, 2, 1], [2, 1, 1, 1, 3]):
        store = EventStore(tmp_path)
        store.add(map(event, order))
        digests.add(counted(store).digest)
        store.clear()
    assert len(digests) == 1


def test_later_events_join_the_count(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    store.add([event(1)])
    assert counted(store).unique_ids == 1
    before = store.sizes()
    store.add([event(1), event(2)])
    assert counted(store)[:3] == (3, 2, 1)
    assert store.count(before).events == 1


def test_nothing_is_left_after_clear(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    store.add([event(1)])
    store.flush()
    store.add([event(2)])
    store.clear()
    assert counted(store) == Tally()
    assert list(tmp_path.iterdir()) == []


def test_an_id_of_a_lone_surrogate_is_an_id(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    store.add([Event(b'{"a":1}', "\ud800", ""), Event(b'{"a":2}', "\ud801", "")])
    assert counted(store).unique_ids == 2


def test_a_write_that_fails_loses_nothing_and_stores_nothing_new(tmp_path: Path) -> None:
    directory = tmp_path / "gone"
    store = EventStore(directory, buffer_bytes=1)
    store.add([event(1)])
    with pytest.raises(FileNotFoundError):
        store.add([event(2)])
    directory.mkdir()
    store.add([event(3)])
    assert counted(store)[:2] == (2, 2)


def test_the_torn_end_of_a_failed_write_is_overwritten(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    store.add([event(1)])
    store.flush()
    (part,) = tmp_path.iterdir()
    part.write_bytes(part.read_bytes() + b"torn")
    store.add([event(1)])
    assert counted(store)[:3] == (2, 1, 1)


def test_records_lie_on_disk_and_not_in_memory(tmp_path: Path) -> None:
    """50,000 events: 1.6 MB on disk, 32 bytes each, while memory holds the buffer and one part of 256."""
    store = EventStore(tmp_path, buffer_bytes=50_000)
    tracemalloc.start()
    for start in range(0, 50_000, 500):
        store.add(map(event, range(start, start + 500)))
    total = counted(store)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total.unique_ids == total.distinct == 50_000
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 1_600_000
    assert peak_bytes < 800_000


def test_a_closed_store_ends_its_count_early(tmp_path: Path) -> None:
    store = EventStore(tmp_path)
    store.add([event(1)])
    store.flush()
    store.closed = True
    assert store.count(store.sizes()) == Tally()
