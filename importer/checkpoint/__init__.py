"""What survives a crash: sources, acknowledged spans, in-flight window, counts, digest, lock.

One SQLite file for each import in the state directory. Its guarantee: what :meth:`Checkpoint.commit` was given is on
disk when it returns, all of it or nothing, and what is read back was once committed, or is an error.
"""

from importer.checkpoint.agreement import same_file
from importer.checkpoint.journal import Changes, Checkpoint
from importer.checkpoint.lock import Holder
from importer.checkpoint.place import ImportKey, prepare_directory
from importer.checkpoint.runs import RunRecord
from importer.checkpoint.sources import (
    MEMBERS,
    OPEN_END,
    REPLAY,
    Anchor,
    Candidate,
    Identity,
    KnownFile,
    KnownSource,
    StoredIdentity,
)
from importer.checkpoint.status import ImportStatus, Overall, list_imports, overall, peek
from importer.checkpoint.tally import Tally, digest_text, total

__all__ = [
    "MEMBERS",
    "OPEN_END",
    "REPLAY",
    "Anchor",
    "Candidate",
    "Changes",
    "Checkpoint",
    "Holder",
    "Identity",
    "ImportKey",
    "ImportStatus",
    "KnownFile",
    "KnownSource",
    "Overall",
    "RunRecord",
    "StoredIdentity",
    "Tally",
    "digest_text",
    "list_imports",
    "overall",
    "peek",
    "prepare_directory",
    "same_file",
    "total",
]
