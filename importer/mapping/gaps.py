"""What is missing in the remainder of a broken document, so that nothing is said that only follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.mapping.models import FieldSpec

if TYPE_CHECKING:
    from importer.mapping.models import Mapping
    from importer.mapping.yaml_loader import NodePath

_READING = frozenset({"format", "separator", "quote", "encoding", "skip_rows", "null_values"})
_BY_ITSELF = frozenset({"sql", "when", "where", "from"})
"""Parts of a field whose problems do not depend on its other parts."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """The paths of what was ``cut`` out of a document, and of all that is ``said`` to be wrong with it."""

    cut: frozenset[NodePath]
    said: frozenset[NodePath]

    def __bool__(self) -> bool:
        """Whether this is a remainder."""
        return bool(self.cut or self.said)

    def hide(self, path: NodePath, *, missing: bool) -> bool:
        """Whether a problem at ``path`` is said already, or may follow from what is; ``missing``: of a column."""
        if path[0] == "source":
            return path in self.said and not missing  # a type is wrong, and the name of its column may be as well
        if path in self.said or (path[:-1] in self.said and path[0] in {"key", "group_by"}):
            return True
        field = _field(path)
        if not field:
            return False
        if any(other[: len(path)] == path for other in self.said):
            return True
        is_cut = any(other[: len(field)] == field and len(other) > len(field) for other in self.cut)
        return is_cut and not missing and path[-1] not in _BY_ITSELF

    def filled(self, mapping: Mapping) -> Mapping:
        """``mapping`` with something in the place of what was cut out and what much depends on."""
        return mapping.model_copy(update={"timezone": "UTC"}) if ("timezone",) in self.cut else mapping

    def is_cut(self, *path: str) -> bool:
        """Whether the value at ``path``, or what it stands in, was cut out."""
        return any(path[: len(other)] == other or other[: len(path)] == path for other in self.cut)

    def unsure_types(self, columns: list[str]) -> set[str]:
        """Those of ``columns`` that had a type which was cut out."""
        if ("source",) in self.cut or ("source", "columns") in self.cut:
            return set(columns)
        return {name for name in columns if ("source", "columns", name) in self.cut}

    @property
    def reading(self) -> frozenset[str]:
        """The entries of ``source`` that say how a file is read, and are wrong."""
        if ("source",) in self.said:
            return _READING
        return frozenset(str(path[1]) for path in self.said if path[:1] == ("source",) and path[1] in _READING)


NO_GAPS = Gaps(frozenset(), frozenset())


def column_names(mapping: Mapping) -> set[str]:
    """The columns that a mapping names, outside of its SQL."""
    names = {*(mapping.group_by or ()), *mapping.source.columns}
    names |= set() if mapping.key is None or mapping.key == "position" else set(mapping.key)
    for spec in mapping.fields.values():
        fields = [spec] if isinstance(spec, FieldSpec) else spec.each.values() if spec.from_ is None else ()
        names |= {field.column for field in fields if field.column is not None}
    return names


def _field(path: NodePath) -> NodePath:
    """The path of the field that ``path`` leads into, empty outside of ``fields``."""
    if path[0] != "fields":
        return ()
    return path[:4] if path[2:3] == ("each",) and len(path) > 3 else path[:2]  # noqa: PLR2004  ("fields", target, "each", target)
