"""`vatwatch top`: the supervision tree in the terminal."""

from __future__ import annotations

import signal
from contextlib import suppress

import click

from vatwatch.cli.common import read_settings
from vatwatch.listening import authority


@click.command()
@click.option("--url", help="Address of the service. [VATWATCH_HOST and PORT of the settings]")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    help="Seconds between refreshes.",
)
@click.option("--once", is_flag=True, help="Print once and exit, as without a terminal.")
@click.option("--key", help="A key, to restart parts. [the first of VATWATCH_API_KEYS]")
@click.option("--node", default="", help="Of several nodes, whose tree. [the one that answers]")
def top(url: str | None, interval: float, once: bool, key: str | None, node: str) -> None:
    """Show the supervision tree of a running service, live.

    Breakers, mailboxes, restarts and latencies of every part. Keys: arrows choose, r restarts,
    s sorts, q quits.
    """
    from vatwatch.cli.tree_view import run as run_top

    settings = read_settings()
    if key is None and settings.access.api_keys:
        key = settings.access.api_keys[0].get_secret_value()
    here = f"http://{authority(settings.web.host, settings.web.port)}"
    # Ctrl-C ends it as q does, and leaves the terminal as it was.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        run_top(url or here, interval_s=interval, once=once, key=key, node=node)
