"""The page on nightly imports cannot rot: its commands run, its files are read by the programs they are for."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from importer.cli import cli
from importer.errors import ExitCode
from importer.sandbox.process import received, spawn
from importer.settings import DEFAULT_URL

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/nightly.md").read_text(encoding="utf-8")
MAPPING = """\
version: 1
event: purchase
key: order_id
fields:
  id: order_id
  value: total
  user.id: customer
  context.event_timestamp: at
"""
TEXT_ONLY = {"preview", "explain", "rows"}  # for people: these commands have no --log-format
ORDERS = "order_id,total,customer,at\n1,2.50,c,2024-01-02T03:04:05Z\n2,3,c,2024-01-02T03:04:05Z\n"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def _block(language: str, containing: str) -> str:
    (block,) = [block for block in _blocks(language) if containing in block]
    return block


def _commands() -> list[list[str]]:
    """What stands behind ``importer`` in the command lines of the page."""
    text = PAGE.replace("\\\n", "")
    found = re.findall(r"(?:^|[ /\"])importer ((?:run|status|validate) /[^\n|\"]*)", text, re.MULTILINE)
    return [shlex.split(arguments) for arguments in found]


class Machine:
    """The paths of the page in a folder of the test, and the programs that its commands call."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.exports = folder / "srv/exports"
        self._folder = folder
        for part in ("bin", "etc/importer", "srv/exports"):
            (folder / part).mkdir(parents=True)
        self._program(
            "importer", f'PYTHONPATH={shlex.quote(os.pathsep.join(sys.path))} exec {sys.executable} -m importer "$@"'
        )
        self._program("your-export", f"printf {shlex.quote(ORDERS)}")
        (folder / "etc/importer/orders.yaml").write_text(MAPPING, encoding="utf-8")
        (folder / "etc/importer/env").write_text(self.local(_block("sh", "IMPORTER_SITE")) + f"IMPORTER_URL={url}\n")

    def local(self, text: str) -> str:
        """``text`` with the paths and the destination of this machine."""
        text = re.sub(r"(?<![\w/.])/(etc/importer|srv/exports|var/lib/importer)", rf"{self._folder}/\1", text)
        return text.replace(DEFAULT_URL, self.url)

    def shell(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run ``script`` as cron would: with a small environment."""
        environment = {"PATH": f"{self._folder}/bin:/usr/bin:/bin", "HOME": str(self._folder)}
        return subprocess.run(
            ["/bin/sh", "-c", self.local(script)],
            env=environment, cwd="/", capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def _program(self, name: str, line: str) -> None:
        path = self._folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with spawn() as url:
        yield Machine(tmp_path, url)


def _cron_command() -> str:
    *settings, job = _block("crontab", "MAILTO").splitlines()
    assert [setting.partition("=")[0] for setting in settings] == ["MAILTO", "PATH"]
    schedule, command = job.split(" ", 5)[:5], job.split(" ", 5)[5]
    assert all(re.fullmatch(r"[\d*,/-]+", field) for field in schedule)
    assert "%" not in command  # cron takes it for the end of the line
    return command


def test_nights_with_cron(machine: Machine) -> None:
    hidden, renamed = _block("sh", "your-export").splitlines()
    assert machine.shell(hidden).returncode == 0
    early = machine.shell(_cron_command())
    assert (early.returncode, early.stdout) == (4, "")  # nothing has its name yet
    assert machine.shell(renamed).returncode == 0
    for _ in range(2):
        night = machine.shell(_cron_command())
        assert (night.returncode, night.stdout, night.stderr) == (0, "", "")
    assert received(machine.url)["events"] == 2

    (machine.exports / "more.csv").write_text(ORDERS + "3,abc,c,2024-01-02T03:04:05Z\n", encoding="utf-8")
    rejects = machine.shell(_cron_command())
    assert (rejects.returncode, len(rejects.stderr.splitlines())) == (3, 2)
    assert machine.shell(_cron_command()).returncode == 0  # as the page says of 3: the next run ends with 0

    (machine.exports / "more.csv").write_text(ORDERS + "4,1,c,2024-01-02T03:04:05Z\n", encoding="utf-8")
    changed = machine.shell(_cron_command())
    assert (changed.returncode, "--again" in changed.stderr) == (4, True)


def test_the_question_whether_it_is_fresh(machine: Machine) -> None:
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    question = _block("sh", "jq -e")
    settings = "set -a; . /etc/importer/env; "
    assert machine.shell(settings + question).returncode == 1  # it never ran
    (machine.exports / "a.csv").write_text(ORDERS, encoding="utf-8")
    assert machine.shell(_cron_command() + " --limit 1").returncode == 0
    assert machine.shell(settings + question).returncode == 1  # it never did everything
    assert machine.shell(_cron_command()).returncode == 0
    assert machine.shell(settings + question).returncode == 0
    assert machine.shell(settings + question.replace("93600", "0")).returncode == 1
    (state,) = (machine.exports.parents[1] / "var/lib/importer").glob("*.sqlite")
    state.write_bytes(b"damaged")
    assert machine.shell(settings + question).returncode == 1


def test_the_units_are_valid(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    names = []
    for unit in _blocks("ini"):
        path, _, body = unit.partition("\n")
        assert path.startswith("# /etc/systemd/system/importer.")
        names.append(path.rpartition("/")[2])
        # it looks whether the program exists
        (tmp_path / names[-1]).write_text(body.replace("/opt/importer/bin/importer", "/bin/sh"), encoding="utf-8")
    assert names == ["importer.service", "importer.timer"]
    command = ["systemd-analyze", "verify", "--man=no", *(f"./{name}" for name in names)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    about_ours = [line for line in done.stderr.splitlines() if "importer" in line]
    assert (done.returncode, about_ours) == (0, [])


def test_what_systemd_tries_again_is_what_the_table_says() -> None:
    unit = _block("ini", "[Service]")
    prevented = re.search(r"RestartPreventExitStatus=(.*)", unit)
    fine = re.search(r"SuccessExitStatus=(.*)", unit)
    assert prevented
    assert fine
    never = {int(code) for code in (prevented[1] + " " + fine[1]).split()}
    assert never == set(ExitCode) - {ExitCode.DONE, ExitCode.UNAVAILABLE}


def test_the_image_starts_the_installed_command() -> None:
    (text,) = _blocks("dockerfile")
    lines = text.replace("\\\n", "").splitlines()
    instructions = [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]
    assert [name for name, _ in instructions] == ["FROM", "COPY", "RUN", "USER", "VOLUME", "ENV", "ENTRYPOINT"]
    values: dict[str, Any] = dict(instructions)
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert values["ENTRYPOINT"] == '["importer"]'  # a list: no shell stands between it and SIGTERM
    assert "importer" in scripts
    assert f"useradd {values['USER']} && install -d -o {values['USER']} {values['VOLUME']}" in values["RUN"]
    assert f"IMPORTER_STATE_DIR={values['VOLUME']}\n" in PAGE
    assert "SOURCE_KEY" not in text


def test_the_example_of_airflow_is_python_with_a_valid_command() -> None:
    (code,) = _blocks("python")
    compile(code, "nightly.md", "exec")
    assert f"skip_on_exit_code={int(ExitCode.ROWS_REJECTED)}," in code


@pytest.mark.parametrize("arguments", _commands(), ids=" ".join)
def test_every_command_is_understood(arguments: list[str]) -> None:
    command = cli.get_command(click.Context(cli, info_name="importer"), arguments[0])
    assert command is not None
    assert command.make_context(arguments[0], arguments[1:]).params


def test_all_five_ways_have_a_command() -> None:
    assert [arguments[0] for arguments in _commands()] == ["run", "run", "run", "run", "status"]


def test_every_variable_belongs_to_an_option() -> None:
    run = cli.get_command(click.Context(cli, info_name="importer"), "run")
    assert run is not None
    known = {str(parameter.envvar) for parameter in run.params} | {"IMPORTER_SOURCE_KEY"}
    assert set(re.findall(r"IMPORTER_[A-Z_]+", PAGE)) <= known


def test_every_exit_code_has_its_advice() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", PAGE, re.MULTILINE)
    assert sorted(int(code) for row in rows for code in row.split(",")) == sorted(ExitCode)


def test_every_event_of_the_log_is_in_the_table() -> None:
    modules = [path for path in (ROOT / "importer/cli").glob("*.py") if path.stem not in TEXT_ONLY]
    said = {event for path in modules for event in re.findall(r"\bsay\(\s*\"(\w+)\"", path.read_text("utf-8"))} | {
        "log"
    }
    table = PAGE.partition("| event |")[2]
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)))) == said
