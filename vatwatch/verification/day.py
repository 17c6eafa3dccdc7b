"""A simulated day, derived in this process: decode and compare, as the service does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from vatsim_simulator.areas import POSITIONS_DATA, SECTORS, area_files
from vatsim_simulator.oddities import Rates
from vatsim_simulator.people import UPDATE_S
from vatsim_simulator.truth import TruthRecord
from vatsim_simulator.world import World
from vatwatch.traffic.areas.given_file import AreaSetting, read_given
from vatwatch.traffic.areas.known_areas import known_areas
from vatwatch.traffic.network_state import NetworkState, Rules
from vatwatch.traffic.pipeline import ComparedSnapshot, Options, compare, decode_snapshot
from vatwatch.verification.accounts import Snapshots
from vatwatch.verification.arrivals import ArrivalObserver, LeadResult
from vatwatch.verification.boards import BoardObserver
from vatwatch.verification.comparison import compare_accounts
from vatwatch.verification.episodes import (
    CONTACT,
    STAY,
    EpisodeObserver,
    compare_episodes,
    told_episodes,
)
from vatwatch.verification.loads import LoadObserver, LoadResult
from vatwatch.verification.observer import DayObserver
from vatwatch.verification.restarts import SnapshotTables, temporary_tables
from vatwatch.verification.results import KindResult, missed_aims
from vatwatch.verification.told import told_account

START = datetime(2026, 5, 1, 0, 0, 10, 120_000, tzinfo=UTC)
# So that a day of some hundred pilots has dozens of each case. What one record alone says wrongly
# (impossible heights and speeds) stays as rare as it is.
RATES = Rates(
    turnarounds=0.25, next_legs=0.2, hours_away=0.15, new_plan=0.15, other_callsign=0.3,
    reconnects_a_step=0.0015, circuits=0.6, airliners_touch_and_go=0.01, go_arounds=0.05,
    rejected_take_offs=0.03, diversions=0.05, pauses=0.03, slews=0.02, accelerated=0.02,
    ground_slews=0.01, joins_in_flight=0.04, lands_off_airport=0.5, seaplanes=0.03,
    controller_reconnects_a_step=0.002, controllers=3.0, couples=0.3, same_frequency=0.1,
    other_spelling=0.3, station_far_off=0.15,
)  # fmt: skip


class Verification(Struct):
    """What came of a day."""

    pilots: int
    hours: float
    seed: int
    snapshots: int
    restarts: int
    """How often the deriving process was killed within."""
    results: list[KindResult]
    missed: list[str]
    """The aims that were missed, in words."""
    arrivals: list[LeadResult]
    """How wrong the ETA was, by lead time."""
    loads: list[LoadResult]
    """How wrong the expected loads of FIRs and sectors were, by how far ahead they were told."""


def verify_day(
    pilots: int,
    hours: float,
    seed: int,
    *,
    restarts: int = 0,
    advanced: Callable[[], None] = lambda: None,
    rates: Rates = RATES,
) -> Verification:
    """Simulate, derive and compare.

    Args:
        pilots: how many the network has at a time
        hours: how long it lasts
        seed: of the traffic
        restarts: how often the deriving process is killed, evenly over the day; what it knows after
            that is what it has written to a database of its own
        advanced: called after each snapshot
        rates: how often rare things happen

    Raises:
        EmbeddedPostgresError: with restarts, where no PostgreSQL can be started
    """
    world, options = World(seed, pilots, START, rates, watched=True), simulated_options()
    observer, arrivals, episodes = DayObserver(), ArrivalObserver(), EpisodeObserver()
    loads, boards = LoadObserver(options.rules.areas), BoardObserver(options.rules.areas)
    truth: list[TruthRecord] = []
    with temporary_tables(options.rules) if restarts else nullcontext() as tables:
        for compared in _compared(world, count_snapshots(hours), options, tables, restarts):
            told_now = world.take_truth()
            truth += told_now
            boards.observe(told_now, compared.state)
            observer.observe(compared)
            arrivals.observe(compared.state)
            episodes.observe(compared.state)
            loads.observe(compared.state)
            advanced()
    snapshots = Snapshots(observer.times, UPDATE_S)
    end = max(world.now, observer.times[-1])
    told = told_account(truth, observer.times[0], end)
    results = compare_accounts(told, observer.account(), snapshots)
    true_episodes, derived_episodes = told_episodes(truth, end), episodes.episodes()
    results += compare_episodes(true_episodes, derived_episodes, snapshots, CONTACT)
    # Of an aircraft that reports several times its height nobody can say in which sector it is.
    unclear = {record.cid for record in truth if record.exaggerates}
    true_stays, derived_stays = (
        [one for one in side if one.key[1] not in unclear]
        for side in (true_episodes, derived_episodes)
    )
    results += compare_episodes(true_stays, derived_stays, snapshots, STAY)
    results += boards.results()
    return Verification(
        pilots,
        hours,
        seed,
        len(observer.times),
        restarts,
        results,
        missed_aims(results),
        arrivals.results(told.happenings),
        loads.results(),
    )


def simulated_options() -> Options:
    """The rules of a service that has been given the files of the simulator's areas."""
    files = area_files()
    given = [(name, AreaSetting.POSITIONS) for name in POSITIONS_DATA]
    given += [(name, AreaSetting.SECTORS) for name in SECTORS]
    areas = known_areas([read_given(files[name], name, setting) for name, setting in given])
    return Options(rules=Rules(areas=areas))


def _compared(
    world: World, count: int, options: Options, tables: SnapshotTables | None, restarts: int
) -> Iterator[ComparedSnapshot]:
    """The snapshots of a day, one after the other, each held against the one before."""
    state, encoder = NetworkState(), msgspec.json.Encoder()
    kills = {round(count * number / (restarts + 1)) for number in range(1, restarts + 1)}
    for number in range(count):
        if number:
            world.advance()
        decoded = decode_snapshot(
            encoder.encode(world.feed()), encoder.encode(world.radios()), options
        )
        if tables is not None and number in kills:
            state = tables.restart()
        compared = compare(state, decoded, options.rules)
        if tables is not None:
            tables.write(compared)
        state = compared.state
        yield compared


def count_snapshots(hours: float) -> int:
    """How many there are in so many hours."""
    return round(hours * 3600 / UPDATE_S)
