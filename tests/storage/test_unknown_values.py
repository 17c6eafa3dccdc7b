"""What is unknown is null in the tables, and unknown again when it is read back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tests.actors.harness import settings_for
from tests.storage.test_writer import RULES, batch, rows, write
from tests.traffic.build import START, at, atis, controller, pilot, radio, snapshot
from vatwatch.feed.quarantine import Quarantined
from vatwatch.storage.read_network_state import read_network_state
from vatwatch.storage.retention import retentions_of
from vatwatch.storage.writer import QUARANTINE_AN_HOUR, write_batch
from vatwatch.traffic.diff import diff
from vatwatch.traffic.network_state import NetworkState, Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection

UNKNOWN = {"altitude": None, "groundspeed": None, "heading": None}


def unknown(seconds: float) -> Snapshot:
    """A snapshot of which little is known."""
    return snapshot(
        seconds,
        pilots=[
            replace(pilot(), **UNKNOWN, qnh_i_hg=None, qnh_mb=None, transponder="None"),
            pilot(2, "ABC2"),
        ],
        controllers=[replace(controller(), facility=None, rating=None, frequency="")],
        atis=[replace(atis(), facility=None, rating=None)],
        radios={"ABC1": (replace(radio(), height_msl_m=None, height_agl_m=None),)},
    )


def test_what_is_unknown_is_null_and_unknown_again_after_a_restart(conn: connection) -> None:
    state = NetworkState()
    for number in range(3):
        state = write(conn, state, unknown(15 * number))
    found, stored = read_network_state(conn, RULES, state.time)
    assert stored
    for callsign in ("ABC1", "ABC2"):
        was, now = state.flights[callsign], found.flights[callsign]
        assert replace(now.pilot, last_updated="") == replace(
            was.pilot, last_updated="", logon_time=now.pilot.logon_time
        )
        assert now.written == was.written
    assert found.sessions["EXXX_TWR"].controller.facility is None
    assert found.atis["EXXX_ATIS"].atis.rating is None
    assert found.radios == state.radios
    columns = "altitude, groundspeed, heading, qnh_i_hg, qnh_mb, transponder"
    assert rows(conn, f"SELECT {columns} FROM flights WHERE callsign = 'ABC1'") == [
        (None, None, None, None, None, "None")
    ]


def test_an_hour_of_unreadable_feeds_fills_the_quarantine_only_so_far(conn: connection) -> None:
    many = tuple(Quarantined("pilot", f"A{n}", "cid is missing", "{}") for n in range(100))
    state = NetworkState()
    for minutes in (0, 10, 20, 30, 40, 50, 61):
        one = snapshot(60 * minutes)
        changes = diff(state, one, RULES)
        write_batch(conn, replace(batch(changes, many), set_aside=2000))
        state = NetworkState(time=one.time)
    conn.commit()
    assert QUARANTINE_AN_HOUR == 500
    assert rows(
        conn,
        """SELECT extract(minute FROM update_timestamp - %s)::int +
                  extract(hour FROM update_timestamp - %s)::int * 60, count(*)
           FROM quarantine GROUP BY 1 ORDER BY 1""",
        START,
        START,
    ) == [(0, 100), (10, 100), (20, 100), (30, 100), (40, 100), (61, 100)]
    assert rows(conn, "SELECT sum(quarantined) FROM snapshots") == [(14_000,)]


def test_quarantined_records_are_deleted_after_the_set_time(
    conn: connection, tmp_path: Path
) -> None:
    settings = settings_for(
        tmp_path, VATWATCH_QUARANTINE_RETENTION_HOURS=2, VATSIM_POLL_INTERVAL=15
    )
    (mine,) = [r for r in retentions_of(settings) if r.table == "quarantine"]
    assert mine.keep == timedelta(hours=2)
    bad = (Quarantined("pilot", "A1", "cid is missing", "{}"),)
    for number in (1, 2):
        changes = diff(NetworkState(), snapshot(15 * number), RULES)
        write_batch(
            conn, batch(replace(changes, derived_from=at(15) if number == 2 else None), bad)
        )
    assert mine.purge(conn) == 0  # however old the feed's time is
    with conn.cursor() as cur:
        cur.execute(
            "UPDATE quarantine SET stored_at = now() - interval '121 minutes'"
            " WHERE update_timestamp = %s",
            (at(15),),
        )
    assert mine.purge(conn) == 1
    assert rows(conn, "SELECT update_timestamp FROM quarantine") == [(at(30),)]
