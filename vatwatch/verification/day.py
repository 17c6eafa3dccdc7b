"""A simulated day, derived in this process: decode and compare, without a database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from vatsim_simulator.oddities import Rates
from vatsim_simulator.people import UPDATE_S
from vatsim_simulator.world import World
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.pipeline import Options, compare, decode_snapshot
from vatwatch.verification.accounts import Snapshots
from vatwatch.verification.arrivals import ArrivalObserver, LeadResult
from vatwatch.verification.comparison import compare_accounts
from vatwatch.verification.observer import DayObserver
from vatwatch.verification.results import KindResult, missed_aims
from vatwatch.verification.told import told_account

START = datetime(2026, 5, 1, 0, 0, 10, 120_000, tzinfo=UTC)
# So that a day of some hundred pilots has dozens of each case. What one record alone says wrongly
# (impossible heights and speeds) stays as rare as it is.
RATES = Rates(
    turnarounds=0.25, next_legs=0.2, hours_away=0.15, new_plan=0.15, other_callsign=0.3,
    reconnects_a_step=0.0015, circuits=0.6, airliners_touch_and_go=0.01, go_arounds=0.05,
    rejected_take_offs=0.03, diversions=0.05, pauses=0.03, slews=0.02, accelerated=0.02,
    ground_slews=0.01, joins_in_flight=0.04, lands_off_airport=0.5,
    controller_reconnects_a_step=0.002,
)  # fmt: skip


class Verification(Struct):
    """What came of a day."""

    pilots: int
    hours: float
    seed: int
    snapshots: int
    results: list[KindResult]
    missed: list[str]
    """The aims that were missed, in words."""
    arrivals: list[LeadResult]
    """How wrong the ETA was, by lead time."""


def verify_day(
    pilots: int,
    hours: float,
    seed: int,
    *,
    advanced: Callable[[], None] = lambda: None,
    rates: Rates = RATES,
) -> Verification:
    """Simulate, derive and compare; `advanced` is called after each snapshot."""
    world, options, state = World(seed, pilots, START, rates), Options(), NetworkState()
    observer, arrivals, truth = DayObserver(), ArrivalObserver(), world.take_truth()
    encoder = msgspec.json.Encoder()
    for _ in range(count_snapshots(hours)):
        world.advance()
        truth += world.take_truth()
        decoded = decode_snapshot(
            encoder.encode(world.feed()), encoder.encode(world.radios()), options
        )
        compared = compare(state, decoded, options.rules)
        state = compared.state
        observer.observe(compared)
        arrivals.observe(state)
        advanced()
    snapshots = Snapshots(observer.times, UPDATE_S)
    told = told_account(truth, observer.times[0], max(world.now, observer.times[-1]))
    results = compare_accounts(told, observer.account(), snapshots)
    return Verification(
        pilots,
        hours,
        seed,
        len(observer.times),
        results,
        missed_aims(results),
        arrivals.results(told.happenings),
    )


def count_snapshots(hours: float) -> int:
    """How many there are in so many hours."""
    return round(hours * 3600 / UPDATE_S)
