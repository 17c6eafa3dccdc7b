"""A controller's connection that is shown again after its session has ended has another session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.storage.test_writer import RULES, clear, rows, same_sessions, write
from tests.traffic.build import controller, snapshot
from vatwatch.storage.derive_again import derive_marked
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.traffic.network_state import NetworkState

if TYPE_CHECKING:
    from psycopg2.extensions import connection

GONE_S = 16 * 60
ON = [controller()]
WAY = [
    snapshot(0, controllers=ON),
    snapshot(15),
    snapshot(15 + GONE_S),
    snapshot(30 + GONE_S, controllers=ON),
    snapshot(45 + GONE_S, controllers=ON),
    snapshot(60 + GONE_S),
    snapshot(75 + 2 * GONE_S),
    snapshot(90 + 2 * GONE_S, controllers=ON),
    snapshot(105 + 3 * GONE_S),
]
SESSIONS = """
SELECT session_id, first_seen, last_seen, absences::text, ended, connected_s, derive_again
FROM controllers ORDER BY first_seen
"""


def test_each_is_a_row_with_an_id_of_its_own_that_a_restart_knows(conn: connection) -> None:
    state = NetworkState()
    for one in WAY:
        state = write(conn, state, one)
        again, _ = read_network_state(conn, RULES)
        same_sessions(state.sessions, again.sessions)
        same_sessions(state.disconnected_sessions, again.disconnected_sessions)
    found = rows(conn, SESSIONS)
    assert [(row[2], row[3], row[4]) for row in found] == [
        (WAY[0].time, "{}", True),
        (WAY[4].time, "{}", True),
        (WAY[7].time, "{}", True),
    ]
    assert len({row[0] for row in found}) == 3


def test_they_have_the_same_ids_when_they_are_derived_again(conn: connection) -> None:
    state = NetworkState()
    for one in WAY:
        state = write(conn, state, one)
    straight = rows(conn, SESSIONS)
    for late in (3, 4, 7):
        clear(conn)
        for one in (*WAY[:late], *WAY[late + 1 :], WAY[late]):
            state, _ = read_network_state(conn, RULES, one.time)
            write(conn, state, one)
        while derive_marked(conn, RULES):
            conn.commit()
        assert rows(conn, SESSIONS) == straight, late
