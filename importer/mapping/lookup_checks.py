"""What a lookup can get wrong by itself, before its file is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.mapping.shape import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.mapping.models import FieldSpec
    from importer.mapping.yaml_loader import NodePath


def check_lookup(path: NodePath, spec: FieldSpec) -> Iterator[Finding]:
    """Whether ``missing`` and ``default`` of a field agree."""
    if spec.lookup is None:
        return
    if spec.lookup.missing == "default" and spec.default is None:
        message = "`missing: default` sends the `default` of the field: write one beside `lookup`"
        yield Finding((*path, "lookup", "missing"), message)
    if spec.lookup.missing == "null" and spec.default is not None:
        message = "`missing: null` leaves the member out, and `default` would be sent in its place: write"
        yield Finding((*path, "lookup", "missing"), f"{message} `missing: default`, or leave out `default`")
