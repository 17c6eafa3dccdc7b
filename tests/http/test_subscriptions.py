"""Subscriptions over HTTP: made, listed, changed and deleted by their owner, and by nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import falcon.testing
import pytest

from tests.actors.harness import KEY, Running, running, until
from vatwatch.http.subscriptions import MOST_DELIVERIES

ADMIN = {"Authorization": f"Bearer {KEY}"}
PATH = "/api/subscriptions"
WATCH = {"kind": "position", "callsign": "EDDF_*"}
HOOK = {"kind": "webhook", "url": "https://example.org/x"}
ORDER = {"watch": WATCH, "target": {"kind": "stream"}}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, postgresql: str) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("subscriptions")
    with running(home, None, VATWATCH_SUBSCRIPTION_LIMIT=5) as service:
        until(lambda: post(service).status_code == 201, "the tables are there")
        yield service


def key_of(service: Running, *scopes: str) -> dict[str, str]:
    order = {"name": "bot", "scopes": [*scopes]}
    made = service.http.simulate_post("/api/keys", json=order, headers=ADMIN)
    return {"Authorization": f"Bearer {made.json['key']}"}


@pytest.fixture
def mine(service: Running) -> dict[str, str]:
    return key_of(service, "subscriptions")


def post(service: Running, headers: dict[str, str] = ADMIN, **order: Any) -> falcon.testing.Result:
    return service.http.simulate_post(PATH, json={**ORDER, **order}, headers=headers)


def listed(service: Running, headers: dict[str, str]) -> list[dict[str, Any]]:
    answer = service.http.simulate_get(PATH, headers=headers)
    assert answer.status_code == 200
    assert answer.json["count"] == len(answer.json["subscriptions"])
    return list(answer.json["subscriptions"])


def test_a_subscription_is_made_shown_changed_and_deleted(
    service: Running, mine: dict[str, str]
) -> None:
    answer = post(service, mine, name="Frankfurt", until="2099-01-01T00:00:00+01:00")
    made = answer.json
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{PATH}/{made['id']}"
    assert made["watch"] == WATCH
    assert made["until"] == "2098-12-31T23:00:00Z"
    assert (made["enabled"], made["tell_present"], made["active"]) == (True, False, True)
    assert made.pop("secret") is None
    assert listed(service, mine) == [made]
    one = service.http.simulate_get(f"{PATH}/{made['id']}", headers=mine)
    assert one.json == made

    changed = service.http.simulate_patch(
        f"{PATH}/{made['id']}", json={"enabled": False, "until": None}, headers=mine
    ).json
    assert (changed["enabled"], changed["until"], changed["active"]) == (False, None, False)
    kept = ("id", "owner", "name", "watch", "target", "created_at")
    assert [changed[name] for name in kept] == [made[name] for name in kept]

    gone = service.http.simulate_delete(f"{PATH}/{made['id']}", headers=mine)
    assert gone.status_code == 204
    assert listed(service, mine) == []
    assert service.http.simulate_get(f"{PATH}/{made['id']}", headers=mine).status_code == 404


def test_an_owner_sees_only_their_own_and_admin_sees_all(
    service: Running, mine: dict[str, str]
) -> None:
    other = key_of(service, "subscriptions")
    made = post(service, mine).json
    path = f"{PATH}/{made['id']}"
    assert listed(service, other) == []
    http = service.http
    for answer in (
        http.simulate_get(path, headers=other),
        http.simulate_get(f"{path}/deliveries", headers=other),
        http.simulate_patch(path, json={"name": "x"}, headers=other),
        http.simulate_post(f"{path}/test", headers=other),
        http.simulate_delete(path, headers=other),
    ):
        assert answer.status_code == 404
    assert made["id"] in [one["id"] for one in listed(service, ADMIN)]
    assert http.simulate_patch(path, json={"name": "x"}, headers=ADMIN).json["name"] == "x"
    assert http.simulate_get(path, headers=ADMIN).json["owner"] == made["owner"]


def test_without_a_key_of_the_scope_nothing_is_told(service: Running) -> None:
    made = post(service).json
    read = key_of(service, "read", "events")
    path = f"{PATH}/{made['id']}"
    for method, where in (
        ("GET", PATH), ("POST", PATH), ("GET", path), ("PATCH", path), ("DELETE", path),
        ("POST", f"{path}/test"), ("GET", f"{path}/deliveries"),
    ):  # fmt: skip
        assert service.http.simulate_request(method, where).status_code == 401
        assert service.http.simulate_request(method, where, headers=read).status_code == 403


WRONG: list[tuple[dict[str, Any], str, str | None]] = [
    ({"watch": {"kind": "positon", "callsign": "EDDF_*"}}, "watch.kind", "position"),
    ({"watch": {"callsign": "EDDF_*"}}, "watch.kind", None),
    ({"watch": {"kind": "position", "calsign": "EDDF_*"}}, "watch.calsign", "callsign"),
    ({"watch": {"kind": "position"}}, "watch", None),
    ({"watch": {"kind": "position", "callsign": "*"}}, "watch.callsign", None),
    ({"watch": {"kind": "position", "callsign": "ED DF"}}, "watch.callsign", None),
    ({"watch": {"kind": "person", "cid": "me"}}, "watch.cid", None),
    ({"watch": {"kind": "person", "cid": -1}}, "watch.cid", None),
    ({"watch": {"kind": "airport", "airport": "EDDQQ"}}, "watch.airport", None),
    ({"watch": {"kind": "airport", "airport": "EDDF", "news": ["entry"]}}, "watch.news", None),
    ({"watch": {"kind": "fir", "fir": "EDGG", "news": ["entry"]}}, "watch.fir", None),
    ({"watch": {"kind": "count", "of": "arriving", "at_least": 3}}, "watch.airport", None),
    (
        {"watch": {"kind": "atc_ahead", "callsign": "DLH1", "within_min": 0}},
        "watch.within_min",
        None,
    ),
    ({"watch": []}, "watch", None),
    ({"watch": None}, "watch", None),
    ({"target": {"kind": "strem"}}, "target.kind", "stream"),
    ({"target": {"kind": "stream", "url": "x"}}, "target.url", None),
    ({"target": {"kind": "webhook"}}, "target", None),
    ({"target": {"kind": "webhook", "url": "http://127.0.0.1/x"}}, "target.url", None),
    ({"target": {"kind": "discord", "url": "http://169.254.169.254/x"}}, "target.url", None),
    ({"target": {"kind": "webhook", "url": "ftp://example.org/"}}, "target.url", None),
    ({"target": {**HOOK, "secret": "short"}}, "target.secret", None),
    ({"target": {**HOOK, "headers": {"Host": "x"}}}, "target.headers", None),
    ({"target": {**HOOK, "headers": {"X-A": "a\r\nb"}}}, "target.headers", None),
    ({"target": {**HOOK, "template": "{{txet}}"}}, "target.template", None),
    ({"name": "x" * 101}, "name", None),
    ({"name": "a\nb"}, "name", None),
    ({"name": 5}, "name", None),
    ({"enabled": "yes"}, "enabled", None),
    ({"until": "tomorrow"}, "until", None),
]


@pytest.mark.parametrize(("order", "field", "meant"), WRONG, ids=[str(w[0])[:60] for w in WRONG])
def test_what_cannot_be_had_is_refused_with_the_field(
    service: Running, order: dict[str, Any], field: str, meant: str | None
) -> None:
    answer = post(service, **order)
    assert answer.status_code == 422, answer.text
    assert answer.json["field"] == field
    assert answer.json.get("did_you_mean") == meant


def test_a_body_that_is_no_order_is_refused(service: Running) -> None:
    def status(body: str) -> int:
        return service.http.simulate_post(PATH, body=body, headers=ADMIN).status_code

    assert status("{") == 400
    assert status("[]") == 422
    assert status("{}") == 422
    unknown = post(service, wach={})
    assert unknown.status_code == 400
    assert unknown.json["did_you_mean"] == "watch"


def test_one_key_has_no_more_than_the_setting_allows(
    service: Running, mine: dict[str, str]
) -> None:
    answers = [post(service, mine) for _ in range(6)]
    assert [one.status_code for one in answers] == [201] * 5 + [409]
    assert "VATWATCH_SUBSCRIPTION_LIMIT" in answers[-1].json["detail"]
    service.http.simulate_delete(f"{PATH}/{answers[0].json['id']}", headers=mine)
    assert post(service, mine).status_code == 201


def test_a_test_message_is_delivered_and_listed(service: Running, mine: dict[str, str]) -> None:
    path = f"{PATH}/{post(service, mine, name='Frankfurt').json['id']}"
    sent = service.http.simulate_post(f"{path}/test", headers=mine)
    assert sent.status_code == 202
    (delivery,) = service.http.simulate_get(f"{path}/deliveries", headers=mine).json["deliveries"]
    assert delivery["id"] == sent.json["id"]
    assert (delivery["event"], delivery["text"]) == (
        "test",
        "This is a test of the subscription Frankfurt.",
    )
    many = {"limit": MOST_DELIVERIES + 1}
    refused = service.http.simulate_get(f"{path}/deliveries", params=many, headers=mine)
    assert refused.status_code == 400


def test_unknown_ids_are_404(service: Running) -> None:
    for unknown in ("x", "00000000-0000-0000-0000-000000000000"):
        assert service.http.simulate_get(f"{PATH}/{unknown}", headers=ADMIN).status_code == 404
        assert service.http.simulate_delete(f"{PATH}/{unknown}", headers=ADMIN).status_code == 404


def test_each_change_leaves_a_line_in_the_audit_log(
    service: Running, mine: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        made = post(service, mine, name="Frankfurt").json
        service.http.simulate_delete(f"{PATH}/{made['id']}", headers=mine)
    lines = [one.getMessage() for one in caplog.records if made["id"] in one.getMessage()]
    assert any("make the subscription" in line and "done, 201" in line for line in lines)
    assert any("delete the subscription" in line and "done, 204" in line for line in lines)
