"""The wish to stop, from whoever has it to whoever can obey. Standard library only: signals come before the rest."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from importer.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Stop:
    """A wish to stop gracefully. May be requested from a signal handler or another thread, once or many times."""

    signal_number: int | None = None
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    def request(self, signal_number: int = signal.SIGTERM) -> None:
        """Ask for the stop."""
        if self.signal_number is None:
            self.signal_number = signal_number
            for listener in list(self._listeners):
                listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` when a stop is requested, now if it was."""
        self._listeners.append(listener)
        if self.signal_number is not None:
            listener()

    def check(self) -> None:
        """Raise Interrupted if a stop was requested."""
        if self.signal_number is not None:
            raise Interrupted(self.signal_number)
