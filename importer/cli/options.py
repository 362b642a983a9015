"""Options that commands share, each with its environment variable, and how they become settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from importer.errors import UsageInvalid
from importer.settings import SOURCE_KEY_VARIABLE, RejectLimit, Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


_LONGEST_KEY = 10_000
"""Characters: so much is read, and not all of a device that never ends."""


def option(*names: str, **attributes: Any) -> Callable[[Any], Any]:  # noqa: ANN401 -- passed through to Click
    """A Click option whose environment variable is ``IMPORTER_`` and its long name."""
    long_name = next(name for name in names if name.startswith("--"))
    return click.option(*names, envvar=variable(long_name), show_envvar=True, **attributes)


def variable(long_name: str) -> str:
    """The environment variable of an option, such as ``IMPORTER_STATE_DIR`` of ``--state-dir``."""
    return "IMPORTER_" + long_name.removeprefix("--").replace("-", "_").upper()


class RejectLimitType(click.ParamType[RejectLimit]):
    """``100`` or ``0.5%``."""

    name = "N|P%"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> RejectLimit:  # noqa: ANN401
        """A limit from its text; a usage error for anything else."""
        if isinstance(value, RejectLimit):
            return value
        try:
            return RejectLimit.parse(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number of rows, such as 100, nor a share, such as 0.5%", param, ctx)


source_options = (
    option(
        "--endpoint",
        type=click.Choice(["batch", "single"]),
        default="batch",
        show_default=True,
        help="Many events a request, or one.",
    ),
    option(
        "--rate",
        type=click.FloatRange(min=0, min_open=True),
        default=None,
        help="Requests a second at most.  [default: 500, what the vendor advises; in the sandbox no limit]",
    ),
    option("--limit", type=click.IntRange(min=1), default=None, metavar="N", help="Stop after N events."),
    option("--test-code", default=None, metavar="TEXT", help="Mark events for the vendor's event inspector."),
    option(
        "--strict",
        is_flag=True,
        help="Reject what breaks a rule of the event reference; stop at personal data where none is declared.",
    ),
    option(
        "--accept-incomplete-groups",
        is_flag=True,
        help="Group although a record is broken, so that nobody knows to which event its row belongs.",
    ),
    option(
        "--max-item-bytes",
        type=click.IntRange(min=1),
        default=None,
        help="Largest event.  [default: 32000]",
        hidden=True,
    ),
    option(
        "--max-body-bytes",
        type=click.IntRange(min=1),
        default=None,
        help="Largest request.  [default: 500000]",
        hidden=True,
    ),
)

output_options = (
    option("--json", "as_json", is_flag=True, help="Print the report as one JSON object on stdout."),
    option("--quiet", "-q", is_flag=True, help="Nothing at all when all goes well: no progress, no report."),
)

log_options = (
    option("--verbose", "-v", is_flag=True, help="Log more."),
    option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Words on stderr as text, or one JSON object a line.",
    ),
)


def apply(options: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    """A decorator that applies ``options`` in the order in which help shows them."""

    def decorate(function: Any) -> Any:  # noqa: ANN401
        for item in reversed(options):
            function = item(function)
        return function

    return decorate


def read_source_key(path: Path | None) -> Secret:
    """The source key from a file or from the environment, never from an argument. Raises UsageInvalid."""
    if path is None:
        text, where = os.environ.get(SOURCE_KEY_VARIABLE, ""), SOURCE_KEY_VARIABLE
    else:
        try:
            with path.open(encoding="utf-8") as file:
                text, where = file.read(_LONGEST_KEY), f"the file of --source-key-file, {path}"
        except (OSError, UnicodeDecodeError) as error:
            raise UsageInvalid(f"The source key file {path} cannot be read: {_reason(error)}") from None
    key = text.strip()
    if not key:
        raise UsageInvalid(
            "There is no source key, and without one nothing can be imported.",
            f"Set {SOURCE_KEY_VARIABLE} (found in the platform under Sources), or name a file with --source-key-file, "
            "or try the import against the built-in sandbox with --sandbox."
            + ("" if path is None else f" Now {where} is empty."),
        )
    if not key.isprintable() or " " in key:
        raise UsageInvalid(f"The source key in {where} contains blanks or control characters.", "Copy it again.")
    return Secret(key)


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not text"
