"""A trial of a draft on its own sample: does it compile, and what would be rejected?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from importer.draft.write import render
from importer.encoder import ChunkInput, Encoder
from importer.errors import MappingInvalid, SourceUnreadable
from importer.mapping.compile import compile_mapping
from importer.mapping.document import parse_document
from importer.profiles import PROFILES
from importer.records import Place, Span

if TYPE_CHECKING:
    from importer.draft.facts import Facts
    from importer.draft.model import Draft, Field
    from importer.mapping.compiled import CompiledMapping

_MOST_ROUNDS = 5
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """What the draft makes of the sample, with stand-ins for each ``TODO``: so many events of so many rows.

    ``reasons`` are the most frequent messages of the ``rejected`` rows. ``problem`` says why there was no trial.
    """

    events: int = 0
    rows: int = 0
    rejected: int = 0
    reasons: tuple[str, ...] = ()
    problem: str = ""


def trial(draft: Draft, facts: Facts) -> Trial:
    """Try ``draft`` on its sample. A field that does not compile is refused in ``draft``, with the reason."""
    for _ in range(_MOST_ROUNDS):
        try:
            mapping = _compiled(draft, facts)
        except (MappingInvalid, SourceUnreadable) as error:
            if not _refuse(draft, error):
                return Trial(problem=error.message)
        except Exception as error:  # noqa: BLE001  (a draft that cannot be tried is a draft all the same)
            return Trial(problem=f"{type(error).__name__}: {error}")
        else:
            return _encoded(mapping, facts)
    return Trial(problem="the draft has problems that could not be taken out of it")


def _compiled(draft: Draft, facts: Facts) -> CompiledMapping:
    document = parse_document(render(draft, filled=True), "the draft")
    return compile_mapping(document, facts.sample.frame.schema, is_text=facts.sample.is_text)


def _refuse(draft: Draft, error: MappingInvalid | SourceUnreadable) -> bool:
    """Comment out the fields that are to blame; whether there were any."""
    problems = error.problems if isinstance(error, MappingInvalid) else []
    refused = False
    for problem in problems:
        item = _blamed(draft, problem.path)
        if item is not None and not item.refused:
            item.refused, refused = problem.message, True
    return refused


def _blamed(draft: Draft, path: str) -> Field | None:
    named = {f"fields.{item.target}": item for item in draft.fields}
    named |= {f"fields.items.each.{item.target}": item for item in draft.entries}
    fitting = [name for name in named if path == name or path.startswith(f"{name}.")]
    return named[max(fitting, key=len)] if fitting else None


def _encoded(mapping: CompiledMapping, facts: Facts) -> Trial:
    profile = PROFILES["batch"]
    encoder = Encoder(mapping, profile.framing.separator, profile.max_item_bytes)
    encoded = encoder.encode(_chunk(mapping, facts))
    reasons = Counter(reject.message for reject in encoded.rejects)
    shown = tuple(message for message, _ in reasons.most_common(_SHOWN))
    return Trial(encoded.count, facts.sample.frame.height, len(encoded.rejects), shown)


def _chunk(mapping: CompiledMapping, facts: Facts) -> ChunkInput:
    """The sample as a run would hand it to the encoder; grouped, if the mapping groups."""
    name = facts.sample.file.name
    frame = facts.sample.frame
    groups = None
    if mapping.group_key is not None:
        key = pl.concat_str([pl.concat_str([part.str.len_bytes(), part]) for part in mapping.group_key])
        lines = frame.with_columns(key.alias("\x01key")).filter(pl.col("\x01key").is_not_null())
        lines = lines.sort("\x01key", maintain_order=True)
        groups = lines["\x01key"].rle_id()
        frame = lines.drop("\x01key")
    rows = pl.int_range(1, frame.height + 1, eager=True, dtype=pl.Int64)
    span = Span(0, 1, frame.height + 1)
    return ChunkInput(span, name, name, frame, rows, (), lambda row: Place(name, row, row), groups)
