"""Pilots: their connections, flight plans, and radio frequencies."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from random import Random

import msgspec

from vatsim_simulator import texts
from vatsim_simulator.doings import draw_alternate, draw_doings, spot_near
from vatsim_simulator.fleet import FLEET, SEAPLANE, AircraftType
from vatsim_simulator.flight import Fix, SimulatedFlight
from vatsim_simulator.oddities import Rates, garbage_hz, garbage_inches, garble_plan
from vatsim_simulator.places import hubs_between, is_hub, places
from vatsim_simulator.profile import SimulatedPhase
from vatsim_simulator.radio_names import draw_spelling
from vatsim_simulator.stamps import TICKS_PER_S, from_ticks
from vatsim_simulator.track import Stand, between_nm
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airports import Airport

UNICOM_HZ = 122_800_000
GUARD_HZ = 121_500_000
# (share of the flights that begin, shortest, longest, share of the flights that are seen at one
# moment, as in the captures): long flights are few, but each is seen for half a day.
_LENGTHS = (
    (0.09, 0, 150, 0.05),
    (0.47, 120, 700, 0.40),
    (0.26, 600, 1800, 0.25),
    (0.18, 1800, 6500, 0.30),
)
_TRIES = 48
_PILOT_RATINGS = ((0, 1, 3, 7, 15, 63), (11418, 399, 174, 158, 183, 5))


@dataclass(slots=True)
class Filed:
    """A plan on file, and the flight that it is for."""

    cid: int
    callsign: str
    flight: SimulatedFlight
    plan: FlightPlan
    filed_ticks: int
    expires_ticks: int


@dataclass(slots=True)
class Shown:
    """What the updates have shown of a flight: the truth on boards is worked out from it."""

    flight: int
    told: int
    """So many of its milestones came before."""
    latitude: float
    longitude: float
    left: bool
    """It has left the place where it was first seen, or was moving then."""
    stood_at: str | None = None
    """Where it was last on the ground; empty: off any airport; None: it was not seen there."""
    flew: bool = False


@dataclass(slots=True)
class PilotConnection:
    """One pilot on the network."""

    cid: int
    name: str
    callsign: str
    server: str
    pilot_rating: int
    flight: SimulatedFlight
    began_ticks: int
    """When the flight began; its clock is stopped while the pilot is away."""
    logon_ticks: int
    plan: FlightPlan | None
    """None: not filed, or not yet."""
    transponder: str
    frequency_offset_hz: int
    """Pilots' radios are seldom on the channel to the hertz."""
    second_radio_hz: int | None
    third_radio: bool
    ground_offset_ft: int
    """The difference between two simulators' heights of the ground."""
    garbage_inches: float | None
    faster: float
    """1, or by how much a simulator out of control exaggerates."""
    shows_360: bool
    has_radios: bool
    mute: bool
    spelling: int
    """How its radios name channels, for `other_name_hz`."""
    silent_ticks: int | None = None
    """Since then nothing was heard: the record lingers until the connection times out."""
    gone_ticks: int = 0
    standing: Fix | None = None
    """The last fix, while the aircraft does not move."""
    standing_until_s: float = 0.0
    number: int = 0
    """The flight's, in the truth."""
    told: int = 0
    """So many of its milestones have been told."""
    told_ticks: int = 0
    """The time of the last one."""
    airborne: bool = False
    flew: bool = False
    ended: bool = False
    begins_with_off_block: bool = False
    """The next flight begins, without a word, when it leaves its stand."""
    dropped_ticks: int = 0
    slewed_ticks: int = 0
    shown: Shown | None = None

    def fix(self, now: int) -> Fix:
        """The pilot's position as the network knows it."""
        if self.silent_ticks is not None:
            now = self.silent_ticks
        second = (now - self.began_ticks) / TICKS_PER_S
        # A quarter of all aircraft stand still; they need not be worked out each time.
        if self.standing is not None and second < self.standing_until_s:
            return self.standing
        fix = self.flight.at(second)
        self.standing = None
        if fix.phase is SimulatedPhase.PARKED or fix.phase is SimulatedPhase.ARRIVED:
            self.standing = fix
            self.standing_until_s = self.flight.phase_ends_s(second)
        return fix

    def ends_ticks(self) -> int:
        """When the pilot disconnects."""
        return self.began_ticks + round(self.flight.lasts_s * TICKS_PER_S)


class Operations:
    """Draws flights, plans and pilots."""

    def __init__(self, random: Random, rates: Rates) -> None:
        self._random, self._rates = random, rates

    def file(
        self, now: int, cid: int, taken: Collection[str], *, under_way: bool = False
    ) -> Filed | None:
        """A new flight with its plan; None when no callsign was found that is free.

        `under_way`: drawn as the flights are that are seen at one moment, not as they begin.
        """
        flight = self._flight(under_way=under_way)
        callsign = texts.callsign(self._random, flight.aircraft, flight.departure)
        if callsign in taken:
            return None
        plan = garble_plan(self._random, self._rates, self._plan(now, flight, callsign))
        expires = now + self._random.randint(1_200, 7_200) * TICKS_PER_S
        return Filed(cid, callsign, flight, plan, now, expires)

    def connect(self, now: int, filed: Filed, server: str) -> PilotConnection:
        """The pilot of a plan, just come online at the stand."""
        random, rates = self._random, self._rates
        flight = filed.flight
        by_eye = flight.aircraft.light
        rating = random.choices(*_PILOT_RATINGS)[0]
        codes = ("2000", "1000", "2200", "1234") if not by_eye else ("7000", "1200")
        squawk = filed.plan.assigned_transponder
        if squawk == "0000" or random.random() < 0.3:
            squawk = random.choice(codes)
        if random.random() < rates.transponder_9999:
            squawk = "9999"
        offset = random.randint(0, 12)
        second = random.random()
        return PilotConnection(
            cid=filed.cid,
            name=texts.person(filed.cid, places().hubs),
            callsign=filed.callsign,
            server=server,
            pilot_rating=rating,
            flight=flight,
            began_ticks=now,
            logon_ticks=now - random.randrange(15 * TICKS_PER_S),
            plan=None if random.random() < rates.no_plan else filed.plan,
            transponder=squawk,
            frequency_offset_hz=offset,
            second_radio_hz=self._second_radio_hz() if second < 0.22 else None,
            third_radio=second < 0.008,
            ground_offset_ft=self._ground_offset_ft(),
            garbage_inches=garbage_inches(random) if random.random() < rates.garbage_qnh else None,
            faster=random.uniform(1.4, 3.5)
            if random.random() < rates.impossible_performance
            else 1.0,
            shows_360=random.random() < 0.3,
            has_radios=random.random() >= rates.not_in_radios,
            mute=random.random() < rates.no_radios,
            spelling=draw_spelling(filed.cid, rates.other_spelling),
        )

    def amend(self, now: int, connection: PilotConnection) -> None:
        """A new revision of the plan; or the first filing; or the same again; or a new one at 0."""
        random, plan = self._random, connection.plan
        if plan is None:
            plan = self._plan(now, connection.flight, connection.callsign)
            connection.plan = garble_plan(random, self._rates, plan)
            return
        kind = random.random()
        if kind < 0.12:
            # The number rises, and nothing is to be seen of it.
            connection.plan = msgspec.structs.replace(plan, revision_id=plan.revision_id + 1)
        elif kind < 0.24:
            connection.plan = msgspec.structs.replace(
                self._plan(now, connection.flight, connection.callsign),
                revision_id=random.choice((0, 0, 1)),
            )
        elif kind < 0.6:
            level = max(
                1_000, connection.flight.cruise_ft + random.choice((-2000, -1000, 1000, 2000))
            )
            connection.plan = msgspec.structs.replace(
                plan, altitude=str(level), revision_id=plan.revision_id + 1
            )
        else:
            squawk = f"{random.randrange(0o100, 0o7777):04o}"
            connection.plan = msgspec.structs.replace(
                plan, assigned_transponder=squawk, revision_id=plan.revision_id + 1
            )
            connection.transponder = squawk

    def next_leg(
        self, now: int, connection: PilotConnection, callsign: str
    ) -> tuple[SimulatedFlight, FlightPlan] | None:
        """On from where the aircraft is parked, and the plan for it; None: from nowhere known."""
        random, aircraft = self._random, connection.flight.aircraft
        start = connection.flight.ends_at
        if start.airport is None:
            return None
        if is_hub(start.airport.icao):
            arrivals, weights = hubs_between(start.airport.icao, *aircraft.range_nm)
            if not arrivals:
                return None
            arrival = random.choices(arrivals, weights)[0]
        elif aircraft.seaplane:
            arrival = self._near_water(start.airport)
        elif aircraft.light:
            arrival = self._near_field(start.airport, aircraft)
        else:
            return None
        flight = self._worked_out(aircraft, start.airport, arrival, start)
        return flight, garble_plan(random, self._rates, self._plan(now, flight, callsign))

    def divert(self, connection: PilotConnection) -> None:
        """Amend the plan: where the aircraft goes now."""
        if connection.plan is not None:
            connection.plan = msgspec.structs.replace(
                connection.plan,
                arrival=connection.flight.arrival.icao,
                revision_id=connection.plan.revision_id + 1,
            )

    def _flight(self, *, under_way: bool) -> SimulatedFlight:
        random = self._random
        if random.random() < self._rates.seaplanes:
            return self._on_floats()
        weights = [length[3] if under_way else length[0] for length in _LENGTHS]
        _, shortest_nm, longest_nm, _ = random.choices(_LENGTHS, weights)[0]
        known = places()
        departure = random.choices(known.hubs, cum_weights=known.cumulative_weights)[0]
        arrivals, arrival_weights = hubs_between(departure.icao, shortest_nm, longest_nm)
        while not arrivals:
            departure = random.choices(known.hubs, cum_weights=known.cumulative_weights)[0]
            arrivals, arrival_weights = hubs_between(departure.icao, shortest_nm, longest_nm)
        arrival = random.choices(arrivals, arrival_weights)[0]
        length_nm = between_nm(departure, arrival)
        fitting = [kind for kind in FLEET if kind.range_nm[0] <= length_nm <= kind.range_nm[1]]
        if not shortest_nm and random.random() < 0.6:
            fitting = [kind for kind in FLEET if kind.light and kind.ceiling_ft < 20_000]
        if not fitting:
            # Two places that nothing flies between: a heavy one does it all the same.
            fitting = [FLEET[0] if length_nm < 1_000 else FLEET[10]]
        aircraft = random.choices(fitting, [kind.weight for kind in fitting])[0]
        too_far = aircraft.light and length_nm > aircraft.range_nm[1]
        if too_far or departure.icao == arrival.icao:
            departure, arrival, aircraft = self._local(aircraft)
        return self._worked_out(aircraft, departure, arrival)

    def _worked_out(
        self,
        aircraft: AircraftType,
        departure: Airport,
        arrival: Airport,
        start: Stand | None = None,
    ) -> SimulatedFlight:
        random, rates = self._random, self._rates
        doings = draw_doings(random, rates, aircraft, departure, arrival, start)
        planned = arrival
        if random.random() < rates.diversions and not doings.gives_up:
            alternate = draw_alternate(random, departure, planned)
            if alternate is not None:
                arrival = alternate
                doings = doings._replace(
                    turns_after=random.uniform(0.4, 0.85), go_arounds_ft=(), touch_and_goes=0
                )
        return SimulatedFlight(random, aircraft, departure, arrival, doings, planned)

    def _local(self, aircraft: AircraftType) -> tuple[Airport, Airport, AircraftType]:
        """A light aircraft's round from a small field, or to another one nearby."""
        random = self._random
        if not aircraft.light:
            aircraft = random.choice([kind for kind in FLEET if kind.light])
        field = random.choice(places().fields)
        return field, self._near_field(field, aircraft), aircraft

    def _near_field(self, field: Airport, aircraft: AircraftType) -> Airport:
        """Where a light aircraft goes from a small field: nearby, or back to it."""
        random = self._random
        if random.random() < 0.4:
            return field
        for _ in range(_TRIES):
            other = random.choice(places().fields)
            near = other.icao[:2] == field.icao[:2]
            if near and between_nm(field, other) < aircraft.range_nm[1]:
                return other
        return field

    def _on_floats(self) -> SimulatedFlight:
        """From an aerodrome on water, or a lake near it, to another one or a lake."""
        departure, start = self._random.choice(places().water), None
        if self._random.random() < self._rates.lands_off_airport:
            start = spot_near(self._random, departure)
        return self._worked_out(SEAPLANE, departure, self._near_water(departure), start)

    def _near_water(self, here: Airport) -> Airport:
        near = [one for one in places().water if between_nm(here, one) < SEAPLANE.range_nm[1]]
        return self._random.choice(near)

    def _plan(self, now: int, flight: SimulatedFlight, callsign: str) -> FlightPlan:
        random, aircraft = self._random, flight.aircraft
        moment = from_ticks(now)
        departs = moment + timedelta(minutes=random.randint(-40, 90))
        enroute = timedelta(hours=flight.distance_nm / max(flight.cruise_kt * 0.92, 1))
        reserve = timedelta(minutes=random.randint(40, 110))
        by_eye = aircraft.light and aircraft.ceiling_ft < 20_000
        in_full, faa = texts.aircraft_codes(aircraft)
        squawk = f"{random.randrange(0o100, 0o7777):04o}" if random.random() < 0.5 else "0000"
        alternate = random.choice(places().hubs).icao if random.random() < 0.92 else ""
        level = flight.cruise_ft + (100 if random.random() < 0.03 else 0)
        return FlightPlan(
            flight_rules="V" if by_eye else "I",
            aircraft=in_full,
            aircraft_faa=faa,
            aircraft_short=aircraft.icao,
            departure=flight.departure.icao,
            arrival=flight.planned.icao,
            alternate=alternate,
            cruise_tas=str(round(flight.cruise_kt)),
            altitude=str(level),
            deptime=departs.strftime("%H%M"),
            enroute_time=_hours_and_minutes(enroute),
            fuel_time=_hours_and_minutes(enroute + reserve),
            remarks=texts.remarks(
                random,
                aircraft,
                moment.strftime("%y%m%d"),
                "" if aircraft.light else callsign[:3],
                flight.distance_nm,
            ),
            route=texts.route(random, flight.distance_nm, flight.cruise_ft, by_eye),
            revision_id=random.choices((0, 1, 2, 3, 4, 5, 8), (12, 36, 17, 11, 7, 4, 1))[0],
            assigned_transponder=squawk,
        )

    def _second_radio_hz(self) -> int:
        random = self._random
        if random.random() < 5 * self._rates.garbage_frequency:
            return garbage_hz(random)
        return random.choice(
            (GUARD_HZ, UNICOM_HZ, 121_550_000, random.randrange(118_000, 136_975, 25) * 1_000)
        )

    def _ground_offset_ft(self) -> int:
        if self._random.random() < self._rates.far_below_zero:
            return -98
        return round(self._random.gauss(0, 6))


def _hours_and_minutes(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    return f"{minutes // 60:02}{minutes % 60:02}"
