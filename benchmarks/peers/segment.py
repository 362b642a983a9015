"""segment-analytics-python: ``python -m benchmarks.peers.segment FILE ROWS URL``.

``upload_size`` is the largest that is documented (100 events a request) and its default, ``gzip`` is off, which is less
work. The queue has room for everything, because what does not fit into it is dropped. More than 4 threads make nothing
faster: they share one core, and the client encodes each event twice in Python. A server that is far away would be
another matter.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from segment.analytics.client import Client

from benchmarks.peers.sdk import fail, sent
from benchmarks.purchase import purchase
from benchmarks.rows import rows_of_parquet

THREADS = 4


def main() -> None:
    """Send a track event a row."""
    file, count, url = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    client = Client("none", host=url, max_queue_size=count, upload_size=100, thread=THREADS, gzip=False, on_error=fail)
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
