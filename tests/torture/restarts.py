"""An hour of trouble in less than a minute: the server is restarted, connections are reset, the importer is killed.

A relay stands between both, so that the address stays while servers come and go. The last run lives long, and its
memory is looked at: what grows in it would grow for hours.
"""

from __future__ import annotations

import contextlib
import math
import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from actors import Importer, running_oracle, wait_until
from oracle import Record, content_hash
from relay import Relay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors import Ended, Running

ROWS = 2_000
KILLS = 4
CONCURRENCY = 8
OPTIONS = ("--endpoint", "single", "--concurrency", str(CONCURRENCY), "--rate", "120")
GROWTH_BYTES = 8_000_000
FIRST_ORDER = datetime(2025, 1, 1, tzinfo=UTC)
MAPPING = """
version: 1
event: purchase
key: order_id
fields:
  id: order_id
  user.id: order_id
  remark: remark
  context.event_timestamp: ordered_at
"""


@dataclass
class Trouble:
    """The servers, one after the other, and what is done to them."""

    folder: Path
    relay: Relay
    chance: random.Random
    records: list[Record] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    _server: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def restart(self) -> None:
        """Kill the server, if there is one, and start another one."""
        self.relay.port_behind = None
        self._server.close()
        running = self._server.enter_context(running_oracle(self.folder / f"record-{len(self.records)}", "0.03"))
        running.answer(math.inf)
        self.records.append(running.record)
        self.relay.port_behind = int(running.url.rpartition(":")[2])
        self.counted["restarts"] += 1

    def reset(self) -> None:
        """Reset every connection there is."""
        self.counted["connections reset"] += self.relay.reset()

    def arrivals(self) -> int:
        """How many requests have arrived at the present server."""
        return len(self.records[-1].refresh().arrivals)

    def until_some_arrive(self, running: Running) -> bool:
        """Wait until some more requests have arrived; whether the importer is still at work."""
        goal = self.arrivals() + self.chance.randint(10, 90)
        wait_until(lambda: self.arrivals() >= goal or running.process.poll() is not None)
        return running.process.poll() is None

    def strike(self) -> None:
        """Whichever it is this time."""
        self.chance.choice([self.restart, self.reset, self.reset])()

    def close(self) -> None:
        """Stop the last server."""
        self._server.close()


def play(seed: int, folder: Path) -> Counter[str]:
    """Some kills, and a last run, all amid trouble."""
    chance = random.Random(seed)
    mapping, source, contents = _prepare(folder)
    importer = Importer(folder)
    with Relay() as relay, contextlib.closing(Trouble(folder, relay, chance)) as trouble:
        trouble.restart()
        try:
            for _ in range(KILLS):
                _killed(importer.start(mapping, source, relay.url, *OPTIONS), trouble)
            ended = _last(importer.start(mapping, source, relay.url, *OPTIONS), trouble)
        finally:
            importer.kill()
        again = importer.run(mapping, source, relay.url, *OPTIONS)
    assert (again.code, again.report["status"]) == (0, "nothing_new"), again.stderr
    _check(ended, contents, trouble)
    assert not importer.secret_places()
    return trouble.counted


def _prepare(folder: Path) -> tuple[Path, Path, dict[str, str]]:
    """The mapping, the export, and what must arrive of each order."""
    mapping, source = folder / "orders.yaml", folder / "orders.csv"
    mapping.write_text(MAPPING)
    contents, lines = {}, ["order_id,remark,ordered_at"]
    for number in range(ROWS):
        order, at = f"{number:06}", FIRST_ORDER + timedelta(minutes=number)
        remark = "r" * (number % 900 + 1)
        lines.append(f"{order},{remark},{at.isoformat()}")
        context = {"event_timestamp": round(at.timestamp() * 1000)}
        event = {"event_name": "purchase", "id": order, "user": {"id": order}, "remark": remark, "context": context}
        contents[order] = content_hash(event)
    source.write_text("\n".join(lines) + "\n")
    return mapping, source, contents


def _killed(running: Running, trouble: Trouble) -> None:
    for _ in range(trouble.chance.randint(1, 3)):
        if trouble.until_some_arrive(running):
            trouble.strike()
    assert trouble.until_some_arrive(running), "it ended before it could be killed"
    assert running.send(signal.SIGKILL)
    running.wait()
    trouble.counted["kills"] += 1


def _last(running: Running, trouble: Trouble) -> Ended:
    """The last run, with its memory noted each time that something strikes, and a little later."""
    memory: list[int] = []
    while trouble.until_some_arrive(running):
        trouble.strike()
        memory += _memory_bytes(running.process.pid)
    third = len(memory) // 3
    assert third > 2, "the last run was too short to say anything about its memory"
    growth = median(memory[2 * third :]) - median(memory[third : 2 * third])
    assert growth < GROWTH_BYTES, f"memory grew by {growth:,} bytes: {memory}"
    trouble.counted["looks at memory"] += len(memory)
    return running.wait()


def _memory_bytes(process: int) -> Iterator[int]:
    with contextlib.suppress(OSError):  # it has just ended
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        yield pages * 4096


def _check(ended: Ended, contents: dict[str, str], trouble: Trouble) -> None:
    """Base, and that repeats stay within what was in flight when something struck."""
    whole, counted = trouble.records[0], trouble.counted
    for record in trouble.records[1:]:
        whole.arrivals += record.refresh().arrivals
    whole.refresh()
    distinct = set(whole.events)
    assert ended.code == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert {event.order_id: event.content_hash for event in distinct} == contents
    assert len({event.event_id for event in distinct}) == len(distinct) == len(contents)
    rows = ended.report["rows"]
    assert rows["sent"] + rows["skipped"] == rows["read"] == len(contents)
    assert int(ended.report["digest"], 16) == whole.digest()
    assert whole.repeats() <= (counted["kills"] + counted["restarts"]) * CONCURRENCY + counted["connections reset"]
    counted["events"], counted["repeats"] = len(distinct), whole.repeats()
