"""The mapping of the files of ``shapes.py``. Standard library only: who measures must stay small."""

from __future__ import annotations

FIXED = ("row_id", "customer_id", "seen_at")


def names(kind: str, number: int) -> list[str]:
    """The columns beside the fixed ones."""
    return ["text"] if kind == "bytes" else [f"c{i:03}" for i in range(number - len(FIXED))]


def mapping_of(kind: str, number: int) -> str:
    """The mapping of such a file: an event of our own, whose members have the names of the columns."""
    fields = "".join(f"  {name}: {name}\n" for name in names(kind, number))
    head = "version: 1\nevent: imported_row\nkey: [row_id]\nfields:\n"
    return f"{head}{fields}  user.id: customer_id\n  context.event_timestamp: seen_at\n"
