"""``--strict`` on whole files: what is rejected then, and that nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest

import importer

GROUPED = """\
version: 1
event: my_own
group_by: id
fields:
  id: id
  city: city
  user.id: id
  user.consent_categories: {value: ["1"]}
  context.event_timestamp: {value: 1700000000000}
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(GROUPED, encoding="utf-8")
    Path("a.csv").write_text("id,city\n1,Lyon\n2,Nice\n1,Lyon\n2,Nancy\n2,Nice\n", encoding="utf-8")
    return Path("m.yaml")


def test_lines_that_differ_reject_their_event_with_all_its_lines(files: Path) -> None:
    lax = importer.validate(files, "a.csv")
    assert (lax.rows.sent, lax.rows.rejected) == (5, 0)
    (rule,) = lax.warnings
    assert rule.startswith("column 'city' differs within its group")

    strict = importer.validate(files, "a.csv", strict=True)
    assert (strict.rows.sent, strict.rows.rejected, strict.warnings) == (2, 3, {})
    finding = strict.reject_codes["differs:city"]
    assert [example.order[1] for example in finding.examples] == [2, 4, 5]
    assert finding.examples[0].message == 'column \'city\' is "Nancy", and "Nice" in a.csv:2'


def test_it_changes_no_byte_of_what_is_sent(files: Path) -> None:
    Path("a.csv").write_text("id,city\n1,Lyon\n1,Lyon\n", encoding="utf-8")
    assert importer.validate(files, "a.csv").digest == importer.validate(files, "a.csv", strict=True).digest


def test_a_strict_run_rejects_what_its_dry_run_does(files: Path) -> None:
    dry = importer.validate(files, "a.csv", strict=True)
    report = importer.run(files, "a.csv", sandbox=True, strict=True)
    assert (report.rows, report.digest) == (dry.rows, dry.digest)
    assert report.exit_code == importer.ExitCode.ROWS_REJECTED
