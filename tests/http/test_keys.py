"""Keys over HTTP: made, shown once, listed, revoked; each lets do what its scopes say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import falcon.testing
import pytest
from falcon import inspect

from tests.actors.harness import KEY, Running, running, until
from tests.actors.test_snapshot import NOWHERE
from vatwatch.access.api_keys import make_key
from vatwatch.access.scopes import Scope
from vatwatch.http.access import ReadAccess, scope_of
from vatwatch.http.rates import RateLimit

ADMIN = {"Authorization": f"Bearer {KEY}"}
ORDER = {"name": "roster bot", "scopes": ["read"]}
GOOD_EVENT = {"type": "POSITION_UPDATE", "payload": {"flights": 5, "moved": 3}}
# Public whatever the settings say.
OPEN = {
    "/healthz", "/readyz", "/api/session", "/openapi.json", "/docs", "/docs/X", "/", "/page/X",
}  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, postgresql: str) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("keys"), None) as service:
        until(lambda: make(service).status_code == 201, "the tables are there")
        yield service


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def make(service: Running, **order: object) -> falcon.testing.Result:
    return service.http.simulate_post("/api/keys", json={**ORDER, **order}, headers=ADMIN)


def made(service: Running, *scopes: str, **order: object) -> Any:
    answer = make(service, scopes=list(scopes), **order)
    assert answer.status_code == 201, answer.text
    return answer.json


def revoke(service: Running, key: Any) -> falcon.testing.Result:
    return service.http.simulate_delete(f"/api/keys/{key['id']}", headers=ADMIN)


def publish(service: Running, key: str) -> falcon.testing.Result:
    return service.http.simulate_post("/api/events", json=GOOD_EVENT, headers=bearer(key))


def test_a_new_key_is_shown_once_and_listed_without_it(service: Running) -> None:
    answer = make(service, name="Zürich ✈", expires_at="2099-01-31T13:00:00+01:00")
    key = answer.json
    assert answer.headers["Location"] == f"/api/keys/{key['id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert key["key"].startswith(key["prefix"])
    assert key["expires_at"] == "2099-01-31T12:00:00Z"
    listed = service.http.simulate_get("/api/keys", headers=ADMIN)
    assert listed.headers["Cache-Control"] == "no-store"
    assert listed.json["count"] == len(listed.json["keys"])
    shown = {name: value for name, value in key.items() if name != "key"}
    assert listed.json["keys"][0] == shown
    assert key["key"] not in listed.text
    one = service.http.simulate_get(f"/api/keys/{key['id']}", headers=ADMIN)
    assert one.json == shown


def test_a_key_may_do_what_its_scopes_say_and_learns_which_one_it_lacks(service: Running) -> None:
    events, read = made(service, "events"), made(service, "read")
    assert publish(service, events["key"]).status_code == 202
    refused = publish(service, read["key"])
    assert refused.status_code == 403
    assert "events" in refused.json["detail"]
    assert 'scope="events"' in refused.headers["WWW-Authenticate"]
    for path in ("/api/keys", f"/api/keys/{read['id']}"):
        assert service.http.simulate_get(path, headers=bearer(events["key"])).status_code == 403
        assert service.http.simulate_get(path).status_code == 401
    admin = made(service, "admin")
    assert publish(service, admin["key"]).status_code == 202
    assert service.http.simulate_get("/api/keys", headers=bearer(admin["key"])).status_code == 200


def test_a_revoked_key_is_refused_by_the_next_request(service: Running) -> None:
    key = made(service, "events")
    assert publish(service, key["key"]).status_code == 202
    assert revoke(service, key).status_code == 204
    assert publish(service, key["key"]).status_code == 401
    assert revoke(service, key).status_code == 204
    (listed,) = [
        one
        for one in service.http.simulate_get("/api/keys", headers=ADMIN).json["keys"]
        if one["id"] == key["id"]
    ]
    assert listed["revoked_at"] is not None
    assert listed["usable"] is False


def test_a_use_is_told_once_a_minute_at_most(service: Running) -> None:
    key = made(service, "events")
    for _ in range(3):
        publish(service, key["key"])

    def last_used() -> Any:
        return service.http.simulate_get(f"/api/keys/{key['id']}", headers=ADMIN).json[
            "last_used_at"
        ]

    first = until(last_used)
    publish(service, key["key"])
    assert last_used() == first


@pytest.mark.parametrize(
    ("order", "field", "did_you_mean"),
    [
        ({"scopes": ["evnts"]}, "scopes", "events"),
        ({"scopes": []}, "scopes", None),
        ({"scopes": ["READ"]}, "scopes", "read"),
        ({"name": ""}, "name", None),
        ({"name": "a\nb"}, "name", None),
        ({"name": "a" * 101}, "name", None),
        ({"expires_at": "tomorrow"}, "expires_at", None),
        ({"expires_at": ""}, "expires_at", None),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at", None),
        ({"expires_at": "2099-01-01"}, "expires_at", None),
    ],
)
def test_a_value_that_is_not_valid_is_named(
    service: Running, order: dict[str, object], field: str, did_you_mean: str | None
) -> None:
    answer = make(service, **order)
    assert answer.status_code == 422
    assert answer.json["field"] == field
    assert answer.json.get("did_you_mean") == did_you_mean


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x"}, 422),
        ({"name": 5, "scopes": ["read"]}, 422),
        ({"name": "x", "scopes": "read"}, 422),
        ([], 422),
        ({**ORDER, "scope": "read"}, 400),
        ({**ORDER, "key": "my-own"}, 400),
    ],
)
def test_a_body_of_another_form_is_refused(service: Running, body: object, status: int) -> None:
    answer = service.http.simulate_post("/api/keys", json=body, headers=ADMIN)
    assert answer.status_code == status
    assert answer.json["detail"]


@pytest.mark.parametrize("key_id", ["x", "%00", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_id_is_not_found(service: Running, key_id: str) -> None:
    path = f"/api/keys/{key_id}"
    assert service.http.simulate_get(path, headers=ADMIN).status_code == 404
    assert service.http.simulate_delete(path, headers=ADMIN).status_code == 404


def test_no_key_of_the_right_form_is_let_in_unless_it_was_made(service: Running) -> None:
    known = made(service, "admin")
    forged = make_key("x", {Scope.ADMIN}, service.service.started_at).text
    for key in (forged, known["key"][:-1], known["prefix"], f"{known['key']}A"):
        assert publish(service, key).status_code == 401


# --- where reading is not public -----------------------------------------------------------------


@pytest.fixture
def closed(service: Running) -> Iterator[Running]:
    """The service with VATWATCH_PUBLIC_READS off, and on again."""
    access = service.settings.access
    change = [f for f in service.service.on_change if isinstance(f.__self__, ReadAccess)]  # type: ignore[attr-defined]
    change[0](access.model_copy(update={"public_reads": False}))
    yield service
    change[0](access)


def paths(service: Running) -> Iterator[str]:
    for route in inspect.inspect_app(service.app).routes:
        methods = {method.method for method in route.methods if not method.internal}
        if "GET" in methods:
            yield re.sub(r"\{[\w:]+\}", "X", route.path)
    yield from ("/api/flights/A/B", "/api/flights/A/B/track", "/api/sectors/A/B/occupancy")


def test_with_public_reads_off_all_but_probes_and_documents_needs_a_key_that_may_read(
    closed: Running,
) -> None:
    reader, other = made(closed, "read")["key"], made(closed, "events")["key"]
    get = closed.http.simulate_get
    for path in paths(closed):
        if path in OPEN:
            assert get(path).status_code in (200, 404, 503)
            continue
        for method in ("GET", "HEAD"):
            answer = closed.http.simulate_request(method, path)
            assert (path, answer.status_code) == (path, 401)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert (path, get(path, headers=bearer(other)).status_code) == (path, 403)
        # The body of the stream has no end.
        ask = closed.http.simulate_head if path == "/api/stream" else get
        if not path.startswith(("/api/keys", "/api/subscriptions")):
            assert ask(path, headers=bearer(reader)).status_code not in (401, 403), path
        assert ask(path, headers=ADMIN).status_code not in (401, 403), path


def test_what_needed_a_key_is_kept_by_no_shared_cache(closed: Running) -> None:
    for path in paths(closed):
        if path not in OPEN:
            # The body of the stream has no end.
            told = closed.http.simulate_head(path, headers=ADMIN).headers.get("Cache-Control", "")
            assert re.match(r"no-store|private", told), path


def test_a_wrong_key_does_not_spoil_what_is_public(service: Running) -> None:
    for key in ("x", make_key("x", {Scope.READ}, service.service.started_at).text):
        assert service.http.simulate_get("/api/services", headers=bearer(key)).status_code == 200


def test_every_method_that_changes_anything_asks_for_a_key_first(service: Running) -> None:
    tried = 0
    for route in inspect.inspect_app(service.app).routes:
        path = re.sub(r"\{[\w:]+\}", "X", route.path)
        resource = service.app._router.find(path)[0]
        for method in route.methods:
            if method.internal or method.method in ("GET", "HEAD", "OPTIONS"):
                continue
            if path == "/api/session":
                continue
            tried += 1
            assert isinstance(scope_of(resource, method.method), Scope)
            answer = service.http.simulate_request(method.method, path, body="{}")
            assert (path, answer.status_code) == (path, 401)
    assert tried >= 8


# --- rates ---------------------------------------------------------------------------------------


def test_a_key_has_a_rate_of_its_own_and_answers_say_what_is_left(
    tmp_path: Path, service: Running
) -> None:
    key, other = made(service, "read")["key"], made(service, "read")["key"]
    (bounds,) = [
        f.__self__  # type: ignore[attr-defined]
        for f in service.service.on_change
        if type(f.__self__).__name__ == "Bounds"  # type: ignore[attr-defined]
    ]
    before = bounds._rate, bounds._key_rate
    bounds._rate, bounds._key_rate = RateLimit("100/minute"), RateLimit("2/minute")

    def get(key: str = "") -> falcon.testing.Result:
        return service.http.simulate_get("/healthz2", headers=bearer(key) if key else None)

    try:
        # Who it is is found out beside the first request, which counts for the address.
        until(lambda: get(key).headers["RateLimit-Limit"] == "2", "the key is known")
        assert get(key).headers["RateLimit-Remaining"] == "0"
        refused = get(key)
        assert refused.status_code == 429
        assert "VATWATCH_KEY_RATE" in refused.json["detail"]
        assert int(refused.headers["Retry-After"]) >= 1
        assert get().headers["RateLimit-Limit"] == "100"
        until(lambda: get(other).headers["RateLimit-Limit"] == "2", "the other key is known")
        assert get(other).status_code == 404
    finally:
        bounds._rate, bounds._key_rate = before


def test_the_answer_to_a_change_says_how_many_changes_are_left(service: Running) -> None:
    answers = [publish(service, KEY).headers for _ in range(2)]
    assert [one["RateLimit-Limit"] for one in answers] == ["1000", "1000"]
    left = [int(one["RateLimit-Remaining"]) for one in answers]
    assert left[0] - left[1] == 1


def test_without_a_database_keys_of_the_settings_work_and_others_are_503(tmp_path: Path) -> None:
    with running(tmp_path, NOWHERE) as service:
        unknown = make_key("x", {Scope.ADMIN}, service.service.started_at).text
        answer = service.http.simulate_delete("/api/supervision/faults", headers=bearer(unknown))
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        for answer in (
            service.http.simulate_get("/api/keys", headers=ADMIN),
            make(service),
        ):
            assert answer.status_code == 503
        assert (
            service.http.simulate_delete("/api/supervision/faults", headers=ADMIN).status_code
            == 200
        )
