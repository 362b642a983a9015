"""The transport against real servers on loopback that behave in all the ways that servers do."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import struct
import traceback
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import trustme
from secret_watch import SOURCE_KEY as KEY

from importer import connections
from importer.connections import ANSWER_BYTES
from importer.errors import DestinationRefused, UsageInvalid
from importer.profiles import BATCH, SINGLE
from importer.records import Request, Response
from importer.sender import NoAnswer
from importer.settings import Destination, RetryPolicy, Secret
from importer.transport import AiohttpTransport, is_plain_remote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    Behaviour = Callable[["Server", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

KEY_FORMS = (KEY, "f00d-key%2Fwith%2Bodd_chars%26%3D%C3%A9", "f00d-key")
POLICY = RetryPolicy(connect_timeout_seconds=60, request_timeout_seconds=60)
SHORT = RetryPolicy(connect_timeout_seconds=60, request_timeout_seconds=0.3)  # for a server that never answers


class Server:
    """Answers each connection with one behaviour, and remembers what came in."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def request(self, reader: asyncio.StreamReader) -> None:
        """Read one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        length = next((line[16:] for line in head.lower().splitlines() if line.startswith("content-length: ")), "0")
        self.bodies.append(await reader.readexactly(int(length)))


@asynccontextmanager
async def serving(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(behaviour)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            await behaviour(server, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            if "connected" in repr(task.get_coro()):
                task.cancel()
        await asyncio.sleep(0)


def destination(url: str, key: str = KEY, **more: object) -> Destination:
    return Destination(url, "12345", Secret(key), name="test", **more)


async def exchange(
    server: Server, body: bytes = b"{}", *, policy: RetryPolicy = POLICY, scheme: str = "http", **more: object
) -> Response:
    where = destination(f"{scheme}://localhost:{server.port}", **more)
    async with AiohttpTransport(where, BATCH, policy, 2) as transport:
        return await transport.send(Request(body))


def answering(answer: bytes) -> Behaviour:
    async def behave(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.request(reader)
            writer.write(answer)
            await writer.drain()

    return behave


def closing_after(answer: bytes) -> Behaviour:
    async def behave(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(answer)
        await writer.drain()

    return behave


async def reset(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await server.request(reader)
    await reset_at_once(server, reader, writer)


async def reset_at_once(_: Server, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing means RST
    writer.transport.abort()


async def hang(server: Server, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await server.request(reader)
    await asyncio.sleep(3_600)


async def drip(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await server.request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.02)


async def pour(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await server.request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def refuse_early(_: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As servers with a limit do: answer after the head and close, with the body still coming in."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    await writer.drain()
    await reader.read(100_000)


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


# what is sent


async def test_one_request_carries_body_key_and_site() -> None:
    async with serving(answering(OK)) as server:
        response = await exchange(server, b'{"batch":[]}')
    assert (response.status, response.text) == (200, "")
    (head,) = server.heads
    assert head.startswith("POST /events/batch?tc_s=12345&token=f00d-key%2Fwith%2Bodd_chars%26%3D%C3%A9 HTTP/1.1\r\n")
    lines = head.lower().splitlines()
    assert {"content-type: application/json", "content-length: 12", f"host: localhost:{server.port}"} <= set(lines)
    assert any(line.startswith("user-agent: importer/") for line in lines)
    assert not any(line.startswith(("cookie:", "authorization:", "transfer-encoding:")) for line in lines)
    assert server.bodies == [b'{"batch":[]}']


@pytest.mark.parametrize("base", ["", "/", "/cdp", "/cdp/", "/a%20b/c"])
async def test_the_url_may_have_a_base_path(base: str) -> None:
    async with serving(answering(OK)) as server:
        where = destination(f"http://127.0.0.1:{server.port}{base}")
        async with AiohttpTransport(where, SINGLE, POLICY, 1) as transport:
            await transport.send(Request(b"{}"))
    assert server.heads[0].startswith(f"POST {base.rstrip('/')}/events?tc_s=")


async def test_a_body_of_the_largest_size_arrives_as_it_is() -> None:
    body = os.urandom(500_000)
    async with serving(answering(OK)) as server:
        await exchange(server, body)
    assert server.bodies == [body]


async def test_connections_are_kept_and_never_more_than_asked_for() -> None:
    async with serving(answering(OK)) as server:
        where = destination(f"http://127.0.0.1:{server.port}")
        async with AiohttpTransport(where, BATCH, POLICY, 3) as transport:
            await asyncio.gather(*(transport.send(Request(b"{}")) for _ in range(50)))
    assert len(server.bodies) == 50
    assert server.connections <= 3


async def test_the_environment_is_not_asked_for_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving(answering(OK)) as server:
        assert (await exchange(server)).status == 200


async def test_a_proxy_that_was_asked_for_is_used() -> None:
    async with serving(answering(OK)) as proxy:
        where = destination("http://collect.test", proxy=f"http://me:pass@127.0.0.1:{proxy.port}")
        async with AiohttpTransport(where, BATCH, POLICY, 1) as transport:
            assert (await transport.send(Request(b"{}"))).status == 200
    assert proxy.heads[0].startswith("POST http://collect.test/events/batch?")
    assert "Proxy-Authorization: Basic" in proxy.heads[0]


async def test_cookies_are_not_kept() -> None:
    async with serving(answering(OK.replace(b"\r\n\r\n", b"\r\nset-cookie: a=b\r\n\r\n"))) as server:
        where = destination(f"http://localhost:{server.port}")
        async with AiohttpTransport(where, BATCH, POLICY, 1) as transport:
            for _ in range(2):
                await transport.send(Request(b"{}"))
    assert "a=b" not in server.heads[1]


# what comes back


@pytest.mark.parametrize("status", [200, 204, 400, 401, 404, 413, 429, 500, 503, 599])
async def test_every_status_is_an_answer(status: int) -> None:
    answer = f"HTTP/1.1 {status} Words\r\nRetry-After: 7\r\nContent-Type: text/plain\r\ncontent-length: 0\r\n\r\n"
    async with serving(closing_after(answer.encode())) as server:
        response = await exchange(server)
    assert response.status == status
    assert (response.headers["retry-after"], response.headers["content-type"]) == ("7", "text/plain")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    async with serving(answering(OK)) as other:
        location = f"http://localhost:{other.port}/"
        answer = f"HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        async with serving(answering(answer.encode())) as server:
            assert (await exchange(server)).status == status
    assert other.connections == 0


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"content-length: 5\r\n\r\nhello", "hello"),
        (b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello"),
        (b"content-length: 3\r\n\r\n\xff\xfea", "\ufffd\ufffda"),
    ],
)
async def test_the_text_of_an_answer(body: bytes, text: str) -> None:
    async with serving(answering(b"HTTP/1.1 400 Bad\r\n" + body)) as server:
        assert (await exchange(server)).text == text


async def test_of_an_endless_answer_only_the_beginning_is_read() -> None:
    async with serving(pour) as server:
        where = destination(f"http://localhost:{server.port}")
        async with AiohttpTransport(where, BATCH, POLICY, 1) as transport:
            for _ in range(3):
                assert (await transport.send(Request(b"{}"))).text == "x" * ANSWER_BYTES
    assert server.connections == 3


async def test_an_early_refusal_of_a_large_body_is_an_answer() -> None:
    async with serving(refuse_early) as server:
        assert (await exchange(server, b"x" * 500_000)).status == 413


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (reset, "reset"),
        (reset_at_once, "closed|reset"),
        (hang, "within 0.3 s"),
        (drip, "within 0.3 s"),
        (closing_after(b""), "closed before"),
        (closing_after(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"), "cut off"),
        (closing_after(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{"), "cut off"),
        (closing_after(b"HTTP/1.1 200"), "closed before|no HTTP"),
        (closing_after(b"SSH-2.0-OpenSSH_9.6\r\n"), "no HTTP"),
        (closing_after(b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n"), "no HTTP"),
        (closing_after(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n"), "no HTTP"),
        (closing_after(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc"), "cut off"),
    ],
)
async def test_what_is_no_answer_may_have_been_stored_and_shows_no_key(
    behaviour: Behaviour, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(behaviour) as server:
        with pytest.raises(NoAnswer, match=words) as caught:
            await exchange(server, b"x" * 400_000, policy=SHORT if behaviour in {hang, drip} else POLICY)
    assert caught.value.sent
    assert_no_key(caught.value, caplog.text)


async def drip_without_a_length(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await server.request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}")
    await asyncio.sleep(3_600)


async def test_an_answer_whose_end_does_not_come_in_time_is_none() -> None:
    """Its end is that of the connection, which the client itself ends when time is over."""
    async with serving(drip_without_a_length) as server:
        with pytest.raises(NoAnswer, match=r"within 0\.3 s"):
            await exchange(server, policy=SHORT)


async def test_the_time_of_a_request_begins_with_it() -> None:
    """On one connection: that it is older than a request may take hurts none."""

    async def behave(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for seconds in (0.2, 0.2, 0.2, 3_600):
            await server.request(reader)
            await asyncio.sleep(seconds)
            writer.write(OK)

    async with serving(behave) as server:
        where = destination(f"http://127.0.0.1:{server.port}")
        async with AiohttpTransport(where, BATCH, SHORT, 1) as transport:
            for _ in range(3):
                assert (await transport.send(Request(b"{}"))).status == 200
            with pytest.raises(NoAnswer, match=r"within 0\.3 s"):
                await transport.send(Request(b"{}"))
    assert server.connections == 1


# connections


async def two_requests(behaviour: Behaviour, body: bytes = b"{}", pause_seconds: float = 0.05) -> tuple[list[int], int]:
    """The statuses of two requests, one after the other, and how many connections there were."""
    async with serving(behaviour) as server:
        where = destination(f"http://127.0.0.1:{server.port}")
        async with AiohttpTransport(where, BATCH, POLICY, 1) as transport:
            statuses = [(await transport.send(Request(body))).status]
            await asyncio.sleep(pause_seconds)
            statuses.append((await transport.send(Request(body))).status)
    return statuses, server.connections


async def test_a_second_answer_to_one_request_is_not_that_of_the_next() -> None:
    async def behave(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.request(reader)
            writer.write(OK + b"HTTP/1.1 500 Stale\r\ncontent-length: 0\r\n\r\n")

    async def later(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.request(reader)
            writer.write(OK)
            await asyncio.sleep(0.01)
            writer.write(b"HTTP/1.1 500 Stale\r\ncontent-length: 0\r\n\r\n")

    assert await two_requests(behave) == ([200, 200], 2)
    assert await two_requests(later) == ([200, 200], 2)


async def test_each_request_has_its_own_answer() -> None:
    answers = [b"200 OK\r\nx: 1", b"200 OK\r\nx: 2", b"400 Bad\r\nx: 2", b"200 OK\r\nx: 1"]

    async def behave(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, answer in enumerate([*answers, answers[-1]]):
            await server.request(reader)
            writer.write(b"HTTP/1.1 %b\r\ncontent-length: 1\r\n\r\n%d" % (answer, number // 4))

    async with serving(behave) as server:
        where = destination(f"http://127.0.0.1:{server.port}")
        async with AiohttpTransport(where, BATCH, POLICY, 1) as transport:
            found = [await transport.send(Request(b"{}")) for _ in range(5)]
    seen = [(one.status, one.headers["x"], one.text) for one in found]
    assert seen == [(200, "1", "0"), (200, "2", "0"), (400, "2", "0"), (200, "1", "0"), (200, "1", "1")]


async def test_an_answer_amid_the_body_ends_the_connection() -> None:
    """The rest of the body would be the beginning of the next request."""

    async def behave(_: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await asyncio.sleep(0.2)
        while await reader.read(1_000_000):
            pass

    assert await two_requests(behave, b"x" * 20_000_000, 0) == ([200, 200], 2)


async def test_a_connection_that_the_server_has_closed_is_not_used() -> None:
    assert await two_requests(closing_after(OK)) == ([200, 200], 2)
    assert await two_requests(answering(OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))) == ([200, 200], 2)


async def test_a_connection_that_was_idle_for_long_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await two_requests(answering(OK)) == ([200, 200], 1)
    monkeypatch.setattr(connections, "KEEP_ALIVE_SECONDS", 0.01)
    assert await two_requests(answering(OK)) == ([200, 200], 2)


async def test_an_interim_answer_is_not_the_answer() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    assert await two_requests(answering(hints + OK)) == ([200, 200], 1)


def assert_no_key(error: BaseException, log: str) -> None:
    assert error.__context__ is None
    assert error.__cause__ is None
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)) + log
    assert not [form for form in KEY_FORMS if form in shown]


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that is taken, so that nobody else gets it, and on which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


async def test_no_connection_means_that_nothing_was_sent(deaf_port: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    impatient = replace(POLICY, connect_timeout_seconds=5)  # with a resolver that does not answer
    for url, words in (
        (f"http://127.0.0.1:{deaf_port}", "connection refused"),
        ("http://nowhere.invalid", "was not found|within"),
    ):
        async with AiohttpTransport(destination(url), BATCH, impatient, 1) as transport:
            with pytest.raises(NoAnswer, match=words) as caught:
                await transport.send(Request(b"{}"))
        assert not caught.value.sent
        assert_no_key(caught.value, caplog.text)


async def test_an_answer_that_repeats_the_key_is_cleaned_of_it() -> None:
    said = f"no such token {KEY} in /events?token={KEY_FORMS[1]}".encode()
    head = f"HTTP/1.1 400 Bad\r\nLocation: /?token={KEY_FORMS[1]}\r\ncontent-length: {len(said)}\r\n\r\n".encode()
    async with serving(answering(head + said)) as server:
        response = await exchange(server)
    assert response.text == "no such token … in /events?token=…"
    assert response.headers["location"] == "/?token=…"


# TLS


def tls_server(authority: trustme.CA, *names: str, expired: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    end = datetime(2001, 1, 1, tzinfo=UTC) if expired else None
    authority.issue_cert(*names, not_after=end).configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("names", "expired", "trusted", "words"),
    [
        (["localhost"], False, False, "certificate"),
        (["localhost"], True, True, "expired"),
        (["elsewhere.test"], False, True, "mismatch"),
    ],
)
async def test_a_certificate_that_cannot_be_trusted_gets_no_payload(
    names: list[str], words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, expired: bool, trusted: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    more = {"ca_file": tmp_path / "ca.pem"} if trusted else {}
    async with serving(answering(OK), tls_server(authority, *names, expired=expired)) as server:
        with pytest.raises(DestinationRefused, match=words) as caught:
            await exchange(server, scheme="https", **more)
    assert server.heads == []
    assert "localhost" in caught.value.message
    assert "--ca-file" in caught.value.hint
    assert_no_key(caught.value, caplog.text)


async def test_an_authority_of_the_user_is_trusted(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with serving(answering(OK), tls_server(authority, "localhost")) as server:
        assert (await exchange(server, scheme="https", ca_file=tmp_path / "ca.pem")).status == 200


async def test_a_server_without_tls_is_refused() -> None:
    async def speak_plain(_: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with serving(speak_plain) as server:
        with pytest.raises(DestinationRefused, match="wrong version"):
            await exchange(server, scheme="https")


async def test_a_server_that_goes_away_amid_the_handshake_is_tried_again() -> None:
    async def go_away(_: Server, reader: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await reader.read(100)

    async with serving(go_away) as server:
        with pytest.raises(NoAnswer) as caught:
            await exchange(server, scheme="https")
    assert not caught.value.sent


@pytest.mark.parametrize(("status", "kind"), [(407, DestinationRefused), (403, DestinationRefused), (502, NoAnswer)])
async def test_a_proxy_that_does_not_connect(status: int, kind: type[Exception]) -> None:
    async with serving(answering(b"HTTP/1.1 %d No\r\ncontent-length: 0\r\n\r\n" % status)) as proxy:
        where = destination("https://collect.test", proxy=f"http://127.0.0.1:{proxy.port}")
        async with AiohttpTransport(where, BATCH, POLICY, 1) as transport:
            with pytest.raises(kind, match="proxy"):
                await transport.send(Request(b"{}"))
    assert proxy.bodies == [b""]


# what cannot be used


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "collect.test",
            "ftp://collect.test",
            "http://",
            "http://a b",
            "https://x:port",
            "http://x\n",
            "http://[::1",
        ),
        *("https://collect..test", "https://.test", f"https://{'a' * 64}.test"),
    ],
)
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(UsageInvalid, match="--url"):
        AiohttpTransport(destination(url), BATCH, POLICY, 1)
    with pytest.raises(UsageInvalid, match="--proxy"):
        AiohttpTransport(destination("https://collect.test", proxy=url or "x"), BATCH, POLICY, 1)


@pytest.mark.parametrize("url", ["https://u:p@collect.test", "https://collect.test?a=b", "https://collect.test#a"])
def test_a_url_with_more_than_a_base(url: str) -> None:
    with pytest.raises(UsageInvalid, match="must not"):
        AiohttpTransport(destination(url), BATCH, POLICY, 1)


@pytest.mark.parametrize("key", ["secret\n", "sec\rret", "sec ret", "sec\x00ret", "secret\u2028"])
def test_a_key_with_a_line_end_is_named_but_not_shown(key: str) -> None:
    with pytest.raises(UsageInvalid, match="source key") as caught:
        AiohttpTransport(destination("https://collect.test", key), BATCH, POLICY, 1)
    assert "sec" not in str(caught.value)


def test_a_ca_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name, words in (("empty.pem", "PEM"), ("missing.pem", "no such file")):
        with pytest.raises(UsageInvalid, match=words):
            AiohttpTransport(destination("https://collect.test", ca_file=tmp_path / name), BATCH, POLICY, 1)


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://collect.test", False),
        ("http://localhost:80", False),
        ("http://127.0.0.9", False),
        ("http://[::1]:8080", False),
        ("http://collect.test", True),
        ("http://192.168.1.2", True),
    ],
)
def test_a_key_without_encryption_is_noticed(url: str, *, plain: bool) -> None:
    assert is_plain_remote(url) is plain
