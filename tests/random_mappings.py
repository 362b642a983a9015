"""Random mappings over given columns: mostly valid ones, and what they are after something was broken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from random import Random

AT_MS = 1_700_000_000_000
TARGETS = [
    "value", "price", "n1", "n2", "deep.x", "deep.er.y", "user.k", "context.page.k", "currency", "é", "new one",
]  # fmt: skip
ODD_TARGETS = [
    "items",
    "user.email",
    "user.birthdate",
    "user.email_sha256",
    "user.consent_categories",
    "a..b",
    "deep",
    "type",
]
# Options that fit a column of text, of numbers, of times; and what fits nowhere, or only with others.
FITTING: dict[str, list[dict[str, Any]]] = {
    "text": [
        {}, {"clean": "trim"}, {"clean": ["trim", "lower"]}, {"clean": "digits", "default": "0"}, {"default": "none"},
        {"split": "|"}, {"split": "|", "type": "number"}, {"when": "id <> '001'"}, {"type": "boolean"},
        {"type": "number"}, {"type": "number", "round": 2}, {"type": "integer", "default": 3}, {"type": "date"},
        {"type": "timestamp"}, {"type": "timestamp", "ambiguous": "reject"}, {"unit": "s"}, {"unit": "auto"},
        {"format": ["%Y-%m-%d", "%Y-%m-%d %H:%M"]}, {"map": {"a": "A", "007": "seven"}},
        {"map": {"a": 1, "no": 2.5}, "default": 0},
    ],
    "number": [
        {}, {"type": "number"}, {"type": "integer"}, {"round": 2}, {"default": 0}, {"unit": "ms"}, {"type": "string"},
    ],
    "time": [
        {}, {"type": "date"}, {"type": "timestamp"}, {"type": "string"}, {"type": "timestamp", "nonexistent": "reject"},
    ],
    "other": [{}, {"type": "string"}, {"default": True}, {"type": "boolean"}],
}  # fmt: skip
ODD: list[dict[str, Any]] = [
    {"format": "%H"}, {"format": "%Q"}, {"clean": "e164"}, {"split": ""}, {"map": {}}, {"default": None}, {"round": 16},
    {"default": ["a"]}, {"round": -1}, {"hash": "sha256"}, {"hash": "sha1"}, {"when": "NOW()"}, {"when": "id"},
    {"when": "("}, {"ambiguous": "never"}, {"timezone": "Mars/Olympus"}, {"country": "XX"}, {"type": "money"},
    {"value": 1},
]  # fmt: skip
SQL = {
    "text": [
        'UPPER("{0}")', '"{0}" || \'x\'', 'COALESCE("{0}", \'?\')', 'LENGTH("{0}")', 'CAST("{0}" AS BIGINT)',
        '"{0}" = id',
    ],
    "number": [
        '"{0}" + 1', '"{0}" * 2.5', 'CAST("{0}" AS VARCHAR)', 'ROUND("{0}", 2)', '"{0}" / 3', '-"{0}"', '"{0}" * "{0}"',
    ],
    "time": ['"{0}"', 'EXTRACT(YEAR FROM "{0}")', 'STRFTIME("{0}", \'%Y\')'],
    "other": [
        'CASE WHEN "{0}" IS NULL THEN 1 ELSE 2 END', '"{0}"', '"{0}".n', 'SUM("{0}")', "NOW()", '"{0}" -', "1", "'a'",
    ],
}  # fmt: skip


def mapping(chance: Random, schema: pl.Schema) -> dict[str, Any]:
    """A mapping of these columns, mostly valid."""
    names = schema.names()
    targets = chance.sample(TARGETS, chance.randint(1, 4)) + chance.sample(ODD_TARGETS, chance.random() < 0.1)
    document: dict[str, Any] = {
        "version": 1,
        "event": chance.choice(["purchase", "purchase", "lead", {"sql": "'e' || id"}]),
        "key": "id",
        "timezone": "Europe/Paris",
        "fields": {"id": "id", "user.id": {"value": "u"}, "context.event_timestamp": {"value": AT_MS}},
    }
    document["fields"] |= {target: _field(chance, chance.choice(names), schema) for target in targets}
    for key, values in {
        "where": ["id <> '002'", f'"{chance.choice(names)}" IS NULL', "id"],
        "group_by": ["id", [chance.choice(names)]],
        "dedupe": [True],
        "consent": [{"column": chance.choice(names), "require": ["1"]}],
        "payload": [{"timestamp_type": "iso8601"}, {"timestamp_place": "both"}],
    }.items():
        if chance.random() < 0.07:
            document[key] = chance.choice(values)
    return document


def _field(chance: Random, name: str, schema: pl.Schema) -> Any:  # noqa: ANN401  any YAML
    dtype, drawn = schema[name], chance.random()
    if isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct):
        members = [field.name for field in dtype.inner.fields]
        return {"from": name, "each": {f"m{number}": member for number, member in enumerate(members)}}
    if isinstance(dtype, pl.Struct):
        return {"sql": f'"{name}"."{dtype.fields[0].name}"'}
    if drawn < 0.1:
        return {"each": {"id": "id", "product.x": name}}
    kind = _kind_of(dtype)
    if drawn < 0.3:
        return {"sql": chance.choice(SQL[kind if drawn < 0.27 else "other"]).format(name.replace('"', '""'))}
    return {"column": name} | chance.choice(FITTING[kind] if drawn < 0.95 else ODD)


def _kind_of(dtype: pl.DataType) -> str:
    if dtype in (pl.String, pl.Categorical):
        return "text"
    return "number" if dtype.is_numeric() else "time" if isinstance(dtype, pl.Date | pl.Datetime) else "other"


def broken(chance: Random, document: dict[str, Any]) -> dict[str, Any]:
    """The mapping after something was taken out, misspelled or put in its place."""
    document = json.loads(json.dumps(document))
    where: Any = document
    while isinstance(where, dict) and where:
        key = chance.choice([*where])
        if not isinstance(where[key], dict) or not where[key] or chance.random() < 0.4:
            value = where.pop(key)
            if chance.random() < 0.7:
                where[chance.choice([key, key[:-1], key + "s"])] = chance.choice(
                    [None, 0, "", [], {}, [value], "TODO", value]
                )
            return document
        where = where[key]
    return document


def text_of(document: dict[str, Any]) -> str:
    """JSON is YAML, on several lines so that places differ."""
    return json.dumps(document, ensure_ascii=False, indent=1)
