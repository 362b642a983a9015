"""What a mapping says about the identity of events that is valid, and most likely not meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.mapping.essentials import EVENT_ID
from importer.mapping.models import FieldSpec
from importer.mapping.nearest import printable
from importer.mapping.shape import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.mapping.models import EventSpec, Mapping

_REFUND = "refund"


def identity_warnings(mapping: Mapping) -> Iterator[Finding]:
    """A warning where refunds have the number of their order for a key: an order may be refunded more than once."""
    order = mapping.fields.get("id")
    column = order.column if isinstance(order, FieldSpec) else None
    key = (mapping.key or mapping.group_by) if EVENT_ID not in mapping.fields else None
    if column is None or key != (column,) or not _may_refund(mapping.event):
        return
    entry, order_id = "group_by" if key == mapping.group_by else "key", printable(column)
    message = (
        f"`{entry}: [{order_id}]` is the number of the order alone, and events may be refunds: two partial refunds of "
        "one order would have the same context.event_id; add a column that tells them apart, "
        f"e.g. `{entry}: [{order_id}, refund_id]`"
    )
    yield Finding((entry,), message)


def _may_refund(event: EventSpec) -> bool:
    return event.value == _REFUND or _REFUND in (event.map or {}).values() or _REFUND in (event.sql or "")
