"""What a whole plan means."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import UTC, date, time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vatwatch.feed.decode import decode_feed
from vatwatch.feed.records import FlightPlan
from vatwatch.traffic.airports import load_airports
from vatwatch.traffic.parsed_plan import ParsedPlan, parse_plan

FEEDS = sorted((Path(__file__).parents[1] / "feeds").glob("vatsim-data-*.json.gz"))

FILED = FlightPlan(
    flight_rules="I",
    aircraft="A320/M-SDE3/LB1",
    aircraft_faa="A320/L",
    aircraft_short="A320",
    departure="EGLL",
    arrival=" lfpg ",
    alternate="LKTB ; LKPD",
    cruise_tas="M078",
    altitude="FL350",
    deptime="1230",
    enroute_time="0110",
    fuel_time="0245",
    remarks="PBN/A1B1 DOF/241122 REG/GSMOL /V/",
)


def test_each_text_is_read() -> None:
    assert parse_plan(FILED, load_airports()) == ParsedPlan(
        departure_icao="EGLL",
        arrival_icao="LFPG",
        alternates=("LKTB", "LKPD"),
        great_circle_nm=187.5,
        cruise_altitude_ft=35_000,
        cruise_tas_kt=450,
        departure_time=time(12, 30, tzinfo=UTC),
        enroute_s=70 * 60,
        endurance_s=165 * 60,
        aircraft_type="A320",
        wake_category="M",
        equipment=("S", "D", "E3"),
        surveillance=("L", "B1"),
        pbn=("A1", "B1"),
        date_of_flight=date(2024, 11, 22),
        registration="GSMOL",
        voice="full",
    )


def test_an_empty_form_has_no_value_and_nothing_unreadable() -> None:
    assert parse_plan(FlightPlan(), load_airports()) == ParsedPlan()
    zeros = FlightPlan(
        departure="ZZZZ",
        arrival="AFIL",
        alternate="NIL",
        cruise_tas="0",
        altitude="VFR",
        enroute_time="0000",
        fuel_time="0000",
    )
    assert parse_plan(zeros, load_airports()) == ParsedPlan()


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("departure", "U70"),
        ("arrival", "SOMEWHERE"),
        ("alternate", "EGLL; NOWHERE"),
        ("cruise_tas", "82"),
        ("altitude", "350000"),
        ("deptime", "5772193"),
        ("enroute_time", "7400"),
        ("fuel_time", "02134"),
        ("aircraft", "772/H-SDE3/C"),
        ("remarks", "PBN/A9"),
    ],
)
def test_what_cannot_be_read_is_named_and_costs_nothing_else(field: str, text: str) -> None:
    whole = parse_plan(FILED, load_airports())
    plan = msgspec.structs.replace(FILED, **{field: text})
    found = parse_plan(plan, load_airports())
    name = "remarks.PBN" if field == "remarks" else field
    assert found.unreadable == (name,)
    changed = {
        key
        for key in ParsedPlan.__struct_fields__
        if getattr(found, key) != getattr(whole, key) and key != "unreadable"
    }
    depend = {
        "departure": {"departure_icao", "great_circle_nm"},
        "arrival": {"arrival_icao", "great_circle_nm"},
        "alternate": {"alternates"},
        "cruise_tas": {"cruise_tas_kt"},
        "altitude": {"cruise_altitude_ft", "cruise_tas_kt"},
        "deptime": {"departure_time"},
        "enroute_time": {"enroute_s"},
        "fuel_time": {"endurance_s"},
        "aircraft": {"wake_category", "equipment", "surveillance"},
        "remarks": {"pbn", "date_of_flight", "registration", "voice"},
    }[field]
    assert changed <= depend


def test_the_type_is_taken_from_vatsims_own_fields_where_the_pilots_text_has_none() -> None:
    found = parse_plan(
        FlightPlan(aircraft="77W/L", aircraft_faa="H/B77W/L", aircraft_short="B77W"), {}
    )
    assert (found.aircraft_type, found.wake_category, found.faa_equipment) == ("B77W", "H", "L")
    assert found.unreadable == ("aircraft",)


@pytest.mark.parametrize("feed", FEEDS, ids=lambda path: path.name[12:27])
def test_nearly_all_that_real_pilots_file_is_read(feed: Path) -> None:
    decoded = decode_feed(gzip.decompress(feed.read_bytes())).feed
    plans = [p.flight_plan for p in decoded.pilots if p.flight_plan is not None]
    plans += [prefile.flight_plan for prefile in decoded.prefiles]
    found = [parse_plan(plan, load_airports()) for plan in plans]
    unreadable = Counter(field for plan in found for field in plan.unreadable)
    few = {field: count for field, count in unreadable.items() if count > len(plans) * 0.06}
    assert few == {}
    assert sum(plan.aircraft_type is not None for plan in found) > len(plans) * 0.95
    assert sum(plan.cruise_altitude_ft is not None for plan in found) > len(plans) * 0.95
    assert sum(plan.great_circle_nm is not None for plan in found) > len(plans) * 0.85


ANY_PLAN = st.builds(
    FlightPlan,
    **{name: st.text(max_size=40) for name in FlightPlan.__struct_fields__ if "id" not in name},
)


@given(ANY_PLAN)
def test_no_text_makes_it_fail_and_the_result_can_be_sent(plan: FlightPlan) -> None:
    found = parse_plan(plan, load_airports())
    assert msgspec.json.decode(msgspec.json.encode(found), type=ParsedPlan) == found
