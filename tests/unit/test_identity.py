"""Ids that are derived from columns, ids that everybody would share, and refunds that would share one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import polars as pl
import pytest
from encoding import HEAD, document, run

from importer.errors import MappingInvalid
from importer.mapping.compile import compile_mapping
from importer.mapping.document import parse_document
from importer.mapping.identity_warnings import identity_warnings

if TYPE_CHECKING:
    from collections.abc import Iterator

VISITOR = "user.consistent_anonymous_id"
DERIVED = f"  {VISITOR}: {{id_from: [c]}}\n"


def id_of(*parts: str) -> str:
    """As it is documented."""
    framed = "".join(f"{len(part.encode())}:{part}" for part in ("id 1", *parts))
    return hashlib.sha256(framed.encode()).hexdigest()[:32]


def derived(cells: object, fields: str = DERIVED) -> list[str]:
    frame = cells if isinstance(cells, pl.DataFrame) else pl.DataFrame({"c": cells})
    return run(fields + "  user.id: {value: u}\n", frame).values(VISITOR)


def test_an_id_is_the_documented_hash_of_its_cells() -> None:
    assert derived(["0042", "é", "1:1"]) == [id_of("0042"), id_of("é"), id_of("1:1")]
    assert id_of("0042") == "50c70af044c928754d70eec327bc48f1"


def test_numbers_and_their_digits_agree_and_leading_zeros_differ() -> None:
    assert derived([7]) == derived(["7"])
    assert derived(pl.DataFrame({"c": pl.Series([7], dtype=pl.UInt8)})) == derived(["7"])
    assert derived(["007"]) != derived(["7"])


def test_types_of_sql_change_no_id() -> None:
    head = HEAD + "source: {columns: {c: integer}}\n"
    assert run(DERIVED, {"c": ["007"]}, head=head, is_text=True).values(VISITOR) == [id_of("007")]
    grouped = "version: 1\nevent: purchase\ngroup_by: c\nsource: {columns: {c: integer}}\n"
    assert run(DERIVED, {"c": ["007", "7"]}, head=grouped, is_text=True).values(VISITOR) == [id_of("007")]


def test_parts_are_framed_so_that_no_two_keys_are_one() -> None:
    frame = pl.DataFrame({"c": ["a", "ab"], "d": ["bc", "c"]})
    found = derived(frame, f"  {VISITOR}: {{id_from: [c, d]}}\n")
    assert found == [id_of("a", "bc"), id_of("ab", "c")]
    assert found[0] != found[1]


def test_an_empty_part_leaves_the_member_out() -> None:
    frame = pl.DataFrame({"c": ["a", None, ""], "d": ["x", "x", "x"]})
    assert derived(frame, f"  {VISITOR}: {{id_from: [d, c]}}\n") == [id_of("x", "a"), None, None]


def test_it_is_independent_of_the_event_and_never_an_event_id() -> None:
    head = "version: 1\nevent: {column: kind}\nkey: c\n"
    result = run(DERIVED, {"c": ["1", "1"], "kind": ["purchase", "refund"]}, head=head)
    assert result.values(VISITOR) == [id_of("1")] * 2
    assert not {id_of("1")} & set(result.values("context.event_id"))
    named = run(DERIVED, {"c": ["1"], "kind": ["id 1"]}, head=head)
    assert named.values("context.event_id") != named.values(VISITOR)


def test_with_when_and_default() -> None:
    fields = "  user.card: {id_from: c, when: c <> 'b', default: none}\n"
    found = run(fields + "  user.id: {value: u}\n", {"c": ["a", "b", ""]}).values("user.card")
    assert found == [id_of("a"), None, "none"]


def test_a_group_has_the_id_of_its_first_line_and_says_where_others_differ() -> None:
    head = "version: 1\nevent: purchase\ngroup_by: o\n"
    fields = DERIVED + "  items: {each: {id: {id_from: [o, c]}}}\n"
    result = run(fields, {"o": ["1", "1", "2"], "c": ["a", "b", "c"]}, head=head)
    assert result.values(VISITOR) == [id_of("a"), id_of("c")]
    assert result.values("items")[0] == [{"id": id_of("1", "a")}, {"id": id_of("1", "b")}]
    assert result.warnings == {"column 'c' differs within its group; the first line's value is used": 1}


def test_in_the_entries_of_a_list_of_structs() -> None:
    frame = pl.DataFrame({"lines": [[{"s": "a"}, {"s": None}]]})
    result = run("  items: {from: lines, each: {id: {id_from: s}, quantity: {value: 1}}}\n", frame)
    assert result.values("items") == [[{"id": id_of("a"), "quantity": 1}, {"quantity": 1}]]


@pytest.mark.parametrize(
    ("cells", "words"),
    [([7.5], "floating point"), ([["a"]], "cannot be a key"), ([b"a"], "cannot be a key")],
)
def test_columns_that_cannot_be_part_of_an_id(cells: list[object], words: str) -> None:
    with pytest.raises(MappingInvalid, match=words) as error:
        derived(cells)
    assert [problem.path for problem in error.value.problems] == [f"fields.{VISITOR}.id_from[0]"]


def problems(fields: str, head: str = HEAD) -> Iterator[tuple[str, str]]:
    with pytest.raises(MappingInvalid) as error:
        document(fields, head)
    yield from ((problem.path, problem.message) for problem in error.value.problems)


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ("  a: {id_from: [c, c]}", "a.id_from[1]", "the column `c` stands in `id_from` twice"),
        ("  a: {id_from: c, clean: trim}", "a.clean", "`clean` has no meaning beside `id_from`"),
        ("  a: {id_from: c, map: {x: y}}", "a.map", "`map` has no meaning beside `id_from`"),
        ("  a: {id_from: c, type: string}", "a.type", "`type` has no meaning beside `id_from`"),
        ("  a: {id_from: c, round: 2}", "a.round", "`round` has no meaning beside `id_from`"),
        ("  a_md5: {id_from: c, hash: md5}", "a_md5.hash", "`hash` has no meaning beside `id_from`"),
        ("  a: {id_from: c, country: FR}", "a.country", "`country` has no meaning beside `id_from`"),
        ("  value: {id_from: c}", "value.id_from", "gives a text, and `value` is number in the event reference"),
        ("  user.consent_categories: {id_from: c}", "user.consent_categories.id_from", "is array in the event"),
        ("  items: {each: {quantity: {id_from: c}}}", "items.each.quantity.id_from", "`items[].quantity` is number"),
        (f"  {VISITOR}: {{value: x}}", f"{VISITOR}.value", "merge all customers into one person: write `{id_from:"),
        (f"  {VISITOR}: {{value: x, when: a = 'b'}}", f"{VISITOR}.value", "merge all customers into one person"),
        (f"  {VISITOR}: {{column: x, default: y}}", f"{VISITOR}.default", "remove the `default`, or write `{id_from:"),
        (f"  {VISITOR}: {{id_from: x, default: y}}", f"{VISITOR}.default", "remove the `default`"),
        ("  user: {value: {consistent_anonymous_id: x}}", "user.value", "merge all customers into one person"),
        ("  a: {column: x, country: FR}", "a.country", "write `clean: [e164]` beside it"),
        ("  a: {column: x, clean: trim, country: FR}", "a.country", "write `clean: [e164]` beside it"),
        ("  a: {column: x, clean: e164, country: France}", "a.country", "did you mean `FR`?"),
        ("  a: {column: x, clean: e164, country: fr}", "a.country", "did you mean `FR`?"),
        ("  a: {column: x, clean: e164, country: DEU}", "a.country", "did you mean `DE`?"),
        ("  a: {column: x, clean: e164, country: UK}", "a.country", "did you mean `GB`?"),
        ("  a: {column: x, clean: e164, country: Belgium}", "a.country", "did you mean `BE`?"),
        ("  a: {column: x, clean: e164, country: Schweitz}", "a.country", "did you mean `CH`?"),
        ("  a: {column: x, clean: e164, country: '+33'}", "a.country", "`+33` is no country of ISO 3166"),
        ("  a: {column: x, clean: e164, country: AQ}", "a.country", "Antarctica has no telephone numbers of its own"),
        ("  a: {column: x, clean: e164, split: '|'}", "a.split", "`e164` reads one phone number"),
        ("  a: {column: x, clean: e64}", "a.clean[0]", "did you mean `e164`?"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_a_problem(fields: str, path: str, words: str) -> None:
    ((found, message),) = problems(fields + "\n")
    assert found == f"fields.{path}"
    assert words in message


def test_the_country_of_the_mapping_is_checked_and_needs_no_phone() -> None:
    ((path, message),) = problems("  a: x\n", HEAD + "country: Fance\n")
    assert (path, message) == ("country", "`Fance` is no country of ISO 3166; did you mean `FR`?")
    assert document("  a: x\n", HEAD + "country: NO\n").mapping.country == "NO"


@pytest.mark.parametrize("sql", ["'a' || 'b'", "UPPER('x')", "CASE WHEN 1 = 1 THEN 'a' END"])
def test_sql_that_reads_no_column_is_one_id_for_all(sql: str) -> None:
    with pytest.raises(MappingInvalid, match="merge all customers into one person"):
        derived(["x"], f'  {VISITOR}: {{sql: "{sql}"}}\n')
    assert run(f'  user.card: {{sql: "{sql}"}}\n', {"c": ["x"]}).rejects == {}


def test_sql_over_columns_may_give_the_id() -> None:
    assert derived(["x"], f"  {VISITOR}: {{sql: \"'shop-' || c\"}}\n") == ["shop-x"]


REFUNDS = ("refund", "{column: kind, map: {V: purchase, R: refund}}", "{sql: \"CASE WHEN t < 0 THEN 'refund' END\"}")
NO_REFUNDS = ("purchase", "{column: kind, map: {V: purchase}}", "{column: kind}", "{sql: kind}")
TARGETS = "fields: {id: o, user.id: c, context.event_timestamp: at}\n"


def warned(event: str, identity: str, targets: str = TARGETS) -> tuple[str, ...]:
    mapping = parse_document(f"version: 1\nevent: {event}\n{identity}\n{targets}", "m").mapping
    return tuple(finding.message for finding in identity_warnings(mapping))


@pytest.mark.parametrize("event", REFUNDS)
@pytest.mark.parametrize("identity", ["key: o", "group_by: o", "group_by: o\nkey: o", "group_by: [o, n]\nkey: o"])
def test_a_refund_that_is_keyed_by_its_order_alone_is_warned_of(event: str, identity: str) -> None:
    (warning,) = warned(event, identity)
    entry = "key" if identity.endswith("[o, n]\nkey: o") or "group_by" not in identity else "group_by"
    assert warning.startswith(f"`{entry}: [o]` is the number of the order alone")
    assert f"e.g. `{entry}: [o, refund_id]`" in warning


@pytest.mark.parametrize("event", NO_REFUNDS)
def test_other_events_may_be_keyed_by_their_order(event: str) -> None:
    assert warned(event, "key: o") == ()


@pytest.mark.parametrize("identity", ["key: [o, n]", "key: n", "key: position", "group_by: [o, n]"])
def test_refunds_with_a_key_of_their_own_are_no_news(identity: str) -> None:
    assert warned(REFUNDS[0], identity) == ()


def test_no_warning_where_the_event_has_another_id_or_the_order_none() -> None:
    with_id = TARGETS.replace("id: o", "id: o, context.event_id: n", 1)
    assert warned("refund", "key: o", with_id) == ()
    assert warned("refund", "key: o", TARGETS.replace("id: o, ", "", 1)) == ()
    assert warned("refund", "key: o", TARGETS.replace("id: o", "id: {value: x}", 1)) == ()


def test_the_warning_is_one_of_the_compiled_mapping() -> None:
    found = parse_document(f"version: 1\nevent: refund\nkey: o\n{TARGETS}", "m")
    types = {"o": pl.String(), "c": pl.String(), "at": pl.Datetime("ms", "UTC")}
    (warning,) = compile_mapping(found, types, is_text=False).warnings
    assert warning.startswith("line 3, column 6: key: `key: [o]` is the number of the order alone")
