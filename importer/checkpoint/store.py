"""Rows of SQLite that are durable when a transaction ends, and that notice when they were damaged.

SQLite does not check its pages, so every row carries a CRC of its table and values. All that can go wrong with the
file or its disk leaves this module as :class:`StateUnusable`.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from zlib import crc32

from importer import durable
from importer.errors import StateUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT_VERSION = 2  # 1 had digests of SHA-256
_APPLICATION_ID = 0x1A97EC0D  # marks the file as ours to `file` and to a second look
_BUSY_SECONDS = 10.0  # `status` reads while a run commits
_SIDE_FILES = "-wal", "-shm", "-journal"
Columns = tuple[str, ...]
_TABLES: dict[str, tuple[Columns, Columns]] = {  # primary key, other columns; text is JSON, so that any path fits
    "meta": (("name",), ("body",)),
    "fingerprint": (("number",), ("body",)),
    "source": (("number",), ("path", "name", "identity", "dialect", "fingerprint")),
    "progress": (("source",), ("total_rows", "tally")),
    "span": (("source", "kind", "start"), ("stop",)),
    "anchor": (("source", "row"), ("offset", "line")),
    "rejects_file": (("path",), ("length",)),
    "run": (("number",), ("started", "ended", "exit_code", "details")),
}
Value = int | str | None


class Store:
    """The open file of one import. One thread at a time; after a failure every further use fails."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the file at ``path``.

        Raises:
            StateUnusable: the file is missing, damaged, of another version, or cannot be read or written.
        """
        self.path = path
        self._failure: StateUnusable | None = None
        with self._translated():
            uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
            self._connection = sqlite3.connect(
                uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            with self._translated():
                self._check()
                if not read_only:
                    _prepare(self._connection)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Close the file. The log is written back into it, if nobody else reads it."""
        with suppress(sqlite3.Error):  # everything is durable already
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on disk when the block ends. Any error in it makes the store unusable."""
        try:
            with self._translated():
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
        except BaseException as error:
            failure = StateUnusable(f"The checkpoint {self.path} failed before: {error}")
            self._failure = error if isinstance(error, StateUnusable) else failure
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def ensure_usable(self) -> None:
        """Raise the failure that an earlier transaction ended with, if one did."""
        if self._failure:
            raise self._failure

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All reads in the block see one moment, also while another process commits."""
        with self._translated():
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

    def put(self, table: str, *values: Value) -> None:
        """Insert the row, or replace the one with the same key."""
        marks = ", ".join("?" * (len(values) + 1))
        statement = f"INSERT OR REPLACE INTO {table} VALUES ({marks})"  # noqa: S608 - names of ours, no user text
        self._connection.execute(statement, (*values, _crc(table, values)))

    def remove(self, table: str, *key: Value) -> None:
        """Delete the rows whose first columns are ``key``."""
        where = " AND ".join(f"{column} = ?" for column in _TABLES[table][0][: len(key)])
        self._connection.execute(f"DELETE FROM {table} WHERE {where}", key)  # noqa: S608 - names of ours, no user text

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """All rows of ``table`` in the order of their keys, each checked."""
        statement = f"SELECT * FROM {table} ORDER BY {', '.join(_TABLES[table][0])}"  # noqa: S608 - names of ours
        with self._translated():
            found = self._connection.execute(statement).fetchall()
        for *values, crc in found:
            if crc != _crc(table, tuple(values)):
                raise damaged(self.path, f"a row of table {table} does not match its checksum")
        return [row[:-1] for row in found]

    def _check(self) -> None:
        application = self._pragma("application_id")
        version = self._pragma("user_version")
        if application != _APPLICATION_ID:
            raise damaged(self.path, "it is not a checkpoint of the importer, or its beginning is gone")
        if version != FORMAT_VERSION:
            hint = "Use the version of the importer that wrote it, or another --state-dir."
            raise StateUnusable(
                f"The checkpoint {self.path} has format {version}; this importer reads {FORMAT_VERSION}.", hint
            )
        if (answer := self._pragma("quick_check(1)")) != "ok":
            raise damaged(self.path, str(answer))

    def _pragma(self, text: str) -> Value:
        row = self._connection.execute(f"PRAGMA {text}").fetchone()
        value: Value = row[0] if row else None
        return value

    @contextmanager
    def _translated(self) -> Iterator[None]:
        self.ensure_usable()
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
            raise _translate(self.path, error) from error


def create(path: Path, meta: dict[str, str]) -> None:
    """Make a new, empty checkpoint file at ``path`` with these facts in it.

    It appears under its name only when it is complete and durable: an empty or half-written file of that name is
    damage, never a new import that would send everything again.
    """
    draft = path.with_name(path.name + ".new")
    try:
        for name in (draft.name, *(stem + side for stem in (draft.name, path.name) for side in _SIDE_FILES)):
            path.with_name(name).unlink(missing_ok=True)  # of a draft that was killed, or of a file that was deleted
        durable.create(draft).close()
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            _write_schema(connection, meta)
        durable.sync(draft)
        draft.rename(path)
        durable.sync(path.parent)
    except (sqlite3.Error, OSError) as error:
        raise _translate(path, error) from error


def damaged(path: Path, what: str) -> StateUnusable:
    """The error for a file that does not hold what was written into it."""
    hint = (
        "Restore it from a backup, or move it and its rejects file away to start over: events that were sent are then "
        "sent again, with the same event ids."
    )
    return StateUnusable(f"The checkpoint {path} is damaged: {what}.", hint)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone leaves data in the drive's cache
    connection.execute("PRAGMA checkpoint_fullfsync = ON")


def _write_schema(connection: sqlite3.Connection, meta: dict[str, str]) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN")
    for table, (key, values) in _TABLES.items():
        columns = ", ".join([*key, *values, "crc"])
        connection.execute(f"CREATE TABLE {table} ({columns}, PRIMARY KEY ({', '.join(key)})) WITHOUT ROWID")
    for item in meta.items():
        connection.execute("INSERT INTO meta VALUES (?, ?, ?)", (*item, _crc("meta", item)))
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")


def _crc(table: str, values: tuple[Value, ...]) -> int:
    return crc32(json.dumps([table, *values], default=repr).encode())


_DAMAGE = {"SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR", "SQLITE_MISMATCH"}
_DISK = {
    "SQLITE_FULL": "its disk is full",
    "SQLITE_IOERR": "its disk reports an error",
    "SQLITE_IOERR_SHMSIZE": "its disk is full or reports an error",
    "SQLITE_READONLY": "it is read-only",
    "SQLITE_CANTOPEN": "it cannot be opened",
    "SQLITE_PERM": "access is denied",
    "SQLITE_BUSY": "another program holds it",
}


def _translate(path: Path, error: Exception) -> StateUnusable:
    extended = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    name = "_".join(extended.split("_")[:2])
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
    elif name in _DISK:
        reason = f"{_DISK.get(extended, _DISK[name])} ({error})"
    else:
        return damaged(path, str(error))
    hint = "What was acknowledged before is recorded. Put the disk right, then run the same command to resume."
    return StateUnusable(f"The checkpoint {path} cannot be used: {reason}.", hint)
