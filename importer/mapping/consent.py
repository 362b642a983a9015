"""Who agreed: the categories that a row names as accepted, and whether all are among them that the mapping requires."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.cells import inner_type, type_name
from importer.mapping.members import named
from importer.mapping.sql_tree import SqlInvalid

if TYPE_CHECKING:
    from importer.mapping.columns import Columns, Problems
    from importer.mapping.models import ConsentSpec

_COLUMN, _SPLIT, _REQUIRE = (("consent", key) for key in ("column", "split", "require"))
_GIVEN = "\x01given"


@dataclass(frozen=True, slots=True)
class Consent:
    """The consent that a row needs to be sent, over the cells of the source.

    ``name`` is the column as the mapping writes it, ``require`` the categories, each once. ``given`` are those of a row
    as a list of texts, null where it has none; ``agrees`` is true where all that are required are among them, and
    never null.
    """

    name: str
    require: tuple[str, ...]
    given: pl.Expr
    agrees: pl.Expr

    @property
    def needs(self) -> str:
        """What is required, in words: ``1 and 2``."""
        return in_words(self.require)

    def agreed(self, frame: pl.DataFrame) -> pl.Series:
        """Whether the user of each row of ``frame`` agreed to all that is required."""
        return frame.select(self.agrees.alias(_GIVEN)).to_series()

    def given_in(self, frame: pl.DataFrame) -> list[list[str]]:
        """The accepted categories of each row of ``frame``."""
        return [row or [] for row in frame.select(self.given.alias(_GIVEN)).to_series().to_list()]

    def lacking(self, given: list[str]) -> str:
        """Why a row that has ``given`` is not sent: ``no consent: has 1, needs 1 and 2``."""
        return f"no consent: has {in_words(given) or 'none'}, needs {self.needs}"


def in_words(categories: tuple[str, ...] | list[str]) -> str:
    """``1``, ``1 and 2``, ``1, 2 and 3``; empty for none."""
    *others, last = categories or ("",)
    return f"{', '.join(others)} and {last}" if others else last


def compile_consent(spec: ConsentSpec, columns: Columns, problem: Problems) -> Consent | None:
    """``spec`` over ``columns``; ``None`` when the column is not there, or cannot tell what ``spec`` asks for."""
    member = named(spec.column, columns.schema)
    if columns.get(member.column, _COLUMN) is None:
        return None
    try:
        dtype = member.dtype(columns.schema)
    except SqlInvalid as error:
        problem(_COLUMN, str(error))
        return None
    require = tuple(dict.fromkeys(spec.require))
    if spec.split is not None and isinstance(dtype, pl.List):
        problem(_SPLIT, f"column {spec.column!r} is a list already: leave `split` out")
        return None
    is_one = spec.split is None and not isinstance(dtype, pl.List)
    if is_one and len(require) > 1:
        message = f"without `split` a cell of column {spec.column!r} is one category, and no row can have all of"
        problem(_REQUIRE, f'{message} {in_words(require)}: add e.g. `split: "|"`, the sign between two of them')
        return None
    given = _given(spec, member.expr, dtype)
    if given is None:
        held = f"a list of {type_name(inner)}" if (inner := inner_type(dtype)) else type_name(dtype)
        problem(_COLUMN, f"column {spec.column!r} holds {held}, and a category is text or a whole number")
        return None
    agrees = pl.all_horizontal(given.list.contains(category).fill_null(value=False) for category in require)
    return Consent(spec.column, require, given, agrees)


def _given(spec: ConsentSpec, column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    """The categories of a row as a list of texts, without empty ones; ``None`` for a type that is no category."""
    if (inner := inner_type(dtype)) is not None:
        entry = _text(pl.element(), inner)
        return None if entry is None else column.list.eval(entry.drop_nulls())
    cell = _text(column, dtype)
    if cell is None:
        return None
    if spec.split is None:
        return pl.when(cell.is_not_null()).then(pl.concat_list(cell))
    part = pl.element().str.strip_chars()
    return cell.str.split(spec.split).list.eval(part.filter(part != ""))


def _text(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    """A category as text, null where there is none; whole numbers as their digits, also 1.0, as pandas writes a 1.

    ``None`` for a type that is no category. Nothing here can fail for a row.
    """
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Null):
        text = cell.cast(pl.String).str.strip_chars()
        return pl.when(text != "").then(text)
    if dtype.is_integer() or dtype == pl.Boolean:
        return cell.cast(pl.String)
    if dtype.is_float() or isinstance(dtype, pl.Decimal):
        return cell.cast(pl.String).str.replace(r"\.0+$", "")
    return None
