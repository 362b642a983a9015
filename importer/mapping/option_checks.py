"""What ``consent`` and ``payload`` of a mapping can get wrong by themselves, without the columns of a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from importer.mapping.models import FieldSpec
from importer.mapping.nearest import shown
from importer.mapping.shape import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.mapping.models import ConsentSpec, Mapping
    from importer.mapping.yaml_loader import NodePath

CONSENT_CATEGORIES = "user.consent_categories"
EVENT_TIMESTAMP = "context.event_timestamp"
ROOT_TIMESTAMP = "event_timestamp"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MIN_YEAR = 1000


def check_consent(consent: ConsentSpec | None) -> Iterator[Finding]:
    """Categories that no row can have, or that are asked for twice."""
    for index, category in enumerate(consent.require if consent is not None else ()):
        path = ("consent", "require", index)
        if category != category.strip():
            yield Finding(path, f"{shown(category)} has a blank at its edge, and those of cells are cut off")
        elif consent is not None and consent.split is not None and consent.split in category:
            parts = ", ".join(f'"{part.strip()}"' for part in category.split(consent.split) if part.strip())
            message = f"{shown(category)} has the sign of `split` in it, so that no cell can name it"
            yield Finding(path, f"{message}: write a list, `require: [{parts}]`")
        elif consent is not None and category in consent.require[:index]:
            yield Finding(path, f"the category {shown(category)} stands in `require` twice")


def check_payload(mapping: Mapping) -> Iterator[Finding]:
    """Fields and constants that say something else than ``payload``."""
    if mapping.payload.timestamp_place != "context":
        yield from _check_root(mapping)
    if mapping.payload.timestamp_type != "integer":
        yield from _check_time(mapping)
    if "consent_type" in mapping.payload.model_fields_set:
        yield from _check_categories(mapping)


def _check_root(mapping: Mapping) -> Iterator[Finding]:
    for target in mapping.fields:
        if target.partition(".")[0] == ROOT_TIMESTAMP:
            place = f"`payload: {{timestamp_place: {mapping.payload.timestamp_place}}}`"
            message = f"{place} writes `{ROOT_TIMESTAMP}`: map the time as `{EVENT_TIMESTAMP}`, and remove this target"
            yield Finding(("fields", target), message, of_key=True)


def _check_time(mapping: Mapping) -> Iterator[Finding]:
    """``timestamp_type`` writes milliseconds in another way, so that there must be milliseconds."""
    form = mapping.payload.timestamp_type
    spec = mapping.fields.get(EVENT_TIMESTAMP)
    if isinstance(spec, FieldSpec) and spec.type not in (None, "timestamp"):
        message = f"`type: {spec.type}` and `payload: {{timestamp_type: {form}}}` both say how the time is sent"
        hint = "leave out `type`; for a time that is a number write `unit: ms`"
        yield Finding(("fields", EVENT_TIMESTAMP, "type"), f"{message}: {hint}", of_key=True)
    for path, value in _constants(mapping, EVENT_TIMESTAMP):
        if type(value) is not int:
            message = f"`payload: {{timestamp_type: {form}}}` is made of milliseconds: write the time as a whole number"
            yield Finding(path, f"{message}, such as 1700000000000")
        elif not _is_time(value):
            yield Finding(path, f"{value} ms since 1970 is no time between the years 1000 and 9999")


def _is_time(milliseconds: int) -> bool:
    try:
        return (_EPOCH + timedelta(milliseconds=milliseconds)).year >= _MIN_YEAR
    except OverflowError:
        return False


def _check_categories(mapping: Mapping) -> Iterator[Finding]:
    """Constants whose entries are of the other type than ``consent_type``. An explicit ``type`` of the field wins."""
    spec = mapping.fields.get(CONSENT_CATEGORIES)
    wanted = mapping.payload.consent_type
    if isinstance(spec, FieldSpec) and spec.type is not None:
        return
    for path, value in _constants(mapping, CONSENT_CATEGORIES):
        entries = value if isinstance(value, list) else [value]
        wrong = [entry for entry in entries if (type(entry) is int) != (wanted == "integer")]
        if wrong:
            is_text = wanted == "text"
            right = '["1", "2"], in quotes' if is_text else "[1, 2], without quotes"
            message = (
                f"{json.dumps(wrong[0], ensure_ascii=False)} is not what `payload: {{consent_type: {wanted}}}` says"
            )
            yield Finding(path, f"{message}: write the categories as {right}, or change `consent_type`")


def _constants(mapping: Mapping, target: str) -> Iterator[tuple[NodePath, object]]:
    """Constants and defaults of ``target``, also inside a constant object that holds it; each with its path."""
    head, _, name = target.partition(".")
    spec, whole = mapping.fields.get(target), mapping.fields.get(head)
    if isinstance(spec, FieldSpec):
        for key in ("value", "default"):
            if key in spec.model_fields_set:
                yield ("fields", target, key), getattr(spec, key)
    if isinstance(whole, FieldSpec) and isinstance(whole.value, dict) and name in whole.value:
        yield ("fields", head, "value", name), whole.value[name]
