"""The JSON Schema of the mapping file: true to the importer, and of use to somebody who types."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from importer.errors import MappingInvalid
from importer.mapping.document import Document, parse_document
from importer.mapping.json_schema import DRAFT, mapping_schema, render_schema
from importer.mapping.yaml_loader import compose
from importer.reference import EVENT_NAMES, EVENTS, properties

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SCHEMA = mapping_schema()
VALIDATOR = Draft7Validator(SCHEMA)
BASE = """\
version: 1
event: purchase
key: order_id
fields:
  user.id: customer
  context.event_timestamp: at
"""
HEAVY = ("polars", "pyarrow", "aiohttp", "tqdm")


def plain(text: str) -> Any:  # noqa: ANN401 -- JSON has no narrower type
    """The document as the importer reads it, as values of JSON."""
    root, _ = compose(text)
    assert root is not None
    return root.plain()


def accepted(text: str) -> Document | None:
    try:
        return parse_document(text, "m.yaml")
    except MappingInvalid:
        return None


@cache
def fixtures() -> dict[str, str]:
    """Every valid mapping of the configs and of the tests, by where it stands."""
    files = [*(ROOT / "configs").glob("*.yaml"), *(ROOT / "tests" / "data" / "mappings").glob("*.yaml")]
    found = {path.name: path.read_text(encoding="utf-8") for path in files}
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("version: 1\n"):
                found[f"{path.name}:{node.lineno}"] = node.value
    return {name: text for name, text in found.items() if accepted(text)}


# It is true to the importer.


def test_it_is_a_schema_of_draft_07() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == DRAFT == "http://json-schema.org/draft-07/schema#"
    for node in _nodes(SCHEMA):
        assert not {"$defs", "prefixItems", "unevaluatedProperties", "discriminator", "dependentRequired"} & set(node)
        if isinstance(node.get("$ref"), str):
            assert len(node) == 1, "draft-07 ignores what stands beside a reference"
            assert node["$ref"].removeprefix("#/definitions/") in SCHEMA["definitions"]


def _nodes(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _nodes(inner)


def test_the_configs_and_all_mappings_of_the_tests_are_valid() -> None:
    assert len(fixtures()) >= 5
    assert {"orders_csv.yaml", "orders_parquet.yaml", "full.yaml"} <= set(fixtures())
    for name, text in fixtures().items():
        assert not [error.message for error in VALIDATOR.iter_errors(plain(text))], name


VALID = [
    "  a: {value: false}",
    "  a: {value: {b: [1, {c: x}]}}",
    "  a: {column: x, clean: trim, format: '%F'}",
    "  a: {column: x, clean: [trim, lower], format: ['%F', '%D'], timezone: UTC}",
    "  a: {column: x, map: {A: null, B: 1, C: 2.5}, default: [1]}",
    "  a: {column: x, when: 'b > 1', split: '|', unit: ms}",
    "  items: {each: {id: sku, product.price: {column: p, round: 2}}, where: a > 1, when: b > 1}",
    "  lines: {from: lines, each: {id: {value: 1}}}",
    "  user.email_sha256: {column: e, hash: sha256}",
    "  a_target.of.my_own-with ümlaut: x",
    "group_by: [a, b]",
    "group_by: a",
    "source: {format: csv, quote: '', null_values: 'NULL', skip_rows: 3, columns: {a: date}}",
    "source: {}",
]


@pytest.mark.parametrize("snippet", VALID)
def test_what_the_importer_accepts_is_valid(snippet: str) -> None:
    text = f"{BASE}{snippet}\n"
    assert accepted(text)
    assert not [error.message for error in VALIDATOR.iter_errors(plain(text))]


@pytest.mark.parametrize("key", ["[a, b]", "position", "[position]"])
@pytest.mark.parametrize("event", ["my_own", "{value: x}", "{column: k, map: {O: purchase, R: mine}}", "{sql: k}"])
def test_the_forms_of_key_and_event_are_valid(key: str, event: str) -> None:
    text = BASE.replace("order_id", key).replace("purchase", event)
    assert accepted(text)
    assert VALIDATOR.is_valid(plain(text))


BROKEN = {
    "unknown key": f"{BASE}soruce: {{}}\n",
    "unknown key of a field": f"{BASE}  a: {{colum: x}}\n",
    "unknown key of source": f"{BASE}source: {{delimiter: ';'}}\n",
    "unknown key of the event": BASE.replace("purchase", "{colum: kind}"),
    "unknown key of a list": f"{BASE}  items: {{form: x, each: {{a: b}}}}\n",
    "column and value": f"{BASE}  a: {{column: x, value: 1}}\n",
    "column and sql": f"{BASE}  a: {{column: x, sql: y}}\n",
    "value and sql in an entry": f"{BASE}  items: {{each: {{a: {{value: 1, sql: y}}}}}}\n",
    "no form": f"{BASE}  a: {{default: 1}}\n",
    "nothing": f"{BASE}  a: {{}}\n",
    "event of two forms": BASE.replace("purchase", "{column: a, sql: b}"),
    "event of no form": BASE.replace("purchase", "{}"),
    "event map alone": BASE.replace("purchase", "{value: a, map: {A: b}}"),
    "each beside column": f"{BASE}  items: {{column: x, each: {{a: b}}}}\n",
    "each in each": f"{BASE}  items: {{each: {{sub: {{each: {{a: b}}}}}}}}\n",
    "from without each": f"{BASE}  items: {{from: lines}}\n",
    "each of nothing": f"{BASE}  items: {{each: {{}}}}\n",
    "number as field": f"{BASE}  a: 10\n",
    "list as field": f"{BASE}  a: [b]\n",
    "empty column": f"{BASE}  a: ''\n",
    "number as column": f"{BASE}  a: {{column: 7}}\n",
    "number as key": BASE.replace("order_id", "[a, 1]"),
    "empty key": BASE.replace("order_id", "[]"),
    "empty group_by": f"{BASE}group_by: []\n",
    "unknown type": f"{BASE}  a: {{column: x, type: int}}\n",
    "unknown clean": f"{BASE}  a: {{column: x, clean: [lowercase]}}\n",
    "round too far": f"{BASE}  a: {{column: x, round: 16}}\n",
    "round a text": f"{BASE}  a: {{column: x, round: two}}\n",
    "negative skip_rows": f"{BASE}source: {{skip_rows: -1}}\n",
    "columns as list": f"{BASE}source: {{columns: [a]}}\n",
    "list in a map": f"{BASE}  a: {{column: x, map: {{A: [1]}}}}\n",
    "empty map": f"{BASE}  a: {{column: x, map: {{}}}}\n",
    "null as value": f"{BASE}  a: {{value: null}}\n",
    "null in a value": f"{BASE}  a: {{value: {{b: [1, null]}}}}\n",
    "null as default": f"{BASE}  a: {{column: x, default: null}}\n",
    "null as field": f"{BASE}  a: null\n",
    "null as where": f"{BASE}where: null\n",
    "null as key": BASE.replace("order_id", "null"),
    "null in a list": f"{BASE}source: {{null_values: [a, null]}}\n",
    "brackets": f"{BASE}  items[0].id: x\n",
    "empty name": f"{BASE}  a..b: x\n",
    "empty name in an entry": f"{BASE}  items: {{each: {{.id: x}}}}\n",
    "version 2": BASE.replace("version: 1", "version: 2"),
    "version true": BASE.replace("version: 1", "version: true"),
    "no version": BASE.replace("version: 1\n", ""),
    "no event": BASE.replace("event: purchase\n", ""),
    "no fields": "version: 1\nevent: p\nkey: k\n",
    "a list": "- a\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_refused_here_and_there(name: str) -> None:
    assert not accepted(BROKEN[name])
    assert not VALIDATOR.is_valid(plain(BROKEN[name]))


def test_a_file_with_everything_wrong_is_refused_in_many_places() -> None:
    text = (ROOT / "tests" / "data" / "mappings" / "everything_wrong.yaml").read_text(encoding="utf-8")
    assert len(list(VALIDATOR.iter_errors(plain(text)))) >= 5


junk = st.sampled_from([None, True, 0, 1, 2.5, "", "a", "trim", "sha256", "position", [], ["a"], {}, {"column": "a"}])


@cache
def seeds() -> tuple[list[Any], list[tuple[str, Any]]]:
    """Valid documents, and all keys with values that stand in them."""
    valid = [plain(text) for text in [*fixtures().values(), *(f"{BASE}{snippet}\n" for snippet in VALID)]]
    return valid, [item for document in valid for node in _nodes(document) for item in node.items()]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A valid document in which some values are exchanged, removed or added."""
    valid, items = seeds()
    document: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(valid))))
    for _ in range(draw(st.integers(1, 3))):
        node = draw(st.sampled_from(list(_nodes(document))))
        key, value = draw(st.sampled_from(items))
        kind = draw(st.sampled_from(["same key", "other key", "remove", "junk"]))
        if kind == "other key" or not node:
            node[key] = value
        elif kind == "same key":
            node |= {key: value} if key in node else {}
        elif kind == "remove":
            node.pop(draw(st.sampled_from(sorted(node))))
        else:
            node[draw(st.sampled_from(sorted(node)))] = draw(junk)
        document = json.loads(json.dumps(document))  # no value stands in two places
    return document


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
@example(plain(BASE))
def test_whatever_the_importer_accepts_is_valid(document: dict[str, Any]) -> None:
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    assume(accepted(text))  # hypothesis complains when hardly any is
    assert not [error.message for error in VALIDATOR.iter_errors(plain(text))]


# It is of use to somebody who types.


def test_every_key_of_every_part_is_described() -> None:
    parts = [SCHEMA, *(part for part in SCHEMA["definitions"].values() if "properties" in part)]
    assert len(parts) == 8
    for part in parts:
        for key, value in part["properties"].items():
            assert value["description"].endswith("."), key
            assert "`" not in value["description"]


def test_all_standard_events_are_offered_and_others_allowed() -> None:
    offered, other = SCHEMA["definitions"]["EventName"]["anyOf"]
    assert offered == {"enum": list(EVENT_NAMES)}
    assert len(EVENT_NAMES) == 51
    assert other == {"type": "string", "minLength": 1}


def test_the_properties_of_all_standard_events_are_offered_as_targets() -> None:
    offered = SCHEMA["properties"]["fields"]["properties"]
    known = {path for event in EVENTS for path in properties(event)}
    assert set(offered) == {path for path in known if "[]" not in path} - {"event_name"}
    entries = offered["items"]["properties"]["each"]["properties"]
    assert set(entries) == {path.removeprefix("items[].") for path in known if path.startswith("items[].")}
    for target, said in {**offered, **entries}.items():
        assert said["description"].endswith("."), target


def test_a_target_says_its_type_where_it_is_required_and_what_it_means() -> None:
    offered = SCHEMA["properties"]["fields"]["properties"]
    assert offered["status"]["description"] == (
        "Of purchase. Text. Required. One of canceled, delivered, in_progress, partially_delivered, "
        "partially_returned, partially_shipped, pending_shipment, returned, shipped, pending. "
        "Pending stays out of sums and counts."
    )
    assert offered["id"]["description"].startswith("Of begin_checkout, generate_lead, purchase, refund. Text. ")
    assert "Required (purchase, refund)." in offered["id"]["description"]
    assert offered["user.birthdate"]["description"] == "A date, sent as YYYY-MM-DD."
    assert offered["context.device.idfv"]["description"] == "Text. iOS."
    assert offered["sound"]["description"].count("video_") <= 6 * 4
    assert "says the page events-reference" in str(
        offered["items"]["properties"]["each"]["properties"]["product.price"]
    )


@pytest.mark.parametrize("place", ["value", "default", "map"])
def test_the_values_that_there_are_are_offered_and_not_forced(place: str) -> None:
    offered = SCHEMA["properties"]["fields"]["properties"]["status"]["properties"][place]
    assert "shipped" in (offered["additionalProperties"] if place == "map" else offered)["examples"]
    value = '{column: s, map: {A: "any"}}' if place == "map" else '{column: s, default: "any"}'
    assert VALIDATOR.is_valid(plain(f"{BASE}  status: {'{value: any}' if place == 'value' else value}\n"))


def test_no_reference_leads_to_itself_without_a_detour() -> None:
    """The YAML language server follows ``items`` and offers nothing at all when that never ends."""
    for name, part in SCHEMA["definitions"].items():
        assert part.get("items") != {"$ref": f"#/definitions/{name}"}


# The command.


def run(seed: str = "0", stdout: IO[str] | int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    script = (
        "import sys; from importer.cli import main; sys.argv[1:] = ['schema']\n"
        "try: main()\n"
        f"finally: print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed},
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )


def test_the_command_prints_the_schema_and_loads_nothing_heavy() -> None:
    one, other = run(seed="1"), run(seed="2")
    assert (one.returncode, one.stderr.splitlines()[-1]) == (0, "[]")
    assert one.stdout == other.stdout == render_schema() + "\n"
    assert json.loads(one.stdout) == SCHEMA
    assert len(one.stdout.encode()) < 200_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_no_bug() -> None:
    with Path("/dev/full").open("w") as full:
        ended = run(stdout=full)
    assert ended.returncode == 7
    assert "cannot be written: No space left" in ended.stderr
    assert "Traceback" not in ended.stderr
