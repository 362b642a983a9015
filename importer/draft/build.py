"""From what was recognised to a draft: settings, fields, entries, and what is missing or not used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from importer import reference
from importer.draft import rules
from importer.draft.amounts import SUMMED, Refunds, amount_field, computed_value, refunds
from importer.draft.column import quoted as sql_name
from importer.draft.match import ITEMS, is_allowed
from importer.draft.model import Draft, Field, Todo
from importer.draft.numbers import CURRENCY_SIGNS
from importer.draft.seen import example, seen
from importer.draft.settings import settings_of, source_of
from importer.draft.specs import entry_name, field_of
from importer.draft.words import raw_words
from importer.draft.write import quoted

if TYPE_CHECKING:
    from importer.draft.facts import Facts

_CURRENCY_WORDS = {"eur": "EUR", "euro": "EUR", "euros": "EUR", "usd": "USD", "gbp": "GBP", "chf": "CHF"}
_PAGES = re.compile(rf"\b(?:{'|'.join(reference.DOCS)})\b")
"""How notes of the reference call the vendor's pages."""
_MATCHING = {"purchase", "refund"}
_ADDRESS = {"user.street", "user.zipcode", "user.city", "user.state", "user.country"}
_MATCHED = (
    "The vendor looks for a user to whom all members of `user` apply: keep those that identify, and remove an address "
    "that may have changed since."
)
_AMOUNTS = {"price", "total", "revenue"}
_EMAIL = "user.email_sha256"
_IDENTITIES = ("user.id", "user.email", "user.phone", "user.card", "user.consistent_anonymous_id")


def build(facts: Facts) -> Draft:
    """The draft for ``facts``."""
    draft = Draft(facts.sample.file.name)
    found = refunds(facts)
    _add_fields(draft, facts, found)
    _add_entries(draft, facts, found)
    _add_essentials(draft, facts)
    draft.settings = settings_of(facts, found)
    draft.source = source_of(facts)
    draft.missing = _missing(draft, facts)
    draft.missing_entries = [row for row in draft.missing if row[0].startswith(ITEMS)]
    draft.missing = [row for row in draft.missing if row not in draft.missing_entries]
    draft.missing_entries = [(entry_name(target), spec, why) for target, spec, why in draft.missing_entries]
    if facts.match.event in _MATCHING and any(item.target in _ADDRESS for item in draft.fields):
        draft.user_notes = [_MATCHED]
    draft.unused = [(column.label, example(column)) for column in facts.columns if id(column) not in facts.used]
    draft.unused += [(f"{facts.from_}: {column.label}", example(column)) for column in facts.entries
                     if id(column) not in facts.used]  # fmt: skip
    return draft


def _add_fields(draft: Draft, facts: Facts, found: Refunds | None) -> None:
    for target in rules.targets():
        column = facts.match.get(target)
        if target.startswith(ITEMS):
            continue
        if column is None:
            draft.fields += _without_column(facts, target)
        elif target in SUMMED:
            draft.fields.append(amount_field(facts, target, column))
        else:
            draft.fields.append(field_of(facts, target, column))
        if target == "value" and found is not None and draft.fields[-1].target == "value":
            draft.fields[-1].spec = {"sql": f"ABS({found.amount})", "round": 2}
            draft.fields[-1].notes.append("Refunds are sent with positive amounts, as in the vendor's examples.")


def _without_column(facts: Facts, target: str) -> list[Field]:
    """A field for what no column has, where it can be made of others."""
    if target == "value" and is_allowed(facts.match.event, "value") and (computed := computed_value(facts)):
        spec, told = computed
        notes = [f"No column has the total: computed from {told}."]
        price = facts.match.get(f"{ITEMS}product.price")
        if price is not None and price.name in told and "excl" in price.words:
            notes.append(f"By its name {price.label} has no tax, so this total has none either.")
        return [Field("value", {"sql": spec, "round": 2}, notes)]
    if target == "currency" and is_allowed(facts.match.event, "currency"):
        return _currency(facts)
    return []


def _currency(facts: Facts) -> list[Field]:
    """The currency from a sign beside numbers or in the name of a column, else a question."""
    columns = (*facts.columns, *facts.entries)
    amounts = [column for column in columns if column.number and column.words & _AMOUNTS]
    if not amounts:
        return []
    inner = facts.item("product.currency")
    if inner is not None and facts.from_ is None:
        return [field_of(facts, "currency", inner)]
    for column in amounts:
        by_name = next((code for word, code in _CURRENCY_WORDS.items() if word in raw_words(column.name)), None)
        code = CURRENCY_SIGNS.get(column.sign or "") or by_name
        code = code or next(
            (code for sign, code in CURRENCY_SIGNS.items() if len(sign) == 1 and sign in column.name), None
        )
        if code is not None:
            return [Field("currency", {"value": code}, [f"Guessed from the column {column.label}."])]
    return [Field("currency", {"value": Todo("the currency of the amounts, such as EUR", "EUR")},
                  ["TODO: the currency of the amounts (ISO 4217, such as EUR); no column has it."])]  # fmt: skip


def _add_entries(draft: Draft, facts: Facts, found: Refunds | None) -> None:
    """The members of an entry of ``items``, in the order of the rules."""
    if not is_allowed(facts.match.event, "items"):
        return
    columns = (facts.entry_match or facts.match).columns
    columns = {target: column for target, column in columns.items() if target.startswith(ITEMS)}
    if not columns:
        return
    price, product_price = f"{ITEMS}price", f"{ITEMS}product.price"
    if price in columns and product_price not in columns:
        columns[product_price] = columns.pop(price)
    one, other = f"{ITEMS}id", f"{ITEMS}product.id"
    shared = columns.get(one) or columns.get(other)
    if shared is not None:
        columns = {one: columns.get(one, shared), other: columns.get(other, shared)} | columns
    for target in (target for target in rules.targets() if target in columns):
        item = field_of(facts, target, columns[target])
        if columns.get(one) is columns.get(other) and target == other:
            item.notes = []
        if target == f"{ITEMS}quantity" and found is not None and found.flips_lines:
            item.spec = {"sql": f"ABS({facts.amount(columns[target])})"}
        item.target = entry_name(item.target)
        draft.entries.append(item)
    draft.from_ = facts.from_


def _add_essentials(draft: Draft, facts: Facts) -> None:
    """What the API requires of every event: a user and a time."""
    if not any(item.target.startswith("user.") for item in draft.fields):
        ask = Todo("the column that tells users apart", {"value": "nobody"})
        draft.fields.append(
            Field("user.id", ask, ["TODO: the column that tells users apart; the API requires a user."])
        )
    draft.fields += _visitor_of_order(facts)
    if not any(item.target == "context.event_timestamp" for item in draft.fields):
        ask = Todo("the column with the time of the event", {"value": 1_700_000_000_000})
        draft.fields.append(
            Field("context.event_timestamp", ask, ["TODO: the column with the time; no column looks like it."])
        )
    draft.fields.sort(key=lambda item: item.target.startswith("context."))


def _visitor_of_order(facts: Facts) -> list[Field]:
    """A visitor for each order of which nothing says who it was."""
    order = facts.match.get("id")
    columns = [column for target in _IDENTITIES if (column := facts.match.get(target)) is not None]
    if order is None or not columns or facts.match.get("user.consistent_anonymous_id") is not None:
        return []
    nobody = pl.DataFrame({str(number): column.cells.is_null() for number, column in enumerate(columns)})
    if not nobody.select(pl.all_horizontal(pl.all()).any()).item():
        return []
    when = " AND ".join(f"{column.sql or sql_name(column.name)} IS NULL" for column in columns)
    *others, last = (column.name for column in columns)
    empty = f"{', '.join(others)} and {last} are" if others else f"{last} is"
    notes = [
        f"Where {empty} empty nothing says who it was, and the API requires a user: one visitor an order.",
        "Remove this to have such orders rejected.",
    ]
    origin = {"id_from": order.name} if order.sql is None else {"sql": f"'order ' || {order.sql}"}
    return [Field("user.consistent_anonymous_id", {**origin, "when": when}, notes)]


def _missing(draft: Draft, facts: Facts) -> list[tuple[str, str, str]]:
    """Targets that the reference requires of the event, and that nothing gives."""
    event = facts.match.event
    if event not in reference.EVENTS:
        return []
    given = {item.target for item in draft.fields} | {f"{ITEMS}{item.target}" for item in draft.entries}
    found = []
    for path, prop in reference.properties(event).items():
        if prop.required == "no" or prop.type == "object" or path in given or path.startswith("context."):
            continue
        if (
            path == "event_name"
            or (path.startswith(ITEMS) and not draft.entries)
            or (path == "items" and draft.entries)
        ):
            continue
        if path == "user.email" or (path == _EMAIL and any(target.startswith("user.email") for target in given)):
            continue
        if prop.deprecated or (path == "revenue" and prop.required == "conditional"):
            continue
        why = "required by the reference" if prop.required == "yes" else prop.condition
        words = prop.enum or prop.recommended
        note = f" ({_PAGES.sub('the vendor', prop.note)})" if prop.note else ""
        told = f"{why}: {', '.join(words)}" if words else f"{why}{note}"
        found.append((path, _suggestion(facts, path, words), told))
    return found


def _suggestion(facts: Facts, path: str, words: tuple[str, ...]) -> str:
    """The spec of a missing target, as far as it can be said."""
    if path == "user.consistent_anonymous_id" and (user := facts.match.get("user.id")) is not None and user.sql is None:
        return f"{{id_from: {quoted(user.name)}}}"
    if path == _EMAIL:
        return "{column: …, clean: [trim, lower], hash: sha256}"
    if path == "items":
        return "{each: {id: …, product.id: …, product.name: …, product.price: …, quantity: …}}"
    if path == "user.consent_categories":
        return '{column: …, split: "|"}'
    return "{value: …}" if words else "…"


def said(facts: Facts) -> list[str]:
    """What was recognised, in a few lines for people."""
    sample, found = facts.sample, facts.match
    lines = [f"{sample.file.name}: {sample.frame.height:,} rows read{'' if sample.is_whole else ' (a sample)'}"]
    lines.append(f"event {found.event or 'unknown'}: {found.why or 'as given'}")
    if sample.files > 1:
        lines.append(f"{sample.files:,} files are meant, and this is the first: do the others have the same columns?")
    if sample.rejects:
        first = sample.rejects[0]
        lines.append(f"{len(sample.rejects):,} records are broken, such as row {first.row}: {first.message}")
    if facts.lines is not None:
        lines.append(f"{facts.lines.orders:,} orders in {facts.lines.rows:,} rows, by {facts.lines.column.name}")
    if (moment := found.get("context.event_timestamp")) is not None:
        lines.append(f"time {seen(moment, facts.numbers.format)}")
    return lines
