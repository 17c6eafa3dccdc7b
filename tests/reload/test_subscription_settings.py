"""Settings of subscriptions, changed while the tree runs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2

from tests.actors.harness import KEY, until
from tests.actors.receiver import Receiver, Said
from tests.actors.reloading import UNWATCHED, Reloading, reloading
from tests.reload.effects import takes_effect

ORDER = {"watch": {"kind": "position", "callsign": "EDDF_*"}, "target": {"kind": "stream"}}


def post(one: Reloading, path: str = "/api/subscriptions", body: object = ORDER) -> Any:
    bearer = {"Authorization": f"Bearer {KEY}"}
    return one.running.http.simulate_post(path, json=body, headers=bearer)


@takes_effect("VATWATCH_SUBSCRIPTION_LIMIT")
def test_one_key_has_as_many_subscriptions_as_the_setting_says_now(
    tmp_path: Path, database_url: str
) -> None:
    with reloading(
        tmp_path, database_url=database_url, **UNWATCHED, VATWATCH_SUBSCRIPTION_LIMIT=1
    ) as (one, _feeds):
        until(lambda: post(one).status_code == 201, "the tables are there")
        assert post(one).status_code == 409
        one.take_over(VATWATCH_SUBSCRIPTION_LIMIT=2)
        until(lambda: post(one).status_code == 201)


@takes_effect("VATWATCH_SUBSCRIPTION_HOSTS", "VATWATCH_SUBSCRIPTION_NETWORKS")
def test_messages_may_go_where_the_settings_say_now(tmp_path: Path, database_url: str) -> None:
    with reloading(tmp_path, database_url=database_url, **UNWATCHED) as (one, _feeds):
        here = {**ORDER, "target": {"kind": "webhook", "url": "http://127.0.0.1:9/x"}}
        until(lambda: post(one).status_code == 201, "the tables are there")
        assert post(one, body=here).status_code == 422
        one.take_over(VATWATCH_SUBSCRIPTION_NETWORKS="127.0.0.0/8")
        until(lambda: post(one, body=here).status_code == 201)
        one.take_over(VATWATCH_SUBSCRIPTION_HOSTS="*.example.org")
        until(lambda: post(one, body=here).status_code == 422)


@takes_effect("VATWATCH_SUBSCRIPTION_TIMEOUT", "VATWATCH_SUBSCRIPTION_DELIVER_WITHIN")
def test_a_server_has_as_long_as_the_settings_say_now(tmp_path: Path, database_url: str) -> None:
    settings = {
        "VATWATCH_SUBSCRIPTION_NETWORKS": "127.0.0.0/8",
        "VATWATCH_SUBSCRIPTION_TIMEOUT": 3600,
        "VATWATCH_SUBSCRIPTION_DELIVER_WITHIN": 3600,
    }
    with (
        Receiver() as receiver,
        reloading(tmp_path, database_url=database_url, **UNWATCHED, **settings) as (one, _feeds),
    ):
        receiver.always = Said(hangs=True)
        order = {**ORDER, "target": {"kind": "webhook", "url": receiver.url()}}

        def made() -> Any:
            answer = post(one, body=order)
            return answer.json if answer.status_code == 201 else None

        one.take_over(VATWATCH_SUBSCRIPTION_TIMEOUT=0.2)
        subscription = until(made)["id"]
        post(one, f"/api/subscriptions/{subscription}/test", {})
        until(lambda: len(receiver.received) > 2, "it is tried again")
        one.take_over(VATWATCH_SUBSCRIPTION_DELIVER_WITHIN=0.2)
        lost = "SELECT last_error FROM subscription_deliveries WHERE state = 'undelivered'"
        until(lambda: one.running.sql(lost), "it is given up")


@takes_effect("VATWATCH_SUBSCRIPTION_RETENTION_HOURS")
def test_messages_are_kept_as_long_as_the_setting_says_now(
    tmp_path: Path, database_url: str
) -> None:
    with reloading(
        tmp_path,
        database_url=database_url,
        **UNWATCHED,
        VATWATCH_SUBSCRIPTION_RETENTION_HOURS=720,
    ) as (one, _feeds):
        made = until(lambda: answer if (answer := post(one)).status_code == 201 else None)
        sent = post(one, f"/api/subscriptions/{made.json['id']}/test", {})
        assert sent.status_code == 202
        done = "SELECT count(*) FROM subscription_deliveries WHERE done_at IS NOT NULL"
        until(lambda: one.running.sql(done) == [(1,)], "it is delivered")
        age(database_url)
        one.take_over(VATWATCH_SUBSCRIPTION_RETENTION_HOURS=48)
        until(lambda: one.running.sql(done) == [(0,)], "it is deleted")


def age(database_url: str) -> None:
    """Let the messages be done three days ago."""
    with closing(psycopg2.connect(database_url)) as conn, conn, conn.cursor() as cur:
        cur.execute("UPDATE subscription_deliveries SET done_at = now() - interval '3 days'")
