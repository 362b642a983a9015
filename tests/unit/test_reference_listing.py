"""``importer reference``: the page of each event, for people and for machines."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

import pytest
from click.testing import CliRunner

from importer import reference
from importer.cli import cli
from importer.reference.listing import as_data, overview, page


def lines_of(event: str, *, everything: bool = True, width: int = 100) -> list[str]:
    return list(page(event, width, everything=everything))


def section(lines: list[str], heading: str) -> list[str]:
    """The first words of the lines below ``heading``."""
    start = lines.index(heading) + 1
    end = lines.index("", start)
    return [line.split()[0] for line in lines[start:end] if line.startswith("  ") and line[2] != " "]


@pytest.mark.parametrize("event", reference.EVENT_NAMES)
def test_the_page_of_an_event_has_every_property_once_and_fits(event: str) -> None:
    lines = lines_of(event)
    named = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    paths = set(reference.properties(event)) - {"context", "items[].product"}
    shown = [name for name in named if name in paths]
    assert sorted(shown) == sorted(paths)
    assert max(map(len, lines)) <= 100
    keys = {key for prop in reference.properties(event).values() for key in prop.docs}
    assert keys <= set(named), "every page that is named is told at the end"


def test_a_purchase_says_what_must_be_mapped() -> None:
    lines = lines_of("purchase")
    assert section(lines, "The API requires") == ["event_name", "user", "context.event_id", "context.event_timestamp"]
    assert section(lines, "Required by the reference") == [
        "id", "type", "value", "revenue", "payment_method", "currency", "status", "items",
    ]  # fmt: skip
    assert section(lines, "In each entry of items: required")[:2] == ["items[].id", "items[].quantity"]
    text = " ".join(" ".join(lines).split())
    assert "status text; one of canceled, delivered, in_progress" in text
    assert "user.email text; required unless user.email_sha256 is sent" in text
    assert "commit caf913c2b6 of 2026-08-21" in text
    assert "developers/tracking/events-reference/README.md" in text


def test_what_is_conditional_stands_apart() -> None:
    assert section(lines_of("refund"), "Required in some cases") == ["items"]
    assert section(lines_of("generate_lead"), "Required in some cases") == ["currency"]


def test_the_context_is_folded_unless_asked_for() -> None:
    short = lines_of("search", everything=False)
    assert any("--all lists them" in line for line in short)
    assert not any("context.device.ip" in line for line in short)


def test_an_event_of_ones_own() -> None:
    lines = lines_of("my_own")
    assert lines[0] == "my_own"
    assert "nothing else is required" in " ".join(lines)
    assert "user.email" in " ".join(lines)


def test_the_overview_has_all_events_and_all_contradictions() -> None:
    lines = list(overview(100))
    firsts = {line.split()[0] for line in lines if line.startswith("  ")}
    assert set(reference.EVENT_NAMES) <= firsts
    assert {item.name for item in reference.CONTRADICTIONS} <= firsts
    text = " ".join(" ".join(lines).split())
    assert "The mapping may say otherwise: payload.consent_type" in text
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("width", [20, 40, 72])
def test_a_narrow_terminal_gets_all_of_it(width: int) -> None:
    narrow, wide = (" ".join(" ".join(lines_of("purchase", width=each)).split()) for each in (width, 100))
    assert narrow.replace(" ", "").replace("-", "") == wide.replace(" ", "").replace("-", "")


def test_for_machines() -> None:
    found = as_data("purchase")
    assert [prop["path"] for prop in found["properties"]] == list(reference.properties("purchase"))
    assert found["properties"][0] == asdict(next(iter(reference.properties("purchase").values())))
    assert found["is_standard"]
    assert not as_data("my_own")["is_standard"]
    everything = as_data(None)
    assert len(everything["events"]) == 51
    assert len(everything["contradictions"]) == len(reference.CONTRADICTIONS)
    assert json.loads(json.dumps(everything))["contradictions"][0]["docs"] == ["HT", "HS", "ER"]


def test_the_command() -> None:
    runner = CliRunner()
    assert runner.invoke(cli, ["reference", "purchase"]).output.startswith("purchase (ecommerce event)")
    body = json.loads(runner.invoke(cli, ["reference", "--json", "refund"]).stdout)
    assert body["name"] == "refund"
    misspelt = runner.invoke(cli, ["reference", "purchse"])
    assert "none of the 51 standard events; did you mean `purchase`?" in misspelt.stderr
    assert misspelt.exit_code == 0


def test_it_answers_at_once() -> None:
    """Without what is heavy to import."""
    heavy = "{'polars', 'aiohttp', 'pyarrow', 'pydantic', 'yaml'}"
    asked = "from importer.cli import cli; cli(['reference', 'purchase'], standalone_mode=False)"
    code = f"import sys; {asked}; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=False).returncode == 0
