"""A first mapping for an unknown export, guessed from the names of its columns and from their values.

``sample`` reads a bounded part of the export, ``text`` recognises how it is written, ``column``, ``times`` and
``numbers`` what is in its columns, ``match`` (by ``rules`` over ``words``) which target each of them gives, and
``order_lines`` whether several rows make one event. ``specs``, ``amounts``, ``settings`` and ``build`` make a draft of
all this, ``trial`` tries it on the sample, and ``write`` puts it down with the comments that say what was seen.

Nothing is guessed in silence: what was guessed stands in a comment, and what only the user knows is a ``TODO``.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from importer.draft.build import build, said
from importer.draft.facts import recognise
from importer.draft.sample import take_sample
from importer.draft.trial import Trial, trial
from importer.draft.write import render

__all__ = ["Drafted", "Trial", "draft_mapping"]


@dataclass(frozen=True, slots=True)
class Drafted:
    """The ``text`` of a mapping; ``notes`` say what was recognised, ``todos`` what is left to do, each with its place.

    ``trial`` is what the mapping makes of the sample when each ``TODO`` is answered somehow.
    """

    text: str
    notes: tuple[str, ...]
    todos: tuple[tuple[str, str], ...]
    trial: Trial


def draft_mapping(source: str, event: str | None = None) -> Drafted:
    """A commented mapping for the first file that ``source`` (a file, a folder or a glob) means.

    ``event`` is the name of its events; without it that is guessed, too. The same file always gives the same text.

    Raises:
        SourceUnreadable: there is no such file; it is empty, no text, or has neither columns nor rows.
        UsageInvalid: ``source`` is a URI or ``-``.
    """
    sample = take_sample(source)
    facts = recognise(sample, event)
    draft = build(facts)
    tried = trial(draft, facts)
    todos = tuple(dict.fromkeys(draft.todos()))
    rows = f"{sample.frame.height:,} row{'s' * (sample.frame.height != 1)}" + ("" if sample.is_whole else " of it")
    draft.head = [
        f"A first mapping of {sample.file.name}, drafted by `importer init` from {rows}.",
        "What stands here was guessed: read the comments, fill in each TODO, then run",
        f"  importer validate MAPPING {shlex.quote(source)}",
    ]
    return Drafted(render(draft), tuple(said(facts)), todos, tried)
