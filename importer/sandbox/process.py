"""The sandbox in a process of its own, which ends with its parent, however the parent ends. Standard library only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

END_SECONDS = 5.0


class SandboxNotStarted(RuntimeError):  # noqa: N818 - named by its consequence
    """The process of the sandbox ended before it listened. It said why on stderr."""


@contextmanager
def spawn(arguments: Iterable[str] = ()) -> Iterator[str]:
    """Run a sandbox on a free port of 127.0.0.1 and yield its URL. It is ended with the block.

    ``arguments`` are those of ``python -m importer.sandbox``, such as ``("--fault", "status=503:0.3")``. The child
    lives in its own session, so that Ctrl-C reaches the parent alone, which can then drain into it. It watches
    its stdin: a parent that is killed leaves no orphan.

    Raises:
        SandboxNotStarted: the child ended without a URL.
    """
    # The modules that the parent sees, in its order; -P keeps what lies in the working directory out.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-P", "-m", "importer.sandbox", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,
        text=True,
    )
    try:
        yield _url(child)
    finally:
        _end(child)


def received(url: str) -> dict[str, Any]:
    """What the sandbox at ``url`` counted, as ``GET /received`` says it. OSError when it does not answer."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through the environment's proxy
    with direct.open(f"{url}/received") as answer:
        document: dict[str, Any] = json.load(answer)
    return document


def _url(child: subprocess.Popen[str]) -> str:
    line = child.stdout.readline() if child.stdout else ""
    if not line.endswith("\n"):
        raise SandboxNotStarted(f"The sandbox ended with code {child.wait()} before it listened.")
    return line.strip()


def _end(child: subprocess.Popen[str]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe:
            pipe.close()
    try:
        child.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
