from __future__ import annotations

import io
import json
import logging
import signal
import sys
from typing import Any

import click
import pytest

from importer.cli.console import say, set_up_logging
from importer.cli.failures import exit_code_of, tell
from importer.errors import ImportLocked, Interrupted, MappingInvalid, Problem

log = logging.getLogger("importer.patience")
foreign = logging.getLogger("asyncio")


@pytest.fixture(autouse=True)
def _as_text() -> None:
    """Whatever the tests before have asked for."""
    set_up_logging()


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_words_have_no_prefix_and_warnings_have_one(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    say("note", "a.csv is read as text")
    say("warning", "odd", level=logging.WARNING, hint="Look there.")
    log.warning("The destination is down (%s).", "503")
    log.info("details")
    assert capsys.readouterr().err.splitlines() == [
        "a.csv is read as text", "warning: odd", "  Look there.", "warning: The destination is down (503).",
    ]  # fmt: skip


def test_as_json_every_line_has_the_stable_fields_first(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(log_format="json")
    say("plan", "two\nlines \udcff \x1b[2J 100%", files=2)
    log.warning("The destination is down (%s).", "503")
    foreign.error("Task exception was never retrieved\nfuture: <Task ... token=secret>")
    plan, down, task = objects(capsys)
    assert list(plan) == ["time", "level", "event", "message", "files"]
    assert (plan["message"], plan["files"]) == ("two\nlines \udcff \x1b[2J 100%", 2)
    assert list(down) == ["time", "level", "event", "message", "logger"]
    assert (down["event"], down["level"], down["logger"]) == ("log", "warning", "importer.patience")
    assert (task["event"], task["message"]) == ("log", "Task exception was never retrieved")


def test_what_libraries_say_below_their_first_line_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging()
    foreign.error("Unclosed connection\nhttps://host/?token=secret")
    assert capsys.readouterr().err == "error: Unclosed connection\n"


def test_quiet_lets_through_what_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(quiet=True, verbose=True)
    say("note", "no")
    say("warning", "no", level=logging.WARNING)
    log.warning("no")
    log.debug("no")
    say("rejects", "3 rows", level=logging.WARNING)
    say("stop", "Stopping")
    tell(ImportLocked("Locked.", "Wait."))
    assert capsys.readouterr().err == "warning: 3 rows\nStopping\nerror: Locked.\n  Wait.\n"


def test_verbose_shows_what_the_importer_does(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(verbose=True)
    log.debug("details")
    assert capsys.readouterr().err == "debug: details\n"


def test_text_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("note", "a\x1b[2J\rb\u202e")
    assert capsys.readouterr().err == "a\\x1b[2J\\rb\\u202e\n"


def test_warnings_of_libraries_are_lines_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(log_format="json")
    logging.getLogger("py.warnings").warning("%s", "x.py:1: UserWarning: odd\n  call()\n")
    (line,) = objects(capsys)
    assert (line["level"], line["message"]) == ("warning", "x.py:1: UserWarning: odd")


def test_a_stderr_that_is_closed_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    say("note", "nobody hears this")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ImportLocked("Locked.", "Wait."), 11, "Locked."),
        (Interrupted(signal.SIGTERM), 143, "Stopped by SIGTERM; what was answered is recorded."),
        (click.UsageError("No such option."), 2, "No such option."),
        (click.Abort(), 130, "Interrupted."),
        (KeyboardInterrupt(), 130, "Interrupted."),
        (ZeroDivisionError("by zero"), 1, "ZeroDivisionError: by zero"),
    ],
)
def test_an_error_as_an_object(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, message: str
) -> None:
    set_up_logging(log_format="json")
    tell(error)
    (line,) = objects(capsys)
    assert (line["event"], line["level"], line["exit_code"]) == ("error", "error", code)
    assert (line["message"], line["type"]) == (message, type(error).__name__)
    assert ("traceback" in line) == (code == 1)
    assert exit_code_of(error) == code


def test_the_problems_of_a_mapping_keep_their_places(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(log_format="json")
    tell(MappingInvalid("m.yaml", [Problem(3, 5, "fields.id", "unknown key")]))
    (line,) = objects(capsys)
    assert line["problems"] == [{"line": 3, "column": 5, "path": "fields.id", "message": "unknown key"}]


def test_only_a_bug_shows_where_it_happened(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        broken()
    tell(caught.value)
    err = capsys.readouterr().err
    assert "in broken" in err
    assert err.splitlines()[-2].startswith("error: ZeroDivisionError")
    assert "report the lines above" in err.splitlines()[-1]
    tell(ImportLocked("Locked."))
    assert capsys.readouterr().err == "error: Locked.\n"
