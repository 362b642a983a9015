"""What rules are given, and what a rule is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from importer import reference

if TYPE_CHECKING:
    from collections.abc import Iterable

EVENT_NAME = "event_name"


@dataclass(frozen=True, slots=True)
class Given:
    """What an event has at one target: the values of a column, or with ``expr`` ``None`` the one ``constant``.

    ``dtype`` is the type of the column; a ``raw`` one holds numbers in text, or a list of such.
    """

    expr: pl.Expr | None
    dtype: pl.DataType | None = None
    raw: bool = False
    constant: Any = None

    @property
    def is_text(self) -> bool:
        """Whether it holds texts."""
        return self.dtype == pl.String and not self.raw


@dataclass(frozen=True, slots=True)
class EventNames:
    """The names that events of a mapping can have. ``names`` is ``None`` for any; with one, all have that.

    With ``is_constant`` no column holds the name.
    """

    names: tuple[str, ...] | None
    is_constant: bool

    def possible(self) -> tuple[str, ...]:
        """The names that are known: all standard events where any can come."""
        return reference.EVENT_NAMES if self.names is None else self.names

    def among(self, names: Iterable[str]) -> pl.Expr | None:
        """Where the name of the event is one of ``names``; ``None`` for everywhere.

        What holds for all standard events holds for others, too.
        """
        among = set(names)
        wanted = [name for name in self.possible() if name in among]
        if len(wanted) == len(self.possible()):
            return None
        return pl.lit(value=bool(wanted)) if self.is_constant else pl.col(EVENT_NAME).is_in(wanted)


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong with an event.

    ``failed`` is true in the rows where it is, ``shown`` the value for the {} of ``message``. ``code`` says what kind
    of thing, ``target`` where. ``lists_values`` says that it helps to know which values failed, and how often; in
    ``valid`` are the values that would have been right, if these are few. ``applies`` is true for the events that it is
    about, over a frame with a row an event; ``None`` for all. What ``is_personal`` is shown masked.
    """

    code: str
    target: str
    message: str
    failed: pl.Expr
    shown: pl.Expr | None = None
    lists_values: bool = False
    valid: tuple[str, ...] = ()
    applies: pl.Expr | None = None
    is_personal: bool = False

    def where(self, applies: pl.Expr | None) -> Rule:
        """The same rule for other events."""
        return replace(self, applies=applies)

    @property
    def name(self) -> str:
        """A stable word for machines: ``required:status``."""
        return f"{self.code}:{self.target}"
