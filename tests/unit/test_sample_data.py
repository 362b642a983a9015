from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.util
import io
import json
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from importer.belt import Belt
from importer.cli.progress import Silent
from importer.outstanding import everything
from importer.pipeline import Stop, plan
from importer.settings import RunSettings

if TYPE_CHECKING:
    from types import ModuleType

NOW_MS = 1_800_000_000_000
ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_data"

# The source row of every broken record, and the code of its reject.
BROKEN = {
    98: "type", 198: "timestamp_missing", 298: "timestamp_missing", 398: "type", 498: "type", 598: "type", 698: "type",
    798: "map", 898: "key_missing", 998: "user_missing", 1098: "short", 1198: "long", 1298: "quote", 1398: "quote",
}  # fmt: skip


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_sample_data", SAMPLES / "make_sample_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def records(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))


def till_texts(folder: Path) -> list[str]:
    """The two files of order lines. Compressed bytes depend on the version of zlib, their text does not."""
    lines = folder / "order_lines"
    return [
        (lines / "till-1.csv").read_text(encoding="utf-8"),
        gzip.decompress((lines / "till-2.csv.gz").read_bytes()).decode(),
    ]


def run_into_sandbox(kind: str, state: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The report of an import of the sample, and its rejects."""
    command = [
        sys.executable, "-m", "importer", "run", f"configs/orders_{kind}.yaml", f"sample_data/orders.{kind}",
        "--sandbox", "--json", "--quiet", "--state-dir", str(state), "--rejects", str(state / "rejects.ndjson"),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    rejects = state / "rejects.ndjson"
    lines = rejects.read_text(encoding="utf-8").splitlines() if rejects.exists() else []
    report = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode
    return report, [json.loads(line) for line in lines]


def test_the_script_makes_exactly_the_committed_files(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SAMPLES / "make_sample_data.py", tmp_path], check=True, timeout=60)
    assert (tmp_path / "orders.csv").read_bytes() == (SAMPLES / "orders.csv").read_bytes()
    assert till_texts(tmp_path) == till_texts(SAMPLES)
    assert_frame_equal(pl.read_parquet(tmp_path / "orders.parquet"), pl.read_parquet(SAMPLES / "orders.parquet"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["order_lines", "orders.csv", "orders.parquet"]


def test_the_files_stay_small() -> None:
    files = [path for path in SAMPLES.rglob("*") if path.suffix in {".csv", ".tsv", ".gz", ".parquet"}]
    assert len(files) == 9
    assert sum(path.stat().st_size for path in files) < 1_000_000


def test_the_parquet_file_has_the_types_and_gaps_of_a_real_export() -> None:
    frame = pl.read_parquet(SAMPLES / "orders.parquet")
    assert frame.height == frame["order_id"].n_unique() == 2_000
    assert frame["order_id"].to_list()[0] == "0000001"
    assert frame.schema["ordered_at"] == pl.Datetime("us", "UTC")
    assert frame.schema["total"] == pl.Decimal(12, 2)
    assert isinstance(frame.schema["lines"], pl.List)
    complete = {name for name in frame.columns if not frame[name].null_count()}
    assert complete == {
        "order_id", "ordered_at", "status", "channel", "payment", "total", "tax", "net", "customer_id",
    }  # fmt: skip


def test_the_csv_file_has_what_french_exports_are_made_of(maker: ModuleType) -> None:
    text = (SAMPLES / "orders.csv").read_bytes().decode()
    rows = records(text)
    assert len(rows) == 1_500 + len(BROKEN)
    assert {
        row["numero"]: row["date_commande"] for row in rows if row["date_commande"] in maker.CLOCK_CHANGES.values()
    } == {f"{number:07}": moment for number, moment in maker.CLOCK_CHANGES.items()}
    seen = {
        "thousands": any(" " in row["total_ttc"] for row in rows),
        "no-break thousands": "\u202f" in text,
        "decimal comma": any("," in row["prix_ht"] for row in rows),
        "line end in a field": any("\n" in row["libelle_produit"] for row in rows),
        "separator in a field": any(";" in row["libelle_produit"] for row in rows),
        "doubled quotes": '""' in text,
        "the word for null": ";NULL;" in text,
        "an empty cell": ";;" in text,
        "accents": "é" in text,
    }
    assert [what for what, is_there in seen.items() if not is_there] == []


def test_every_order_of_the_parquet_sample_is_sent_or_a_draft(tmp_path: Path) -> None:
    report, rejects = run_into_sandbox("parquet", tmp_path)
    drafts = pl.read_parquet(SAMPLES / "orders.parquet")["status"].eq("DRAFT").sum()
    assert rejects == []
    assert report["exit_code"] == 0
    assert report["rows"] == {
        "read": 2_000, "sent": 2_000 - drafts, "filtered": drafts, "rejected": 0, "duplicate": 0, "skipped": 0,
        "pending": 0,
    }  # fmt: skip


def test_every_broken_record_of_the_csv_sample_is_rejected_for_its_reason_and_no_other(tmp_path: Path) -> None:
    report, rejects = run_into_sandbox("csv", tmp_path)
    drafts = sum(row["statut"] == "Brouillon" for row in records((SAMPLES / "orders.csv").read_bytes().decode()))
    assert {reject["row"]: reject["code"] for reject in rejects} == BROKEN
    assert report["exit_code"] == 3
    assert (report["rows"]["rejected"], report["rows"]["filtered"]) == (len(BROKEN), drafts)
    assert report["rows"]["sent"] == 1_500 - drafts == report["events"]["accepted"]
    assert {"time_ambiguous", "time_nonexistent"} <= set(report["warnings"])


def test_order_lines_become_the_events_that_plain_python_makes(tmp_path: Path) -> None:
    orders: dict[str, list[dict[str, str]]] = {}
    for text in till_texts(SAMPLES):
        for line in csv.DictReader(io.StringIO(text, newline="")):
            orders.setdefault(line["order"], []).append(line)
    bad = {order for order, lines in orders.items() if any(line["quantity"] == "two" for line in lines)}
    assert len(bad) == 1
    made = {event["id"]: event for event in events_of("configs/order_lines.yaml", "sample_data/order_lines", tmp_path)}
    assert made.keys() == orders.keys() - bad
    for order, event in made.items():
        lines = orders[order]
        goods = [line for line in lines if line["sku"] != "POST"]
        amounts = [Decimal(line["price"]) * int(line["quantity"]) for line in lines]
        assert Decimal(str(event["value"])) == sum(amounts)
        post = [Decimal(line["price"]) for line in lines if line["sku"] == "POST"]
        assert event.get("shipping_amount") == (float(post[0]) if post else None)
        assert [(item["id"], item["quantity"], item["product"]["price"]) for item in event["items"]] == [
            (line["sku"], int(line["quantity"]), float(line["price"])) for line in goods
        ]
        assert event["user"]["id"] == (lines[0]["card"] or "anonymous")
        moment = datetime.fromisoformat(lines[0]["time"]).timestamp()
        assert event["context"]["event_timestamp"] == moment * 1000
        framed = "".join(f"{len(part)}:{part}" for part in ("1", "purchase", order))
        assert event["context"]["event_id"] == hashlib.sha256(framed.encode()).hexdigest()[:32]


def events_of(mapping: str, source: str, folder: Path) -> list[dict[str, Any]]:
    """What a run would send, from the same batches."""
    planned = plan(ROOT / mapping, [str(ROOT / source)], RunSettings(state_dir=folder))
    stop = Stop()
    with everything(planned, Silent(), stop.check) as todo:
        bodies = [
            batch.body(b'{"batch":[', b"]}") for batch in Belt(planned, todo.works, NOW_MS).batches() if batch.pieces
        ]
    return [event for body in bodies for event in json.loads(body)["batch"]]
