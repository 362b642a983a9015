"""What is odd about events that the API would take all the same.

An inspector looks at the values of a chunk's events: at what breaks a rule of the event reference, at personal data
where none is declared, and at which targets have a value. It changes no byte.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from importer import reference
from importer.encoder.given import LIST_MARK, entries_given, events_given, names_of
from importer.encoder.guard import Guard
from importer.mapping.compiled import ROW
from importer.mapping.failures import quoted
from importer.report import YEAR_2000_MS, Example, Findings
from importer.rules import EVENT_NAME, EventNames, Given, Rule, entry_rules, event_rules
from importer.rules.personal import find_personal, mask

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from importer.encoder.chunk import ChunkInput
    from importer.mapping.compiled import CompiledMapping

_EXAMPLES = 3
_COUNTED_VALUES = 1_000  # of a chunk
_ITEMS = "items"
_TIME = "context.event_timestamp"
_Flagged = list[tuple[Rule, pl.Expr]]
Entries = dict[str, pl.DataFrame]
"""The values of the entries of each list, by its column, with the row of the event of each."""


@dataclass(slots=True)
class Seen:
    """What was seen in some events.

    ``coverage`` counts the events with a value at a target, or the entries where it is inside a list; ``entries``
    counts the entries of each list. ``personal`` names those ``findings`` that are personal data.
    """

    events: int = 0
    findings: Findings = field(default_factory=Findings)
    coverage: Counter[str] = field(default_factory=Counter)
    entries: Counter[str] = field(default_factory=Counter)
    personal: set[str] = field(default_factory=set)

    def merge(self, other: Seen) -> None:
        """Add all of ``other``."""
        self.events += other.events
        self.findings.merge(other.findings)
        self.coverage.update(other.coverage)
        self.entries.update(other.entries)
        self.personal |= other.personal


class Broken(NamedTuple):
    """A rule and the events that break it: their rows, each once and in order, and the values for its message.

    ``is_told``: ``shown`` are not values but words.
    """

    rule: Rule
    rows: pl.Series
    shown: pl.Series
    is_told: bool = False

    def message(self, index: int) -> str:
        """What is wrong with the event at ``index``."""
        shown = self.shown[index]
        if not self.is_told:
            hides = shown is not None and (self.rule.is_personal or "@" in shown)  # a wrong column may be mapped
            shown = quoted(mask(shown) if hides else shown)
        return self.rule.message.replace("{}", shown)


class Inspector:
    """Inspects the events that ``mapping`` makes, chunk by chunk. ``now_ms`` is the present, behind which is future."""

    def __init__(self, mapping: CompiledMapping, now_ms: int) -> None:
        self._mapping = mapping
        self._now_ms = now_ms
        self._watched: tuple[_Watched, dict[str, _Watched]] | None = None

    def broken(self, values: pl.DataFrame, entries: Entries) -> list[Broken]:
        """The rules that events of ``values`` break, by themselves or in one of their ``entries``."""
        of_events, of_lists = self._watch(values, entries)
        found = list(_broken(values, of_events.rules))
        for name, frame in entries.items():
            found += (_of_events(item, values) for item in _broken(frame, of_lists[name].rules))
        return [item for item in found if len(item.rows)]

    def look(self, chunk: ChunkInput, values: pl.DataFrame, entries: Entries, broken: Iterable[Broken]) -> Seen:
        """What there is to say about the events of ``values``, which break rules as ``broken`` says."""
        of_events, of_lists = self._watch(values, entries)
        seen = Seen(values.height)
        names = names_of(self._mapping)
        for item in (*broken, *_odd_names(values, names), *_odd_times(values, self._mapping.moment, self._now_ms)):
            _note(chunk, item, seen.findings)
        of_events.look(chunk, values, seen)
        for name, frame in entries.items():
            seen.entries[name.removeprefix(LIST_MARK)] += frame.height
            of_lists[name].look(chunk, frame, seen)
        return seen

    def _watch(self, values: pl.DataFrame, entries: Entries) -> tuple[_Watched, dict[str, _Watched]]:
        """What to watch, by the types of the first chunk, which are those of all."""
        if self._watched is None:
            names = names_of(self._mapping)
            given = events_given(self._mapping.plan.members, values.schema)
            of_lists = {}
            for item in self._mapping.lists:
                inner = entries_given(item, entries[item.name].schema)
                is_items = item.name == LIST_MARK + _ITEMS
                rules = entry_rules(names, inner) if is_items else ()
                of_lists[item.name] = _Watched(_flagged(rules, entries[item.name].columns), inner)
            rules = (*event_rules(names, given), *_rules_of_one_entry(names, given))
            self._watched = _Watched(_flagged(rules, values.columns), given), of_lists
        return self._watched


class _Watched:
    """What to look for in one kind of frame: of events, or of the entries of a list."""

    def __init__(self, rules: _Flagged, given: Mapping[str, Given]) -> None:
        self.rules = rules
        self._guard = Guard(given)
        filled = {path: pl.len() if value.expr is None else value.expr.count() for path, value in given.items()}
        self._filled = [count.alias(path) for path, count in filled.items()]

    def look(self, chunk: ChunkInput, frame: pl.DataFrame, seen: Seen) -> None:
        seen.personal |= self._guard.look(chunk, frame, seen.findings)
        seen.coverage.update(frame.select(self._filled).row(0, named=True))


def _odd_names(values: pl.DataFrame, names: EventNames) -> Iterator[Broken]:
    """Names from a column that are no standard event: custom events are allowed, and so a typo is one, too."""
    if names.names is None and not names.is_constant:
        name = pl.col(EVENT_NAME)
        message = "`event_name` is {}, which is no standard event: nothing but what all events need was checked"
        is_custom = ~name.is_in(reference.EVENT_NAMES)
        rule = Rule(
            "custom_event", EVENT_NAME, message, is_custom, name, lists_values=True, valid=reference.EVENT_NAMES
        )
        yield from _broken(values, _flagged((rule,), values.columns))


def _odd_times(values: pl.DataFrame, moment: pl.Expr, now_ms: int) -> Iterator[Broken]:
    """Events from before 2000 or from the future: possible, and hardly ever right. No reason to reject them."""
    oldest, newest = values.select(moment.min(), moment.max().alias("newest")).row(0)
    shown = pl.from_epoch(moment, "ms").dt.strftime("%Y-%m-%d %H:%M:%S UTC")
    if oldest is not None and oldest < YEAR_2000_MS:
        message = "the event is from {}: is the format or the unit of its time right?"
        rule = Rule("before_2000", _TIME, message, moment < YEAR_2000_MS, shown)
        yield from _broken(values, _flagged((rule,), values.columns))
    if newest is not None and newest > now_ms:
        message = "the event is from {}, which is in the future: is the format, the unit or the zone of its time right?"
        rule = Rule("in_future", _TIME, message, moment > now_ms, shown)
        yield from _broken(values, _flagged((rule,), values.columns))


def _rules_of_one_entry(names: EventNames, given: Mapping[str, Given]) -> Iterator[Rule]:
    """The rules of entries for a list of one that is made of the row: where it is there at all."""
    whole = given.get(_ITEMS)
    if whole is None or not any(path.startswith(f"{_ITEMS}{LIST_MARK}.") for path in given):
        return
    for rule in entry_rules(names, given):
        yield rule if whole.expr is None else replace(rule, failed=rule.failed & whole.expr.is_not_null())


def _flagged(rules: Iterable[Rule], columns: Collection[str]) -> _Flagged:
    """``rules``, each with what is true for the rows of a frame with ``columns`` that break it, named by its place."""
    return [(rule, _failed(rule, columns).alias(str(index))) for index, rule in enumerate(rules)]


def _broken(frame: pl.DataFrame, rules: _Flagged) -> Iterator[Broken]:
    """The rules that rows of ``frame`` break, whatever event they are about if these are entries."""
    flags = frame.select(ROW, *(flag for _, flag in rules))
    counts = flags.select(pl.exclude(ROW).sum()).row(0) if rules else ()
    for (rule, flag), count in zip(rules, counts, strict=True):
        if count:
            shown = pl.lit(None) if rule.shown is None else rule.shown
            hits = frame.select(ROW, shown.cast(pl.String).alias("shown")).filter(flags[flag.meta.output_name()])
            yield Broken(rule, hits[ROW], hits["shown"])


def _failed(rule: Rule, columns: Collection[str]) -> pl.Expr:
    failed = rule.failed.fill_null(value=False)
    is_of_events = rule.applies is not None and set(rule.applies.meta.root_names()) <= set(columns)
    return failed & rule.applies if is_of_events and rule.applies is not None else failed


def _of_events(item: Broken, values: pl.DataFrame) -> Broken:
    """What entries break, as of their events, each once, with the value of its first such entry."""
    applies = pl.lit(value=True) if item.rule.applies is None else item.rule.applies
    events = values.filter(applies).select(ROW)
    first = pl.DataFrame({ROW: item.rows, "shown": item.shown}).unique(ROW, keep="first")
    hits = events.join(first, on=ROW, how="inner", maintain_order="left")
    return Broken(item.rule, hits[ROW], hits["shown"])


def _most_frequent(shown: pl.Series) -> dict[str, int]:
    """How often the most frequent values occur: a column may be full of different ones."""
    counts = shown.drop_nulls().value_counts(name="events")
    counts = counts.sort("events", shown.name, descending=[True, False]).head(_COUNTED_VALUES)
    is_personal = pl.any_horizontal(pl.lit(value=False), *find_personal(counts[shown.name]).values())
    flags = counts.select(shown.name, "events", personal=is_personal)
    found: Counter[str] = Counter()
    for text, count, hidden in flags.iter_rows():
        found[mask(text) if hidden else text] += count
    return found


def _note(chunk: ChunkInput, item: Broken, findings: Findings) -> None:
    examples = []
    for index, row in enumerate(item.rows.head(_EXAMPLES)):
        place = chunk.place_of(row)
        examples.append(Example((chunk.span.source, place.row), place.file, item.message(index)))
    values = _most_frequent(item.shown) if item.rule.lists_values else {}
    findings.note(item.rule.name, examples, len(item.rows), values, item.rule.valid)
