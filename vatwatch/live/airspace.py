"""In which FIRs and sectors flights are, as readers see it."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from vatwatch.traffic.areas.volumes import FIR
from vatwatch.traffic.network_state import NetworkState


class FlightAirspace(NamedTuple):
    """Where one flight is: ids and names, sorted. Who is not in the air is in none."""

    firs: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()


NOWHERE = FlightAirspace()


def airspace_of_all(state: NetworkState) -> dict[int, FlightAirspace]:
    """By flight id; who is in none is left out."""
    firs: dict[int, list[str]] = defaultdict(list)
    sectors: dict[int, list[str]] = defaultdict(list)
    for stay in state.stays.values():
        (firs if stay.kind == FIR else sectors)[stay.flight_id].append(stay.sector)
    found = {
        flight_id: FlightAirspace(tuple(sorted(names)), ()) for flight_id, names in firs.items()
    }
    for flight_id, names in sectors.items():
        of = found.get(flight_id, NOWHERE)
        found[flight_id] = FlightAirspace(of.firs, tuple(sorted(names)))
    return found
