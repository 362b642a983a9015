"""Mapping files that fuzzing found something with. They are told like any other: every problem with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import MappingInvalid
from importer.mapping.document import load_document

FOUND = sorted((Path(__file__).parents[1] / "data" / "found").glob("*.yaml"))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_was_found_once_is_told_with_places(path: Path) -> None:
    with pytest.raises(MappingInvalid) as caught:
        load_document(path)
    assert caught.value.problems
    assert all(problem.line >= 1 and problem.column >= 1 for problem in caught.value.problems)
    assert all(problem.message.isprintable() for problem in caught.value.problems)
