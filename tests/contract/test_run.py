"""`importer run` from end to end against the sandbox in its own process: what it promises when things go wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from secret_watch import SOURCE_KEY as KEY

from importer import beginning, wire
from importer.checkpoint import OPEN_END, Checkpoint, ImportKey, list_imports
from importer.cli import main
from importer.records import Span
from importer.sandbox.process import received, spawn
from importer.sender import Sender

if TYPE_CHECKING:
    from importer.outstanding import Work
    from importer.profiles import EndpointProfile
    from importer.sender import Transport
    from importer.settings import RetryPolicy

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
ROWS = 3_000

Importer = Callable[..., tuple[int, dict[str, Any], str]]


def _orders(first: int, count: int = ROWS) -> str:
    rows = (f"{number:06},{number}.50,c{number % 7},2024-01-02T03:04:05Z\n" for number in range(first, first + count))
    return "order_id,total,customer,at\n" + "".join(rows)


@pytest.fixture
def importer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Importer:
    """Runs the command line in a folder with a mapping and an export; gives exit code, report and all that it wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPORTER_SOURCE_KEY", KEY)
    Path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    Path("exports").mkdir()
    Path("exports/a.csv").write_text(_orders(0), encoding="utf-8")

    def run(*arguments: str, source: str = "exports") -> tuple[int, dict[str, Any], str]:
        monkeypatch.setattr(
            "sys.argv", ["importer", "run", "mapping.yaml", source, "--site", "7", "--json", *arguments]
        )
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        assert KEY not in out + err
        return int(ended.value.code or 0), json.loads(out), err

    return run


def test_a_second_run_sends_nothing_and_a_new_file_is_imported_alone(importer: Importer) -> None:
    with spawn() as url:
        first = importer("--url", url)
        again = importer("--url", url)
        Path("exports/b.csv").write_text(_orders(ROWS, 10), encoding="utf-8")
        third = importer("--url", url)
        seen = received(url)

    assert (first[0], first[1]["status"], first[1]["rows"]["sent"]) == (0, "complete", ROWS)
    assert (again[0], again[1]["status"], again[1]["requests"]) == (0, "nothing_new", 0)
    assert (third[1]["rows"]["sent"], third[1]["rows"]["skipped"]) == (10, ROWS)
    assert seen["unique_ids"] == seen["events"] == ROWS + 10
    assert third[1]["digest"] == seen["digest"]


def test_the_dry_run_says_what_the_run_does(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["importer", "validate", "mapping.yaml", "exports", "--json"])
    with pytest.raises(SystemExit):
        main()
    dry = json.loads(capfd.readouterr().out)
    with spawn() as url:
        _, wet, _ = importer("--url", url)
        seen = received(url)

    assert dry["digest"] == wet["digest"] == seen["digest"]
    for part in ("rows", "events", "requests", "sizes", "batches"):
        assert dry[part] == wet[part]


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        ("status=401", 6, "IMPORTER_SOURCE_KEY"),
        ("status=403", 6, "site"),
        ("status=404", 6, "--endpoint single"),
        ("redirect=302", 6, "--url"),
        ("html", 6, "--url"),
        ("status=400", 6, "mapping"),
    ],
)
def test_a_destination_that_refuses_gets_nothing_marked_as_sent(
    importer: Importer, fault: str, code: int, says: str
) -> None:
    with spawn(["--fault", fault]) as url:
        ended, report, words = importer("--url", url)
        assert (ended, report["status"], report["rows"]["sent"]) == (code, "refused", 0)
        assert report["rows"]["pending"] == report["rows"]["read"] == ROWS
        assert says in words
        assert report["requests"] < 200
    with spawn() as url:  # another address is another import: everything is sent there
        assert importer("--url", url)[1]["rows"]["sent"] == ROWS


def _sender_that_hardly_waits(
    transport: Transport,
    profile: EndpointProfile,
    policy: RetryPolicy,
    requests_per_second: float | None,
    **rest: object,
) -> Sender:
    """How long it waits before it tries again is exact in ``tests/unit/test_sender.py``."""
    return Sender(transport, profile, replace(policy, base_backoff_seconds=0.02), requests_per_second, **rest)


@pytest.mark.parametrize("fault", ["status=503:0.3", "reset=after:0.2", "store-then-drop=0.2", "status=429:2x:1"])
def test_what_fails_is_repeated_with_the_same_ids_and_bytes(
    importer: Importer, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "Sender", _sender_that_hardly_waits)
    with spawn(["--fault", fault, "--seed", "3"]) as url:
        code, report, _ = importer("--url", url, "--endpoint", "single", source="exports/small.csv")
        assert code == 4
        Path("exports/small.csv").write_text(_orders(0, 60), encoding="utf-8")
        code, report, _ = importer("--url", url, "--endpoint", "single", source="exports/small.csv")
        seen = received(url)

    assert (code, report["rows"]["sent"]) == (0, 60)
    assert (seen["unique_ids"], seen["distinct"], seen["conflicts"]) == (60, 60, 0)
    assert report["digest"] == seen["digest"]
    assert report["retries"] > 0
    assert seen["repeats"] <= report["retries"]  # one event may be repeated more than once, and is counted once
    assert bool(report["events"]["resent"]) or not seen["repeats"]


def test_a_source_that_changed_is_refused(importer: Importer) -> None:
    with spawn() as url:
        importer("--url", url, "--limit", "5")
        Path("exports/a.csv").write_text(_orders(0, ROWS + 1), encoding="utf-8")
        code, report, words = importer("--url", url)
        assert (code, report["requests"]) == (4, 0)
        assert "--again" in words
        assert received(url)["events"] == 5


def test_another_mapping_on_an_unfinished_import_is_refused_with_the_difference(importer: Importer) -> None:
    with spawn() as url:
        importer("--url", url, "--limit", "5")
        Path("mapping.yaml").write_text("# a comment\n" + MAPPING, encoding="utf-8")
        assert importer("--url", url, "--limit", "5")[0] == 0
        Path("mapping.yaml").write_text(MAPPING.replace("value: total", "revenue: total"), encoding="utf-8")
        code, report, words = importer("--url", url)
    assert (code, report["requests"]) == (2, 0)
    assert "revenue" in words


def test_another_run_holds_the_import(importer: Importer) -> None:
    from datetime import UTC, datetime  # noqa: PLC0415

    with spawn() as url:
        importer("--url", url, "--limit", "5")
        (path,) = list_imports(Path(".importer"))
        key = ImportKey(Path("mapping.yaml"), url, "7")
        assert path.name == key.file_name()
        with Checkpoint(Path(".importer"), key, lambda: datetime.now(UTC)):
            code, report, words = importer("--url", url)
    assert (code, report["requests"]) == (11, 0)
    assert f"process {os.getpid()}" in words


def test_too_many_rejects_stop_the_run(importer: Importer) -> None:
    bad = "".join(f"x{number},abc,c,2024-01-02T03:04:05Z\n" for number in range(20))
    Path("exports/a.csv").write_text(_orders(0) + bad, encoding="utf-8")
    with spawn() as url:
        code, report, words = importer("--url", url, "--max-rejects", "19")
        assert (code, "20" in words) == (8, True)
        assert importer("--url", url, "--max-rejects", "20")[0] in {0, 3}
    rejects = [json.loads(line) for line in Path(report["rejects"]).read_text(encoding="utf-8").splitlines()]
    assert [line["row"] for line in rejects] == list(range(ROWS + 1, ROWS + 21))
    assert {line["source_row"]["total"] for line in rejects} == {"abc"}
    assert oct(Path(report["rejects"]).stat().st_mode)[-3:] == "600"


def test_no_byte_on_disk_holds_the_key(importer: Importer, tmp_path: Path) -> None:
    with spawn(["--fault", "status=401"]) as url:
        importer("--url", url, "--verbose")
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes()


def test_rows_that_nobody_read_are_noticed(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    works = beginning._works

    def forgetful(*arguments: Any) -> list[Work]:  # noqa: ANN401
        return [replace(work, missing=[Span(work.number, 100, OPEN_END)]) for work in works(*arguments)]

    monkeypatch.setattr(beginning, "_works", forgetful)
    with spawn() as url:
        code, report, words = importer("--url", url)
        assert (code, report["rows"]["sent"], "never read" in words) == (1, ROWS - 99, True)
        monkeypatch.setattr(beginning, "_works", works)
        assert importer("--url", url)[0] == 0
        assert received(url)["unique_ids"] == ROWS


def test_the_pace_leaves_room_for_a_server_that_counts() -> None:
    assert wire._paced(500) == 495
    assert wire._paced(None) is None
