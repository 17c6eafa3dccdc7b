"""Alerts to real webhooks on loopback that fail, hang, go away and come back."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from falcon.testing import Result

from tests.actors.harness import KEY, Running, running, until
from tests.actors.hook_server import HookServer
from tests.actors.postgres_proxy import PostgresProxy
from tests.actors.test_snapshot import NOWHERE, time_of, updates
from tests.feed_server import DATA, FeedServer, status
from vatwatch.actors.webhook import Webhook, body_of
from vatwatch.monitoring.health import Health
from vatwatch.monitoring.notifications import Notification
from vatwatch.supervision import BreakerState, Fault, FaultKind
from vatwatch.supervision.tree import Tree

GIVEN = updates(1)[0]
FAST: dict[str, object] = {
    "VATWATCH_ALERT_HOLD": 0.1,
    "VATWATCH_ALERT_CLEAR": 0.1,
    "VATWATCH_ALERT_DEGRADED_HOLD": 1000,
    "VATWATCH_ALERT_INTERVAL": 0.05,
    "VATWATCH_ALERT_ERROR_RATE": 1000,
    "VATWATCH_PROBE_TIMEOUT": 2,
}


def alerting(home: Path, *urls: str, **more: object) -> Any:
    """A service without a database, which says so."""
    return running(home, NOWHERE, **{**FAST, **more}, VATWATCH_ALERT_WEBHOOKS=",".join(urls))


def alerts(service: Running) -> dict[str, Any]:
    answer = service.http.simulate_get("/api/alerts")
    assert answer.status_code == 200
    return answer.json


def letters(service: Running) -> list[dict[str, Any]]:
    """The notifications that were not delivered, the newest first."""
    answer = service.http.simulate_get("/api/events/dead-letters?kind=alert")
    assert answer.status_code == 200
    return answer.json["dead_letters"]


def told(hook: HookServer, event: str, key: str) -> list[dict[str, Any]]:
    return [n for n in hook.taken if (n["event"], n["key"]) == (event, key)]


def test_firing_and_resolved_alerts_reach_the_webhook_in_order(
    tmp_path: Path, hook: HookServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with alerting(tmp_path, hook.url) as service:
        until(lambda: told(hook, "firing", "not_serving"))
        one = told(hook, "firing", "not_serving")[0]
        assert one["severity"] == "critical"
        assert "no live state" in one["reason"]
        assert {a["key"]: a["state"] for a in alerts(service)["alerts"]}["not_serving"] == "firing"
        assert "Alert: vatwatch cannot serve" in caplog.text
        service.hand_in(GIVEN)
        service.until_served(time_of(GIVEN))
        until(lambda: told(hook, "resolved", "not_serving"))
        assert len(told(hook, "firing", "not_serving")) == 1
        history = [n["id"] for n in alerts(service)["history"]]
        until(lambda: len(hook.taken) >= len(history))
        assert [n["id"] for n in hook.taken][: len(history)] == history
        assert set(hook.paths) == {"/hooks/secret-token"}


def test_a_webhook_that_fails_and_comes_back_gets_all_of_it_once_and_in_order(
    tmp_path: Path, hook: HookServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="vatwatch")
    hook.go_away()
    with alerting(tmp_path, hook.url) as service:
        until(lambda: alerts(service)["webhooks"][0]["waiting"] >= 2)
        until(lambda: alerts(service)["webhooks"][0]["last_error"])
        until(lambda: service_breaker(service.tree) is not BreakerState.CLOSED)
        assert letters(service) == []
        hook.status = "503 Not now"
        hook.come_back()
        tries = hook.tries
        until(lambda: hook.tries > tries)
        hook.status = "200 OK"
        until(lambda: alerts(service)["webhooks"][0]["waiting"] == 0)
        history = [n["id"] for n in alerts(service)["history"]]
        until(lambda: len(hook.taken) >= len(history))
        assert [n["id"] for n in hook.taken][: len(history)] == history
        until(lambda: service_breaker(service.tree) is BreakerState.CLOSED)
        until(lambda: said(caplog, "webhook 1 (127.0.0.1) works again."))
        (given_up,) = said(caplog, "Alerts cannot be delivered: ")
        assert "webhook 1 (127.0.0.1): " in given_up
        assert not said(caplog, "BreakerOpen")


def said(caplog: pytest.LogCaptureFixture, what: str) -> list[str]:
    return [text for text in (record.getMessage() for record in caplog.records) if what in text]


def service_breaker(tree: Tree) -> BreakerState:
    found = {b.name: b for b in tree.breakers() if b.kind == "webhook"}
    assert list(found) == ["webhook 1 (127.0.0.1)"]
    return found["webhook 1 (127.0.0.1)"].state


def test_a_webhook_that_hangs_delays_no_other_and_nothing_else(
    tmp_path: Path, hook: HookServer
) -> None:
    with HookServer() as other:
        hook.hanging = True
        with alerting(tmp_path, hook.url, other.url, VATWATCH_ALERT_TIMEOUT=0.3) as service:
            until(lambda: told(other, "firing", "not_serving"))
            until(lambda: "no answer within" in alerts(service)["webhooks"][0]["last_error"])
            assert hook.taken == []
            assert service.http.simulate_get("/api/services/alerter/health").status_code == 200
            hook.go_on()
            until(lambda: told(hook, "firing", "not_serving"))


def test_a_notification_that_a_webhook_refuses_is_kept_and_counted_and_the_next_is_sent(
    tmp_path: Path, hook: HookServer
) -> None:
    hook.status = "400 Bad Request"
    with alerting(tmp_path, hook.url) as service:
        lost = until(lambda: letters(service))[-1]
        assert (lost["error"], lost["attempts"]) == ("webhook 1 (127.0.0.1): HTTP 400", 1)
        assert (lost["receiver"], lost["reason"]) == ("webhook 1 (127.0.0.1)", "refused")
        assert json.loads(lost["message"])["event"] == "firing"
        assert alerts(service)["webhooks"][0]["undelivered"] >= 1
        hook.status = "204 No Content"
        service.hand_in(GIVEN)
        until(lambda: told(hook, "resolved", "not_serving"))
        until(lambda: alerts(service)["webhooks"][0]["last_error"] == "")


def test_a_notification_that_is_not_delivered_in_time_is_kept_and_counted(
    tmp_path: Path, hook: HookServer
) -> None:
    hook.status = "500 Broken"
    with alerting(tmp_path, hook.url, VATWATCH_ALERT_DELIVER_WITHIN=0.2) as service:
        lost = until(lambda: letters(service))[-1]
        assert (lost["attempts"] >= 1, lost["reason"]) == (True, "unavailable")
        assert "HTTP 500" in lost["error"]


def test_an_undelivered_notification_is_in_the_table_and_can_be_delivered_later(
    tmp_path: Path, hook: HookServer, database_url: str
) -> None:
    hook.status = "400 Bad Request"
    settings = {**FAST, "VATWATCH_ALERT_FEED_AGE": 0.5, "VATWATCH_ALERT_WEBHOOKS": hook.url}
    # The feed stands still; without one there would be no table either.
    with (
        FeedServer() as feeds,
        running(tmp_path, database_url, feeds=feeds, **settings) as service,
    ):
        lost = until(lambda: letters(service))[-1]
        rows = "SELECT receiver, type, message::jsonb ->> 'id' FROM dead_letters WHERE kind='alert'"
        until(lambda: service.sql(rows), "it is in the table")
        told_of = json.loads(lost["message"])
        assert (lost["receiver"], lost["type"], told_of["id"]) in service.sql(rows)
        path = f"/api/events/dead-letters/{lost['id']}"
        assert redeliver(service, path).status_code == 202
        # It is refused once more, and is the same letter.
        until(lambda: service.http.simulate_get(path).json["attempts"] == 2)
        hook.status = "204 No Content"
        assert redeliver(service, path).status_code == 202
        until(lambda: told_of["id"] in [notification["id"] for notification in hook.taken])
        until(lambda: service.http.simulate_get(path).status_code == 404)
        where = f"{rows} AND id = '{lost['id']}'"
        until(lambda: not service.sql(where), "it is gone from the table")


def redeliver(service: Running, path: str) -> Result:
    headers = {"Authorization": f"Bearer {KEY}"}
    return service.http.simulate_post(f"{path}/redeliver", headers=headers)


def test_a_server_that_names_a_time_is_not_asked_before_it(
    tmp_path: Path, hook: HookServer
) -> None:
    hook.status, hook.headers = "429 Too Many Requests", [("Retry-After", "3600")]
    with alerting(tmp_path, hook.url) as service:
        lost = until(lambda: letters(service))[-1]  # an hour is longer than it is tried
        assert (lost["attempts"], lost["error"]) == (1, "webhook 1 (127.0.0.1): HTTP 429")


def test_the_secret_of_an_address_is_nowhere_to_be_read(
    tmp_path: Path, hook: HookServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="vatwatch")
    hook.go_away()
    with alerting(tmp_path, hook.url) as service:
        until(lambda: alerts(service)["webhooks"][0]["last_error"])
        until(lambda: service_breaker(service.tree) is not BreakerState.CLOSED)
        shown = [caplog.text, repr(service.notices), repr(service.tree.breakers())]
        for path in ("/api/alerts", "/api/status", "/api/services/alerter/health", "/api/events"):
            shown.append(service.http.simulate_get(path).text)
        assert not [text for text in shown if "secret-token" in text]


def test_a_crashed_alerter_repeats_no_notification_and_forgets_none(
    tmp_path: Path, hook: HookServer
) -> None:
    with alerting(tmp_path, hook.url) as service:
        until(lambda: told(hook, "firing", "not_serving"))
        until(lambda: alerts(service)["webhooks"][0]["waiting"] == 0)
        service.tree.faults.inject(Fault(FaultKind.CRASH, "alerter", message_type="EvaluateAlerts"))
        until(lambda: service.node("alerter").restarts_total == 1)
        until(lambda: {a["key"] for a in alerts(service)["alerts"]} >= {"not_serving"})
        service.hand_in(GIVEN)
        until(lambda: told(hook, "resolved", "not_serving"))
        assert len(told(hook, "firing", "not_serving")) == 1


def test_the_rules_see_breakers_errors_and_a_feed_that_does_not_come(
    tmp_path: Path, hook: HookServer
) -> None:
    settings = {**FAST, "VATWATCH_ALERT_FEED_AGE": 0.3, "VATWATCH_ALERT_ERROR_RATE": 1}
    # The breaker stays open until its alert has fired.
    settings["CIRCUIT_BREAKER_TIMEOUT"] = 600
    with (
        FeedServer(pilots=5) as feeds,
        running(
            tmp_path, NOWHERE, feeds=feeds, VATWATCH_ALERT_WEBHOOKS=hook.url, **settings
        ) as service,
    ):
        service.suspend("history")
        wanted = {"feed_age", "error_rate", "unhealthy", "breaker_open"}
        until(lambda: {n["rule"] for n in hook.taken} >= wanted, f"{wanted} fire")
        until(
            lambda: (
                ("breaker_open", "vatwatch/data/history")
                in {(n["rule"], n["subject"]) for n in hook.taken}
            ),
            "the breaker of a part fires as well",
        )


def firing(service: Running) -> dict[str, dict[str, Any]]:
    return {a["key"]: a for a in alerts(service)["alerts"] if a["state"] == "firing"}


def test_a_database_that_is_away_is_one_alert_that_names_the_affected_parts(
    tmp_path: Path, hook: HookServer, database_url: str
) -> None:
    settings = {**FAST, "VATWATCH_ALERT_DEGRADED_HOLD": 0.1, "VATWATCH_ALERT_HOLD": 0.5}
    with (
        PostgresProxy(tmp_path, database_url) as proxy,
        running(
            tmp_path, proxy.dsn, look_at=database_url, VATWATCH_ALERT_WEBHOOKS=hook.url, **settings
        ) as service,
    ):
        service.hand_in(GIVEN)
        service.until_stored(time_of(GIVEN))
        until(lambda: service.reports().whole.health is Health.HEALTHY)
        # On a slow machine the database is late, and its alert has fired once already.
        until(
            lambda: not alerts(service)["alerts"] and not alerts(service)["webhooks"][0]["waiting"]
        )
        hook.taken.clear()
        proxy.cut()
        for publication in updates(4)[1:]:
            service.hand_in(publication)
        until(lambda: told(hook, "firing", "unhealthy:postgresql"))
        for name in ("store", "history", "journal"):
            until(lambda: name in firing(service)["unhealthy:postgresql"]["reason"])  # noqa: B023
        # However long it lasts.
        until(lambda: breakers_open(service) >= {"PostgreSQL (store)", "PostgreSQL (history)"})
        assert set(firing(service)) == {"unhealthy:postgresql"}
        (one,) = [n for n in hook.taken if n["event"] == "firing"]
        assert (one["summary"], one["severity"]) == ("PostgreSQL does not answer", "critical")
        proxy.mend()
        until(lambda: told(hook, "resolved", "unhealthy:postgresql"))
        assert {n["key"] for n in hook.taken} == {"unhealthy:postgresql"}


def breakers_open(service: Running) -> set[str]:
    return {b.name for b in service.tree.breakers() if b.opened}


def test_a_redis_that_is_away_is_one_alert_and_never_critical(
    tmp_path: Path, hook: HookServer
) -> None:
    settings = {**FAST, "VATWATCH_ALERT_DEGRADED_HOLD": 0.1}
    with running(
        tmp_path,
        NOWHERE,
        REDIS_URL=f"unix://{tmp_path}/redis.sock",
        VATWATCH_ALERT_WEBHOOKS=hook.url,
        **settings,
    ) as service:
        service.hand_in(GIVEN)
        until(lambda: told(hook, "firing", "unhealthy:redis"))
        (one,) = told(hook, "firing", "unhealthy:redis")
        assert (one["summary"], one["severity"]) == ("Redis does not answer", "warning")
        until(lambda: "cache" in firing(service)["unhealthy:redis"]["reason"])
        assert not {n["key"] for n in hook.taken} & {"degraded:cache", "breaker_open:Redis"}


def test_a_feed_that_cannot_be_reached_is_one_alert(
    tmp_path: Path, hook: HookServer, database_url: str
) -> None:
    settings = {**FAST, "VATWATCH_ALERT_FEED_AGE": 1, "VATWATCH_ALERT_DEGRADED_HOLD": 0.1}
    with (
        FeedServer(pilots=5) as feeds,
        running(
            tmp_path, database_url, feeds=feeds, VATWATCH_ALERT_WEBHOOKS=hook.url, **settings
        ) as service,
    ):
        feeds.say(DATA, always=status("503 Service Unavailable"))
        until(lambda: told(hook, "firing", "unhealthy:feed"))
        until(lambda: "feed_age" in firing(service)["unhealthy:feed"]["reason"])
        (one,) = told(hook, "firing", "unhealthy:feed")
        assert one["summary"] == "VATSIM's feed cannot be used"
        about_it = {"unhealthy:fetcher", "breaker_open:VATSIM feed"}
        assert not {n["key"] for n in hook.taken} & about_it


def test_bodies_are_of_the_form_that_each_address_wants() -> None:
    url = "https://discord.com/api/webhooks/123/token"
    discord = Webhook.at(url, 2)
    assert (discord.name, discord.form) == ("webhook 2 (discord.com)", "discord")
    for other in (
        "https://example.org/api/webhooks/1/t",
        "https://evildiscord.com/api/webhooks/1/t",
        "https://discord.com/other",
    ):
        assert Webhook.at(other, 1).form == "json"


def test_discord_gets_no_mentions_and_no_longer_texts_than_it_accepts() -> None:
    at = time_of(GIVEN)
    notification = Notification(
        id="1", event="firing", key="unhealthy:store", rule="unhealthy", subject="store",
        severity="critical", summary="a part is unhealthy", reason="@everyone " + "x" * 9000,
        at=at, fired_at=at, source="vatwatch", version="1",
    )  # fmt: skip
    body = msgspec.json.decode(body_of(notification, "discord"))
    assert body["allowed_mentions"] == {"parse": []}
    embed = body["embeds"][0]
    assert embed["title"] == "Alert: a part is unhealthy"
    assert len(embed["description"]) == 4096
    plain = msgspec.json.decode(body_of(notification, "json"))
    assert plain["subject"] == "store"
    assert set(plain) == set(Notification.__struct_fields__)
