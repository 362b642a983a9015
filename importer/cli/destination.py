"""Where to import: options and environment, and the destination that they mean."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli.options import option, read_source_key
from importer.errors import UsageInvalid
from importer.settings import CREDENTIAL_MARKS, DEFAULT_URL, SITE_VARIABLE, Destination, Secret

if TYPE_CHECKING:
    from contextlib import ExitStack

SANDBOX = "sandbox"

destination_options = (
    option("--site", default=None, metavar="ID", help="The site (workspace) to import into."),
    option(
        "--source-key-file",
        type=click.Path(path_type=Path),
        help="File with the source key.  [default: the key itself in IMPORTER_SOURCE_KEY]",
    ),
    option(
        "--url",
        default=DEFAULT_URL,
        show_default=True,
        help="The collect host, or a first-party domain in its place.",
    ),
    option("--sandbox", is_flag=True, help="Import into a local sandbox that obeys the API, and show what arrived."),
    option("--proxy", default=None, metavar="URL", help="HTTP proxy; those of the environment are not used."),
    option("--ca-file", type=click.Path(path_type=Path), default=None, help="Certificates to trust besides the usual."),
)


def take_destination(options: dict[str, Any], stack: ExitStack) -> Destination:
    """The destination of ``options``, which are taken out of it; the sandbox is started for the time of ``stack``.

    Raises UsageInvalid for what is missing or wrong.
    """
    site, key_file, url = options.pop("site"), options.pop("source_key_file"), options.pop("url").rstrip("/")
    proxy, ca_file = options.pop("proxy"), options.pop("ca_file")
    if options.pop(SANDBOX):
        from importer.sandbox.process import spawn

        address = stack.enter_context(spawn())
        return Destination(address, site or SANDBOX, Secret("sandbox-key"), SANDBOX)
    if not site:
        raise UsageInvalid(
            "There is no site to import into.",
            f"Set {SITE_VARIABLE} or give --site ID (the number of the workspace), or try the import with --sandbox.",
        )
    if set(url) & CREDENTIAL_MARKS:
        # the URL names the import, in the checkpoint and in its file name: no place for a password or a key
        raise UsageInvalid(
            "--url must not carry credentials or a query.", "The source key goes into IMPORTER_SOURCE_KEY."
        )
    return Destination(url, site, read_source_key(key_file), url, proxy, ca_file)
