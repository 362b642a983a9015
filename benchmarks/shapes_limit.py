"""The practical limit for the files of ``shapes.py``: Polars alone, into nothing.

Run as ``python -m benchmarks.shapes_limit FILE TARGET``.
"""

from __future__ import annotations

import sys

import polars as pl
import polars_hash as plh

from benchmarks.shapes_mapping import FIXED


def events(file: str) -> pl.LazyFrame:
    """One struct column a member of the event."""
    rows = pl.scan_parquet(file)
    prefix = pl.lit("12:imported_row") + pl.col("row_id").str.len_bytes().cast(pl.String) + ":"
    event_id = plh.concat_str(prefix, "row_id").chash.sha2_256().str.head(32)
    return rows.select(
        pl.lit("imported_row").alias("event_name"),
        pl.exclude(FIXED),
        pl.struct(id="customer_id").alias("user"),
        pl.struct(event_id=event_id, event_timestamp=pl.col("seen_at").dt.epoch("ms")).alias("context"),
    )


if __name__ == "__main__":
    events(sys.argv[1]).sink_ndjson(sys.argv[2])
