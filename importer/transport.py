"""aiohttp behind one method: one request in, one response out. No policy.

The source key is part of every URL, and aiohttp shows URLs in its messages. So no text of an aiohttp exception leaves
this module, no exception is raised with one of them as its cause or context, and answers that repeat the key are
cleaned of it. The credentials of a proxy are taken out of its address before aiohttp sees it.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import aiohttp
from yarl import URL

from importer.connections import Answer, Connections, NoHttp, Target
from importer.errors import DestinationRefused, UsageInvalid
from importer.records import Request, Response
from importer.sender import NoAnswer
from importer.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from importer.profiles import EndpointProfile
    from importer.settings import Destination, RetryPolicy

_NO_ANSWER: tuple[tuple[type[Exception], str, bool], ...] = (
    (aiohttp.ClientHttpProxyError, "the proxy has no connection to {host}", False),
    (aiohttp.ClientConnectorDNSError, "the name of {peer} was not found", False),
    (aiohttp.ClientConnectorError, "no connection to {peer}: {reason}", False),
    (aiohttp.ConnectionTimeoutError, "no connection to {host} within {policy.connect_timeout_seconds:g} s", False),
    (TimeoutError, "no answer within {policy.request_timeout_seconds:g} s", True),
    (aiohttp.ClientResponseError, "an answer that is no HTTP", True),
    (NoHttp, "an answer that is no HTTP", True),
    (aiohttp.ClientPayloadError, "an answer that was cut off", True),
    (aiohttp.ServerDisconnectedError, "the connection was closed before the answer", True),
    (OSError, "the connection broke: {reason}", True),
    (aiohttp.ClientError, "no usable answer", True),
)
"""The first that fits: the exception, what it means, and whether the request may have reached the destination.
``peer`` is the proxy or the destination, whichever the exception is about."""

_PROXY_FORM = "Write it like --proxy http://HOST:PORT or http://USER:PASSWORD@HOST:PORT"
_PROXY_REFUSES: dict[int, tuple[str, str]] = {
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: (
        "The proxy wants credentials that --proxy does not have",
        f"{_PROXY_FORM}, or put that into IMPORTER_PROXY, which shows in no process list.",
    ),
    HTTPStatus.FORBIDDEN: (
        "The proxy forbids a connection to {host}",
        "Ask whoever runs the proxy to allow that host.",
    ),
}
_ACTED_ON = frozenset({"content-type", "retry-after"})  # and never shown: they may look like a very short key


class AiohttpTransport:
    """The transport of real runs: an asynchronous context manager around one pool of ``concurrency`` connections.

    Redirects are not followed, cookies not kept, environment proxies and netrc not used, certificates always
    verified: against the system's authorities, and those of ``destination.ca_file`` too. A proxy gets CONNECT for an
    https destination, and so never sees the source key; for an http one it gets the request itself.

    Raises:
        UsageInvalid: URL, proxy, site, key or CA file cannot be used.
    """

    def __init__(
        self, destination: Destination, profile: EndpointProfile, policy: RetryPolicy, concurrency: int
    ) -> None:
        self._url = _request_url(destination, profile)
        self._host = self._url.host or ""
        self._proxy, credentials = _proxy(destination.proxy)
        tunnels = self._url.scheme == "https"  # then credentials are for the CONNECT alone
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"importer/{_version()}",
            "Accept-Encoding": "identity",  # answers are short
        }
        self._target = Target(
            profile.method,
            self._url,
            headers if tunnels else {**headers, **credentials},
            self._proxy,
            {"User-Agent": headers["User-Agent"], **credentials} if tunnels else {},
        )
        self._tls = _tls_context(destination)
        self._policy = policy
        self._concurrency = concurrency
        encoded = (Secret(value.removeprefix("Basic ")) for value in credentials.values())
        self._secrets = (destination.source_key, *encoded)
        self._connections: Connections | None = None
        self._last: tuple[Answer, Response] | None = None  # most answers are the one before, word for word

    async def __aenter__(self) -> Self:
        policy = self._policy
        seconds = policy.connect_timeout_seconds, policy.request_timeout_seconds
        self._connections = Connections(self._target, self._concurrency, *seconds, self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._connections is not None:
            await self._connections.close()

    async def send(self, request: Request) -> Response:
        """The answer of the destination to ``request``.

        Raises:
            NoAnswer: no connection, a timeout, a connection that was closed or reset, an answer that is no HTTP.
            DestinationRefused: TLS was refused, before anything was sent.
        """
        if self._connections is None:
            raise RuntimeError("the transport is used outside of its `async with`")
        try:
            return self._response(await self._connections.exchange(request.body))
        except Exception as error:  # noqa: BLE001 -- whatever it is, its text may show the URL
            failure = self._translated(error)
        raise failure  # not in the handler above, which would hang the original on it as its context

    def _response(self, answer: Answer) -> Response:
        if self._last is None or self._last[0] != answer:
            headers = dict(self._cleaned_headers(answer))
            text = self._cleaned(answer.content.decode(errors="replace"))
            self._last = answer, Response(answer.status, headers, text)
        return self._last[1]

    def _cleaned_headers(self, answer: Answer) -> Iterator[tuple[str, str]]:
        for name_bytes, value_bytes in answer.headers:
            name, value = name_bytes.decode(errors="replace").lower(), value_bytes.decode(errors="replace")
            yield name, value if name in _ACTED_ON else self._cleaned(value)

    def _cleaned(self, text: str) -> str:
        for secret in self._secrets:
            text = secret.conceal(text)
        return text

    def _translated(self, error: Exception) -> Exception:
        if not isinstance(error, aiohttp.ClientError | TimeoutError | OSError):  # a bug, of aiohttp or of ours
            return RuntimeError(self._cleaned(f"{type(error).__name__}: {error}")).with_traceback(error.__traceback__)
        peer, option = self._peer(error)
        if isinstance(error, aiohttp.ClientSSLError):
            return DestinationRefused(
                f"No trusted connection to {peer}: {_tls_reason(error.os_error)}.",
                f"Nothing was sent. Check {option} and this machine's clock; if the authority is your own, or a proxy "
                "replaces certificates, name the authority's certificate with --ca-file.",
            )
        if isinstance(error, aiohttp.ClientHttpProxyError) and not _may_pass(error.status):
            return self._refused_by_proxy(error.status)
        message, sent = next((text, sent) for kind, text, sent in _NO_ANSWER if isinstance(error, kind))
        reason = _system_reason(error) if isinstance(error, OSError) else ""
        return NoAnswer(message.format(host=self._host, peer=peer, reason=reason, policy=self._policy), sent=sent)

    def _peer(self, error: Exception) -> tuple[str, str]:
        """Who could not be reached, and the option that names it."""
        if self._proxy is not None and getattr(error, "host", None) == self._proxy.host:
            return f"the proxy {self._proxy.host}", "--proxy"
        return self._host, "--url"

    def _refused_by_proxy(self, status: int) -> DestinationRefused:
        unknown = "The proxy does not connect to {host}", "Check --proxy."
        message, hint = _PROXY_REFUSES.get(status, unknown)
        return DestinationRefused(f"{message.format(host=self._host)} ({status}).", f"Nothing was sent. {hint}")


def is_plain_remote(url: str) -> bool:
    """Whether ``url`` would carry the source key over a network without encryption."""
    try:
        parsed = URL(url)
    except ValueError:  # no URL at all, as :class:`AiohttpTransport` will say
        return False
    if parsed.scheme != "http" or parsed.host is None or parsed.host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(parsed.host).is_loopback
    except ValueError:  # a name
        return True


def _request_url(destination: Destination, profile: EndpointProfile) -> URL:
    base = _checked_url(destination.url, "--url")
    if base.user or base.password or base.query_string or base.fragment:
        raise UsageInvalid("--url must not contain credentials, a query or a fragment.", "Give the part before them.")
    query = "&".join(
        f"{name}={quote(_checked_value(value, what), safe='')}"
        for name, value, what in (
            (profile.site_parameter, destination.site, "The site"),
            (profile.key_parameter, destination.source_key.reveal(), "The source key"),
        )
    )
    return URL(f"{str(base).rstrip('/')}{profile.path}?{query}", encoded=True)


def _proxy(text: str | None) -> tuple[URL | None, dict[str, str]]:
    """The address of the proxy without the credentials of ``text``, and the header that carries them."""
    if not text:
        return None, {}
    scheme, mark, _ = text.partition("://")
    if mark and scheme.lower().startswith("socks"):
        raise UsageInvalid("--proxy names a SOCKS proxy; only HTTP proxies can be used.", _PROXY_FORM + ".")
    hint = f"{_PROXY_FORM}; in a password : / ? # @ and % are written %3A %2F %3F %23 %40 and %25."
    url = _checked_url(text, "--proxy", hint)
    if url.path not in {"", "/"} or url.query_string or url.fragment or ":" in (url.user or ""):
        raise UsageInvalid("--proxy is more than a host with a port.", hint)
    if url.user is None and url.password is None:
        return url, {}
    credentials = aiohttp.encode_basic_auth(url.user or "", url.password or "")
    return url.with_user(None), {"Proxy-Authorization": credentials}


def _checked_url(text: str, option: str, hint: str = "Write it like --url https://host.example") -> URL:
    """``text`` as an absolute http(s) URL. The text itself is not repeated: a proxy's holds a password."""
    try:
        url = URL(text)
        good = url.scheme in {"http", "https"} and bool(url.host) and url.port is not None
        (url.host or "").encode("idna")  # as resolvers do: a name with two dots in a row is none
    except ValueError:  # UnicodeError too
        good = False
    if not good or not _is_plain(text):
        raise UsageInvalid(f"{option} is no http or https URL.", hint)
    return url


def _checked_value(text: str, what: str) -> str:
    if not _is_plain(text):
        raise UsageInvalid(f"{what} contains a blank, a line end or a control character.", "Remove it.")
    return text


def _is_plain(text: str) -> bool:
    return text.isprintable() and " " not in text


def _tls_context(destination: Destination) -> ssl.SSLContext | None:
    if destination.ca_file is None:
        return None
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(destination.ca_file)
    except OSError as error:  # ssl.SSLError too
        reason = "it holds no certificate in PEM form" if isinstance(error, ssl.SSLError) else _system_reason(error)
        raise UsageInvalid(
            f"--ca-file {destination.ca_file} cannot be used: {reason}.",
            "Name a file with the certificate of the authority, from -----BEGIN CERTIFICATE----- on.",
        ) from error
    return context


def _may_pass(status: int) -> bool:
    """Whether what a proxy answers may be another answer later."""
    passing = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in passing


def _tls_reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused, {error.verify_message}"
    return (getattr(error, "reason", None) or "TLS failed").lower().replace("_", " ")


def _system_reason(error: OSError) -> str:
    """The system's words for the error: aiohttp's own may show the URL."""
    cause = getattr(error, "os_error", error)
    return os.strerror(cause.errno).lower() if cause.errno and cause.errno > 0 else "closed or reset"


def _version() -> str:
    try:
        return version("importer")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0"
