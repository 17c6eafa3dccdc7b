"""`vatwatch top`: the supervision tree in the terminal."""

from __future__ import annotations

import click

from vatwatch.cli.common import read_settings


@click.command()
@click.option("--url", help="Where the service is. [http://127.0.0.1:PORT]")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--once", is_flag=True, help="Print once and end, as without a terminal.")
@click.option("--key", help="A key, to restart nodes. [the first of VATWATCH_API_KEYS]")
def top(url: str | None, interval: float, once: bool, key: str | None) -> None:
    """Show the supervision tree of a running service, live.

    Breakers, mailboxes, restarts and latencies of every part. Keys: arrows choose, r restarts,
    s sorts, q quits.
    """
    from vatwatch.top import run as run_top

    settings = read_settings()
    if key is None and settings.access.api_keys:
        key = settings.access.api_keys[0].get_secret_value()
    run_top(url or f"http://127.0.0.1:{settings.web.port}", interval_s=interval, once=once, key=key)
