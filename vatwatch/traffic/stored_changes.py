"""Of what a snapshot changes, what is stored and told: the filters have a say here, and only here.

What a flight does is derived also where the filters do not let it through. A flight that they have
let through once is kept up to its end, without positions while it is outside.
"""

from __future__ import annotations

from msgspec.structs import replace

from vatwatch.traffic.changes import Changes, FlightChanges
from vatwatch.traffic.network_state import FiledPlan, Flight


def stored_only(changes: Changes) -> Changes:
    """The changes without the flights that the filters have never let through."""
    flights = changes.flights
    # To the tables and to subscribers a flight begins when it is let through for the first time.
    entered = {flight.flight_id for flight in flights.entered}
    created = [*_stored(flights.created), *flights.entered]
    opened = {plan.flight_id for plan in flights.plans_opened}
    stored = {flight.flight_id for flight in flights.online if flight.stored}
    return replace(
        changes,
        flights=FlightChanges(
            online=_stored(flights.online),
            created=created,
            entered=flights.entered,
            updated=[f for f in _stored(flights.updated) if f.flight_id not in entered],
            reconnected=_stored(flights.reconnected),
            resumed=_stored(flights.resumed),
            moved_by=[(movement, f) for movement, f in flights.moved_by if f.stored],
            diverted=_stored(flights.diverted),
            returned=_stored(flights.returned),
            gone=_stored(flights.gone),
            ended=_stored(flights.ended),
            final=flights.final,
            remembered=[f for f in _stored(flights.remembered) if f.flight_id not in entered],
            shown=flights.shown,
            positions=_stored(flights.positions),
            moved=flights.moved,
            plans_opened=[
                *(plan for plan in flights.plans_opened if plan.flight_id in stored),
                *(
                    plan
                    for flight in flights.entered
                    if flight.flight_id not in opened
                    for plan in _plan_of(flight)
                ),
            ],
            plans_closed=flights.plans_closed,
            plans_withdrawn=flights.plans_withdrawn,
        ),
    )


def _stored(flights: list[Flight]) -> list[Flight]:
    return [flight for flight in flights if flight.stored]


def _plan_of(flight: Flight) -> list[FiledPlan]:
    """The plan that a flight brings along; it is known from now on."""
    plan, parsed = flight.pilot.flight_plan, flight.parsed_plan
    if plan is None or parsed is None or flight.plan_id is None:
        return []
    return [
        FiledPlan(
            flight.plan_id,
            flight.flight_id,
            flight.pilot.cid,
            flight.pilot.callsign,
            plan,
            parsed,
            flight.last_seen,
        )
    ]
