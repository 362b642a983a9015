"""Scoreboard row 26: mapping files made to hurt. Exit code 2 at once, in little memory, with line and column."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
version: 1
event: purchase
key: id
fields:
  id: id
  user.id: id
  context.event_timestamp: at
"""
TEXTS = "  country: {value: NO}\n  code: {value: 010}\n  at: {value: 2024-01-01}\n  when: {value: 12:30:45}\n"
MOST_SECONDS = 2
MOST_MEGABYTES = 200


@dataclass(frozen=True)
class Ended:
    """How ``importer validate`` ended."""

    code: int
    words: str
    cpu_seconds: float


def _alias_bomb() -> str:
    rows = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    return "\n".join(rows + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)])


def _merge_bomb() -> str:
    rows = ["a0: &a0 {k: v}"]
    return "\n".join(rows + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 30)])


BOMBS: dict[str, tuple[Callable[[], str], str]] = {
    "an alias bomb": (_alias_bomb, "repeats a value"),
    "a bomb of merge keys": (_merge_bomb, "repeats a value"),
    "lists in lists": (lambda: GOOD + "x: " + "[" * 100_000, "40 levels"),
    "mappings in mappings": (lambda: GOOD + "x: " + "{a: " * 50_000, "40 levels"),
    "blocks in blocks": (lambda: "\n".join(" " * depth + "a:" for depth in range(1_000)), "40 levels"),
    "100 MB": (lambda: GOOD + "# " + "x" * 100_000_000, "bytes are too much"),
    "100 MB of keys": (lambda: "k: 1\n" * 20_000_000, "bytes are too much"),
    "many values": (lambda: GOOD + "x: [" + "a, " * 300_000 + "]", "20,000 values"),
    "one long line": (lambda: GOOD + 'x: "' + "a" * 900_000 + "\n", "never closed"),
    "many problems": (lambda: GOOD + "\n".join(f"x{n}: *a" for n in range(50_000)), "repeats a value"),
    "a long number": (lambda: GOOD + "x: " + "9" * 900_000, "cannot be kept"),
    "a code of python": (lambda: GOOD + 'x: !!python/object/apply:os.system ["touch x"]\n', "!!python/object/apply"),
    "a module of python": (lambda: GOOD + "x: !!python/module:executed\n", "!!python/module"),
    "a name of python": (lambda: GOOD + "x: !!python/name:os.system\n", "!!python/name"),
    "a key twice": (lambda: GOOD.replace("event: purchase", "event: a\nevent: b"), "line 2, column 1 already"),
    "a tab": (lambda: GOOD.replace("  id: id", "\tid: id"), "a tab"),
    "two documents": (lambda: GOOD + "---\n" + GOOD, "a second document"),
    "an unknown key": (lambda: GOOD + "feilds: {}\n", "did you mean `fields`?"),
    "a word that YAML takes for no": (lambda: GOOD.replace("version: 1", "version: NO"), "version"),
    "a NUL": (lambda: GOOD + "x: a\0b\n", "U+0000"),
}  # fmt: skip


@dataclass(frozen=True)
class Session:
    """One process that reads a good mapping, all the bombs, and a good one again."""

    ended: dict[str, Ended]
    megabytes: float
    left: set[str]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("bombs")
    mappings = {"good": GOOD} | {name: made() for name, (made, _) in BOMBS.items()} | {"texts": GOOD + TEXTS}
    for number, text in enumerate(mappings.values()):
        (folder / f"{number}.yaml").write_text(text)
    files = [f"{number}.yaml" for number in range(len(mappings))]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("validating_child.py"), *files],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
    )
    *lines, megabytes = map(json.loads, done.stdout.splitlines())
    ended = {name: Ended(**line) for name, line in zip(mappings, lines, strict=True)}
    return Session(ended, megabytes, {file.name for file in folder.iterdir()} - set(files))


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_mapping_that_was_made_to_hurt_is_refused_at_once(session: Session, bomb: str) -> None:
    ended = session.ended[bomb]
    assert ended.code == 2, ended.words[:2000]
    assert "Traceback" not in ended.words
    assert BOMBS[bomb][1] in ended.words
    assert re.search(r"line \d+, column \d+", ended.words) or "bytes are too much" in ended.words
    assert len(ended.words) < 100_000
    assert ended.cpu_seconds < MOST_SECONDS


def test_all_of_them_need_little_memory_and_execute_nothing(session: Session) -> None:
    assert session.megabytes < MOST_MEGABYTES
    assert not session.left


def test_text_that_yaml_would_take_for_something_else_stays_text(session: Session) -> None:
    assert [session.ended[name].code for name in ("good", "texts")] == [0, 0]
