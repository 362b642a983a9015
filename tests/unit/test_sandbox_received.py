"""The counters, without a server."""

from __future__ import annotations

from collections import Counter

from importer.sandbox.body import Event, Parsed
from importer.sandbox.received import Received
from importer.sandbox.store import Tally


def stored(received: Received, *names: str) -> None:
    received.stored(Parsed([Event(f'{{"é":"{name}"}}'.encode(), None, name) for name in names], Counter()))


def test_a_window_of_one_second_is_open_at_its_end() -> None:
    received = Received()
    for now in (10.0, 10.5, 10.999, 11.0, 20.0):
        received.arrived(now)
    assert received.requests == 5
    assert received.most_requests_in_one_second == 3


def test_names_are_bounded() -> None:
    received = Received()
    stored(received, *(f"name {number}" for number in range(500)), "", "name 3")
    names = received.to_json(Tally())["events_by_name"]
    assert len(names) <= 101
    assert sum(names.values()) == 502
    assert names["name 3"] == 2
    assert names["(other names)"] == 401


def test_the_last_twenty_events_newest_first_as_they_came() -> None:
    received = Received()
    for number in range(30):
        stored(received, str(number))
    last = received.to_json(Tally())["last_events"]
    assert len(last) == 20
    assert last[0] == '{"é":"29"}'
    assert last[-1] == '{"é":"10"}'


def test_the_mean_fill_is_that_of_batches() -> None:
    received = Received()
    assert received.to_json(Tally())["mean_batch_fill"] is None
    received.filled(1.0)
    received.filled(0.5)
    assert received.to_json(Tally())["mean_batch_fill"] == 0.75


def test_a_digest_has_32_digits() -> None:
    assert Received().to_json(Tally(digest=10))["digest"] == "0" * 31 + "a"
