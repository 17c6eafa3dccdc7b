"""Who is in which FIR and sector.

A stay is a run of snapshots that show a flight in the air inside: it began with the first, and
ended with the last one, so it never outlives the flight. Where the flight is, is where its track
has it: who stands in the air (paused) is where it came to stand. `areas.sector_map` has the rules
for borders and heights.

Stays follow from the snapshot and the areas alone. With other areas, those in what is no longer
there have ended with the snapshot before, and what is new begins with the first one after it.
Nobody has crossed a border by that, so it is no event: what is told are those who, by the areas in
use, were on the other side in the snapshot before, or not in the air.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import numpy as np

from vatwatch.traffic.areas.area_grid import Floats
from vatwatch.traffic.areas.known_areas import KnownAreas
from vatwatch.traffic.changes import SectorChanges
from vatwatch.traffic.network_state import Flight, NetworkState, SectorStay
from vatwatch.traffic.position import Position
from vatwatch.traffic.track import place_of


def sector_changes(
    before: NetworkState, online: Sequence[Flight], areas: KnownAreas, time: datetime
) -> SectorChanges:
    """What a snapshot changes in who is where.

    Args:
        before: the state before it
        online: all flights that are in it, as they are after it
        areas: those in use
        time: the snapshot's
    """
    out = SectorChanges()
    flying = [f for f in online if f.progress.airborne and f.stored] if areas.volumes else []
    if flying:
        _find(before, flying, areas, time, out)
    elif not before.stays:
        return out
    gone = sorted(key for key in before.stays if key not in out.present)
    changed = {stay.flight_id for stay in out.entered}.union(key[0] for key in gone)
    was = {f.flight_id: f for f in before.flights.values() if f.flight_id in changed}
    places = {flight_id: place_of(flight) for flight_id, flight in was.items()}
    for key in gone:
        place = places.get(key[0])
        out.left.append((before.stays[key], None if place is None else place.altitude))
    was_inside = _inside(places, areas)
    out.redrawn = {
        *(
            stay.key
            for stay in out.entered
            if stay.key in was_inside
            and (flight := was[stay.flight_id]).stored
            and flight.progress.airborne
        ),
        *(key for key in gone if key not in was_inside),
    }
    return out


def _inside(places: Mapping[int, Position], areas: KnownAreas) -> set[tuple[int, str, str]]:
    """What the areas in use say of the snapshot before, as keys of stays.

    `places`: of those whose stays have begun or ended, by flight.
    """
    ids, of = list(places), areas.sector_map
    found = of.inside(*_columns(places.values()))
    return {
        (ids[point], of.kinds[number], of.names[number])
        for point, number in zip(found.points.tolist(), found.sectors.tolist(), strict=True)
    }


def _columns(fixes: Collection[Position]) -> tuple[Floats, Floats, Floats]:
    """Latitudes, longitudes, and altitudes, of which those that are not known are NaN."""
    return (
        np.array([fix.latitude for fix in fixes], np.float64),
        np.array([fix.longitude for fix in fixes], np.float64),
        np.array([fix.altitude for fix in fixes], np.float64),
    )


def _find(
    before: NetworkState,
    flying: Sequence[Flight],
    areas: KnownAreas,
    time: datetime,
    out: SectorChanges,
) -> None:
    fixes = [flight.progress.fix for flight in flying]
    inside = areas.sector_map.inside(*_columns(fixes))
    points, numbers = inside.points.tolist(), inside.sectors.tolist()
    sectors = areas.sector_map.sectors
    # There are thousands, and a loop with all of this in it takes twice as long.
    ids = [flight.flight_id for flight in flying]
    kinds, names = areas.sector_map.kinds, areas.sector_map.names
    keys = list(
        zip(
            [ids[point] for point in points],
            [kinds[number] for number in numbers],
            [names[number] for number in numbers],
            strict=True,
        )
    )
    begun: dict[tuple[int, str, str], SectorStay] = {}
    entered: set[int] = set()
    for row, key in enumerate(keys):
        if key not in before.stays:
            flight, altitude = flying[points[row]], fixes[points[row]].altitude
            begun[key] = SectorStay(
                flight.flight_id, flight.pilot.callsign, key[1], key[2], time, altitude
            )
            entered.add(numbers[row])
    known = {**before.stays, **begun}
    out.present = {key: known[key] for key in keys}
    out.entered = list(begun.values())
    out.sectors = [sectors[number] for number in sorted(entered)]
