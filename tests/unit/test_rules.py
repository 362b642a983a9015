"""The rules against the event reference itself: whatever it says is checked, and nothing else is complained about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from importer import reference
from importer.encoder import ChunkInput, Encoder, Inspector
from importer.mapping.compile import compile_mapping
from importer.mapping.document import parse_document
from importer.records import Place, Span
from importer.report import Findings, Report, render_text
from importer.rules import EventNames, Given, entry_rules, event_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.records import EncodedRows
    from importer.reference import Property

NOW_MS = 1_800_000_000_000
ESSENTIAL = {"event_name", "context.event_id", "context.event_timestamp"}
BY_FORMAT = {
    "iso4217": "EUR", "iso3166": "FRA", "e164": "+33612345678", "hex32": "0" * 32, "hex64": "f" * 64,
    "email": "a@b.example", "url": "https://shop.example/", "timezone": "Europe/Paris",
    "ip": "192.0.2.1", "date": "2020-02-29",
}  # fmt: skip
BY_TYPE = {"string": "x", "number": 12.5, "integer": 7, "boolean": True, "date": "2020-02-29"}


def inspected(
    mapping: str, rows: pl.DataFrame | dict[str, list[Any]], *, strict: bool = False
) -> tuple[Encoder, EncodedRows]:
    """What the encoder makes of ``rows``, columns of a Parquet file."""
    frame = pl.DataFrame(rows)
    document = parse_document(f"version: 1\n{mapping}", "test.yaml")
    compiled = compile_mapping(document, frame.schema, is_text=False)
    encoder = Encoder(compiled, b",", 32_000, Inspector(compiled, NOW_MS), strict=strict)
    numbers = pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True)
    chunk = ChunkInput(
        span=Span(0, 1, frame.height + 1),
        file="f",
        path="/f",
        frame=frame.select(compiled.columns),
        rows=numbers,
        rejects=(),
        place_of=lambda row: Place("f", row, 0),
    )
    return encoder, encoder.encode(chunk)


def found(mapping: str, rows: pl.DataFrame | dict[str, list[Any]]) -> dict[str, int]:
    """Rules that were broken, and how often."""
    encoder, _ = inspected(mapping, rows)
    return {rule: finding.count for rule, finding in encoder.seen.findings.items()}


def required(event: str) -> Iterator[Property]:
    """The properties that the reference requires of ``event``, without what the API itself does."""
    for prop in reference.properties(event).values():
        if prop.required == "yes" and prop.type != "object" and prop.path not in ESSENTIAL:
            yield prop


def value_for(prop: Property) -> object:
    if prop.enum:
        return prop.enum[0]
    value = BY_FORMAT.get(prop.format or "", BY_TYPE.get(prop.item_type or prop.type, "x"))
    return [value] if prop.type == "array" else value


def a_right_event(event: str) -> tuple[dict[str, str], pl.DataFrame]:
    """Targets with the column of each, and the one row, of an event that has all that is required."""
    wanted = [prop for prop in required(event) if prop.path != "items"]
    if reference.properties(event)["user"].required == "yes":
        wanted.append(reference.properties(event)["user.email"])
    columns = {prop.path: f"c{number}" for number, prop in enumerate(wanted)}
    return columns, pl.DataFrame({columns[prop.path]: [value_for(prop)] for prop in wanted})


def written(event: str, columns: dict[str, str]) -> str:
    """A mapping of these targets, with what the API itself requires."""
    targets = {path: column for path, column in columns.items() if not path.startswith("items[].")}
    entries = {path.removeprefix("items[]."): column for path, column in columns.items() if path not in targets}
    lines = [f"{path}: {column}" for path, column in targets.items()]
    if entries:
        lines.append(f"items: {{each: {{{', '.join(f'{path}: {column}' for path, column in entries.items())}}}}}")
    lines += ["user.id: {value: u}", "context.event_timestamp: {value: 1700000000000}"]
    return f"event: {event}\nkey: position\nfields:\n" + "".join(f"  {line}\n" for line in lines)


def emptied(rows: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    return rows.with_columns(pl.lit(None).cast(rows.schema[name]).alias(name) for name in names)


@pytest.mark.parametrize("event", reference.EVENT_NAMES)
def test_a_right_event_passes(event: str) -> None:
    columns, rows = a_right_event(event)
    assert found(written(event, columns), rows) == {}


@pytest.mark.parametrize("event", reference.EVENT_NAMES)
def test_an_event_that_lacks_a_required_property_does_not_pass(event: str) -> None:
    """A row for each property, which has all the others."""
    columns, rows = a_right_event(event)
    lacking = [emptied(rows, [columns[path] for path in inside(prop, columns)]) for prop in required(event)]
    encoder, _ = inspected(written(event, columns), pl.concat(lacking))
    first = {rule: finding.examples[0].order[1] for rule, finding in encoder.seen.findings.items()}
    assert first == {f"required:{prop.path}": row for row, prop in enumerate(required(event), 1)}
    assert {finding.count for finding in encoder.seen.findings.values()} == {1}


@pytest.mark.parametrize("event", reference.EVENT_NAMES)
def test_a_mapping_that_lacks_a_required_property_does_not_pass(event: str) -> None:
    columns, _ = a_right_event(event)
    names = EventNames((event,), is_constant=True)
    for prop in required(event):
        given = {path: Given(pl.col(path), pl.String()) for path in columns if path not in inside(prop, columns)}
        if prop.path != "items" and any(path.startswith("items[].") for path in given):
            given["items"] = Given(pl.col("items"), pl.String(), raw=True)
        rules = entry_rules(names, given) if prop.path.startswith("items[].") else event_rules(names, given)
        unmapped = [rule.target for rule in rules if "no field of the mapping gives it" in rule.message]
        assert unmapped == [prop.path]


def inside(prop: Property, columns: dict[str, str]) -> list[str]:
    """The targets that a property is made of: itself, or of a list those of its entries."""
    return [path for path in columns if path == prop.path or (prop.path == "items" and path.startswith("items[]."))]


def test_every_event_but_the_promotions_has_something_required() -> None:
    counts = {event: len(list(required(event))) for event in reference.EVENT_NAMES}
    assert min(counts.values()) == 1  # consent_categories
    assert counts["purchase"] == 14


ROW = "event: purchase\nkey: a\nfields:\n  context.event_timestamp: {value: 1700000000000}\n  user.id: a\n  "


def broken_by(target: str, cell: object, event: str = "purchase") -> list[str]:
    """The rules, other than required ones, that a value breaks at ``target``."""
    mapping = ROW.replace("purchase", event) + f"{target}: b"
    rules = found(mapping, {"a": ["1"], "b": [cell]})
    return [rule for rule in rules if not rule.startswith("required:")]


@pytest.mark.parametrize(
    ("target", "good", "bad", "code"),
    [
        ("status", "shipped", "Shipped", "not_allowed"),
        ("payment_method", "cod", "cash", "not_allowed"),
        ("user.gender", "f", "F", "not_allowed"),
        ("currency", "EUR", "eur", "currency"),
        ("currency", "HRK", "EURO", "currency"),
        ("currency", "USD", "€", "currency"),
        ("user.country", "FR", "France", "country"),
        ("user.country", "FRA", "UK", "country"),
        ("user.phone", "+33612345678", "0612345678", "phone"),
        ("user.phone", "+15551234567", "+0123456789", "phone"),
        ("user.email", "jane@shop.example", "jane at shop", "email"),
        ("user.email_md5", "8eb1b522f60d11fa897de1dc6351b7e8", "8EB1B522F60D11FA897DE1DC6351B7E8", "hash"),
        ("user.email_sha256", "a" * 64, "a" * 63, "hash"),
        ("user.card_sha256", "a" * 64, "g" * 64, "hash"),
        ("context.device.timezone", "Europe/Paris", "Paris", "timezone"),
        ("context.page.url", "https://shop.example/x", "/x", "url"),
        ("context.page.url", "HTTP://shop.example", "httpx://shop.example", "url"),
        ("context.page.url", "https://shop.example?q", "https:///shop.example", "url"),
    ],
)
def test_formats_and_enumerations(target: str, good: str, bad: str, code: str) -> None:
    assert broken_by(target, good) == []
    assert broken_by(target, bad) == [f"{code}:{target}"]
    assert broken_by(target, None) == []


def test_a_text_in_the_place_of_a_date_is_a_day_of_the_calendar() -> None:
    rows = {"a": ["1", "2", "3"], "b": ["2024-02-29", "2023-02-29", "29/02/2024"]}
    assert found(ROW + "user.birthdate: {column: b, type: string}", rows)["date:user.birthdate"] == 2


def test_a_value_that_is_missing_breaks_no_rule_about_values() -> None:
    assert broken_by("status", None) == []


def test_amounts_are_positive_also_those_of_a_refund() -> None:
    for event in ("purchase", "refund"):
        assert broken_by("value", -1.5, event) == ["negative:value"]
        assert broken_by("revenue", 0, event) == []
    assert broken_by("value", -1.5, "view_item") == []


def test_bounds() -> None:
    assert broken_by("sound", 120, "video_volume") == []  # the settings table has no bounds
    assert broken_by("sound", 120, "video_start") == ["bounds:sound"]
    assert broken_by("sound", 100, "video_start") == []


def test_a_type_that_the_mapping_says_and_the_reference_does_not() -> None:
    mapping = ROW + "value: {column: b, type: string}"
    assert "type:value" in found(mapping, {"a": ["1"], "b": ["12"]})


def test_constants_are_looked_at_as_well() -> None:
    for target, good, bad in (("currency", "EUR", "EURO"), ("status", "shipped", "sent"), ("value", "1", "-1")):
        clean = found(ROW + f"{target}: {{value: {good}}}", {"a": ["1"]})
        dirty = found(ROW + f"{target}: {{value: {bad}}}", {"a": ["1", "2"]})
        (rule,) = dirty.keys() - clean.keys()
        assert rule.endswith(f":{target}")
        assert dirty[rule] == 2
    conditional = ROW + "status: {value: sent, when: \"a = '1'\"}"
    assert found(conditional, {"a": ["1", "2"]})["not_allowed:status"] == 1


def test_a_currency_is_required_beside_an_amount_only() -> None:
    mapping = ROW.replace("purchase", "generate_lead") + "value: b\n  currency: c"
    rules = found(mapping, {"a": ["1", "2", "3"], "b": [1.0, None, 2.0], "c": ["EUR", None, None]})
    assert rules["required:currency"] == 1


def test_an_address_or_its_hash() -> None:
    mapping = ROW + "user.email: b\n  user.email_sha256: {column: c, hash: sha256}"
    rules = found(mapping, {"a": ["1", "2", "3"], "b": ["a@b.example", None, None], "c": [None, "x", None]})
    assert rules["required:user.email"] == 1
    assert "required:user.email_sha256" not in rules


def test_a_livestream_has_no_length() -> None:
    mapping = ROW.replace("purchase", "video_start") + "total_length: b\n  livestream: c"
    encoder, _ = inspected(mapping, {"a": ["1", "2", "3"], "b": [None, None, 9], "c": [True, False, None]})
    (example,) = encoder.seen.findings["required:total_length"].examples
    assert example.order == (0, 2)
    always = mapping.replace("livestream: c", "livestream: {value: true}")
    assert "required:total_length" not in found(always, {"a": ["1"], "b": pl.Series([None], dtype=pl.Int64)})


REFUND = ROW.replace("purchase", "refund") + "items: {each: {id: b, quantity: c}}"


def test_a_whole_refund_needs_no_items_and_a_partial_one_needs_what_they_are() -> None:
    rules = found(REFUND, {"a": ["1", "2", "3"], "b": ["s", None, None], "c": [1, None, 2]})
    assert "required:items" not in rules
    assert rules["required:items[].id"] == 1  # of the third: the second has no entry at all
    assert rules["required:items[].product.id"] == 2
    assert "required:items[].quantity" not in rules


def test_entries_of_a_list_are_counted_by_event() -> None:
    mapping = ROW + "items: {from: lines, each: {id: sku, quantity: qty}}"
    lines = [
        [{"sku": "a", "qty": 1}, {"sku": None, "qty": 1}, {"sku": None, "qty": 2}],
        [{"sku": "b", "qty": None}],
        [],
    ]
    encoder, _ = inspected(mapping, {"a": ["1", "2", "3"], "lines": lines})
    rules = encoder.seen.findings
    assert rules["required:items[].id"].count == 1
    assert rules["required:items[].quantity"].count == 1
    assert rules["required:items[].quantity"].examples[0].order == (0, 2)
    assert rules["required:items"].count == 1
    assert encoder.seen.entries == {"items": 4}
    assert encoder.seen.coverage["items[].id"] == 2
    assert encoder.seen.coverage["items"] == 2


def test_the_first_entry_that_is_wrong_is_shown() -> None:
    mapping = ROW + "items: {from: lines, each: {id: sku, product.currency: cur}}"
    lines = [[{"sku": f"s{number}", "cur": cur} for number, cur in enumerate(("EUR", "euro", "pounds", "x"))]]
    encoder, _ = inspected(mapping, {"a": ["1"], "lines": lines})
    finding = encoder.seen.findings["currency:items[].product.currency"]
    assert (finding.count, dict(finding.values)) == (1, {"euro": 1})


def test_strict_counts_no_entry_of_what_it_rejects() -> None:
    columns, good = a_right_event("purchase")
    head = {path: column for path, column in columns.items() if not path.startswith("items[].")}
    each = "{id: sku, quantity: n, product.id: sku, product.name: sku, product.price: n}"
    mapping = written("purchase", head) + f"  items: {{from: lines, each: {each}}}\n"
    right, wrong = [{"sku": "a", "n": 1}] * 2, [{"sku": None, "n": 1}] * 3
    rows = pl.concat([good, good]).with_columns(lines=pl.Series([right, wrong]))
    encoder, encoded = inspected(mapping, rows, strict=True)
    assert list(encoded.rows) == [1]
    assert encoder.seen.entries == {"items": 2}
    assert encoder.seen.coverage["items[].quantity"] == 2


BY_COLUMN = ROW.replace("purchase", "{column: e, map: {P: purchase, R: refund, L: generate_lead}}") + "status: b"


def test_rules_go_by_the_name_of_each_event() -> None:
    rules = found(BY_COLUMN, {"a": ["1", "2", "3"], "e": ["P", "R", "L"], "b": [None, None, None]})
    assert rules["required:status"] == 1
    assert rules["required:value"] == 2
    assert rules["required:user.consent_categories"] == 3
    rules = found(BY_COLUMN, {"a": ["1", "2", "3"], "e": ["P", "R", "L"], "b": ["sent", "sent", "sent"]})
    assert rules["not_allowed:status"] == 1


def test_rules_go_by_names_that_nobody_knew_before() -> None:
    mapping = BY_COLUMN.replace("{column: e, map: {P: purchase, R: refund, L: generate_lead}}", "{column: e}")
    rules = found(mapping, {"a": ["1", "2", "3"], "e": ["purchase", "my_own", "search"], "b": ["x", "x", None]})
    assert rules["not_allowed:status"] == 1
    assert rules["required:search_term"] == 1
    assert rules["required:user.consent_categories"] == 3
    assert rules["custom_event:event_name"] == 1


def test_an_event_of_ones_own_has_no_tables() -> None:
    rules = found(ROW.replace("purchase", "my_own") + "items: {each: {id: a}}", {"a": ["1"]})
    assert rules == {"required:user.consent_categories": 1}


def test_what_failed_is_shown_with_its_values_and_first_rows() -> None:
    encoder, _ = inspected(ROW + "status: b", {"a": list("12345"), "b": ["sent", "shipped", "sent", "back", None]})
    finding = encoder.seen.findings["not_allowed:status"]
    assert dict(finding.values) == {"sent": 2, "back": 1}
    assert [example.order[1] for example in finding.examples] == [1, 3, 4]
    assert finding.examples[0].message.startswith('`status` is "sent", which is none of canceled, delivered')
    assert "shipped" in finding.valid


def test_many_different_values_that_failed_are_counted_as_far_as_they_are_kept() -> None:
    values = [f"odd {number % 1_500}" for number in range(4_500)]
    encoder, _ = inspected(ROW + "status: b", {"a": [str(number) for number in range(4_500)], "b": values})
    finding = encoder.seen.findings["not_allowed:status"]
    assert (finding.count, len(finding.values), set(finding.values.values())) == (4_500, 1_000, {3})
    assert len(finding.to_json()["values"]) == 100
    report = Report(warnings=Findings({"not_allowed:status": finding}))
    assert "values, each at least so often: 'odd 0' 3" in render_text(report)


def test_a_custom_event_is_no_reason_to_reject() -> None:
    mapping = BY_COLUMN.replace("{column: e, map: {P: purchase, R: refund, L: generate_lead}}", "{column: e}")
    data = {"a": ["1"], "e": ["my_own"], "b": [None]}
    _, encoded = inspected(mapping + "\n  user.consent_categories: {value: ['1']}", data, strict=True)
    assert (encoded.count, len(encoded.rejects)) == (1, 0)


def test_strict_rejects_what_breaks_a_rule_with_all_its_reasons() -> None:
    columns, good = a_right_event("purchase")
    mapping = written("purchase", columns)
    two = pl.concat([good, good]).with_columns(
        pl.Series(columns["status"], ["sent", "shipped"]), pl.Series(columns["currency"], ["euro", "EUR"])
    )
    encoder, encoded = inspected(mapping, two, strict=True)
    assert list(encoded.rows) == [2]
    (reject,) = encoded.rejects
    assert (reject.row, reject.stage) == (1, "rules")
    assert '`currency` is "euro"' in reject.message
    assert '`status` is "sent"' in reject.message
    assert encoder.seen.findings == {}
    assert encoder.seen.events == 1


def test_times_long_ago_and_in_the_future_are_warnings_that_strict_lets_pass() -> None:
    columns, good = a_right_event("search")
    mapping = written("search", columns).replace("{value: 1700000000000}", "{column: t, unit: ms}")
    moments = [900_000_000_000, 1_700_000_000_000, NOW_MS + 1]
    encoder, encoded = inspected(mapping, pl.concat([good] * 3).with_columns(t=pl.Series(moments)), strict=True)
    assert list(encoded.rows) == [1, 2, 3]
    findings = {rule: finding.examples[0].order[1] for rule, finding in encoder.seen.findings.items()}
    assert findings == {"before_2000:context.event_timestamp": 1, "in_future:context.event_timestamp": 3}


@pytest.mark.parametrize("waiver", ["{value: true, when: \"a = '1'\"}", "{value: 'yes'}", "{column: c, type: string}"])
def test_a_waiver_of_another_type_breaks_nothing(waiver: str) -> None:
    mapping = ROW.replace("purchase", "video_start") + f"total_length: b\n  livestream: {waiver}"
    rules = found(mapping, {"a": ["1", "2"], "b": pl.Series([None, None], dtype=pl.Int64), "c": ["x", "y"]})
    assert rules["required:total_length"] == (1 if "when" in waiver else 2)


def test_constants_with_a_condition_are_what_they_are_without() -> None:
    constant = "{id: x, is_new_customer: true, gender: x, consent_categories: ['1'], n: {a.b: 1}}"
    mapping = ROW.replace("purchase", "my_own").replace(
        "user.id: a", f"user: {{value: {constant}, when: \"a <> '3'\"}}"
    )
    encoder, encoded = inspected(mapping, {"a": ["1", "2", "3"]})
    assert {rule: finding.count for rule, finding in encoder.seen.findings.items()} == {"not_allowed:user.gender": 2}
    user = b'"user":{"id":"x","is_new_customer":true,"gender":"x","consent_categories":["1"],"n":{"a.b":1}}'
    assert bytes(encoded.body).count(user) == 2
    assert [reject.code for reject in encoded.rejects] == ["user_missing"]


@pytest.mark.parametrize("target", ["user.email_sha256", "user.phone", "user.email"])
def test_no_message_shows_what_may_be_personal(target: str) -> None:
    encoder, _ = inspected(ROW + f"{target}: b", {"a": ["1", "2"], "b": ["call jane.doe@shop.example", "0612345678"]})
    said = str([finding.to_json() for finding in encoder.seen.findings.values()])
    assert not any(secret in said for secret in ("jane.doe", "0612345678"))
    assert "which is no" in said


def test_listed_values_are_masked_too() -> None:
    encoder, _ = inspected(ROW + "currency: b", {"a": ["1", "2"], "b": ["jane.doe@shop.example", "euro"]})
    finding = encoder.seen.findings["currency:currency"]
    assert dict(finding.values) == {"j…@shop.example": 1, "euro": 1}
    assert "jane" not in str(finding.to_json())
