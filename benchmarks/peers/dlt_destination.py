"""A custom destination of dlt ("reverse ETL"): ``python -m benchmarks.peers.dlt_destination FILE ROWS URL``.

The source is Arrow, which dlt passes on as Parquet without looking at each row. The destination is a function that gets
batches of rows; it makes events and posts them, in bodies of the same limit as the importer's. Files of 10,000 rows let
dlt run 16 of them side by side.
"""

from __future__ import annotations

import os
import sys
import tempfile
from threading import local
from typing import TYPE_CHECKING, Any

# before dlt is imported, which reads them
os.environ |= {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DATA_WRITER__FILE_MAX_ITEMS": "10000",
    "LOAD__WORKERS": "16",
    "PROGRESS": "log",
}

import dlt
import orjson
import pyarrow.parquet as pq
import requests

from benchmarks.peers.sdk import sent
from benchmarks.purchase import purchase

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

BATCH = 700  # events of 657 bytes: a body below 500,000 bytes
threads = local()


def main() -> None:
    """Run one pipeline."""
    file, count, url = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    address = url + "/events/batch?tc_s=1234&token=none"

    @dlt.destination(batch_size=BATCH, loader_file_format="parquet", max_parallel_load_jobs=16)
    def events(items: Any, table: Any) -> None:  # noqa: ANN401, ARG001 -- the signature is dlt's
        rows = items.to_pylist() if hasattr(items, "to_pylist") else items
        body = b'{"batch":[' + b",".join(orjson.dumps(purchase(_timed(row))) for row in rows) + b"]}"
        session().post(address, data=body, headers={"Content-Type": "application/json"}).raise_for_status()

    @dlt.resource(name="orders")
    def orders() -> Iterator[pa.Table]:
        for group in range(pq.ParquetFile(file).num_row_groups):
            yield pq.ParquetFile(file).read_row_group(group)

    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline("orders", destination=events, pipelines_dir=folder)
        pipeline.run(orders()).raise_on_failed_jobs()
    sent(count)


def session() -> requests.Session:
    """One for each thread, kept alive."""
    if not hasattr(threads, "session"):
        threads.session = requests.Session()
    found: requests.Session = threads.session
    return found


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"ordered_at": round(row["ordered_at"].timestamp() * 1000)}


if __name__ == "__main__":
    main()
