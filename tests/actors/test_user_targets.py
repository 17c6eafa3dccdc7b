"""Messages to servers of users, from the snapshot to the receiver, with all that goes wrong."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.actors.harness import Running, running, until
from tests.actors.own_network import OwnNetwork, station
from tests.actors.receiver import Receiver, Said
from tests.actors.test_subscriptions import BEARER, WATCH, judged

HERE = {"VATWATCH_SUBSCRIPTION_NETWORKS": "127.0.0.0/8"}


@pytest.fixture
def network() -> Iterator[OwnNetwork]:
    with OwnNetwork() as network:
        yield network


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@contextmanager
def a_service(
    tmp_path: Path, database_url: str, network: OwnNetwork, **environment: object
) -> Iterator[Running]:
    with running(tmp_path, database_url, feeds=network, **{**HERE, **environment}) as service:
        until(lambda: post(service, {"kind": "stream"}, enabled=False).status_code == 201)
        yield service


def post(service: Running, target: dict[str, Any], **order: Any) -> Any:
    body = {"watch": WATCH, "target": target, "name": "Frankfurt", **order}
    return service.http.simulate_post("/api/subscriptions", json=body, headers=BEARER)


def hook(receiver: Receiver, **fields: Any) -> dict[str, Any]:
    return {"kind": "webhook", "url": receiver.url(), **fields}


def try_out(service: Running, subscription: str) -> str:
    """Send a test message; its id."""
    path = f"/api/subscriptions/{subscription}/test"
    answer = service.http.simulate_post(path, headers=BEARER)
    assert answer.status_code == 202
    return str(answer.json["id"])


def deliveries(service: Running, subscription: str, state: str) -> list[dict[str, Any]]:
    path = f"/api/subscriptions/{subscription}/deliveries"
    found = service.http.simulate_get(path, headers=BEARER).json["deliveries"]
    return [one for one in found if one["state"] == state]


def test_a_webhook_is_posted_once_a_session_and_signed(
    tmp_path: Path, database_url: str, network: OwnNetwork, receiver: Receiver
) -> None:
    with a_service(tmp_path, database_url, network) as service:
        made = post(service, hook(receiver, headers={"Authorization": "Bearer mine"})).json
        assert receiver.url() not in json.dumps(made)
        assert "mine" not in json.dumps(made)
        for there in ([], [station()], [station()], [], [station()]):
            judged(service, network, *there)
        (got,) = until(lambda: receiver.received)
        body = json.loads(got.body)
        assert body["text"] == "EDDF_TWR is online on 119.900."
        assert body["subscription"] == {"id": made["id"], "name": "Frankfurt"}
        assert got.headers["authorization"] == "Bearer mine"
        signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode()
        key = b64decode(made["secret"].removeprefix("whsec_"))
        assert len(key) == 32
        expected = hmac.digest(key, signed + got.body, "sha256")
        assert b64decode(got.headers["webhook-signature"].removeprefix("v1,")) == expected
        (delivery,) = until(lambda: deliveries(service, made["id"], "delivered"))
        assert delivery["id"] == got.headers["webhook-id"] == body["id"]
        assert len(receiver.received) == 1
        # The secret is shown once, and kept when the target is set anew.
        shown = service.http.simulate_get("/api/subscriptions", headers=BEARER)
        assert made["secret"] not in shown.text
        path = f"/api/subscriptions/{made['id']}"
        target = hook(receiver, template='{"content": "{{text}}"}')
        service.http.simulate_patch(path, json={"target": target}, headers=BEARER)
        try_out(service, made["id"])
        again = until(lambda: receiver.received[1:])[0]
        assert json.loads(again.body) == {
            "content": "This is a test of the subscription Frankfurt."
        }
        signed = f"{again.headers['webhook-id']}.{again.headers['webhook-timestamp']}.".encode()
        expected = hmac.digest(key, signed + again.body, "sha256")
        assert b64decode(again.headers["webhook-signature"].removeprefix("v1,")) == expected


def test_a_server_that_fails_is_tried_again_with_the_same_id(
    tmp_path: Path, database_url: str, network: OwnNetwork, receiver: Receiver
) -> None:
    with a_service(tmp_path, database_url, network, VATWATCH_SUBSCRIPTION_TIMEOUT=0.5) as service:
        receiver.next.extend(
            [Said("500 Oops"), Said(hangs=True), Said("429 Busy", headers={"Retry-After": "0.2"})]
        )
        made = post(service, hook(receiver)).json
        sent = try_out(service, made["id"])
        (delivery,) = until(lambda: deliveries(service, made["id"], "delivered"))
        assert delivery["id"] == sent
        assert [one.headers["webhook-id"] for one in receiver.received] == [sent] * 4


def test_what_is_refused_is_kept_and_can_be_delivered_again(
    tmp_path: Path, database_url: str, network: OwnNetwork, receiver: Receiver
) -> None:
    with a_service(tmp_path, database_url, network) as service:
        receiver.next.append(Said("302 Found", headers={"Location": receiver.url("/secret")}))
        made = post(service, hook(receiver)).json
        sent = try_out(service, made["id"])
        (lost,) = until(lambda: deliveries(service, made["id"], "undelivered"))
        assert lost["last_error"] == "127.0.0.1: HTTP 302"
        path = f"/api/subscriptions/{made['id']}/deliveries/{sent}/redeliver"
        assert service.http.simulate_post(path, headers=BEARER).status_code == 202
        until(lambda: deliveries(service, made["id"], "delivered"))
        assert {one.path for one in receiver.received} == {"/hook/token"}
        assert service.http.simulate_post(path, headers=BEARER).status_code == 404


def test_one_server_that_hangs_keeps_nobody_waiting(
    tmp_path: Path, database_url: str, network: OwnNetwork, receiver: Receiver
) -> None:
    with Receiver() as other, a_service(tmp_path, database_url, network) as service:
        receiver.always = Said(hangs=True)
        stuck, quick = post(service, hook(receiver)).json, post(service, hook(other)).json
        try_out(service, stuck["id"])
        until(lambda: receiver.received)
        try_out(service, quick["id"])
        until(lambda: deliveries(service, quick["id"], "delivered"))
        assert len(deliveries(service, stuck["id"], "waiting")) == 1


def test_a_server_that_stays_away_opens_the_breaker_of_its_host(
    tmp_path: Path, database_url: str, network: OwnNetwork
) -> None:
    with a_service(tmp_path, database_url, network) as service:
        nobody = {"kind": "webhook", "url": "http://127.0.0.1:9/x"}
        made = post(service, nobody).json
        try_out(service, made["id"])

        def breaker() -> Any:
            path = "/api/errors/circuit-breakers"
            found = service.http.simulate_get(path).json["breakers"]
            return [one for one in found if one["name"] == "subscriptions (127.0.0.1)"]

        until(lambda: breaker() and breaker()[0]["opened"] > 0, "its breaker opens")


def test_a_message_that_waits_for_its_server_is_delivered_after_a_restart(
    tmp_path: Path, database_url: str, network: OwnNetwork, receiver: Receiver
) -> None:
    receiver.always = Said("503 Away")
    with a_service(tmp_path, database_url, network) as service:
        made = post(service, hook(receiver)).json
        sent = try_out(service, made["id"])
        until(lambda: receiver.received)
    receiver.always = Said()
    with a_service(tmp_path, database_url, network) as service:
        (delivery,) = until(lambda: deliveries(service, made["id"], "delivered"))
        assert delivery["id"] == sent


def test_the_message_in_discord_is_edited_when_its_session_ends(
    tmp_path: Path, database_url: str, network: OwnNetwork, receiver: Receiver
) -> None:
    receiver.always = Said("200 OK", b'{"id": "123456", "type": 0}')
    with a_service(tmp_path, database_url, network, VATWATCH_SESSION_WINDOW=30) as service:
        post(service, {"kind": "discord", "url": receiver.url("/api/webhooks/1/token")})
        for there in ([], [station()], [station()], [], [], [], []):
            judged(service, network, *there)
        made, edited = until(lambda: receiver.received if len(receiver.received) == 2 else None)
        assert (made.method, made.path) == ("POST", "/api/webhooks/1/token?wait=true")
        assert (edited.method, edited.path) == ("PATCH", "/api/webhooks/1/token/messages/123456")
        described = [json.loads(one.body)["embeds"][0]["description"] for one in (made, edited)]
        assert described == ["EDDF_TWR is online on 119.900.", "EDDF_TWR is no longer online."]


def test_what_the_operator_does_not_allow_is_refused_with_the_reason(
    tmp_path: Path, database_url: str, network: OwnNetwork
) -> None:
    with a_service(
        tmp_path, database_url, network, VATWATCH_SUBSCRIPTION_HOSTS="*.example.org,127.0.0.1"
    ) as service:
        for url, good in (
            ("https://hooks.example.org/x", True),
            ("http://127.0.0.1:9/x", True),
            ("https://example.net/x", False),
            ("http://10.0.0.1/x", False),
            ("http://[::1]/x", False),
            ("file:///etc/passwd", False),
        ):
            answer = post(service, {"kind": "webhook", "url": url})
            assert answer.status_code == (201 if good else 422), url
            if not good:
                assert answer.json["field"] == "target.url"
