"""Random rows through a mapping to JSON and back: what must hold. For tests and campaigns alike."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import random_columns
import random_mappings

import importer
from importer import load_mapping
from importer.errors import ColumnsMissing, MappingInvalid

if TYPE_CHECKING:
    from random import Random

    from importer.frames import Encoded


def encoded_and_back(chance: Random) -> Counter[str]:
    """Any rows by any mapping: problems with places, or each row exactly one fate, and strict JSON."""
    rows = random_columns.frame(chance)
    document = random_mappings.mapping(chance, rows.schema)
    if chance.random() < 0.3:
        document = random_mappings.broken(chance, document)
    text = random_mappings.text_of(document)
    try:
        found = importer.encode(rows, text)
    except (MappingInvalid, ColumnsMissing) as invalid:
        _check_problems(invalid, text)
        return Counter(mappings=1, refused=1)
    except importer.UsageInvalid:  # `key: position`, which a frame cannot have
        return Counter(mappings=1, refused=1)
    _check_fates(found, rows, document)
    if not {"group_by", "dedupe"} & document.keys() and "auto" not in text:  # these look at all rows
        _check_cuts(chance, text, rows, found)
    return Counter(mappings=1, events=len(found.events), rejects=len(found.rejects), filtered=found.filtered)


FULL = (Path(__file__).parent / "data" / "mappings" / "full.yaml").read_text()
SIGNS = [*"\n\n  :-{}[]\"'&*!%|>#,.?\t1a\u00e9\ufeff\u2028\0\x85", "null", "true", "TODO", "  - ", "\r\n"]


def mangled_document(chance: Random) -> Counter[str]:
    """A good mapping with some of its text changed: a document, or problems with places."""
    lines = FULL.splitlines(keepends=True)
    for _ in range(chance.choice([0, 0, 0, 1])):
        lines.insert(chance.randrange(len(lines)), lines.pop(chance.randrange(len(lines))))
    text = "".join(lines)
    for _ in range(chance.choice([1, 1, 2, 4])):
        at, width = chance.randint(0, len(text)), chance.choice([0, 0, 1, 3])
        text = text[:at] + "".join(chance.choices(SIGNS, k=chance.randint(0, 2))) + text[at + width :]
    try:
        document = load_mapping(text + "\n")
    except MappingInvalid as invalid:
        _check_problems(invalid, text)
        return Counter(documents=1, refused_documents=1)
    assert load_mapping(document) is document
    assert json.loads(document.canonical())
    return Counter(documents=1)


def _check_problems(invalid: MappingInvalid | ColumnsMissing, text: str) -> None:
    assert invalid.problems
    lines = len(text.splitlines()) + 1
    for problem in invalid.problems:
        assert 1 <= problem.line <= lines, problem
        assert problem.column >= 1, problem
        assert problem.message.isprintable(), problem
        assert problem.path.isprintable(), problem


def _check_fates(found: Encoded, rows: pl.DataFrame, document: dict[str, Any]) -> None:
    if "group_by" not in document:
        assert len(found.events) + len(found.rejects) + found.filtered + found.duplicates == rows.height
    assert len({reject.row for reject in found.rejects}) == len(found.rejects)
    assert all(reject.message and reject.code for reject in found.rejects)
    for event in found.events:
        content = strict_json(event)
        assert content["context"]["event_id"]
        assert content["user"]
        _check_no_nothing(content, allowed=_constants(document))


def strict_json(text: bytes) -> Any:  # noqa: ANN401  any JSON
    """JSON as its standard has it: UTF-8, no NaN, no member twice."""
    return json.loads(text.decode(), parse_constant=_refuse, object_pairs_hook=_once)


def _refuse(text: str) -> None:
    raise AssertionError(f"{text} is not JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


def _constants(document: dict[str, Any]) -> bool:
    return any(isinstance(field, dict) and {"value", "default"} & field.keys() for field in document["fields"].values())


def _check_no_nothing(value: Any, *, allowed: bool) -> None:  # noqa: ANN401  any JSON
    """No null and nothing empty is sent, apart from constants that a mapping writes out."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        assert allowed or item not in (None, "", [], {}), value
        _check_no_nothing(item, allowed=allowed)


def _check_cuts(chance: Random, text: str, rows: pl.DataFrame, found: Encoded) -> None:
    """Where the rows are cut changes no byte and no reject."""
    cut = chance.randint(0, rows.height)
    first, second = importer.encode(rows[:cut], text), importer.encode(rows[cut:], text)
    assert first.events + second.events == found.events
    told = [(reject.row, reject.code, reject.message) for reject in first.rejects]
    told += [(reject.row + cut, reject.code, reject.message) for reject in second.rejects]
    assert told == [(reject.row, reject.code, reject.message) for reject in found.rejects]


def values_come_back(chance: Random) -> Counter[str]:
    """A column of any type with no option at all: each value comes back from the JSON, is left out, or is rejected."""
    rows = random_columns.frame(chance)
    name = chance.choice(rows.columns)
    fields = {"user.id": {"value": "u"}, "context.event_timestamp": {"value": random_mappings.AT_MS}, "x": name}
    text = random_mappings.text_of({"version": 1, "event": "purchase", "key": "id", "fields": fields})
    dtype = rows.schema[name]
    try:
        found = importer.encode(rows, text)
    except (MappingInvalid, ColumnsMissing):  # the second where Parquet has no such type
        assert not _has_form(dtype), dtype
        return Counter({f"refused: {type(dtype).__name__}": 1})
    assert _has_form(dtype), dtype
    events, rejected = iter(found.events), {reject.row for reject in found.rejects}
    for row, value in enumerate(rows[name], 1):
        expected = _in_json(value, dtype)
        assert (row in rejected) == (expected is REJECT), (row, value, found.rejects)
        if row not in rejected:
            sent = json.loads(next(events), parse_float=_Number, parse_int=_Number).get("x")
            assert _same(sent, expected, dtype), (value, sent)
    return Counter({f"values: {type(dtype).__name__}": rows.height, "rejected values": len(rejected)})


REJECT = object()
_SHAPELESS = (pl.Binary, pl.Duration, pl.Time, pl.Struct)


class _Number(str):
    """A number of JSON as it is written."""

    __slots__ = ()


def _has_form(dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.List):
        return not isinstance(dtype.inner, pl.List) and _has_form(dtype.inner)
    return not isinstance(dtype, _SHAPELESS)


def _in_json(value: Any, dtype: pl.DataType) -> Any:  # noqa: ANN401  any value
    """What must stand in the event: ``None`` for nothing, REJECT for what JSON cannot say."""
    if isinstance(dtype, pl.List):
        entries = [_in_json(entry, dtype.inner) for entry in value] if value is not None else []
        kept = [entry for entry in entries if entry is not None]
        return REJECT if REJECT in kept else kept or None
    if isinstance(value, float) and not math.isfinite(value):
        return REJECT
    return None if value == "" else value


def _same(sent: Any, value: Any, dtype: pl.DataType) -> bool:  # noqa: ANN401  any value
    if isinstance(value, list):
        return len(sent) == len(value) and all(map(_same, sent, value, [dtype.inner] * len(value)))
    if value is None or isinstance(value, bool):
        return sent is value
    if isinstance(value, int | Decimal):
        return isinstance(sent, _Number) and Decimal(sent) == value
    if isinstance(value, float):
        return isinstance(sent, _Number) and pl.Series([float(sent)], dtype=dtype)[0] == value
    if isinstance(value, dt.datetime):
        return dt.datetime.fromisoformat(sent) == value
    return type(sent) is str and sent == (value.isoformat() if isinstance(value, dt.date) else value)
