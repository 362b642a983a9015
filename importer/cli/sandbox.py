"""``importer sandbox``: the local collect server in the foreground, until Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import signal
from typing import TYPE_CHECKING

import click

from importer.errors import UsageInvalid

if TYPE_CHECKING:
    from importer.sandbox.body import Limits
    from importer.sandbox.faults import Fault

_HELP = """A local collect server that answers as the vendor documents, to try imports against.

Its page at / and GET /received show what arrived. Nothing leaves this machine.

\b
Faults, each with how often (a share such as 0.3, or 3x for the first three requests):
  status=503:0.3:2          answer 503, with Retry-After: 2 (seconds, or any text)
  redirect=302:0.1:/there   answer with a redirect
  html=0.1                  answer 200 with a web page
  reset=before:0.1          reset the connection before the body is read, or after
  hang=30:0.1               no answer for 30 seconds, then the connection ends
  latency=0.2               answer 0.2 seconds later
  store-then-drop=0.1       store the events, then end the connection without an answer
"""


@click.command("sandbox", help=_HELP)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--fault", "faults", multiple=True, metavar="NAME=VALUE:OFTEN", help="A fault; may be repeated.")
@click.option("--seed", default=0, show_default=True, help="Makes the decisions of the faults repeatable.")
@click.option("--max-event-bytes", default=32_000, show_default=True, type=click.IntRange(1), help="The vendor's 32KB.")
@click.option(
    "--max-body-bytes", default=500_000, show_default=True, type=click.IntRange(1), help="The vendor's 500KB."
)
def sandbox(
    *, host: str, port: int, faults: tuple[str, ...], seed: int, max_event_bytes: int, max_body_bytes: int
) -> None:
    """Options, call, message."""
    from importer.sandbox.body import Limits
    from importer.sandbox.faults import FaultInvalid, parse_fault

    try:
        parsed = [parse_fault(text) for text in faults]
    except FaultInvalid as error:
        raise UsageInvalid(str(error)) from None
    try:
        asyncio.run(_serve(host, port, parsed, seed, Limits(max_event_bytes, max_body_bytes)))
    except (OSError, UnicodeError) as error:  # the latter for what is no name of a host
        raise _unusable(host, port, error) from None


async def _serve(host: str, port: int, faults: list[Fault], seed: int, limits: Limits) -> None:
    from importer.sandbox.server import Sandbox

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with await Sandbox.start(host, port, faults=faults, seed=seed, limits=limits) as server:
        click.echo(f"The sandbox listens. Its page: {server.url}/", err=True)
        click.echo(f"Import into it: importer run MAPPING SOURCE --url {server.url}", err=True)
        click.echo("Ctrl-C ends it and forgets what arrived.", err=True)
        await stop.wait()


def _unusable(host: str, port: int, error: OSError | UnicodeError) -> UsageInvalid:
    if isinstance(error, UnicodeError):
        return UsageInvalid(f"{host} is no name of a host.", "Check --host.")
    if error.errno == errno.EADDRINUSE:
        hint = "Is another sandbox running? Choose another port with --port, or --port 0 for any free one."
        return UsageInvalid(f"Port {port} of {host} is already in use.", hint)
    return UsageInvalid(f"Cannot listen on {host}, port {port}: {error.strerror or error}", "Check --host and --port.")
