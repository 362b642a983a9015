"""All that was recognised in a sample, in one place for those who write the draft."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from importer import reference
from importer.draft.column import Column, columns_of, null_words, quoted, with_number, without_nulls
from importer.draft.match import ITEMS, Match, match
from importer.draft.numbers import Numbers, cast_sql, is_like_number, numbers_of, sign_of
from importer.draft.order_lines import OrderLines, order_lines
from importer.draft.words import one_of, raw_words

if TYPE_CHECKING:
    from importer.draft.sample import Sample

_FRENCH = one_of(
    "commande date montant prix quantite courriel telephone ville pays devise nom prenom naissance statut "
    "libelle produit "
    "client numero livraison paiement ttc ht tva adresse code postal sexe civilite facture"
) - {"date", "code", "client", "produit"}
_MOST_ENTRIES = 20_000


@dataclass(slots=True)
class Facts:
    """What was recognised. ``entries`` are the columns of the list of structs ``from_``, and their ``entry_match``.

    ``typed`` collects the columns that SQL computes with, each with its type; ``clocks`` the names of columns with
    times that have no zone.
    """

    sample: Sample
    nulls: tuple[str, ...]
    numbers: Numbers
    columns: list[Column]
    match: Match
    lines: OrderLines | None = None
    from_: str | None = None
    entries: list[Column] = field(default_factory=list)
    entry_match: Match | None = None
    typed: dict[str, str] = field(default_factory=dict)
    clocks: list[str] = field(default_factory=list)
    used: set[int] = field(default_factory=set)

    @property
    def is_french(self) -> bool:
        """Whether the names of the columns are French."""
        return len({word for column in self.columns for word in raw_words(column.name)} & _FRENCH) > 1

    def item(self, target: str) -> Column | None:
        """The column of an entry of ``items`` for ``target``, wherever the entries come from."""
        found = self.entry_match if self.entry_match is not None else self.match
        return found.get(f"{ITEMS}{target}")

    def varies(self, column: Column) -> bool:
        """Whether ``column`` differs among the lines of an order."""
        return self.lines is not None and column.name in self.lines.varying

    def amount(self, column: Column) -> str:
        """SQL for the number in ``column``, whose type is declared where it has to be."""
        name = column.sql or quoted(column.name)
        if column.sign is not None:
            return cast_sql(name, column.sign, self.numbers.format)
        if column.dtype == pl.String and column.sql is None:
            numbers = column.values.filter(column.values.str.contains(r"^[+-]?\d"))
            whole = not numbers.str.contains(r"[^\d+-]").any()
            self.typed[column.name] = "integer" if whole else "number"
        return name


def recognise(sample: Sample, event: str | None) -> Facts:
    """Everything that can be told of ``sample``; ``event`` is its name where the user gave one."""
    nulls = null_words(sample.frame) if sample.is_text else ()
    sample = replace(sample, frame=without_nulls(sample.frame, nulls))
    columns = columns_of(sample.frame)
    numbers = numbers_of(_numbers_in(columns)) if sample.is_text else Numbers()
    columns = [with_number(column, numbers.format) for column in columns]
    found = match(columns, event, sample.file.path.name.partition(".")[0])
    facts = Facts(sample, nulls, numbers, columns, found)
    facts.lines = order_lines(found, sample, columns)
    if facts.lines is None:
        _find_entries(facts)
    return facts


def _numbers_in(columns: list[Column]) -> list[pl.Series]:
    """The texts that look like numbers, without the signs of currencies beside them."""
    texts = [column.values for column in columns if column.dtype == pl.String and column.times is None]
    bare = [values.str.replace(sign_of(values) or "", "", literal=True) for values in texts]
    return [values for values in bare if is_like_number(values)]


def _find_entries(facts: Facts) -> None:
    """A list of structs that has the products of an event."""
    if facts.match.event in reference.EVENTS and reference.find(facts.match.event, "items") is None:
        return
    for column in facts.columns:
        dtype = column.dtype
        if not (isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct)):
            continue
        entries = column.cells.drop_nulls().explode().drop_nulls().head(_MOST_ENTRIES)
        inner = columns_of(entries.struct.unnest(), words=frozenset({"line"}))
        inner = [with_number(entry, facts.numbers.format) for entry in inner]
        found = match(inner, facts.match.event, "")
        found.columns = {target: entry for target, entry in found.columns.items() if target.startswith(ITEMS)}
        if found.columns:
            facts.from_, facts.entries, facts.entry_match = column.label, inner, found
            facts.used.add(id(column))
            if facts.match.event is None and not facts.match.is_given:
                facts.match.event, facts.match.why = "purchase", f"guessed from the list {column.label}"
            return
