"""Whether a run may go on where an earlier one stopped: the same files, read and mapped in the same way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from importer.errors import SourceChanged, UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from importer.checkpoint.sources import Identity, KnownSource, Source

_SHOWN_DIFFERENCES = 10
_LONGEST_VALUE = 80


def same_file(source: Source | KnownSource, identity: Identity) -> None:
    """Raise :class:`SourceChanged` unless ``identity`` is that of the file the checkpoint knows.

    A changed modification time alone is a copied or touched file, not another one.
    """
    known = source.identity
    if known.size != identity.size:
        what = f"it had {known.size:,} bytes and now has {identity.size:,}"
    elif known.hash != identity.hash:
        what = f"it still has {known.size:,} bytes, but others"
    else:
        return
    if source.complete:
        message = f"{source.name} was imported completely and has changed since: {what}."
        hint = "Put new rows into a new file, or send all of this one again with --again (ids stay the same per key)."
    else:
        message = f"{source.name} has changed while its import is unfinished: {what}."
        hint = "Put the file back as it was and run the same command, or send all of it again with --again."
    raise SourceChanged(message, hint)


def same_bytes(source: Source, known: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise :class:`UsageInvalid` with the differences unless ``known`` and ``now`` lead to the same events."""
    found = list(differences(known, now))
    if not found:
        return
    shown = "".join(f"\n    {line}" for line in found[:_SHOWN_DIFFERENCES])
    more = f"\n    and {len(found) - _SHOWN_DIFFERENCES} more" if len(found) > _SHOWN_DIFFERENCES else ""
    message = f"{source.name} is partly imported, and what makes its events has changed since:{shown}{more}"
    hint = "Undo the change and let the import finish, or send all of the file again with --again."
    raise UsageInvalid(message, hint)


def differences(known: object, now: object, path: str = "") -> Iterator[str]:
    """Lines like ``mapping.fields.id.column: "order" -> "order_id"`` for all that differs between two JSON values."""
    if isinstance(known, dict) and isinstance(now, dict):
        for name in [*known, *(name for name in now if name not in known)]:
            inner = f"{path}.{name}" if path else name
            yield from differences(known.get(name, _ABSENT), now.get(name, _ABSENT), inner)
    elif known is _ABSENT or now is _ABSENT or json.dumps(known) != json.dumps(now):  # 1, 1.0 and true differ
        yield f"{path}: {_short(known)} -> {_short(now)}"


_ABSENT = object()


def _short(value: object) -> str:
    if value is _ABSENT:
        return "(nothing)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
