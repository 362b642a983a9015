"""The importer's own reader and encoder, and nothing else: what its checks and its accounting come on top of.

Run as ``python -m benchmarks.encode_only MAPPING FILE``. Every row is read and mapped to the bytes that would be sent,
two chunks at a time as in a run. Left out are the rules of the event reference and the guard on personal data (the
inspector), the search for events that come twice, batches, and the report. It prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from importer.belt import AHEAD, chunk_input, encode_ahead
from importer.encoder import Encoder
from importer.outstanding import everything
from importer.pipeline import plan
from importer.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.outstanding import Outstanding
    from importer.plan import Plan
    from importer.records import EncodedRows
    from importer.report import Snapshot


class Quiet:
    """Progress that nobody looks at."""

    def update(self, snapshot: Snapshot) -> None:
        """Do nothing."""


def encoded(plan: Plan, todo: Outstanding) -> Iterator[EncodedRows]:
    """The events of each chunk, in order."""
    framing = plan.profile.framing
    for work in todo.works:
        encoder = Encoder(work.source.mapping, framing.separator, plan.profile.max_item_bytes)
        chunks = work.source.open(work.number).chunks(work.missing, work.anchors)
        yield from encode_ahead(encoder.encode, (chunk_input(work, chunk) for chunk in chunks), AHEAD)


def main() -> None:
    """Count events and bytes."""
    planned = plan(Path(sys.argv[1]), sys.argv[2:], RunSettings())
    events = size = 0
    with everything(planned, Quiet(), lambda: None) as todo:
        for rows in encoded(planned, todo):
            events += rows.count
            size += rows.body.nbytes
    print(json.dumps({"events": events, "bytes": size}))


if __name__ == "__main__":
    main()
