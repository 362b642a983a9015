"""Kills while rows are grouped and while groups are sent: every group arrives once and whole, or again as it was."""

from __future__ import annotations

import random
import signal
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import pytest
from oracle import content_hash

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Ended, Importer, Running, RunningOracle
    from oracle import Record

CONCURRENCY = 3
FILES, ORDERS, LINES = 4, 6_000, 180_000
KILLS_WHILE_SENDING = 3
MAPPING = """
version: 1
event: purchase
group_by: [order_id]
where: price > 0
source: {columns: {price: integer}}
fields:
  id: order_id
  value: {sql: "SUM(price)"}
  items: {each: {id: sku}}
  user.id: customer
  context.event_timestamp: {value: 1704164645000}
"""
NOTE = "n" * 800
"""Much text that no event has, but an aggregate reads: so that staging takes several run files."""


@dataclass(frozen=True)
class Job:
    """An import to be disturbed. ``contents`` is what must arrive for each order."""

    mapping: Path
    folder: Path
    contents: dict[str, str]


@pytest.fixture
def chance() -> random.Random:
    seed = random.SystemRandom().randrange(2**32)
    print(f"the moments come from seed {seed}")  # noqa: T201 - pytest shows it with a failure
    return random.Random(seed)  # noqa: S311 - replayable on purpose


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Order lines, shuffled over the files: most orders have lines in all of them."""
    folder = tmp_path_factory.mktemp("lines")
    chance = random.Random(1)  # noqa: S311 - for variety
    numbers = [number % ORDERS for number in range(LINES)]
    chance.shuffle(numbers)
    lines = [(f"{number:06}", f"s{index}", index % 100, f"c{number % 7}") for index, number in enumerate(numbers)]
    groups: dict[str, list[tuple[str, str, int, str]]] = {}
    for line in lines:
        if line[2] > 0:
            groups.setdefault(line[0], []).append(line)
    for index in range(FILES):
        rows = lines[index * LINES // FILES : (index + 1) * LINES // FILES]
        frame = pl.DataFrame(rows, schema=["order_id", "sku", "price", "customer"], orient="row")
        frame.with_columns(note=pl.lit(NOTE)).write_csv(folder / f"lines-{index}.csv")
    (folder / "mapping.yaml").write_text(MAPPING.replace("user.id", 'notes: {sql: "MAX(note)", hash: md5}\n  user.id'))
    return Job(folder / "mapping.yaml", folder, {order: _content(rows) for order, rows in groups.items()})


NOTE_MD5 = "8e8c0d2c8d2c3ae2bf2ed4c6aa1d6a5a"


def _content(lines: list[tuple[str, str, int, str]]) -> str:
    """What must arrive for an order, computed on a path of its own."""
    event = {
        "event_name": "purchase",
        "id": lines[0][0],
        "value": sum(line[2] for line in lines),
        "items": [{"id": line[1]} for line in lines],
        "user": {"id": lines[0][3]},
        "context": {"event_timestamp": 1704164645000},
    }
    return content_hash(event)
