"""rudder-sdk-python: ``python -m benchmarks.peers.rudder FILE ROWS URL``.

It began as a copy of the client of Segment, and is used like it. A request may have 4 MB, so ``upload_size`` is larger
than the default of 100.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from rudderstack.analytics.client import Client

from benchmarks.peers.sdk import fail, sent
from benchmarks.purchase import purchase
from benchmarks.rows import rows_of_parquet

THREADS = 4
UPLOAD_SIZE = 1000


def main() -> None:
    """Send a track event a row."""
    file, count, url = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    client = Client(
        "none", host=url, max_queue_size=count, upload_size=UPLOAD_SIZE, thread=THREADS, gzip=False, on_error=fail
    )
    for row in rows_of_parquet(file):
        event = purchase(row)
        client.track(
            user_id=row["customer_id"],
            event=event.pop("event_name"),
            properties=event,
            timestamp=datetime.fromtimestamp(row["ordered_at"] / 1000, UTC),
            message_id=event["context"]["event_id"],
        )
    client.flush()
    sent(count)


if __name__ == "__main__":
    main()
