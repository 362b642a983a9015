"""Checks that draw their case from a seed, one after the other. For tests and campaigns alike."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def sum_of(check: Callable[..., Counter[str]], seeds: Iterable[int], *arguments: Any) -> Counter[str]:  # noqa: ANN401
    """The figures of ``check(chance, *arguments)`` for all seeds. What fails names its seed."""
    figures: Counter[str] = Counter()
    for seed in seeds:
        try:
            figures += check(Random(seed), *arguments)  # noqa: S311  to be repeated
        except BaseException as error:
            error.add_note(f"to see it again: {check.__module__}.{check.__name__}(Random({seed}), ...)")
            raise
    return figures
