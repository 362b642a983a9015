"""Grouping on disk: many rows to one event, wherever the rows are, whatever their number.

``partition`` writes rows into parts by a hash of their key, ``reader`` groups one part after the other, ``spool`` is
the format of the files between them, ``stage`` the whole: filled, resumed, read and removed.
"""

from __future__ import annotations

from importer.staging.reader import StageReader, group_rows
from importer.staging.spool import unusable
from importer.staging.stage import PHASE, Member, Stage, stage_name

__all__ = ["PHASE", "Member", "Stage", "StageReader", "group_rows", "stage_name", "unusable"]
