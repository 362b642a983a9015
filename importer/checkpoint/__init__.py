"""What survives a crash: sources, acknowledged spans, in-flight window, counts, digest, lock.

One SQLite file for each import in the state directory. Its guarantee: what :meth:`Checkpoint.commit` was given is on
disk when it returns, all of it or nothing, and what is read back was once committed, or is an error.
"""

from importer.checkpoint.journal import Changes, Checkpoint
from importer.checkpoint.lock import Holder
from importer.checkpoint.place import ImportKey, prepare_directory
from importer.checkpoint.runs import RunRecord
from importer.checkpoint.sources import OPEN_END, Anchor, Candidate, Identity, KnownSource, StoredIdentity
from importer.checkpoint.status import ImportStatus, list_imports, peek
from importer.checkpoint.tally import Tally, digest_text, total

__all__ = [
    "OPEN_END",
    "Anchor",
    "Candidate",
    "Changes",
    "Checkpoint",
    "Holder",
    "Identity",
    "ImportKey",
    "ImportStatus",
    "KnownSource",
    "RunRecord",
    "StoredIdentity",
    "Tally",
    "digest_text",
    "list_imports",
    "peek",
    "prepare_directory",
    "total",
]
