"""The source key stands nowhere, whatever a server says and whatever goes wrong.

``conftest.py`` searches what these tests print, log and write, as it does for all tests: here are the occasions.
"""

from __future__ import annotations

import base64
import copy
import html
import json
import logging
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rude import Asked, http, rude_server
from secret_watch import SOURCE_KEY, files_with_key, shows_key, spellings

import importer
from importer.cli import main
from importer.cli.console import set_up_logging
from importer.settings import Destination, RetryPolicy, Secret

ROOT = Path(__file__).parents[2]
MAPPING = """\
version: 1
event: purchase
key: order_id
fields: {id: order_id, value: total, user.id: customer, context.event_timestamp: at}
"""
ENCODERS: list[Callable[[str], str]] = [
    str,
    quote,
    quote_plus,
    html.escape,
    json.dumps,
    ascii,
    lambda text: text.encode().hex(),
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.b64encode(b"1" + text.encode()).decode(),
    lambda text: base64.urlsafe_b64encode(b"12" + text.encode()).decode(),
]
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Imports a few orders into the URL that is given, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPORTER_SOURCE_KEY", SOURCE_KEY)
    Path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    rows = [f"{number:03},{number}.50,c,2024-01-02T03:04:05Z\n" for number in range(len(ENCODERS) + 1)]
    Path("orders.csv").write_text("order_id,total,customer,at\n" + "".join(rows), encoding="utf-8")

    def call(url: str, *options: str) -> tuple[int, str, str]:
        set_up_logging()
        place = ["--url", url, "--site", "7", "--endpoint", "single", "--concurrency", "1"]
        monkeypatch.setattr("sys.argv", ["importer", "run", "mapping.yaml", "orders.csv", *place, *options])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return call


def _token(target: str) -> str:
    return parse_qs(urlsplit(target).query)["token"][0]


# The type of the key


def test_a_secret_cannot_be_printed(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(SOURCE_KEY)
    destination = Destination("https://host.test", "7", secret, "name")
    logging.getLogger("importer").warning("%s %r %s", secret, secret, destination)
    texts = [repr(secret), str(secret), f"{secret}", f"{secret!s:>9}", "%s" % secret, "{}".format(secret)]  # noqa: UP031, UP032
    texts += [json.dumps({"key": secret}, default=str), repr([secret]), repr(destination), caplog.text]
    texts += [str(dir(secret)), str(getattr(secret, "__dict__", ""))]
    assert not [text for text in texts if shows_key(text)]
    assert "Secret" in caplog.text


@pytest.mark.parametrize("write", [pickle.dumps, copy.deepcopy, json.dumps, lambda secret: asdict(_of(secret))])
def test_a_secret_cannot_be_written(write: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as caught:
        write(Secret(SOURCE_KEY))
    assert not shows_key(str(caught.value))


def _of(secret: Secret) -> Destination:
    return Destination("https://host.test", "7", secret, "name")


def test_a_traceback_that_shows_local_values_does_not_show_a_secret() -> None:
    def fails() -> None:
        secret = Secret(SOURCE_KEY)
        destination = _of(secret)
        raise ZeroDivisionError(destination)

    with pytest.raises(ZeroDivisionError) as caught:
        fails()
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "secret = Secret('…')" in shown
    assert not [line for line in shown.splitlines() if shows_key(line)]


@settings(max_examples=50)
@given(
    key=st.text(st.characters(min_codepoint=33, max_codepoint=255), min_size=6, max_size=40).filter(str.isprintable),
    before=st.text(max_size=4),
    after=st.text(max_size=4),
)
def test_a_secret_is_concealed_in_every_encoding(key: str, before: str, after: str) -> None:
    secret = Secret(key)
    for encoder in ENCODERS:
        shown = secret.conceal(encoder(f"{before} {key} {after}"))
        assert "…" in shown
        assert not [part for part in spellings(key) if part in shown.encode()]


# What a server says


def test_a_server_that_repeats_the_key_in_any_spelling_does_not_get_it_into_the_rejects(command: Command) -> None:
    tokens = []

    def answer(asked: Asked) -> bytes:
        tokens.append(_token(asked.target))
        said = ENCODERS[asked.number - 2](tokens[-1])
        return http(200) if asked.number == 1 else http(400, f"you said <{said}>!")

    with rude_server(answer) as url:
        code, out, _ = command(url, "--verbose")
    assert (code, set(tokens)) == (3, {SOURCE_KEY})
    (rejects,) = Path(".importer").glob("*.rejects.ndjson")
    messages = [json.loads(line)["message"] for line in rejects.read_text(encoding="utf-8").splitlines()]
    assert len(messages) == len(ENCODERS)
    assert all("you said <" in message and "…" in message for message in messages)
    assert "you said <…" in out


HEADERS = [f"{name}: {SOURCE_KEY}" for name in ("Location", "Retry-After", "WWW-Authenticate", "Set-Cookie", "X-Key")]
ANSWERS = {
    "unauthorized": (6, lambda said: http(401, said, *HEADERS)),
    "redirect": (6, lambda said: http(302, said, f"Location: http://other.test/?token={SOURCE_KEY}", *HEADERS)),
    "page": (6, lambda said: http(200, f"<html>{said}", *HEADERS)),
    "no status": (6, lambda said: http(599, said)[:9] + http(404, said, *HEADERS)[9:]),
    "a proxy's": (6, lambda said: http(407, said, *HEADERS)),
}


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("name", ANSWERS)
def test_a_server_that_refuses_and_repeats_the_key_is_not_quoted(command: Command, name: str, form: str) -> None:
    code, answer = ANSWERS[name]
    with rude_server(lambda asked: answer(f"said {_token(asked.target)} in {asked.target}")) as url:
        assert command(url, "--verbose", "--json", "--log-format", form)[0] == code


@pytest.mark.usefixtures("command")
def test_neither_garbage_nor_a_server_that_is_down_shows_the_key(caplog: pytest.LogCaptureFixture) -> None:
    def answer(asked: Asked) -> bytes:
        said = f"{_token(asked.target)} {asked.target}"
        rude = [f"HTTP/9 {said}\r\n\r\n".encode(), f"HTTP/1.1 200 OK\r\n{said}\r\n\r\n".encode(), b"", said.encode()]
        return [*rude, http(503, said, *HEADERS)][asked.number % 5] if asked.number < 30 else http(200)

    caplog.set_level(logging.DEBUG)
    quick = RetryPolicy(base_backoff_seconds=0.001, max_backoff_seconds=0.01)
    with rude_server(answer) as url:
        report = importer.run("mapping.yaml", "orders.csv", site="7", source_key=SOURCE_KEY, url=url, retry=quick)
    assert (report.status, report.retries) == ("complete", 29)
    assert "The destination is down" in caplog.text
    assert not shows_key(f"{report.to_json()} {report!r} {caplog.text}")


# What goes wrong here


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_bug_that_carries_the_address_does_not_show_the_key(
    command: Command, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    async def fails(_: object, request: aiohttp.ClientRequest, **more: object) -> None:
        raise ValueError(f"{request.method} {request.url!r} {request.url} {more}")

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", fails)
    code, out, err = command("http://127.0.0.1:9", "--verbose", "--json", "--log-format", form)
    assert (code, json.loads(out)["exit_code"]) == (1, 1)
    assert ("token=…" if form == "text" else r"token=\u2026") in err
    assert "in send" in err  # it still says where it happened
    assert "This is a bug" in err


def test_libraries_in_debug_mode_do_not_show_the_key(command: Command) -> None:
    command("http://127.0.0.1:9/", "--max-rejects", "none")  # writes the files, and refuses the option
    arguments = ["run", "mapping.yaml", "orders.csv", "--site", "7", "--verbose", "--endpoint", "single"]
    with rude_server(lambda asked: http(401 if asked.number > 3 else 200, f"said {asked.target}", *HEADERS)) as url:
        ended = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "always", "-m", "importer", *arguments, "--url", url],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONASYNCIODEBUG": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 6, ended.stderr


def test_the_wrong_use_of_the_key_is_told_without_it(command: Command, tmp_path: Path) -> None:
    (tmp_path / "key-blank").write_text(f"{SOURCE_KEY}\n{SOURCE_KEY}\n", encoding="utf-8")
    (tmp_path / "key-latin").write_bytes(SOURCE_KEY.encode("latin-1"))
    for options in (["--source-key-file", "key-blank"], ["--source-key-file", "key-latin"]):
        code, _, err = command("http://127.0.0.1:9", *options)
        assert (code, options[1] in err) == (2, True)
    assert command(f"http://127.0.0.1:9/?token={SOURCE_KEY}")[0] == 2
    assert command(f"http://me:{SOURCE_KEY}@127.0.0.1:9/")[0] == 2


# The search itself


def test_the_search_finds_every_spelling_in_files_in_names_and_in_output(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path_factory.mktemp("shown")
    for number, spelling in enumerate(spellings(SOURCE_KEY)):
        (folder / f"file-{number}").write_bytes(b"x" * number + spelling + b"y")
    assert len(files_with_key(folder)) == len(spellings(SOURCE_KEY)) > 12
    print(SOURCE_KEY)  # noqa: T201 - on purpose
    with pytest.raises(AssertionError, match="source key"):
        capsys.readouterr()
    with pytest.raises(AssertionError, match="source key"):
        subprocess.run(["echo", SOURCE_KEY], capture_output=True, check=False)
