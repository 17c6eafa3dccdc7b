"""Subscriptions on the real tree: told once, whatever restarts and whatever is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.actors.harness import KEY, Poison, Running, running, until
from tests.actors.own_network import NO_FREQUENCY, OwnNetwork, station
from tests.actors.postgres_proxy import PostgresProxy
from tests.actors.test_snapshot import time_of, updates
from tests.actors.test_stream import Following
from vatwatch.live.stream.query import Channel, StreamQuery
from vatwatch.messages.subscription_status import SubscriptionsStatus
from vatwatch.monitoring.health import Health

BEARER = {"Authorization": f"Bearer {KEY}"}
WATCH = {"kind": "position", "callsign": "EDDF_*"}
STREAM = {"kind": "stream"}


@pytest.fixture
def network() -> Iterator[OwnNetwork]:
    with OwnNetwork() as network:
        yield network


def subscribe(service: Running, watch: dict[str, Any] = WATCH, **order: Any) -> str:
    body = {"watch": watch, "target": STREAM, **order}

    def made() -> Any:
        answer = service.http.simulate_post("/api/subscriptions", json=body, headers=BEARER)
        return answer.json["id"] if answer.status_code == 201 else None

    return str(until(made, "the subscription is made"))


def told(service: Running) -> list[dict[str, Any]]:
    """The events about subscriptions, the oldest first."""
    answer = service.http.simulate_get("/api/events", params={"type": "SUBSCRIPTION_MATCHED"})
    return [event["payload"] for event in reversed(answer.json["events"])]


def judged(service: Running, network: OwnNetwork, *controllers: dict[str, Any]) -> None:
    """The next update has these controllers, and the subscriptions have been judged for it."""
    network.controllers = [*controllers]
    moment = service.until_next_is_through()
    until(
        lambda: service.status("subscriptions", SubscriptionsStatus).judged_at == moment,
        f"{moment} is judged",
    )


def test_a_station_is_told_once_with_an_event_that_names_it(
    tmp_path: Path, database_url: str, network: OwnNetwork
) -> None:
    with running(tmp_path, database_url, feeds=network) as service:
        subscription = subscribe(service)
        judged(service, network)
        judged(service, network, station())
        assert told(service) == []
        judged(service, network, station())
        (occasion,) = until(lambda: told(service))
        assert occasion["subscription_id"] == subscription
        assert (occasion["event"], occasion["news"]) == ("began", "atc")
        assert occasion["text"] == "EDDF_TWR is online on 119.900."
        judged(service, network, station(frequency=NO_FREQUENCY))
        judged(service, network)
        judged(service, network, station())
        judged(service, network, station())
        assert len(told(service)) == 1
        path = f"/api/subscriptions/{subscription}/deliveries"

        def deliveries() -> Any:
            found = service.http.simulate_get(path, headers=BEARER).json["deliveries"]
            return [one for one in found if one["state"] == "delivered"]

        (delivery,) = until(deliveries)
        assert delivery["occasion_id"] == occasion["occasion_id"]
        event = service.http.simulate_get(
            "/api/events", params={"type": "SUBSCRIPTION_MATCHED"}
        ).json["events"][0]
        assert event["id"] == delivery["id"]
        served = service.http.simulate_get(
            "/api/events", params={"correlation_id": event["correlation_id"]}
        ).json["events"]
        assert {"DATA_PROCESSED", "SUBSCRIPTION_MATCHED"} <= {one["type"] for one in served}


def test_whoever_follows_the_stream_hears_of_it(
    tmp_path: Path, database_url: str, network: OwnNetwork
) -> None:
    with running(tmp_path, database_url, feeds=network) as service:
        subscription = subscribe(service)
        judged(service, network)
        follower = Following(service, StreamQuery(frozenset({Channel.EVENTS})))
        follower.open()
        for _ in range(2):
            judged(service, network, station())

        def heard() -> list[Any]:
            follower.go_on()
            return [one for one in follower.events if one["type"] == "SUBSCRIPTION_MATCHED"]

        (event,) = until(heard)
        assert event["payload"]["subscription_id"] == subscription
        assert event["payload"]["subject"] == "EDDF_TWR"


def test_a_restart_between_any_two_snapshots_tells_the_same(
    tmp_path: Path, database_url: str, network: OwnNetwork
) -> None:
    def crash(service: Running) -> None:
        before = service.node("subscriptions").restarts_total
        service.tree.directory.address("subscriptions").tell(Poison())
        until(lambda: service.node("subscriptions").restarts_total > before)

    with running(tmp_path, database_url, feeds=network) as service:
        subscribe(service)
        for there in ([], [station()], [station()], [station()]):
            judged(service, network, *there)
            crash(service)
        until(lambda: told(service))
    with running(tmp_path, database_url, feeds=network) as service:
        for _ in range(3):
            judged(service, network, station(), station("EDDF_N_APP", 2))
        until(lambda: len(told(service)) == 2)
        assert [one["subject"] for one in told(service)] == ["EDDF_TWR", "EDDF_N_APP"]
        assert service.sql("SELECT count(*) FROM subscription_deliveries") == [(2,)]


def test_while_the_database_is_away_judging_goes_on_and_the_news_are_told_on_its_return(
    tmp_path: Path, database_url: str, network: OwnNetwork
) -> None:
    with (
        PostgresProxy(tmp_path, database_url) as proxy,
        running(tmp_path, proxy.dsn, look_at=database_url, feeds=network) as service,
    ):
        subscribe(service)
        judged(service, network)
        proxy.cut()
        for there in ([station()], [station()], []):
            network.controllers = there
            moment = service.next_update()
            service.until_served(moment)
            until(
                lambda moment=moment: (
                    service.status("subscriptions", SubscriptionsStatus).judged_at == moment
                )
            )
        status = service.status("subscriptions", SubscriptionsStatus)
        assert status.unsaved == 1
        until(lambda: service.reports().parts["subscriptions"].health is Health.DEGRADED)
        listed = service.http.simulate_get("/api/subscriptions", headers=BEARER)
        assert listed.json["count"] == 1
        refused = service.http.simulate_post(
            "/api/subscriptions", json={"watch": WATCH, "target": STREAM}, headers=BEARER
        )
        assert refused.status_code == 503
        proxy.mend()
        until(lambda: told(service), "it is told when the database is back")
        until(lambda: service.reports().parts["subscriptions"].health is Health.HEALTHY)
        assert service.sql("SELECT count(*) FROM subscription_deliveries") == [(1,)]


def test_nothing_is_told_or_written_without_a_subscription(
    tmp_path: Path, database_url: str, network: OwnNetwork
) -> None:
    with running(tmp_path, database_url, feeds=network) as service:
        network.controllers = [station()]
        for _ in range(3):
            service.until_next_is_through()
        assert told(service) == []
        for table in ("subscriptions", "subscription_deliveries", "subscription_progress"):
            assert service.sql(f"SELECT count(*) FROM {table}") == [(0,)]


def test_nobody_is_told_of_what_a_replay_brings(tmp_path: Path, database_url: str) -> None:
    with running(tmp_path, database_url) as service:
        given = updates(3)
        callsign = json.loads(given[-1].data.raw)["pilots"][0]["callsign"]
        subscribe(service, {"kind": "flight", "callsign": callsign}, tell_present=True)
        for publication in given:
            service.hand_in(publication)
        service.until_stored(time_of(given[-1]))
        service.until_served(time_of(given[-1]))
        assert service.sql("SELECT count(*) FROM subscription_deliveries") == [(0,)]


def test_a_subscription_that_is_paused_changed_or_over_begins_anew(
    tmp_path: Path, database_url: str, network: OwnNetwork
) -> None:
    def patch(service: Running, subscription: str, **changes: Any) -> None:
        path = f"/api/subscriptions/{subscription}"
        answer = service.http.simulate_patch(path, json=changes, headers=BEARER)
        assert answer.status_code == 200, answer.text

    with running(tmp_path, database_url, feeds=network) as service:
        subscription, other = subscribe(service), subscribe(service, name="other")
        judged(service, network)
        patch(service, subscription, enabled=False)
        judged(service, network, station())
        judged(service, network, station())
        until(lambda: told(service))
        patch(service, subscription, enabled=True)
        patch(service, other, until="2020-01-01T00:00:00Z")
        for _ in range(2):
            judged(service, network, station())
        for _ in range(2):
            judged(service, network, station(), station("EDDF_GND", 2))
        until(lambda: len(told(service)) == 2)
        assert [(one["subscription_id"], one["subject"]) for one in told(service)] == [
            (other, "EDDF_TWR"),
            (subscription, "EDDF_GND"),
        ]
        # What it remembers is of no use with another watch.
        watch = {"kind": "position", "callsign": "EDD?_TWR"}
        patch(service, subscription, watch=watch, tell_present=True)
        for _ in range(2):
            judged(service, network, station())
        until(lambda: len(told(service)) == 3)
        assert told(service)[2]["subject"] == "EDDF_TWR"


def test_a_message_that_waits_when_the_process_ends_is_delivered_by_the_next_one(
    tmp_path: Path, database_url: str, network: OwnNetwork
) -> None:
    with running(tmp_path, database_url, feeds=network) as service:
        subscribe(service)
        judged(service, network)
        for _ in range(2):
            judged(service, network, station())
        until(lambda: service.status("subscriptions", SubscriptionsStatus).delivered == 1)
        before = service.sql("SELECT id::text FROM subscription_deliveries")
        # As if it had ended between the delivery and its note.
        undone(database_url)
    with running(tmp_path, database_url, feeds=network) as service:
        until(lambda: service.status("subscriptions", SubscriptionsStatus).delivered == 1)
        assert service.sql("SELECT id::text FROM subscription_deliveries") == before
        # The same event: it is there once.
        assert len(told(service)) == 1


def undone(database_url: str) -> None:
    with closing(psycopg2.connect(database_url)) as conn, conn, conn.cursor() as cur:
        cur.execute("UPDATE subscription_deliveries SET state = 'waiting', done_at = NULL")
