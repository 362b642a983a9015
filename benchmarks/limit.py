"""The practical limit: the same events, read, nested and encoded by Polars alone, to a file that nobody keeps.

Run as ``python -m benchmarks.limit FILE TARGET``. No batches, no requests, and nulls stay in the JSON, because leaving
them out is work that ``sink_ndjson`` does not do. A CSV file is read as text, and numbers and times are cast.
"""

from __future__ import annotations

import sys

import polars as pl
import polars_hash as plh


def scan(file: str) -> pl.LazyFrame:
    """The typed columns of a Parquet or a CSV file."""
    if not file.endswith(".csv"):
        return pl.scan_parquet(file)
    return pl.scan_csv(file, infer_schema=False).with_columns(
        pl.col("total", "revenue", "tax", "price").cast(pl.Float64),
        pl.col("quantity").cast(pl.Int64),
        pl.col("ordered_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="ms"),
    )


def events(orders: pl.LazyFrame) -> pl.LazyFrame:
    """One struct column a member of the event, in the order of ``orders.yaml``."""
    product = pl.struct(id="sku", name="label", price="price", brand="brand")
    prefix = pl.lit("8:purchase") + pl.col("order_id").str.len_bytes().cast(pl.String) + ":"
    event_id = plh.concat_str(prefix, "order_id").chash.sha2_256().str.head(32)
    context = pl.struct(
        event_id=event_id,
        event_timestamp=pl.col("ordered_at").dt.epoch("ms"),
        page=pl.struct(url="page_url"),
        device=pl.struct("ip"),
    )
    return orders.select(
        pl.lit("purchase").alias("event_name"),
        pl.col("order_id").alias("id"),
        pl.lit("online").alias("type"),
        "status",
        pl.col("total").alias("value"),
        "revenue",
        pl.col("tax").alias("tax_amount"),
        "currency",
        "payment_method",
        "coupon",
        pl.concat_list(pl.struct(id="sku", quantity="quantity", product=product)).alias("items"),
        pl.struct(id="customer_id", email="email", consent_categories=pl.lit(["1", "2", "3"])).alias("user"),
        context.alias("context"),
    )


if __name__ == "__main__":
    events(scan(sys.argv[1])).sink_ndjson(sys.argv[2])
