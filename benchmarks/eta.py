"""Benchmark: how wrong the ETA is, by how long before the landing it is told.

    python -m benchmarks.eta [--flights N] [--seed S]

Flights of the simulator, which has a profile of its own and shares no formula with the rules, are
flown from stand to stand, a snapshot each 15 seconds. The ETA is held against the landing at each
of some lead times, and beside it the naive estimate (distance over present speed). The last line
says what one call costs. In the simulator there is no wind, and everybody flies the great circle:
on the network both estimates are worse by what these cost.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from time import perf_counter
from typing import NamedTuple

from vatsim_simulator.fleet import FLEET
from vatsim_simulator.flight import SimulatedFlight
from vatsim_simulator.places import places
from vatsim_simulator.truth import TruthKind
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.eta import eta, naive_eta
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.parsed_plan import ParsedPlan, parse_plan
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress import advance, begin
from vatwatch.traffic.progress_record import Progress

START = datetime(2026, 1, 1, tzinfo=UTC)
SNAPSHOT_S = 15
LEADS_MIN = (5, 10, 30, 60, 120, 240)


class Moment(NamedTuple):
    """One flight, so long before its landing."""

    lead_min: int
    progress: Progress
    flight: SimulatedFlight
    plan: ParsedPlan
    lands: datetime


def main() -> None:
    """Fly, compare, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--flights", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    random = Random(given.seed)
    moments = [each for _ in range(given.flights) for each in flown(random)]
    print(f"{given.flights} flights; errors in minutes, median and nine tenths of all")
    print("| before the landing | flights | eta | naive | eta told |")
    print("| --- | --- | --- | --- | --- |")
    for lead_min in LEADS_MIN:
        print(_row(lead_min, [each for each in moments if each.lead_min == lead_min]))
    print(f"{_cost_us(moments):.2f} µs a call")


def _row(lead_min: int, moments: list[Moment]) -> str:
    ours, naive = [], []
    for each in moments:
        departure, arrival = each.flight.departure, each.flight.arrival
        told = eta(each.progress, each.plan, departure.icao, arrival)
        plain = naive_eta(each.progress, arrival)
        if told is not None and plain is not None:
            ours.append(abs((told - each.lands).total_seconds()) / 60)
            naive.append(abs((plain - each.lands).total_seconds()) / 60)
    share = len(ours) / max(1, len(moments))
    return f"| {lead_min} min | {len(ours)} | {_spread(ours)} | {_spread(naive)} | {share:.0%} |"


def _spread(errors: list[float]) -> str:
    if len(errors) < 2:
        return "-"
    return f"{statistics.median(errors):.1f}, {statistics.quantiles(errors, n=10)[-1]:.1f}"


def _cost_us(moments: list[Moment]) -> float:
    begins = perf_counter()
    for each in moments:
        eta(each.progress, each.plan, each.flight.departure.icao, each.flight.arrival)
    return (perf_counter() - begins) / max(1, len(moments)) * 1e6


def flown(random: Random) -> Iterator[Moment]:
    """One flight between two airports of the simulator, at each of the lead times."""
    aircraft = random.choices(FLEET, [kind.weight for kind in FLEET])[0]
    fields = places().hubs if not aircraft.light else places().fields
    departure = random.choice(fields)
    near, far = aircraft.range_nm
    reached = [
        other
        for other in random.sample(fields, min(len(fields), 300))
        if near
        <= distance_nm(departure.latitude, departure.longitude, other.latitude, other.longitude)
        <= far
    ]
    if not reached:
        return
    flight = SimulatedFlight(random, aircraft, departure, random.choice(reached))
    texts = FlightPlan(
        departure=departure.icao,
        arrival=flight.arrival.icao,
        cruise_tas=str(round(flight.cruise_kt)),
        altitude=str(flight.cruise_ft),
    )
    plan = parse_plan(texts, load_airports())
    landing_s = next(
        one.second for one in reversed(flight.milestones) if one.kind is TruthKind.LANDING
    )
    due = {landing_s - lead * 60: lead for lead in LEADS_MIN}
    progress = None
    second = random.uniform(0, SNAPSHOT_S)
    while second < landing_s:
        position = _position(flight, second)
        progress = (
            begin(position, texts) if progress is None else advance(progress, position, texts)
        )
        passed = [moment for moment in due if moment <= second]
        for moment in passed:
            lead = due.pop(moment)
            if progress.airborne and second - moment < SNAPSHOT_S:
                lands = START + timedelta(seconds=landing_s)
                yield Moment(lead, progress, flight, plan, lands)
        second += SNAPSHOT_S


def _position(flight: SimulatedFlight, second: float) -> Position:
    fix = flight.at(second)
    return Position(
        START + timedelta(seconds=second),
        round(fix.latitude, 5),
        round(fix.longitude, 5),
        round(fix.altitude_ft),
        round(fix.groundspeed_kt),
        fix.heading,
    )


if __name__ == "__main__":
    main()
