"""``importer validate``: a broken mapping is told in one run, with and without a source, for people and machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from importer.cli import main
from importer.cli.console import set_up_logging

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAPPING = """\
version: 1
event: purchase
key: order_id
timezone: Europe/Paris
fields:
  valeu: total
  user.id: customer
  context.event_timestamp: at
"""
Ended = tuple[int, str, str]


@pytest.fixture
def validate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("order_id,total,customer,at\n1,2.5,c,2024-01-02\n")

    def run(mapping: str, *arguments: str) -> Ended:
        (tmp_path / "m.yaml").write_text(mapping)
        set_up_logging()  # as in a process of its own
        monkeypatch.setattr("sys.argv", ["importer", "validate", "m.yaml", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return run


def report(out: str) -> dict[str, Any]:
    found = json.loads(out)
    assert isinstance(found, dict)
    return found


WARNING = "line 6, column 3: fields.valeu: target `valeu` is not in the event reference; did you mean `value`?"


def test_a_document_alone_is_told_its_warnings(validate: Callable[..., Ended]) -> None:
    code, out, err = validate(MAPPING)
    assert (code, out) == (0, "m.yaml: the document is valid. Name a SOURCE to check it against data.\n")
    assert err == f"warning: {WARNING}\n"
    assert report(validate(MAPPING, "--json")[1])["mapping_warnings"] == [WARNING]
    assert validate(MAPPING, "--quiet")[1:] == ("", "")


def test_beside_data_too(validate: Callable[..., Ended]) -> None:
    code, out, err = validate(MAPPING, "a.csv", "--json")
    assert (code, report(out)["mapping_warnings"]) == (0, [WARNING])
    assert f"warning: {WARNING}\n" in err


def test_a_typo_in_a_key_and_a_wrong_column_need_one_run(validate: Callable[..., Ended]) -> None:
    broken = MAPPING.replace("timezone", "timezon").replace("customer", "custmer")
    code, _, err = validate(broken, "a.csv")
    assert code == 2
    assert err == (
        "error: m.yaml: 2 problems in the mapping\n"
        "  line 4, column 1: timezon: unknown key `timezon`; did you mean `timezone`?\n"
        "  line 7, column 12: fields.user.id.column: no column 'custmer' in the source; did you mean `customer`?\n"
        f"and 1 warning in the mapping\n  {WARNING}\n"
    )
    code, out, _ = validate(broken, "a.csv", "--json")
    assert (code, report(out)["mapping_warnings"]) == (2, [WARNING])


def test_machines_get_problems_and_warnings_as_objects(validate: Callable[..., Ended]) -> None:
    code, _, err = validate(MAPPING.replace("customer", "custmer"), "a.csv", "--log-format", "json")
    line = next(found for found in map(json.loads, err.splitlines()) if found["event"] == "error")
    assert code == line["exit_code"] == 4
    assert [(item["line"], item["column"], item["path"]) for item in line["problems"]] == [
        (7, 12, "fields.user.id.column")
    ]
    assert [item["message"] for item in line["warnings"]] == [WARNING.partition("fields.valeu: ")[2]]
