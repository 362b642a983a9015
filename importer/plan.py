"""What a run would do, decided before anything is sent: files, dialects, guesses and the mapping for each of them."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from importer.errors import ColumnsMissing, ImporterError, MappingInvalid, Problem, SourceUnreadable
from importer.lookups import read_lookups
from importer.mapping.cells import type_name
from importer.mapping.compile import CompiledMapping, compile_mapping
from importer.mapping.document import Document, EachSpec, FieldSpec, SourceSpec, load_document
from importer.mapping.gaps import column_names
from importer.mapping.lookups import Lookups, LookupUnreadable
from importer.mapping.timestamps import guess_unit
from importer.profiles import PROFILES, EndpointProfile
from importer.records import Span
from importer.source import Dialect, Identity, Reader, SourceFile, discover, identify, left_out, open_source, sniff

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Mapping as MappingOf
    from pathlib import Path

    from importer.settings import RunSettings

_SAMPLE_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """A file, how it is read, and the mapping compiled for its columns.

    ``schema`` has the type of each column. ``total_rows`` is known for Parquet.
    """

    file: SourceFile
    dialect: Dialect | None
    mapping: CompiledMapping
    schema: MappingOf[str, Any]
    total_rows: int | None
    is_replay: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """How messages call it: the path as the user wrote it."""
        return self.file.name

    @property
    def path(self) -> Path:
        """Its real path."""
        return self.file.path.resolve()

    @property
    def identifier(self) -> str:
        """What the checkpoint knows it by."""
        return os.path.realpath(self.file.path)

    def identity(self) -> Identity:
        """What makes it the same source in another run. Reads the file."""
        return identify(self.file)

    def dialect_json(self) -> dict[str, Any]:
        """The dialect as the checkpoint freezes it; empty for Parquet."""
        return self.dialect.to_json() if self.dialect is not None else {}

    def open(self, number: int) -> Reader:
        """A reader of the columns that the mapping needs; ``number`` is that of the source in the import."""
        return open_source(self.file, number, self.dialect, self.mapping.columns)


@dataclass(frozen=True, slots=True)
class Plan:
    """A mapping, its sources in order, and the endpoint.

    ``notes`` say what was guessed, ``warnings`` what looks odd. ``lookups`` are the files that the mapping looks values
    up in.
    """

    document: Document
    sources: tuple[PlannedSource, ...]
    profile: EndpointProfile
    settings: RunSettings
    units: dict[str, str]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    lookups: Lookups = field(default_factory=Lookups)

    def fingerprint(self) -> dict[str, Any]:
        """What decides about the bytes that are sent, in named parts of JSON."""
        looked_up = {name: f"SHA-256 {digest}" for name, digest in self.lookups.hashes.items()}
        return ({"lookup files": looked_up} if looked_up else {}) | {
            "mapping": json.loads(self.document.canonical()),
            "epoch units": self.units,
            "endpoint": self.profile.name,
            "test code": self.settings.test_code,
        }

    def details(self) -> dict[str, Any]:
        """What is only recorded with a run, because it changes no byte."""
        profile = self.profile
        return {
            "requests_per_second": self.settings.requests_per_second,
            "max_item_bytes": profile.max_item_bytes,
            "max_body_bytes": profile.max_body_bytes,
            "limit": self.settings.limit,
            "retry": any(source.is_replay for source in self.sources),
        }

    @property
    def total_rows(self) -> int | None:
        """The rows of all sources, if the files say so."""
        rows = [source.total_rows for source in self.sources]
        return None if None in rows else sum(row for row in rows if row is not None)


def plan(mapping: Path | Document, arguments: Sequence[str], settings: RunSettings) -> Plan:
    """Read the mapping unless it was, find the files, recognise how they are written and compile the mapping for each.

    Raises:
        MappingInvalid: the mapping has problems, by itself or with these columns.
        SourceUnreadable: a file cannot be read, or lacks a column that is mapped.
    """
    with told_with_columns(arguments):
        document = mapping if isinstance(mapping, Document) else load_document(mapping)
    files = discover(arguments, document.mapping.source)
    opened = [_open(file, document) for file in files]
    units = guess_units(document, opened[0][2]) if opened else {}
    lookups = read_lookups(document)
    compiled: dict[tuple[Any, ...], CompiledMapping] = {}
    sources: list[PlannedSource] = []
    for file, dialect, reader in opened:
        key = (file.format, tuple(reader.schema.items()))
        if key not in compiled:
            fitting = sources[0].name if sources else None
            compiled[key] = _compile(document, file, reader, units, settings, lookups, fitting)
        sources.append(PlannedSource(file, dialect, compiled[key], reader.schema, reader.total_rows))
        sources[-1].open(0)  # a column that cannot be read stops the run here, not when the turn of its file comes
    if document.mapping.group_by is not None:
        _check_alike(sources)
    return Plan(
        document, tuple(sources), _profile(settings), settings, units,
        tuple(_notes(sources, units, lookups, left_out(arguments))), tuple(_warnings(compiled.values())), lookups,
    )  # fmt: skip


@contextmanager
def told_with_columns(arguments: Sequence[str]) -> Iterator[None]:
    """Let a mapping that is refused in here be told with what the columns of the first readable source say about it.

    Raises MappingInvalid in place of MappingInvalid.
    """
    try:
        yield
    except MappingInvalid as error:
        raise _with_columns(error, arguments) from None


def _with_columns(error: MappingInvalid, arguments: Sequence[str]) -> MappingInvalid:
    document: Document | None = error.remainder
    if document is None:
        return error
    document = _as_it_can_be_read(document)
    try:
        file, reader = _first_readable(arguments, document)
    except ImporterError as unread:
        error.hint = f"Its columns were not looked at. {unread.message}"
        return error
    more = _problems_with(document, file, reader)
    return MappingInvalid(error.name, [*error.problems, *more], error.warnings, document) if more else error


def _as_it_can_be_read(document: Document) -> Document:
    """The document without what is wrong in it about reading files, which is recognised instead."""
    source = document.mapping.source
    right = {name: getattr(source, name) for name in source.model_fields_set - document.gaps.reading}
    return replace(document, mapping=document.mapping.model_copy(update={"source": SourceSpec(**right)}))


def _first_readable(arguments: Sequence[str], document: Document) -> tuple[SourceFile, Reader]:
    """The first of the files that can be read; of a folder only its first. Raises what keeps the last from that."""
    unread: ImporterError = SourceUnreadable("There is no file.")
    for argument in arguments:
        try:
            for file in discover([argument], document.mapping.source):
                _, _, reader = _open(file, document)
                return file, reader
        except ImporterError as error:
            unread = error
    raise unread


def _problems_with(document: Document, file: SourceFile, reader: Reader) -> Sequence[Problem]:
    """What else is wrong with ``document``, seen from the columns of ``file``.

    Where it is wrong about the way to read the file too, and none of these columns is its own, nothing is known.
    """
    if document.gaps.reading and column_names(document.mapping).isdisjoint(reader.schema):
        return ()
    try:
        compile_mapping(document, reader.schema, is_text=file.format == "csv", lookups=read_lookups(document))
    except (MappingInvalid, ColumnsMissing, LookupUnreadable) as error:
        return error.problems
    return ()


def _open(file: SourceFile, document: Document) -> tuple[SourceFile, Dialect | None, Reader]:
    dialect = sniff(file, document.mapping.source) if file.format == "csv" else None
    return file, dialect, open_source(file, 0, dialect, None)


def _compile(
    document: Document,
    file: SourceFile,
    reader: Reader,
    units: dict[str, str],
    settings: RunSettings,
    lookups: Lookups,
    fitting: str | None,
) -> CompiledMapping:
    """The mapping for one file; ``fitting`` names another one that it fits, if there is one."""
    try:
        return compile_mapping(
            document,
            reader.schema,
            is_text=file.format == "csv",
            units=units,
            test_code=settings.test_code,
            lookups=lookups,
        )
    except LookupUnreadable:
        raise
    except SourceUnreadable as error:
        error.message = f"{file.name}: {error.message}"
        raise
    except MappingInvalid as error:
        if fitting is None:
            raise
        message = f"{file.name} does not fit the mapping, and {fitting} does. {error.message}"
        raise SourceUnreadable(message, "Was this file meant? Name the files, or keep others elsewhere.") from None


def _profile(settings: RunSettings) -> EndpointProfile:
    profile = PROFILES[settings.endpoint]
    item = settings.max_item_bytes or profile.max_item_bytes
    body = settings.max_body_bytes or (item if profile.max_items == 1 else profile.max_body_bytes)
    return replace(profile, max_item_bytes=item, max_body_bytes=body)


def guess_units(document: Document, reader: Reader) -> dict[str, str]:
    """The unit of each column with ``unit: auto``, from the first rows, by the label that the mapping compiles with."""
    columns: set[str | None] = set()
    for spec in document.mapping.fields.values():
        fields: list[FieldSpec] = [spec] if isinstance(spec, FieldSpec) else []
        if isinstance(spec, EachSpec) and spec.from_ is None:
            fields = list(spec.each.values())
        columns |= {field.column for field in fields if field.unit == "auto" and field.column in reader.schema}
    if not columns:
        return {}
    sample = next(iter(reader.chunks([Span(0, 1, _SAMPLE_ROWS)], ())), None)
    if sample is None:
        return {}
    return {f"column {name!r}": guess_unit(sample.frame[name]) for name in columns if name}


def _check_alike(sources: list[PlannedSource]) -> None:
    """Rows of one event may come from any file, so that a column must have one type in all of them."""
    for source in sources[1:]:
        first = sources[0]
        for name in first.mapping.columns:
            here, there = source.schema[name], first.schema[name]
            if here != there or source.file.format != first.file.format:
                raise SourceUnreadable(
                    f"{source.name}: column {name!r} is {type_name(here)} ({source.file.format}) here, and "
                    f"{type_name(there)} ({first.file.format}) in {first.name}: their rows cannot be grouped together.",
                    "Export all files of a grouped import in the same way.",
                )


def _notes(sources: list[PlannedSource], units: dict[str, str], lookups: Lookups, ignored: str | None) -> list[str]:
    dialects = {source.dialect.describe(): source.file.name for source in sources if source.dialect is not None}
    notes = [f"{name} is read as {text}" for text, name in dialects.items()]
    notes += [f"{label} counts {unit} since 1970 (unit: auto)" for label, unit in units.items()]
    notes += lookups.notes
    return [*notes, ignored] if ignored else notes


def _warnings(compiled: Any) -> list[str]:  # noqa: ANN401
    warnings: dict[str, None] = {}
    for mapping in compiled:
        warnings |= dict.fromkeys(mapping.warnings)
        if mapping.unused:
            warnings[f"columns that the mapping does not use: {', '.join(mapping.unused)}"] = None
    return list(warnings)
