"""What the oracle does to requests on purpose: a schedule that a seed makes the same each time.

A schedule is JSON: ``{"seed": 7, "faults": [{"do": "reset", "at": "body", "first": 3, "last": 5}], "poison": ["42"]}``.
Requests are counted from 1, in the order of their heads, from the moment at which the schedule was given. The first
fault that wants a request has it. A body that contains one of the order ids of ``poison`` is answered 400.

Shares no code with the importer.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

POISON = "poison"
HTML_HEADERS = {"Content-Type": "text/html"}
HTML_BODY = "<!DOCTYPE html><html><body>Please log in: {query}</body></html>"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to the requests from ``first`` to ``last``, or to a ``share`` of them.

    ``do``: ``reset`` or ``close`` the connection, ``vanish`` without a word to the client (for which the system's
    administrator is needed), let the whole server ``die``, ``hang`` until there is another
    schedule or the client goes away, ``cut`` the answer in its middle, ``drip`` it byte by byte, or ``answer``
    with ``status``, ``headers`` and ``body``. ``at``: when the ``head`` was read, half of the ``body``, all of it
    (``read``), or when its events are ``stored``: in all other cases they are not. An answer of 200 to what was only
    ``read`` is a lie. In headers and body ``{query}`` is the query of the request, and ``{date+2}`` the HTTP date two
    seconds from now. Nothing is done before ``crowd`` requests wait for an answer. A drip has ``seconds`` between
    bytes.
    """

    do: str
    at: str = "stored"
    first: int = 1
    last: int | None = None
    share: float = 1.0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = "{}"
    crowd: int = 0
    seconds: float = 0.05

    @property
    def name(self) -> str:
        """Its name in the record."""
        return f"{self.do} {self.status}" if self.do == "answer" else f"{self.do} at {self.at}"

    @property
    def answers(self) -> bool:
        """Whether a whole answer is given in the end."""
        return self.do in {"answer", "drip"}

    @property
    def is_acceptance(self) -> bool:
        """Whether that answer says that the events were taken."""
        return self.answers and 200 <= self.status < 300


@dataclass(frozen=True)
class Schedule:
    """Faults by request, and order ids that are refused."""

    faults: tuple[Fault, ...] = ()
    poison: frozenset[str] = frozenset()
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """From JSON."""
        members = json.loads(text)
        faults = tuple(Fault(**fault) for fault in members.get("faults", ()))
        return cls(faults, frozenset(members.get("poison", ())), members.get("seed", 0))

    def render(self) -> str:
        """As JSON on one line."""
        faults = [asdict(fault) for fault in self.faults]
        return json.dumps({"seed": self.seed, "faults": faults, "poison": sorted(self.poison)})

    def fault(self, number: int) -> Fault | None:
        """What is to be done to request ``number``: the same each time, whatever else happens."""
        for index, fault in enumerate(self.faults):
            is_in_span = fault.first <= number <= (fault.last or number)
            if is_in_span and random.Random(f"{self.seed} {index} {number}").random() < fault.share:  # noqa: S311
                return fault
        return None

    @property
    def names(self) -> set[str]:
        """The names of all that is to happen."""
        return {fault.name for fault in self.faults} | ({POISON} if self.poison else set())


def filled(text: str, query: str) -> str:
    """``text`` with what stands in braces."""
    return re.sub(r"\{date\+(\d+)\}", _http_date, text).replace("{query}", query)


def _http_date(match: re.Match[str]) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=int(match[1])), usegmt=True)
