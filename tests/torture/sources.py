"""Row 32 of the scoreboard: sources are cut, flipped and zeroed at random places.

Of a source that carries checksums (gzip, pages of Parquet) every row is sent as it was, or the run ends with exit code
4 and says what is wrong. It never ends well with fewer rows, and never sends an event that was not there.
"""

from __future__ import annotations

import gzip
import random
from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from actors import Importer, running_oracle
from oracle import content_hash
from torture import damage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAMAGES = 40
ROWS = 1_000
ORDERS = [f"{number:06}" for number in range(ROWS)]
WHEN_MS = 1704164645000


def leave(data: bytes, chance: random.Random) -> bytes:  # noqa: ARG001 - as the others
    """As it was: it is imported."""
    return data


WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    *(damage.cut, damage.flip, damage.zero_the_tail, damage.zero_a_page, damage.append, leave),
)
MAPPING = """
version: 1
event: purchase
key: [order_id]
fields:
  id: order_id
  note: note
  user.id: {value: u}
  context.event_timestamp: {value: 1704164645000}
"""


def note_of(order: str) -> str:
    """A text that compresses badly."""
    return random.Random(order).randbytes(12).hex()


def columns() -> dict[str, list[str]]:
    """What stands in the files."""
    return {"order_id": ORDERS, "note": [note_of(order) for order in ORDERS]}


def text() -> bytes:
    """The same as CSV."""
    return "".join(["order_id,note\n", *(f"{order},{note_of(order)}\n" for order in ORDERS)]).encode()


def packed(file: Path) -> bytes:
    """The same as what ``file`` is called."""
    return gzip.compress(text()) if file.suffix == ".gz" else text()


def write_parquet(file: Path) -> None:
    """The same as Parquet, with a checksum for each page."""
    pq.write_table(pa.table(columns()), file, write_page_checksum=True, row_group_size=300)


def play(seed: int, folder: Path, damages: int = DAMAGES) -> Counter[str]:
    """Some damages, each of a new import."""
    chance, counted = random.Random(seed), Counter[str]()
    mapping = folder / "orders.yaml"
    mapping.write_text(MAPPING)
    with running_oracle(folder / "oracle.ndjson", "0") as oracle:
        for number in range(damages):
            place = folder / str(number)
            place.mkdir()
            name = chance.choice(["a.csv.gz", "a.parquet"])
            way, source = chance.choice(WAYS), place / name
            write_parquet(source) if name.endswith("parquet") else source.write_bytes(packed(source))
            whole = source.read_bytes()
            source.write_bytes(way(whole, chance))
            before = len(oracle.record.refresh().events)
            ended = Importer(place).run_here(mapping, source, oracle.url)
            arrived = {event.order_id: event.content_hash for event in oracle.record.refresh().events[before:]}
            said = f"{way.__name__} of {name}: exit {ended.code}, {len(arrived)} arrived: {ended.stderr}"
            assert ended.code in {0, 4}, said
            assert arrived.items() <= EXPECTED.items(), said
            assert ended.code == 4 or len(arrived) == ROWS, said
            assert len(arrived) == ended.report["rows"]["sent"], said
            counted[f"exit {ended.code}"] += 1
    return counted


EXPECTED = {
    order: content_hash(
        {
            "event_name": "purchase",
            "id": order,
            "note": note_of(order),
            "user": {"id": "u"},
            "context": {"event_timestamp": WHEN_MS},
        }
    )
    for order in ORDERS
}
