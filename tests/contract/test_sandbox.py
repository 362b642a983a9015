"""The sandbox on a real loopback socket, against the vendor's documented answers and limits, written as literals."""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
import xxhash
from click.testing import CliRunner

from importer.cli.sandbox import sandbox as command
from importer.errors import UsageInvalid
from importer.sandbox.body import Limits
from importer.sandbox.faults import parse_fault
from importer.sandbox.process import SandboxNotStarted, received, spawn
from importer.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

PATIENCE_SECONDS = 60  # nothing is waited for to its end unless something is wrong
ROOT = Path(__file__).parents[2]
HEADERS = {"Content-Type": "application/json"}
QUERY = "?tc_s=1234&token=secret"


def event_of(number: int, note: str = "") -> bytes:
    return f'{{"event_name":"purchase","note":"{note}","context":{{"event_id":"id-{number}"}}}}'.encode()


def batch_of(*events: bytes) -> bytes:
    return b'{"batch":[' + b",".join(events) + b"]}"


def sized_event(size_bytes: int) -> bytes:
    return event_of(1, "x" * (size_bytes - len(event_of(1))))


def digest_of(*events: bytes) -> str:
    return f"{sum(xxhash.xxh3_128_intdigest(event) for event in set(events)) % 2**128:032x}"


def directories(tmp_path: Path) -> list[Path]:
    return list(tmp_path.glob("importer-sandbox-*"))


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """A sandbox with the faults of an indirect parameter, and no real waiting."""
    faults = [parse_fault(text) for text in getattr(request, "param", ())]
    async with await Sandbox.start(faults=faults, sleep=lambda _: asyncio.sleep(0)) as running:
        yield running


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)


async def post(
    session: aiohttp.ClientSession,
    server: Sandbox,
    body: bytes,
    path: str = "/events/batch" + QUERY,
    headers: dict[str, str] = HEADERS,
) -> tuple[int, str, Mapping[str, str]]:
    async with session.post(server.url + path, data=body, headers=headers, allow_redirects=False) as response:
        return response.status, await response.text(), response.headers


async def test_a_batch_is_stored_with_its_exact_bytes(session: aiohttp.ClientSession, server: Sandbox) -> None:
    events = [
        event_of(1),
        b'{ "event_name":"view" , "v":1.50,"context":{"event_id":"\xc3\xa9"}}',
        event_of(3, "x" * 99),
    ]
    body = b' { "batch" : [ ' + b" ,\n".join(events) + b" ] } "
    assert (await post(session, server, body))[:2] == (200, "")
    seen = await server.received()
    assert seen["digest"] == digest_of(*events)
    assert seen["last_events"] == [event.decode() for event in reversed(events)]
    assert seen["events_by_name"] == {"purchase": 2, "view": 1}
    assert (seen["requests"], seen["answers"], seen["events"], seen["unique_ids"]) == (1, {"200": 1}, 3, 3)
    assert (seen["bytes"], seen["largest_body_bytes"]) == (len(body), len(body))
    assert seen["largest_event_bytes"] == len(events[2])
    assert seen["mean_batch_fill"] == round(len(body) / 500_000, 4)
    assert seen["warnings"] == seen["not_stored"] == {}
    assert seen["limits"] == {"max_event_bytes": 32_000, "max_body_bytes": 500_000}


async def test_repeats_and_conflicts_are_told_apart(session: aiohttp.ClientSession, server: Sandbox) -> None:
    await post(session, server, batch_of(event_of(1), event_of(2), event_of(1), event_of(2, "other"), b"{}", b"{}"))
    seen = await server.received()
    assert (seen["events"], seen["unique_ids"], seen["repeats"], seen["without_id"]) == (6, 2, 2, 2)
    assert (seen["distinct"], seen["conflicts"]) == (4, 1)
    assert seen["digest"] == digest_of(event_of(1), event_of(2), event_of(2, "other"), b"{}")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/events", sized_event(32_000), 200),
        ("/events", sized_event(32_001), 400),
        ("/events", b'{"event_name":"purchase"', 400),
        ("/events/batch", batch_of(event_of(0), sized_event(32_000)), 200),
        ("/events/batch", batch_of(event_of(0), sized_event(32_001)), 400),
        ("/events/batch", batch_of(*[sized_event(19_998)] * 25) + b" " * 14, 200),
        ("/events/batch", batch_of(*[sized_event(19_998)] * 25) + b" " * 15, 400),
        ("/events/batch", batch_of(event_of(0)) + b" " * 900_000, 400),
        ("/events", event_of(0) + b" " * 900_000, 400),
        ("/events/batch", b'{"batch":[{"a":NaN}]}', 400),
        ("/events/batch", b"", 400),
        ("/events/batch", b"[]", 200),
        ("/events/batch", b'{"batch":[7]}', 200),
    ],
)
async def test_400_is_for_invalid_json_and_too_large_and_nothing_else(
    session: aiohttp.ClientSession, server: Sandbox, path: str, body: bytes, status: int
) -> None:
    got, text, _ = await post(session, server, body, path + QUERY)
    assert got == status
    seen = await server.received()
    assert seen["answers"] == {str(status): 1}
    assert seen["largest_body_bytes"] == len(body)
    if status == 400:
        assert re.match("invalid JSON|payload too large|event too large", text)
        assert (seen["events"], seen["last_events"], seen["mean_batch_fill"]) == (0, [], None)


def test_the_batch_of_the_limit_has_its_size() -> None:
    assert len(batch_of(*[sized_event(19_998)] * 25) + b" " * 14) == 500_000


async def test_limits_are_parameters(session: aiohttp.ClientSession) -> None:
    async with await Sandbox.start(limits=Limits(32_768, 512_000)) as server:
        assert (await post(session, server, sized_event(32_768), "/events" + QUERY))[0] == 200
        assert (await post(session, server, sized_event(32_769), "/events" + QUERY))[0] == 400


async def test_what_the_vendor_swallows_is_answered_200_and_shown(
    session: aiohttp.ClientSession, server: Sandbox
) -> None:
    assert (await post(session, server, event_of(1), "/events", {"Content-Type": "text/plain"}))[0] == 200
    assert (await post(session, server, b'{"batch":[[],{"a":1}]}'))[0] == 200
    assert (await post(session, server, b'{"events":[]}'))[0] == 200
    seen = await server.received()
    assert seen["warnings"] == {
        "requests without tc_s": 1,
        "requests without token": 1,
        "requests whose Content-Type is not application/json": 1,
    }
    assert seen["not_stored"] == {"the event is not an object": 1, "the body has no list named batch": 1}
    assert (seen["events"], seen["unique_ids"], seen["without_id"]) == (2, 1, 1)


async def test_the_token_is_nowhere_in_what_is_shown(session: aiohttp.ClientSession, server: Sandbox) -> None:
    await post(session, server, event_of(1), "/events" + QUERY)
    assert "secret" not in json.dumps(await server.received())


async def test_compression_is_not_described_and_therefore_invalid(
    session: aiohttp.ClientSession, server: Sandbox
) -> None:
    async with session.post(
        server.url + "/events" + QUERY, data=event_of(1), headers=HEADERS, compress="gzip"
    ) as answer:
        assert answer.status == 400


async def test_received_reset_and_live(session: aiohttp.ClientSession, server: Sandbox) -> None:
    await post(session, server, batch_of(event_of(1), event_of(2)))
    async with session.get(server.url + "/received?live") as answer:
        live = await answer.json()
    assert (live["events"], live["counted_events"], live["unique_ids"]) == (2, 0, 0)
    async with session.get(server.url + "/received") as answer:
        assert answer.content_type == "application/json"
        assert (await answer.json()) == await server.received()
        assert (await answer.json())["counted_events"] == 2
    async with session.delete(server.url + "/received") as answer:
        assert answer.status == 204
    fresh = await server.received()
    assert (fresh["requests"], fresh["events"], fresh["unique_ids"], fresh["digest"]) == (0, 0, 0, "0" * 32)
    await post(session, server, batch_of(event_of(3), event_of(4)))
    await server.received()
    await server.reset()
    await post(session, server, batch_of(event_of(5), event_of(6)))
    assert (await server.received())["digest"] == digest_of(event_of(5), event_of(6))


@pytest.mark.parametrize("server", [["status=503:1x:7", "redirect=302:1x:/there", "html=1x"]], indirect=True)
async def test_faults_with_an_answer_store_nothing(session: aiohttp.ClientSession, server: Sandbox) -> None:
    answers = [await post(session, server, batch_of(event_of(1))) for _ in range(4)]
    assert [status for status, _, _ in answers] == [503, 302, 200, 200]
    assert answers[0][2]["Retry-After"] == "7"
    assert answers[1][2]["Location"] == "/there"
    assert answers[2][2]["Content-Type"].startswith("text/html")
    assert answers[2][1].startswith("<!DOCTYPE html>")
    seen = await server.received()
    assert (seen["events"], seen["requests"]) == (1, 4)
    assert seen["faults"]["fired"] == {"status=503:1x:7": 1, "redirect=302:1x:/there": 1, "html=1x": 1}


@pytest.mark.parametrize(
    ("server", "number", "stored"),
    [
        (["reset=before"], errno.ECONNRESET, 0),
        (["reset=after"], errno.ECONNRESET, 0),
        (["hang=3600"], None, 0),
        (["store-then-drop"], None, 1),
    ],
    indirect=["server"],
)
async def test_faults_that_cut_are_no_answer(
    session: aiohttp.ClientSession, server: Sandbox, number: int | None, stored: int
) -> None:
    with pytest.raises(aiohttp.ClientConnectionError) as raised:
        await post(session, server, batch_of(event_of(1)))
    assert getattr(raised.value, "errno", None) == number
    seen = await server.received()
    assert (seen["answers"], seen["events"]) == ({"none": 1}, stored)
    assert list(seen["faults"]["fired"].values()) == [1]


@pytest.mark.parametrize("server", [["reset=before"]], indirect=True)
async def test_reset_before_does_not_wait_for_the_body(server: Sandbox) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    assert (await server.received())["bytes"] == 0


async def test_latency_waits_and_stores_even_when_the_client_has_left(session: aiohttp.ClientSession) -> None:
    waiting, left, waited = asyncio.Event(), asyncio.Event(), []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        waiting.set()
        await left.wait()

    async with await Sandbox.start(faults=[parse_fault("latency=60:1x")], sleep=sleep) as server:
        impatient = asyncio.create_task(post(session, server, batch_of(event_of(1))))
        await waiting.wait()
        impatient.cancel()
        await until(lambda: all(kept.transport is None for kept in server._runner.server.connections))
        left.set()
        assert (await post(session, server, batch_of(event_of(2))))[0] == 200
        seen = await server.received()
    assert waited == [60]
    assert (seen["events"], seen["answers"]) == (2, {"none": 1, "200": 1})


async def test_a_body_that_never_ends_well_is_not_stored(server: Sandbox) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /events HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n" + event_of(1))
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await until(lambda: server._received.answers)
    seen = await server.received()
    assert (seen["answers"], seen["events"]) == ({"none": 1}, 0)


async def test_faults_change_while_it_runs(session: aiohttp.ClientSession, server: Sandbox) -> None:
    async def put(body: str | bytes) -> tuple[int, str]:
        async with session.put(server.url + "/faults", data=body) as answer:
            return answer.status, await answer.text()

    assert await put('["status=503"]') == (200, '["status=503"]')
    assert (await post(session, server, event_of(1), "/events" + QUERY))[0] == 503
    assert await put("[]") == (200, "[]")
    assert (await post(session, server, event_of(1), "/events" + QUERY))[0] == 200
    for wrong in ('["latncy=1"]', '{"a":1}', "[1]", "[", b"\xff"):
        status, text = await put(wrong)
        assert status == 400
        assert text
    assert "Did you mean latency?" in (await put('["latncy=1"]'))[1]
    assert (await server.received())["faults"] == {"active": [], "fired": {"status=503": 1}}


@pytest.mark.parametrize("server", [["status=503:0.3", "store-then-drop=0.1", "latency=0.01:0.5"]], indirect=True)
async def test_a_concurrent_load_with_faults_is_counted_exactly(
    session: aiohttp.ClientSession, server: Sandbox
) -> None:
    """Sixteen senders try each batch until it is answered 200: at least once, and the sandbox knows how often."""
    batches = [[event_of(100 * batch + number, "é" * (number % 7)) for number in range(100)] for batch in range(60)]
    waiting, tries, stored_twice = iter(batches), [], []

    async def sender() -> None:
        for events in waiting:
            status = 0
            while status != 200:
                tries.append(events)
                try:
                    status, _, _ = await post(session, server, batch_of(*events))
                except aiohttp.ClientError:
                    stored_twice.append(events)

    await asyncio.gather(*(sender() for _ in range(16)))
    seen = await server.received()
    assert seen["requests"] == sum(seen["answers"].values()) == len(tries)
    assert seen["unique_ids"] == seen["distinct"] == 6_000
    assert seen["events"] == 6_000 + 100 * len(stored_twice)
    assert seen["repeats"] == 100 * len(stored_twice) > 0
    assert seen["answers"] == {"200": 60, "none": len(stored_twice), "503": len(tries) - 60 - len(stored_twice)}
    assert seen["digest"] == digest_of(*(event for events in batches for event in events))
    assert set(seen["faults"]["fired"]) == set(seen["faults"]["active"])


async def test_counting_does_not_stop_the_receiving(session: aiohttp.ClientSession, server: Sandbox) -> None:
    await asyncio.gather(
        *(post(session, server, batch_of(*(event_of(50 * n + i) for i in range(50)))) for n in range(20)),
        *(server.received() for _ in range(20)),
        server.reset(),
    )
    await server.reset()
    await post(session, server, batch_of(event_of(1)))
    assert (await server.received())["unique_ids"] == 1


async def test_a_full_disk_is_a_500_that_stores_nothing(session: aiohttp.ClientSession, server: Sandbox) -> None:
    server._store._buffer_bytes = 1
    await post(session, server, batch_of(event_of(1)))
    gone = server._directory.rename(server._directory.with_name(server._directory.name + "-gone"))
    status, text, _ = await post(session, server, batch_of(event_of(2)))
    assert status == 500
    assert "cannot write to" in text
    async with session.get(server.url + "/received") as answer:
        assert answer.status == 500
    gone.rename(server._directory)
    assert (await post(session, server, batch_of(event_of(2))))[0] == 200
    seen = await server.received()
    assert (seen["events"], seen["unique_ids"]) == (2, 2)


async def test_the_temporary_directory_goes_with_the_server(
    session: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with await Sandbox.start() as server:
        await post(session, server, batch_of(event_of(1)))
        await server.received()
        assert len(directories(tmp_path)) == 1
        with pytest.raises(OSError, match="address already in use"):
            await Sandbox.start(port=int(server.url.rsplit(":", 1)[1]))
    assert directories(tmp_path) == []


async def test_a_hang_does_not_hold_the_end(session: aiohttp.ClientSession) -> None:
    server = await Sandbox.start(faults=[parse_fault("hang=3600")])
    hanging = asyncio.create_task(post(session, server, batch_of(event_of(1))))
    await until(lambda: server._board.fired)
    await asyncio.wait_for(server.close(), PATIENCE_SECONDS)
    with pytest.raises(aiohttp.ClientError):
        await hanging


async def test_the_page_lets_no_event_become_html(session: aiohttp.ClientSession, server: Sandbox) -> None:
    """The page is static; what arrived enters it as text only, and its policy runs no other script than its own."""
    attack = '<script>alert(1)</script><img src=x onerror=alert(2)>"'
    body = json.dumps({"event_name": attack, "context": {"event_id": attack}}).encode()
    async with session.get(server.url + "/") as answer:
        before, policy = await answer.text(), answer.headers["Content-Security-Policy"]
        assert answer.content_type == "text/html"
    await post(session, server, body, "/events" + QUERY)
    async with session.get(server.url + "/") as answer:
        assert await answer.text() == before
    async with session.get(server.url + "/received") as answer:
        assert attack in (await answer.json())["events_by_name"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    (script,) = re.findall(r"<script>(.*?)</script>", before, re.DOTALL)
    assert "textContent" in script
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function\(|javascript:", script)
    assert "default-src 'none'" in policy
    assert f"'{sha256_of(script)}'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]
    assert not re.search(r"(src|href)=.?(https?:|//)", before)


def sha256_of(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def end_of(process: subprocess.Popen[str]) -> int:
    """Wait for a process that is to end by itself."""
    try:
        return process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()


def is_listening(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    with closing(socket.socket()) as probe:
        return probe.connect_ex((host, int(port))) == 0


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def send(url: str, body: bytes) -> None:
    request = urllib.request.Request(f"{url}/events/batch{QUERY}", body, HEADERS)  # noqa: S310 - loopback
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        assert answer.status == 200


def test_spawn_runs_and_ends_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importer.sandbox.process.END_SECONDS", PATIENCE_SECONDS)  # it is to end by itself
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with spawn(["--max-event-bytes", "500", "--fault", "latency=0"]) as url:
        send(url, batch_of(event_of(1), event_of(2)))
        seen = received(url)
        assert (seen["events"], seen["digest"]) == (2, digest_of(event_of(1), event_of(2)))
        assert seen["limits"]["max_event_bytes"] == 500
        assert seen["faults"] == {"active": ["latency=0"], "fired": {"latency=0": 1}}
        assert len(directories(tmp_path)) == 1
    assert not is_listening(url)
    assert directories(tmp_path) == []


def test_spawn_ends_the_process_when_its_block_fails() -> None:
    with pytest.raises(ZeroDivisionError), spawn() as url:
        raise ZeroDivisionError
    assert not is_listening(url)


def test_spawn_says_when_there_is_nothing_to_talk_to(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SandboxNotStarted, match="ended with code 2"), spawn(["--fault", "latncy=1"]):
        pass
    assert "Did you mean latency?" in capfd.readouterr().err


def test_a_parent_that_is_killed_leaves_no_orphan_and_no_files(tmp_path: Path) -> None:
    code = "import time; from importer.sandbox.process import spawn\n"
    code += "with spawn() as url: print(url, flush=True); time.sleep(60)"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    with parent:
        url = parent.stdout.readline().strip()
        assert is_listening(url)
        assert len(directories(tmp_path)) == 1
        parent.kill()
    wait_until(lambda: not is_listening(url) and not directories(tmp_path))


@pytest.mark.parametrize("how", ["SIGTERM", "stdin"])
def test_the_child_ignores_sigint_and_ends_cleanly(tmp_path: Path, how: str) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    child = subprocess.Popen(
        [sys.executable, "-m", "importer.sandbox"],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with child:
        url = child.stdout.readline().strip()
        child.send_signal(signal.SIGINT)
        send(url, batch_of(event_of(1)))
        assert received(url)["events"] == 1
        if how == "stdin":
            child.stdin.close()
        else:
            child.terminate()
        assert end_of(child) == 0
    assert directories(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_command_with_0(tmp_path: Path, number: int) -> None:
    command_line = [sys.executable, "-m", "importer", "sandbox", "--port", "0"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command_line, cwd=ROOT, env=environment, **pipes) as process:
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())[0]
        assert f"--url {url}" in process.stderr.readline()
        send(url, batch_of(event_of(1)))
        process.send_signal(number)
        assert end_of(process) == 0
        assert "Traceback" not in process.stderr.read()
        assert process.stdout.read() == ""
    assert directories(tmp_path) == []


def test_a_port_in_use_says_what_to_do() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        error = CliRunner().invoke(command, ["--port", str(port)]).exception
    assert isinstance(error, UsageInvalid)
    assert error.exit_code == 2
    assert error.message == f"Port {port} of 127.0.0.1 is already in use."
    assert "--port" in error.hint


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "203.0.113.1"], "Cannot listen on 203.0.113.1, port 8765: "),
        (["--fault", "latncy=1"], "Did you mean latency?"),
    ],
)
def test_what_cannot_be_served_is_a_usage_error(arguments: list[str], said: str) -> None:
    error = CliRunner().invoke(command, arguments).exception
    assert isinstance(error, UsageInvalid)
    assert said in str(error)


def test_help_names_every_fault_and_imports_no_aiohttp() -> None:
    code = "import sys; from importer.cli.sandbox import sandbox\n"
    code += "sandbox(['--help'], standalone_mode=False); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    text, modules = said.rsplit("\n", 2)[:2]
    for name in ("status", "redirect", "html", "reset", "hang", "latency", "store-then-drop"):
        assert f"  {name}=" in text
    assert not {"aiohttp", "polars", "importer.sandbox"} & set(modules.split())


def test_the_sandbox_imports_nothing_else_of_the_importer() -> None:
    code = "import sys, importer.sandbox.__main__, importer.sandbox.process; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    ours = {name for name in modules.split() if name.startswith("importer.")}
    assert ours
    assert all(name.startswith("importer.sandbox") for name in ours)
