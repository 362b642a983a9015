"""Signals at random moments into random kinds of imports, which are resumed until they are done.

After the first signal nothing is repeated. After a second one, which ends the process at once, no more is repeated than
was under way. Only while Python itself starts may a signal kill the process.
"""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from actors import Importer, Running, running_oracle
from oracle import content_hash

if TYPE_CHECKING:
    from pathlib import Path

    from actors import Ended, RunningOracle

MAPPING = """\
version: 1
event: purchase
{identity}
fields:
  id: order_id
  value: {{column: total, type: number}}
  user.id: customer
  context.event_timestamp: {{value: 1704164645000}}
"""
IDENTITIES = {
    "plain": "key: order_id",
    "single": "key: order_id",
    "grouped": "group_by: [order_id]",
    "dedupe": "key: order_id\ndedupe: true",
}
GRACEFUL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONGEST_SECONDS = 2.5
BAD_EVERY = 97


@dataclass(frozen=True)
class Job:
    """An import, what must arrive of it, and how many of its rows have which fate."""

    mapping: Path
    source: Path
    options: tuple[str, ...]
    concurrency: int
    contents: dict[str, str]
    rejected: int
    duplicate: int


def play(seed: int, folder: Path) -> Counter[str]:
    """Disturb one import some times, let it end, and look at what arrived."""
    chance, counted = random.Random(seed), Counter[str]()
    job = _job(chance, folder)
    importer = Importer(folder)
    latency = chance.choice((0.0, 0.02, 0.1))
    try:
        with running_oracle(folder / "oracle.ndjson", str(latency)) as oracle:
            for _ in range(chance.randint(2, 5)):
                _disturb(chance, job, importer, oracle, counted)
            final = importer.run(job.mapping, job.source, oracle.url, *job.options)
            _check(job, importer, oracle, final, counted)
    finally:
        importer.kill()
    return counted


def _job(chance: random.Random, folder: Path) -> Job:
    kind = chance.choice(tuple(IDENTITIES))
    orders = 300 if kind == "single" else chance.randint(200, 6_000)
    rows = [_row(number, is_bad=kind != "grouped" and number % BAD_EVERY == 1) for number in range(orders)]
    good = [row for row in rows if row["total"] != "bad"]
    copies = {"grouped": rows[::3], "dedupe": good[::5]}.get(kind, [])
    concurrency = chance.choice((1, 3, 16))
    body_bytes = chance.choice((4_000, 40_000))
    options = ["--endpoint", "single" if kind == "single" else "batch", "--concurrency", str(concurrency)]
    return Job(
        mapping=_written(folder / "orders.yaml", MAPPING.format(identity=IDENTITIES[kind])),
        source=_source(folder, rows + copies, chance.choice((".csv", ".parquet"))),
        options=(*options, "--max-item-bytes", "2000", "--max-body-bytes", str(body_bytes)),
        concurrency=concurrency,
        contents={row["order_id"]: _content(row) for row in good},
        rejected=len(rows) - len(good),
        duplicate=len(copies) if kind == "dedupe" else 0,
    )


def _row(number: int, *, is_bad: bool) -> dict[str, str]:
    total = "bad" if is_bad else f"{number % 500}.25"
    return {"order_id": f"{number:06}", "total": total, "customer": f"c{number % 7}"}


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _source(folder: Path, rows: list[dict[str, str]], suffix: str) -> Path:
    source, frame = folder / f"orders{suffix}", pl.DataFrame(rows)
    if suffix == ".csv":
        frame.write_csv(source)
    else:
        frame.write_parquet(source, row_group_size=500)
    return source


def _content(row: dict[str, str]) -> str:
    event: dict[str, Any] = {"event_name": "purchase", "id": row["order_id"], "value": float(row["total"])}
    event |= {"user": {"id": row["customer"]}, "context": {"event_timestamp": 1704164645000}}
    return content_hash(event)


def _disturb(chance: random.Random, job: Job, importer: Importer, oracle: RunningOracle, counted: Counter[str]) -> None:
    """Start the import, send one signal or two at a random moment, and look at how it ended."""
    running = importer.start(job.mapping, job.source, oracle.url, *job.options)
    _wait(running, chance.uniform(0, LONGEST_SECONDS))
    first, second = chance.choice(GRACEFUL), chance.choice((None, None, signal.SIGINT, signal.SIGTERM))
    alive = running.send(first)
    if second:
        _wait(running, chance.choice((0, chance.uniform(0, 0.3))))
        running.send(second)
    ended = running.wait()
    counted.update(signals=alive, twice=alive and second is not None)
    _check_end(ended, first if alive else None, second, counted)


def _wait(running: Running, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and running.process.poll() is None:
        time.sleep(0.002)


def _check_end(
    ended: Ended, first: signal.Signals | None, second: signal.Signals | None, counted: Counter[str]
) -> None:
    codes = {130 if one == signal.SIGINT else 143 for one in (first, second) if one}
    if first is None or ended.code in {0, 3}:
        assert ended.report["status"] in {"complete", "nothing_new"}, ended
        counted["too_late"] += 1
    elif ended.report and ended.code in {-first, -(second or first)}:
        counted["after_the_end"] += 1  # between our handlers and the end of the interpreter, for a moment
    elif ended.code in codes:
        assert "Traceback" not in ended.stderr, ended.stderr
        assert ended.report.get("status") in {"interrupted", None}, ended
        # Without a report it was ended at once; or before it had begun, which does no harm.
        counted["graceful" if ended.report else "at_once"] += 1
    else:
        assert _is_of_python(ended, first, second), ended
        counted["python_started"] += 1


def _is_of_python(ended: Ended, first: signal.Signals, second: signal.Signals | None) -> bool:
    """Whether the signal came before the importer had its first line run."""
    killed = ended.code in {-first, -(second or first)}
    return (killed or ended.code == 1) and "importer/cli" not in ended.stderr


def _check(job: Job, importer: Importer, oracle: RunningOracle, final: Ended, counted: Counter[str]) -> None:
    record = oracle.record.refresh()
    is_told = job.rejected and not counted["too_late"]  # else the run that was disturbed too late has told it
    assert final.code == (3 if is_told else 0), final.stderr
    assert {arrival.status for arrival in record.arrivals} == {200}
    assert {event.order_id: event.content_hash for event in record.events} == job.contents
    assert len(record.times_by_id()) == len(job.contents)
    largest = max(len(arrival.events) for arrival in record.arrivals)
    assert record.repeats() <= counted["at_once"] * job.concurrency * largest
    _check_report(job, final, record.digest())
    assert not importer.secret_places()
    counted.update(events=len(job.contents), repeats=record.repeats())


def _check_report(job: Job, final: Ended, digest: int) -> None:
    overall, rejects = final.report["overall"], final.report["rejects"]
    assert (overall["rejected"], overall["duplicate"]) == (job.rejected, job.duplicate)
    assert overall["sent"] == overall["rows"] - job.rejected - job.duplicate
    assert int(final.report["digest"], 16) == digest
    with open(rejects) as lines:  # noqa: PTH123 - its path is a text
        assert len({json.loads(line)["row"] for line in lines}) == job.rejected
