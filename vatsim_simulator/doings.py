"""What a flight does besides going from one airport to the other: drawn by the rates."""

from __future__ import annotations

from random import Random

from vatsim_simulator.fleet import AircraftType
from vatsim_simulator.oddities import Rates
from vatsim_simulator.places import hubs_between, is_hub
from vatsim_simulator.planner import Doings
from vatsim_simulator.profile import Disturbance
from vatsim_simulator.track import Stand, between_nm, near
from vatwatch.traffic.airports import Airport, load_airports
from vatwatch.traffic.geometry import distance_nm

# A helicopter's goal out in the country is this far from the airport that it is nearest to.
_COUNTRY_NM = (4.0, 12.0)
_LONELY_NM = 3.5
_TRIES = 12


def draw_doings(
    random: Random,
    rates: Rates,
    aircraft: AircraftType,
    departure: Airport,
    arrival: Airport,
    start: Stand | None = None,
) -> Doings:
    """What happens on this flight; `start` is the stand that it is at already."""
    local = departure.icao == arrival.icao
    spot = None
    if aircraft.helicopter or aircraft.seaplane:
        lands_out = not local and random.random() < rates.lands_off_airport
        spot = spot_near(random, arrival) if lands_out else None
    if aircraft.helicopter:
        return Doings(start=start, spot=spot)
    circuits = random.random() < (rates.circuits if local else rates.airliners_touch_and_go)
    rejects = random.random() < rates.rejected_take_offs
    goes_around = random.random() < rates.go_arounds
    return Doings(
        start=start,
        spot=spot,
        touch_and_goes=random.choice((1, 1, 2, 3, 4, 6)) if circuits else 0,
        rejects=random.choice((1, 1, 1, 2)) if rejects else 0,
        gives_up=rejects and random.random() < 0.25,
        go_arounds_ft=_heights_ft(random, aircraft) if goes_around else (),
        slews_to_runway=random.random() < rates.ground_slews,
        disturbance=_disturbance(random, rates),
    )


def draw_alternate(random: Random, departure: Airport, planned: Airport) -> Airport | None:
    """Where a flight lands instead: a large airport not far from where it was bound for."""
    if departure.icao == planned.icao or not is_hub(planned.icao):
        return None
    if between_nm(departure, planned) < 200:
        return None
    others, weights = hubs_between(planned.icao, 25, 250)
    fitting = [
        (other, weight)
        for other, weight in zip(others, weights, strict=True)
        if other.icao != departure.icao and between_nm(departure, other) > 100
    ]
    if not fitting:
        return None
    return random.choices([one for one, _ in fitting], [weight for _, weight in fitting])[0]


def _heights_ft(random: Random, aircraft: AircraftType) -> tuple[int, ...]:
    """Most go around at a decision height of 200 ft or above, some lower."""
    highest_ft = 600 if aircraft.light else 1_200
    heights = [
        random.randint(120, 200) if random.random() < 0.1 else random.randint(200, highest_ft)
        for _ in range(random.choice((1, 1, 1, 1, 2)))
    ]
    return tuple(heights)


def _disturbance(random: Random, rates: Rates) -> Disturbance | None:
    share = random.uniform(0.1, 0.8)
    chance = random.random()
    if chance < rates.pauses:
        return Disturbance(share, random.uniform(60, 2_400), random.random() < 0.5)
    chance -= rates.pauses
    if chance < rates.slews:
        return Disturbance(share, slew_nm=random.uniform(5, 400))
    chance -= rates.slews
    if chance < rates.accelerated:
        return Disturbance(share, times_faster=random.choice((2, 2, 4, 8)))
    return None


def spot_near(random: Random, arrival: Airport) -> Stand | None:
    """A place in the country near the airport, and not at any other."""
    for _ in range(_TRIES):
        point = near(
            (arrival.latitude, arrival.longitude),
            random.uniform(0, 360),
            random.uniform(*_COUNTRY_NM),
        )
        if not any(
            abs(airport.latitude - point[0]) < 0.1
            and distance_nm(airport.latitude, airport.longitude, *point) < _LONELY_NM
            for airport in load_airports().values()
        ):
            ground_ft = max(0.0, arrival.elevation_ft + random.gauss(0, 150))
            return Stand(point, random.randrange(360), None, ground_ft)
    return None
