"""Benchmark: who is in which FIR and sector, and what boards of them cost.

    python -m benchmarks.areas [--positions FILE ...] [--sectors FILE ...] [--pilots N] [--seed S]
                               [--rounds N]

A simulated network; of 3,050 pilots 2,000 are in the air. Without files the areas are the
simulator's. First the stays of a snapshot, beside a look at every area for each aircraft in the
same run; they must be the same. Then what the first question after a snapshot costs: boards of all
airports and FIRs, and sectors with their expected loads.

Taken is processor time, the median of some rounds. Boards are made in a native thread; the stall is
the longest time by which a greenlet that wakes every millisecond is late meanwhile: of each round
its longest, and of these the median. The floor of a board is to encode what it says, once more.
"""

# ruff: noqa: E402 - gevent patches before anything else is imported

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse
import gc
import statistics
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import process_time, thread_time
from typing import NamedTuple

import gevent
import msgspec

from benchmarks.ingest import Lateness
from tests.traffic.areas.plain_sectors import plain_inside
from vatsim_simulator.areas import POSITIONS_DATA, SECTORS, area_files
from vatsim_simulator.publication import publish
from vatsim_simulator.world import World
from vatwatch.live.airport_boards import AirportBoards
from vatwatch.live.board_pages import PageQuery
from vatwatch.live.fir_boards import FirBoards
from vatwatch.live.records import Body
from vatwatch.live.sector_views import SectorViews
from vatwatch.supervision import NativePool
from vatwatch.supervision.offload import SWITCH_INTERVAL_S
from vatwatch.traffic.areas.given_file import AreaSetting, read_given
from vatwatch.traffic.areas.known_areas import KnownAreas, known_areas
from vatwatch.traffic.network_state import NetworkState, Rules
from vatwatch.traffic.pipeline import Options, compare, decode_snapshot
from vatwatch.traffic.sector_stays import sector_changes

SNAPSHOTS = 4


class Moment(NamedTuple):
    """A network before and after a snapshot."""

    before: NetworkState
    after: NetworkState


def main() -> None:
    """Make a network, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--positions", type=Path, nargs="+", help="files of positions and areas")
    parser.add_argument("--sectors", type=Path, nargs="+", help="files of sectors")
    parser.add_argument("--pilots", type=int, default=3_050)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    areas = _areas(given.positions, given.sectors)
    began = process_time()
    areas.sector_map, areas.fir_map  # noqa: B018 - made at the first question
    map_ms = 1000 * (process_time() - began)
    moment = _network(given.pilots, given.seed, Rules(areas=areas))
    flying = sum(flight.progress.airborne for flight in moment.after.flights.values())
    print(
        f"{len(areas.sector_map):,} FIRs and sectors (their maps: {map_ms:.0f} ms), {flying:,} in"
    )
    print("the air; ms of processor time")
    print("| what | floor | taken | ratio | stall |")
    print("| --- | ---: | ---: | ---: | ---: |")
    _show_stays(moment, areas, given.rounds)
    _show_boards(moment.after, areas, given.rounds)


def _areas(positions: list[Path] | None, sectors: list[Path] | None) -> KnownAreas:
    if positions is None and sectors is None:
        named = {name: area_files()[name] for name in (*POSITIONS_DATA, *SECTORS)}
        kinds = dict.fromkeys(SECTORS, AreaSetting.SECTORS)
    else:
        paths = [*(positions or ()), *(sectors or ())]
        named = {path.name: path.read_bytes() for path in paths}
        kinds = {path.name: AreaSetting.SECTORS for path in sectors or ()}
    return known_areas(
        [
            read_given(data, name, kinds.get(name, AreaSetting.POSITIONS))
            for name, data in named.items()
        ]
    )


def _network(pilots: int, seed: int, rules: Rules) -> Moment:
    world = World(seed, pilots, datetime(2026, 5, 1, 12, tzinfo=UTC))
    before = state = NetworkState()
    for number in range(SNAPSHOTS):
        world.advance()
        told = publish(number, world.feed(), world.radios())
        decoded = decode_snapshot(told.data.raw, told.transceivers.raw, Options())
        before, state = state, compare(state, decoded, rules).state
    del world
    gc.collect()
    gc.freeze()
    return Moment(before, state)


def _show_stays(moment: Moment, areas: KnownAreas, rounds: int) -> None:
    online, time = list(moment.after.flights.values()), moment.after.time
    assert time is not None
    flying = [flight for flight in online if flight.progress.airborne]
    points = [
        (fix.latitude, fix.longitude, float(fix.altitude or 0))
        for fix in (flight.progress.fix for flight in flying)
    ]
    began = process_time()
    plain = plain_inside(areas.sector_map, points)
    plain_ms = 1000 * (process_time() - began)
    taken_ms = []
    for _ in range(rounds):
        began = process_time()
        found = sector_changes(moment.before, online, areas, time)
        taken_ms.append(1000 * (process_time() - began))
    expected = {(flying[number].flight_id, kind, name) for number, kind, name in plain}
    if found.present.keys() != expected:
        raise SystemExit("the map finds other stays than a look at every area")
    _row(f"{len(expected):,} stays", plain_ms, taken_ms, None)


def _show_boards(state: NetworkState, areas: KnownAreas, rounds: int) -> None:
    def airports() -> Body:
        return AirportBoards(state, areas).listed(PageQuery())

    def firs() -> Body:
        return FirBoards(AirportBoards(state, areas)).listed(PageQuery())

    def sectors() -> Body:
        return SectorViews(state, areas).listed(PageQuery())

    pool = NativePool(1, "boards")
    for name, make in (("airports", airports), ("FIRs", firs), ("sectors", sectors)):
        body = make()
        said = msgspec.json.decode(body.plain)
        began = process_time()
        msgspec.json.encode(said)
        floor_ms = 1000 * (process_time() - began)
        taken_ms, stalls_ms = [], []
        for _ in range(rounds):
            taken, stall = _beside(pool, make)
            taken_ms.append(taken)
            stalls_ms.append(stall)
        _row(f"/api/{name.lower()}", floor_ms, taken_ms, statistics.median(stalls_ms))
    pool.close()


def _beside(pool: NativePool, make: Callable[[], Body]) -> tuple[float, float]:
    """Milliseconds of the thread that makes it, and the longest stall of the hub."""

    def timed() -> float:
        began = thread_time()
        make()
        return thread_time() - began

    lateness = Lateness()
    watcher = gevent.spawn(lateness.watch)
    gevent.sleep(0.01)
    lateness.worst_s = 0.0
    taken_s = pool.run(timed)
    gevent.sleep(0.002)
    watcher.kill()
    return 1000 * taken_s, 1000 * lateness.worst_s


def _row(what: str, floor_ms: float, taken_ms: list[float], stall_ms: float | None) -> None:
    taken = statistics.median(taken_ms)
    stall = "" if stall_ms is None else f"{stall_ms:.1f}"
    print(f"| {what} | {floor_ms:,.1f} | {taken:.1f} | {taken / floor_ms:.3g} | {stall} |")


if __name__ == "__main__":
    main()
