"""What is told of a flight's way beside what was seen of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airfields import OFF_AIRPORT
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.estimates import estimates
from vatwatch.traffic.eta import eta
from vatwatch.traffic.movements import Times
from vatwatch.traffic.network_state import Gap
from vatwatch.traffic.parsed_plan import parse_plan
from vatwatch.traffic.phases import FlightPhase
from vatwatch.traffic.position import Position
from vatwatch.traffic.progress import begin
from vatwatch.traffic.progress_record import Progress
from vatwatch.traffic.route import great_circle_nm

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AIRPORTS = load_airports()
FILED = FlightPlan(
    departure="EGLL", arrival="EDDF", cruise_tas="450", altitude="FL350", enroute_time="0120"
)
PLAN = parse_plan(FILED, AIRPORTS)
HEATHROW_FRANKFURT = 354.0


def airborne(found_departure: str | None = "EGLL") -> Progress:
    over_dover = Position(NOON, 51.1, 1.3, 24_000, 420, 110)
    return replace(
        begin(over_dover, FILED),
        found_departure=found_departure,
        joined_in_flight=False,
        distance_flown_nm=80.0,
        phase=FlightPhase.CLIMB,
    )


def landed_at(icao: str, flown_nm: float) -> Progress:
    airport = AIRPORTS.get(icao, AIRPORTS["EDDF"])
    there = Position(NOON, airport.latitude, airport.longitude, airport.elevation_ft, 0, 0)
    return replace(
        begin(there, FILED),
        found_departure="EGLL",
        found_arrival=icao,
        times=Times(NOON, NOON, NOON, NOON),
        distance_flown_nm=flown_nm,
        phase=FlightPhase.PARKED,
    )


def test_on_its_way_the_great_circle_is_that_of_the_plan_and_the_eta_that_of_its_arrival() -> None:
    found = estimates(airborne(), PLAN)
    assert found.great_circle_nm is not None
    assert abs(found.great_circle_nm - HEATHROW_FRANKFURT) < 2
    assert found.eta == eta(airborne(), PLAN, AIRPORTS["EGLL"], AIRPORTS["EDDF"])
    assert found.eta is not None
    assert found.route_efficiency is None, "it is told of whole flights"


def test_the_airport_where_it_took_off_goes_before_the_filed_one() -> None:
    found = estimates(airborne("EGCC"), PLAN)
    assert found.great_circle_nm == great_circle_nm(AIRPORTS["EGCC"], AIRPORTS["EDDF"])
    for unknown in (None, OFF_AIRPORT):
        assert estimates(airborne(unknown), PLAN).great_circle_nm == PLAN.great_circle_nm


def test_after_the_landing_the_efficiency_is_told_and_no_eta() -> None:
    found = estimates(landed_at("EDDF", 400.0), PLAN)
    assert found.eta is None
    assert found.route_efficiency is not None
    assert abs(found.route_efficiency - HEATHROW_FRANKFURT / 400) < 0.01


def test_a_diversion_is_measured_to_where_it_landed() -> None:
    found = estimates(landed_at("EDDM", 600.0), PLAN)
    assert found.great_circle_nm == great_circle_nm(AIRPORTS["EGLL"], AIRPORTS["EDDM"])
    assert found.route_efficiency is not None


def test_a_flight_that_was_not_seen_from_its_beginning_has_no_efficiency() -> None:
    joined = replace(landed_at("EDDF", 400.0), joined_in_flight=True)
    assert estimates(joined, PLAN).route_efficiency is None


def test_a_gap_in_the_air_leaves_no_efficiency_and_one_on_the_ground_does() -> None:
    off, on = NOON - timedelta(hours=2), NOON - timedelta(minutes=10)
    whole = replace(landed_at("EDDF", 400.0), times=Times(off, off, on, on))
    ten = timedelta(minutes=10)
    for gap, told in (
        (Gap(off + ten, off + 2 * ten), False),
        (Gap(off - ten, off + ten), False),
        (Gap(off - 2 * ten, off - ten), True),
        (Gap(on + ten / 10, on + ten), True),
    ):
        assert (estimates(whole, PLAN, (gap,)).route_efficiency is not None) == told


def test_without_a_plan_what_was_seen_is_told() -> None:
    there = landed_at("EDDF", 400.0)
    assert estimates(there, None).great_circle_nm == PLAN.great_circle_nm
    on_its_way = estimates(airborne(), None)
    assert (on_its_way.great_circle_nm, on_its_way.eta) == (None, None)
