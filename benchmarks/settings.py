"""What a scenario is told: how much to measure, with what, where the data is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of the command. What is ``None`` the scenario shall choose; ``server`` is nginx or python."""

    cache: Path
    server: str
    rows: int | None = None
    rounds: int | None = None

    def rows_or(self, default: int) -> int:
        """The rows that were asked for, or ``default``."""
        return default if self.rows is None else self.rows

    def rounds_or(self, default: int) -> int:
        """The rounds that were asked for, or ``default``."""
        return default if self.rounds is None else self.rounds
