"""The table of contacts as readers ask it, on a real PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.storage.test_writer import write_all
from tests.traffic.build import at, controller, pilot, snapshot
from vatwatch.storage.match_table import find_matches, flight_contacts, session_contacts
from vatwatch.traffic.contact_figures import FlightFigures, SessionFigures
from vatwatch.traffic.frequency_match import FrequencyMatch, MatchFilter
from vatwatch.traffic.network_state import NetworkState

if TYPE_CHECKING:
    from psycopg2.extensions import connection

TWR_HZ, CTR_HZ, HF_HZ, HF_ALIAS_HZ = 118_500_000, 132_600_000, 8_864_000, 131_700_000
# Callsign, station, frequency, first and last snapshot.
TALKS = [
    ("ABC1", "EXXX_TWR", TWR_HZ, 0, 15),
    ("ABC1", "EYYY_CTR", CTR_HZ, 30, None),
    ("ABC2", "EXXX_TWR", TWR_HZ, 15, 15),
    ("ABC2", "EYYY_CTR", HF_HZ, 30, 45),
    ("ABC2", "EXXX_TWR", HF_ALIAS_HZ, 30, 45),
    ("HIDDEN", "EXXX_TWR", TWR_HZ, 0, None),
    ("HIDDEN", "EYYY_CTR", CTR_HZ, 0, 15),
]
ALL = MatchFilter()


@pytest.fixture
def state(conn: connection) -> NetworkState:
    """Five snapshots, with the contacts in the table; the filters hide one of the flights."""
    shown = [
        snapshot(
            15 * number,
            pilots=[
                pilot(
                    cid=n, callsign=c, latitude=1 + n + number / 10, altitude=9_000, groundspeed=300
                )
                for n, c in ((1, "ABC1"), (2, "ABC2"), (3, "HIDDEN"))
            ],
            controllers=[
                controller(),
                controller(cid=101, callsign="EYYY_CTR", frequency="132.600"),
            ],
        )
        for number in range(5)
    ]
    state = write_all(conn, shown)
    with conn.cursor() as cur:
        cur.execute("DELETE FROM frequency_matches")
        cur.execute("UPDATE flights SET shown = false WHERE callsign = 'HIDDEN'")
        for callsign, station, hertz, start, end in TALKS:
            flight, session = state.flights[callsign], state.sessions[station]
            cur.execute(
                "INSERT INTO frequency_matches VALUES (%s, %s, %s, %s, %s, 12.3, 4, 'radios', "
                "%s, %s, %s, %s, 1)",
                (
                    flight.flight_id,
                    session.session_id,
                    hertz,
                    at(start),
                    None if end is None else at(end),
                    callsign,
                    flight.pilot.cid,
                    station,
                    session.controller.cid,
                ),
            )
    conn.commit()
    return state


def listed(conn: connection, wanted: MatchFilter = ALL, **options: Any) -> list[FrequencyMatch]:
    return list(find_matches(conn, wanted, **{"limit": 100, "after": None, **options}).matches)


def numbers(found: list[FrequencyMatch]) -> set[int]:
    talks = [(talk[0], talk[1], talk[2], at(talk[3])) for talk in TALKS]
    return {talks.index((m.callsign, m.station, m.frequency_hz, m.start)) for m in found}


FAR_AHEAD = datetime.fromisoformat("2999-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ALL, {0, 1, 2, 3, 4, 6}),
        (MatchFilter(callsign="abc1"), {0, 1}),
        (MatchFilter(callsign="exxx_TWR"), {0, 2, 4}),
        (MatchFilter(callsign="ABC"), set()),
        (MatchFilter(callsign="ABC*"), {0, 1, 2, 3, 4}),
        (MatchFilter(callsign="*_twr"), {0, 2, 4}),
        (MatchFilter(callsign="?BC1"), {0, 1}),
        (MatchFilter(callsign="EXXX?TWR"), {0, 2, 4}),
        (MatchFilter(callsign="ABC%"), set()),
        (MatchFilter(callsign="ABC_*"), set()),
        (MatchFilter(callsign="HIDDEN"), {6}),
        (MatchFilter(cid=2), {2, 3, 4}),
        (MatchFilter(cid=101), {1, 3, 6}),
        (MatchFilter(channel_hz=TWR_HZ), {0, 2}),
        (MatchFilter(channel_hz=HF_HZ), {3, 4}),
        (MatchFilter(since=at(15)), {0, 1, 2, 3, 4, 6}),
        (MatchFilter(since=at(15.001)), {1, 3, 4}),
        (MatchFilter(since=at(46)), {1}),
        (MatchFilter(since=FAR_AHEAD), set()),
        (MatchFilter(until=at(0)), set()),
        (MatchFilter(until=at(15)), {0, 6}),
        (MatchFilter(since=at(10), until=at(16)), {0, 2, 6}),
        (MatchFilter(callsign="ABC1", cid=101, since=at(0), until=at(60)), {1}),
    ],
)
def test_the_list_has_the_matches_that_are_wanted(
    conn: connection, state: NetworkState, wanted: MatchFilter, expected: set[int]
) -> None:
    found = find_matches(conn, wanted, limit=100, after=None)
    assert numbers(list(found.matches)) == expected
    assert found.total == len(expected)


def test_pages_of_any_size_together_are_the_list_newest_first(
    conn: connection, state: NetworkState
) -> None:
    whole = listed(conn)
    keys = [one.key for one in whole]
    assert keys == sorted(keys, reverse=True)
    for limit in range(1, len(whole) + 2):
        found: list[FrequencyMatch] = []
        while page := listed(conn, limit=limit, after=found[-1].key if found else None):
            assert len(page) <= limit
            found += page
        assert found == whole


def test_a_match_says_who_it_is_of_and_whether_it_will_be_derived_again(
    conn: connection, state: NetworkState
) -> None:
    flight, session = state.flights["ABC1"], state.sessions["EYYY_CTR"]
    expected = FrequencyMatch(
        callsign="ABC1",
        flight_id=str(flight.flight_id),
        station="EYYY_CTR",
        session_id=str(session.session_id),
        frequency_hz=CTR_HZ,
        facility=4,
        start=at(30),
        end=None,
        closest_nm=12.3,
        placed_by="radios",
        cid=1,
        station_cid=101,
        derive_again=False,
    )
    assert listed(conn, MatchFilter(cid=1))[0] == expected
    with conn.cursor() as cur:
        cur.execute("UPDATE controllers SET derive_again = true WHERE callsign = 'EYYY_CTR'")
    assert numbers([one for one in listed(conn) if one.derive_again]) == {1, 3, 6}
    with conn.cursor() as cur:
        cur.execute("UPDATE flights SET derive_again = true WHERE callsign = 'ABC1'")
    assert numbers([one for one in listed(conn) if one.derive_again]) == {0, 1, 3, 6}


def test_the_contacts_of_a_flight_come_with_its_share_and_its_hand_overs(
    conn: connection, state: NetworkState
) -> None:
    found = flight_contacts(conn, state.flights["ABC1"].flight_id)
    assert found is not None
    assert (found.callsign, found.derive_again) == ("ABC1", False)
    assert [one.start for one in found.matches] == [at(0), at(30)]
    figures = found.figures
    assert isinstance(figures, FlightFigures)
    # In the air in all five snapshots; the tower's contact counts up to the snapshot without it.
    assert (figures.airborne_s, figures.in_contact_s, figures.share_in_contact) == (60, 60, 1.0)
    assert [(one.station, one.contact_s) for one in figures.stations] == [
        ("EXXX_TWR", 30),
        ("EYYY_CTR", 30),
    ]
    (change,) = figures.hand_overs
    assert (change.before.station, change.after.station) == ("EXXX_TWR", "EYYY_CTR")
    assert (change.time, change.without_contact_s) == (at(30), 0)


def test_the_contacts_of_a_session_come_with_its_load_without_one_that_lasts_and_is_hidden(
    conn: connection, state: NetworkState
) -> None:
    found = session_contacts(conn, state.sessions["EXXX_TWR"].session_id)
    assert found is not None
    assert numbers(list(found.matches)) == {0, 2, 4}
    figures = found.figures
    assert isinstance(figures, SessionFigures)
    assert (figures.flights_served, figures.peak_load, figures.peak_at) == (2, 2, at(15))
    assert (figures.frequency_s, figures.mean_load) == (60, round((30 + 15 + 30) / 60, 2))


def test_what_a_hidden_flight_had_is_kept_and_what_it_has_is_served_when_it_is_over(
    conn: connection, state: NetworkState
) -> None:
    def of_flight() -> set[int]:
        found = flight_contacts(conn, state.flights["HIDDEN"].flight_id)
        assert found is not None
        return numbers(list(found.matches))

    assert of_flight() == {6}
    with conn.cursor() as cur:
        cur.execute(
            "UPDATE frequency_matches SET ended_at = %s WHERE callsign = 'HIDDEN'", (at(60),)
        )
    assert of_flight() == numbers(listed(conn, MatchFilter(callsign="HIDDEN"))) == {5, 6}
    session = session_contacts(conn, state.sessions["EXXX_TWR"].session_id)
    assert session is not None
    assert numbers(list(session.matches)) == {0, 2, 4, 5}


def test_who_is_not_known_has_no_contacts(conn: connection, state: NetworkState) -> None:
    assert flight_contacts(conn, 12345) is None
    assert session_contacts(conn, 12345) is None
