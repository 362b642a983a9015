"""The mapping file: from its text to typed values, or every problem of it with its place."""

from __future__ import annotations

import codecs
import json
import stat
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from importer.errors import MappingInvalid, Problem, UsageInvalid
from importer.mapping.advice import advice
from importer.mapping.checks import check
from importer.mapping.gaps import NO_GAPS, Gaps
from importer.mapping.mending import mended
from importer.mapping.models import (
    CleanStep,
    EachSpec,
    EpochUnit,
    EventSpec,
    FieldSpec,
    Mapping,
    Model,
    SourceSpec,
    TargetType,
)
from importer.mapping.nearest import nearest
from importer.mapping.shape import Finding, read_shape
from importer.mapping.unfinished import unfinished
from importer.mapping.yaml_loader import MAX_PROBLEMS, Node, Place, compose, dotted, place_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CleanStep",
    "Document",
    "EachSpec",
    "EpochUnit",
    "EventSpec",
    "FieldSpec",
    "Mapping",
    "Model",
    "Place",
    "SourceSpec",
    "TargetType",
    "load_document",
    "parse_document",
]

MAX_BYTES = 1_000_000
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Document:
    """A valid mapping and where its parts stand. ``name`` is what messages call it, ``path`` its file if it has one.

    ``gaps`` are only in what is left of a mapping that has problems (:attr:`importer.errors.MappingInvalid.remainder`).
    """

    mapping: Mapping
    name: str
    path: Path | None
    root: Node
    gaps: Gaps = NO_GAPS

    def place(self, *path: str | int) -> Place:
        """Line and column (from 1) of the value at ``path``, such as ``("fields", "value", "sql")``.

        Falls back to the nearest existing parent; so the ``column`` of a short form is where its text stands.
        """
        return place_of(self.root, path)

    def canonical(self) -> str:
        """The mapping as one line of JSON that two documents share exactly when they mean the same.

        Comments, short forms, spelled-out defaults and the order of keys do not show, except where order decides
        about bytes: targets, members of a constant, lists.
        """
        data = self.mapping.model_dump(by_alias=True, exclude_defaults=True)
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def load_document(path: Path) -> Document:
    """The mapping in the file ``path``.

    Raises:
        UsageInvalid: there is no readable file of that name.
        MappingInvalid: the file has problems; all of them are listed.
    """
    name = str(path)
    return _document(_decoded(_read(path), name), name, path)


def parse_document(text: str, name: str) -> Document:
    """The mapping in ``text``, called ``name`` in messages.

    Raises:
        MappingInvalid: the text has problems; all of them are listed.
    """
    return _document(text, name, None)


def _document(text: str, name: str, path: Path | None) -> Document:
    if len(text) > MAX_BYTES:
        raise MappingInvalid(name, [_too_large(len(text), "characters")])
    root, problems = compose(text.removeprefix("\ufeff"))
    if root is None or root.value is None:
        empty = Problem(1, 1, "", "the mapping file is empty: begin with `version: 1`")
        raise MappingInvalid(name, problems or [empty])
    root, misspelled = mended(root)
    mapping, findings, cut = read_shape(root, unfinished(root))
    meaning = check(mapping, root) if mapping else ()
    found = [*islice(chain(misspelled, findings, islice(meaning, MAX_PROBLEMS)), MAX_PROBLEMS)]
    problems += (_located(finding, root) for finding in dict.fromkeys(found))
    if mapping is None:
        raise MappingInvalid(name, problems)
    document = Document(mapping, name, path, root)
    if problems:
        gaps = Gaps(cut, frozenset(finding.path for finding in found))
        remainder = replace(document, mapping=gaps.filled(mapping), gaps=gaps)
        raise MappingInvalid(name, problems, advice(remainder), remainder)
    return document


def _located(finding: Finding, root: Node) -> Problem:
    place = finding.place or place_of(root, finding.path, of_key=finding.of_key)
    return Problem(*place, dotted(finding.path), finding.message)


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UsageInvalid(f"{path} is a folder, not a mapping file.", _files_hint(path))
        if not stat.S_ISREG(status.st_mode):
            raise UsageInvalid(f"{path} is not a regular file.", "Write the mapping into a file and name that.")
        if status.st_size > MAX_BYTES:
            raise MappingInvalid(str(path), [_too_large(status.st_size, "bytes")])
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageInvalid(f"There is no mapping file {path}.", _nearest_file_hint(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise UsageInvalid(f"The mapping file {path} cannot be read: {reason}.", "Check its name and rights.") from None


def _too_large(size: int, unit: str) -> Problem:
    message = f"{size:,} {unit} are too much for a mapping file (at most {MAX_BYTES:,})"
    return Problem(0, 0, "", f"{message}; the command line takes MAPPING first, then SOURCE")


def _decoded(content: bytes, name: str) -> str:
    if content.startswith(_UTF16_MARKS):
        raise MappingInvalid(name, [Problem(1, 1, "", "the file is UTF-16: save it as UTF-8")])
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        lines = (before + "|").splitlines()
        message = f"the byte 0x{content[error.start]:02X} is not UTF-8: save the file as UTF-8"
        raise MappingInvalid(name, [Problem(len(lines), len(lines[-1]), "", message)]) from None


def _nearest_file_hint(path: Path) -> str:
    folder = path.parent
    try:
        found = nearest(path.name, sorted(entry.name for entry in folder.iterdir() if entry.is_file()))
    except OSError:
        return f"There is no folder {folder} either." if not folder.exists() else "Check its name."
    return f"Did you mean {folder / found}?" if found else _files_hint(folder)


def _files_hint(folder: Path) -> str:
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.suffix in (".yaml", ".yml"))
    except OSError:
        names = []
    return f"YAML files there: {', '.join(names[:5])}." if names else f"There is no YAML file in {folder}."
