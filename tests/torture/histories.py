"""Hundreds of imports on virtual time: see ``tests/histories.py``. What fails names the seed that plays it alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from histories import check_economy, draw_seeds, playing

if TYPE_CHECKING:
    from pathlib import Path

HISTORIES = 300


def play(seed: int, _: Path) -> Counter[str]:
    """Three hundred histories of ten exports."""
    counted: Counter[str] = Counter()
    with playing() as player:
        for one in draw_seeds(seed, HISTORIES, exports=10):
            counted += player.play(one).counted
    check_economy(counted)
    return counted
