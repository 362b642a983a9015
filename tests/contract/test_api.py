"""The Python API against the sandbox: in an event loop, in a thread, in a script that is interrupted."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from secret_watch import SOURCE_KEY as KEY

import importer
from importer.sandbox.process import received, spawn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.report import Snapshot

MAPPING = """\
version: 1
event: purchase
key: order_id
fields:
  id: order_id
  status: {column: state, map: {P: paid}}
  user.id: customer
  context.event_timestamp: at
"""
MENDED = MAPPING.replace("P: paid", "P: paid, X: cancelled")
ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


@pytest.fixture
def url() -> Iterator[str]:
    with spawn() as address:
        yield address


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A mapping, and an export of which it rejects one row."""
    mapping, source = tmp_path / "m.yaml", tmp_path / "orders.csv"
    mapping.write_text(MAPPING, encoding="utf-8")
    write(source, "PPXP")
    return mapping, source


def write(source: Path, states: str) -> None:
    rows = (f"{number:06},{state},c{number % 7},2024-01-02T03:04:05Z" for number, state in enumerate(states))
    source.write_text("\n".join(["order_id,state,customer,at", *rows, ""]), encoding="utf-8")


def test_validate_run_and_retry(files: tuple[Path, Path], url: str) -> None:
    mapping, source = files
    dry = importer.validate(mapping, source)
    wet = importer.run(str(mapping), [str(source)], site="7", source_key=KEY, url=url)
    assert (wet.rows.sent, wet.rows.rejected, wet.exit_code) == (3, 1, importer.ExitCode.ROWS_REJECTED)
    assert dry.digest == wet.digest
    assert wet.checkpoint is not None
    assert wet.checkpoint.parent == mapping.parent / ".importer"
    assert importer.run(mapping, source, site="7", source_key=KEY, url=url).status == "nothing_new"

    mapping.write_text(MENDED, encoding="utf-8")
    assert wet.rejects is not None
    again = importer.retry(mapping, wet.rejects, site="7", source_key=KEY, url=url)
    assert (again.rows.sent, again.exit_code) == (1, 0)
    assert again.overall == {"rows": 4, "sent": 4, "filtered": 0, "rejected": 0, "duplicate": 0}
    assert received(url)["digest"] == f"{importer.validate(mapping, source).digest:032x}"


def test_in_a_running_event_loop_and_signals_are_left_alone(files: tuple[Path, Path], url: str) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async def cell() -> importer.Report:
        return importer.run(*files, site="7", source_key=KEY, url=url)  # as a cell of a notebook does

    assert asyncio.run(cell()).rows.sent == 3
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert received(url)["unique_ids"] == 3


def test_in_a_thread_that_is_not_the_main_one(files: tuple[Path, Path], url: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        report = pool.submit(importer.run, *files, site="7", source_key=KEY, url=url).result(PATIENCE_SECONDS)
    assert report.rows.sent == 3


def test_a_mapping_without_a_file_is_known_by_its_state_directory(files: tuple[Path, Path], url: str) -> None:
    _, source = files
    state = source.parent / "state"
    first = importer.run(MAPPING, source, site="7", source_key=KEY, url=url, state_dir=state)
    assert first.rows.sent == 3
    assert importer.run(MAPPING, source, site="7", source_key=KEY, url=url, state_dir=state).rows.skipped == 4
    assert first.rejects is not None
    again = importer.retry(MENDED, first.rejects, site="7", source_key=KEY, url=url, state_dir=str(state))
    assert again.rows.sent == 1


def test_the_sandbox_needs_no_site_and_gets_everything_each_time(files: tuple[Path, Path]) -> None:
    for _ in range(2):
        report = importer.run(*files, sandbox=True)
        assert report.rows.sent == 3
    assert not Path(files[0].parent / "m.yaml").read_text(encoding="utf-8").count(KEY)


def test_what_stops_a_run_is_raised_with_its_report(files: tuple[Path, Path]) -> None:
    with spawn(["--fault", "status=401"]) as url, pytest.raises(importer.DestinationRefused) as caught:
        importer.run(*files, site="7", source_key=KEY, url=url)
    report = caught.value.report
    assert (report.status, report.exit_code, report.rows.sent) == ("refused", importer.ExitCode.REFUSED, 0)
    assert report.error.type == "DestinationRefused"
    assert KEY not in f"{caught.value} {report.to_json()} {report!r}"


def test_too_many_rejects(files: tuple[Path, Path], url: str) -> None:
    with pytest.raises(importer.TooManyRejects) as caught:
        importer.run(*files, site="7", source_key=KEY, url=url, max_rejects=0)
    assert caught.value.report.rows.sent == caught.value.report.rows.rejected == 0  # nothing was begun


def test_a_stop_from_another_thread(files: tuple[Path, Path]) -> None:
    mapping, source = files
    write(source, "P" * 2_000)
    stop = importer.Stop()
    with spawn(["--fault", "latency=0.05"]) as url:
        watcher = threading.Thread(target=_stop_when_some_arrived, args=(url, stop))
        watcher.start()
        with pytest.raises(importer.Interrupted) as caught:
            importer.run(
                mapping, source, site="7", source_key=KEY, url=url, stop=stop, endpoint="single", concurrency=2
            )
        watcher.join()
        report = caught.value.report
        assert 0 < report.rows.sent < 2_000
        assert received(url)["events"] == report.rows.sent


def _stop_when_some_arrived(url: str, stop: importer.Stop) -> None:
    _wait_for_events(url)
    stop.request()


def _wait_for_events(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not received(url)["events"]:
        assert time.monotonic() < deadline, "nothing arrives"
        time.sleep(0.01)


SCRIPT = """\
import json, os, sys
import importer

try:
    mapping, source, url = sys.argv[1:]
    key = os.environ["KEY"]
    importer.run(mapping, source, site="7", source_key=key, url=url, endpoint="single", concurrency=2)
except KeyboardInterrupt as interrupt:
    print(json.dumps(interrupt.__cause__.report.to_json()))
    print(interrupt)
"""


def test_ctrl_c_in_a_script_ends_gracefully_and_the_same_call_goes_on(files: tuple[Path, Path]) -> None:
    mapping, source = files
    write(source, "P" * 1_000)
    with spawn(["--fault", "latency=0.02"]) as url:
        command = [sys.executable, "-c", SCRIPT, str(mapping), str(source), url]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "KEY": KEY}
        ) as script:
            try:
                _wait_for_events(url)
                script.send_signal(signal.SIGINT)
                out, _ = script.communicate(timeout=PATIENCE_SECONDS)
            finally:
                script.kill()
        report, words = out.splitlines()[0], out.splitlines()[1:]
        sent = json.loads(report)["rows"]["sent"]
        assert (script.returncode, json.loads(report)["status"]) == (0, "interrupted")
        assert words == ["Stopped by SIGINT; what was answered is recorded."]
        assert 0 < sent < 1_000, report
        assert received(url)["events"] == sent
        rest = importer.run(mapping, source, site="7", source_key=KEY, url=url, endpoint="single")
        assert (rest.rows.sent, rest.rows.skipped, rest.events.resent) == (1_000 - sent, sent, 0)
        assert received(url)["repeats"] == 0


def test_a_stop_that_comes_when_all_is_settled_changes_nothing(files: tuple[Path, Path], url: str) -> None:
    """Else nobody would ever hear of the rejected rows by exit code 3: the next run has nothing new."""
    mapping, source = files
    write(source, "PPX")
    stop = importer.Stop()

    class StopsAtTheEnd:
        def update(self, snapshot: Snapshot) -> None:
            if snapshot.rows_done == 3:
                stop.request()

    report = importer.run(mapping, source, site="7", source_key=KEY, url=url, stop=stop, progress=StopsAtTheEnd())
    assert stop.signal_number is not None
    assert (report.status, report.exit_code, report.rows.sent, report.rows.rejected) == ("complete", 3, 2, 1)


@pytest.mark.parametrize("options", [{"limit": "10"}, {"test_code": 5}, {"max_rejects": 1.5}, {"again": "yes"}])
def test_an_option_of_another_type_is_named(files: tuple[Path, Path], options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"^{next(iter(options))} is "):
        importer.validate(*files, **options)


def test_a_share_of_rejects_may_be_a_text(files: tuple[Path, Path]) -> None:
    assert importer.validate(*files, max_rejects="1%").rows.read
    with pytest.raises(importer.UsageInvalid, match="max_rejects is 'many'"):
        importer.validate(*files, max_rejects="many")
