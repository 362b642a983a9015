"""The top of a draft: event, groups, key, zone, and how the file is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from importer import reference
from importer.draft.model import Setting, Todo
from importer.draft.synonyms import meaning_of
from importer.draft.words import raw_words
from importer.mapping.nearest import did_you_mean

if TYPE_CHECKING:
    from importer.draft.amounts import Refunds
    from importer.draft.column import Column
    from importer.draft.facts import Facts
    from importer.draft.order_lines import OrderLines

_IDS_OF_OTHERS = frozenset({"customer", "visitor", "session", "product", "phone", "zip", "email", "card", "ip"})
_PARTS_OF_KEY = ("user.id", "user.consistent_anonymous_id", "context.event_timestamp")


def settings_of(facts: Facts, found: Refunds | None) -> list[Setting]:
    """What stands above ``fields``, but for ``source``."""
    settings = [_event(facts, found), _identity(facts)]
    if facts.clocks:
        settings.append(_timezone(facts))
    return settings


def _event(facts: Facts, found: Refunds | None) -> Setting:
    event, column = facts.match.event, facts.match.event_column
    if column is not None:
        return _event_of_column(facts, column)
    if event is None:
        names = "purchase, refund, page_view, generate_lead, sign_up, login …"
        ask = Todo(f"the name of the event: {names}", "page_view")
        return Setting("event", ask, [f"TODO: the name of the event: {names} Or start again with --event NAME."])
    notes = [
        f"{event}: {facts.match.why}. Wrong? Start again with --event NAME."
        if facts.match.why
        else "As given by --event."
    ]
    if event not in reference.EVENTS:
        hint = did_you_mean(event, reference.EVENT_NAMES)
        notes.append(f"The event reference does not know this name, so it is an event of your own{hint}.")
    if found is None:
        return Setting("event", event, notes)
    what = "orders" if facts.lines is not None else "rows"
    notes.append(f"{found.signs.negative:,} {what} of the sample are negative: taken for refunds.")
    if found.signs.mixed:
        notes.append(f"{found.signs.mixed:,} have lines of both signs: purchases as long as their sum is not negative.")
    return Setting("event", {"sql": f"CASE WHEN {found.test} THEN 'refund' ELSE 'purchase' END"}, notes)


def _event_of_column(facts: Facts, column: Column) -> Setting:
    facts.used.add(id(column))
    source: dict[str, Any] = {"sql": column.sql} if column.sql is not None else {"column": column.name}
    notes = [f"The name of the event varies: {', '.join(column.examples)} in column {column.label}."]
    names = {text: (True, text) if text in reference.EVENTS else meaning_of("event", text) for text in column.values}
    if all(text == name for text, (_, name) in names.items()) or column.sql is not None:
        return Setting("event", source, notes)
    unknown = [text for text, (is_known, _) in names.items() if not is_known]
    ask = Todo(f"the event that {', '.join(map(repr, unknown[:3]))} of {column.label} means", "page_view")
    if unknown:
        notes.append(f"TODO: {ask.what}. To leave such rows out, add a `where`.")
    return Setting("event", {**source, "map": {t: name if known else ask for t, (known, name) in names.items()}}, notes)


def _identity(facts: Facts) -> Setting:
    """``group_by``, or else ``key``."""
    key = facts.match.get("id")
    if facts.lines is not None:
        return _group_by(facts, facts.lines, key)
    key = key or next((column for column in facts.columns if _is_id_of_row(column)), None)
    if key is not None and key.sql is None and key.is_nearly_unique and not key.dtype.is_float():
        facts.used.add(id(key))
        return _key(key)
    names = _names_together(facts, key)
    if len(names) > 1 and facts.sample.frame.select(names).is_unique().all():
        return Setting("key", names, ["No single column is unique in the sample; these are together."])
    notes = ["No column is unique: file and row make the id. Another export then gives other ids for the same events."]
    if key is not None and key.dtype.is_float():
        notes.append(f"{key.name} is floating point, which is no key: write whole numbers or text in the export.")
    elif key is not None:
        notes.append(f"{key.name} comes more than once, or is empty. If such rows are copies: key: {key.name}")
    return Setting("key", "position", notes)


def _group_by(facts: Facts, lines: OrderLines, key: Column | None) -> Setting:
    notes = [f"{lines.orders:,} orders in {lines.rows:,} rows, up to {lines.largest:,} rows each: one event an order."]
    if key is not None and key is not lines.column:
        notes.append(f"{key.label} is empty on most lines of an order, and {lines.column.name} stands on all of them.")
    if lines.column.dtype.is_float():
        facts.typed[lines.column.name] = "integer"  # a float cannot be a key
    facts.used.add(id(lines.column))
    return Setting("group_by", lines.column.name, notes)


def _key(key: Column) -> Setting:
    notes = ["What makes an event unique: context.event_id is derived from it."]
    if twice := key.filled - len(key.values):
        notes.append(f"{twice:,} rows have a value that came before: the same event; `dedupe: true` sends it once.")
    if key.empty_share:
        notes.append("Rows without it are rejected.")
    return Setting("key", key.name, notes)


def _names_together(facts: Facts, key: Column | None) -> list[str]:
    """Columns that may be unique together."""
    columns = [facts.match.get(target) for target in _PARTS_OF_KEY]
    found = [column for column in (key, *columns) if column is not None and column.sql is None]
    return list(dict.fromkeys(one.name for one in found if not one.empty_share and not one.dtype.is_float()))


def _is_id_of_row(column: Column) -> bool:
    """Whether it has an id of its own for each row, as far as the sample says, that is nobody's and no product's."""
    is_own = "id" in column.words and not column.words & _IDS_OF_OTHERS
    return is_own and column.is_nearly_unique and column.sql is None


def _timezone(facts: Facts) -> Setting:
    names = ", ".join(dict.fromkeys(facts.clocks))
    if all({"utc", "gmt"} & raw_words(name) for name in facts.clocks):
        return Setting("timezone", "UTC", [f"Guessed from the name {names}."])
    likely = " Is it Europe/Paris?" if facts.is_french else ""
    what = f"the zone of the times in {names}, such as Europe/Paris or UTC"
    return Setting("timezone", Todo(what, "UTC"), [f"TODO: {what}; they carry none.{likely}"])


def source_of(facts: Facts) -> list[Setting]:
    """How the file is written. Read after all fields, which say what SQL computes with."""
    if not facts.sample.is_text:
        return [Setting("columns", facts.typed)] if facts.typed else []
    source = facts.sample.source
    found = [
        Setting("format", source.format),
        Setting("separator", source.separator),
        Setting(
            "quote", source.quote, [] if source.quote else ["There are quotes inside of cells that mean themselves."]
        ),
        Setting("encoding", source.encoding),
        Setting("skip_rows", source.skip_rows, ["Lines above the header."]),
        Setting("null_values", list(facts.nulls), ["Seen where there is no value. An empty cell always means that."]),
        *_signs(facts),
        Setting("columns", facts.typed, ["What SQL computes with. Every other cell stays text."]),
    ]
    return [setting for setting in found if setting.value or (setting.key == "quote" and setting.value is not None)]


def _signs(facts: Facts) -> list[Setting]:
    """Decimal sign and thousands, unless they are those of every program."""
    numbers = facts.numbers
    if numbers.other is not None:
        decimal, other = numbers.format.decimal, numbers.other.decimal
        what = (
            f'the decimal sign: "{decimal}" if {numbers.example} has decimals; if these are thousands, "{other}", '
            f'and add thousands: "{decimal}"'
        )
        return [Setting("decimal", Todo(what, decimal), [f"TODO: {what}."])]
    found = []
    if numbers.format.decimal != ".":
        found.append(Setting("decimal", numbers.format.decimal, [f"As in {numbers.example}."]))
    if numbers.format.thousands is not None:
        found.append(Setting("thousands", numbers.format.thousands))
    return found
