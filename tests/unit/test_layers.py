"""The layers are held by import-linter; this holds import-linter to every module there is."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import pytest

import importer

CONFIG = Path(__file__).parents[2] / ".importlinter"
# Who may import what the contract forbids to all others.
ALLOWED = {
    "sandbox": {"sandbox"},
    "columns": {
        "api",
        "dedupe",
        "draft",
        "duplicates",
        "frames",
        "source",
        "mapping",
        "encoder",
        "rules",
        "left_out",
        "lookups",
        "replay",
        "staging",
    },
    "http": {"transport", "connections", "sandbox"},
    "terminal": {"cli"},
}


def contracts() -> ConfigParser:
    config = ConfigParser()
    config.read(CONFIG, encoding="utf-8")
    return config


def modules() -> set[str]:
    """The modules and packages directly in the package."""
    found = [path for folder in importer.__path__ for path in Path(folder).iterdir()]
    packages = {path.name for path in found if (path / "__init__.py").exists()}
    return packages | {path.stem for path in found if path.suffix == ".py" and not path.stem.startswith("__")}


def test_every_module_has_a_layer() -> None:
    layers = set(re.findall(r"\w+", contracts()["importlinter:contract:layers"]["layers"]))
    assert modules() - {"sandbox"} == layers & modules()


@pytest.mark.parametrize("name", ALLOWED)
def test_every_module_is_forbidden_what_it_is_not_allowed(name: str) -> None:
    contract = contracts()[f"importlinter:contract:{name}"]
    listed = contract["forbidden_modules" if name == "sandbox" else "source_modules"]
    assert {module.removeprefix("importer.") for module in listed.split()} == modules() - ALLOWED[name]
