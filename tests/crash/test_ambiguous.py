"""What was in flight when a run died: named by ``status`` and by the next run, which sends it again or stops."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actors import Importer, RunningOracle

MAPPING = """
version: 1
event: purchase
key: id
fields:
  id: id
  user.id: id
  context.event_timestamp: {value: 1704164645000}
"""
ROWS = 60
OPTIONS = ("--concurrency", "2", "--max-item-bytes", "400", "--max-body-bytes", "2000")


def test_rows_in_flight_at_a_kill_are_named_and_sent_again_only_if_the_user_wants(
    tmp_path: Path,
    importer: Importer,
    start_oracle: Callable[[], RunningOracle],
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    mapping, source, oracle = tmp_path / "m.yaml", tmp_path / "orders.csv", start_oracle()
    mapping.write_text(MAPPING)
    source.write_text("id\n" + "".join(f"{number}\n" for number in range(ROWS)))
    oracle.answer(2)
    running = importer.start(mapping, source, oracle.url, *OPTIONS)
    wait_until(lambda: len(oracle.record.refresh().arrivals) == 4)
    running.send(signal.SIGKILL)
    running.wait()
    oracle.answer(1_000)

    stopped = importer.run_here(mapping, source, oracle.url, *OPTIONS, "--ambiguous", "stop")
    assert (stopped.code, stopped.report["requests"], stopped.report["status"]) == (8, 0, "incomplete")
    assert "--ambiguous resend" in stopped.stderr
    ambiguous = stopped.report["ambiguous"]
    in_flight = {int(event.order_id) + 1 for arrival in oracle.record.arrivals[2:] for event in arrival.events}
    named = {row for span in ambiguous["ranges"] for row in range(span["first"], span["last"] + 1)}
    assert in_flight <= named
    assert ambiguous["rows"] == len(named) <= ROWS
    assert {span["file"] for span in ambiguous["ranges"]} == {str(source)}

    (status,) = importer.command_here("status", "--state-dir", str(importer.state_dir), "--json").report["imports"]
    assert status["rows"]["ambiguous"] == len(named), "stopping has changed nothing"
    final = importer.run_here(mapping, source, oracle.url, *OPTIONS)
    assert (final.code, final.report["ambiguous"]) == (0, ambiguous)
    assert set(oracle.record.refresh().times_by_id().values()) == {1, 2}
    assert len(in_flight) <= oracle.record.repeats() <= len(named) == final.report["events"]["resent"]
    again = importer.run_here(mapping, source, oracle.url, *OPTIONS, "--ambiguous", "stop")
    assert (again.code, again.report["ambiguous"]["rows"]) == (0, 0)
