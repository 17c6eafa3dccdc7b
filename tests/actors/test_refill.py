"""What a database has lost, in a fail-over or to an old backup, is stored again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg2.extensions import parse_dsn

from tests.actors.harness import Query, Running, eventually, running, until
from tests.conftest import copied_database
from tests.feed_server import FeedServer
from tests.replicas import pair_in
from tests.same import assert_same
from vatwatch.messages.refill_status import RefillStatus
from vatwatch.messages.status import JournalStatus


def until_compared(service: Running) -> RefillStatus:
    """What it has found, when it has looked."""

    def compared() -> RefillStatus | None:
        status = service.status("refill", RefillStatus)
        return status if status.compared_at is not None else None

    return until(compared, "it has compared")


def flights(query: Query) -> list[tuple[Any, ...]]:
    return query(
        "SELECT flight_id, callsign, first_seen, last_seen FROM flights ORDER BY flight_id"
    )


def test_what_a_fail_over_has_lost_is_stored_again(tmp_path: Path) -> None:
    with (
        FeedServer() as feeds,
        pair_in(tmp_path / "pair") as pair,
        running(tmp_path, pair.both(), feeds=feeds, look_at=pair.replica) as service,
    ):
        for _ in range(2):
            service.until_next_is_through()
        assert until_compared(service).timeline == 1
        pair.disconnect()
        for _ in range(4):
            moment = service.next_update()
            until(lambda moment=moment: moment in pair.on_primary.snapshots())  # type: ignore[misc]
        service.settle("store", "journal")
        before, were = set(pair.on_primary.snapshots()), flights(pair.on_primary)
        pair.kill("primary")
        pair.promote()
        assert len(before - set(service.sql.snapshots())) == 4, "it has lost them"
        until(lambda: before == set(service.sql.snapshots()), "they are stored again")
        eventually(lambda: assert_same(flights(service.sql), were))
        status = service.status("refill", RefillStatus)
        assert (status.found, status.last_error) == (4, "")
        until(lambda: service.status("refill", RefillStatus).timeline == 2)
        service.until_next_is_through()
        assert len(service.sql.snapshots()) == len(before) + 1
        assert service.status("journal", JournalStatus).pending == 0


def test_what_a_backup_does_not_have_is_stored_again(
    tmp_path: Path, postgresql: str, database_url: str
) -> None:
    with FeedServer() as feeds:
        with running(tmp_path, database_url, feeds=feeds) as service:
            service.until_next_is_through()
        with copied_database(postgresql, str(parse_dsn(database_url)["dbname"])) as backup:
            with running(tmp_path, database_url, feeds=feeds) as service:
                for _ in range(3):
                    service.until_next_is_through()
                were = set(service.sql.snapshots())
                rows = flights(service.sql)
            with running(tmp_path, backup, feeds=feeds) as service:
                until(lambda: were == set(service.sql.snapshots()), "all are there")
                eventually(lambda: assert_same(flights(service.sql), rows))
                assert until_compared(service).found == 3


def test_another_database_is_not_filled(
    tmp_path: Path, postgresql: str, made_database: str, database_url: str
) -> None:
    with FeedServer() as feeds:
        with running(tmp_path, database_url, feeds=feeds) as service:
            for _ in range(2):
                service.until_next_is_through()
            were = set(service.sql.snapshots())
        with (
            copied_database(postgresql, made_database) as another,
            running(tmp_path, another, feeds=feeds) as service,
        ):
            service.until_next_is_through()
            assert until_compared(service).found == 0
            assert not were & {*service.sql.snapshots()[1:]}
