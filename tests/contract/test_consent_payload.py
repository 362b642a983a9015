"""Consent and the other forms of time and categories from end to end: what the sandbox got, and what was counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from secret_watch import SOURCE_KEY

import importer
from importer.sandbox.process import received, spawn

if TYPE_CHECKING:
    from pathlib import Path

MAPPING = """\
version: 1
event: purchase
key: id
consent: {column: c, split: "|", require: ["1", "2"]}
fields:
  id: id
  n: {column: n, type: number}
  user.consent_categories: {column: c, split: "|"}
  context.event_timestamp: at
"""
FORMS = (
    "{timestamp_place: root, timestamp_type: iso8601, consent_type: integer}",
    "{timestamp_place: both, timestamp_type: text}",
)
CELLS = ("1|2", "1", "2|1", "", "3", "1|2|3", "2")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    lines = [f"{row},{'bad' if row == 6 else row},{cell},2023-11-14T22:13:20Z" for row, cell in enumerate(CELLS, 1)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["id,n,c,at", *lines, ""]), encoding="utf-8")
    return path


def test_every_form_arrives_and_each_run_counts_its_own_rows(source: Path) -> None:
    for number, form in enumerate(FORMS):
        with spawn() as url:
            mapping = source.with_name(f"m{number}.yaml")
            mapping.write_text(f"{MAPPING}payload: {form}\n", encoding="utf-8")
            dry = importer.validate(mapping, source)
            runs = [
                importer.run(mapping, source, site="7", source_key=SOURCE_KEY, url=url, limit=count)
                for count in (1, None)
            ]
            assert [(run.rows.sent, run.rows.filtered, run.without_consent) for run in runs] == [(1, 0, 0), (1, 4, 4)]
            assert (dry.without_consent, dry.rows.rejected, runs[1].overall) == (
                4, 1, {"rows": 7, "sent": 2, "filtered": 4, "rejected": 1, "duplicate": 0},
            )  # fmt: skip
            found = received(url)
            assert (found["digest"], found["unique_ids"]) == (f"{dry.digest:032x}", 2)


def test_retry_filters_who_does_not_agree_any_more(source: Path) -> None:
    mapping = source.with_name("m.yaml")
    mapping.write_text(MAPPING.replace('"1", "2"', '"3"'), encoding="utf-8")
    with spawn() as url:
        first = importer.run(mapping, source, site="7", source_key=SOURCE_KEY, url=url)
        assert (first.rows.rejected, first.without_consent) == (1, 5)
        assert first.rejects is not None
        mended = MAPPING.replace('"1", "2"', '"9"').replace("  n: {column: n, type: number}\n", "")
        mapping.write_text(mended, encoding="utf-8")
        again = importer.retry(mapping, first.rejects, site="7", source_key=SOURCE_KEY, url=url)
        assert (again.rows.sent, again.rows.filtered, again.without_consent) == (0, 1, 1)
