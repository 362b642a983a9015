"""Contenders in turns. A ratio is made within a round, because the machine may be another one in the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.tables import number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.results import Sample

ENVELOPE_BYTES = len('{"batch":[]}')


def in_turns(rounds: int, unit: str, contenders: Mapping[str, Callable[[], Sample]]) -> list[dict[str, Sample]]:
    """``rounds`` times each of ``contenders``, one after the other; every other round in the opposite order."""
    found = []
    for index in range(rounds):
        names = list(contenders) if index % 2 == 0 else list(contenders)[::-1]
        samples = {}
        for name in names:
            samples[name] = contenders[name]()
            print(f"  round {index + 1}: {name:28} {number(samples[name].figure):>10} {unit}", flush=True)
        found.append({name: samples[name] for name in contenders})
    return found


def check_payloads(rounds: Sequence[Mapping[str, Sample]]) -> None:
    """Every run that sent batches sent the same bytes of events, however they were cut into requests.

    Raises:
        SystemExit: one of them did not.

    """
    found = {
        name: sample.sent_bytes - sample.requests * ENVELOPE_BYTES - (sample.events - sample.requests)
        for samples in rounds
        for name, sample in samples.items()
        if sample.requests
    }
    if len(set(found.values())) > 1:
        raise SystemExit(f"the bytes of events differ: {found}")
