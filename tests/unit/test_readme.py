"""The README cannot rot: its examples are read by the program, its tables are compared with it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from importer.cli import cli
from importer.errors import ExitCode
from importer.mapping.document import FieldSpec, parse_document

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def _commands() -> list[list[str]]:
    lines = [line.partition("  #")[0].strip() for block in _blocks("sh") for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("importer ")]


def test_the_examples_are_valid_mappings() -> None:
    examples = [parse_document(example.replace("CASE …", "CASE"), "README") for example in _blocks("yaml")]
    assert [example.mapping.group_by for example in examples] == [None, ("order_id",)]


def test_every_entry_of_a_field_is_in_the_table() -> None:
    named = set(re.findall(r"`(\w+)`", "".join(line for line in README.splitlines() if line.startswith("| `"))))
    assert set(FieldSpec.model_fields) - {"timezone"} <= named


def test_the_exit_codes_are_those_of_the_program() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE)
    assert {int(code) for row in rows for code in row.split(",")} == set(ExitCode)


@pytest.mark.parametrize("arguments", _commands(), ids=" ".join)
def test_every_command_and_option_exists(arguments: list[str]) -> None:
    if arguments == ["--help"]:
        return
    context = click.Context(cli, info_name="importer")
    command = cli.get_command(context, arguments[0])
    assert command is not None
    known = {name for parameter in command.params for name in parameter.opts}
    assert {argument for argument in arguments if argument.startswith("--")} <= known


@pytest.mark.parametrize("arguments", [item for item in _commands() if "configs/" in " ".join(item)], ids=" ".join)
def test_the_files_that_it_names_are_there(arguments: list[str]) -> None:
    for argument in arguments:
        if "/" in argument:
            assert (ROOT / re.sub(r":\d+$", "", argument)).exists()


def test_the_two_commands_are_targets_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make (\w+)", "\n".join(_blocks("sh")), re.MULTILINE)
    assert targets == ["demo", "test"]
    assert all(f"\n{target}:" in makefile for target in targets)
