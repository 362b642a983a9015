"""``docs/reliability.md`` cannot rot: the tests that it names are there, and every row of the scoreboard has some."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
SCOREBOARD = TEXT.partition("## The scoreboard")[2].partition("\n## ")[0]
ROWS = dict(re.findall(r"^\| (\d+) \| (.*) \|$", SCOREBOARD, re.MULTILINE))


def test_every_row_of_the_scoreboard_has_tests() -> None:
    assert list(ROWS) == [str(number) for number in range(1, 34)]
    assert [number for number, row in ROWS.items() if "::test_" not in row] == []


def test_the_tests_that_are_named_exist() -> None:
    named = re.findall(r"`(\w+/\w+\.py)::(\w+)`", TEXT)
    assert len(named) > 60
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_the_campaigns_that_are_named_exist() -> None:
    kinds = {file.stem for file in (ROOT / "tests" / "torture").glob("[!_]*.py")}
    named = set(re.findall(r"campaign `(\w+)`", TEXT))
    assert named <= kinds
    listed = TEXT.partition("The kinds of the campaign")[2].partition("\n## ")[0]
    assert kinds == set(re.findall(r"`(\w+)`", listed))


def test_the_deliberate_breaks_are_those_that_are_made() -> None:
    breaks = runpy.run_path(str(ROOT / "tests" / "breaks" / "__main__.py"))["BREAKS"]
    listed = re.findall(r"^\| (\d+) \| ([^|]+) \|", TEXT.partition("## Deliberate breaks")[2], re.MULTILINE)
    assert [name for _, name in listed] == [item.name for item in breaks]
    for item in breaks:
        text = (ROOT / item.file).read_text(encoding="utf-8")
        assert all(old in text for old, _ in item.changes), f"{item.name}: {item.file} has changed"
