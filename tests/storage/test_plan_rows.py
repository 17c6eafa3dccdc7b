"""A plan is kept as filed, with what it means beside it."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import TYPE_CHECKING

from tests.storage.test_writer import RULES, batch, rows
from tests.traffic.build import at, pilot, prefile, snapshot
from vatwatch.feed.records import FlightPlan
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.writer import write_batch
from vatwatch.traffic.diff import diff
from vatwatch.traffic.network_state import NetworkState
from vatwatch.traffic.thresholds import RULES_VERSION

if TYPE_CHECKING:
    from psycopg2.extensions import connection

READ = """departure_icao, arrival_icao, alternates, great_circle_nm, cruise_altitude_ft,
    cruise_tas_kt, departure_time, enroute, endurance, aircraft_type, wake_category,
    equipment, surveillance,
    faa_equipment, pbn, date_of_flight, registration, selcal, mode_s_code, operator,
    performance_category, special_handling, voice, unreadable, rules"""


def filed(**other: str) -> FlightPlan:
    texts = {
        "aircraft": "A320/M-SDE3/LB1",
        "departure": "EGLL",
        "arrival": "LFPG",
        "alternate": "LKTB;LKPD",
        "cruise_tas": "N0450",
        "altitude": "FL350",
        "deptime": "1230",
        "enroute_time": "0110",
        "fuel_time": "2600",
        "remarks": "PBN/A1B1 DOF/241122 REG/G-SMOL SEL/QRCH CODE/486742 "
        'OPR/A "B" \\C PER/C STS/HOSP',
    }
    return FlightPlan(**{**texts, **other})


def write_plan(
    conn: connection, before: NetworkState, seconds: float, plan: FlightPlan
) -> NetworkState:
    one = snapshot(seconds, pilots=[pilot(flight_plan=plan)], prefiles=[prefile()])
    write_batch(conn, batch(diff(before, one, RULES)))
    conn.commit()
    state, _ = read_network_state(conn, RULES, at(seconds))
    return state


def test_what_a_plan_means_stands_beside_its_texts(conn: connection) -> None:
    write_plan(conn, NetworkState(), 0, filed())
    assert rows(conn, "SELECT altitude, deptime FROM flight_plans WHERE flight_id > 0") == [
        ("FL350", "1230")
    ]
    assert rows(conn, f"SELECT {READ} FROM flight_plans WHERE flight_id > 0") == [
        (
            "EGLL",
            "LFPG",
            ["LKTB", "LKPD"],
            187.5,
            35_000,
            450,
            time(12, 30),
            timedelta(minutes=70),
            timedelta(hours=26),
            "A320",
            "M",
            ["S", "D", "E3"],
            ["L", "B1"],
            None,
            ["A1", "B1"],
            date(2024, 11, 22),
            "G-SMOL",
            "QRCH",
            "486742",
            'A "B" \\C',
            "C",
            ["HOSP"],
            None,
            [],
            RULES_VERSION,
        )
    ]


def test_every_revision_has_its_own_meaning_and_the_state_is_read_back(conn: connection) -> None:
    state = write_plan(conn, NetworkState(), 0, filed())
    state = write_plan(conn, state, 15, filed(altitude="F370", deptime="5772193"))
    assert rows(
        conn,
        """SELECT cruise_altitude_ft, departure_time, unreadable, gone_at IS NULL
           FROM flight_plans WHERE flight_id > 0 ORDER BY first_seen""",
    ) == [(35_000, time(12, 30), [], False), (37_000, None, ["deptime"], True)]
    parsed = state.flights["ABC1"].parsed_plan
    assert parsed is not None
    assert (parsed.cruise_altitude_ft, parsed.unreadable) == (37_000, ("deptime",))


def test_a_prefile_is_read_too(conn: connection) -> None:
    write_plan(conn, NetworkState(), 0, filed())
    assert rows(
        conn, "SELECT cruise_altitude_ft, unreadable FROM flight_plans WHERE flight_id IS NULL"
    ) == [(35_000, ["departure", "arrival"])]
