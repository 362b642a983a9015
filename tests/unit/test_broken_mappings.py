"""Broken mappings: every problem in one run, at its line and column, in plain words, and nothing else."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from importer.errors import ColumnsMissing, ExitCode, ImporterError, MappingInvalid
from importer.plan import plan
from importer.settings import RunSettings

DATA = Path(__file__).parents[1] / "data" / "broken"
CASES = sorted(DATA.glob("*.yaml"))
MARK = re.compile(r"#(?:<| *\^) (?P<warning>warning: )?(?P<fragment>.+)")
JARGON = re.compile(
    r"pydantic|polars|ydantic|Traceback|Input should|Extra inputs|type=|dtype|Utf8|\b[iuf](?:8|16|32|64)\b"
    r"|\b(?:Int|Float|UInt)\d+\b|\bDatetime\(|\bList\(|\bStruct\(|\bExpr\b|\b(?:NoneType|dict|tuple|str|None|True|False)\b"
    r"|<class|\bseries\b|\bObject at\b|\\n"
)
SEVERAL_STAGES = 10


class Told(NamedTuple):
    line: int
    column: int
    is_warning: bool
    message: str


def expected(text: str) -> list[Told]:
    """What the comments of a fixture ask for, in order."""
    found, line = [], 0
    for number, content in enumerate(text.splitlines(), start=1):
        mark = MARK.fullmatch(content)
        if mark is None:
            line = number
        else:
            column = mark.start(0) + 1 if content.startswith("#<") else content.index("^") + 1
            found.append(Told(line, column, mark["warning"] is not None, mark["fragment"]))
    return sorted(found, key=lambda told: told[:3])


def told(path: Path) -> tuple[ImporterError, list[Told]]:
    """What is said about a mapping beside the columns of the CSV."""
    with pytest.raises(ImporterError) as caught:
        plan(path, [str(DATA / "orders.csv")], RunSettings())
    error = caught.value
    assert isinstance(error, MappingInvalid | ColumnsMissing), error
    problems = [(False, problem) for problem in error.problems] + [(True, problem) for problem in error.warnings]
    found = [Told(problem.line, problem.column, is_warning, problem.message) for is_warning, problem in problems]
    return error, sorted(found, key=lambda told: told[:3])


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_problem_is_told_in_one_run_at_its_place_in_plain_words(path: Path) -> None:
    wanted = expected(path.read_text())
    started = time.process_time()
    error, found = told(path)
    assert time.process_time() - started < 1  # some milliseconds
    assert [item[:3] for item in found] == [item[:3] for item in wanted], str(error)
    for (*_, message), (*_, fragment) in zip(found, wanted, strict=True):
        assert fragment in message
        assert not JARGON.search(re.sub("`[^`]*`", "", message)), message
        assert message.isprintable()
    are_missing = all(item.message.startswith("no column") for item in found if not item.is_warning)
    assert error.exit_code is (ExitCode.SOURCE if are_missing else ExitCode.INVALID)


def test_there_are_enough_of_them() -> None:
    stages = [len({_stage(item.message) for item in expected(path.read_text())}) for path in CASES]
    assert len(CASES) >= 40
    assert sum(count >= 3 for count in stages) >= SEVERAL_STAGES


def _stage(message: str) -> str:
    """A rough name of the part of the importer that a message comes from."""
    parts = {"no column": "columns", "unknown key": "keys", "SQL": "sql", "is not one of": "words", "must be": "shape"}
    return next((stage for part, stage in parts.items() if part in message), message.rsplit("`", maxsplit=1)[-1])
