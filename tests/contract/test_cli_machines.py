"""The command line as schedulers and log collectors see it, with the sandbox as a real destination on loopback."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from secret_watch import SOURCE_KEY as KEY

from importer.cli import main
from importer.cli.console import set_up_logging
from importer.sandbox.process import received, spawn

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
HEADER = "order_id,total,customer,at\n"
ROWS = 300
PATIENCE_SECONDS = 60
needs_full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
STABLE = ["time", "level", "event", "message"]

HOLDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from importer.checkpoint import Checkpoint, ImportKey
key = ImportKey(Path("mapping.yaml"), sys.argv[1], "7")
with Checkpoint(Path(".importer"), key, lambda: datetime.now(UTC)):
    print("held", flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class Ended:
    """What one command left behind."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The one line of stdout."""
        (line,) = self.out.splitlines()
        report: dict[str, Any] = json.loads(line)
        return report

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of stderr, each an object with the stable fields first."""
        lines = [json.loads(line) for line in self.err.splitlines()]
        assert all(list(line)[:4] == STABLE for line in lines), self.err
        return lines


def _orders(count: int = ROWS, bad: int = 0) -> str:
    rows = [f"{number:06},{number}.50,c{number % 7},2024-01-02T03:04:05Z\n" for number in range(count)]
    return HEADER + "".join(rows) + "".join(f"x{number},abc,c,2024-01-02T03:04:05Z\n" for number in range(bad))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with spawn() as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory, with a mapping and an export."""
    monkeypatch.chdir(tmp_path)
    for name in ("SITE", "URL", "QUIET", "JSON", "LOG_FORMAT"):
        monkeypatch.delenv(f"IMPORTER_{name}", raising=False)
    monkeypatch.setenv("IMPORTER_SOURCE_KEY", KEY)
    Path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    Path("a.csv").write_text(_orders(), encoding="utf-8")


Command = Callable[..., Ended]


@pytest.fixture
def command(folder: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:  # noqa: ARG001 -- is there first
    """Runs the command line in this process."""

    def call(*arguments: str) -> Ended:
        set_up_logging()  # as in a process of its own
        monkeypatch.setattr("sys.argv", ["importer", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capfd.readouterr()
        assert KEY not in captured.out + captured.err
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return call


def _run(url: str, *options: str) -> list[str]:
    return ["run", "mapping.yaml", "a.csv", "--url", url, "--site", "7", *options]


@contextmanager
def _started(*arguments: str, **pipes: Any) -> Iterator[subprocess.Popen[str]]:  # noqa: ANN401
    """The importer, or other Python, in a process of its own."""
    with subprocess.Popen([sys.executable, *arguments], text=True, env=_environment(), **pipes) as process:
        try:
            yield process
        finally:
            process.kill()  # does nothing to one that has ended


@contextmanager
def _holder(url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the import."""
    with _started("-c", HOLDER, url, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process


def _environment() -> dict[str, str]:
    """That of a process with the same modules as this one."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def _end_of(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return Ended(process.returncode, out or "", err or "")


def _until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something that happens while ``process`` runs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert process.poll() is None, "it ended too early"
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


# JSON lines


def test_every_line_of_the_log_is_an_object_with_stable_fields(command: Command, server: str) -> None:
    Path("a.csv").write_text(_orders(bad=2), encoding="utf-8")
    ended = command(*_run(server, "--log-format", "json", "--json", "--rate", "600"))

    assert ended.code == ended.report["exit_code"] == 3
    assert [line["event"] for line in ended.lines] == ["note", "note", "plan", "rejects", "report"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"]) for line in ended.lines)
    assert {line["level"] for line in ended.lines} == {"info", "warning"}
    plan, rejects, report = ended.lines[2:]
    assert (plan["files"], plan["destination"], plan["site"]) == (1, server, "7")
    assert (rejects["rejected"], rejects["rejects"]) == (2, ended.report["rejects"])
    assert {name: report[name] for name in ended.report} == ended.report


@pytest.mark.usefixtures("folder")
def test_libraries_that_warn_do_not_break_the_log(server: str) -> None:
    arguments = ["-X", "dev", "-W", "always", "-m", "importer", *_run(server, "--log-format", "json", "--json")]
    with _started(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        ended = _end_of(process)
    assert (ended.code, ended.lines[-1]["event"]) == (0, "report")


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--rat", "3"], 2, "--rate"),
        (["--max-rejects", "few"], 2, "0.5%"),
        (["--log-format", "jsn"], 2, "json"),
        (["--ca-file", "none.pem"], 2, "none.pem"),
    ],
)
def test_an_error_is_an_object_too(command: Command, server: str, options: list[str], code: int, says: str) -> None:
    ended = command(*_run(server, "--log-format=json", "--json", *options))
    if options[0] == "--log-format":
        assert says in ended.err  # it is not known which form was meant, so it is told as text
    else:
        (error,) = [line for line in ended.lines if line["event"] == "error"]
        assert (error["level"], error["exit_code"]) == ("error", code)
        assert says in error["message"] + error["hint"]
    assert (ended.code, ended.report["exit_code"], ended.report["status"]) == (code, code, "invalid")


def test_the_problems_of_a_mapping_are_listed_with_their_places(command: Command, server: str) -> None:
    Path("mapping.yaml").write_text(MAPPING.replace("key: order_id\n", "").replace("total", "{colum: total}"))
    ended = command(*_run(server, "--log-format", "json"))
    (error,) = [line for line in ended.lines if line["event"] == "error"]
    assert {"line": 5, "column": 11} in [
        {name: item[name] for name in ("line", "column")} for item in error["problems"]
    ]
    assert (ended.code, ended.out) == (2, "")


def test_the_form_of_the_log_may_come_from_the_environment(
    command: Command, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPORTER_LOG_FORMAT", "json")
    monkeypatch.setenv("IMPORTER_JSON", "1")
    assert command(*_run(server)).lines[-1]["event"] == "report"
    ended = command(*_run(server, "--rat"))
    assert (ended.lines[0]["event"], ended.report["exit_code"]) == ("error", 2)


@pytest.mark.usefixtures("folder")
def test_a_stop_is_told_in_the_same_form() -> None:
    with spawn() as url:
        arguments = _run(url, "--log-format", "json", "--json", "--endpoint", "single", "--rate", "5")
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with _started("-m", "importer", *arguments, **pipes) as process:
            _until(lambda: received(url)["requests"] > 0, process)
            process.send_signal(signal.SIGTERM)
            ended = _end_of(process)
    assert (ended.code, ended.report["status"]) == (143, "interrupted")
    assert [line["event"] for line in ended.lines] == ["note", "plan", "stop", "error", "report"]
    assert ended.lines[3]["exit_code"] == 143


# Quiet


@pytest.mark.parametrize("options", [(), ("--log-format", "json"), ("--verbose",)])
@pytest.mark.parametrize("name", ["run", "validate"])
def test_a_quiet_success_says_nothing_at_all(
    command: Command, server: str, name: str, options: tuple[str, ...]
) -> None:
    arguments = _run(server) if name == "run" else ["validate", "mapping.yaml", "a.csv"]
    for _ in range(2):  # the second time there is nothing new
        ended = command(*arguments, "--quiet", *options)
        assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_a_quiet_success_with_json_is_one_line(command: Command, server: str) -> None:
    ended = command(*_run(server, "--quiet", "--json", "--log-format", "json"))
    assert (ended.code, ended.report["status"], ended.err) == (0, "complete", "")


@pytest.mark.parametrize("name", ["run", "validate"])
def test_quiet_rejects_are_two_lines_that_say_where(command: Command, server: str, name: str) -> None:
    Path("a.csv").write_text(_orders(bad=3), encoding="utf-8")
    arguments = _run(server) if name == "run" else ["validate", "mapping.yaml", "a.csv"]
    ended = command(*arguments, "--quiet")
    assert (ended.code, ended.out) == (3, "")
    first, *others = ended.err.splitlines()
    assert first.startswith("warning: 3 of 303 rows are rejected, such as a.csv:301: ")
    assert [".rejects.ndjson" in line for line in others] == ([True] if name == "run" else [])

    (line,) = command(*arguments, "--quiet", "--again", "--log-format", "json").lines if name == "run" else [None]
    assert line is None or (line["event"], line["rejected"]) == ("rejects", 3)


def test_quiet_errors_are_told(command: Command) -> None:
    ended = command(*_run("http://127.0.0.1:9", "--quiet", "--site", ""))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: There is no site")
    assert len(ended.err.splitlines()) == 2


@needs_full_device
@pytest.mark.usefixtures("folder")
def test_a_report_that_cannot_be_printed_is_no_success(server: str) -> None:
    arguments = ["-m", "importer", *_run(server, "--json")]
    with Path("/dev/full").open("w") as full, _started(*arguments, stdout=full, stderr=subprocess.PIPE) as process:
        ended = _end_of(process)
    assert ended.code == 7
    assert "cannot be written to stdout" in ended.err.splitlines()[-1]


@needs_full_device
@pytest.mark.usefixtures("folder")
def test_a_log_that_cannot_be_written_stops_no_import(server: str) -> None:
    arguments = ["-m", "importer", *_run(server, "--json")]
    with Path("/dev/full").open("w") as full, _started(*arguments, stdout=subprocess.PIPE, stderr=full) as process:
        ended = _end_of(process)
    assert (ended.code, ended.report["rows"]["sent"]) == (0, ROWS)


# Another run holds the import


def test_locked_fails_unless_asked_otherwise(command: Command, server: str) -> None:
    with _holder(server) as holder:
        ended = command(*_run(server, "--json"))
        assert (ended.code, ended.report["exit_code"]) == (11, 11)
        assert f"process {holder.pid} " in ended.err


def test_locked_and_skipped_is_a_success_that_did_nothing(command: Command, server: str) -> None:
    with _holder(server) as holder:
        ended = command(*_run(server, "--json", "--if-locked", "skip"))
        assert (ended.code, ended.report["status"], ended.report["exit_code"]) == (0, "skipped", 0)
        assert (ended.report["rows"]["read"], ended.report["requests"]) == (0, 0)
        assert f"process {holder.pid} " in ended.err
        as_text = command(*_run(server, "--if-locked", "skip"))
        assert (as_text.code, as_text.out, len(as_text.err.splitlines())) == (0, "", 1)
        quiet = command(*_run(server, "--if-locked", "skip", "--quiet"))
        assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
        assert command(*_run(server, "--if-locked", "skip", "--log-format", "json")).lines[0]["event"] == "skipped"
    assert command(*_run(server, "--json", "--if-locked", "skip")).report["rows"]["sent"] == ROWS


def test_the_lock_of_a_process_that_was_killed_holds_nobody(command: Command, server: str) -> None:
    with _holder(server) as holder:
        holder.kill()
        holder.wait()
    for lock in Path(".importer").glob("*.lock"):  # as if its number had been given to another process
        lock.write_text(json.dumps({"pid": 1, "host": "elsewhere", "since": "long ago"}), encoding="utf-8")
    assert command(*_run(server, "--json", "--if-locked", "skip")).report["rows"]["sent"] == ROWS


@contextmanager
def _waiting(url: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """An import that waits for the lock, after it has said so."""
    arguments = ["-m", "importer", *_run(url, "--json", "--if-locked", "wait")]
    with _started(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr
        assert "Waiting for its end" in process.stderr.readline()
        yield process, process.stderr


@pytest.mark.usefixtures("folder")
def test_locked_and_waiting_imports_when_the_other_run_has_ended(server: str) -> None:
    with _holder(server) as holder, _waiting(server) as (process, _):
        Path("a.csv").write_text(_orders(ROWS + 1), encoding="utf-8")  # what is there after the wait counts
        holder.communicate()  # the end of its stdin ends it
        ended = _end_of(process)
    assert (ended.code, ended.report["rows"]["sent"]) == (0, ROWS + 1)
    assert "Waiting" not in ended.err


@pytest.mark.usefixtures("folder")
def test_waiting_can_be_interrupted(server: str) -> None:
    with _holder(server), _waiting(server) as (process, _):
        process.send_signal(signal.SIGINT)
        ended = _end_of(process)
    assert (ended.code, ended.report["status"], ended.report["requests"]) == (130, "interrupted", 0)
    assert "Traceback" not in ended.err


def test_the_lock_of_a_rejects_file_is_no_reason_to_wait(command: Command, server: str) -> None:
    with _started(
        "-c",
        "import sys; from pathlib import Path; from importer.rejects import RejectsFile\n"
        "held = RejectsFile(Path('r.ndjson'), None); print('held', flush=True); sys.stdin.read()",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        ended = command(*_run(server, "--json", "--rejects", "r.ndjson", "--if-locked", "wait"))
    assert (ended.code, "--rejects" in ended.err) == (11, True)


# How many rejects are too many


@pytest.mark.parametrize(("limit", "code"), [("15", 8), ("16", 3), ("5%", 8), ("5.1%", 3), ("0", 8), ("100%", 3)])
def test_more_rejects_than_allowed(command: Command, server: str, limit: str, code: int) -> None:
    Path("a.csv").write_text(_orders(bad=16), encoding="utf-8")  # 16 of 316 rows are 5.06 %
    ended = command(*_run(server, "--json", "--max-rejects", limit))
    # a number is exceeded before anything is sent, a share is known at the end
    rejected = 0 if limit in {"15", "0"} else 16
    assert (ended.code, ended.report["exit_code"], ended.report["rows"]["rejected"]) == (code, code, rejected)
    assert ("--max-rejects" in ended.err) == (code == 8)


@pytest.mark.parametrize("limit", ["-1", "2.5", "101%", "%", "few", "nan"])
def test_a_limit_that_means_nothing_is_refused(command: Command, server: str, limit: str) -> None:
    assert command(*_run(server, "--json", f"--max-rejects={limit}")).report["exit_code"] == 2


# Where imports stand


def test_status_after_a_kill_names_the_doubtful_rows_and_the_command_to_run(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPORTER_ENDPOINT", "single")
    with spawn() as url:
        with _started("-m", "importer", *_run(url, "--quiet", "--rate", "5")) as process:
            _until(lambda: received(url)["requests"] > 2, process)
            (running,) = json.loads(command("status", "--json").out)["imports"]
            assert (running["status"], running["holder"]["pid"]) == ("running", process.pid)
            assert running["last_run"]["meaning"] == "running"
            process.kill()
        killed = command("status", "mapping.yaml")
        (standing,) = json.loads(command("status", "mapping.yaml", "--json").out)["imports"]

        assert standing["status"] == "incomplete"
        assert standing["last_run"]["meaning"].startswith("killed")
        (source,) = standing["sources"]
        assert 0 < source["ambiguous"] == standing["rows"]["ambiguous"] <= ROWS
        places = source["ambiguous_rows"]
        assert sum(place["last"] - place["first"] + 1 for place in places) == source["ambiguous"]
        assert f"a.csv: rows {places[0]['first']:,} to {places[0]['last']:,}" in killed.out
        assert standing["command"] in killed.out
        assert standing["last_complete"] is None

        program, *words = shlex.split(standing["command"])
        assert program == "importer"
        assert command(*words, "--quiet").code == 0
        (after,) = json.loads(command("status", "--json").out)["imports"]
    assert (after["status"], after["rows"]["sent"], after["rows"]["pending"]) == ("complete", ROWS, 0)
    assert (after["rows"]["ambiguous"], after["command"]) == (0, None)
    assert 0 <= after["seconds_since_complete"] < PATIENCE_SECONDS


def test_a_damaged_checkpoint_hides_no_other(command: Command, server: str) -> None:
    command(*_run(server, "--quiet"))
    command(*_run(server, "--quiet", "--test-code", "try"))
    first, second = sorted(Path(".importer").glob("*.sqlite"))
    first.write_bytes(b"SQLite format 3\0" + bytes(4096))
    ended = command("status", "--json")
    assert ended.code == 7
    damaged, whole = json.loads(ended.out)["imports"]
    assert (damaged["status"], damaged["checkpoint"]) == ("damaged", str(first))
    assert (whole["status"], whole["checkpoint"]) == ("complete", str(second))
    text = command("status", "mapping.yaml")
    assert text.code == 7
    assert "damaged" in text.out
    assert f"{ROWS} sent" in text.out


def test_status_of_rejected_rows_counts_them_and_says_how_to_send_them(command: Command, server: str) -> None:
    Path("a.csv").write_text(_orders(bad=4), encoding="utf-8")
    command(*_run(server, "--quiet"))
    (standing,) = json.loads(command("status", "--json").out)["imports"]
    (file,) = standing["rejects_files"]
    assert (file["lines"], standing["rows"]["rejected"], standing["last_run"]["exit_code"]) == (4, 4, 3)

    Path("mapping.yaml").write_text(MAPPING.replace("  value: total\n", ""), encoding="utf-8")
    program, *words = shlex.split(standing["command"])
    assert (program, words[0]) == ("importer", "retry")
    assert command(*words, "--quiet").code == 0
    (after,) = json.loads(command("status", "--json").out)["imports"]
    assert (after["rows"]["sent"], after["rows"]["rejected"], after["command"]) == (ROWS + 4, 0, None)
    Path(file["path"]).unlink()
    assert "it was taken away" in command("status").out


def test_status_without_imports_says_so(command: Command) -> None:
    ended = command("status")
    assert (ended.code, "No import has been started here" in ended.out) == (0, True)
    assert json.loads(command("status", "--json").out)["imports"] == []
    assert command("status", "--state-dir", "a.csv").code == 7  # a file in the place of the directory
