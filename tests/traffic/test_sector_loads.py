"""How many aircraft each sector is expected to have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache

import numpy as np
import shapely
from msgspec.structs import replace

from tests.storage.test_derived_again import archive_of
from tests.traffic.areas.test_sector_map import volume
from tests.traffic.build import at, pilot, plan, snapshot
from vatwatch.feed.records import Pilot
from vatwatch.traffic.airports import Airport, load_airports
from vatwatch.traffic.areas.sector_map import SectorMap
from vatwatch.traffic.diff import apply, diff
from vatwatch.traffic.estimates import estimates
from vatwatch.traffic.geometry import distance_nm
from vatwatch.traffic.network_state import Flight, NetworkState, Rules
from vatwatch.traffic.pipeline import Options, compare
from vatwatch.traffic.sector_loads import MINUTES_AHEAD, Standing, ahead_of, expected_loads

EVERYWHERE = volume(shapely.box(-180, -90, 180, 90), "Everywhere")
OPTIONS = Options()


@cache
def state() -> NetworkState:
    """Half an hour of the simulated world."""
    known = NetworkState()
    for decoded in archive_of(seed=11, pilots=150, options=OPTIONS, count=40):
        known = compare(known, decoded, OPTIONS.rules).state
    return known


def flights() -> list[Flight]:
    return list(state().flights.values())


def loads(of: Sequence[Flight], *volumes: object) -> dict[str, list[int]]:
    sectors = SectorMap(volumes)  # type: ignore[arg-type]
    time = state().time
    assert time is not None
    found = expected_loads(of, sectors, time).loads
    return {sector.name: found[:, number].tolist() for number, sector in enumerate(sectors.sectors)}


def test_the_moments_are_those_of_an_hour_in_steps_of_five_minutes() -> None:
    time = state().time
    assert time is not None
    found = expected_loads([], SectorMap([EVERYWHERE]), time)
    assert found.times() == [time + timedelta(minutes=5 * step) for step in range(1, 13)]
    assert found.loads.tolist() == [[0]] * 12


def test_without_sectors_nothing_is_expected() -> None:
    assert loads(flights()) == {}


def test_everywhere_are_those_who_are_in_the_air_by_their_eta() -> None:
    time = state().time
    assert time is not None
    naive = []
    for minutes in MINUTES_AHEAD:
        then, count = time + timedelta(minutes=minutes), 0
        for flight in flights():
            lands_at = estimates(flight.progress, flight.parsed_plan, flight.gaps).eta
            flies = flight.progress.airborne or flight.progress.touch is not None
            if lands_at is None:
                count += flight.progress.airborne
            elif flies:
                count += then < lands_at
            else:
                assert flight.parsed_plan is not None
                enroute = timedelta(seconds=flight.parsed_plan.enroute_s or 0)
                count += lands_at - enroute <= then < lands_at
        naive.append(count)
    assert loads(flights(), EVERYWHERE) == {"Everywhere": naive}
    assert naive[0] > 50


def test_the_loads_of_all_are_the_sum_of_those_of_each() -> None:
    boxes = [
        volume(shapely.box(west, south, west + 20, south + 15), f"{west} {south} {floor}", floor)
        for west in range(-180, 180, 20)
        for south in range(-60, 75, 15)
        for floor in (None, 24_500)
    ]
    together = loads(flights(), *boxes)
    alone = [loads([flight], *boxes) for flight in flights()]
    for name, expected in together.items():
        assert expected == np.sum([each[name] for each in alone], axis=0).tolist(), name


# --- one flight ----------------------------------------------------------------------------------

EDDF, EDDM, LIRF = (load_airports()[icao] for icao in ("EDDF", "EDDM", "LIRF"))
LEVEL_FT = 35_000


def to_rome(**changes: object) -> Pilot:
    """North of Rome on its meridian, at its level: 300 nm to go, at 450 kt."""
    filed = replace(plan(), departure="EDDF", arrival="LIRF", cruise_tas="450", altitude="FL350")
    at_level = replace(
        pilot(altitude=LEVEL_FT, groundspeed=450, flight_plan=filed),
        latitude=LIRF.latitude + 5.0,
        longitude=LIRF.longitude,
        heading=180,
    )
    return replace(at_level, **changes)


def one(who: Pilot) -> Flight:
    """After the first snapshot with it."""
    known = apply(NetworkState(), diff(NetworkState(), snapshot(15, pilots=[who]), Rules()))
    (flight,) = known.flights.values()
    return flight


def boxed(*of: object, flight: Flight) -> dict[str, list[int]]:
    sectors = SectorMap(of)  # type: ignore[arg-type]
    found = expected_loads([flight], sectors, at(15)).loads
    return {sector.name: found[:, number].tolist() for number, sector in enumerate(sectors.sectors)}


def test_a_flight_goes_along_the_great_circle_with_its_speed() -> None:
    flight = one(to_rome())
    west, east = LIRF.longitude - 0.01, LIRF.longitude + 0.01
    # 450 kt are 37.5 nm in five minutes: five eighths of a degree.
    begin = LIRF.latitude + 5.0
    strips = [
        volume(shapely.box(west, begin - (step + 0.3) * 0.625, east, begin - (step - 0.3) * 0.625))
        for step in range(1, 4)
    ]
    named = [replace(each, name=str(number)) for number, each in enumerate(strips, 1)]
    found = boxed(*named, flight=flight)
    assert [found[str(step)].index(1) for step in (1, 2, 3)] == [0, 1, 2]
    assert all(sum(each) == 1 for each in found.values())


def test_it_comes_down_with_three_degrees_and_is_nowhere_after_its_eta() -> None:
    flight = one(to_rome())
    lands_at = estimates(flight.progress, flight.parsed_plan).eta
    assert lands_at is not None
    low, high = (
        volume(EVERYWHERE.geometry, "low", None, LEVEL_FT),
        volume(EVERYWHERE.geometry, "high", LEVEL_FT, None),
    )
    found = boxed(low, high, flight=flight)
    # The descent is 110 nm: begun after 190 nm, in 25 minutes.
    assert found["high"] == [1] * 5 + [0] * 7
    in_the_air = int((lands_at - at(15)) / timedelta(minutes=5))
    assert found["low"] == [0] * 5 + [1] * (in_the_air - 5) + [0] * (12 - in_the_air)


def test_it_climbs_to_its_filed_level() -> None:
    who = to_rome(altitude=20_000, groundspeed=400)
    flight = one(who)
    flight = replace(
        flight, progress=replace(flight.progress, phase=type(flight.progress.phase)("climb"))
    )
    below = volume(EVERYWHERE.geometry, "below", None, LEVEL_FT)
    # 15,000 ft with 1,800 ft/min: after five minutes on its way, after ten at its level.
    found = boxed(below, flight=flight)["below"]
    assert found[:2] == [1, 0]


def test_an_aircraft_without_an_eta_stays_where_it_is() -> None:
    flight = one(to_rome(flight_plan=None))
    here = volume(shapely.box(LIRF.longitude - 1, 46, LIRF.longitude + 1, 47.5), "here")
    assert boxed(here, flight=flight) == {"here": [1] * 12}
    assert isinstance(ahead_of(flight, at(15)), Standing)


def on_the_ground(airport: Airport, enroute: str = "0100") -> Flight:
    filed = replace(
        plan(),
        departure=airport.icao,
        arrival="LIRF",
        cruise_tas="450",
        altitude="FL350",
        enroute_time=enroute,
    )
    stands = replace(
        pilot(altitude=airport.elevation_ft, flight_plan=filed),
        latitude=airport.latitude,
        longitude=airport.longitude,
    )
    return one(stands)


def test_who_has_not_departed_is_expected_from_its_take_off_on() -> None:
    flight = on_the_ground(EDDM)
    # A parked aircraft is in the air 25 minutes from now, and climbs.
    assert boxed(EVERYWHERE, flight=flight)["Everywhere"] == [0] * 4 + [1] * 8
    high = volume(EVERYWHERE.geometry, "high", 30_000, None)
    assert boxed(high, flight=flight)["high"][:6] == [0] * 6


def test_who_stands_without_an_eta_is_not_expected() -> None:
    flight = on_the_ground(EDDM, enroute="")
    assert ahead_of(flight, at(15)) is None
    assert boxed(EVERYWHERE, flight=flight) == {"Everywhere": [0] * 12}


def test_who_crosses_the_date_line_is_on_the_other_side_of_it() -> None:
    tonga = load_airports()["NFTF"]
    filed = replace(plan(), departure="NZAA", arrival="NFTF", cruise_tas="450", altitude="FL350")
    who = replace(
        pilot(altitude=LEVEL_FT, groundspeed=450, flight_plan=filed),
        latitude=tonga.latitude,
        longitude=178.0,
    )
    left_nm = distance_nm(tonga.latitude, 178.0, tonga.latitude, tonga.longitude)
    assert 350 < left_nm < 450
    west, east = (
        volume(shapely.box(170, -30, 180, 0), "west"),
        volume(shapely.box(-180, -30, -170, 0), "east"),
    )
    found = boxed(west, east, flight=one(who))
    assert found["west"][:2] == [1, 1]
    assert found["east"][4:8] == [1] * 4


def test_an_altitude_that_is_not_known_is_inside_only_without_bounds() -> None:
    flight = one(to_rome(altitude=None))
    bounded = volume(EVERYWHERE.geometry, "bounded", 1, 99_000)
    found = boxed(bounded, EVERYWHERE, flight=flight)
    assert found["bounded"] == [0] * 12
    assert found["Everywhere"][:4] == [1] * 4


def test_a_flight_at_its_destination_is_no_error() -> None:
    who = to_rome(latitude=LIRF.latitude, longitude=LIRF.longitude, altitude=2_000, groundspeed=140)
    assert boxed(EVERYWHERE, flight=one(who))["Everywhere"] == [0] * 12
