"""The JSON Schema of the mapping file: completion, descriptions and a first check in editors.

Derived from the models, in draft-07, because that is what editors read (pydantic writes 2020-12). What the schema
refuses, the importer refuses too; the importer finds much more, and says it better.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from importer.mapping.models import Mapping
from importer.mapping.shape import EVENT_FORMS, FORMS
from importer.mapping.target_hints import LIST, entry_targets, event_targets
from importer.reference import EVENT_NAMES

if TYPE_CHECKING:
    from pydantic_core import core_schema

DRAFT = "http://json-schema.org/draft-07/schema#"
_TARGET_NAME = {"pattern": r"^[^.\[\]]+(\.[^.\[\]]+)*$"}  # names with single dots between them, and no brackets
_OWN_TARGET = "A property of your own: its place in the event, with a dot between the names. Its value: a column."

Schema = dict[str, Any]


def render_schema() -> str:
    """The schema as text: the same every time, without a line end."""
    return json.dumps(mapping_schema(), ensure_ascii=False, indent=1)


def mapping_schema() -> Schema:
    """The JSON Schema of a mapping file, as values of JSON."""
    mapping = Mapping.model_json_schema(ref_template="#/definitions/{model}", schema_generator=_FromModels)
    definitions: dict[str, Schema] = mapping.pop("$defs")
    for definition in definitions.values():
        del definition["title"], definition["description"]  # for programmers; editors would show them
    _complete_event(mapping["properties"]["event"], definitions)
    _complete_field(definitions)
    _complete_targets(mapping["properties"]["fields"], definitions)
    mapping |= {"title": "Mapping", "description": "How rows become events: a mapping file of the importer."}
    schema: Schema = _without_siblings(mapping | {"definitions": definitions})
    return {"$schema": DRAFT} | schema


def _complete_event(event: Schema, definitions: dict[str, Schema]) -> None:
    """Offer the standard names, and take any other."""
    definitions["EventName"] = {"anyOf": [{"enum": list(EVENT_NAMES)}, {"type": "string", "minLength": 1}]}
    event["anyOf"] = [_ref("EventName"), _ref("EventSpec")]
    spec = definitions["EventSpec"]
    spec["oneOf"] = _exactly_one(EVENT_FORMS)
    spec["dependencies"] = {"map": ["column"]}
    spec["properties"]["map"]["additionalProperties"] = _ref("EventName")
    spec["properties"]["value"] = {"description": spec["properties"]["value"]["description"], **_ref("EventName")}


def _complete_field(definitions: dict[str, Schema]) -> None:
    """Say what the models leave to the checks: one form, constants without a null, maps to scalars."""
    inner = {"allOf": [_ref("Constant")]}  # a bare reference to itself sends the YAML language server into a loop
    definitions["Constant"] = {
        "type": ["string", "number", "boolean", "array", "object"],
        "items": inner,
        "additionalProperties": inner,
    }
    spec = definitions["FieldSpec"]
    spec["oneOf"] = _exactly_one(FORMS)
    for key in ("value", "default"):
        spec["properties"][key] |= _ref("Constant")
    spec["properties"]["map"]["additionalProperties"] = {"type": ["string", "number", "boolean", "null"]}


def _complete_targets(fields: Schema, definitions: dict[str, Schema]) -> None:
    """Offer the targets that the event reference knows, and take any other."""
    each = definitions["EachSpec"]["properties"]["each"]
    for targets, definition in ((fields, "Target"), (each, "EntryTarget")):
        forms = targets["additionalProperties"]["anyOf"]
        # objects first: editors explain what is wrong by the first form that comes near
        definitions[definition] = {"anyOf": sorted(forms, key=lambda form: "$ref" not in form)}
        targets["additionalProperties"] = {"description": _OWN_TARGET, **_ref(definition)}
        targets["propertyNames"] = _TARGET_NAME
    known = event_targets()
    known[LIST]["properties"] = {"each": {"properties": entry_targets()}}
    fields["properties"] = {target: annotations | _ref("Target") for target, annotations in known.items()}


def _exactly_one(forms: tuple[str, ...]) -> list[Schema]:
    return [{"required": [form]} for form in forms]


def _ref(definition: str) -> Schema:
    return {"$ref": f"#/definitions/{definition}"}


def _without_siblings(node: Any) -> Any:  # noqa: ANN401 -- any JSON
    """In draft-07 whatever stands beside a ``$ref`` is ignored, so a reference moves into an ``allOf`` of its own."""
    if isinstance(node, list):
        return [_without_siblings(item) for item in node]
    if not isinstance(node, dict):
        return node
    moved = {key: _without_siblings(value) for key, value in node.items()}
    if "$ref" in moved and len(moved) > 1:
        moved["allOf"] = [{"$ref": moved.pop("$ref")}]
    return moved


class _FromModels(GenerateJsonSchema):
    """The models as a document spells them: a key is there or not, but never null; no names of Python."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """The schema of what is there: a document leaves out what is ``None`` in the model."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """With the default only where a document could spell it out with some use."""
        default = schema.get("default")
        shown = {"default": default} if isinstance(default, str | int) else {}
        return self.generate_inner(schema["schema"]) | shown

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 -- pydantic's signature
        """No titles: they would repeat the key."""
        return False

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:  # noqa: ARG002
        """Keys in the order of the models, which is that of a document."""
        return value
