"""What signals mean: within an import they ask for a graceful stop, elsewhere they end the command.

The second one ends the process at once. SIGHUP, which a terminal sends when it is closed, means what SIGTERM means;
it often comes twice, so that it never is the second one, and stays ignored where it was (``nohup``).
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from importer.stop import Stop

__all__ = ["CommandInterrupted", "Interruption", "handled", "interruptible", "stoppable"]


class CommandInterrupted(KeyboardInterrupt):
    """A signal ended a command that has nothing to finish."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


class Interruption:
    """Whether a signal ended the command. What is interrupted may turn that into any other error."""

    def __init__(self) -> None:
        self._number: int | None = None

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Interrupt the command; the second time, or while a module is loaded, end it at once."""
        if self._number is not None or _is_loading(frame):
            os._exit(128 + number)
        self._number = number
        raise CommandInterrupted(number)

    def behind(self, error: BaseException) -> BaseException:
        """What ``error`` is in truth."""
        return error if self._number is None else CommandInterrupted(self._number)


def _is_loading(frame: FrameType | None) -> bool:
    """Whether ``frame`` is part of an import: what is raised there may be swallowed, and nothing is begun yet."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """The first signal raises :class:`CommandInterrupted`, the second ends the process at once."""
    interruption = Interruption()
    with handled(interruption.handle):
        yield interruption


@contextmanager
def stoppable(stop: Stop) -> Iterator[None]:
    """The first signal asks for a graceful stop, the second ends the process at once."""
    from importer.cli.console import say

    def handle(number: int, _: FrameType | None) -> None:
        if stop.signal_number is not None:
            os._exit(128 + number)  # safe at any moment: that is what the checkpoint is for
        stop.request(number)
        say("stop", "Stopping: what is under way is finished. Once more to stop at once.", signal=number)

    with handled(handle):
        yield


@contextmanager
def handled(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Call ``handle`` with each signal that asks for an end, and the frame that it came into."""
    is_first = True

    def receive(number: int, frame: FrameType | None) -> None:
        nonlocal is_first
        was_first, is_first = is_first, False
        if number != signal.SIGHUP:
            handle(number, frame)
        elif was_first:
            handle(signal.SIGTERM, frame)

    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        numbers.remove(signal.SIGHUP)
    before = {number: signal.signal(number, receive) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
