"""`importer run` as a process of its own behind a real proxy, and before a server whose authority nobody knows."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import ssl
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
import trustme
from proxy import Proxy, TlsFront, listening
from secret_watch import SOURCE_KEY as KEY

from importer import pipeline
from importer.checkpoint import list_imports
from importer.cli import main
from importer.errors import DestinationRefused, DestinationUnavailable, ExitCode
from importer.profiles import BATCH
from importer.report import Report
from importer.sandbox.process import received, spawn
from importer.sandbox.server import Sandbox
from importer.settings import Destination, RetryPolicy, RunSettings, Secret
from importer.transport import AiohttpTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ROOT = Path(__file__).parents[2]
MAPPING = """\
version: 1
event: purchase
key: order_id
fields:
  id: order_id
  value: total
  user.id: customer
  context.event_timestamp: at
"""
ROWS = 40
PATIENCE_SECONDS = 60  # of the tests: nothing waits so long unless it is broken
PASSWORD = "p@ss:w/örd-9f"  # noqa: S105 -- made up, as the next
ENCODED_PASSWORD = "p%40ss%3Aw%2F%C3%B6rd-9f"  # noqa: S105
CREDENTIALS = f"me:{PASSWORD}"
USER = f"me:{ENCODED_PASSWORD}@"
SECRETS = (KEY, PASSWORD, ENCODED_PASSWORD, base64.b64encode(CREDENTIALS.encode()).decode())
# --concurrency 1: what happens to one request does not depend on which one of many was first
RUN = ("run", "mapping.yaml", "orders.csv", "--site", "7", "--json", "--concurrency", "1")


@dataclass(frozen=True)
class Ended:
    """How a run ended, and all that it wrote."""

    code: int
    report: dict[str, Any]
    words: str


class Bench:
    """A folder with a mapping and an export, and real servers around the importer."""

    def __init__(self, folder: Path, authority: trustme.CA, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.authority = authority
        self._stack = stack

    async def sandbox(self) -> tuple[Sandbox, int]:
        """A destination, and its port."""
        sandbox = await self._stack.enter_async_context(await Sandbox.start())
        return sandbox, urlsplit(sandbox.url).port or 0

    async def front(self, port: int, name: str = "collect.test") -> TlsFront:
        """TLS with a certificate of the private authority before ``port``."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name).configure_cert(context)
        front = TlsFront(port)
        await self._stack.enter_async_context(listening(front, context))
        return front

    async def proxy(self, proxy: Proxy, *, tls: bool = False) -> Proxy:
        """Let ``proxy`` listen."""
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.authority.issue_cert("localhost").configure_cert(context)
        await self._stack.enter_async_context(listening(proxy, context))
        return proxy

    async def run(self, *options: str, **variables: str) -> Ended:
        """``importer run`` as a process; the same options resume what an earlier one left."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("IMPORTER_")}
        environment |= {"IMPORTER_SOURCE_KEY": KEY, "PYTHONPATH": str(ROOT), **variables}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "importer", *RUN, *options),
            cwd=self.folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, words = (part.decode() for part in await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert not [secret for secret in SECRETS if secret in out + words]
        assert "Traceback" not in words
        return Ended(process.returncode or 0, json.loads(out), words)

    async def run_here(
        self, url: str, proxy: str | None = None, ca_file: str | None = "ca.pem", **policy: float
    ) -> Report:
        """The same import within this process: quicker, and with another patience than the command line has."""
        retry = RetryPolicy(**{"patience_seconds": PATIENCE_SECONDS, **policy})
        settings = RunSettings(retry=retry, concurrency=1)
        planned = pipeline.plan(Path("mapping.yaml"), ["orders.csv"], settings)
        destination = Destination(url, "7", Secret(KEY), url, proxy, self.folder / ca_file if ca_file else None)
        report = Report()
        await asyncio.to_thread(
            pipeline.run, planned, destination, Path(".importer"), report, Silent(), pipeline.Stop()
        )
        return report

    def assert_no_secret_on_disk(self) -> None:
        written = [path for path in self.folder.rglob("*") if path.is_file()]
        assert written
        assert not [path for path in written for secret in SECRETS if secret.encode() in path.read_bytes()]


class Silent:
    def update(self, snapshot: object) -> None:
        """Show nothing."""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a mapping, an export, and files that hold a certificate or do not."""
    monkeypatch.chdir(tmp_path)
    rows = (f"{number:04},{number}.50,c{number},2024-01-02T03:04:05Z\n" for number in range(ROWS))
    certificate = authority.cert_pem.bytes()
    contents = {
        "mapping.yaml": MAPPING.encode(),
        "orders.csv": ("order_id,total,customer,at\n" + "".join(rows)).encode(),
        "ca.pem": certificate,
        "half.pem": certificate[: len(certificate) // 2],
        "empty.pem": b"",
        "key.pem": authority.private_key_pem.bytes(),
        "ca.der": ssl.PEM_cert_to_DER_cert(certificate.decode()),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture
async def bench(folder: Path, authority: trustme.CA) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        bench = Bench(folder, authority, stack)
        yield bench
        bench.assert_no_secret_on_disk()


@pytest.fixture(scope="module")
def stern_destination() -> Iterator[str]:
    """A destination that refuses whatever reaches it."""
    with spawn(["--fault", "status=401"]) as url:
        yield url


async def all_arrived(sandbox: Sandbox, report: dict[str, Any]) -> bool:
    seen = await sandbox.received()
    assert (report["rows"]["sent"], report["digest"]) == (ROWS, seen["digest"])
    return bool(seen["unique_ids"] == seen["events"] == ROWS)


def at(proxy: Proxy, user: str = "") -> str:
    return f"http://{user}127.0.0.1:{proxy.port}"


# through a proxy


async def test_https_goes_through_a_tunnel_to_a_server_of_a_private_authority(bench: Bench) -> None:
    sandbox, port = await bench.sandbox()
    front = await bench.front(port)
    proxy = await bench.proxy(Proxy({"collect.test:443": front.port}, credentials=CREDENTIALS))
    options = ("--url", "https://collect.test", "--ca-file", "ca.pem")

    ended = await bench.run(*options, IMPORTER_PROXY=at(proxy, USER))  # not an argument: ps would show it

    assert ended.code == 0, ended.words
    assert await all_arrived(sandbox, ended.report)
    assert proxy.tunnels == ["collect.test:443"]  # one connection, kept
    assert proxy.bytes_passed > ended.report["bytes_sent"] > 0
    assert not [head for head in proxy.heads if KEY in head]
    assert front.beginnings[0].startswith(b"POST /events/batch?tc_s=7&token=")
    assert b"proxy-authorization" not in front.beginnings[0].lower()


async def test_http_is_passed_on_by_the_proxy(bench: Bench) -> None:
    sandbox, port = await bench.sandbox()
    proxy = await bench.proxy(Proxy({"collect.test": port}, credentials=CREDENTIALS))

    ended = await bench.run("--url", "http://collect.test", "--proxy", at(proxy, USER), "--endpoint", "single")

    assert ended.code == 0, ended.words
    assert await all_arrived(sandbox, ended.report)
    assert "--url is plain http" in ended.words
    assert len(proxy.requests) == ended.report["requests"] == ROWS
    assert set(proxy.requests) == {f"POST http://collect.test/events?tc_s=7&token={quote(KEY, safe='')}"}
    assert not proxy.tunnels


async def test_a_proxy_may_speak_tls_itself(bench: Bench) -> None:
    sandbox, port = await bench.sandbox()
    front = await bench.front(port)
    proxy = await bench.proxy(Proxy({"collect.test:443": front.port}, credentials=CREDENTIALS), tls=True)
    address = f"https://{USER}localhost:{proxy.port}"

    with pytest.raises(DestinationRefused, match="No trusted connection to the proxy localhost: ") as caught:
        await bench.run_here("https://collect.test", address, ca_file=None)
    assert "--ca-file" in caught.value.hint
    assert not proxy.heads

    ended = await bench.run("--url", "https://collect.test", "--proxy", address, "--ca-file", "ca.pem")
    assert (ended.code, proxy.tunnels) == (0, ["collect.test:443"])
    assert await all_arrived(sandbox, ended.report)


async def test_proxies_of_the_environment_are_not_used(bench: Bench) -> None:
    sandbox, _ = await bench.sandbox()
    proxy = await bench.proxy(Proxy({urlsplit(sandbox.url).netloc: urlsplit(sandbox.url).port or 0}))
    names = ("http_proxy", "https_proxy", "all_proxy")
    variables = {name: at(proxy) for name in (*names, *map(str.upper, names))}

    ended = await bench.run("--url", sandbox.url, **variables)

    assert (ended.code, proxy.connections) == (0, 0)
    assert await all_arrived(sandbox, ended.report)


async def test_a_proxy_that_does_not_know_the_user_stops_the_run(bench: Bench) -> None:
    proxy = await bench.proxy(Proxy({}, credentials="somebody:else"))

    ended = await bench.run("--url", "https://collect.test", "--proxy", at(proxy, USER))

    assert (ended.code, ended.report["status"], ended.report["rows"]["sent"]) == (6, "refused", 0)
    assert ended.report["rows"]["pending"] == ROWS
    for words in ("(407)", "wants credentials", "--proxy", "IMPORTER_PROXY", "Nothing was sent"):
        assert words in ended.words
    assert proxy.connections == 1


@pytest.mark.parametrize(
    ("url", "status", "says"),
    [
        ("https://collect.test", 403, "forbids a connection to collect.test"),
        ("https://collect.test", 418, "does not connect to collect.test"),
        ("http://collect.test", 403, "403 Forbidden"),
        ("http://collect.test", 407, "wants credentials"),
    ],
)
async def test_a_proxy_that_refuses_stops_the_run(bench: Bench, url: str, status: int, says: str) -> None:
    proxy = await bench.proxy(Proxy({}, refusals=(status,) * 9))

    with pytest.raises(DestinationRefused, match=says) as caught:
        await bench.run_here(url, at(proxy, USER))

    assert str(status) in caught.value.message
    assert proxy.connections == 1
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


@pytest.mark.parametrize(
    ("url", "status"), [("https://collect.test", 502), ("https://collect.test", 429), ("http://collect.test", 502)]
)
async def test_a_proxy_without_a_connection_is_tried_again(bench: Bench, url: str, status: int) -> None:
    sandbox, port = await bench.sandbox()
    front = await bench.front(port)
    proxy = await bench.proxy(Proxy({"collect.test:443": front.port, "collect.test": port}, refusals=(status, status)))

    report = await bench.run_here(url, at(proxy), base_backoff_seconds=0)

    assert (report.rows.sent, report.retries) == (ROWS, 2)
    assert (await sandbox.received())["unique_ids"] == ROWS


async def test_a_proxy_that_is_down_ends_the_patience_and_the_same_command_resumes(bench: Bench) -> None:
    with socket.socket() as held:  # nobody else can listen there, and this one does not
        held.bind(("127.0.0.1", 0))
        address = f"http://{USER}127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(DestinationUnavailable, match=r"no connection to the proxy 127\.0\.0\.1: ") as caught:
            await bench.run_here("https://collect.test", address, patience_seconds=0)
    assert caught.value.exit_code == ExitCode.UNAVAILABLE == 5
    assert "Run the same command" in caught.value.hint
    assert not [secret for secret in SECRETS if secret in str(caught.value)]

    sandbox, port = await bench.sandbox()
    front = await bench.front(port)
    proxy = await bench.proxy(Proxy({"collect.test:443": front.port}))
    ended = await bench.run("--url", "https://collect.test", "--proxy", at(proxy), "--ca-file", "ca.pem")
    assert (ended.code, ended.report["events"]["resent"]) == (0, 0)  # nothing had been sent
    assert len(list_imports(bench.folder / ".importer")) == 1
    assert await all_arrived(sandbox, ended.report)


async def test_a_proxy_whose_name_nobody_knows_is_named(bench: Bench) -> None:
    short = {"patience_seconds": 0, "connect_timeout_seconds": 3}  # where there is no resolver, nobody answers at all
    with pytest.raises(DestinationUnavailable, match=r"the name of the proxy proxy\.invalid was not found|within 3 s"):
        await bench.run_here("https://collect.test", "http://proxy.invalid:3128", **short)


async def test_a_proxy_that_speaks_no_tls_is_named(bench: Bench) -> None:
    proxy = await bench.proxy(Proxy({}))
    with pytest.raises(DestinationRefused, match="to the proxy localhost: ") as caught:
        await bench.run_here("https://collect.test", f"https://localhost:{proxy.port}", patience_seconds=0)
    assert "--proxy" in caught.value.hint


# a private authority


async def test_an_authority_that_nobody_knows_is_refused_until_it_is_named(bench: Bench) -> None:
    sandbox, port = await bench.sandbox()
    front = await bench.front(port, "localhost")
    url = f"https://localhost:{front.port}"

    refused = await bench.run("--url", url)
    assert (refused.code, refused.report["status"], refused.report["rows"]["sent"]) == (6, "refused", 0)
    for words in ("certificate", "localhost", "--ca-file", "Nothing was sent"):
        assert words in refused.words
    assert not front.beginnings

    ended = await bench.run("--url", url, "--ca-file", "ca.pem")
    assert ended.code == 0, ended.words
    assert await all_arrived(sandbox, ended.report)


async def test_an_authority_that_nobody_knows_is_refused_behind_a_proxy_too(bench: Bench) -> None:
    _, port = await bench.sandbox()
    front = await bench.front(port)
    proxy = await bench.proxy(Proxy({"collect.test:443": front.port}))

    with pytest.raises(DestinationRefused, match=r"No trusted connection to collect\.test: its certificate"):
        await bench.run_here("https://collect.test", at(proxy), ca_file=None)

    assert proxy.tunnels
    assert not front.beginnings


# what cannot be used


@dataclass(frozen=True)
class Wrong:
    """Options that cannot be used; ``says`` stands in the message."""

    name: str
    options: tuple[str, ...]
    says: tuple[str, ...]


WRONG = [
    Wrong("no scheme", ("--proxy", "proxy.test:3128"), ("--proxy", "http://HOST:PORT")),
    Wrong("no host", ("--proxy", "http://"), ("--proxy", "http://HOST:PORT")),
    Wrong("SOCKS", ("--proxy", "socks5://127.0.0.1:1080"), ("SOCKS", "http://HOST:PORT")),
    Wrong("another scheme", ("--proxy", "ftp://proxy.test:21"), ("--proxy", "http://HOST:PORT")),
    Wrong("a path", ("--proxy", "http://proxy.test:3128/proxy.pac"), ("--proxy", "host with a port")),
    Wrong("a # in the password", ("--proxy", "http://me:12#hunter2@proxy.test:3128"), ("--proxy", "%23")),
    Wrong("a / in the password", ("--proxy", "http://me:12/hunter2@proxy.test:3128"), ("--proxy", "%2F")),
    Wrong("letters before a /", ("--proxy", "http://me:hunter2/x@proxy.test:3128"), ("--proxy", "%2F")),
    Wrong("a port that is none", ("--proxy", "http://me:hunter2@proxy.test:99999"), ("--proxy", "http://HOST:PORT")),
    Wrong("a colon in the user", ("--proxy", "http://m%3Ae:hunter2@proxy.test:3128"), ("--proxy", "USER")),
    Wrong("no such file", ("--ca-file", "no.pem"), ("no.pem", "no such file", "BEGIN CERTIFICATE")),
    Wrong("an empty file", ("--ca-file", "empty.pem"), ("empty.pem", "no certificate in PEM form")),
    Wrong("text", ("--ca-file", "orders.csv"), ("orders.csv", "no certificate in PEM form")),
    Wrong("a key", ("--ca-file", "key.pem"), ("key.pem", "no certificate in PEM form")),
    Wrong("DER", ("--ca-file", "ca.der"), ("ca.der", "no certificate in PEM form")),
    Wrong("half a certificate", ("--ca-file", "half.pem"), ("half.pem", "no certificate in PEM form")),
    Wrong("a folder", ("--ca-file", "."), ("--ca-file", "is a directory")),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name.replace(" ", "-"))
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_used_is_said_before_anything_is_sent(
    wrong: Wrong, stern_destination: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    before = received(stern_destination)["requests"]
    monkeypatch.setenv("IMPORTER_SOURCE_KEY", KEY)
    monkeypatch.setattr("sys.argv", ["importer", *RUN, "--url", stern_destination, *wrong.options])

    with pytest.raises(SystemExit) as ended:
        main()

    out, words = capfd.readouterr()
    report = json.loads(out)
    assert (ended.value.code, report["status"], report["requests"]) == (2, "invalid", 0)
    for said in wrong.says:
        assert said in words
    assert "hunter2" not in out + words
    assert "Traceback" not in words
    assert received(stern_destination)["requests"] == before


@pytest.mark.parametrize("proxy", ["http://me@proxy.test", "http://:secret@proxy.test:1", "https://proxy.test/"])
def test_unusual_addresses_of_a_proxy_can_be_used(proxy: str) -> None:
    AiohttpTransport(Destination("https://a.test", "7", Secret(KEY), "a", proxy), BATCH, RetryPolicy(), 1)
