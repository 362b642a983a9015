"""The mapping file as typed values. The JSON Schema of the file is derived from these classes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

MAX_ROUND = 15  # a double has no more decimal digits that mean anything

TargetType = Literal["string", "number", "integer", "boolean", "date", "timestamp"]
CleanStep = Literal["trim", "lower", "upper", "digits"]
EpochUnit = Literal["s", "ms", "us", "ns", "auto"]
HashName = Literal["sha256", "md5"]


def _sorted(value: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(value.items()))


def _several(value: object) -> object:
    """A text stands for a list of one."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _key(value: object) -> object:
    return value if value == "position" else _several(value)


def _key_form(value: object) -> str:
    return "<position>" if value == "position" else "<columns>"


def _field(value: object) -> object:
    """The short form: a text is the name of a column."""
    return {"column": value} if isinstance(value, str) else value


def _field_form(value: object) -> str:
    return "<each>" if isinstance(value, EachSpec) or (isinstance(value, dict) and "each" in value) else "<field>"


def _event(value: object) -> object:
    return {"value": value} if isinstance(value, str) else value


# Tags of the unions below, which pydantic puts into the path of an error.
UNION_TAGS = frozenset({"<field>", "<each>", "<columns>", "<position>"})

Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_several, json_schema_input_type=Text | tuple[Text, ...])]
CleanSteps = Annotated[
    tuple[CleanStep, ...], BeforeValidator(_several, json_schema_input_type=CleanStep | tuple[CleanStep, ...])
]


class Model(BaseModel):
    """Immutable, without coercion, and without a key that nobody knows."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class FieldSpec(Model):
    """One member of an event. Exactly one of ``column``, ``value``, ``sql`` (``"value" in spec.model_fields_set``).

    The steps are applied in this order: column, value or sql; clean; null if empty; split; map; type or format;
    default; round; hash. ``when`` is a condition in SQL, ``split`` the separator of a list in one cell, ``map`` goes
    from texts to JSON scalars, ``timezone`` is an IANA name and overrides the one of the mapping.
    """

    column: Text | None = None
    value: Any = None
    sql: Text | None = None
    when: Text | None = None
    clean: CleanSteps = ()
    split: Text | None = None
    map: Annotated[dict[str, Any], Field(min_length=1), AfterValidator(_sorted)] | None = None
    type: TargetType | None = None
    format: Texts = ()
    unit: EpochUnit | None = None
    timezone: Text | None = None
    ambiguous: Literal["earliest", "latest", "reject"] = "earliest"
    nonexistent: Literal["shift", "reject"] = "shift"
    default: Any = None
    round: Annotated[int, Field(ge=0, le=MAX_ROUND)] | None = None
    hash: HashName | None = None


EntryField = Annotated[FieldSpec, BeforeValidator(_field, json_schema_input_type=Text | FieldSpec)]


class EachSpec(Model):
    """A list of objects: one entry a row of the event, or one an entry of the list of structs in column ``from``.

    ``each`` goes from dotted targets inside the entry to fields, ``when`` is a condition in SQL. ``where`` is a
    condition in SQL on the single entry: one that it does not pass is left out.
    """

    each: Annotated[dict[str, EntryField], Field(min_length=1)]
    from_: Annotated[Text | None, Field(alias="from")] = None
    when: Text | None = None
    where: Text | None = None


class EventSpec(Model):
    """The event name: a constant, a column with an optional map, or SQL. Exactly one of the three."""

    value: Text | None = None
    column: Text | None = None
    map: Annotated[dict[str, Text], Field(min_length=1), AfterValidator(_sorted)] | None = None
    sql: Text | None = None


class SourceSpec(Model):
    """How to read the files. ``None`` means recognised in the file where possible.

    ``separator`` and ``quote`` are one byte, ``encoding`` is a name that Python knows, ``skip_rows`` counts physical
    lines before the header, ``columns`` types the columns that SQL computes with.
    """

    format: Literal["csv", "parquet"] | None = None
    separator: Text | None = None
    quote: str | None = None
    encoding: Text | None = None
    null_values: Annotated[
        tuple[str, ...], BeforeValidator(_several, json_schema_input_type=str | tuple[str, ...])
    ] = ()
    decimal: Literal[".", ","] = "."
    thousands: Text | None = None
    skip_rows: Annotated[int, Field(ge=0)] = 0
    columns: Annotated[dict[str, TargetType], AfterValidator(_sorted)] = {}


Target = Annotated[
    Annotated[FieldSpec, Tag("<field>")] | Annotated[EachSpec, Tag("<each>")],
    Discriminator(_field_form),
    BeforeValidator(_field, json_schema_input_type=Text | FieldSpec | EachSpec),
]
Key = Annotated[
    Annotated[tuple[Text, ...], Field(min_length=1), Tag("<columns>")]
    | Annotated[Literal["position"], Tag("<position>")],
    Discriminator(_key_form),
    BeforeValidator(_key, json_schema_input_type=Text | Annotated[tuple[Text, ...], Field(min_length=1)]),
]


class Mapping(Model):
    """A whole mapping document, version 1.

    ``key`` names the columns that make an event unique, or is the word ``position`` (path and row). ``timezone`` is the
    IANA name for times without a zone, ``where`` a condition in SQL on rows. Rows with equal values in the columns of
    ``group_by`` make one event. ``fields`` goes from dotted targets to fields, in the order in which members stand in
    an event.
    """

    version: Literal[1]
    event: Annotated[EventSpec, BeforeValidator(_event, json_schema_input_type=Text | EventSpec)]
    key: Key | None = None
    timezone: Text | None = None
    source: SourceSpec = SourceSpec()
    where: Text | None = None
    group_by: Annotated[Texts, Field(min_length=1)] | None = None
    fields: Annotated[dict[str, Target], Field(min_length=1)]
