"""The oddities of real feeds, and their rates.

The rates were counted over 13 captures of the real feed: 12,337 pilots, 1,501 controllers, 797 ATIS
and 1,067 prefiles; those of what happens in time over steps of 15 s and over 34 minutes. Oddities
that were not among them but were reported by others have a rate of about one in that number.
"""

from __future__ import annotations

from random import Random

import msgspec
from msgspec import Struct

from vatwatch.feed.records import FlightPlan

HPA_PER_INHG = 33.8639


class Rates(Struct, frozen=True, kw_only=True):
    """The rate of each oddity; raise one to see more of it. By default it is a share of the
    records; `..._a_step` the share of clients to which it happens within 15 s.
    """

    # Plans.
    no_plan: float = 0.053
    altitude_text: float = 0.026
    no_cruise_tas: float = 0.014
    nonsense_time: float = 0.0006
    empty_airport: float = 0.001
    local_airport: float = 0.002
    wrong_airport: float = 0.004
    unknown_airport: float = 0.0015
    odd_alternate: float = 0.001
    rare_rules: float = 0.0004
    empty_route: float = 0.006
    tab: float = 0.0008
    control_character: float = 0.0003
    double_encoded: float = 0.0006
    not_ascii: float = 0.002

    # Pilots.
    garbage_qnh: float = 0.0009
    transponder_9999: float = 0.0003
    impossible_performance: float = 0.0007
    far_below_zero: float = 0.0003
    pilot_cid_twice: float = 0.00005

    # Controllers and ATIS.
    observer_of_flight: float = 0.20
    wrong_facility: float = 0.01
    no_frequency_yet: float = 0.07
    frequency_late: float = 0.5
    """On 199.998 for one or two updates after the logon."""
    no_text: float = 0.11
    atis_no_text: float = 0.016
    atis_code_flaps: float = 0.08
    controller_cid_twice: float = 0.0015
    controller_cid_of_pilot: float = 0.006
    atis_of_controller: float = 0.6

    # Radios.
    no_radios: float = 0.03
    not_in_radios: float = 0.03
    garbage_frequency: float = 0.02
    station_far_off: float = 0.02
    """Of the stations of an airport with an infix: their radios stand somewhere else."""
    couples: float = 0.05
    """Of the stations: they have a frequency of a position beside them, too."""
    same_frequency: float = 0.03
    """Of the stations: on a frequency that another one has, anywhere."""
    other_spelling: float = 0.1
    """Of the pilots: their radios name channels otherwise than the station's."""
    on_hf: float = 0.5
    """Of the flight service stations of a region with an ocean."""
    flight_service: float = 1.0
    """Times as many flight service stations, of all stations, as there are on the network."""
    controllers: float = 1.0
    """Times as many as there are on the network."""

    # In time.
    reconnects_a_step: float = 0.00054
    amendments_a_step: float = 0.0015
    callsign_changes_a_step: float = 0.00002
    quits_a_step: float = 0.0015
    lingers: float = 0.06
    controller_reconnects_a_step: float = 0.0006
    late_record: float = 0.001
    restarts_a_day: float = 2.0

    # What flights do: shares of the flights that could. No capture is long enough to count these.
    turnarounds: float = 0.12
    """Fly on from where they have landed, on the same connection."""
    next_legs: float = 0.10
    """The same, with another connection after a break."""
    files_nothing_new: float = 0.1
    """Of both: the plan stays the old one."""
    hours_away: float = 0.05
    """Of those who lose their connection in the air."""
    new_plan: float = 0.08
    """Of those who reconnect: from elsewhere, with another flight."""
    other_callsign: float = 0.04
    """Of those who come back in the air after hours."""
    flies_on: float = 0.3
    """Of those who lose their connection: the aircraft flies on meanwhile."""
    joins_in_flight: float = 0.015
    circuits: float = 0.4
    """Of the rounds of light aircraft."""
    airliners_touch_and_go: float = 0.002
    go_arounds: float = 0.012
    rejected_take_offs: float = 0.004
    diversions: float = 0.01
    tells_diversion: float = 0.5
    """Of these: the plan is amended."""
    pauses: float = 0.01
    slews: float = 0.004
    accelerated: float = 0.006
    ground_slews: float = 0.004
    lands_off_airport: float = 0.3
    """Of helicopters and seaplanes; as many seaplanes begin on a lake."""
    seaplanes: float = 0.004
    """Of all flights."""


def garble_plan(random: Random, rates: Rates, plan: FlightPlan) -> FlightPlan:
    """The plan with what its pilot got wrong; mostly unchanged."""
    changes: dict[str, str] = {}

    def happens(rate: float) -> bool:
        return random.random() < rate

    if happens(rates.altitude_text):
        changes["altitude"] = _altitude_text(random, plan.altitude)
    if happens(rates.no_cruise_tas):
        changes["cruise_tas"] = "0"
    if happens(rates.nonsense_time):
        changes["deptime"] = random.choice(("5772193", "1888"))
        changes["fuel_time"] = random.choice(("02134", "0499", "0360"))
    if happens(rates.empty_airport):
        changes["departure"] = changes["arrival"] = ""
    elif happens(rates.unknown_airport):
        changes["departure"] = changes["arrival"] = "ZZZZ"
    elif happens(rates.local_airport):
        local = random.choice(("U70", "7FA8", "W55", "S59", "CCQ3", "00R", "YYZ"))
        changes[random.choice(("departure", "arrival"))] = local
    elif happens(rates.wrong_airport):
        changes.update(_wrong_airport(random, plan))
    if happens(rates.odd_alternate):
        changes["alternate"] = random.choice(("NIL", f"{plan.departure} ; {plan.arrival}", "0000"))
    if happens(rates.rare_rules):
        changes["flight_rules"] = random.choice("SD")
    if happens(rates.empty_route):
        changes["route"] = ""
    if happens(rates.tab):
        changes["route"] = changes.get("route", plan.route).replace(" ", "\t", 2)
    if happens(rates.not_ascii):
        changes["route"] = "·" + changes.get("route", plan.route)
    if happens(rates.control_character):
        changes["remarks"] = plan.remarks + " \x94"
    if happens(rates.double_encoded):
        changes["remarks"] = plan.remarks + " " + "MAÑANA".encode().decode("latin-1")
    return msgspec.structs.replace(plan, **changes) if changes else plan


def _wrong_airport(random: Random, plan: FlightPlan) -> dict[str, str]:
    """The way back, or a plan of another day."""
    if random.random() < 0.5:
        return {"departure": plan.arrival, "arrival": plan.departure}
    other = random.choice(("EGLL", "EDDF", "KJFK", "LEMD", "OMDB", "YSSY", "KLAX"))
    return {random.choice(("departure", "arrival")): other}


def _altitude_text(random: Random, altitude: str) -> str:
    """A level as people write it."""
    level = int(altitude) // 100
    forms = (
        f"FL{level:03}",
        f"{level:03}",
        f"F{level:03}",
        f"A{level:03}",
        "VFR",
        "VFR/065",
        "0",
        "",
    )
    if random.random() < 0.02:
        return altitude + "0"
    return random.choices(forms, (54, 30, 9, 2, 1, 1, 4, 2))[0]


def garbage_inches(random: Random) -> float:
    """An altimeter setting that no weather has."""
    return round(random.choice((random.uniform(-385.68, 20), random.uniform(45, 63.32))), 2)


def garbage_hz(random: Random) -> int:
    """HF, a typing error, nothing, or 'none yet'."""
    return random.choices((6_547_000, 199_998_000, 0, 12_280_000, 12_275_000), (4, 8, 3, 1, 1))[0]
