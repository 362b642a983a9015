"""The commands that look at files, on files that nobody chose. For tests and campaigns alike."""

from __future__ import annotations

import contextlib
import io
import sys
from collections import Counter
from typing import TYPE_CHECKING
from unittest import mock

import csv_files
import polars as pl
import random_columns
import random_mappings

from importer.cli import main

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

CODES = {0, 2, 3, 4}  # nothing is sent, and no fault is ours


def every_command(chance: Random, folder: Path) -> Counter[str]:
    """``init``, ``preview``, ``explain`` and ``validate`` of a random file: an answer, and never a traceback."""
    source, mapping = _csv(chance, folder) if chance.random() < 0.5 else _columns(chance, folder)
    figures: Counter[str] = Counter(odd_files=1)
    for command in (
        ("init", str(source)),
        ("preview", str(mapping), str(source)),
        ("explain", str(mapping), f"{source}:{chance.randint(0, 9)}"),
        ("validate", str(mapping), str(source), "--strict"),
    ):
        code, words = _called(*command)
        assert code in CODES, (command, words)
        assert "Traceback" not in words, (command, words)
        assert code in {0, 3} or words, "what is wrong is said"
        figures[f"{command[0]}: exit {code}"] += 1
    return figures


def _csv(chance: Random, folder: Path) -> tuple[Path, Path]:
    file = csv_files.draw(chance, most_records=20)
    (folder / "x.csv").write_bytes(csv_files.damage(chance, file)[0])
    fields: dict[str, object] = {"user.id": {"value": "u"}, "context.event_timestamp": {"value": random_mappings.AT_MS}}
    fields |= {f"cell{number}": name for number, name in enumerate(file.writing.names)}
    source = {"separator": file.writing.separator, "quote": file.writing.quote, "encoding": file.writing.encoding}
    document = {"version": 1, "event": "purchase", "key": "position", "fields": fields, "source": source}
    return folder / "x.csv", _mapping(folder, document)


def _columns(chance: Random, folder: Path) -> tuple[Path, Path]:
    rows, source = random_columns.frame(chance), folder / "x.parquet"
    if chance.random() < 0.3:
        rows, source = rows.select(pl.col(pl.String)), folder / "x.csv"
        rows.write_csv(source)
    else:
        rows.write_parquet(source)
    return source, _mapping(folder, random_mappings.mapping(chance, rows.schema))


def _mapping(folder: Path, document: dict[str, object]) -> Path:
    (folder / "m.yaml").write_text(random_mappings.text_of(document), encoding="utf-8")
    return folder / "m.yaml"


def _called(*arguments: str) -> tuple[int, str]:
    """The exit code, and what was said on stderr."""
    words, code = io.StringIO(), None
    with (
        mock.patch.object(sys, "argv", ["importer", *arguments]),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(words),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    return int(code or 0), words.getvalue()
