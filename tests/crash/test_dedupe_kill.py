"""Kills while a run looks for duplicates and while it sends: each id arrives, and what is left out stays left out."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from oracle import content_hash

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actors import Importer, RunningOracle

ROWS, IDS = 6_000, 4_000
OPTIONS = ("--concurrency", "2", "--max-item-bytes", "2000", "--max-body-bytes", "20000")
MAPPING = """
version: 1
event: purchase
key: order_id
dedupe: true
fields:
  id: order_id
  note: note
  user.id: {value: u}
  context.event_timestamp: {value: 1704164645000}
"""


def test_after_kills_each_first_has_arrived_and_no_other(
    tmp_path: Path,
    importer: Importer,
    start_oracle: Callable[[float], RunningOracle],
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    mapping, source, oracle = tmp_path / "m.yaml", tmp_path / "orders.csv", start_oracle(0.02)
    mapping.write_text(MAPPING)
    rows = [f"{number * 7919 % IDS:05},n{number}" for number in range(ROWS)]
    source.write_text("order_id,note\n" + "\n".join(rows) + "\n")
    first: dict[str, str] = {}
    for row in rows:
        order, note = row.split(",")
        first.setdefault(order, note)

    looking = importer.start(mapping, source, oracle.url, *OPTIONS)
    wait_until(lambda: any(importer.state_dir.glob("*.sqlite")))
    assert looking.send(signal.SIGKILL)
    assert looking.wait().code == -signal.SIGKILL
    for goal in (5, 15):
        sending = importer.start(mapping, source, oracle.url, *OPTIONS)
        record = oracle.record.refresh()
        wait_until(lambda goal=goal, record=record: len(record.refresh().arrivals) >= goal)  # type: ignore[misc]
        assert sending.send(signal.SIGKILL)
        sending.wait()
    final = importer.run(mapping, source, oracle.url, *OPTIONS)

    assert final.code == 0, final.stderr
    record = oracle.record.refresh()
    assert {event.order_id: event.content_hash for event in record.events} == {
        order: content_hash(_event(order, note)) for order, note in first.items()
    }
    overall = final.report["overall"]
    assert (overall["sent"], overall["duplicate"], overall["rows"]) == (IDS, ROWS - IDS, ROWS)
    assert int(final.report["digest"], 16) == record.digest()
    assert list(importer.state_dir.glob("importer-ids-*")) == [], "what a kill left is gone"
    again = importer.run_here(mapping, source, oracle.url, *OPTIONS)
    assert (again.code, again.report["requests"]) == (0, 0)


def _event(order: str, note: str) -> dict[str, object]:
    """What must arrive, made on a path of its own."""
    context = {"event_timestamp": 1704164645000}
    return {"event_name": "purchase", "id": order, "note": note, "user": {"id": "u"}, "context": context}
