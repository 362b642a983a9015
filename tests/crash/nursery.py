"""Importers that die at an exact system call.

``python nursery.py`` is a process that has imported everything and then forks an importer for each line that it reads:
that saves the second which Python needs to start. The importer does what ``python -m importer`` does, in small blocks,
so that tiny files are read and staged in many steps. Before one of its threads begins (``main``, ``importer-ack``,
``importer-wire``) it waits until strace has taken hold of that thread. So a fault hits the n-th call of a thread,
counted from there, and the count is the same in every run: no other thread is counted, and no start of Python.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secret_watch import SOURCE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
BLOCK_BYTES = 400
THREADS = ("main", "importer-ack", "importer-wire")
INJECTED = "(INJECTED)"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the ``when``-th of the ``calls`` of ``thread``, as strace has it: ``signal=KILL``, ``error=EIO``.

    ``calls`` is a name or a regular expression behind a slash; ``when`` may be ``3+``, for that one and all others.
    """

    thread: str
    calls: str
    what: str
    when: str

    def __str__(self) -> str:
        return f"{self.thread}: {self.what} at {self.calls} {self.when}"


@dataclass(slots=True)
class Outcome:
    """How an importer ended. ``fired`` is whether the fault hit it; ``report`` is empty if it was killed."""

    code: int
    report: dict[str, Any]
    stderr: str
    fired: bool


class Nursery:
    """The process that forks importers, one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": path, "PATH": os.environ["PATH"], "IMPORTER_SOURCE_KEY": SOURCE_KEY},
            bufsize=0,
        )

    def close(self) -> None:
        """End it. An importer that waits for its tracer ends by itself."""
        self._process.kill()
        self._process.communicate()

    def start(self, arguments: list[str]) -> None:
        """Start an importer without a fault; :meth:`wait` for it before another one starts."""
        self._tell({"arguments": arguments, "thread": None, "folder": str(self._folder)})

    def wait(self) -> Outcome:
        """The end of the importer that was started."""
        code = self._hear()["code"]
        output, words = (self._folder / name for name in ("stdout", "stderr"))
        text = output.read_text()
        return Outcome(code, json.loads(text) if text else {}, words.read_text(), fired=False)

    def run(self, arguments: list[str], fault: Fault | None = None) -> Outcome:
        """Run an importer to its end, which ``fault`` may bring about."""
        if fault is None:
            self.start(arguments)
            return self.wait()
        self._tell({"arguments": arguments, "thread": fault.thread, "folder": str(self._folder)})
        heard, log = self._hear(), self._folder / "strace"
        if "code" in heard:  # it ended before that thread began
            raise AssertionError(f"{fault}: there was no such thread; exit {heard['code']}")
        with _traced(heard["thread"], fault, log):
            self._send(b"\n")
            outcome = self.wait()
        lines = log.read_text()
        outcome.fired = INJECTED in lines or "+++ killed by" in lines
        return outcome

    def _tell(self, order: dict[str, Any]) -> None:
        self._send(json.dumps(order).encode() + b"\n")

    def _send(self, line: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(line)

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout
        heard: dict[str, Any] = json.loads(self._process.stdout.readline())
        return heard


@contextlib.contextmanager
def _traced(thread: int, fault: Fault, log: Path) -> Iterator[None]:
    inject = f"inject={fault.calls}:{fault.what}:when={fault.when}"
    command = ["strace", "-o", str(log), "-e", f"trace={fault.calls}", "-e", inject, "-p", str(thread)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr
        said = strace.stderr.readline()
        assert "attached" in said, said
        yield  # it ends with the thread that it holds


def why_not() -> str | None:
    """What keeps strace from its work here; ``None`` if nothing does."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        return "strace is not installed"
    probe = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return None if probe.returncode == 0 else f"strace may not trace here: {probe.stderr.strip()}"


def _serve() -> None:
    """Fork an importer for each line of stdin, and say with which code it ended."""
    from importer.source import csv_reader  # noqa: PLC0415 - only the process needs them
    from importer.staging import partition  # noqa: PLC0415

    csv_reader.CsvReader.__init__.__kwdefaults__["block_bytes"] = BLOCK_BYTES
    partition.FLUSH_BYTES = 1
    while line := _line():
        child = os.fork()
        if not child:
            _be_importer(**json.loads(line))
        _, status = os.waitpid(child, 0)
        _say({"code": os.waitstatus_to_exitcode(status)})


def _be_importer(arguments: list[str], thread: str | None, folder: str) -> NoReturn:
    import threading  # noqa: PLC0415

    from importer.cli import main  # noqa: PLC0415

    hears, says = os.dup(0), os.dup(1)
    for number, name in enumerate((os.devnull, f"{folder}/stdout", f"{folder}/stderr")):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(name, flags, 0o600), number)
    work = threading.Thread.run

    def run(self: threading.Thread) -> None:
        if thread is not None and self.name.startswith(thread):
            _hold(hears, says)
        work(self)

    threading.Thread.run = run  # type: ignore[method-assign]
    if thread == "main":
        _hold(hears, says)
    sys.argv = ["importer", *arguments]
    main()
    raise AssertionError("main returns")


def _hold(hears: int, says: int) -> None:
    """Tell which thread this is, and wait until it is traced."""
    import ctypes  # noqa: PLC0415
    import threading  # noqa: PLC0415

    anybody = ctypes.c_ulong(-1)
    ctypes.CDLL(None).prctl(0x59616D61, anybody)  # PR_SET_PTRACER: where the system asks for leave, it is given
    os.write(says, json.dumps({"thread": threading.get_native_id()}).encode() + b"\n")
    if not os.read(hears, 1):
        os._exit(1)  # nobody is there any more


def _line() -> bytes:
    """A line of stdin. Unbuffered, as what follows may be for the importer."""
    line = b""
    while (byte := os.read(0, 1)) not in {b"", b"\n"}:
        line += byte
    return line


def _say(what: dict[str, Any]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    import importer.pipeline
    import importer.transport  # noqa: F401 - so that no importer has to

    _serve()
