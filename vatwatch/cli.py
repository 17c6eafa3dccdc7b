"""The commands."""

from __future__ import annotations

import logging
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from vatwatch import __version__
from vatwatch.config.settings import Settings, load
from vatwatch.errors import VatwatchError
from vatwatch.feed.times import parse_time


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


def _fault(_ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> list[Any]:
    from vatwatch.simulator.faults import from_option
    from vatwatch.simulator.schedule import MOST_FAULTS

    if len(texts) > MOST_FAULTS:
        raise click.BadParameter(f"{MOST_FAULTS} faults are the most")
    try:
        return [from_option(text) for text in texts]
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _time(_ctx: click.Context, _param: click.Parameter, text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}; a time is such as 2026-05-01T12:00:00Z") from error


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8002,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes any that is free.",
)
@click.option(
    "--pilots",
    default=500,
    show_default=True,
    type=click.IntRange(0, 50_000),
    help="Pilots on the network; controllers, ATIS and prefiles in proportion.",
)
@click.option(
    "--seed", default=1, show_default=True, help="The traffic: another seed, another one."
)
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.01, 1000),
    help="How many times as fast as the clock time runs: at 10, an update each 1.5 s.",
)
@click.option(
    "--start",
    metavar="TIME",
    callback=_time,
    help="When the simulated time begins, such as 2026-05-01T12:00:00Z.  [default: now]",
)
@click.option(
    "--fault",
    "faults",
    metavar="KIND[:VALUE...]",
    multiple=True,
    callback=_fault,
    help="What goes wrong; can be given more than once.",
)
def simulate(
    host: str,
    port: int,
    pilots: int,
    seed: int,
    speed: float,
    start: datetime | None,
    faults: list[Any],
) -> None:
    """Stand in for VATSIM: serve its feeds with moving traffic, and faults on request.

    The same seed, number of pilots and start give the same feeds, to the byte.

    \b
    What is published, from the next update on:
      freeze[:N]         the feed stands still for N updates
      mass_drop[:SHARE]  this share of the pilots is missing
      bad_records[:N]    N records have a value of a wrong type
      restart            all logon times are cut to whole seconds
    What is answered, at once:
      status[:CODE]      an HTTP error, 500 or any other
      timeout[:SECONDS]  no answer, and an end to the connection
      drip[:SECONDS]     a few bytes at a time
      empty              200 and no body
      html               200 and a page that says sorry
      truncated[:SHARE]  a sound answer with this share of the body
      reset[:SHARE]      the connection is reset after this share of it
      redirect_loop      302 to itself
      huge[:MEGABYTES]   the body, and white space up to this size
      older[:N]          each second answer is a copy N updates old

    \b
    More can be said with keys, as in --fault status:503,feed=data,for=3r,after=2
      feed=   data, transceivers, status or all
      for=    updates (4), seconds (20s) or, for answers, requests (3r)
      after=  updates to wait before it begins
    The same as JSON can be sent to /control while it runs: POST
    {"fault": "status", "code": 503, "feed": "data", "for": "3r"} adds one, DELETE ends all, and
    GET tells the state, and which updates were served.
    """
    from vatwatch.simulator.server import simulate as simulate_until_signalled
    from vatwatch.simulator.site import Settings as SimulatorSettings

    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    simulate_until_signalled(
        SimulatorSettings(seed, pilots, speed), host, port, start=start, faults=faults
    )


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
