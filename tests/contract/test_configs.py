"""Every mapping of ``configs`` on its sample: the dry run, the run and what the sandbox received have one digest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from secret_watch import SOURCE_KEY

import importer
from importer.sandbox.process import received, spawn

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SAMPLES = {
    "leads": "leads.csv",
    "order_lines": "order_lines",
    "orders_csv": "orders.csv",
    "orders_parquet": "orders.parquet",
    "page_views": "page_views.tsv",
    "refunds": "refunds.csv",
    "shop_events": "shop_events.csv",
}


@pytest.fixture
def url() -> Iterator[str]:
    with spawn() as address:
        yield address


def test_every_mapping_has_its_sample() -> None:
    assert sorted(SAMPLES) == sorted(path.stem for path in (ROOT / "configs").glob("*.yaml"))


def test_one_digest(tmp_path: Path, url: str) -> None:
    total = 0
    for name, sample in SAMPLES.items():
        mapping, source = ROOT / "configs" / f"{name}.yaml", ROOT / "sample_data" / sample
        dry = importer.validate(mapping, source)
        wet = importer.run(mapping, source, site="7", source_key=SOURCE_KEY, url=url, state_dir=tmp_path)
        assert (wet.digest, wet.rows, wet.sizes.to_json()) == (dry.digest, dry.rows, dry.sizes.to_json()), name
        assert wet.warnings.keys() == dry.warnings.keys(), name
        total = (total + wet.digest) % (1 << 128)
        assert received(url)["digest"] == f"{total:032x}", name
