"""The other way where the vendor's pages contradict each other: how the time and the consent of an event are written.

The time stays a whole number of milliseconds for all that computes with it (order, checks, SQL, the oldest and the
newest event). Only the member that is sent is another one. ``event_timestamp`` at the root stands directly behind
``context``, whatever the order of the mapping; in ``context`` it stays where the mapping has it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.essentials import EVENT_TIMESTAMP
from importer.mapping.option_checks import CONSENT_CATEGORIES, ROOT_TIMESTAMP
from importer.mapping.tree import Constant, Leaf, to_json

if TYPE_CHECKING:
    from importer.mapping.models import PayloadSpec
    from importer.mapping.scope import Scope
    from importer.mapping.tree import Tree

_PATH = tuple(EVENT_TIMESTAMP.split("."))
_SENT = f"\x01sent.{EVENT_TIMESTAMP}"


def target_kinds(payload: PayloadSpec) -> dict[str, str]:
    """The types of targets that are not those of the event reference."""
    return {CONSENT_CATEGORIES: "integer"} if payload.consent_type == "integer" else {}


def places(payload: PayloadSpec) -> dict[str, tuple[str, ...]]:
    """Where targets stand in the event, if not at their own paths alone."""
    at = {"root": (ROOT_TIMESTAMP,), "both": (EVENT_TIMESTAMP, ROOT_TIMESTAMP)}.get(payload.timestamp_place)
    return {} if at is None else {EVENT_TIMESTAMP: at}


def described(payload: PayloadSpec) -> str:
    """How the time is sent, in words; empty for the way that needs none."""
    if payload.timestamp_type == "integer" and payload.timestamp_place == "context":
        return ""
    at = {"context": "in context", "root": "at the root", "both": "in context and at the root"}
    return f"{payload.timestamp_type} {at[payload.timestamp_place]}"


def written(milliseconds: pl.Expr, form: str) -> pl.Expr:
    """Whole milliseconds since 1970 (UTC) as ``text`` (their digits) or ``iso8601`` (three decimals, ``Z``).

    They are between the years 1000 and 9999: others were rejected, and constants are checked in the document.
    """
    if form == "text":
        return milliseconds.cast(pl.String)
    return pl.from_epoch(milliseconds, time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")


def written_one(milliseconds: int, form: str) -> str:
    """The same for one number."""
    text: str = pl.select(written(pl.lit(milliseconds, dtype=pl.Int64), form)).item()
    return text


def place_time(payload: PayloadSpec, scope: Scope, members: Tree) -> None:
    """Write the time of the event as ``payload`` says, and where. The mapping has no problems."""
    found = members.find(_PATH)
    if not isinstance(found, Leaf | Constant):
        return
    member = _written(found, payload.timestamp_type, scope)
    if payload.timestamp_place != "context":
        members.add_behind(_PATH[0], replace(member, name=ROOT_TIMESTAMP))
    members.change(_PATH, None if payload.timestamp_place == "root" else member)


def _written(member: Leaf | Constant, form: str, scope: Scope) -> Leaf | Constant:
    """The member in the other form: a column beside that of the milliseconds, or another constant."""
    if form == "integer":
        return member
    if isinstance(member, Constant):
        value = written_one(member.value, form)
        return Constant(member.name, value, to_json(value))
    milliseconds = scope.values[member.column].cast(pl.Int64, strict=False)  # where it has a condition it is a token
    scope.values[_SENT] = written(milliseconds, form)
    return Leaf(member.name, _SENT, raw=False)
