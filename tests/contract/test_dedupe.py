"""``dedupe: true`` against the sandbox: one event an id, over files, runs and limits, with all books in balance."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from secret_watch import SOURCE_KEY

import importer
from importer.errors import Interrupted, StateUnusable
from importer.sandbox.process import received, spawn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAPPING = """\
version: 1
event: purchase
key: id
dedupe: true
fields:
  id: id
  n: n
  user.id: id
  context.event_timestamp: {value: 1700000000000}
"""
GROUPED = MAPPING.replace("key: id", "group_by: [id, n]\nkey: id")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with spawn() as address:
        yield address


def write(folder: Path, name: str, cells: str) -> Path:
    file = folder / name
    file.write_text("id,n\n" + "".join(f"{cell}\n" for cell in cells.split()), encoding="utf-8")
    return file


def sent(url: str, mapping: Path, *files: Path, limit: int | None = None) -> tuple[importer.Report, int]:
    """The report of a run, and how many events arrived by it."""
    before = received(url)["events"]
    report = importer.run(mapping, list(files), site="7", source_key=SOURCE_KEY, url=url, limit=limit)
    return report, received(url)["events"] - before


def test_over_files_and_runs(tmp_path: Path, url: str) -> None:
    mapping = tmp_path / "m.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    a = write(tmp_path, "a.csv", "1,x 2,x 1,x")
    first, arrived = sent(url, mapping, a)
    assert (first.rows.sent, first.rows.duplicate, arrived) == (2, 1, 2)
    b = write(tmp_path, "b.csv", "2,y 3,y 3,z")
    dry = importer.validate(mapping, [a, b])
    second, arrived = sent(url, mapping, a, b)
    assert (second.rows.sent, second.rows.duplicate, second.rows.skipped, arrived) == (1, 2, 3, 1)
    assert second.overall == {"rows": 6, "sent": 3, "filtered": 0, "rejected": 0, "duplicate": 3}
    assert dry.digest == second.digest
    assert dry.rows.duplicate == 3
    third, arrived = sent(url, mapping, a, b)
    assert (third.status, arrived) == ("nothing_new", 0)
    earlier = write(tmp_path, "0-late.csv", "3,late 4,late")
    fourth, arrived = sent(url, mapping, earlier, a, b)
    assert (fourth.rows.sent, fourth.rows.duplicate, arrived) == (1, 1, 1), "what was sent is the first for ever"


def test_a_limited_run_goes_on_with_the_same_firsts(tmp_path: Path, url: str) -> None:
    mapping = tmp_path / "limited.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    source = write(tmp_path, "a.csv", "1,x 2,x 1,y 3,x 2,y 4,x")
    part, arrived = sent(url, mapping, source, limit=3)
    assert (part.rows.sent, part.rows.duplicate, arrived) == (3, 1, 3)
    rest, arrived = sent(url, mapping, source)
    assert (rest.rows.sent, rest.rows.duplicate, rest.rows.skipped, arrived) == (1, 1, 4, 1)


def test_a_limit_leaves_out_what_comes_behind_it_too(tmp_path: Path, url: str) -> None:
    mapping = tmp_path / "behind.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    files = [write(tmp_path, "a.csv", "1,x 1,y 1,z 2,x 2,y"), write(tmp_path, "b.csv", "2,z 3,x 3,y")]
    report, arrived = sent(url, mapping, *files, limit=3)
    assert (report.rows.sent, report.rows.duplicate, arrived) == (3, 5, 3)


def test_groups_with_a_key_of_their_own(tmp_path: Path, url: str) -> None:
    mapping = tmp_path / "grouped.yaml"
    mapping.write_text(GROUPED, encoding="utf-8")
    source = write(tmp_path, "a.csv", "1,x 1,y 2,x 1,x 1,y 1,y")
    report, arrived = sent(url, mapping, source)
    assert (report.rows.sent, report.rows.duplicate, report.events.accepted, arrived) == (3, 3, 2, 2)
    assert importer.validate(mapping, source).digest == report.digest


def test_a_frame(tmp_path: Path) -> None:
    import polars as pl  # noqa: PLC0415 -- of this test alone

    mapping = tmp_path / "m.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    found = importer.encode(pl.DataFrame({"id": ["1", "2", "1"], "n": ["a", "b", "c"]}), mapping)
    assert [b'"n":"a"' in event for event in found.events] == [True, False]
    assert (found.duplicates, found.filtered, len(found.rejects)) == (1, 0, 0)


class _Holding(BaseHTTPRequestHandler):
    """Has no time for a body with "hold". Takes all others, and then stops the run."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503 if b'"hold"' in body else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if b'"hold"' not in body:
            self.server.bodies.append(body)  # type: ignore[attr-defined]
            self.server.stop.request()  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def holding() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Holding) as server:
        server.bodies, server.stop = [], importer.Stop()  # type: ignore[attr-defined]
        Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


def test_what_was_left_out_for_an_event_that_never_went_is_no_first(
    tmp_path: Path, holding: ThreadingHTTPServer
) -> None:
    mapping = tmp_path / "m.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    url = f"http://127.0.0.1:{holding.server_port}"
    a, b = write(tmp_path, "a.csv", "1,hold"), write(tmp_path, "b.csv", "1,y 2,y")
    where = {"site": "7", "source_key": "k", "url": url, "max_body_bytes": 300, "max_item_bytes": 280}
    with pytest.raises(Interrupted) as ended:
        importer.run(mapping, [a, b], stop=holding.stop, **where)  # type: ignore[attr-defined]
    assert ended.value.report is not None
    assert (ended.value.report.rows.pending, ended.value.report.rows.duplicate) == (1, 1)
    a.unlink()
    c = write(tmp_path, "c.csv", "1,z")
    report = importer.run(mapping, [b, c], **where)
    assert (report.rows.sent, report.rows.skipped) == (1, 2)
    assert b'"n":"z"' in holding.bodies[-1]  # type: ignore[attr-defined]
    (kept,) = (tmp_path / ".importer").glob("*.left-out-*.arrow")
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_bytes(b"garbage")
    with pytest.raises(StateUnusable, match="left out"):
        importer.run(mapping, [b, c, write(tmp_path, "d.csv", "3,z")], **where)
    a = write(tmp_path, "a.csv", "1,hold")
    kept.unlink()
    again = importer.run(mapping, [a, b, c], **where)
    assert (again.rows.sent, again.rows.duplicate) == (0, 1), "what was sent comes before what comes back"


def test_nights_that_name_the_last_files_only_send_an_event_once(tmp_path: Path, url: str) -> None:
    mapping = tmp_path / "nights.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    nights = [write(tmp_path, f"n{night}.csv", f"x,same own-{night},y") for night in range(7)]
    found = [sent(url, mapping, *nights[max(0, night - 2) : night + 1])[0].rows for night in range(7)]
    assert [(rows.sent, rows.duplicate) for rows in found] == [(2, 0)] + [(1, 1)] * 6


def test_starting_over_forgets_what_was_left_out(tmp_path: Path, url: str) -> None:
    mapping = tmp_path / "over.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    a, b = write(tmp_path, "a.csv", "1,x 2,x"), write(tmp_path, "b.csv", "1,y 1,z")
    sent(url, mapping, a, b)
    for file in (tmp_path / ".importer").glob("over-*"):
        if ".left-out" not in file.name:
            file.unlink()
    report, arrived = sent(url, mapping, b)
    assert (report.rows.sent, report.rows.duplicate, arrived) == (1, 1, 1)
