"""The command line: options, one call, one printer. Commands are loaded when they are named."""

from __future__ import annotations

import importlib
import os
import sys

import click

from importer.cli.console import give_up_stdout
from importer.cli.failures import exit_code_of, tell
from importer.cli.signals import interruptible
from importer.errors import ExitCode

_COMMANDS = {
    "run": "import files into Commanders Act; resumes by itself",
    "validate": "the whole dry run: every row, every problem, nothing sent",
    "init": "a first mapping, guessed from the columns and values of an export",
    "preview": "the first events as JSON, beside the rows that each came from",
    "explain": "one row, step by step",
    "status": "where imports stand",
    "retry": "send what was rejected, after the mapping was mended",
    "sandbox": "a local collect server that obeys the documented API",
    "reference": "what the event reference says about an event: what it must carry, what it may",
    "schema": "the JSON Schema of the mapping file, for editors",
}


_HELP = """Import years of past events from CSV or Parquet exports into Commanders Act.

\b
Draft a mapping:  importer init SOURCE
Try a mapping:    importer validate MAPPING SOURCE
See the events:   importer preview MAPPING SOURCE
Try the import:   importer run MAPPING SOURCE --sandbox
Import:           importer run MAPPING SOURCE --site 1234

Exit codes: 0 done, 1 a bug, 2 usage or mapping invalid, 3 done but some rows rejected, 4 source unreadable or changed,
5 destination unavailable, 6 destination refused, 7 checkpoint or disk, 8 too many rejects or, with --strict, personal
data, 11 already running, 130 and 143 interrupted.
"""  # \b keeps Click from joining the lines of a paragraph


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for, so that ``--help`` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- Click's signature
        """The names of the commands, in the order in which a user meets them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, ``None`` if there is none."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"importer.cli.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As Click, with the nearest name when there is no such command."""
        from importer.mapping.nearest import did_you_mean

        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            ctx.fail(f"There is no command {args[0]!r}{did_you_mean(args[0], _COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(
    cls=LazyGroup,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="importer")
def cli() -> None:
    """The whole command line."""


def main() -> None:
    """Run the command line and exit with the code that says what stopped it."""
    _open_standard_streams()
    with interruptible() as interruption:
        try:
            code = cli.main(standalone_mode=False)
        except SystemExit:  # what Click makes of a reader that has gone, such as ``importer --help | head``
            give_up_stdout()
            code = int(ExitCode.DONE)
        except BaseException as caught:  # noqa: BLE001 -- the one place where an error becomes a text and an exit code
            error = interruption.behind(caught)
            tell(error)
            code = exit_code_of(error)
    sys.exit(code or 0)


def _open_standard_streams() -> None:
    """Lead closed standard streams nowhere: else a file that is opened next would take the place of one of them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115 -- for the life of the process
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115 -- as above
