from __future__ import annotations

from pathlib import Path

import click
import pytest

from importer.cli import cli, forecast, run, validate  # noqa: F401 -- their modules
from importer.cli.first import look_there
from importer.cli.forecast import dates, duration
from importer.cli.options import variable
from importer.cli.run import _settings
from importer.report import Report

WITHOUT_VARIABLES = {"sandbox"}  # is started by hand


def _options() -> list[tuple[str, click.Option]]:
    context = click.Context(cli, info_name="importer")
    commands = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    return [
        (name, parameter)
        for name, command in commands.items()
        for parameter in (command.params if command else [])
        if isinstance(parameter, click.Option)
    ]


def test_every_command_says_what_it_does() -> None:
    context = click.Context(cli, info_name="importer")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert command.help
        assert command.get_help(click.Context(command, info_name=name))


@pytest.mark.parametrize(("command", "option"), _options(), ids=lambda item: getattr(item, "name", item))
def test_every_option_has_help_and_an_environment_variable(command: str, option: click.Option) -> None:
    assert option.help
    if command not in WITHOUT_VARIABLES:
        long_name = next(name for name in option.opts if name.startswith("--"))
        assert option.envvar == variable(long_name)
        assert option.show_envvar


def test_the_name_of_a_variable() -> None:
    assert variable("--state-dir") == "IMPORTER_STATE_DIR"


def test_grouping_options_reach_the_settings() -> None:
    context = click.Context(cli, info_name="importer")
    for name in ("run", "validate"):
        command = cli.get_command(context, name)
        assert command is not None
        arguments = ["m.yaml", "a.csv", "--accept-incomplete-groups", "--state-dir", "state"]
        parsed = command.make_context(name, arguments)
        assert parsed.params["accept_incomplete_groups"] is True
        assert parsed.params["state_dir"] == Path("state")
    settings = _settings({"rate": None, "accept_incomplete_groups": True}, is_sandbox=False)
    assert settings.accept_incomplete_groups
    assert not _settings({"rate": None}, is_sandbox=False).accept_incomplete_groups


def test_a_run_takes_as_long_as_its_requests_and_not_less_than_its_dry_run() -> None:
    report = Report(requests=1_800_000, body_bytes=9)
    assert duration(report, 500).startswith("about 1 h 00 min or more: 1,800,000 requests with 9 bytes at 500 requests")
    assert duration(report, 0.5).startswith("about 1000 h 00 min or more")
    assert duration(Report(requests=90_000), 500).startswith("about 3 min or more")
    assert duration(Report(requests=500, seconds=30), 500).startswith("about 30 s or more")
    assert duration(Report(requests=500, seconds=3), None).startswith("about 3 s or more")


def test_dates_of_events() -> None:
    assert dates(Report()) is None
    report = Report(oldest_ms=-86_400_000, newest_ms=1_717_519_140_000)
    assert dates(report) == "1969-12-31 00:00 to 2024-06-04 16:39 (UTC)"
    far = Report(oldest_ms=0, newest_ms=10**18)
    assert dates(far) == "1970-01-01 00:00 to 1,000,000,000,000,000,000 ms after 1970 (UTC)"


def test_where_to_look_after_a_first_import() -> None:
    assert "--test-code TEXT --limit 10" in look_there(None)
    assert "'mine'" in look_there("mine")
