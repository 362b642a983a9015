"""posthog: ``python -m benchmarks.peers.posthog_sdk FILE ROWS URL``.

``historical_migration`` is what its documentation asks for when past events are imported. A request may have 5 MB, so
``flush_at`` is larger than the default of 100. The queue has room for everything, because what does not fit is dropped.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from posthog import Posthog

from benchmarks.peers.sdk import fail, sent
from benchmarks.purchase import purchase
from benchmarks.rows import rows_of_parquet

THREADS = 4
FLUSH_AT = 1000


def main() -> None:
    """Capture an event a row."""
    file, count, url = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    client = Posthog(
        "none",
        host=url,
        historical_migration=True,
        max_queue_size=count,
        flush_at=FLUSH_AT,
        thread=THREADS,
        gzip=False,
        on_error=fail,
        enable_local_evaluation=False,
    )
    for row in rows_of_parquet(file):
        event = purchase(row)
        client.capture(
            event.pop("event_name"),
            distinct_id=row["customer_id"],
            properties=event,
            timestamp=datetime.fromtimestamp(row["ordered_at"] / 1000, UTC),
        )
    client.shutdown()
    sent(count)


if __name__ == "__main__":
    main()
