"""The mapping file as typed values. The JSON Schema of the file is derived from these classes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

MAX_ROUND = 15  # a double has no more decimal digits that mean anything

TargetType = Literal["string", "number", "integer", "boolean", "date", "timestamp"]
CleanStep = Literal["trim", "lower", "upper", "digits", "e164"]
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


# What the JSON Schema says about keys that stand in several places.
_COLUMN = "The name of a column."
_SQL = "An expression in SQL over the columns of a row; with group_by, aggregates over the rows of the group."
_WHEN = "SQL: the member is sent only where this is true."
_FROM = "The column with a list of structs: one entry for each. Without it, one entry a row of the event."
_ZONE = "The IANA name of the zone of times that carry none"
_COUNTRY = "The ISO 3166 country (two letters) of phone numbers that are not written with +"

# Tags of the unions below, which pydantic puts into the path of an error.
UNION_TAGS = frozenset({"<field>", "<each>", "<columns>", "<position>"})

Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_several, json_schema_input_type=Text | tuple[Text, ...])]
CleanSteps = Annotated[
    tuple[CleanStep, ...], BeforeValidator(_several, json_schema_input_type=CleanStep | tuple[CleanStep, ...])
]


_ColumnsInput = Text | Annotated[tuple[Text, ...], Field(min_length=1)]
Columns = Annotated[
    tuple[Text, ...], Field(min_length=1), BeforeValidator(_several, json_schema_input_type=_ColumnsInput)
]


_PairInput = Text | Annotated[dict[Text, Text], Field(min_length=1, max_length=1)]


def _pair(value: object) -> object:
    """One name stands for both columns."""
    return {value: value} if isinstance(value, str) else value


def _or_null(value: object) -> object:
    """The word ``null`` of YAML is meant as a word."""
    return "null" if value is None else value


class Model(BaseModel):
    """Immutable, without coercion, and without a key that nobody knows."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class LookupSpec(Model):
    """A column of another file: ``take`` of the row whose ``on`` is that of the source row.

    ``file`` is a CSV or Parquet file, beside the mapping unless its path is absolute. ``on`` is the column that both
    have, or one pair: column of the source, column of the file. Keys are compared as text: 7 and "7" agree, "007" is
    another one. What has no row there is ``missing``: its row is rejected, the member is left out (``null``), or the
    ``default`` of the field is sent. An empty key is not looked for, and gives no value. Texts in a CSV mean what
    ``source`` says (``null_values``, ``decimal``, ``thousands``); its separator is recognised, its encoding is UTF-8.
    """

    file: Text = Field(description="A CSV (UTF-8) or Parquet file; its path is seen from the mapping file.")
    on: Annotated[
        dict[Text, Text], Field(min_length=1, max_length=1), BeforeValidator(_pair, json_schema_input_type=_PairInput)
    ] = Field(
        description="The column that source and file share; or, where the names differ, one pair: that of the source, "
        "that of the file.",
        examples=["sku", {"sku": "product_code"}],
    )
    take: Text = Field(description="The column of the file whose value is sent.", examples=["label"])
    missing: Annotated[Literal["reject", "null", "default"], BeforeValidator(_or_null)] = Field(
        default="reject",
        description="What happens to a value that the file does not have: reject the row, leave the member out (null), "
        "or send the default of the field.",
    )


class FieldSpec(Model):
    """One member of an event. Exactly one of ``column``, ``value``, ``sql``, ``lookup``, ``id_from``.

    (``"value" in spec.model_fields_set``.) The steps are applied in this order: column, value, sql, lookup or id_from;
    clean; null if empty; split; map; type or format; default; round; hash. ``when`` is a condition in SQL, ``split``
    the separator of a list in one cell, ``map`` goes from texts to JSON scalars, ``timezone`` is an IANA name and
    overrides the one of the mapping. ``country`` is the ISO 3166 country of phone numbers without a ``+``, for the
    step ``e164``, and overrides the one of the mapping.
    """

    column: Text | None = Field(default=None, description=_COLUMN, examples=["order_id"])
    value: Any = Field(default=None, description="A constant of any JSON type. Null is never sent.")
    sql: Text | None = Field(default=None, description=_SQL, examples=["price * qty"])
    lookup: LookupSpec | None = Field(default=None, description="The value that another file has for this row.")
    id_from: Columns | None = Field(
        default=None,
        description="A stable id of its own for each value of these columns, the same in all imports: "
        "for user.consistent_anonymous_id, which must not be one for all.",
        examples=[["customer_id"]],
    )
    when: Text | None = Field(default=None, description=_WHEN, examples=["kind = 'O'"])
    clean: CleanSteps = Field(
        default=(),
        description="What is done to a text first, in this order. A text that is empty then is no value. "
        "e164 writes phone numbers as +33612345678.",
    )
    country: Text | None = Field(default=None, description=f"{_COUNTRY}, for this field.", examples=["FR"])
    split: Text | None = Field(
        default=None, description="The sign between the values of a list that stands in one cell.", examples=["|"]
    )
    map: Annotated[dict[str, Any], Field(min_length=1), AfterValidator(_sorted)] | None = Field(
        default=None,
        description="From the texts of the column to values; null leaves the member out. "
        "A text that is not in the map rejects its row.",
        examples=[{"P": "in_progress", "S": "shipped"}],
    )
    type: TargetType | None = Field(
        default=None, description="The type that is sent. Standard properties have theirs without this."
    )
    format: Texts = Field(
        default=(),
        description="How dates or times are written, with % as in strftime; of several formats the first that fits. "
        "ISO 8601 needs none.",
        examples=["%d/%m/%Y %H:%M"],
    )
    unit: EpochUnit | None = Field(
        default=None, description="The unit of times that are numbers since 1970; auto decides once for the column."
    )
    timezone: Text | None = Field(default=None, description=f"{_ZONE}, for this field.", examples=["Europe/Paris"])
    ambiguous: Literal["earliest", "latest", "reject"] = Field(
        default="earliest", description="A local time that comes twice, when the clock is put back: which one is meant."
    )
    nonexistent: Literal["shift", "reject"] = Field(
        default="shift",
        description="A local time that is skipped, when the clock is put forward: an hour later, or no.",
    )
    default: Any = Field(default=None, description="What is sent when there is no value.")
    round: Annotated[int, Field(ge=0, le=MAX_ROUND)] | None = Field(
        default=None, description="Decimal places. Without it no number is rounded.", examples=[2]
    )
    hash: HashName | None = Field(
        default=None, description="Send the hash in hex. The target has to end in the same name, as user.email_sha256."
    )


EntryField = Annotated[FieldSpec, BeforeValidator(_field, json_schema_input_type=Text | FieldSpec)]


class EachSpec(Model):
    """A list of objects: one entry a row of the event, or one an entry of the list of structs in column ``from``.

    ``each`` goes from dotted targets inside the entry to fields, ``when`` is a condition in SQL. ``where`` is a
    condition in SQL on the single entry: one that it does not pass is left out.
    """

    each: Annotated[dict[str, EntryField], Field(min_length=1)] = Field(
        description="The members of an entry: dotted targets inside it, and the columns that they come from."
    )
    from_: Annotated[Text | None, Field(alias="from", description=_FROM, examples=["lines"])] = None
    when: Text | None = Field(default=None, description=_WHEN, examples=["kind = 'O'"])
    where: Text | None = Field(
        default=None,
        description="SQL: only entries for which this is true; the others are left out of the list.",
        examples=["sku <> 'POST'"],
    )


class EventSpec(Model):
    """The event name: a constant, a column with an optional map, or SQL. Exactly one of the three."""

    value: Text | None = Field(default=None, description="The name, the same for all events.", examples=["purchase"])
    column: Text | None = Field(default=None, description=_COLUMN, examples=["kind"])
    map: Annotated[dict[str, Text], Field(min_length=1), AfterValidator(_sorted)] | None = Field(
        default=None,
        description="From the texts of the column to names of events. A text that is not in the map rejects its row.",
        examples=[{"O": "purchase", "R": "refund"}],
    )
    sql: Text | None = Field(
        default=None, description=_SQL, examples=["CASE WHEN total < 0 THEN 'refund' ELSE 'purchase' END"]
    )


class ConsentSpec(Model):
    """Only events of users who agreed to all categories of ``require`` are sent; the others are filtered, and counted.

    ``column`` has the accepted categories of a row, ``split`` the sign between them where they stand in one cell.
    """

    column: Text = Field(description=_COLUMN, examples=["consents"])
    split: Text | None = Field(
        default=None, description="The sign between the categories that stand in one cell.", examples=["|"]
    )
    require: Annotated[
        tuple[Text, ...], Field(min_length=1), BeforeValidator(_several, json_schema_input_type=_ColumnsInput)
    ] = Field(description="The categories that a user must have accepted, all of them.", examples=[["1", "2"]])


class PayloadSpec(Model):
    """Where the pages of the vendor contradict each other: the other way, for an account that wants it.

    ``timestamp_place``: the member ``context.event_timestamp``, or ``event_timestamp`` at the root, or both.
    ``timestamp_type``: a whole number of milliseconds, the same in quotes, or ISO 8601 in UTC. ``consent_type``: the
    entries of ``user.consent_categories`` as text or as whole numbers. ``importer reference`` says why the defaults
    are what they are.
    """

    timestamp_place: Literal["context", "root", "both"] = Field(
        default="context", description="Where the time of the event stands: in context, at the root, or in both places."
    )
    timestamp_type: Literal["integer", "text", "iso8601"] = Field(
        default="integer", description="Milliseconds as a number, the same digits as text, or ISO 8601 in UTC."
    )
    consent_type: Literal["text", "integer"] = Field(
        default="text", description="The entries of user.consent_categories as text or as whole numbers."
    )


class SourceSpec(Model):
    """How to read the files. ``None`` means recognised in the file where possible.

    ``separator`` and ``quote`` are one byte, ``encoding`` is a name that Python knows, ``skip_rows`` counts physical
    lines before the header, ``columns`` types the columns that SQL computes with.
    """

    format: Literal["csv", "parquet"] | None = Field(default=None, description="Without it, told by the file's name.")
    separator: Text | None = Field(
        default=None, description="The character between two cells of a CSV.", examples=[",", ";", "\t", "|"]
    )
    quote: str | None = Field(
        default=None, description="The character around a cell of a CSV. An empty text: there is none.", examples=['"']
    )
    encoding: Text | None = Field(
        default=None, description="The encoding of a CSV.", examples=["utf-8", "latin-1", "windows-1252", "utf-16"]
    )
    null_values: Annotated[tuple[str, ...], BeforeValidator(_several, json_schema_input_type=str | tuple[str, ...])] = (
        Field(
            default=(), description="Texts that mean: no value. An empty cell always does.", examples=[["NULL", "\\N"]]
        )
    )
    decimal: Literal[".", ","] = Field(default=".", description="The decimal sign of numbers in text.")
    thousands: Text | None = Field(
        default=None, description="The sign between thousands of numbers in text.", examples=[" ", "."]
    )
    skip_rows: Annotated[int, Field(ge=0)] = Field(default=0, description="Lines to leave out before the header.")
    columns: Annotated[dict[str, TargetType], AfterValidator(_sorted)] = Field(
        default={},
        description="Types of the columns that sql, where, when and group_by compute with. "
        "Every other cell of a CSV is text there.",
        examples=[{"total": "number"}],
    )


Target = Annotated[
    Annotated[FieldSpec, Tag("<field>")] | Annotated[EachSpec, Tag("<each>")],
    Discriminator(_field_form),
    BeforeValidator(_field, json_schema_input_type=Text | FieldSpec | EachSpec),
]
Key = Annotated[
    Annotated[tuple[Text, ...], Field(min_length=1), Tag("<columns>")]
    | Annotated[Literal["position"], Tag("<position>")],
    Discriminator(_key_form),
    BeforeValidator(_key, json_schema_input_type=_ColumnsInput),
]


class Mapping(Model):
    """A whole mapping document, version 1.

    ``key`` names the columns that make an event unique, or is the word ``position`` (path and row). ``timezone`` is the
    IANA name for times without a zone, ``where`` a condition in SQL on rows. Rows with equal values in the columns of
    ``group_by`` make one event. ``consent`` filters users who did not agree, ``dedupe`` keeps the first of events with
    the same id, ``country`` is that of phone numbers, ``payload`` settles contradictions. ``fields`` goes from dotted
    targets to fields, in the order in which members stand in an event.
    """

    version: Literal[1] = Field(description="The version of this language.")
    event: Annotated[EventSpec, BeforeValidator(_event, json_schema_input_type=Text | EventSpec)] = Field(
        description="The name of the event: a constant, or where it comes from."
    )
    key: Key | None = Field(
        default=None,
        description="The columns that make an event unique; its context.event_id is made of them, so that an event "
        "that comes again has the same id. The word position takes file and row instead. Default: group_by.",
        examples=[["order_id"], "position"],
    )
    timezone: Text | None = Field(default=None, description=f"{_ZONE}.", examples=["Europe/Paris"])
    source: SourceSpec = Field(
        default=SourceSpec(), description="How to read the files. What is left out is recognised in them."
    )
    where: Text | None = Field(
        default=None,
        description="SQL: only rows for which this is true; the others are filtered, and counted.",
        examples=["state <> 'draft'"],
    )
    group_by: Columns | None = Field(
        default=None,
        description="Rows with equal values in these columns make one event, wherever they stand.",
        examples=[["order_id"]],
    )
    consent: ConsentSpec | None = Field(
        default=None, description="Send only events of users who agreed; the others are filtered, and counted."
    )
    dedupe: bool = Field(
        default=False, description="Of events with the same id only the first is sent; the others are duplicates."
    )
    country: Text | None = Field(default=None, description=f"{_COUNTRY}.", examples=["FR"])
    payload: PayloadSpec = Field(
        default=PayloadSpec(), description="The other way where the vendor's pages contradict each other."
    )
    fields: Annotated[dict[str, Target], Field(min_length=1)] = Field(
        description="The members of an event: dotted targets, and the columns that they come from."
    )
