"""What the API itself requires of every event: a name, a user, an id and a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from importer.mapping.cells import Check
from importer.mapping.compiled import FailedCheck
from importer.mapping.tree import Constant, Leaf, Member, Tree

if TYPE_CHECKING:
    from importer.mapping.columns import Problems
    from importer.mapping.models import Mapping
    from importer.mapping.scope import Scope

EVENT_NAME = "event_name"
EVENT_ID = "context.event_id"
EVENT_TIMESTAMP = "context.event_timestamp"


class Essentials:
    """Checks for what no event may lack (vendor: event reference; ``context.event_id`` since 2025-10)."""

    def __init__(self, scope: Scope, members: Tree, mapping: Mapping, problem: Problems) -> None:
        self._scope = scope
        self._members = members
        self._mapping = mapping
        self._problem = problem

    def require(self, *, is_whole: bool) -> None:
        """Reject events without one of them. ``is_whole`` says that no member is left out because of a problem."""
        self._require_moment(is_whole=is_whole)
        if EVENT_ID in self._mapping.fields:  # a derived one is missing only with its parts, which is said there
            self._scope.require(EVENT_ID, "event_id_missing", "the event has no id")
        if isinstance(self._members.find(("context", "event_id")), Constant):
            self._problem(("fields", EVENT_ID), "a constant id would make all events one")
        self._require_user(is_whole=is_whole)

    def moment(self) -> pl.Expr:
        """The time of an event over its values, in milliseconds since 1970."""
        found = self._members.find(("context", "event_timestamp"))
        if isinstance(found, Constant):
            return pl.lit(found.value, dtype=pl.Int64)
        return pl.col(EVENT_TIMESTAMP).cast(pl.Int64, strict=False)

    def _require_moment(self, *, is_whole: bool) -> None:
        moment = self._members.find(("context", "event_timestamp"))
        is_number = isinstance(moment, Constant) and type(moment.value) is int
        if not (is_number or isinstance(moment, Leaf)) and is_whole:
            message = "the time of an event is one whole number of milliseconds, and an import never invents it"
            self._problem(("fields", EVENT_TIMESTAMP), message)
        self._scope.require(
            EVENT_TIMESTAMP, "timestamp_missing", "the event has no time, and an import never invents one"
        )

    def _require_user(self, *, is_whole: bool) -> None:
        user = self._members.find(("user",))
        if user is None and not is_whole:
            return
        if user is None:
            self._problem(("fields",), "no member of `user` is left: the API requires a user with at least one")
            return
        nobody = self._absent(user)
        if nobody is not None:
            targets = ", ".join(target for target in self._mapping.fields if target.partition(".")[0] == "user")
            message = f"the event has no user: {targets} are all empty"
            self._scope.checks.append(FailedCheck("user", Check("user_missing", message, nobody, pl.lit(None))))

    def _absent(self, member: Member) -> pl.Expr | None:
        """Where a member leaves nothing in the event; ``None`` when that cannot be."""
        if isinstance(member, Leaf):
            return self._scope.values.get(member.column, pl.col(member.column)).is_null()
        if isinstance(member, Constant):
            return None
        if not member.children:
            return pl.lit(value=True)  # what is left of a broken mapping may be empty
        children = [self._absent(child) for child in member.children]
        found = [child for child in children if child is not None]
        return pl.all_horizontal(found) if len(found) == len(children) else None
