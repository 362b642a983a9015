"""``importer schema``: the JSON Schema of the mapping file."""

from __future__ import annotations

import click

from importer.cli.console import out
from importer.errors import StateUnusable

_HELP = """Print the JSON Schema (draft-07) of mapping files, for completion and checks in an editor.

\b
  importer schema > mapping.schema.json

\b
and as the first line of a mapping beside it:
  # yaml-language-server: $schema=./mapping.schema.json
"""


@click.command("schema", help=_HELP)
def schema() -> None:
    """Print the schema on stdout. Raises StateUnusable where that is full."""
    from importer.mapping.json_schema import render_schema

    try:
        out(render_schema())
    except OSError as error:
        hint = "Free some space, or look at where stdout goes."
        raise StateUnusable(f"The schema cannot be written: {error.strerror}.", hint) from error
