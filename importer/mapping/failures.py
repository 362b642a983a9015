"""Why rows are rejected: a code and a sentence for each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.compiled import ROW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.mapping.cells import Check
    from importer.mapping.compiled import FailedCheck

MAX_SHOWN_CHARACTERS = 200


class Failures:
    """What the checks have found, by row. All that is wrong with a row is said in one sentence.

    ``culprits`` has the first such row of each event, by the row of the event.
    """

    def __init__(self) -> None:
        self.culprits: dict[int, int] = {}
        self._by_row: dict[int, tuple[str, dict[str, str]]] = {}

    def __contains__(self, row: int) -> bool:
        return row in self._by_row

    def of(self, row: int) -> tuple[str, str]:
        """The code of what was found first in ``row``, and everything in words."""
        code, messages = self._by_row[row]
        return code, "; ".join(f"{target}: {message}" for target, message in messages.items())

    def add(self, bad: pl.DataFrame, checks: Sequence[FailedCheck], number: str = ROW) -> None:
        """Note which of ``checks`` the rows of ``bad`` have failed, with the values.

        ``number`` is the column of the row to blame: that of the event, or of a line in it.
        """
        rows = bad.select(pl.col(ROW).alias("event"), pl.col(number).alias("row")).rows()
        flags = bad.select(ROW, *(item.check.failed.alias(str(i)) for i, item in enumerate(checks)))
        shown = bad.select(ROW, *(item.check.shown.cast(pl.String).alias(str(i)) for i, item in enumerate(checks)))
        for (event, row), (_, *failed), (_, *texts) in zip(rows, flags.iter_rows(), shown.iter_rows(), strict=True):
            for item, is_failed, text in zip(checks, failed, texts, strict=True):
                if is_failed:
                    self.culprits[event] = min(row, self.culprits.get(event, row))
                    self._add(row, item.check.code, item.target, sentence(item.check, text))

    def merge(self, other: Failures) -> None:
        """Add what ``other`` has found."""
        for event, row in other.culprits.items():
            self.culprits[event] = min(row, self.culprits.get(event, row))
        for row, (code, messages) in other._by_row.items():
            for target, message in messages.items():
                self._add(row, code, target, message)

    def _add(self, row: int, code: str, target: str, message: str) -> None:
        _, messages = self._by_row.setdefault(row, (code, {}))
        # the first check of a target says why; that it is missing afterwards is no news, nor is what was said before
        if message not in messages.values():
            messages.setdefault(target, message)


def sentence(check: Check, text: str | None) -> str:
    """What ``check`` says about a value that has failed it, and what would have read it."""
    hint = check.hint(text) if check.hint is not None and text is not None else ""
    return check.message.replace("{}", quoted(text)) + hint


def quoted(text: str | None) -> str:
    """A value as it stands in a message, not longer than a line can bear."""
    if text is None:
        return "empty"
    cut = text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"
    return json.dumps(cut, ensure_ascii=False)
