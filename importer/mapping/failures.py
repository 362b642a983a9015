"""Why rows are rejected: a code and a sentence for each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.compiled import ROW

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from importer.mapping.compiled import FailedCheck

MAX_SHOWN_CHARACTERS = 200


def any_failed(checks: Iterable[FailedCheck]) -> pl.Expr:
    """True where one of ``checks`` has failed."""
    return pl.any_horizontal(pl.lit(value=False), *(item.check.failed.fill_null(value=False) for item in checks))


class Failures:
    """What the checks have found, by row. All that is wrong with a row is said in one sentence."""

    def __init__(self) -> None:
        self._by_row: dict[int, tuple[str, dict[str, str]]] = {}

    def rows(self) -> list[int]:
        """The rows that have failed a check."""
        return list(self._by_row)

    def of(self, row: int) -> tuple[str, str]:
        """The code of what was found first in ``row``, and everything in words."""
        code, messages = self._by_row[row]
        return code, "; ".join(f"{target}: {message}" for target, message in messages.items())

    def add(self, bad: pl.DataFrame, checks: Sequence[FailedCheck]) -> None:
        """Note which of ``checks`` the rows of ``bad`` have failed, with the values."""
        flags = bad.select(ROW, *(item.check.failed.alias(str(i)) for i, item in enumerate(checks)))
        shown = bad.select(ROW, *(item.check.shown.cast(pl.String).alias(str(i)) for i, item in enumerate(checks)))
        for (row, *failed), (_, *texts) in zip(flags.iter_rows(), shown.iter_rows(), strict=True):
            for item, is_failed, text in zip(checks, failed, texts, strict=True):
                if is_failed:
                    self._note(row, item, text)

    def merge(self, other: Failures) -> None:
        """Add what ``other`` has found."""
        for row, (code, messages) in other._by_row.items():
            self._by_row.setdefault(row, (code, {}))[1].update(messages)

    def _note(self, row: int, item: FailedCheck, text: str | None) -> None:
        message = item.check.message.replace("{}", _quoted(text))
        _, messages = self._by_row.setdefault(row, (item.check.code, {}))
        # the first check of a target says why; that it is missing afterwards is no news, nor is what was said before
        if message not in messages.values():
            messages.setdefault(item.target, message)


def _quoted(text: str | None) -> str:
    if text is None:
        return "empty"
    cut = text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"
    return json.dumps(cut, ensure_ascii=False)
