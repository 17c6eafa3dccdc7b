"""`vatwatch simulate`: a stand-in for VATSIM."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from vatwatch.feed.times import parse_time
from vatwatch.logs import log_to_standard_error


def _fault(_ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> list[Any]:
    from vatsim_simulator.faults import from_option
    from vatsim_simulator.schedule import MOST_FAULTS

    if len(texts) > MOST_FAULTS:
        raise click.BadParameter(f"{MOST_FAULTS} faults at most")
    try:
        return [from_option(text) for text in texts]
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _time(_ctx: click.Context, _param: click.Parameter, text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _created(path: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror}", param_hint="--truth") from error


def _write_areas(directory: Path, *, faulty: bool) -> None:
    from vatsim_simulator.areas import write_areas

    try:
        write_areas(directory, faulty=faulty)
    except OSError as error:
        raise click.BadParameter(f"{directory}: {error.strerror}", param_hint="--areas") from error


@click.command()
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
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same traffic.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.01, 1000),
    help="Speed of simulated time: at 10, an update every 1.5 s.",
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
@click.option(
    "--truth",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write there what really happens, as JSON lines: docs/accuracy.md has the fields.",
)
@click.option(
    "--areas",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write there the files of areas that are served under /areas.",
)
@click.option(
    "--faulty-areas",
    is_flag=True,
    help="Give the files of areas the faults of real ones, such as rings that are open or crossed.",
)
def simulate(
    host: str,
    port: int,
    pilots: int,
    seed: int,
    speed: float,
    start: datetime | None,
    faults: list[Any],
    truth: Path | None,
    areas: Path | None,
    faulty_areas: bool,
) -> None:
    """Stand in for VATSIM: serve its feeds with moving traffic, and faults on request.

    The same seed, number of pilots and start give the same feeds, to the byte, and the same truth.

    Under /areas are files of the areas that its centres, approaches and sectors work: VATSpy.dat,
    Boundaries.geojson, TRACONBoundaries.geojson and sectors-low, -high and -wide.geojson. They are
    invented, and the same for each seed.

    \b
    What is published, from the next update on:
      freeze[:N]         the feed does not change for N updates
      mass_drop[:SHARE]  this share of the pilots is missing
      bad_records[:N]    N records have a value of a wrong type
      hostile[:SHARE]    this share of the records has texts that attack whoever shows them
      clock[:SECONDS]    the feed's own time is wrong by this much
      restart            all logon times are cut to whole seconds
    What is answered, at once:
      status[:CODE]      an HTTP error, 500 or any other
      timeout[:SECONDS]  no answer, and an end to the connection
      drip[:SECONDS]     a few bytes at a time
      empty              200 and no body
      html               200 and a page that says sorry
      truncated[:SHARE]  a sound answer with this share of the body
      odd[:KIND]         a body with one oddity: bom, nan, null, deep, trailing_comma, ...
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
    from vatsim_simulator.server import simulate as simulate_until_signalled
    from vatsim_simulator.site import SimulatorSettings

    log_to_standard_error("warning")
    settings = SimulatorSettings(seed, pilots, speed, faulty_areas)
    if areas is not None:
        _write_areas(areas, faulty=faulty_areas)
    with ExitStack() as stack:
        file = None if truth is None else stack.enter_context(_created(truth))
        simulate_until_signalled(settings, host, port, start=start, faults=faults, truth=file)
