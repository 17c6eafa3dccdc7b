"""Alerts survive restarts and a database that is away, and none is sent twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.actors.harness import KEY, PATIENCE_S, Running, running, until
from tests.actors.hook_server import HookServer
from tests.actors.postgres_proxy import PostgresProxy
from tests.actors.test_alerter import FAST, alerts, told
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.feed_server import DATA, FeedServer, status
from vatwatch.messages.status import AlerterStatus
from vatwatch.supervision import State, Tell

DOWN = status("503 Service Unavailable")
FEED = "unhealthy:feed"


@pytest.fixture
def start(tmp_path: Path, database_url: str, hook: HookServer) -> Callable[..., Any]:
    def start(feeds: FeedServer, database: str = database_url, **more: object) -> Any:
        settings = {**FAST, "VATWATCH_ALERT_FEED_AGE": 1000, **more}
        return running(
            tmp_path, database, feeds=feeds, VATWATCH_ALERT_WEBHOOKS=hook.url, **settings
        )

    return start


def keyed(service: Running, which: str, key: str = FEED) -> list[dict[str, Any]]:
    return [each for each in alerts(service)[which] if each["key"] == key]


def rows(service: Running, key: str = FEED) -> list[tuple[Any, ...]]:
    columns = "id::text, notified, delivery, until IS NULL"
    try:
        return service.sql(f"SELECT {columns} FROM alerts WHERE key = %s", key)
    except psycopg2.errors.UndefinedTable:
        return []


def test_an_alert_is_active_and_then_past_with_the_outcome_of_its_notifications(
    hook: HookServer, start: Callable[..., Any]
) -> None:
    with FeedServer(pilots=5) as feeds, start(feeds) as service:
        service.until_next_is_through()
        feeds.say(DATA, always=DOWN)
        until(lambda: told(hook, "firing", FEED))
        (one,) = until(
            lambda: [a for a in keyed(service, "active") if a["delivery"] == "delivered"]
        )
        assert (one["rule"], one["severity"], one["until"], one["notified"]) == (
            "unhealthy",
            "critical",
            None,
            1,
        )
        assert "503" in one["cause"]
        assert one["since"] <= one["fired_at"]
        assert keyed(service, "past") == []
        feeds.say(DATA)
        until(lambda: told(hook, "resolved", FEED))
        (past,) = until(lambda: [a for a in keyed(service, "past") if a["delivery"] == "delivered"])
        assert (past["id"], past["notified"], past["until"] > past["fired_at"]) == (
            one["id"],
            2,
            True,
        )
        assert keyed(service, "active") == []
        assert alerts(service)["source"] == "database"
        assert [(d["event"], d["state"]) for d in past["deliveries"]] == [
            ("firing", "delivered"),
            ("resolved", "delivered"),
        ]
        ids = {n["alert_id"] for n in hook.taken if n["key"] == FEED}
        assert ids == {one["id"]}
        until(lambda: rows(service) == [(one["id"], 2, "delivered", False)])


def unhealthy(service: Running, name: str) -> bool:
    part = service.reports().parts.get(name)
    return part is not None and part.health.value == "unhealthy"


def test_an_alert_that_is_active_at_a_stop_goes_on_in_the_next_process_and_is_told_once(
    hook: HookServer, start: Callable[..., Any]
) -> None:
    with FeedServer(pilots=5) as feeds:
        with start(feeds) as service:
            service.until_next_is_through()
            feeds.say(DATA, always=DOWN)
            until(lambda: told(hook, "firing", FEED))
            (before,) = keyed(service, "active")
        # Until the feed was tried, nobody knows that it is unhealthy: that may take a moment.
        with start(feeds, VATWATCH_ALERT_CLEAR=5) as service:
            (again,) = until(lambda: keyed(service, "active"))
            assert (again["id"], again["fired_at"]) == (before["id"], before["fired_at"])
            # It holds here as well, and is not sent again.
            until(lambda: unhealthy(service, "feed"))
            feeds.say(DATA)
            until(lambda: told(hook, "resolved", FEED))
            until(lambda: rows(service) == [(before["id"], 2, "delivered", False)])
        assert len(told(hook, "firing", FEED)) == 1
        with start(feeds) as service:
            until(lambda: keyed(service, "past"))
            assert [each["id"] for each in keyed(service, "past")] == [before["id"]]


def test_alerts_of_a_time_without_a_database_are_in_the_table_later_once_each(
    tmp_path: Path, database_url: str, hook: HookServer, start: Callable[..., Any]
) -> None:
    with PostgresProxy(tmp_path, database_url) as proxy, FeedServer(pilots=5) as feeds:
        with start(feeds, proxy.dsn, look_at=database_url) as service:
            service.until_next_is_through()
            proxy.cut()
            feeds.say(DATA, always=DOWN)
            until(lambda: told(hook, "firing", FEED))
            assert alerts(service)["source"] == "memory"
            feeds.say(DATA)
            until(lambda: told(hook, "resolved", FEED))
            (past,) = until(lambda: keyed(service, "past"))
        # The process that saw it ends before the database is back.
        with start(feeds, proxy.dsn, look_at=database_url) as service:
            until(lambda: keyed(service, "past"))
            proxy.mend()
            until(lambda: rows(service) == [(past["id"], 2, "delivered", False)])
            until(lambda: service.status("alerter", AlerterStatus).unwritten == 0)
            until(lambda: alerts(service)["source"] == "database")
            assert [each["id"] for each in keyed(service, "past")] == [past["id"]]


def test_the_next_process_delivers_what_waited_for_a_webhook_at_a_stop(
    hook: HookServer, start: Callable[..., Any]
) -> None:
    with FeedServer(pilots=5) as feeds:
        hook.go_away()
        with start(feeds) as service:
            service.until_next_is_through()
            feeds.say(DATA, always=DOWN)
            until(lambda: [a for a in keyed(service, "active") if a["delivery"] == "waiting"])
        hook.come_back()
        with start(feeds) as service:
            until(lambda: told(hook, "firing", FEED))
            until(lambda: keyed(service, "active")[0]["delivery"] == "delivered")
        assert len(told(hook, "firing", FEED)) == 1


def test_a_file_that_is_gone_leaves_no_alert_active_forever(
    tmp_path: Path, hook: HookServer, start: Callable[..., Any]
) -> None:
    with FeedServer(pilots=5) as feeds:
        with start(feeds) as service:
            service.until_next_is_through()
            feeds.say(DATA, always=DOWN)
            until(lambda: told(hook, "firing", FEED))
            until(lambda: [row for row in rows(service) if row[2] == "delivered"])
        (tmp_path / "home" / "alerts.outbox").unlink()
        feeds.say(DATA)
        with start(feeds) as service:
            until(lambda: [row[3] for row in rows(service)] == [False])
            until(lambda: told(hook, "resolved", FEED))


@pytest.mark.parametrize("part", ["pipeline/fetcher", "pipeline", "data", "operations", "core"])
def test_a_restart_that_is_ordered_raises_no_alert(
    part: str, hook: HookServer, start: Callable[..., Any]
) -> None:
    # As small as possible, so that a wrong alert would fire at once.
    settings = {
        "VATWATCH_ALERT_HOLD": 0,
        # A slow machine is late with answers and updates, too, and that is no wrong alert.
        "VATWATCH_ALERT_NOT_SERVING_HOLD": PATIENCE_S,
        "VATWATCH_ALERT_FEED_AGE": PATIENCE_S,
        "VATWATCH_PROBE_TIMEOUT": PATIENCE_S,
        "VATSIM_API_TIMEOUT": PATIENCE_S,
    }
    with FeedServer(pilots=5) as feeds, start(feeds, **settings) as service:
        service.until_next_is_through()

        def quiet() -> bool:
            service.next_update()
            return not alerts(service)["active"]

        until(quiet)
        hook.taken.clear()
        before = {node.path: node.last_start_at for node in service.tree.snapshot().walk()}
        path = f"vatwatch/{part}"
        answer = service.http.simulate_post(
            f"/api/supervision/{path}/restart", headers={"Authorization": f"Bearer {KEY}"}
        )
        assert answer.status_code == 202

        def is_back() -> bool:
            service.next_update()
            nodes = [n for n in service.tree.snapshot().walk() if n.path.startswith(path)]
            return all(
                n.state is State.RUNNING and n.last_start_at != before[n.path] for n in nodes
            )

        until(is_back)
        for _ in range(3):
            service.until_next_is_through()
        until(lambda: alerts(service)["rules"])
        told_of = {n["key"]: n["reason"] for n in hook.taken if n["event"] == "firing"}
        about_parts = {key for key in told_of if key.startswith(("unhealthy:", "breaker_open"))}
        assert about_parts <= ({"unhealthy:postgresql"} if part == "data" else set()), told_of
        wrong = {"feed_age", "not_serving", "error_rate", "snapshots_quarantined"}
        assert not told_of.keys() & wrong, told_of


@pytest.mark.parametrize(
    "name", ["fetcher", "processor", "cache", "store", "journal", "history", "health_monitor"]
)
def test_a_part_that_crashes_and_runs_again_raises_no_alert(
    name: str, hook: HookServer, start: Callable[..., Any]
) -> None:
    # However slow the machine is, it does not take so long; what holds no time fires at once.
    settings = {"VATWATCH_ALERT_HOLD": PATIENCE_S, "VATWATCH_ALERT_FEED_AGE": PATIENCE_S}
    with FeedServer(pilots=5) as feeds, start(feeds, **settings) as service:
        service.until_next_is_through()
        service.poison(name)
        until(lambda: service.node(name).restarts_total > 0)
        for _ in range(5):
            service.until_next_is_through()
        assert [n["key"] for n in hook.taken] == []
        assert alerts(service)["active"] == []


def test_far_fewer_pilots_than_usual_is_an_alert_while_it_lasts(
    tmp_path: Path, database_url: str, hook: HookServer
) -> None:
    settings = {**FAST, "VATWATCH_ALERT_FEWER_PILOTS_HOLD": 0.1}
    given = updates(1)[0]
    data = json.loads(given.data.raw)
    assert len(data["pilots"]) == 30

    def hand_in(service: Running, seconds: int, pilots: int) -> None:
        stamp = (time_of(given) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
        general = data["general"] | {"update_timestamp": stamp}
        feed = data | {"general": general, "pilots": data["pilots"][:pilots]}
        service.hand_in_bytes(json.dumps(feed).encode())

    with running(tmp_path, database_url, VATWATCH_ALERT_WEBHOOKS=hook.url, **settings) as service:
        hand_in(service, 0, 30)
        hand_in(service, 15, 5)
        until(lambda: told(hook, "firing", "fewer_pilots"))
        (one,) = told(hook, "firing", "fewer_pilots")
        assert (one["severity"], one["summary"]) == ("warning", "far fewer pilots than usual")
        assert "5 pilots" in one["reason"]
        assert "30" in one["reason"]
        # A processor that is restarted has not forgotten what is usual.
        service.poison("processor")
        until(lambda: service.node("processor").restarts_total == 1)
        hand_in(service, 30, 5)
        until(lambda: service.served() == time_of(given) + timedelta(seconds=30))
        until(lambda: keyed(service, "active", "fewer_pilots"))
        hand_in(service, 45, 30)
        until(lambda: told(hook, "resolved", "fewer_pilots"))
        assert len(told(hook, "firing", "fewer_pilots")) == 1


def test_the_parameters_filter_and_an_unknown_parameter_is_named(
    tmp_path: Path, start: Callable[..., Any]
) -> None:
    with running(tmp_path, NOWHERE, **FAST) as service:
        get = service.http.simulate_get
        until(lambda: keyed(service, "active", "not_serving"))
        assert get("/api/alerts?rule=not_serving&state=active").json["active"]
        assert not get("/api/alerts?rule=feed_age").json["active"]
        assert not get("/api/alerts?severity=warning&rule=not_serving").json["active"]
        for wrong, name in (("state=open", "state"), ("rule=x", "rule"), ("severty=x", "severity")):
            answer = get(f"/api/alerts?{wrong}")
            assert (answer.status_code, name in answer.text) == (400, True)


@dataclass(frozen=True, slots=True)
class Unreadable(Tell):
    """No actor knows this, and what the error says of it is `text`."""

    text: str

    def __repr__(self) -> str:
        return self.text


@pytest.mark.parametrize("text", ["a NUL \0", "half a character \ud800"])
def test_an_alert_is_stored_whatever_text_its_error_has_and_no_other_part_fails(
    start: Callable[..., Any], text: str
) -> None:
    key = "breaker_open:vatwatch/operations/resource_monitor"
    with FeedServer(pilots=5) as feeds, start(feeds) as service:
        service.until_next_is_through()
        monitor = service.tree.directory.address("resource_monitor")

        def is_stored() -> bool:
            # It is suspended for a moment only; on a busy machine nobody may look at it then.
            if service.node("resource_monitor").state is State.RUNNING:
                monitor.tell(Unreadable(text))
            return bool(rows(service, key))

        until(is_stored)
        assert service.http.simulate_get("/api/status").status_code == 200
        failures = {node.name: node.failures for node in service.tree.snapshot().walk()}
        assert {name for name, count in failures.items() if count} == {"resource_monitor"}
