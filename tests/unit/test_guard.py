"""The guard on what leaves: what it says about personal data in events, and what it lets pass."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import importer
from importer.errors import PersonalDataFound

MAPPING = """\
version: 1
event: my_own
key: id
fields:
  id: id
  comment: comment
  tags: {column: tags, split: "|"}
  items: {each: {id: id, note: note}}
  user.id: id
  user.email: email
  user.email_sha256: {column: email, hash: sha256}
  user.phone: phone
  user.consent_categories: {value: ["1"]}
  context.event_timestamp: {value: 1700000000000}
"""
HEADER = "id,comment,tags,note,email,phone\n"
CARD = "4111 1111 1111 1111"
IBAN = "FR76 3000 6000 0112 3456 7890 189"
ROWS = (
    "1,fine,a|b,x,jane.doe@shop.example,+33612345678",
    "2,write to jane.doe@shop.example,a,x,,",
    f"3,{CARD},a|call 06 12 34 56 78,{IBAN},,",
    "4,or bob@shop.example,,x,,",
)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(MAPPING, encoding="utf-8")
    Path("a.csv").write_text(HEADER + "".join(f"{row}\n" for row in ROWS), encoding="utf-8")
    return Path("m.yaml")


def personal(report: importer.Report) -> dict[str, tuple[int, str]]:
    return {
        rule: (finding.count, f"{finding.examples[0].file}:{finding.examples[0].order[1]}")
        for rule, finding in report.warnings.items()
        if rule.startswith("personal_")
    }


def test_it_names_target_count_and_first_row_and_never_the_value(files: Path) -> None:
    report = importer.validate(files, "a.csv")
    assert personal(report) == {
        "personal_email:comment": (2, "a.csv:2"),
        "personal_card:comment": (1, "a.csv:3"),
        "personal_phone:tags": (1, "a.csv:3"),
        "personal_iban:items[].note": (1, "a.csv:3"),
    }
    assert report.personal == personal(report).keys()
    said = str(report.to_json())
    assert not any(secret in said for secret in ("jane.doe", "bob@", CARD, CARD.replace(" ", ""), IBAN, "34 56"))
    assert "j…@shop.example" in said
    assert report.rows.sent == 4


def test_strict_stops_a_dry_run_when_it_has_seen_all(files: Path) -> None:
    with pytest.raises(PersonalDataFound, match=r"a\.csv:2: `comment` carries an address") as caught:
        importer.validate(files, "a.csv", strict=True)
    assert caught.value.exit_code == importer.ExitCode.TOO_MANY_REJECTS
    assert caught.value.report.rows.read == 4
    assert "a.csv:3: `tags` carries a phone number" in caught.value.message


def test_strict_stops_a_run_before_anything_of_it_leaves(files: Path) -> None:
    with pytest.raises(PersonalDataFound):
        importer.run(files, "a.csv", sandbox=True, strict=True)
    Path("a.csv").write_text(HEADER + ROWS[0] + "\n", encoding="utf-8")
    report = importer.run(files, "a.csv", sandbox=True, strict=True)
    assert report.rows.sent == 1


def test_what_is_rejected_leaves_nowhere_and_stops_nothing(files: Path) -> None:
    text = files.read_text(encoding="utf-8").replace('  user.consent_categories: {value: ["1"]}\n', "")
    files.write_text(text, encoding="utf-8")
    report = importer.validate(files, "a.csv", strict=True)
    assert (report.rows.rejected, report.personal) == (4, set())


def test_nothing_was_sent_when_it_stopped(files: Path) -> None:
    with pytest.raises(PersonalDataFound) as caught:
        importer.run(files, "a.csv", sandbox=True, strict=True)
    assert caught.value.report.requests == 0
    assert caught.value.report.rows.sent == 0


def test_the_number_of_a_card_is_one_as_a_number_too(files: Path) -> None:
    number = CARD.replace(" ", "")
    files.write_text(MAPPING.replace("comment: comment", "count: {column: comment, type: integer}"), encoding="utf-8")
    Path("a.csv").write_text(f"{HEADER}1,7,,,,\n2,{number},,,,\n3,33612345678,,,,\n", encoding="utf-8")
    assert personal(importer.validate(files, "a.csv")) == {"personal_card:count": (1, "a.csv:2")}
    files.write_text(MAPPING.replace("  comment: comment\n", "  count: comment\n"), encoding="utf-8")
    frame = {"id": [1, 2], "comment": [7, int(number)], "tags": ["", ""], "note": ["", ""], "email": [None, None]}
    pl.DataFrame(
        {**frame, "phone": [None, None]}, schema_overrides={"email": pl.String, "phone": pl.String}
    ).write_parquet("a.parquet")
    assert personal(importer.validate(files, "a.parquet")) == {"personal_card:count": (1, "a.parquet:2")}
