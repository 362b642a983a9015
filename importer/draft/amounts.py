"""What an order is worth: a column, or the sum over its lines; and whether it is a refund."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from importer import reference
from importer.draft.match import ITEMS
from importer.draft.model import Field
from importer.draft.order_lines import Signs, signs_of
from importer.draft.seen import seen

if TYPE_CHECKING:
    from importer.draft.column import Column
    from importer.draft.facts import Facts

SUMMED = ("value", "revenue", "tax_amount", "shipping_amount", "discount_value", "original_value", "returned_value",
          "cancelled_value")  # fmt: skip
"""Amounts of an order that add up over its lines."""


@dataclass(frozen=True, slots=True)
class Refunds:
    """That some events are refunds: ``test`` is SQL that is true for them, ``amount`` is SQL for their value.

    ``flips_lines`` says that quantities of lines are negative only in refunds, so that they can be sent as positive.
    """

    test: str
    amount: str
    signs: Signs
    flips_lines: bool


def amount_field(facts: Facts, target: str, column: Column) -> Field:
    """An amount that stands in a column: as it is, or summed up where it differs among the lines of an order."""
    facts.used.add(id(column))
    notes = [seen(column, facts.numbers.format, as_number=True)]
    if facts.varies(column):
        notes.append("It differs among the rows of an order: summed up.")
        return Field(target, {"sql": f"SUM({facts.amount(column)})", "round": 2}, notes)
    if column.sign is not None:
        return Field(target, {"sql": facts.amount(column), "round": 2}, notes)
    spec: dict[str, Any] = {"column": column.name} if column.sql is None else {"sql": column.sql}
    if reference.find(facts.match.event, target) is None:
        spec["type"] = "number"  # of an event of one's own nobody knows it
    if column.dtype.is_float():
        spec["round"] = 2
    return Field(target, column.name if list(spec) == ["column"] else spec, notes)


def computed_value(facts: Facts) -> tuple[str, str] | None:
    """SQL for the value of an order that no column has, and from what; ``None`` where it cannot be computed."""
    line = facts.match.get(f"{ITEMS}value")
    price = facts.match.get(f"{ITEMS}product.price") or facts.match.get(f"{ITEMS}price")
    quantity = facts.match.get(f"{ITEMS}quantity")
    if line is not None:
        text, told = facts.amount(line), line.name
    elif price is not None and quantity is not None:
        text, told = f"{facts.amount(price)} * {facts.amount(quantity)}", f"{price.label} * {quantity.label}"
    else:
        return None
    return (f"SUM({text})" if facts.lines is not None else text), told


def refunds(facts: Facts) -> Refunds | None:
    """Refunds among purchases, told by negative quantities or amounts."""
    if facts.match.event != "purchase" or facts.match.is_given or facts.match.event_column is not None:
        return None
    value, quantity = facts.match.get("value"), facts.match.get(f"{ITEMS}quantity")
    telling = value if value is not None else quantity
    if telling is None or telling.sql is not None:
        return None
    signs = signs_of(*_numbers(facts, telling))
    if not signs.negative:
        return None
    if value is not None:
        amount = facts.amount(value)
        amount = f"SUM({amount})" if facts.varies(value) else amount
    elif (computed := computed_value(facts)) is not None:
        amount = computed[0]
    else:
        return None
    lines = signs_of(*_numbers(facts, quantity)) if quantity is not None and quantity.sql is None else Signs(0, 0)
    return Refunds(f"{amount} < 0", amount, signs, flips_lines=bool(lines.negative) and not lines.mixed)


def _numbers(facts: Facts, column: Column) -> tuple[pl.Series, pl.Series | None]:
    """The numbers of a column in the first rows, and the orders that these belong to."""
    frame = facts.sample.frame.head(facts.sample.head)
    cells = column.cells.head(facts.sample.head)
    if cells.dtype == pl.String:
        tokens = pl.DataFrame({"text": cells}).select(facts.numbers.format.tokens(pl.col("text"))).to_series()
        cells = tokens.cast(pl.Float64, strict=False)
    return cells, frame[facts.lines.column.name] if facts.lines is not None else None
