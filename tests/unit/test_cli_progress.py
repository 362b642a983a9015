from __future__ import annotations

import json
import re
import sys

import pytest

from importer.cli.console import say, set_up_logging
from importer.cli.progress import Bar, Lines, Named, Silent, shown
from importer.report import Snapshot


@pytest.fixture(autouse=True)
def _as_text() -> None:
    """Whatever the tests before have asked for."""
    set_up_logging()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = Lines(clock)
    for second in range(1, 26):
        clock.now = 100.0 + second
        lines.update(Snapshot(second * 1000, 30_000, second * 900, 5, "grouping" if second < 15 else ""))
    assert capsys.readouterr().err.splitlines() == [
        "grouping: 10,000 of 30,000 rows, 9,000 events, 5 rejected",
        "20,000 of 30,000 rows, 18,000 events, 5 rejected",
    ]


def test_a_line_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    set_up_logging(log_format="json")
    lines = Lines(clock)
    clock.now += 10
    lines.update(Snapshot(1, None, 1, 0, "grouping"))
    line = json.loads(capsys.readouterr().err)
    assert {name: line[name] for name in ("event", "rows_done", "rows_total", "events", "rejected", "phase")} == {
        "event": "progress", "rows_done": 1, "rows_total": None, "events": 1, "rejected": 0, "phase": "grouping",
    }  # fmt: skip


def test_a_phase_has_its_name_and_its_own_count(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar()
    bar.update(Snapshot(100, None, 0, 0, "grouping"))
    bar.update(Snapshot(4_000, None, 0, 0, "grouping"))
    bar.update(Snapshot(500, 2_000, 0, 0))
    bar.update(Snapshot(2_000, 2_000, 7, 3))
    bar.close()
    screen = capsys.readouterr().err
    grouping, sending, _ = screen.split("\n")
    assert "grouping: 4.00k rows" in grouping.rpartition("\r")[2]
    assert re.match(r"100%.*2\.00k/2\.00k .*events=7, rejected=3", sending.rpartition("\r")[2])
    assert "grouping" not in sending
    assert "-" not in screen  # no rate is negative


def test_a_message_has_a_line_of_its_own_beside_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    bar = Bar()
    bar.update(Snapshot(1, 10, 0, 0))
    say("note", "hello")
    bar.close()
    before, _, after = capsys.readouterr().err.partition("hello\n")
    assert before.endswith("\r")
    assert "1.00/10.0" in after  # the bar is drawn again
    say("note", "after it")
    assert capsys.readouterr().err == "after it\n"


def test_a_bar_that_never_moved_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Bar().close()
    assert capsys.readouterr().err == ""


def test_what_fits_where_stderr_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    with shown(quiet=False) as progress:
        assert isinstance(progress, Lines)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with shown(quiet=True) as progress:
        assert isinstance(progress, Silent)
    with shown(quiet=False) as progress:
        assert isinstance(progress, Bar)
    set_up_logging(log_format="json")
    with shown(quiet=False) as progress:
        assert isinstance(progress, Lines)


def test_a_phase_is_named_unless_it_names_itself() -> None:
    seen: list[Snapshot] = []

    class Seen:
        def update(self, snapshot: Snapshot) -> None:
            seen.append(snapshot)

    named = Named(Seen(), "checking")
    named.update(Snapshot(1, 2, 3, 4))
    named.update(Snapshot(1, 2, 3, 4, "grouping"))
    assert [snapshot.phase for snapshot in seen] == ["checking", "grouping"]
