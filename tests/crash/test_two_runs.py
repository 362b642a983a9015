"""Rows 21 and 22 of the scoreboard: two runs on one checkpoint, and a run that is not the one before it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actors import Importer, RunningOracle

MAPPING = """\
version: 1
event: purchase
key: [order_id]
timezone: Europe/Paris
fields:
  id: order_id
  value: {column: total, type: number, round: 2}
  user.id: {value: u}
  context.event_timestamp: at
"""
OPTIONS = ("--concurrency", "2", "--max-item-bytes", "900", "--max-body-bytes", "1000")
ROWS = 60


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    mapping, source = tmp_path / "orders.yaml", tmp_path / "orders.csv"
    mapping.write_text(MAPPING)
    rows = "".join(f"{number:04},{number},2024-01-02T03:04:05\n" for number in range(ROWS))
    source.write_text("order_id,total,at\n" + rows)
    return mapping, source


def arrived(oracle: RunningOracle) -> list[str]:
    return sorted({event.order_id for event in oracle.record.refresh().events})


def test_the_second_run_on_a_checkpoint_is_kept_out_by_whatever_name_until_the_first_is_killed(
    files: tuple[Path, Path],
    tmp_path: Path,
    importer: Importer,
    start_oracle: Callable[[], RunningOracle],
    wait_until: Callable[[Callable[[], bool]], None],
) -> None:
    mapping, source = files
    oracle = start_oracle()
    oracle.answer(1)
    first = importer.start(mapping, source, oracle.url, *OPTIONS)
    wait_until(lambda: len(oracle.record.refresh().arrivals) == 3)  # one is answered, two wait
    (checkpoint,) = importer.state_dir.glob("*.sqlite")
    link, other, elsewhere = tmp_path / "link.yaml", tmp_path / "other", tmp_path / "elsewhere"
    link.symlink_to(mapping)
    other.symlink_to(importer.state_dir)
    elsewhere.mkdir()
    (elsewhere / checkpoint.name).symlink_to(checkpoint)
    before = len(oracle.record.arrivals)
    for by, state_dir in ((mapping, importer.state_dir), (link, other), (mapping, elsewhere)):
        ended = importer.run_here(by, source, oracle.url, *OPTIONS, "--state-dir", str(state_dir))
        assert (ended.code, ended.report["requests"]) == (11, 0), ended.stderr
        assert f"process {first.process.pid}" in ended.stderr
    assert len(oracle.record.refresh().arrivals) == before
    first.process.kill()
    first.wait()
    oracle.answer(math.inf)
    final = importer.run_here(link, source, oracle.url, *OPTIONS, "--state-dir", str(elsewhere))
    assert final.code == 0, final.stderr
    assert arrived(oracle) == [f"{number:04}" for number in range(ROWS)]
    assert oracle.record.repeats() <= 2 * max(len(arrival.events) for arrival in oracle.record.arrivals)
    assert importer.run_here(mapping, source, oracle.url, *OPTIONS).report["status"] == "nothing_new"


OTHER_MAPPINGS = {
    "mapping.fields.value.column": ("column: total", "column: order_id"),
    "mapping.timezone": ("Europe/Paris", "Europe/London"),
    "mapping.event": ("event: purchase", "event: refund"),
    "mapping.key": ("key: [order_id]", "key: [order_id, at]"),
}
SAME_MAPPINGS = {
    "comments": MAPPING.replace("fields:", "# the columns\nfields:  # of it"),
    "order of keys": MAPPING.replace("column: total, type: number, round: 2", "round: 2, type: number, column: total"),
    "other words": MAPPING.replace("id: order_id", 'id: {column: "order_id"}').replace("[order_id]", "order_id"),
}


def test_another_mapping_is_refused_with_the_difference_and_another_writing_of_it_is_not(
    files: tuple[Path, Path], importer: Importer, start_oracle: Callable[[], RunningOracle]
) -> None:
    mapping, source = files
    oracle = start_oracle()
    for name, same in {"first": MAPPING, **SAME_MAPPINGS}.items():
        mapping.write_text(same)
        ended = importer.run_here(mapping, source, oracle.url, "--limit", "5")
        assert (ended.code, ended.report["rows"]["sent"]) == (0, 5), f"{name}: {ended.stderr}"
    before = len(oracle.record.refresh().arrivals)
    for place, (was, now) in OTHER_MAPPINGS.items():
        mapping.write_text(MAPPING.replace(was, now))
        ended = importer.run_here(mapping, source, oracle.url)
        assert (ended.code, ended.report["requests"]) == (2, 0), place
        assert place in ended.stderr
        assert " -> " in ended.stderr
    assert len(oracle.record.refresh().arrivals) == before


def test_another_site_or_server_is_another_import_and_the_first_one_goes_on(
    files: tuple[Path, Path], importer: Importer, start_oracle: Callable[[], RunningOracle]
) -> None:
    mapping, source = files
    one, other = start_oracle(), start_oracle()
    whole = [f"{number:04}" for number in range(ROWS)]
    assert importer.run_here(mapping, source, one.url, "--limit", "5").code == 0
    assert importer.run_here(mapping, source, other.url).report["rows"]["sent"] == ROWS
    assert importer.run_here(mapping, source, one.url, "--site", "5").report["rows"]["sent"] == ROWS
    final = importer.run_here(mapping, source, one.url)
    assert (final.report["rows"]["sent"], final.report["rows"]["skipped"]) == (ROWS - 5, 5)
    assert arrived(other) == arrived(one) == whole
    assert len(one.record.events) == 2 * ROWS
    assert len(list(importer.state_dir.glob("*.sqlite"))) == 3
