"""The commands."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import click

from vatwatch import __version__
from vatwatch.config.settings import Settings, load
from vatwatch.errors import VatwatchError


class _Commands(click.Group):
    """Shows our own errors as one line, and exits with 1; click's own exit with 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except VatwatchError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """vatwatch watches the VATSIM network, keeps everything that it sees, tells anyone who asks.

    Settings come from the environment, a .env and a vatwatch.toml: see docs/configuration.md.
    """


@main.command()
@click.option("--host", help="Address to listen on. [VATWATCH_HOST, 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on. [PORT, 8001]")
@click.option("--workers", type=click.IntRange(1), help="Worker processes. [VATWATCH_WORKERS, 1]")
def run(host: str | None, port: int | None, workers: int | None) -> None:
    """Collect, keep and serve: the service itself."""
    from vatwatch.server import serve  # gunicorn is for this command alone

    serve(_settings(VATWATCH_HOST=host, PORT=port, VATWATCH_WORKERS=workers))


@main.command()
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH...",
)
def replay(paths: tuple[Path, ...]) -> None:
    """Feed captured snapshots through the same pipeline, oldest first.

    A PATH is a capture (.json, .json.gz), a journal entry, or a directory of them. What is stored
    already is not stored again. Exits with 1 if any capture could not be used.
    """
    from vatwatch.replay import replay as replay_captures

    if not replay_captures(_settings(), paths):
        sys.exit(1)


@main.command()
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

    settings = _settings()
    if key is None and settings.access.api_keys:
        key = settings.access.api_keys[0].get_secret_value()
    run_top(url or f"http://127.0.0.1:{settings.web.port}", interval_s=interval, once=once, key=key)


def _settings(**overrides: object) -> Settings:
    settings = load(overrides=overrides)
    logging.basicConfig(
        level=settings.general.log_level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    for warning in settings.warnings:
        logging.getLogger("vatwatch").warning(warning)
    return settings
