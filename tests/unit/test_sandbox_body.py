"""Bodies become events with their exact bytes, or a 400. The vendor's numbers stand here as literals."""

from __future__ import annotations

import json

import pytest

from importer.sandbox.body import Event, Limits, Refused, check_size, parse_batch, parse_single


def event_of(size_bytes: int) -> bytes:
    empty = b'{"event_name":"purchase","note":""}'
    return empty[:-2] + b"x" * (size_bytes - len(empty)) + empty[-2:]


@pytest.mark.parametrize(
    "body",
    [
        b'{"batch":[EVENT]}',
        b'{"batch":[EVENT,EVENT]}',
        b' \r\n{ "batch"\t: [ EVENT , EVENT\n] }\n',
        b'{"first":[1,{"batch":[0]}],"batch":[EVENT],"last":null}',
        b'{"batch":[{"event_name":"an earlier list"}],"batch":[EVENT]}',
        b'{"batch":"no list","batch":[EVENT]}',
        b'{"\\u0062atch":[EVENT]}',
    ],
)
@pytest.mark.parametrize(
    "event",
    [
        b'{"event_name":"purchase","context":{"event_id":"a"}}',
        b'{ "event_name" : "purchase",\n"v":1.50, "n": -0, "big": 12345678901234567890.1, "context":{"event_id":"a"}}',
        '{"event_name":"purchase","é":"日本 😀 \u2028","context":{"event_id":"a"}}'.encode(),
        b'{"event_name":"purchase","x":"\\u00e9\\/ ],[ }{ \\"","context":{"event_id":"a"}}',
        b'{"event_name":"refund","event_name":"purchase","context":{"event_id":"a"}}',
        pytest.param(b'{"event_name":"purchase","context":{"event_id":"a"},"n":' + b"9" * 5_000 + b"}", id="digits"),
    ],
)
def test_the_bytes_of_an_event_are_those_of_the_body(body: bytes, event: bytes) -> None:
    parsed = parse_batch(body.replace(b"EVENT", event), Limits())
    assert parsed.events == [Event(event, "a", "purchase")] * body.count(b"EVENT")
    assert not parsed.not_stored
    assert parse_single(b" \n" + event + b"\r\n ", Limits()).events == [Event(event, "a", "purchase")]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b"NaN",
        b"-Infinity",
        b'{"a":Infinity}',
        b"{'a':1}",
        b'{"a":1,}',
        b"{a:1}",
        b'{"a":01}',
        b'{"a":"\x00"}',
        b'{"a":"\n"}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":1}{"a":1}',
        b'{"a":1}]',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="deep"),
        b'{"a" 1}',
        b'{"a":}',
        b"{1:2}",
        b'{"a":1 "b":2}',
        b'{"a":"\\x"}',
    ],
)
def test_invalid_json_is_refused_as_a_whole(value: bytes) -> None:
    roomy = Limits(1_000_000, 1_000_000)
    with pytest.raises(Refused, match="invalid JSON"):
        parse_single(value, roomy)
    for body in (value, b'{"batch":[{"a":1},' + value + b"]}", b'{"batch":[{"a":1}],"more":' + value + b"}"):
        with pytest.raises(Refused, match="invalid JSON"):
            parse_batch(body, roomy)


@pytest.mark.parametrize(
    "body",
    [
        b'{"batch":[{"a":1} {"a":1}]}',
        b'{"batch":[{"a":1}}',
        b'{"batch":[,]}',
        b'{"batch":[{"a":1},]}',
        b'{"batch":[]',
        b'{"batch":[]}x',
        b'{"batch":[],}',
        b'{"batch"}',
        b'{"batch":}',
        b"{7:[]}",
        b'{"batch":[1',
    ],
)
def test_a_broken_envelope_is_invalid_json(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json.loads(body)
    with pytest.raises(Refused, match="invalid JSON"):
        parse_batch(body, Limits())


def test_a_request_of_exactly_its_limit_is_fine() -> None:
    check_size(500_000, 500_000)
    with pytest.raises(Refused, match="payload too large: 500001 bytes, the limit is 500000"):
        check_size(500_001, 500_000)


def test_the_limits_are_the_smaller_reading_of_the_vendors_kilobytes() -> None:
    assert Limits() == Limits(max_event_bytes=32_000, max_body_bytes=500_000)


def test_one_event_over_32000_bytes_refuses_its_whole_batch() -> None:
    assert len(parse_batch(b'{"batch":[{},' + event_of(32_000) + b"]}", Limits()).events) == 2
    with pytest.raises(Refused, match="event too large: 32001 bytes"):
        parse_batch(b'{"batch":[{},' + event_of(32_001) + b"]}", Limits())


def test_an_event_is_measured_in_bytes_not_in_characters() -> None:
    event = '{"a":"' + "é" * 16_000 + '"}'
    with pytest.raises(Refused, match="event too large: 32008 bytes"):
        parse_batch(f'{{"batch":[{event}]}}'.encode(), Limits())


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"7", b'"batch"', b'{"batch":{}}', b'{"batch":null}', b'{"batch":[{}],"batch":0}']
)
def test_a_body_without_a_batch_is_valid_and_holds_nothing(body: bytes) -> None:
    parsed = parse_batch(body, Limits())
    assert parsed.events == []
    assert parsed.not_stored == {"the body has no list named batch": 1}


def test_an_empty_batch_is_said() -> None:
    assert parse_batch(b'{"batch":[ ]}', Limits()).not_stored == {"the batch is empty": 1}


def test_what_is_no_object_is_no_event() -> None:
    parsed = parse_batch(b'{"batch":[1,null,[{}],"{}",{"event_name":"purchase"}]}', Limits())
    assert [event.body for event in parsed.events] == [b'{"event_name":"purchase"}']
    assert parsed.not_stored == {"the event is not an object": 4}
    assert parse_single(b"[{}]", Limits()).not_stored == {"the event is not an object": 1}


@pytest.mark.parametrize(
    "event",
    [
        "{}",
        '{"context":null}',
        '{"context":{"event_id":""}}',
        '{"context":{"event_id":7}}',
        '{"event_id":"a"}',
        '{"context":{"event_id":null},"event_name":3}',
    ],
)
def test_an_id_is_text_in_context(event: str) -> None:
    assert parse_single(event.encode(), Limits()).events == [Event(event.encode(), None, "")]
