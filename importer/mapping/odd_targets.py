"""Targets that are most likely misspelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer import reference
from importer.mapping.models import EachSpec
from importer.mapping.nearest import did_you_mean

if TYPE_CHECKING:
    from importer.mapping.models import Mapping


def odd_targets(mapping: Mapping) -> tuple[str, ...]:
    """A warning for each target that the reference does not know but that looks like one that it knows."""
    event = mapping.event.value
    known = reference.known_paths(event)
    warnings = []
    if event is not None and event not in reference.EVENTS and (hint := did_you_mean(event, reference.EVENT_NAMES)):
        warnings.append(f"event `{event}` is not in the event reference{hint}")
    for target, spec in mapping.fields.items():
        paths = [f"{target}[].{name}" for name in spec.each] if isinstance(spec, EachSpec) else [target]
        unknown = [path for path in paths if reference.find(event, path) is None]
        hints = [(path, did_you_mean(path, known)) for path in unknown]
        warnings += [f"target `{path}` is not in the event reference{hint}" for path, hint in hints if hint]
    return tuple(warnings)
