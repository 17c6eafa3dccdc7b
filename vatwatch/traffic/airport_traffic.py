"""Traffic of airports: which flights depart, are bound for, and stand at an airport.

- A flight is *on the ground* at the airport where it was first seen or landed (the rule of
  movements), unless it is in the air, or has touched the ground and it is not decided yet whether
  it landed. Nobody taxies from one airport to another, also where another one is nearer.
- A *departure* of an airport is a flight that has taken off there, or touched and gone, and not
  landed since; and before its take-off one that stands there with a plan from there, or taxies out
  without a plan that says from where. Where the take-off was not seen, the plan tells. Who took off
  outside of all airports departs from none.
- A flight is *inbound* if it is in the air and its plan, as filed now, ends at the airport; or if
  it has not departed yet and it can be told when it will land (`eta`). Who has landed is not
  inbound, whatever the plan says: parked aircraft are no arrivals. So a flight that diverts is
  inbound where it says that it goes, and who lands elsewhere has landed there.
- A *prefile* is a plan of somebody who is not connected, and only as long as it was not flown.

The order: departures with the nearest first, inbound flights in the air by the time at which they
will land, then those in the air for which it cannot be told, then those that have not departed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import inf

from msgspec import Struct

from vatwatch.traffic.airfields import OFF_AIRPORT
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.estimates import estimates
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.network_state import Flight
from vatwatch.traffic.phases import FlightPhase


class AirportUse(Struct, frozen=True, gc=False):
    """What one flight has to do with airports; ICAO codes of known ones, None for none."""

    flight: Flight
    airborne: bool
    """In the air, or not decided yet whether it has landed."""
    stands_at: str | None
    departs_from: str | None
    bound_for: str | None
    eta: datetime | None


class AirportTraffic(Struct):
    """The flights of one airport, in the order of the rules once `by_airport` has returned it."""

    departures: list[AirportUse] = []
    inbound: list[AirportUse] = []
    on_ground: list[AirportUse] = []

    def flights(self) -> int:
        """How many different ones."""
        every = (*self.departures, *self.inbound, *self.on_ground)
        return len({use.flight.flight_id for use in every})


def use_of(flight: Flight) -> AirportUse:
    """What a flight has to do with airports. Takes some microseconds."""
    done, plan = flight.progress, flight.parsed_plan
    filed_from = None if plan is None else plan.departure_icao
    filed_to = None if plan is None else plan.arrival_icao
    eta = estimates(done, plan, flight.gaps).eta
    if done.airborne or done.touch is not None:
        latest = done.movements[-1].airport if done.movements else done.found_departure
        departs = None if latest == OFF_AIRPORT else latest or filed_from
        return AirportUse(flight, True, None, departs, filed_to, eta)
    place = done.ground.airport
    stands = None if place == OFF_AIRPORT else place
    departs = None
    if stands is not None and not done.movements:
        leaves = filed_from is None and done.phase is FlightPhase.TAXI_OUT
        departs = stands if leaves or filed_from == stands else None
    # On the ground only who has not departed yet has one.
    bound = filed_to if eta is not None else None
    return AirportUse(flight, False, stands, departs, bound, eta)


def by_airport(uses: Iterable[AirportUse]) -> dict[str, AirportTraffic]:
    """The traffic of each airport that has any; `uses` are of all flights that are shown."""
    found: dict[str, AirportTraffic] = {}
    for use in uses:
        if use.departs_from is not None:
            _at(found, use.departs_from).departures.append(use)
        if use.bound_for is not None:
            _at(found, use.bound_for).inbound.append(use)
        if use.stands_at is not None:
            _at(found, use.stands_at).on_ground.append(use)
    for icao, traffic in found.items():
        traffic.departures.sort(key=lambda use: (away_nm(use, icao), _who(use)))
        traffic.inbound.sort(key=_inbound_order)
        traffic.on_ground.sort(key=_who)
    return found


def away_nm(use: AirportUse, icao: str) -> float:
    """How far a flight is from an airport, in nautical miles; endless if that is not known."""
    airport, fix = load_airports().get(icao), use.flight.progress.fix
    if airport is None:
        return inf
    return distance_nm(fix.latitude, fix.longitude, airport.latitude, airport.longitude)


def in_order(uses: Iterable[AirportUse]) -> list[AirportUse]:
    """Inbound flights of several airports, in the order of the rules."""
    return sorted(uses, key=_inbound_order)


_LAST = timedelta.max.total_seconds()


def _inbound_order(use: AirportUse) -> tuple[bool, float, tuple[str, int]]:
    lands = _LAST if use.eta is None else use.eta.timestamp()
    return not use.airborne, lands, _who(use)


def _who(use: AirportUse) -> tuple[str, int]:
    return use.flight.pilot.callsign, use.flight.flight_id


def _at(found: dict[str, AirportTraffic], icao: str) -> AirportTraffic:
    traffic = found.get(icao)
    if traffic is None:
        traffic = found[icao] = AirportTraffic()
    return traffic
