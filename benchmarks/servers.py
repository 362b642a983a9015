"""Servers that read a request wholly, answer 200 and cost next to nothing, each in its own process.

nginx is the cheaper one; ``benchmarks/server.py`` is there where nginx is not. Both say the same about what arrived.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from benchmarks.arrivals import Arrivals
from benchmarks.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("auto", "nginx", "python")
BEGIN_SECONDS = 10
# A location that does nothing answers at the end of the head, before the body has arrived. To mirror a request, nginx
# must read its body first. What follows (a content handler that knows only GET, and a page for its refusal) is the
# shortest way to an answer that leaves that phase in.
NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  log_format arrival '$msec $content_length';
  access_log {folder}/arrivals arrival buffer=1m;
  client_body_buffer_size 1m;
  client_max_body_size 16m;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  default_type application/json;
  server {{
    listen 127.0.0.1:{port};
    location / {{ mirror /read; empty_gif; error_page 405 =200 @answer; }}
    location = /read {{ internal; access_log off; return 204; }}
    location @answer {{ return 200 '{{}}'; }}
  }}
}}
"""


@dataclass(slots=True)
class Server:
    """A running server. ``arrivals`` and its CPU time are filled when it has ended."""

    url: str
    arrivals: Arrivals = field(default_factory=Arrivals)
    cpu_seconds: float = 0.0


def chosen(name: str) -> str:
    """The server that ``name`` stands for.

    Raises:
        SystemExit: nginx was asked for, and is not installed.

    """
    installed = shutil.which("nginx") is not None
    if name == "nginx" and not installed:
        raise SystemExit("nginx is not installed: apt-get install nginx-light, or --server python")
    return ("nginx" if installed else "python") if name == "auto" else name


@contextmanager
def serving(name: str, port: int = 0) -> Iterator[Server]:
    """The server called ``name`` for as long as the block lasts, at any free port unless one is given."""
    with _nginx(port) if chosen(name) == "nginx" else python_server(port=port) as server:
        yield server


@contextmanager
def python_server(*, keep: Path | None = None, marker: str = "", answer: str = "{}", port: int = 0) -> Iterator[Server]:
    """``benchmarks/server.py``. It appends bodies to ``keep`` and counts what ``marker`` says an event has once."""
    options = [f"--port={port}", f"--answer={answer}", f"--marker={marker}", *([f"--keep={keep}"] if keep else [])]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    server = Server(url=f"http://127.0.0.1:{_line(process.stdout)}")
    try:
        yield server
    finally:
        if process.stdin:
            process.stdin.close()
        said = _line(process.stdout)
        server.cpu_seconds = _cpu_seconds(process)
        server.arrivals = Arrivals(**json.loads(said))


@contextmanager
def _nginx(port: int) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="importer-nginx-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        port = port or free_port()
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
        program = shutil.which("nginx") or "nginx"
        process = subprocess.Popen([program, "-p", name, "-c", str(folder / "nginx.conf"), "-e", "stderr"])
        server = Server(url=f"http://127.0.0.1:{port}")
        try:
            _await_listening(process, port)
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)  # writes what the buffer of the log still has
            server.cpu_seconds = _cpu_seconds(process)
            log = folder / "arrivals"
            server.arrivals = Arrivals.of_log(log) if log.exists() else Arrivals()


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_listening(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + BEGIN_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    raise SystemExit("nginx does not answer")


def _line(stream: IO[str] | None) -> str:
    line = stream.readline().strip() if stream else ""
    if not line:
        raise SystemExit("benchmarks/server.py ended without a word")
    return line


def _cpu_seconds(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> float:
    """Wait for the end; the CPU time of all of it."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stdout:
        process.stdout.close()
    return usage.ru_utime + usage.ru_stime
