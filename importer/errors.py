"""Every error of the importer, named by its consequence.

    ImporterError                  what a user reads instead of a traceback
    ├── UsageInvalid          2    options, environment or settings are wrong; nothing was sent
    │   └── MappingInvalid    2    the mapping document has problems, each with its place
    ├── SourceUnreadable      4    a file cannot be read, or is not what its name says
    │   ├── ColumnsMissing    4    it lacks columns that the mapping has
    │   └── SourceChanged     4    a file is not the one that the checkpoint knows
    ├── DestinationUnavailable 5   no answer for too long; run the same command to resume
    ├── DestinationRefused    6    credentials, path or envelope are wrong; nothing was marked as sent
    ├── StateUnusable         7    checkpoint, rejects file or disk damaged, full or read-only
    ├── TooManyRejects        8    more rejects than ``--max-rejects`` allows
    ├── PersonalDataFound     8    with ``--strict``: personal data in a target that is not declared to carry it
    ├── DeliveryAmbiguous     8    with ``--ambiguous stop``: rows may have arrived, and would be sent again
    ├── ImportLocked         11    another run holds this import
    ├── Interrupted     130, 143   a signal asked for a graceful stop; resumable
    └── Imbalance             1    the sums of the rows do not add up: a bug of ours

Exit code 0 is success and 3 is "done, some rows were rejected": neither is an error.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class ExitCode(IntEnum):
    """What stopped the run. ``ROWS_REJECTED`` only when nothing did."""

    DONE = 0
    BUG = 1
    INVALID = 2
    ROWS_REJECTED = 3
    SOURCE = 4
    UNAVAILABLE = 5
    REFUSED = 6
    STATE = 7
    TOO_MANY_REJECTS = 8
    LOCKED = 11
    SIGINT = 130
    SIGTERM = 143


class ImporterError(Exception):
    """An end of the run that a user can understand.

    ``message`` says what and where, ``hint`` says what to do next; ``str()`` joins them. ``report`` is what the run did
    until then, where :mod:`importer.api` raises it.
    """

    exit_code: ExitCode = ExitCode.BUG
    report: Any = None  # a Report, which stands above this module

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class UsageInvalid(ImporterError):
    """Options, environment or settings are wrong; nothing was sent."""

    exit_code = ExitCode.INVALID


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a mapping document. ``line`` and ``column`` count from 1; 0 means unknown."""

    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}: " if self.line else ""
        return f"{where}{self.path}: {self.message}" if self.path else f"{where}{self.message}"


class MappingInvalid(UsageInvalid):
    """The mapping document has problems; all of them are listed, in the order of the document.

    ``warnings`` are what looks odd in it beside them. ``remainder`` is a Document of what makes sense, if anything
    does, for whoever can look for more problems.
    """

    def __init__(
        self,
        name: str,
        problems: list[Problem],
        warnings: Sequence[Problem] = (),
        remainder: Any = None,  # noqa: ANN401 -- a Document, which stands above this module
    ) -> None:
        self.name = name
        self.problems, self.warnings = in_order(problems), in_order(warnings)
        self.remainder = remainder
        told = _counted(self.problems, "problem")
        odd = f"\nand {_counted(self.warnings, 'warning')}" if warnings else ""
        super().__init__(f"{name}: {told}{odd}")


def in_order(problems: Sequence[Problem]) -> list[Problem]:
    """By line and column."""
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def _counted(problems: list[Problem], what: str) -> str:
    lines = "".join(f"\n  {problem}" for problem in problems)
    return f"{len(problems)} {what}{'' if len(problems) == 1 else 's'} in the mapping{lines}"


class SourceUnreadable(ImporterError):
    """A source file cannot be read, or is not what its name or the mapping says.

    ``problems`` are the places in the mapping that want something else than the file has, ``warnings`` what looks odd
    in it besides.
    """

    exit_code = ExitCode.SOURCE
    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()


class ColumnsMissing(SourceUnreadable):
    """A source lacks columns that the mapping ``name`` has, in the places of ``problems``; nothing else is wrong."""

    def __init__(
        self, name: str, problems: Sequence[Problem], warnings: Sequence[Problem], columns: Iterable[str]
    ) -> None:
        self.problems, self.warnings = in_order(problems), in_order(warnings)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        odd = f"\nand {_counted(self.warnings, 'warning')}" if warnings else ""
        hint = f"Its columns are: {', '.join(columns)}"
        super().__init__(f"The source lacks columns that {name} maps:{lines}{odd}", hint)


class SourceChanged(SourceUnreadable):
    """A source file is not the one that the checkpoint knows."""


class DestinationUnavailable(ImporterError):
    """The destination gave no usable answer for longer than the patience of the run."""

    exit_code = ExitCode.UNAVAILABLE


class DestinationRefused(ImporterError):
    """The destination refuses everything: credentials, address or envelope are wrong."""

    exit_code = ExitCode.REFUSED


class StateUnusable(ImporterError):
    """Checkpoint, rejects file or their disk is damaged, full or read-only."""

    exit_code = ExitCode.STATE


class TooManyRejects(ImporterError):
    """More rows were rejected than the user allows."""

    exit_code = ExitCode.TOO_MANY_REJECTS


class PersonalDataFound(ImporterError):
    """Personal data stands in a target that is not declared to carry it, and the user wants to stop then."""

    exit_code = ExitCode.TOO_MANY_REJECTS


class DeliveryAmbiguous(ImporterError):
    """Rows were sent, their answer never came, and the user wants to stop then."""

    exit_code = ExitCode.TOO_MANY_REJECTS

    def __init__(self, what: str) -> None:
        hint = "Look whether they are there. To send them again, with the same ids and bytes: --ambiguous resend."
        super().__init__(f"{what}, and --ambiguous is `stop`.", hint)


class ImportLocked(ImporterError):
    """Another run holds this import."""

    exit_code = ExitCode.LOCKED


class Interrupted(ImporterError):
    """A signal asked for a graceful stop."""

    exit_code = ExitCode.SIGINT

    def __init__(self, signal_number: int) -> None:
        name = signal.Signals(signal_number).name
        super().__init__(f"Stopped by {name}; what was answered is recorded.", "Run the same command to resume.")
        self.exit_code = ExitCode(128 + signal_number)


class Imbalance(ImporterError):
    """The fates of the rows do not add up to the rows read: a bug of the importer."""

    exit_code = ExitCode.BUG
