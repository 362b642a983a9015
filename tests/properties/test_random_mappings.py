"""Scoreboard row 18, and any mapping over any columns: what is encoded comes back, and what is not is told.

Each seed is a frame and a mapping. The same checks run on seeds without end in ``make torture ONLY=inputs``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import coming_back
import commands
from seeds import sum_of

if TYPE_CHECKING:
    from pathlib import Path


def test_any_mapping_gives_each_row_one_fate_or_problems_with_places() -> None:
    figures = sum_of(coming_back.encoded_and_back, range(150))
    assert figures["events"] > 50
    assert figures["rejects"] > 50
    assert figures["filtered"] > 5
    assert figures["refused"] > 50


def test_a_value_of_any_type_comes_back_or_is_rejected() -> None:
    figures = sum_of(coming_back.values_come_back, range(200))
    assert figures["values: String"] > 50
    assert all(figures[f"values: {name}"] for name in ("Int64", "Float64", "Decimal", "Datetime", "Date", "List"))
    assert figures["rejected values"]


def test_a_mapping_with_some_of_its_text_changed_is_a_document_or_has_problems_with_places() -> None:
    figures = sum_of(coming_back.mangled_document, range(60))
    assert 0 < figures["refused_documents"] < figures["documents"]


def test_every_command_that_looks_at_a_file_answers_without_a_traceback(tmp_path: Path) -> None:
    figures = sum_of(commands.every_command, range(14), tmp_path)
    assert all(figures[f"{command}: exit 0"] for command in ("init", "preview", "explain", "validate"))
    assert figures["init: exit 4"]
