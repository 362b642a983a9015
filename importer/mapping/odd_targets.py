"""Targets and names of events that are most likely misspelled."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from importer import reference
from importer.mapping.models import EachSpec
from importer.mapping.nearest import did_you_mean, nearest, shown
from importer.mapping.shape import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.mapping.models import Mapping
    from importer.mapping.yaml_loader import NodePath


_LIKE_A_NAME, _LIKE_A_PATH = 0.75, 0.85  # two letters that changed places; longer texts are alike by chance


def odd_targets(mapping: Mapping) -> Iterator[Finding]:
    """A finding for each target or event that the reference does not know but that looks like one that it knows."""
    yield from _odd_events(mapping)
    event = _meant_event(mapping)
    known = reference.known_paths(event)
    for path, full in _targets(mapping):
        if reference.find(event, full) is None and (near := _like(full, known)):
            message = f"target {shown(full)} is not in the event reference; did you mean {shown(near)}?"
            yield Finding(path, message, of_key=True)


def _like(target: str, known: tuple[str, ...]) -> str | None:
    """The known target that this one is nearly spelled as: as a whole, or in its last part."""
    whole = {path.lower(): path for path in reversed(known)}
    if close := get_close_matches(target.lower(), whole, 1, _LIKE_A_PATH):
        return whole[close[0]]
    head, _, last = target.lower().rpartition(".")
    beside = {path.rpartition(".")[2].lower(): path for path in known if path.rpartition(".")[0].lower() == head}
    close = get_close_matches(last, beside, 1, _LIKE_A_NAME)
    return beside[close[0]] if close else None


def _odd_events(mapping: Mapping) -> Iterator[Finding]:
    event = mapping.event
    names: list[tuple[NodePath, str]] = [(("event", "map", key), name) for key, name in (event.map or {}).items()]
    if event.value is not None:
        names.append((("event", "value"), event.value))
    for path, name in names:
        if name not in reference.EVENTS and (hint := did_you_mean(name, reference.EVENT_NAMES)):
            yield Finding(path, f"event {shown(name)} is not in the event reference{hint}")


def _meant_event(mapping: Mapping) -> str | None:
    """The name of the event, ``None`` where it varies; a misspelled one as it should be."""
    name = mapping.event.value
    return name if name is None or name in reference.EVENTS else nearest(name, reference.EVENT_NAMES) or name


def _targets(mapping: Mapping) -> Iterator[tuple[NodePath, str]]:
    for target, spec in mapping.fields.items():
        if isinstance(spec, EachSpec):
            yield from ((("fields", target, "each", name), f"{target}[].{name}") for name in spec.each)
        else:
            yield ("fields", target), target
