"""The mapping file as typed values: what a user may write, and every problem of it with its place."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

TargetType = Literal["string", "number", "integer", "boolean", "date", "timestamp"]
CleanStep = Literal["trim", "lower", "upper", "digits"]
EpochUnit = Literal["s", "ms", "us", "ns", "auto"]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class FieldSpec(Model):
    """One member of an event. Exactly one of `column`, `value`, `sql` (`"value" in spec.model_fields_set`)."""

    column: str | None = None
    value: Any = None
    sql: str | None = None
    when: str | None = None
    clean: tuple[CleanStep, ...] = ()
    split: str | None = None
    map: dict[str, Any] | None = None
    type: TargetType | None = None
    format: tuple[str, ...] = ()          # a text or a list of texts in the file
    unit: EpochUnit | None = None
    timezone: str | None = None
    ambiguous: Literal["earliest", "latest", "reject"] = "earliest"
    nonexistent: Literal["shift", "reject"] = "shift"
    default: Any = None
    round: int | None = None
    hash: Literal["sha256", "md5"] | None = None


class EachSpec(Model):
    """A list of objects: one entry of the row, or one an entry of the list of structs in column `from`."""

    each: dict[str, FieldSpec]
    from_: Annotated[str | None, Field(alias="from")] = None
    when: str | None = None


class EventSpec(Model):
    """The event name: a constant, a column with an optional map, or SQL."""

    value: str | None = None
    column: str | None = None
    map: dict[str, str] | None = None
    sql: str | None = None


class SourceSpec(Model):
    """How to read the files. `None` means recognised in the file where possible."""

    format: Literal["csv", "parquet"] | None = None
    separator: str | None = None
    quote: str | None = None
    encoding: str | None = None
    null_values: tuple[str, ...] = ()
    decimal: Literal[".", ","] = "."
    thousands: str | None = None
    skip_rows: int = 0
    columns: dict[str, TargetType] = {}


class Mapping(Model):
    version: Literal[1]
    event: EventSpec
    key: tuple[str, ...] | Literal["position"] | None = None
    timezone: str | None = None
    source: SourceSpec = SourceSpec()
    where: str | None = None
    fields: dict[str, FieldSpec | EachSpec]
