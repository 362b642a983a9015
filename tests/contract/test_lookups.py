"""Lookups through the command line: what is missing is rejected and can be retried; an edited file is noticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from secret_watch import SOURCE_KEY

from importer.cli import main
from importer.sandbox.process import received, spawn

MAPPING = """\
version: 1
event: purchase
key: order_id
fields:
  id: order_id
  user.id: customer
  context.event_timestamp: at
  items:
    each:
      product.id: sku
      product.name: {lookup: {file: data/products.csv, on: {sku: code}, take: label}}
"""


def test_missing_products_are_rejected_and_an_edited_file_is_another_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def call(command: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
        to = ("--site", "7", "--url", url) if command != "validate" else ()
        monkeypatch.setattr("sys.argv", ["importer", command, "conf/m.yaml", *arguments, *to, "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), json.loads(out), err

    def products(text: str) -> None:
        Path("conf/data/products.csv").write_text(f"code;label\n{text}", encoding="utf-8")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPORTER_SOURCE_KEY", SOURCE_KEY)
    Path("conf/data").mkdir(parents=True)
    Path("conf/m.yaml").write_text(MAPPING, encoding="utf-8")
    rows = "".join(f"{n},A{n},c,2024-01-02T03:04:05Z\n" for n in range(1, 5))
    Path("o.csv").write_text(f"order_id,sku,customer,at\n{rows}", encoding="utf-8")
    with spawn() as url:
        code, _, words = call("validate")
        assert (code, "there is no file conf/data/products.csv" in words) == (2, True)
        products("A1;Shoe\nA2;\nA4;Hat\n")
        code, report, _ = call("run", "o.csv", "--limit", "1")
        assert (code, report["status"], report["rows"]["sent"]) == (0, "incomplete", 1)
        products("A1;Shoes\nA2;\nA4;Hat\n")
        code, report, words = call("run", "o.csv")
        assert (code, report["status"], report["rows"]["sent"]) == (2, "invalid", 0)
        assert "o.csv is partly imported, and what makes its events has changed since:" in words
        assert 'lookup files.data/products.csv: "SHA-256 ' in words

        products("A1;Shoe\nA2;\nA4;Hat\n")
        code, report, _ = call("run", "o.csv")
        assert (code, report["status"], report["rows"]["sent"], report["rows"]["rejected"]) == (3, "complete", 2, 1)
        assert report["reject_codes"]["lookup_missing"]["examples"][0]["message"] == (
            "items[].product.name: column 'sku' is \"A3\", which is not in column 'code' of data/products.csv"
        )

        products("A1;Shoe\nA2;\nA3;Coat\nA4;Hat\n")
        assert call("run", "o.csv")[1]["status"] == "nothing_new"  # it is finished
        code, retried, _ = call("retry", report["rejects"])
        assert (code, retried["rows"]["sent"], retried["overall"]["rejected"]) == (0, 1, 0)
        assert (received(url)["events"], received(url)["unique_ids"]) == (4, 4)
