"""Grouped imports from end to end against the sandbox in its own process: what they promise when things go wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from secret_watch import SOURCE_KEY as KEY

from importer.cli import main
from importer.sandbox.process import received, spawn

MAPPING = """\
version: 1
event: purchase
group_by: [order_id]
where: kind <> 'draft'
source: {columns: {price: number}}
fields:
  id: order_id
  value: {sql: "SUM(price)", round: 2}
  items: {each: {id: sku, product.price: {column: price, type: number}}}
  user.id: customer
  context.event_timestamp: at
"""
HEADER = "order_id,kind,sku,price,customer,at\n"
ORDERS, LINES = 500, 2_000

Importer = Callable[..., tuple[int, dict[str, Any], str]]


def _lines(first: int, count: int, orders: int = ORDERS) -> str:
    """Lines of orders that meet again and again; one line in ten is a draft."""
    rows = (
        f"{number % orders:05},{'sale' if number % 10 else 'draft'},s{number},{number % 50}.25,c,2024-01-02T03:04:05Z\n"
        for number in range(first, first + count)
    )
    return HEADER + "".join(rows)


@pytest.fixture
def importer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Importer:
    """Runs a command in a folder with a mapping and two exports; gives exit code, JSON and words."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPORTER_SOURCE_KEY", KEY)
    Path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
    Path("exports").mkdir()
    Path("exports/a.csv").write_text(_lines(0, LINES), encoding="utf-8")
    Path("exports/b.csv").write_text(_lines(LINES, LINES), encoding="utf-8")

    def run(*arguments: str, source: str = "exports", command: str = "run") -> tuple[int, dict[str, Any], str]:
        words = ["importer", command, "mapping.yaml", *([source] if command != "status" else []), "--json"]
        words += ["--site", "7", "--yes"] if command == "run" else []
        monkeypatch.setattr("sys.argv", [*words, *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        assert KEY not in out + err
        assert "Traceback" not in err
        return int(ended.value.code or 0), json.loads(out), err

    return run


def _stages() -> list[Path]:
    return list(Path(".importer").glob("*.stage-*"))


def _standing(importer: Importer) -> dict[str, Any]:
    (item,) = importer(command="status")[1]["imports"]
    found: dict[str, Any] = item
    return found


def test_the_dry_run_of_groups_is_the_run(importer: Importer) -> None:
    shutil.copy("exports/a.csv", "exports/twin.csv")
    _, dry, _ = importer(command="validate")
    with spawn() as url:
        code, wet, _ = importer("--url", url)
        seen = received(url)
    assert code == 0
    assert dry["digest"] == wet["digest"] == seen["digest"]
    for part in ("rows", "events", "requests", "sizes", "batches", "warnings"):
        assert dry[part] == wet[part]
    assert wet["rows"] | {"read": 0} == {
        "read": 0, "sent": 3_600, "filtered": 400, "rejected": 0, "duplicate": LINES, "skipped": 0, "pending": 0,
    }  # fmt: skip
    assert seen["unique_ids"] == seen["events"] == wet["events"]["accepted"] == 450
    assert _stages() == []


def test_a_copy_of_a_finished_file_is_said_and_not_sent(importer: Importer) -> None:
    with spawn() as url:
        importer("--url", url)
        shutil.copy("exports/b.csv", "exports/late.csv")
        code, report, _ = importer("--url", url)
        assert (code, report["status"], report["requests"]) == (0, "complete", 0)
        assert (report["rows"]["duplicate"], report["rows"]["skipped"]) == (LINES, 2 * LINES)
        (examples,) = report["warning_examples"].values()
        assert examples[0]["file"] == "exports/late.csv"
        assert "exports/b.csv" in examples[0]["message"]
        assert importer("--url", url)[1]["status"] == "nothing_new"
    standing = _standing(importer)
    assert (standing["status"], standing["rows"]["duplicate"], standing["rows"]["pending"]) == ("complete", LINES, 0)


def test_broken_records_stop_the_import_before_anything_is_sent(importer: Importer) -> None:
    with Path("exports/b.csv").open("a", encoding="utf-8") as file:
        file.write("00001,sale,s\n00002,sale,s,1.00,c,2024-01-02T03:04:05Z,more\n")
    with spawn() as url:
        code, report, words = importer("--url", url)
        assert (code, report["status"], report["requests"]) == (4, "invalid", 0)
        assert f"exports/b.csv:{LINES + 1} (line {LINES + 2}): " in words
        assert f"exports/b.csv:{LINES + 2} (line {LINES + 3}): " in words
        assert "--accept-incomplete-groups" in words
        assert _standing(importer)["last_run"]["exit_code"] == 4
        code, report, _ = importer("--url", url, "--accept-incomplete-groups")
        assert (code, report["rows"]["rejected"], report["rows"]["sent"]) == (3, 2, 3_600)
        assert received(url)["unique_ids"] == 450
    rejects = [json.loads(line) for line in Path(report["rejects"]).read_text(encoding="utf-8").splitlines()]
    assert [(line["file"], line["row"], line["line"], line["stage"]) for line in rejects] == [
        ("exports/b.csv", LINES + 1, LINES + 2, "source"),
        ("exports/b.csv", LINES + 2, LINES + 3, "source"),
    ]
    assert _standing(importer)["status"] == "complete"


def test_the_dry_run_finds_the_other_problems_beside_broken_records(importer: Importer) -> None:
    with Path("exports/b.csv").open("a", encoding="utf-8") as file:
        file.write("00001,sale,s\n99999,sale,s,abc,c,2024-01-02T03:04:05Z\n")
    code, report, words = importer(command="validate")
    assert (code, report["rows"]["rejected"], report["rows"]["sent"]) == (4, 2, 3_600)
    assert report["reject_codes"].keys() == {"short", "type"}
    assert "--accept-incomplete-groups" in words


def test_a_row_without_its_key_is_a_reject_with_its_place(importer: Importer) -> None:
    with Path("exports/a.csv").open("a", encoding="utf-8") as file:
        file.write(",sale,s,1.00,c,2024-01-02T03:04:05Z\n")
    with spawn() as url:
        code, report, words = importer("--url", url)
    assert (code, report["rows"]["rejected"]) == (3, 1)
    assert report["reject_codes"]["group_key_missing"]["count"] == 1
    (reject,) = [json.loads(line) for line in Path(report["rejects"]).read_text(encoding="utf-8").splitlines()]
    assert (reject["file"], reject["row"], reject["line"]) == ("exports/a.csv", LINES + 1, LINES + 2)
    assert reject["source_row"]["sku"] == "s"
    assert "'order_id' is empty" in words


@pytest.mark.parametrize("change", ["mapping", "more files", "nothing"])
def test_a_refused_first_try_leaves_nothing_behind(importer: Importer, change: str) -> None:
    with spawn(["--fault", "status=403:1x"]) as url:
        code, report, _ = importer("--url", url, "--concurrency", "1")
        assert (code, report["rows"]["sent"], len(_stages())) == (6, 0, 1)
        if change == "mapping":
            Path("mapping.yaml").write_text(MAPPING.replace("round: 2", "round: 1"), encoding="utf-8")
        elif change == "more files":
            Path("exports/c.csv").write_text(_lines(7_001, 5, 10**6), encoding="utf-8")
        code, report, _ = importer("--url", url)
        assert (code, report["status"]) == (0, "complete")
        assert received(url)["unique_ids"] == (455 if change == "more files" else 450)
    assert _stages() == []
    standing = _standing(importer)
    assert (standing["status"], len(standing["sources"])) == ("complete", 1)


def test_a_limit_counts_whole_groups_and_the_rest_follows(importer: Importer) -> None:
    with spawn() as url:
        code, report, _ = importer("--url", url, "--limit", "100")
        assert (code, report["status"], report["events"]["accepted"]) == (0, "incomplete", 100)
        assert report["rows"]["sent"] == 800
        assert len(_stages()) == 1
        Path("mapping.yaml").write_text(MAPPING.replace("round: 2", "round: 1"), encoding="utf-8")
        code, report, words = importer("--url", url)
        assert (code, report["requests"]) == (2, 0)
        assert "mapping.fields.value.round: 2 -> 1" in words
        Path("mapping.yaml").write_text(MAPPING, encoding="utf-8")
        code, report, _ = importer("--url", url)
        assert (code, report["events"]["accepted"], report["rows"]["skipped"]) == (0, 350, 800)
        seen = received(url)
    assert (seen["events"], seen["unique_ids"], seen["digest"]) == (450, 450, report["digest"])
    assert _stages() == []


def test_files_whose_rows_cannot_meet_are_refused_in_words(importer: Importer) -> None:
    frame = pl.read_csv("exports/b.csv", infer_schema=False)
    Path("exports/b.csv").unlink()
    frame.write_parquet("exports/b.parquet")
    code, _, words = importer("--url", "http://127.0.0.1:9")
    assert code == 4
    assert "exports/b.parquet: column 'order_id' is text (parquet) here, and text (csv) in exports/a.csv" in words
    frame.drop("price").write_csv("exports/b.csv")
    Path("exports/b.parquet").unlink()
    code, _, words = importer("--url", "http://127.0.0.1:9")
    assert code == 4
    assert "exports/b.csv" in words
    assert "price" in words
    assert _stages() == []


def test_parquet_files_with_other_types_are_refused_in_words(importer: Importer) -> None:
    for name in ("a", "b"):
        frame = pl.read_csv(f"exports/{name}.csv", infer_schema=False)
        Path(f"exports/{name}.csv").unlink()
        types = {"price": pl.Float64, "order_id": pl.Int64 if name == "b" else pl.String}
        frame.cast(types).write_parquet(f"exports/{name}.parquet")  # type: ignore[arg-type]
    code, _, words = importer("--url", "http://127.0.0.1:9")
    assert code == 4
    assert "exports/b.parquet: column 'order_id' is " in words
    assert "text (parquet) in exports/a.parquet" in words


def test_a_damaged_stage_says_the_way_out_and_that_way_works(importer: Importer) -> None:
    with spawn() as url:
        importer("--url", url, "--limit", "10")
        (run,) = _stages()[0].iterdir()
        run.write_bytes(run.read_bytes()[:-100])
        code, report, words = importer("--url", url)
        assert (code, report["requests"], "--again" in words) == (7, 0, True)
        code, report, _ = importer("--url", url, "--again")
        assert (code, report["events"]["accepted"]) == (0, 450)
        assert received(url)["unique_ids"] == 450
    assert _standing(importer)["status"] == "complete"


def test_an_event_that_the_destination_refuses_is_a_reject_for_each_of_its_rows(importer: Importer) -> None:
    long = "x" * 400_000
    rows = "".join(f"big,sale,{long}{number},1.00,c,2024-01-02T03:04:05Z\n" for number in range(2))
    Path("exports/c.csv").write_text(HEADER + rows, encoding="utf-8")
    with spawn() as url:
        code, report, _ = importer("--url", url, "--max-item-bytes", "900000", "--max-body-bytes", "1000000")
        assert received(url)["unique_ids"] == 450
    assert (code, report["events"]["rejected"], report["rows"]["rejected"], report["rows"]["sent"]) == (3, 1, 2, 3_600)
    rejects = [json.loads(line) for line in Path(report["rejects"]).read_text(encoding="utf-8").splitlines()]
    places = [(line["file"], line["row"], line["stage"], bool(line["event"])) for line in rejects]
    assert places == [("exports/c.csv", 1, "destination", True), ("exports/c.csv", 2, "destination", False)]


FULL = """
import resource, sys
from importer.staging import partition
partition.FLUSH_BYTES = 1
resource.setrlimit(resource.RLIMIT_FSIZE, (70_000, 70_000))
from importer.cli import main
main()
"""


def test_a_disk_that_is_full_while_rows_are_grouped(importer: Importer) -> None:
    """The system's own limit on the size of files stands for the disk: it has room for the rows of one file alone."""
    rows = (f"{number:05},sale,{os.urandom(40).hex()},1.00,c,2024-01-02T03:04:05Z\n" for number in range(5_000))
    Path("exports/b.csv").write_text(HEADER + "".join(rows), encoding="utf-8")
    with spawn() as url:
        command = ["run", "mapping.yaml", "exports", "--site", "7", "--url", url, "--yes"]
        child = subprocess.run(
            [sys.executable, "-c", FULL, *command], capture_output=True, text=True, check=False, timeout=100,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
        assert (child.returncode, "Traceback" in child.stderr) == (7, False), child.stderr
        assert "cannot be written: File too large" in child.stderr
        assert "run the same command to resume" in child.stderr
        assert received(url)["requests"] == 0
        assert [path.name for path in _stages()[0].iterdir()] == ["run-000001"]
        code, report, _ = importer("--url", url)
        assert (code, report["rows"]["sent"]) == (0, 6_800)
        assert report["digest"] == received(url)["digest"]


def test_a_copy_that_waits_leaves_the_import_incomplete(importer: Importer) -> None:
    with spawn() as url:
        assert importer("--url", url, "--limit", "3")[0] == 0
        Path("exports/c.csv").write_bytes(Path("exports/a.csv").read_bytes())
        for name in ("a.csv", "b.csv"):
            Path("exports", name).rename(name)
        code, report, _ = importer("--url", url)
        said = json.dumps(report["warning_examples"])
        assert (code, report["status"], "it waits" in said) == (0, "incomplete", True)
        assert received(url)["events"] == 3
