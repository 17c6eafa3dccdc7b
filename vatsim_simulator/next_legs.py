"""What a pilot's plan says of the next leg, to those who see no more than the plan."""

from __future__ import annotations

from vatsim_simulator.pilots import PilotConnection
from vatwatch.feed.records import FlightPlan


def changes_ends(old: FlightPlan | None, new: FlightPlan | None) -> bool:
    """Whether a plan has another departure or arrival than the one before, or is the first."""
    if old is None or new is None:
        return new is not old
    return (old.departure, old.arrival) != (new.departure, new.arrival)


def names_no_leg(old: FlightPlan | None, connection: PilotConnection) -> bool:
    """Whether the plan does not tell that another leg begins."""
    new, start = connection.plan, connection.flight.starts_at.airport
    if new is None or old is None:
        return new is None or start is None or new.departure != start.icao
    named = {new.departure, new.arrival} - {"", "ZZZZ"}
    # An arrival that is amended to where it has landed is a correction.
    here = {old.arrival, "" if start is None else start.icao}
    return not named or (old.departure == new.departure and new.arrival in here)


def shows_no_new_flight(old: FlightPlan | None, connection: PilotConnection) -> bool:
    """Whether one who is back at the stand where he landed may as well go on with the old flight.

    So it is if he files nothing new, and the old plan does not say that the flight ends here: after
    a diversion, or on the third leg under the plan of the first. Until he leaves the stand nothing
    that he sends shows that he has another flight in mind, so it begins there.
    """
    new, start = connection.plan, connection.flight.starts_at.airport
    if old is not None and start is not None and old.arrival == start.icao:
        return False
    refiled = old is not None and new is not None and old.departure != new.departure
    return not refiled and names_no_leg(old, connection)
